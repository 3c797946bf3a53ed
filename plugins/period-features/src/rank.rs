//! Candidate frequencies, ordered by how well a Fourier series fits there.

use crate::band::Band;
use crate::series::Fitter;

/// A frequency, and what part of χ² a series takes away there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// In cycles per day.
    pub frequency: f64,
    /// (χ²₀ − χ²)/χ²₀ over all bands, 0 to 1; −∞ where no band has enough points.
    pub power: f64,
    /// Which candidate this was.
    pub candidate: usize,
}

/// The power of a series of the fitter's order, own to each band, at a common frequency:
/// Σ(χ²₀ − χ²)/Σχ²₀.
///
/// Bands whose points are too few for the order are left out; none where that are all, or
/// where the phases do not determine the series of a band that has enough.
pub fn power(fitter: &mut Fitter, bands: &[Band], frequency: f64) -> Option<f64> {
    let (mut explained, mut all) = (0.0, 0.0);
    let needs = fitter.needs();
    for band in bands.iter().filter(|band| band.len() >= needs && band.chi2 > 0.0) {
        explained += fitter.explained(band, frequency)?;
        all += band.chi2;
    }
    (all > 0.0).then_some(explained / all)
}

/// The candidates, each climbed to the greatest power at most half of `width` away, the
/// greatest first. `width` is that of a peak, one over the time span.
pub fn rank(fitter: &mut Fitter, bands: &[Band], candidates: &[f64], width: f64) -> Vec<Ranked> {
    let climbed = candidates.iter().enumerate().map(|(candidate, frequency)| {
        let (frequency, power) = climb(fitter, bands, *frequency, width);
        Ranked { frequency, power, candidate }
    });
    let mut ranked: Vec<_> = climbed.collect();
    ranked.sort_by(|a, b| b.power.total_cmp(&a.power));
    ranked
}

/// Steps to either side of a candidate.
const STEPS: i32 = 4;

/// The best of nine frequencies about `start`, then by the golden section between its
/// neighbours.
fn climb(fitter: &mut Fitter, bands: &[Band], start: f64, width: f64) -> (f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut value = |frequency: f64| power(fitter, bands, frequency).unwrap_or(f64::NEG_INFINITY);
    let step = 0.5 * width / f64::from(STEPS);
    let mut best = (start, value(start));
    for at in (-STEPS..=STEPS).filter(|at| *at != 0) {
        let frequency = f64::from(at).mul_add(step, start);
        let tried = (frequency, value(frequency));
        if frequency > 0.0 && tried.1 > best.1 {
            best = tried;
        }
    }
    let (mut low, mut high) = (best.0 - step, best.0 + step);
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (value(left), value(right));
    for _ in 0..12 {
        if at_left >= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = value(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = value(right);
        }
        for tried in [(left, at_left), (right, at_right)] {
            if tried.1 > best.1 {
                best = tried;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use light_curve::Curve;

    use super::*;

    #[test]
    fn the_frequency_of_a_curve_with_harmonics_is_climbed_to() {
        let times: Vec<_> = (0..80).map(|at| f64::from(at * at % 1009) * 0.0973).collect();
        let wave = |turns: f64| libm::cos(std::f64::consts::TAU * turns);
        let curve = |time: &f64| wave(0.62 * time) + 0.7 * wave(1.24 * time - 0.2);
        let values: Vec<_> = times.iter().map(curve).collect();
        let curve = Curve { times: &times, values: &values, errors: &[0.1; 80] };
        let bands = [Band::new(curve, 0.0, 0.0)];
        let ranked = rank(&mut Fitter::new(3), &bands, &[1.24, 0.6215, 0.31], 0.01);
        assert_eq!(ranked[0].candidate, 1);
        assert!((ranked[0].frequency - 0.62).abs() < 1e-5, "{ranked:?}");
        assert!(ranked[0].power > 0.999_99 && ranked[1].power < 0.999, "{ranked:?}");
    }

    #[test]
    fn without_points_candidates_keep_their_order() {
        let ranked = rank(&mut Fitter::new(3), &[], &[2.0, 3.0], 0.1);
        assert!(ranked.iter().all(|ranked| ranked.power == f64::NEG_INFINITY));
        assert_eq!([ranked[0].frequency, ranked[1].frequency], [2.0, 3.0]);
    }
}
