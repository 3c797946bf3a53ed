//! Against light-curve, astropy and formulas in NumPy: see goldens/README.md.

use std::collections::BTreeMap;

use light_curve::Curve;
use light_curve_features::extract::Extractor;
use light_curve_features::feature::Feature;

fn cells(line: &str) -> impl Iterator<Item = f64> {
    // An empty cell says that there is no number.
    line.split(',').skip(1).map(|cell| cell.parse().unwrap_or(f64::NAN))
}

/// The name before the first comma.
fn name(line: &str) -> &str {
    line.split(',').next().expect("a line has a first cell")
}

fn curves() -> BTreeMap<&'static str, [Vec<f64>; 3]> {
    let mut curves: BTreeMap<_, [Vec<f64>; 3]> = BTreeMap::new();
    for line in include_str!("../goldens/curves.csv").lines().skip(1) {
        let curve = curves.entry(name(line)).or_default();
        for (column, cell) in curve.iter_mut().zip(cells(line)) {
            column.push(cell);
        }
    }
    curves
}

/// Relative tolerance, and the absolute one for numbers that cancel to nearly nothing.
fn tolerance(column: &str) -> (f64, f64) {
    match column {
        // Where a likelihood is flat, its place is known to the root of what rounding leaves.
        "drw_sigma" | "drw_tau" => (1e-4, 0.0),
        _ => (1e-9, 1e-12),
    }
}

#[test]
fn features_are_those_of_independent_programs() {
    let columns = Feature::ALL.iter().flat_map(|feature| feature.spec().columns);
    let columns: Vec<_> = columns.map(|column| column.name).collect();
    let mut extractor = Extractor::new(&Feature::ALL, 1.0);
    let (curves, text) = (curves(), include_str!("../goldens/features.csv"));
    let names: Vec<_> = text.lines().next().unwrap().split(',').skip(1).collect();
    assert_eq!(names.len(), columns.len(), "every column has a golden");
    let (mut numbers, mut reasons) = (vec![0.0; columns.len()], Vec::new());
    let mut faults = Vec::new();
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let curve = name(line);
        let [times, values, errors] = &curves[curve];
        extractor.extract(Curve { times, values, errors }, &mut numbers, &mut reasons);
        for (name, theirs) in names.iter().zip(cells(line)) {
            let place = columns.iter().position(|column| column == name).unwrap();
            let (ours, (rel, abs)) = (numbers[place], tolerance(name));
            compared += 1;
            let is_close = (ours - theirs).abs() <= (rel * theirs.abs()).max(abs);
            if !(is_close || ours.is_nan() && theirs.is_nan()) {
                faults.push(format!("{curve} {name}: {ours} {theirs}"));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
    assert_eq!(compared, 40 * columns.len());
}
