//! Every network that a manifest has numbers of another runtime for gives these numbers.

#![allow(clippy::unwrap_used)]

use streamface_model::{Cache, Manifest, OutputRef, differences};
use streamface_testing::skip;

#[test]
fn networks_give_what_their_manifests_say_another_runtime_gave() {
    let cache = Cache::of_user();
    for model in Manifest::all_builtin().unwrap().iter().filter(|m| !m.checks().is_empty()) {
        let Ok(weights) = cache.read(model) else {
            skip!("no weights of {}; `streamface models pull` fetches them", model.name);
            continue;
        };
        assert_eq!(differences(model, &weights).unwrap(), [], "{}", model.name);
        if model.name == "mtcnn" {
            // A number of the manifest that is changed is found.
            let text = include_str!("../manifests/mtcnn.toml").replacen("0.9694433", "0.9594433", 1);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("mtcnn.toml");
            std::fs::write(&path, text).unwrap();
            let other = Manifest::read(&path).unwrap();
            let found = differences(&other, &weights).unwrap();
            assert_eq!((found.len(), found[0].weights.as_str(), found[0].at), (1, "pnet", 0));
        }
    }
}

#[test]
fn every_output_that_an_attribute_is_read_from_is_compared() {
    let all = Manifest::all_builtin().unwrap();
    for model in &all {
        let Ok(face) = model.face() else { continue };
        let compared = |output: &OutputRef| match output {
            OutputRef::Name(name) => model.checks().iter().any(|check| check.outputs.contains_key(name)),
            OutputRef::Number(number) => model.checks().iter().any(|check| check.outputs.len() > *number),
        };
        for attribute in &face.attributes {
            let missing: Vec<_> = attribute.output.iter().filter(|output| !compared(output)).collect();
            assert!(missing.is_empty(), "{}: {} is read from {missing:?}", model.name, attribute.name);
        }
    }
}
