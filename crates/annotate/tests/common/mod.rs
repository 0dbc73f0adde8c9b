//! Made-up faces and decisions.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use streamface_annotate::{Compared, Decision, Verdict, What};
use streamface_types::{FaceId, FrameId, Timestamp};

/// A face by frame and number.
pub fn face(frame: usize, index: usize) -> FaceId {
    FaceId::new(FrameId::new(format!("f{frame:04}")).unwrap(), index as u32)
}

/// So many faces, two a frame, in order.
pub fn faces(count: usize) -> Vec<FaceId> {
    (0..count).map(|f| face(f / 2, f % 2)).collect()
}

/// A decision of someone at some time.
pub fn decision(id: u64, what: What) -> Decision {
    Decision { id, at: Timestamp::from_micros(id as i64), who: "someone".to_owned(), seconds: None, what }
}

/// One pair, by numbers of [`faces`].
pub fn compare(left: &[usize], right: &[usize], verdict: Verdict) -> What {
    let side = |side: &[usize]| side.iter().map(|&f| face(f / 2, f % 2)).collect();
    What::Compare { pairs: vec![Compared { left: side(left), right: side(right), verdict }] }
}
