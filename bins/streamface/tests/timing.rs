//! `models bench` and `models profile`.

#![allow(clippy::unwrap_used)]

mod common;

use common::{run, said};
use serde_json::Value;
use streamface_testing::skip;

fn json(args: &[&str]) -> Value {
    let done = run(args);
    assert!(done.status.success(), "{}", said(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn networks_are_timed_whole_and_in_parts() {
    if !run(&["models", "bench", "gender-v1", "--runs", "1"]).status.success() {
        skip!("no weights of gender-v1; `streamface models pull --all` fetches them");
        return;
    }
    let bench =
        json(&["models", "bench", "gender-v1", "--batch", "3", "--threads", "2", "--runs", "5", "--json"]);
    assert!(bench["median_ms"].as_f64().unwrap() >= bench["least_ms"].as_f64().unwrap());
    assert_eq!(bench["shape"], serde_json::json!([3, 3, 32, 32]));
    assert_eq!((&bench["engine"], &bench["threads"]), (&"streamface-exec".into(), &2.into()));
    assert!(bench["share_of_peak"].as_f64().unwrap() > 0.01 && bench.get("parts").is_none(), "{bench:#}");
    let profile = json(&["models", "profile", "gender-v1", "--runs", "3", "--json"]);
    let parts = profile["parts"].as_array().unwrap();
    let sum = |key: &str| parts.iter().map(|p| p[key].as_f64().unwrap()).sum::<f64>();
    assert!(parts.len() > 4 && (sum("share") - 1.0).abs() < 1e-6, "{profile:#}");
    assert!((sum("million_products") - profile["million_products"].as_f64().unwrap()).abs() < 1e-6);
    let tract = json(&["models", "bench", "gender-v1", "--engine", "tract", "--runs", "3", "--json"]);
    assert_eq!(tract["engine"], "tract");
    let portable = ["models", "bench", "gender-v1", "--instructions", "portable", "--runs", "1", "--json"];
    assert_eq!(json(&portable)["instructions"], "portable");
    let text = run(&["models", "profile", "gender-v1", "--runs", "1"]);
    assert!(said(&text).contains("million multiplications") && said(&text).contains("of peak"));
}

#[test]
fn what_cannot_be_timed_is_said() {
    for (args, why) in [
        (&["nothing"][..], "nothing"),
        (&["accurate"], "no network of its own: name mobilefacenet or fr-feature"),
        (&["centerface", "--size", "288"], "'288' is no height and width: 288x480"),
        (&["centerface", "--size", "0x480"], "the height of the input must be 1 to 8192, not 0"),
        (&["centerface", "--size", "33x33"], "centerface takes heights and widths that are multiples of 32"),
        (&["mobilefacenet", "--size", "7x7"], "mobilefacenet takes pictures of 112x112, not 7x7"),
        (&["centerface-int8", "--engine", "tract"], "whole numbers and instruction sets are the executor's"),
        (&["centerface", "--batch", "0"], "batch must be 1 to 1024, not 0"),
        (&["centerface", "--runs", "0"], "runs must be 1 to 10000, not 0"),
        (&["centerface", "--instructions", "sse"], "instructions must be one of portable"),
    ] {
        let done = run(&[&["models", "bench"], args].concat());
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        assert!(said(&done).contains(why), "{args:?}: {}", said(&done));
    }
}
