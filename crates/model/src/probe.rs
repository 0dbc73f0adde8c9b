//! Networks on made-up input, compared with what their manifest says another runtime gave.

use serde::Serialize;

use crate::error::Result;
use crate::manifest::{Check, Format, Kind, Layout, Manifest};
use crate::network::{Network, NetworkOptions, Tensor};

/// Numbers of each output that are compared.
const NUMBERS: usize = 8;

/// What one network of a model gives for made-up input: `x[k] = ((k · 2654435761) mod 1000) / 1000`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Probe {
    /// Which of the model's weight files; empty where there is one network.
    pub weights: String,
    /// Shape of the input.
    pub shape: Vec<usize>,
    /// Name, shape and some numbers of each output: of n numbers at most eight, those at ⌊i·n/8⌋.
    pub outputs: Vec<(String, Vec<usize>, Vec<f32>)>,
}

/// A number that is not the one in the manifest.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// Which of the model's weight files; empty where there is one network.
    pub weights: String,
    /// The output, and which of the numbers of it that are compared.
    pub output: String,
    /// Which of these numbers, from 0.
    pub at: usize,
    /// What the network gives; none where the output has fewer numbers.
    pub found: Option<f32>,
    /// What the manifest says.
    pub expected: f32,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { weights, output, at, found, expected } = self;
        let of = if weights.is_empty() { String::new() } else { format!("{weights}: ") };
        let found = found.map_or("is missing".to_owned(), |v| format!("is {v}"));
        write!(f, "{of}output '{output}', number {at} {found}, and {expected} is expected")
    }
}

impl Probe {
    /// The numbers as what the same network has to give later; `from` says where they are from.
    #[must_use]
    pub fn to_check(&self, from: &str) -> Check {
        let outputs = self.outputs.iter().map(|(name, _, values)| (name.clone(), values.clone())).collect();
        Check::new(self.weights.clone(), self.shape.clone(), outputs, from.to_owned())
    }
}

/// Runs each network of a model, whose files [`crate::Cache::read`] gives, on made-up input.
///
/// # Errors
/// [`crate::Error::Network`].
pub fn probe(model: &Manifest, weights: &[Vec<u8>]) -> Result<Vec<Probe>> {
    let one = |(at, (part, format, files)): (usize, (String, Format, &[Vec<u8>]))| {
        let shape = usual_shape(model, at);
        let network = Network::load_with(&model.name, format, files, &shape, &[], NetworkOptions::of(model))?;
        let outputs = network.run(&made_up(&shape))?;
        let named = network.output_names().iter().zip(&outputs);
        let outputs = named.map(|(n, o)| (n.clone(), o.shape().to_vec(), sample(o))).collect();
        Ok(Probe { weights: part, shape, outputs })
    };
    networks(model, weights).into_iter().enumerate().map(one).collect()
}

/// Where a model's networks give other numbers than the manifest says; empty where they agree, and where it says
/// nothing.
///
/// # Errors
/// [`crate::Error::Network`], also where an output that the manifest names is not there.
pub fn differences(model: &Manifest, weights: &[Vec<u8>]) -> Result<Vec<Difference>> {
    let networks = networks(model, weights);
    let mut all = Vec::new();
    for check in model.checks() {
        let Some((part, format, files)) = networks.iter().find(|(part, ..)| *part == check.weights) else {
            continue;
        };
        let wanted: Vec<&str> = check.outputs.keys().map(String::as_str).collect();
        let options = NetworkOptions::of(model);
        let load =
            |wanted: &[&str]| Network::load_with(&model.name, *format, files, &check.shape, wanted, options);
        let mut network = load(&[])?;
        // Outputs that the file does not declare are of inner nodes.
        if !wanted.iter().all(|w| network.output_names().iter().any(|n| n == w)) {
            network = load(&wanted)?;
        }
        let outputs = network.run(&made_up(&check.shape))?;
        let named = network.output_names().iter().zip(&outputs);
        for (name, output) in named {
            let Some(expected) = check.outputs.get(name) else { continue };
            let found = sample(output);
            for (at, &expected) in expected.iter().enumerate() {
                let found = found.get(at).copied();
                let near = |v: f32| (v - expected).abs() <= check.tolerance * expected.abs().max(1.0);
                // Not a number is near nothing.
                if !found.is_some_and(near) {
                    all.push(Difference { weights: part.clone(), output: name.clone(), at, found, expected });
                }
            }
        }
    }
    Ok(all)
}

/// A network of a model that is run on made-up input to see how long it takes.
#[derive(Debug, Clone)]
pub struct SampleNetwork {
    /// Which of the model's weight files; empty where there is one network.
    pub weights: String,
    /// The network.
    pub network: Network,
    /// Input for it.
    pub input: Vec<f32>,
}

/// The networks of a model, whose files [`crate::Cache::read`] gives, and made-up input for each: `batch` pictures of
/// `size` (height and width; unless given, what [`probe`] takes).
///
/// # Errors
/// [`crate::Error::Network`].
pub fn sample_networks(
    model: &Manifest,
    weights: &[Vec<u8>],
    size: Option<(usize, usize)>,
    batch: usize,
    options: NetworkOptions,
) -> Result<Vec<SampleNetwork>> {
    let one = |(at, (part, format, files)): (usize, (String, Format, &[Vec<u8>]))| {
        let mut shape = usual_shape(model, at);
        shape[0] = batch;
        if let Some((height, width)) = size {
            let row = if model.input.layout == Layout::Nchw { 2 } else { 1 };
            (shape[row], shape[row + 1]) = (height, width);
        }
        let outputs: &[&str] = &[];
        let network = Network::load_with(&model.name, format, files, &shape, outputs, options)?;
        Ok(SampleNetwork { weights: part, network, input: made_up(&shape) })
    };
    networks(model, weights).into_iter().enumerate().map(one).collect()
}

