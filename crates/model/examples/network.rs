//! Runs a network on raw numbers, for comparison with other runtimes (`benches/runtimes.py`).
//!
//! `network FORMAT SHAPE INPUT OUTPUT NAMES FILE...`: INPUT holds f32, as many inputs of SHAPE (such as `1,112,112,3`) as
//! there are; OUTPUT gets the outputs called NAMES (comma-separated, empty for all) of each in turn. Prints one line of
//! JSON: median milliseconds of a run, milliseconds of loading.

use std::time::Instant;

use streamface_model::{Format, Network};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, shape, input, output, names, files @ ..] = &arguments[..] else {
        return Err("usage: network FORMAT SHAPE INPUT OUTPUT NAMES FILE...".into());
    };
    let format = match format.as_str() {
        "onnx" => Format::Onnx,
        "tflite" => Format::Tflite,
        "tfjs" => Format::Tfjs,
        "keras" => Format::Keras,
        other => return Err(format!("no format is called '{other}'").into()),
    };
    let shape = shape.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let names: Vec<&str> = names.split(',').filter(|n| !n.is_empty()).collect();
    let files = files.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let start = Instant::now();
    let network = Network::load_outputs("network", format, &files, &shape, &names)?;
    let loading = start.elapsed().as_secs_f64() * 1e3;
    let numbers: Vec<f32> =
        std::fs::read(input)?.as_chunks::<4>().0.iter().copied().map(f32::from_le_bytes).collect();
    let (mut out, mut times) = (Vec::new(), Vec::new());
    for one in numbers.chunks_exact(shape.iter().product()) {
        let start = Instant::now();
        let outputs = network.run(one)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        out.extend(outputs.iter().flatten().flat_map(|v| v.to_le_bytes()));
    }
    std::fs::write(output, out)?;
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).ok_or("the input is empty")?;
    println!("{{\"ms\": {median:.3}, \"loading\": {loading:.1}}}");
    Ok(())
}
