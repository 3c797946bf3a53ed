//! Against astropy, formulas in NumPy and simulated noise: see goldens/README.md.

use std::collections::BTreeMap;

use light_curve::{Curve, Light};
use period_features::band::Band;
use period_features::cell::Cell;
use period_features::false_alarm;
use period_features::folded;
use period_features::params::Params;
use period_features::search::search;
use period_features::series::Fitter;

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect())
}

/// Bands by name of each star by number, times since its first point.
fn stars() -> BTreeMap<&'static str, BTreeMap<&'static str, Band>> {
    let mut columns: BTreeMap<_, BTreeMap<_, [Vec<f64>; 3]>> = BTreeMap::new();
    for cells in lines(include_str!("../goldens/curves.csv")) {
        let band = columns.entry(cells[0]).or_default().entry(cells[1]).or_default();
        for (column, cell) in band.iter_mut().zip(&cells[2..]) {
            column.push(cell.parse().expect("a number"));
        }
    }
    let star = |bands: BTreeMap<_, [Vec<f64>; 3]>| {
        let epoch = bands.values().map(|band| band[0][0]).fold(f64::INFINITY, f64::min);
        let band = |[times, values, errors]: [Vec<f64>; 3]| {
            Band::new(Curve { times: &times, values: &values, errors: &errors }, epoch, 0.0)
        };
        bands.into_iter().map(|(name, points)| (name, band(points))).collect()
    };
    columns.into_iter().map(|(name, bands)| (name, star(bands))).collect()
}

fn params(json: &str) -> Params {
    skyloom_plugin::serde_json::from_str(json).expect("parameters")
}

fn assert_close(ours: f64, theirs: f64, rel: f64, what: &str) {
    assert!((ours - theirs).abs() <= rel * theirs.abs(), "{what}: {ours} {theirs}");
}

#[test]
fn peaks_are_those_of_astropy() {
    let stars = stars();
    let params = params(r#"{"rank": "method", "min-frequency": 1, "max-frequency": 5}"#);
    let mut count = 0;
    for cells in lines(include_str!("../goldens/peaks.csv")) {
        let bands: Vec<_> =
            cells[1].chars().map(|band| stars[cells[0]][&band.to_string()[..]].clone()).collect();
        let best = search(&params, &[bands]).unwrap()[0][0];
        let what = format!("{} {}", cells[0], cells[1]);
        // Where a peak is flat, its place is known to the root of what rounding leaves.
        assert_close(best.frequency, cells[2].parse().unwrap(), 1e-8, &what);
        assert_close(best.value, cells[3].parse().unwrap(), 1e-10, &what);
        if !cells[4].is_empty() {
            let theirs = cells[4].parse().unwrap();
            assert_close(best.false_alarm_probability, theirs, 1e-7, &what);
        }
        count += 1;
    }
    assert_eq!(count, 24);
}

#[test]
fn series_and_folds_are_those_of_numpy() {
    let (stars, params) = (stars(), params("{}"));
    let text = include_str!("../goldens/folds.csv");
    let names: Vec<_> = text.lines().next().unwrap().split(',').skip(3).collect();
    let light = Light { kind: light_curve::Kind::Magnitude, unit: None };
    let fields = folded::fields(&params, "x", &light);
    let place = |name: &str| fields.iter().position(|field| field.name()[2..] == *name).unwrap();
    let mut count = 0;
    for line in lines(text) {
        let band = &stars[line[0]][line[1]];
        let period: f64 = line[2].parse().unwrap();
        let cells = folded::cells(&params, &mut Fitter::new(4), band, Some(1.0 / period));
        for (name, theirs) in names.iter().zip(&line[3..]) {
            let Cell::Number(ours) = cells[place(name)] else { panic!("{name} is no number") };
            assert_close(
                ours,
                theirs.parse().unwrap(),
                1e-8,
                &format!("{} {} {name}", line[0], line[1]),
            );
            count += 1;
        }
    }
    assert_eq!(count, 18 * 15);
}

/// The limit is above what is simulated, and close where that is small.
#[test]
fn noise_alarms_as_often_as_it_is_said_to() {
    for line in lines(include_str!("../goldens/alarms.csv")) {
        let n_bands: usize = line[0].parse().unwrap();
        let [maximum, power, share] = [1, 2, 3].map(|at| line[at].parse::<f64>().unwrap());
        let times: Vec<f64> = line[4].split(' ').map(|time| time.parse().unwrap()).collect();
        let bands: Vec<_> = times
            .chunks_exact(times.len() / n_bands)
            .map(|times| {
                let errors = vec![1.0; times.len()];
                Band::new(Curve { times, values: times, errors: &errors }, 0.0, 0.0)
            })
            .collect();
        let ours = false_alarm::probability(&bands, power, maximum);
        println!("{n_bands} bands: {share} simulated, {ours} said");
        // 20,000 draws leave a tenth at one in a hundred.
        assert!((0.9..1.5).contains(&(ours / share)), "{n_bands} bands: {share} {ours}");
    }
}
