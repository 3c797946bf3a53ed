//! The periodogram against a plain sum, and what must hold whatever the curve.

use skyloom_kernels::lomb_scargle::{Peak, periodogram, periodogram_bands, search};
use skyloom_kernels::{Curve, Curves, Frequencies, Grid, Search};

/// Numbers from 0 to 1 that look drawn.
fn draw(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

struct Star {
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl Star {
    fn drawn(seed: u64, n_points: usize, period: f64) -> Self {
        let mut draw = draw(seed);
        let times: Vec<_> = (0..n_points).map(|_| 58_000.0 + 3_652.5 * draw()).collect();
        let errors: Vec<_> = (0..n_points).map(|_| 0.02 + 0.08 * draw()).collect();
        let value = |(time, error): (&f64, &f64)| {
            17.0 + 0.3 * libm::sin(std::f64::consts::TAU * (time / period).fract())
                + error * (draw() + draw() + draw() + draw() - 2.0)
        };
        let values = times.iter().zip(&errors).map(value).collect();
        Self { times, values, errors }
    }

    fn curve(&self) -> Curve<'_> {
        let errors = Some(&self.errors[..]);
        Curve { times: &self.times, values: &self.values, errors, bands: None }
    }
}

/// The power by a plain sum of libm's sines, means taken off first; phases are exact.
fn plain_power(curve: &Curve<'_>, grid: &Grid, index: usize) -> f64 {
    let weights: Vec<_> = match curve.errors {
        Some(errors) => errors.iter().map(|error| error.powi(-2)).collect(),
        None => vec![1.0; curve.times.len()],
    };
    let sum: f64 = weights.iter().sum();
    let mean = |of: &[f64]| of.iter().zip(&weights).map(|(a, w)| a * w).sum::<f64>() / sum;
    let product =
        |a: &[f64], b: &[f64]| mean(&a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<_>>());
    let centred = |of: &[f64]| {
        let mean = mean(of);
        of.iter().map(|a| a - mean).collect::<Vec<_>>()
    };
    // t k step and t minimum, each with what rounding takes off.
    let angle = |time: f64| {
        let time = time - curve.times[0];
        let part = |factor: f64| {
            let high = time * factor;
            (high - high.round_ties_even(), time.mul_add(factor, -high))
        };
        let step = time * grid.step;
        let step_low = time.mul_add(grid.step, -step);
        let k = index as f64;
        let steps = step * k;
        let (first, first_low) = part(grid.minimum);
        let turns = (steps - steps.round_ties_even()) + step.mul_add(k, -steps);
        std::f64::consts::TAU * (turns + step_low * k + first + first_low)
    };
    let angles: Vec<_> = curve.times.iter().map(|time| angle(*time)).collect();
    let y = centred(&centred(curve.values));
    let cos = centred(&angles.iter().map(|angle| libm::cos(*angle)).collect::<Vec<_>>());
    let sin = centred(&angles.iter().map(|angle| libm::sin(*angle)).collect::<Vec<_>>());
    let (yc, ys) = (product(&y, &cos), product(&y, &sin));
    let (cc, ss, cs) = (product(&cos, &cos), product(&sin, &sin), product(&cos, &sin));
    (ss * yc * yc + cc * ys * ys - 2.0 * cs * yc * ys) / ((cc * ss - cs * cs) * product(&y, &y))
}

#[test]
fn powers_are_those_of_a_plain_sum() {
    for (seed, n_points, count) in [
        (1, 200, 20_000),
        (2, 3, 300),
        (3, 17, 7_000),
        (4, 700, 900),
        (5, 257, 129),
        (6, 2_500, 20_000),
    ] {
        let star = Star::drawn(seed, n_points, 0.6);
        let step = 20.0 / count as f64;
        let grid = Grid { minimum: step, step, count };
        for curve in [star.curve(), Curve { errors: None, ..star.curve() }] {
            let powers = periodogram(&curve, &grid).unwrap();
            assert_eq!(powers.len(), count);
            let mut worst = 0.0f64;
            // All of short curves, some of long ones.
            for (index, power) in powers.iter().enumerate().step_by(1 + n_points / 100) {
                worst = worst.max((power - plain_power(&curve, &grid, index)).abs());
            }
            // Any three points lie on a sine, and the power is 1 by all digits there are.
            let limit = if n_points == 3 { 1e-6 } else { 1e-12 };
            assert!(worst < limit, "{n_points} points, {count} frequencies: {worst}");
            println!("{n_points} points, {count} frequencies: error {worst:.1e}");
        }
    }
}

#[test]
fn slow_frequencies_are_exact_enough() {
    // From a twentieth of a period in the baseline.
    let star = Star::drawn(8, 100, 900.0);
    let grid = Grid { minimum: 0.05 / 3_652.5, step: 0.05 / 3_652.5, count: 100 };
    let powers = periodogram(&star.curve(), &grid).unwrap();
    for (index, power) in powers.iter().enumerate() {
        let off = (power - plain_power(&star.curve(), &grid, index)).abs();
        assert!(off < if index < 2 { 1e-8 } else { 1e-11 }, "{index}: {off}");
    }
}

#[test]
fn scale_offset_and_weights_do_not_matter() {
    let star = Star::drawn(5, 80, 0.6);
    let grid = Grid { minimum: 0.001, step: 0.004, count: 1_000 };
    let expected = periodogram(&star.curve(), &grid).unwrap();
    let changed = Star {
        times: star.times.iter().map(|time| time - 50_000.0).collect(),
        values: star.values.iter().map(|value| 1e-9 * value + 1e-7).collect(),
        errors: star.errors.iter().map(|error| 1e-180 * error).collect(),
    };
    let powers = periodogram(&changed.curve(), &grid).unwrap();
    for (a, b) in powers.iter().zip(expected) {
        // Times lose digits by the subtraction, values by the offset.
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}

#[test]
fn curves_without_periods_have_none() {
    let grid = Grid { minimum: 0.1, step: 0.1, count: 7 };
    let curve = Curve { times: &[], values: &[], errors: None, bands: None };
    let two = Curve { times: &[0.0, 1.0], values: &[0.0, 1.0], ..curve };
    // A constant whose mean rounds.
    let constant = Curve { times: &[0.0, 1.0, 3.0, 4.5, 5.0, 7.0], values: &[0.1; 6], ..curve };
    for curve in [curve, two, constant] {
        let powers = periodogram(&curve, &grid).unwrap();
        assert!(powers.len() == 7 && powers.iter().all(|power| power.is_nan()));
    }
    let curves = Curves::new(&[0, 0, 2], &[0.0, 1.0], &[0.0, 1.0], None, None).unwrap();
    let what = Search { frequencies: Frequencies::Same(grid), peaks: 3 };
    assert_eq!(search(&curves, &what, 1).unwrap(), [vec![], vec![]]);
    let frequencies = Frequencies::Auto { samples_per_peak: 5.0, minimum: None, maximum: 2.0 };
    assert_eq!(search(&curves, &Search { frequencies, peaks: 3 }, 1).unwrap(), [vec![], vec![]]);
}

#[test]
fn where_phases_cannot_be_told_apart_what_can_be_is_fitted() {
    let times: Vec<_> = (0..10).map(f64::from).collect();
    let values: Vec<_> = times.iter().map(|time| 5.0 + time % 2.0).collect();
    let curve = Curve { times: &times, values: &values, errors: None, bands: None };
    // Nothing at 0 and at the rate of sampling, all at half of it.
    let grid = Grid { minimum: 0.0, step: 0.5, count: 3 };
    let powers = periodogram(&curve, &grid).unwrap();
    assert_eq!([powers[0], powers[2]], [0.0, 0.0]);
    assert!((powers[1] - 1.0).abs() < 1e-14);
    // All points at one time.
    let curve = Curve { times: &[3.0; 10], ..curve };
    assert_eq!(periodogram(&curve, &grid).unwrap(), [0.0; 3]);
}

/// Curves of several lengths, behind each other.
fn many() -> (Vec<u32>, Star) {
    let mut all = Star { times: vec![], values: vec![], errors: vec![] };
    let mut offsets = vec![0];
    for (seed, n_points) in [(1, 200), (2, 5), (3, 0), (4, 300), (5, 64), (6, 2)] {
        let star = Star::drawn(seed, n_points, 0.1 * seed as f64);
        all.times.extend(star.times);
        all.values.extend(star.values);
        all.errors.extend(star.errors);
        offsets.push(all.times.len() as u32);
    }
    (offsets, all)
}

#[test]
fn peaks_are_sharp_apart_and_the_same_on_all_threads() {
    let (offsets, all) = many();
    let curves = Curves::new(&offsets, &all.times, &all.values, Some(&all.errors), None).unwrap();
    let frequencies = Frequencies::Auto { samples_per_peak: 5.0, minimum: None, maximum: 12.0 };
    let what = Search { frequencies, peaks: 4 };
    let found = search(&curves, &what, 1).unwrap();
    for threads in [2, 3, 16] {
        assert_eq!(search(&curves, &what, threads).unwrap(), found);
    }
    assert!(found[2].is_empty() && found[5].is_empty());
    for (index, frequency) in [(0, 10.0), (3, 2.5), (4, 2.0)] {
        let peaks = &found[index];
        assert_eq!(peaks.len(), 4);
        // A hundredth of a peak's width.
        assert!((peaks[0].frequency - frequency).abs() < 3e-6, "{:?}", peaks[0]);
        assert!(peaks[0].false_alarm_probability < 1e-10);
        for (at, peak) in peaks.iter().enumerate() {
            let Peak { frequency, power, .. } = *peak;
            assert!(peaks[..at].iter().all(|higher| higher.power >= power));
            let curve = curves.get(index);
            // No higher to the left or right, and what the grid's code says of this frequency.
            let grid = Grid { minimum: frequency - 1e-6, step: 1e-6, count: 3 };
            let near = periodogram(&curve, &grid).unwrap();
            assert!(near[0] < power && near[2] < power, "{near:?} {power}");
            assert!((near[1] - power).abs() < 1e-12);
        }
    }
}

#[test]
fn bands_have_sines_of_their_own() {
    let mut draw = draw(9);
    let (mut times, mut values, mut errors, mut bands) = (vec![], vec![], vec![], vec![]);
    for at in 0..150 {
        let band = [4u8, 0, 200][at % 3];
        let (time, error) = (500.0 * draw(), 0.05 + 0.1 * draw());
        let phase = std::f64::consts::TAU * (time / 3.7 + f64::from(band) * 0.3);
        times.push(time);
        values.push(libm::sin(phase) + f64::from(band) + error * (draw() - 0.5));
        errors.push(error);
        bands.push(band);
    }
    // A band of two points counts for nothing.
    for time in [3.0, 4.0] {
        times.push(time);
        values.push(time * 100.0);
        errors.push(0.01);
        bands.push(7);
    }
    let curve =
        Curve { times: &times, values: &values, errors: Some(&errors), bands: Some(&bands) };
    let grid = Grid { minimum: 0.01, step: 0.001, count: 500 };
    let powers = periodogram_bands(&curve, &grid).unwrap();
    let mut expected = vec![0.0; grid.count];
    let mut sum = 0.0;
    for band in [0, 4, 200] {
        let of = |column: &[f64]| -> Vec<f64> {
            let inside = column.iter().zip(&bands).filter(|(_, of)| **of == band);
            inside.map(|(value, _)| *value).collect()
        };
        let (times, values, errors) = (of(&times), of(&values), of(&errors));
        let weight: f64 = errors.iter().map(|error| error.powi(-2)).sum();
        let mean = values.iter().zip(&errors).map(|(y, e)| y / (e * e)).sum::<f64>() / weight;
        let chi: f64 = values.iter().zip(&errors).map(|(y, e)| ((y - mean) / e).powi(2)).sum();
        let curve = Curve { times: &times, values: &values, errors: Some(&errors), bands: None };
        for (index, expected) in expected.iter_mut().enumerate() {
            *expected += chi * plain_power(&curve, &grid, index);
        }
        sum += chi;
    }
    for (power, expected) in powers.iter().zip(expected) {
        assert!((power - expected / sum).abs() < 1e-12, "{power} {}", expected / sum);
    }
    let offsets = [0, times.len() as u32];
    let curves = Curves::new(&offsets, &times, &values, Some(&errors), Some(&bands)).unwrap();
    let what = Search { frequencies: Frequencies::Same(grid), peaks: 1 };
    let peak = search(&curves, &what, 1).unwrap()[0][0];
    assert!((peak.frequency - 1.0 / 3.7).abs() < 1e-4 && peak.power > 0.95, "{peak:?}");
    assert!(peak.false_alarm_probability.is_nan());
}

#[test]
fn what_cannot_be_searched_is_refused_in_words() {
    let curves = Curves::new(&[0, 3], &[0.0, 1.0, 1e9], &[0.0, 1.0, 2.0], None, None).unwrap();
    let message = |samples_per_peak: f64, maximum: f64| {
        let frequencies = Frequencies::Auto { samples_per_peak, minimum: None, maximum };
        search(&curves, &Search { frequencies, peaks: 1 }, 2).unwrap_err().to_string()
    };
    let text = message(5.0, 10.0);
    assert!(text.starts_with("light curve 0: ") && text.ends_with("lower the maximum"), "{text}");
    assert!(message(0.0, 10.0).contains("samples per peak"));
    assert!(message(5.0, f64::NAN).contains("maximum"));
}
