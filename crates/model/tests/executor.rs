//! The executor beside tract: each built-in network on random input, in several sizes and batches.

#![allow(clippy::unwrap_used)]

use streamface_model::{
    Cache, Engine, ExecutorOptions, Isa, Manifest, NetworkOptions, Precision, sample_networks,
};
use streamface_testing::skip;

/// Greatest difference of the outputs, relative to the greatest number of each.
const TOLERANCE: f32 = 1e-4;

#[test]
fn every_built_in_network_gives_what_tract_gives() {
    for model in Manifest::all_builtin().unwrap() {
        if !model.members().is_empty() {
            continue;
        }
        let Ok(weights) = Cache::of_user().read(&model) else {
            skip!("no weights of {}; `streamface models pull --all` fetches them", model.name);
            continue;
        };
        // Detectors of one network take any size.
        let sized = model.detector().is_ok() && weights.len() == 1;
        let sizes: &[Option<(usize, usize)>] =
            if sized { &[Some((96, 160)), Some((160, 96))] } else { &[None] };
        for &size in sizes {
            for batch in [1, 3] {
                compare(&model, &weights, size, batch);
            }
        }
    }
}

fn compare(model: &Manifest, weights: &[Vec<u8>], size: Option<(usize, usize)>, batch: usize) {
    let precision = model.precision;
    let load = |engine, isa, threads| {
        let options = NetworkOptions { engine, executor: ExecutorOptions { isa, threads, precision } };
        sample_networks(model, weights, size, batch, options)
    };
    let Ok(expected) = load(Engine::Tract, Isa::detect(), 1) else {
        assert_eq!((&model.name[..], batch), ("fr-pose", 3), "the only file for one picture at a time");
        return;
    };
    for isa in Isa::available() {
        let [one, two] = [1, 2].map(|threads| load(Engine::Executor, isa, threads).unwrap());
        for ((expected, one), two) in expected.iter().zip(&one).zip(&two) {
            let what = format!("{} {} {:?} {isa:?}", model.name, one.weights, one.network.input_shape());
            assert_eq!(
                one.network.engine(),
                Engine::Executor,
                "{what}: {:?}",
                one.network.why_not_executor()
            );
            assert_eq!(one.network.output_names(), expected.network.output_names());
            // Other input than the evenly spread one: what goes up and down within a picture.
            let input: Vec<f32> =
                one.input.iter().enumerate().map(|(i, v)| v * (i as f32 * 0.37).sin().abs()).collect();
            let (tract, ours) = (expected.network.run(&input).unwrap(), one.network.run(&input).unwrap());
            assert_eq!(ours, two.network.run(&input).unwrap(), "{what}: two threads");
            for (tract, ours) in tract.iter().zip(&ours) {
                assert_eq!(tract.shape(), ours.shape(), "{what}");
                let most = tract.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
                let off = tract.iter().zip(ours).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
                // In whole numbers a few of many outputs are far off, as noise is no face.
                let (tolerance, mean) =
                    if precision == Precision::Int8 { (0.3, 0.03) } else { (TOLERANCE, TOLERANCE) };
                assert!(off <= tolerance * most, "{what}: {off} of {most}");
                let all =
                    tract.iter().zip(ours).map(|(a, b)| (a - b).abs()).sum::<f32>() / tract.len() as f32;
                assert!(all <= mean * most, "{what}: {all} of {most} in the mean");
            }
        }
    }
}

#[test]
fn what_is_asked_for_runs_a_network() {
    let model = Manifest::builtin("gender-v1").unwrap();
    let Ok(weights) = Cache::of_user().read(&model) else {
        skip!("no weights of gender-v1; `streamface models pull --all` fetches them");
        return;
    };
    for engine in [Engine::Executor, Engine::Tract] {
        let options = NetworkOptions { engine, ..NetworkOptions::default() };
        let [sample] = &sample_networks(&model, &weights, None, 2, options).unwrap()[..] else { panic!() };
        assert_eq!((sample.network.engine(), sample.network.why_not_executor()), (engine, None));
        let parts = sample.network.profile(&sample.input, 2).unwrap();
        assert!(parts.len() > 4 && parts.iter().all(|p| p.time.as_nanos() > 0), "{parts:?}");
        let products: usize = parts.iter().map(|p| p.products).sum();
        assert_eq!(products > 20_000_000, engine == Engine::Executor, "{products}");
    }
}
