//! `ndarray` views as input.
#![cfg(feature = "ndarray")]
#![allow(clippy::unwrap_used)]

use hri::{Error, Index, Metric, Settings, Threshold};
use ndarray::{Array2, Axis, array};

#[test]
fn views_with_any_strides_are_accepted() {
    let threshold = Threshold::new(Metric::Euclidean, 0.5).unwrap();
    let mut index = Index::new(Settings::new(2, threshold).unwrap());
    // The columns of a matrix are not contiguous.
    let columns: Array2<f32> = array![[0.0, 5.0, 0.1], [0.0, 5.0, 0.2]];
    for (id, column) in columns.axis_iter(Axis(1)).enumerate() {
        index.insert_view(&column, id as u64).unwrap();
    }
    assert_eq!(index.people_count(), 2);
    let found = index.search_batch_view(&columns.t()).unwrap();
    assert_eq!(found.iter().map(|m| m.unwrap().label).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(index.search_batch_view(&columns.t().to_owned().view()).unwrap(), found);
    assert_eq!(index.search_view(&columns.column(1)).unwrap(), found[1]);
    let wrong = index.search_batch_view(&columns.view());
    assert!(matches!(wrong, Err(Error::Dimension { expected: 2, got: 3 })));
}
