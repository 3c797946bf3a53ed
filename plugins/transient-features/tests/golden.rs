//! Against SciPy, on supernovae of ZTF: see goldens/README.md.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;

use transient_features::fit::{Data, fit};
use transient_features::model::Model;

#[derive(Default)]
struct Curve {
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
}

/// Fluxes with zero point 25, days from the first point.
fn curves() -> BTreeMap<(String, String), Curve> {
    let mut curves: BTreeMap<_, Curve> = BTreeMap::new();
    for line in include_str!("../goldens/ztf_supernovae.csv").lines().skip(1) {
        let cells: Vec<_> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<f64>().unwrap();
        let flux = libm::pow(10.0, -0.4 * (number(3) - 25.0));
        let curve = curves.entry((cells[0].to_owned(), cells[1].to_owned())).or_default();
        curve.times.push(number(2));
        curve.values.push(flux);
        curve.errors.push(0.4 * std::f64::consts::LN_10 * flux * number(4));
    }
    for curve in curves.values_mut() {
        let first = curve.times[0];
        curve.times.iter_mut().for_each(|time| *time -= first);
    }
    curves
}

/// How fits compare, by model.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    all: u32,
    no_fit: u32,
    /// The other program found a lower minimum, by more than a millionth.
    higher: u32,
    /// The same minimum, and each parameter is determined there.
    same: u32,
}

fn compare(line: &str, curves: &BTreeMap<(String, String), Curve>) -> (Model, Count) {
    let cells: Vec<_> = line.split(',').collect();
    let number = |at: usize| cells[at].parse::<f64>().ok();
    let model = [Model::Bazin, Model::Villar, Model::Linexp];
    let model = model.into_iter().find(|model| model.name() == cells[0]).unwrap();
    let curve = &curves[&(cells[1].to_owned(), cells[2].to_owned())];
    let data = Data { times: &curve.times, values: &curve.values, errors: &curve.errors };
    let count = Count { all: 1, ..Count::default() };
    let Ok(ours) = fit(model, data) else { return (model, Count { no_fit: 1, ..count }) };
    let above = ours.chi2 / number(4).unwrap() - 1.0;
    if above.abs() > 1e-9 {
        return (model, Count { higher: u32::from(above > 1e-6), ..count });
    }
    // At a bound, or along a valley, the minimum is no point.
    let is_point = |(found, error): (&f64, &Option<f64>)| {
        error.is_some_and(|error| error < 100.0 * found.abs())
    };
    if !ours.parameters.iter().zip(&ours.errors).all(is_point) {
        return (model, count);
    }
    for (at, (found, error)) in ours.parameters.iter().zip(&ours.errors).enumerate() {
        let error = error.unwrap();
        let expected = number(5 + at).unwrap();
        let allowed = f64::max(1e-6 * expected.abs(), 1e-5 * error);
        let words = format!("{line}: parameter {at} is {found} ± {error}");
        assert!((found - expected).abs() < allowed, "{words}");
        // Theirs is of slopes by differences.
        let expected = number(12 + at).unwrap_or(error);
        assert!((error / expected - 1.0).abs() < 1e-3, "{words}");
    }
    (model, Count { same: 1, ..count })
}

#[test]
fn fits_are_scipy_s() {
    let curves = curves();
    let mut counts: BTreeMap<Model, Count> = BTreeMap::new();
    for line in include_str!("../goldens/fits.csv").lines().skip(1) {
        let (model, one) = compare(line, &curves);
        let count = counts.entry(model).or_default();
        count.all += one.all;
        count.no_fit += one.no_fit;
        count.higher += one.higher;
        count.same += one.same;
    }
    // Villar's curve has many minima where there are few points; see README.md.
    let expected = [
        (Model::Bazin, [46, 3, 0, 35]),
        (Model::Villar, [35, 5, 20, 7]),
        (Model::Linexp, [52, 3, 2, 41]),
    ];
    for (model, [all, no_fit, higher, same]) in expected {
        assert_eq!(counts[&model], Count { all, no_fit, higher, same }, "{model:?}");
    }
}
