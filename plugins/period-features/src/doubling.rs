//! Whether the true period is twice the one that was found.
//!
//! An eclipsing binary has two minima in a turn. Where they are alike, it repeats after half a
//! turn but for what tells them apart, and a search finds that half.

use crate::band::Band;
use crate::series::Fitter;

/// How much better twice the period describes the curve, as a difference of Bayesian information
/// criteria (Schwarz 1978, doi:10.1214/aos/1176344136):
///
/// ```text
/// ΔBIC = N ln(χ²_P / χ²_2P) − K ln N
/// ```
///
/// χ²_P of series of order n at the period P, and χ²_2P of order 2n at 2P, which have the former's
/// terms and those that differ from half turn to half turn; N the number of points, K = 2n for each
/// band the number of terms that are new. Errors need be known up to a factor only. Above 0, twice the period is to be preferred; above 10,
/// strongly so (Kass & Raftery 1995, doi:10.1080/01621459.1995.10476572).
///
/// Bands with fewer than 4n + 2 points are left out; none where that are all, or where the phases do
/// not determine a series. It does not see binaries whose minima are equal.
pub fn delta_bic(bands: &[Band], frequency: f64, order: usize) -> Option<f64> {
    let (mut once, mut twice) = (Fitter::new(order), Fitter::new(2 * order));
    let (mut n_points, mut n_terms) = (0, 0);
    let (mut chi2_once, mut chi2_twice) = (0.0, 0.0);
    let needs = twice.needs();
    for band in bands.iter().filter(|band| band.len() >= needs && band.chi2 > 0.0) {
        let series = once.fit(band, frequency)?;
        chi2_once += chi2(&series.residuals(band, frequency), band);
        let series = twice.fit(band, 0.5 * frequency)?;
        chi2_twice += chi2(&series.residuals(band, 0.5 * frequency), band);
        n_points += band.len();
        n_terms += 2 * order;
    }
    let n = n_points as f64;
    let delta = n * libm::log(chi2_once / chi2_twice) - n_terms as f64 * libm::log(n);
    (n_points > 0 && delta.is_finite()).then_some(delta)
}

/// χ² of what a fit leaves.
pub fn chi2(residuals: &[f64], band: &Band) -> f64 {
    residuals.iter().zip(&band.weights).map(|(rest, weight)| rest * rest * weight).sum()
}

#[cfg(test)]
mod tests {
    use light_curve::Curve;

    use super::*;

    fn band(of: impl Fn(f64) -> f64) -> Vec<Band> {
        let times: Vec<_> = (0..60).map(|at| f64::from(at * at % 997) * 0.1371).collect();
        let value = |(at, time): (usize, &f64)| of(*time) + 0.01 * libm::sin((at * at) as f64);
        let values: Vec<_> = times.iter().enumerate().map(value).collect();
        vec![Band::new(Curve { times: &times, values: &values, errors: &[0.01; 60] }, 0.0, 0.0)]
    }

    fn wave(turns: f64) -> f64 {
        libm::cos(std::f64::consts::TAU * turns)
    }

    #[test]
    fn only_what_differs_from_turn_to_turn_is_doubled() {
        let alike = band(|time| wave(2.0 * 0.7 * time));
        assert!(delta_bic(&alike, 1.4, 2).unwrap() < 0.0);
        let unlike = band(|time| wave(2.0 * 0.7 * time) + 0.1 * wave(0.7 * time));
        assert!(delta_bic(&unlike, 1.4, 2).unwrap() > 10.0);
    }

    #[test]
    fn too_few_points_decide_nothing() {
        assert!(delta_bic(&band(wave), 1.4, 20).is_none());
        assert!(delta_bic(&[], 1.4, 1).is_none());
    }
}
