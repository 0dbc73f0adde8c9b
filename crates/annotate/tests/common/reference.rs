//! Reference files, where there are any.

use std::path::{Path, PathBuf};

use streamface_types::Embeddings;

/// A file of the reference data; `None`, and said, where it is not there.
pub fn reference(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("STREAMFACE_SHARED").map_or(beside, PathBuf::from);
    let path = shared.join("reference").join(file);
    let there = path.exists();
    if !there {
        eprintln!("skipped: {} is not there; set STREAMFACE_SHARED", path.display());
    }
    there.then_some(path)
}

/// Reads an `.npy` matrix, little-endian `f32` in C order, version 1: enough for files that are known.
pub fn read_npy(path: &Path) -> Embeddings {
    let bytes = std::fs::read(path).unwrap();
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00").unwrap();
    let (len, rest) = rest.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u16::from_le_bytes(*len).into());
    let header = std::str::from_utf8(header).unwrap();
    assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let dim = shape.split(',').nth(1).unwrap().trim().parse().unwrap();
    Embeddings::new(data.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect(), dim).unwrap()
}

use proptest::prelude::*;
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

/// Faces that random journals speak of.
pub const FACES: usize = 9;

/// Faces, two a frame; the last few of these numbers are of faces that are not there.
fn side() -> impl Strategy<Value = Vec<FaceId>> {
    prop::collection::vec((0..FACES + 1).prop_map(|f| face(f / 2, f % 2)), 1..4)
}

fn what(known: u64) -> impl Strategy<Value = What> {
    let verdict =
        prop_oneof![3 => Just(Verdict::Same), 2 => Just(Verdict::Different), 1 => Just(Verdict::NotSure)];
    let compared =
        (side(), side(), verdict).prop_map(|(left, right, verdict)| Compared { left, right, verdict });
    let ids = 1..known.max(2);
    prop_oneof![
        8 => prop::collection::vec(compared, 1..4).prop_map(|pairs| What::Compare { pairs }),
        1 => side().prop_map(|faces| What::Noise { faces }),
        2 => (side(), any::<bool>()).prop_map(|(faces, together)| What::Split { faces, together }),
        2 => (side(), side()).prop_map(|(faces, to)| What::Move { faces, to }),
        1 => side().prop_map(|person| What::Skip { person }),
        1 => (side(), prop::option::of("[ab]")).prop_map(|(person, name)| What::Name { person, name }),
        3 => ids.clone().prop_map(|decision| What::Undo { decision }),
        1 => ids.prop_map(|decision| What::Redo { decision }),
    ]
}

/// Random decisions of every kind.
pub fn journal() -> impl Strategy<Value = Vec<Decision>> {
    prop::collection::vec(what(12), 0..12).prop_map(|all| {
        // Undo and redo name what was before them.
        let all = (1..).zip(all).map(|(id, what)| match what {
            What::Undo { decision } if decision >= id => What::Skip { person: vec![] },
            What::Redo { decision } if decision >= id => What::Skip { person: vec![] },
            other => other,
        });
        (1..).zip(all).map(|(id, what)| decision(id, what)).collect()
    })
}
