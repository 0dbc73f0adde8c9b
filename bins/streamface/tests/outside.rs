//! A program outside the workspace that calls the nine steps gives the same people as `streamface run`.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{faces_video, run, said};
use streamface_testing::skip;

#[test]
fn nine_steps_name_the_same_people_as_a_run() {
    let Some(program) = std::env::var_os("STREAMFACE_NINE_STEPS") else {
        skip!("STREAMFACE_NINE_STEPS is not set; ./test builds the program");
        return;
    };
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let [whole, steps] = ["whole", "steps"].map(|name| dir.path().join(name));
    let done = run(&["run", video.to_str().unwrap(), "--out", whole.to_str().unwrap()]);
    assert!(done.status.success(), "{}", said(&done));
    let called = Command::new(program).arg(video).arg(&steps).stdin(Stdio::null()).output().unwrap();
    assert!(called.status.success(), "{}", said(&called));
    assert!(said(&called).contains("person 0: at ["), "{}", said(&called));
    for file in ["annotations.json", "detections.csv", "matches.csv"] {
        let read = |dir: &std::path::Path| fs::read(dir.join("metadata").join(file)).unwrap();
        assert!(read(&whole) == read(&steps), "{file} differs");
    }
}