/// The model's networks: name, format and files of each.
fn networks<'w>(model: &Manifest, weights: &'w [Vec<u8>]) -> Vec<(String, Format, &'w [Vec<u8>])> {
    if model.is_one_network() {
        return vec![(String::new(), model.weights[0].format, weights)];
    }
    let each = model.weights.iter().zip(weights.chunks(1));
    each.map(|(file, bytes)| (file.name.clone(), file.format, bytes)).collect()
}

/// The shape in which network `at` of the model is given one picture.
fn usual_shape(model: &Manifest, at: usize) -> Vec<usize> {
    let side = match (model.kind, model.crop()) {
        (Kind::Detector, _) | (_, Err(_)) if model.weights.len() == 3 => [12, 24, 48][at.min(2)],
        (Kind::Detector, _) | (_, Err(_)) => 64,
        (_, Ok(crop)) => crop.size as usize,
    };
    let channels = model.input.channels.count();
    match model.input.layout {
        Layout::Nchw => vec![1, channels, side, side],
        Layout::Nhwc => vec![1, side, side, channels],
    }
}

fn made_up(shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    (0..count as u64).map(|k| (k.wrapping_mul(2_654_435_761) % 1000) as f32 / 1000.0).collect()
}

/// At most [`NUMBERS`] of an output's numbers, evenly spaced.
fn sample(output: &Tensor) -> Vec<f32> {
    let count = output.len();
    let taken = count.min(NUMBERS);
    let numbers: Vec<f32> = output.iter().copied().collect();
    (0..taken).map(|i| numbers[i * count / taken]).collect()
}

#[cfg(test)]
mod tests {
    use streamface_testing::onnx;

    use super::*;
    use crate::{Cache, like};

    #[test]
    fn a_network_that_gives_other_numbers_than_the_manifest_says_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights.onnx");
        // The mean of red, and a constant.
        let rows: Vec<[f32; 4]> = (0..128).map(|i| [1.0, 0.0, 0.0, i as f32]).collect();
        std::fs::write(&path, onnx::of_means([1, 3, 112, 112], &[("y", &[1, 128], &rows)])).unwrap();
        let mut draft = like("sface", Some("mine"), &[path]).unwrap();
        let read = |draft: &crate::Draft| {
            let manifest = dir.path().join("mine.toml");
            std::fs::write(&manifest, draft.text()).unwrap();
            let model = Manifest::read(&manifest).unwrap();
            let weights = Cache::at("unused").read(&model).unwrap();
            (model, weights)
        };
        let (model, weights) = read(&draft);
        let probes = probe(&model, &weights).unwrap();
        assert_eq!((probes[0].shape.as_slice(), probes.len()), (&[1, 3, 112, 112][..], 1));
        let (name, shape, values) = &probes[0].outputs[0];
        assert_eq!((name.as_str(), shape.as_slice()), ("y", &[1, 128][..]));
        // The input is spread evenly from 0 to 1, and every sixteenth number is taken.
        let expected = (0..8).map(|i| 0.5 + 16.0 * i as f32);
        assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.01), "{values:?}");
        assert!(differences(&model, &weights).unwrap().is_empty(), "there is nothing to compare with");

        let checks = |of: &[Probe]| of.iter().map(|p| p.to_check("this test")).collect::<Vec<_>>();
        draft.set_checks(&checks(&probes));
        let (model, weights) = read(&draft);
        assert_eq!(differences(&model, &weights).unwrap(), []);
        let mut other = probes;
        other[0].outputs[0].2[3] += 0.2;
        draft.set_checks(&checks(&other));
        let (model, weights) = read(&draft);
        let found = differences(&model, &weights).unwrap();
        assert_eq!((found.len(), found[0].at, found[0].output.as_str()), (1, 3, "y"));
        let said = found[0].to_string();
        assert!(said.contains("output 'y', number 3 is") && said.contains("expected"), "{said}");
        // A name that the network does not have.
        other[0].outputs[0].0 = "z".into();
        draft.set_checks(&checks(&other));
        let (model, weights) = read(&draft);
        assert!(differences(&model, &weights).unwrap_err().to_string().contains('z'));
    }

    #[test]
    fn a_check_of_a_shape_that_no_input_has_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights.onnx");
        std::fs::write(&path, [8]).unwrap();
        let text = like("sface", Some("mine"), &[path]).unwrap().text();
        let read = |check: &str| {
            let manifest = dir.path().join("mine.toml");
            std::fs::write(&manifest, format!("{text}\n[[check]]\n{check}\nfrom = \"\"\n")).unwrap();
            Manifest::read(&manifest).map(|m| m.checks().len()).map_err(|e| e.to_string())
        };
        assert_eq!(read("shape = [1, 3]\noutputs = { y = [0.5] }"), Ok(1));
        assert!(
            read("shape = [9999999, 9999999, 9999999]\noutputs = { y = [0.5] }")
                .unwrap_err()
                .contains("check.shape")
        );
        assert!(read("shape = [1]\noutputs = {}").unwrap_err().contains("check.outputs"));
        assert!(
            read("shape = [1]\noutputs = { y = [1] }\nweights = \"no\"")
                .unwrap_err()
                .contains("check.weights")
        );
        let said = read("shape = [1]\noutput = { y = [1] }").unwrap_err();
        assert!(said.contains("did you mean 'outputs'?"), "{said}");
    }
}
