//! Straight lines through light curves.

use crate::lanes::sums;
use crate::reason::{Reason, Value};

/// A line, fitted by least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// In the values' unit by day.
    pub slope: f64,
    /// Its 1σ error, likewise.
    pub slope_sigma: f64,
    /// For [`trend`], the scatter √(Σr²/(n − 2)) in the values' unit; for [`fit`],
    /// Σ(r/σ)²/(n − 2). r is what the line leaves.
    pub residual: f64,
}

/// The line through points of equal weight; the scatter about it gives the slope's error.
/// From 3 points.
///
/// Reference: Press et al. 2007, Numerical Recipes, 3rd edition, section 15.2.
///
/// # Errors
/// [`Reason::OneTime`].
pub fn trend(times: &[f64], values: &[f64]) -> Result<Line, Reason> {
    let n = times.len() as f64;
    let (first_t, first_x) = (times[0], values[0]);
    let [sum_t, sum_x] = sums([times, values], |[t, x]| [t - first_t, x - first_x]);
    let (mean_t, mean_x) = (sum_t / n, sum_x / n);
    let offs = |t: f64, x: f64| (t - first_t - mean_t, x - first_x - mean_x);
    let [tt, tx] = sums([times, values], |[t, x]| {
        let (t, x) = offs(t, x);
        [t * t, t * x]
    });
    let tt = takes_time(tt, times)?;
    let slope = tx / tt;
    let [left] = sums([times, values], |[t, x]| {
        let (t, x) = offs(t, x);
        let off = x - slope * t;
        [off * off]
    });
    let variance = left / (n - 2.0);
    Ok(Line { slope, slope_sigma: (variance / tt).sqrt(), residual: variance.sqrt() })
}

/// The line through points weighted by 1/σ²; the errors give the slope's error.
/// From 3 points with an error.
///
/// Reference: Press et al. 2007, as for [`trend`].
///
/// # Errors
/// [`Reason::OneTime`].
pub fn fit(times: &[f64], values: &[f64], errors: &[f64]) -> Result<Line, Reason> {
    let n = times.len() as f64;
    let (first_t, first_x) = (times[0], values[0]);
    let weight = |error: f64| 1.0 / (error * error);
    let points = [times, values, errors];
    let [sum_w, sum_t, sum_x] = sums(points, |[t, x, error]| {
        let w = weight(error);
        [w, w * (t - first_t), w * (x - first_x)]
    });
    let (mean_t, mean_x) = (sum_t / sum_w, sum_x / sum_w);
    let offs = |t: f64, x: f64| (t - first_t - mean_t, x - first_x - mean_x);
    let [tt, tx] = sums(points, |[t, x, error]| {
        let (w, (t, x)) = (weight(error), offs(t, x));
        [w * t * t, w * t * x]
    });
    let tt = takes_time(tt, times)?;
    let slope = tx / tt;
    let [chi2] = sums(points, |[t, x, error]| {
        let (t, x) = offs(t, x);
        let off = (x - slope * t) / error;
        [off * off]
    });
    Ok(Line { slope, slope_sigma: 1.0 / tt.sqrt(), residual: chi2 / (n - 2.0) })
}

fn takes_time(square: f64, times: &[f64]) -> Value {
    let one_time = times.first() == times.last() || square == 0.0;
    if one_time { Err(Reason::OneTime) } else { Ok(square) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let times = [50_000.0, 50_001.0, 50_004.0];
        let line = trend(&times, &[1.0, 3.0, 9.0]).unwrap();
        assert!((line.slope - 2.0).abs() < 1e-15 && line.residual < 1e-12);
        let line = fit(&times, &[1.0, 3.0, 9.0], &[0.1; 3]).unwrap();
        assert!((line.slope - 2.0).abs() < 1e-14 && line.residual < 1e-12);
        assert_eq!(trend(&[2.0; 3], &[1.0, 2.0, 3.0]), Err(Reason::OneTime));
    }
}
