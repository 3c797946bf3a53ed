//! When one period may be another in disguise.
//!
//! Points are taken at night, at the same season, at full moon or not: a frequency f is then
//! hard to tell from f ± c, for each frequency c at which the sampling repeats (Dawson &
//! Fabrycky 2010, doi:10.1088/0004-637X/722/1/937). And a curve that is no sine has its
//! harmonics.

use crate::band::Band;

/// A frequency at which observations repeat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cadence {
    pub name: &'static str,
    /// Cycles per day.
    pub frequency: f64,
}

/// Days in a tropical year.
const YEAR: f64 = 365.242_19;
/// Solar days in a sidereal one.
const SIDEREAL_DAY: f64 = 0.997_269_566;
/// Days from new moon to new moon.
const MONTH: f64 = 29.530_59;

/// What is looked for, in this order: solar and sidereal day and their halves and thirds, month,
/// year and half a year.
pub const CADENCES: [Cadence; 9] = [
    Cadence { name: "1/d", frequency: 1.0 },
    Cadence { name: "1/sd", frequency: 1.0 / SIDEREAL_DAY },
    Cadence { name: "2/d", frequency: 2.0 },
    Cadence { name: "2/sd", frequency: 2.0 / SIDEREAL_DAY },
    Cadence { name: "3/d", frequency: 3.0 },
    Cadence { name: "3/sd", frequency: 3.0 / SIDEREAL_DAY },
    Cadence { name: "1/yr", frequency: 1.0 / YEAR },
    Cadence { name: "2/yr", frequency: 2.0 / YEAR },
    Cadence { name: "1/mo", frequency: 1.0 / MONTH },
];

/// Multiples that are looked for, simplest first.
const MULTIPLES: [(&str, f64); 7] = [
    ("f", 1.0),
    ("2f", 2.0),
    ("f/2", 0.5),
    ("3f", 3.0),
    ("f/3", 1.0 / 3.0),
    ("3f/2", 1.5),
    ("2f/3", 2.0 / 3.0),
];

/// Above this, the window's power says that the sampling repeats.
pub const WINDOW: f64 = 0.25;

/// The power of the sampling itself at a frequency: |Σ w exp(2πi f t)|²/(Σ w)², from 0 to 1, over the
/// points of all bands, weights 1 (Deeming 1975, doi:10.1007/BF00681947).
///
/// 1 where all points come at one phase of the frequency. NaN without points.
pub fn window(bands: &[Band], frequency: f64) -> f64 {
    let (mut cos_sum, mut sin_sum, mut count) = (0.0, 0.0, 0.0);
    for time in bands.iter().flat_map(|band| &band.times) {
        let turns = frequency * time;
        let (sin, cos) = libm::sincos(std::f64::consts::TAU * (turns - turns.floor()));
        cos_sum += cos;
        sin_sum += sin;
        count += 1.0;
    }
    (cos_sum * cos_sum + sin_sum * sin_sum) / (count * count)
}

/// The cadence that `frequency` is within `tolerance` of, if any, or `window` where the sampling
/// has power [`WINDOW`] or more at it: then the curve may only repeat when it is looked at.
pub fn of_sampling(bands: &[Band], frequency: f64, tolerance: f64) -> Option<&'static str> {
    let cadence = cadences(tolerance).find(|cadence| near(cadence.frequency, frequency, tolerance));
    match cadence {
        Some(cadence) => Some(cadence.name),
        None => (window(bands, frequency) >= WINDOW).then_some("window"),
    }
}

/// How `other` is made of `frequency` f, to within `tolerance`, all in cycles per day:
///
/// - `f`: they are not to be told apart;
/// - `2f`, `f/2`, `3f`, `f/3`, `3f/2`, `2f/3`: a harmonic;
/// - `f+1/d`, `f-1/d`, `1/d-f`, and so for 2f and f/2, and each of [`CADENCES`]: an alias;
/// - none of these.
///
/// Cadences nearer to 0 than twice the tolerance are not looked for.
pub fn relation(frequency: f64, other: f64, tolerance: f64) -> Option<String> {
    for (name, factor) in MULTIPLES {
        if near(factor * frequency, other, tolerance) {
            return Some(name.to_owned());
        }
    }
    for (name, factor) in &MULTIPLES[..3] {
        let multiple = factor * frequency;
        for Cadence { name: cadence, frequency: c } in cadences(tolerance) {
            for (made, words) in [
                (multiple + c, format!("{name}+{cadence}")),
                (multiple - c, format!("{name}-{cadence}")),
                (c - multiple, format!("{cadence}-{name}")),
            ] {
                if near(made, other, tolerance) {
                    return Some(words);
                }
            }
        }
    }
    None
}

/// As [`relation`], and where that finds none, `window` if the sampling has power [`WINDOW`] or
/// more at the sum or difference of the two: whatever made it, one is an alias of the other.
pub fn of_other(bands: &[Band], frequency: f64, other: f64, tolerance: f64) -> Option<String> {
    relation(frequency, other, tolerance).or_else(|| {
        let between = [frequency + other, (frequency - other).abs()];
        let power = between.map(|between| window(bands, between));
        power.iter().any(|power| *power >= WINDOW).then(|| "window".to_owned())
    })
}

fn cadences(tolerance: f64) -> impl Iterator<Item = Cadence> {
    CADENCES.into_iter().filter(move |cadence| cadence.frequency >= 2.0 * tolerance)
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

#[cfg(test)]
mod tests {
    use super::*;
    use light_curve::Curve;

    #[test]
    fn relations_are_named_the_simplest_first() {
        let of = |other: f64| relation(1.8, other, 0.001);
        for (other, name) in [
            (1.8005, "f"),
            (3.6, "2f"),
            (0.9, "f/2"),
            (0.6, "f/3"),
            (2.8, "f+1/d"),
            (0.8, "f-1/d"),
            (1.8 + 1.002_738, "f+1/sd"),
            (0.2, "2/d-f"),
            (4.6, "2f+1/d"),
            (1.9, "f/2+1/d"),
            (0.1, "1/d-f/2"),
            (1.8 - 1.0 / 365.25, "f-1/yr"),
            (1.8 + 1.0 / 29.53, "f+1/mo"),
        ] {
            assert_eq!(of(other).as_deref(), Some(name));
        }
        assert_eq!(of(1.234), None);
        // What is too slow to be seen is no alias.
        assert_eq!(relation(1.8, 1.8 + 1.0 / 365.25, 0.002), None);
    }

    #[test]
    fn the_window_tells_nights() {
        let times: Vec<_> = (0..50).map(|night| f64::from(night * night % 83) + 0.01).collect();
        let errors = vec![0.1; 50];
        let band = Band::new(Curve { times: &times, values: &times, errors: &errors }, 0.0, 0.0);
        let bands = [band];
        assert!((window(&bands, 1.0) - 1.0).abs() < 1e-12 && window(&bands, 0.37) < 0.2);
        assert_eq!(of_sampling(&bands, 2.0, 0.01), Some("2/d"));
        assert_eq!(of_sampling(&bands, 7.0, 0.01), Some("window"));
        assert_eq!(of_sampling(&bands, 0.37, 0.01), None);
        // Seven a day apart: no listed cadence, but the window knows.
        assert_eq!(of_other(&bands, 0.37, 7.37, 0.01).as_deref(), Some("window"));
        assert!(window(&[], 1.0).is_nan());
    }
}
