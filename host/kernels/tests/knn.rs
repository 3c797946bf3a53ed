//! Neighbours against scikit-learn.

#[path = "../testing/table.rs"]
mod table;

use std::path::Path;

use skyloom_kernels::knn::Points;

#[test]
fn neighbours_agree_with_scikit_learn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens/knn");
    let (points, n_dimensions) = table::table(&folder.join("points.csv"));
    let (asked, _) = table::table(&folder.join("asked.csv"));
    let (index, k) = table::table(&folder.join("index.csv"));
    let (distance, _) = table::table(&folder.join("distance.csv"));
    let points = Points::new(&points, n_dimensions).expect("whole points");
    let found = points.nearest(&asked, k, 1).expect("whole points");
    let found_index: Vec<f64> = found.index.iter().map(|index| f64::from(*index)).collect();
    assert_eq!(found_index, index);
    for (got, expected) in found.distance.iter().zip(distance) {
        assert!((got - expected).abs() <= 1e-15 * expected, "{got} is not {expected}");
    }
}
