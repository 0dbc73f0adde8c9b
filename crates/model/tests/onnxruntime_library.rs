//! ONNX Runtime's library: how it is pinned, and what is said where it is not there, not right or not built in. No good one
//! is loaded here.

#![allow(clippy::unwrap_used)]

use streamface_model::{Cache, Library};

#[test]
fn the_library_is_pinned_as_weights_are() {
    let library = Library::onnxruntime().unwrap();
    assert_eq!((library.name.as_str(), library.sha256.len()), (Library::ONNXRUNTIME, 64));
    assert!(library.package.path.ends_with(&format!("/{}", library.file)));
    assert!(library.file.ends_with(&library.package.version));
    let dir = tempfile::tempdir().unwrap();
    let (cache, other) = (Cache::at(dir.path().join("cache")), dir.path().join("other"));
    std::fs::write(&other, "another file").unwrap();
    let said = cache.pull_library(&library, Some(&other)).unwrap_err().to_string();
    let wanted = if Library::is_for_this_machine() { "is not the file of" } else { "Linux on x86-64" };
    assert!(said.contains(wanted), "{said}");
    assert!(!cache.library_path(&library).exists());
}

#[cfg(not(feature = "onnxruntime"))]
#[test]
fn a_build_without_it_says_how_to_build_it_in() {
    use streamface_model::{Engine, Error, Format, Network, NetworkOptions, Provider};

    let loaded = Cache::at("no-such-folder").load_onnxruntime(None);
    let options = NetworkOptions { engine: Engine::OnnxRuntime(Provider::Cpu), ..NetworkOptions::default() };
    let network = Network::load_with("x", Format::Onnx, &[b""], &[1], &[], options).map(drop);
    for said in [loaded, network] {
        let said = said.unwrap_err();
        assert!(matches!(said, Error::NoOnnxRuntime), "{said}");
        assert!(said.to_string().contains("cargo build --release --features onnxruntime"), "{said}");
    }
}

#[cfg(feature = "onnxruntime")]
#[test]
fn what_is_no_library_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path());
    let said = |own| cache.load_onnxruntime(own).unwrap_err().to_string();
    assert!(said(None).contains("models pull onnxruntime"), "{}", said(None));
    let pinned = cache.library_path(&Library::onnxruntime().unwrap());
    std::fs::write(&pinned, "of another version").unwrap();
    assert!(said(None).contains("expected 6c1585d1"), "{}", said(None));
    assert!(said(Some(dir.path())).contains("no regular file"), "{}", said(Some(dir.path())));
    let none = dir.path().join("none.so");
    assert!(said(Some(&none)).contains("No such file"), "{}", said(Some(&none)));
    let first = said(Some(&pinned));
    assert!(
        first.contains("libonnxruntime.so.1.32.0 is no library") && first.contains("too short"),
        "{first}"
    );
    assert!(said(Some(&pinned)).contains("a process tries once"), "{}", said(Some(&pinned)));
}
