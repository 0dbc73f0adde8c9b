//! Invalid input is rejected and changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hri::{CompatTree, Error, Index, Metric, Settings, Threshold};

fn index() -> Index {
    let mut index = Index::new(Settings::new(2, Threshold::new(Metric::Cosine, 0.1).unwrap()).unwrap());
    for (id, vector) in [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]].iter().enumerate() {
        index.insert(vector, id as u64).unwrap();
    }
    index
}

#[test]
fn thresholds_and_dimensions_have_ranges() {
    for value in [-0.1, 2.1, f64::NAN, f64::INFINITY, -f64::INFINITY] {
        assert!(matches!(Threshold::new(Metric::Cosine, value), Err(Error::Threshold { .. })), "{value}");
    }
    assert!(Threshold::new(Metric::Euclidean, 1e9).is_ok());
    assert!(Threshold::new(Metric::Euclidean, f64::INFINITY).is_err());
    assert_eq!(Threshold::new(Metric::Cosine, -0.0).unwrap().value().to_bits(), 0);
    let threshold = Threshold::new(Metric::Cosine, 0.0).unwrap();
    assert!(matches!(Settings::new(0, threshold), Err(Error::BadDimension { dim: 0 })));
    assert!(
        Settings::new(hri::MAX_DIM, threshold).is_ok() && Settings::new(hri::MAX_DIM + 1, threshold).is_err()
    );
}

#[test]
fn invalid_vectors_are_rejected() {
    let mut index = index();
    let mut tree = CompatTree::new(2, index.settings().threshold()).unwrap();
    type Check = fn(&Error) -> bool;
    let cases: [(&[f32], Check); 5] = [
        (&[1.0], |e| matches!(e, Error::Dimension { expected: 2, got: 1 })),
        (&[], |e| matches!(e, Error::Dimension { expected: 2, got: 0 })),
        (&[1.0, f32::NAN], |e| matches!(e, Error::NotFinite { row: 0, at: 1 })),
        (&[f32::NEG_INFINITY, 0.0], |e| matches!(e, Error::NotFinite { row: 0, at: 0 })),
        (&[0.0, -0.0], |e| matches!(e, Error::ZeroVector { row: 0 })),
    ];
    for (vector, is) in cases {
        assert!(is(&index.search(vector).unwrap_err()), "{vector:?}");
        assert!(is(&index.nearest(vector, 3).unwrap_err()), "{vector:?}");
        assert!(is(&index.insert(vector, 7).unwrap_err()), "{vector:?}");
        assert!(is(&tree.insert(vector).unwrap_err()), "{vector:?}");
    }
    let error = index.search_batch(&[1.0, 0.0, 0.0, 0.0]).unwrap_err();
    assert!(matches!(error, Error::ZeroVector { row: 1 }));
    assert!(matches!(index.search_batch(&[1.0, 0.0, 1.0]), Err(Error::Dimension { .. })));
    assert!(index.search_batch(&[]).unwrap().is_empty());
    assert!(matches!(index.insert(&[1.0, 0.0], 2), Err(Error::DuplicateId { id: 2 })));
    assert!(index.nearest(&[1.0, 0.0], 0).unwrap().is_empty());
    assert_eq!(index.nearest(&[1.0, 0.0], 99).unwrap().len(), 2);
    // For Euclidean distances a zero vector is valid.
    let mut index = Index::new(Settings::new(2, Threshold::new(Metric::Euclidean, 0.0).unwrap()).unwrap());
    assert!(index.insert(&[0.0, 0.0], 1).unwrap().new);
    assert!(!index.insert(&[0.0, 0.0], 2).unwrap().new);
    assert_eq!((index.len(), index.people_count()), (2, 1));
}

#[test]
fn invalid_changes_are_rejected() {
    let mut index = index();
    assert!(matches!(index.remove(9), Err(Error::UnknownId { id: 9 })));
    assert!(matches!(index.remove_person(9), Err(Error::UnknownLabel { label: 9 })));
    assert!(matches!(index.merge(0, 9), Err(Error::UnknownLabel { label: 9 })));
    assert!(matches!(index.merge(9, 0), Err(Error::UnknownLabel { label: 9 })));
    assert!(matches!(index.merge(1, 1), Err(Error::SelfMerge { label: 1 })));
    assert!(matches!(index.split(0, &[]), Err(Error::EmptySplit { members: 2, .. })));
    assert!(matches!(index.split(0, &[0, 1]), Err(Error::EmptySplit { .. })));
    assert!(matches!(index.split(0, &[0, 0, 1]), Err(Error::EmptySplit { .. })));
    assert!(matches!(index.split(0, &[2]), Err(Error::NotAMember { id: 2, label: 0, owner: 1 })));
    assert!(matches!(index.split(0, &[8]), Err(Error::UnknownId { id: 8 })));
    assert!(index.members(7).is_err() && index.mean(7).is_err() && index.label_of(7).is_err());
    let people: Vec<_> = index.people().map(|p| (p.label, p.members)).collect();
    assert_eq!(people, [(0, 2), (1, 1)]);
    // A label is never given again.
    index.remove(2).unwrap();
    assert_eq!(index.insert(&[0.0, 1.0], 5).unwrap().label, 2);
    index.merge(2, 0).unwrap();
    assert_eq!(index.split(2, &[5, 5]).unwrap(), 3);

    let settings = index.settings().keep_vectors(false);
    let mut means = Index::new(settings);
    for id in 0..3 {
        means.insert(&[1.0, 0.0], id).unwrap();
    }
    assert!(matches!(means.remove(0), Err(Error::VectorsNotKept)));
    assert!(matches!(means.split(0, &[0]), Err(Error::VectorsNotKept)));
    assert!(matches!(means.vector(0), Err(Error::VectorsNotKept)));
    assert_eq!(means.remove_person(0).unwrap(), 3);
    assert!(means.is_empty() && means.people().len() == 0);
}
