//! Every network that a manifest has numbers of another runtime for gives these numbers.

#![allow(clippy::unwrap_used)]

use streamface_model::{Cache, Manifest, differences};
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
