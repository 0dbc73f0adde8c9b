//! The filters' default settings on frames of a real news channel, and their values beside OpenCV's.

#![allow(clippy::unwrap_used)]

use streamface_capture::{Capture, sources};
use streamface_testing::reference;

#[test]
fn no_frame_that_the_original_kept_is_dropped_and_scores_equal_opencv() {
    let Some(dir) = reference("") else { return };
    let frames = dir.join("skynews/frames");
    let found = sources(frames.to_str().unwrap(), None).unwrap();
    let mut capture = Capture::builder(found).build().unwrap();
    let table = std::fs::read_to_string(dir.join("frame_filters.csv")).unwrap();
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let want: Vec<&str> = line.split(',').collect();
        let row = capture.next().unwrap().unwrap().row;
        assert_eq!(format!("{}.png", row.frame), want[0]);
        assert_eq!(row.dropped, None, "{line}");
        let number = |text: &str| text.parse::<f64>().unwrap();
        assert!((row.empty.unwrap() - number(want[1])).abs() < 1e-3, "{line}");
        assert!((row.blur.unwrap() / number(want[2]) - 1.0).abs() < 1e-6, "{line}");
        match row.similarity {
            // OpenCV computes it in single precision: 1e-6 of the whole scale is what it holds.
            Some(similarity) => assert!((similarity - number(want[3])).abs() < 1e-6, "{line}"),
            None => assert_eq!(rows, 0),
        }
        rows += 1;
    }
    assert_eq!(rows, 14);
    assert!(capture.next().is_none());
}
