//! The engine ONNX Runtime beside the executor, where its library is there.

#![cfg(feature = "onnxruntime")]
#![allow(clippy::unwrap_used)]

use streamface_model::{
    Cache, Engine, Error, ExecutorOptions, Format, Library, Manifest, Network, NetworkOptions, Provider,
};
use streamface_testing::{onnx, skip};

const ENGINE: Engine = Engine::OnnxRuntime(Provider::Cpu);

/// Two outputs of one number a picture: the mean of red, and that of green less that of blue.
fn means() -> Vec<u8> {
    // As many as there are.
    const ANY: u64 = u64::MAX;
    let outputs: [onnx::Output<'_>; 2] =
        [("red", &[ANY, 1], &[[1.0, 0.0, 0.0, 0.0]]), ("rest", &[ANY, 1], &[[0.0, 1.0, -1.0, 0.0]])];
    onnx::of_means([1, 3, 8, 8], &outputs)
}

fn load(format: Format, file: &[u8], input: &[usize], wanted: &[&str]) -> Result<Network, Error> {
    let options = NetworkOptions { engine: ENGINE, ..NetworkOptions::default() };
    Network::load_with("small", format, &[file], input, wanted, options)
}

#[test]
fn models_that_it_does_not_read_are_left_to_the_executor() {
    let engine = |name| Manifest::builtin(name).unwrap().run_by(ENGINE).engine();
    assert_eq!([engine("centerface"), engine("fr-feature")], [ENGINE; 2]);
    for name in ["mobilefacenet", "gear", "mtcnn", "centerface-int8"] {
        assert_eq!(engine(name), Engine::Executor, "{name}");
    }
    let both = Manifest::builtin("accurate").unwrap().run_by(ENGINE);
    assert_eq!(both.members().iter().map(Manifest::engine).collect::<Vec<_>>(), [Engine::Executor, ENGINE]);
    assert_eq!((both.engine(), both.run_by(Engine::Tract).engine()), (ENGINE, Engine::Tract));
}

/// One test, because a process has one library.
#[test]
fn onnx_files_give_what_the_executor_gives() {
    let said = load(Format::Onnx, &means(), &[1, 3, 8, 8], &[]).unwrap_err().to_string();
    assert!(said.contains("is not loaded"), "{said}");
    let cache = Cache::of_user();
    let library = cache.library_path(&Library::onnxruntime().unwrap());
    // For other machines none is pinned.
    if !Library::is_for_this_machine() {
        return;
    }
    if !library.exists() {
        skip!("no library of ONNX Runtime; `streamface models pull onnxruntime` fetches it");
        return;
    }
    cache.load_onnxruntime(None).unwrap();
    cache.load_onnxruntime(None).unwrap();
    let name = streamface_model::engine_name(ENGINE);
    assert_eq!(name, "onnxruntime 1.32.0");
    // A user's own may be the same file.
    cache.load_onnxruntime(Some(&library)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("libonnxruntime.so");
    std::fs::copy(&library, &copy).unwrap();
    let said = cache.load_onnxruntime(Some(&copy)).unwrap_err().to_string();
    assert!(said.contains("is loaded already"), "{said}");

    small_networks();
    what_it_does_not_run_is_refused();
    for model in Manifest::all_builtin().unwrap() {
        if model.clone().run_by(ENGINE).engine() != ENGINE || !model.members().is_empty() {
            continue;
        }
        let Ok(weights) = cache.read(&model) else {
            skip!("no weights of {}; `streamface models pull --all` fetches them", model.name);
            continue;
        };
        let shapes = match model.crop() {
            Err(_) => vec![[1, 3, 96, 160], [3, 3, 160, 96], [1, 3, 288, 480]],
            Ok(crop) => vec![[1, model.input.channels.count(), crop.size as usize, crop.size as usize]],
        };
        shapes.iter().for_each(|shape| beside_the_executor(&model, &weights, shape));
    }
}

fn small_networks() {
    // Of another size and batch than the file declares; the second channel's mean less the third's.
    let input: Vec<f32> = (0..2 * 3 * 4 * 6).map(|i| (i / 24) as f32).collect();
    let values = |network: &Network| {
        let outputs = network.run(&input).unwrap();
        outputs.iter().flat_map(|o| o.iter().copied().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let inner = load(Format::Onnx, &means(), &[2, 3, 4, 6], &["means", "rest/sum"]).unwrap();
    assert_eq!(inner.output_names(), ["means", "rest/sum"]);
    assert_eq!(values(&inner), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0, -1.0]);
    assert_eq!((inner.engine(), inner.why_not_executor()), (ENGINE, None));
    let said = inner.run(&input[1..]).unwrap_err().to_string();
    assert!(said.contains("cannot be run"), "{said}");
    let parts = inner.profile(&input, 3).unwrap();
    assert!(parts.iter().any(|part| part.name.contains("GlobalAveragePool")), "{parts:?}");
    let declared = load(Format::Onnx, &means(), &[1, 3, 8, 8], &[]).unwrap();
    assert_eq!(declared.output_names(), ["red", "rest"]);
}

fn what_it_does_not_run_is_refused() {
    let said = |format, file: &[u8], wanted: &[&str]| {
        load(format, file, &[1, 3, 8, 8], wanted).unwrap_err().to_string()
    };
    for format in [Format::Tflite, Format::Tfjs, Format::Keras] {
        assert!(said(format, b"x", &[]).contains("ONNX Runtime reads ONNX files"));
    }
    assert!(said(Format::Onnx, &means(), &["no such"]).contains("no output 'no such'"));
    let file = means();
    for length in 0..file.len() {
        let cut = load(Format::Onnx, &file[..length], &[1, 3, 8, 8], &[]);
        assert!(cut.is_err() || cut.unwrap().run(&[0.0; 192]).is_ok(), "{length}");
    }
    assert!(load(Format::Onnx, &file, &[1, 4, 8, 8], &[]).is_err(), "weights are for three channels");
    // An initializer (5) with a name (8), whose values lie elsewhere (14); and an output (12) more.
    let elsewhere = b"\x2a\x0a\x42\x06secret\x70\x01";
    let found = said(Format::Onnx, &with_graph_field(&file, elsewhere), &[]);
    assert!(found.contains("'secret' are in another file"), "{found}");
    let more = with_graph_field(&file, b"\x62\x07\x0a\x05means");
    assert_eq!(load(Format::Onnx, &more, &[1, 3, 8, 8], &[]).unwrap().output_names().len(), 3);
    // A field that no version of the format has does no harm.
    assert!(load(Format::Onnx, &[&file[..], b"\xa2\x38\x01x"].concat(), &[1, 3, 8, 8], &[]).is_ok());
    assert!(said(Format::Onnx, &[&file[..], b"\x3a\x00"].concat(), &[]).contains("several graphs"));
}

/// The file of [`means`], its graph with a field more.
fn with_graph_field(file: &[u8], field: &[u8]) -> Vec<u8> {
    // A version (two bytes), the graph's key, its length in two bytes of seven bits, and the graph.
    let length = usize::from(file[3] & 0x7f) | usize::from(file[4]) << 7;
    let (graph, rest) = file[5..].split_at(length);
    let new = length + field.len();
    assert!(file[2] == 0x3a && file[4] < 0x80 && new < 1 << 14, "as `of_means` writes it");
    let head = [&file[..3], &[new as u8 | 0x80, (new >> 7) as u8]].concat();
    [&head[..], graph, field, rest].concat()
}

fn beside_the_executor(model: &Manifest, weights: &[Vec<u8>], shape: &[usize]) {
    for threads in [1, 2] {
        let run_by = |engine| {
            let executor = ExecutorOptions { threads, ..ExecutorOptions::default() };
            let options = NetworkOptions { engine, executor };
            Network::load_with(&model.name, Format::Onnx, weights, shape, &[], options).unwrap()
        };
        let (executor, theirs) = (run_by(Engine::Executor), run_by(ENGINE));
        assert_eq!((executor.engine(), theirs.engine()), (Engine::Executor, ENGINE));
        assert_eq!(executor.output_names(), theirs.output_names());
        // Pixels at random, as the model is fed.
        let (mean, scale) = (model.input.mean[0], model.input.scale[0]);
        let mut state = 7_u64;
        let mut pixel = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as f32
        };
        let input: Vec<f32> = (0..shape.iter().product()).map(|_| (pixel() - mean) / scale).collect();
        let (ours, outputs) = (executor.run(&input).unwrap(), theirs.run(&input).unwrap());
        let mut worst = 0.0_f32;
        for (ours, theirs) in ours.iter().zip(&outputs) {
            assert_eq!(ours.shape(), theirs.shape());
            let most = ours.iter().fold(1.0_f32, |most, v| most.max(v.abs()));
            worst = ours.iter().zip(theirs).fold(worst, |worst, (a, b)| worst.max((a - b).abs() / most));
        }
        println!("{} {shape:?}, {threads} threads: {worst:e} off", model.name);
        assert!(worst < 1e-3, "{} {shape:?}: {worst}", model.name);
        // Threads that run it at the same time get the same.
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| theirs.run(&input).unwrap())).collect();
            runs.into_iter().for_each(|run| assert_eq!(run.join().unwrap(), outputs));
        });
    }
}
