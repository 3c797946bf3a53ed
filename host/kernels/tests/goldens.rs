//! Against astropy, PyAstronomy, SciPy, NumPy and whole-number arithmetic: see
//! goldens/README.md.

use skyloom_kernels::conditional_entropy::{self, entropies};
use skyloom_kernels::lomb_scargle::{false_alarm_probability, periodogram, periodogram_bands};
use skyloom_kernels::pairwise_histogram::{Edges, histograms};
use skyloom_kernels::phase_dispersion::{self, thetas};
use skyloom_kernels::phase_fold::phase_fold;
use skyloom_kernels::{Curve, Curves, Grid};

/// Cells of each line below the header.
fn lines(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or_else(|_| panic!("{cell} is no number"))
}

#[derive(Default)]
struct Star {
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
    bands: Vec<u8>,
}

impl Star {
    fn read(text: &str) -> Self {
        let mut star = Self::default();
        for line in lines(text) {
            star.times.push(number(line[0]));
            star.values.push(number(line[1]));
            star.errors.push(number(line[2]));
            star.bands.push(line.get(3).map_or(0, |band| number(band) as u8));
        }
        star
    }

    fn rr_lyrae() -> Self {
        Self::read(include_str!("../goldens/rr_lyrae.csv"))
    }

    /// The curve that goldens call by this name.
    fn named(name: &str) -> Self {
        if name == "drawn" {
            return Self::read(include_str!("../goldens/drawn.csv"));
        }
        assert_eq!(name, "rr_lyrae_r");
        let all = Self::rr_lyrae();
        let of = |column: &[f64]| {
            let red = column.iter().zip(&all.bands).filter(|(_, band)| **band == 2);
            red.map(|(value, _)| *value).collect()
        };
        Self {
            times: of(&all.times),
            values: of(&all.values),
            errors: of(&all.errors),
            bands: Vec::new(),
        }
    }

    fn curve(&self, errors: bool) -> Curve<'_> {
        let errors = errors.then_some(&self.errors[..]);
        Curve { times: &self.times, values: &self.values, errors, bands: None }
    }
}

fn assert_close(ours: f64, theirs: f64, abs: f64, what: &[&str]) {
    assert!((ours - theirs).abs() <= abs, "{what:?}: {ours} {theirs}");
}

/// `value` at one frequency.
fn at(frequency: &str) -> Grid {
    Grid { minimum: number(frequency), step: 1.0, count: 1 }
}

#[test]
fn powers_are_astropy_s() {
    let lines = lines(include_str!("../goldens/power.csv"));
    assert_eq!(lines.len(), 1600);
    for part in lines.chunks(400) {
        let star = Star::named(part[0][0]);
        let curve = star.curve(part[0][1] == "1");
        let grid = Grid { minimum: 0.05, step: 20.0 / 400.0, count: 400 };
        let powers = periodogram(&curve, &grid).unwrap();
        for (line, power) in part.iter().zip(powers) {
            // astropy rounds phases of up to 70,000 turns.
            assert_close(power, number(line[3]), 3e-10, line);
        }
    }
}

#[test]
fn powers_of_bands_are_astropy_s() {
    let star = Star::rr_lyrae();
    let curve = Curve { bands: Some(&star.bands), ..star.curve(true) };
    let grid = Grid { minimum: 0.05, step: 5.0 / 400.0, count: 400 };
    let powers = periodogram_bands(&curve, &grid).unwrap();
    let lines = lines(include_str!("../goldens/power_bands.csv"));
    assert_eq!(lines.len(), powers.len());
    for (line, power) in lines.iter().zip(powers) {
        assert_close(power, number(line[1]), 1e-10, line);
    }
}

#[test]
fn false_alarms_are_astropy_s() {
    let lines = lines(include_str!("../goldens/false_alarm.csv"));
    assert_eq!(lines.len(), 64);
    for line in lines {
        let star = Star::named(line[0]);
        let weight = |at: usize| if line[1] == "1" { star.errors[at].powi(-2) } else { 1.0 };
        let points = || (0..star.times.len()).map(|at| (star.times[at] - 53_000.0, weight(at)));
        let sum: f64 = points().map(|(_, w)| w).sum();
        let mean = points().map(|(t, w)| t * w).sum::<f64>() / sum;
        let variance = points().map(|(t, w)| (t - mean).powi(2) * w).sum::<f64>() / sum;
        let ours =
            false_alarm_probability(number(line[2]), star.times.len(), variance, number(line[3]));
        // Theirs is 1 minus something, and so has no digits below 1e-16.
        assert_close(ours, number(line[4]), 1e-11 * ours + 3e-16, &line);
    }
}

#[test]
fn entropies_are_scipy_s() {
    let lines = lines(include_str!("../goldens/conditional_entropy.csv"));
    assert_eq!(lines.len(), 800);
    for line in lines {
        let star = Star::named(line[0]);
        let bins = conditional_entropy::Bins::default();
        let ours = entropies(&star.curve(false), &at(line[1]), &bins).unwrap();
        assert_close(ours[0], number(line[2]), 1e-14, &line);
    }
}

#[test]
fn thetas_are_pyastronomy_s() {
    let lines = lines(include_str!("../goldens/phase_dispersion.csv"));
    assert_eq!(lines.len(), 1151);
    for line in lines {
        let star = Star::named(line[0]);
        let bins = phase_dispersion::Bins {
            bins: line[1].parse().unwrap(),
            covers: line[2].parse().unwrap(),
        };
        let ours = thetas(&star.curve(false), &at(line[3]), &bins).unwrap();
        assert_close(ours[0], number(line[4]), 1e-12, &line);
    }
}

#[test]
fn phases_are_those_of_fractions() {
    let lines = lines(include_str!("../goldens/phase_fold.csv"));
    assert_eq!(lines.len(), 276);
    for line in lines {
        let [time, period, epoch, expected] = [0, 1, 2, 3].map(|at| number(line[at]));
        let phase = phase_fold(&[time], period, epoch).unwrap()[0];
        assert!((0.0..1.0).contains(&phase), "{line:?}: {phase}");
        // On the circle: 1 is 0.
        let off = (phase - expected).abs();
        assert!(off.min((1.0 - off).abs()) < 2.3e-16, "{line:?}: {phase}");
    }
}

#[test]
fn pairs_are_numpy_s() {
    let dt = [
        0.0,
        1.0 / 145.0,
        2.0 / 145.0,
        0.05,
        0.1,
        0.5,
        1.0,
        2.0,
        5.0,
        10.0,
        30.0,
        60.0,
        90.0,
        240.0,
        600.0,
        960.0,
        2_000.0,
        4_000.0,
    ];
    let dm = [
        -8.0, -3.0, -1.0, -0.5, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0,
        8.0,
    ];
    let lines = lines(include_str!("../goldens/pairwise_histogram.csv"));
    assert_eq!(lines.len(), 2 * 17);
    for part in lines.chunks(17) {
        let star = Star::named(part[0][0]);
        let offsets = [0, star.times.len() as u32];
        let curves = Curves::new(&offsets, &star.times, &star.values, None, None).unwrap();
        let counts = histograms(&curves, &Edges { dt: &dt, dm: &dm }, 1).unwrap();
        let expected = part.iter().flat_map(|line| &line[1..]);
        let expected: Vec<u32> = expected.map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(counts, expected);
    }
}
