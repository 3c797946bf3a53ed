//! The points of one source in one band, weighted and centred.

use light_curve::Curve;

/// Points of one band that can be fitted together.
///
/// Where any point has an error, those without are left out; where none has, all weigh the
/// same, as if each had the standard deviation of the values as its error.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Days since the epoch.
    pub times: Vec<f64>,
    /// Values less [`mean`](Self::mean).
    pub values: Vec<f64>,
    /// 1σ errors.
    pub errors: Vec<f64>,
    /// 1/σ².
    pub weights: Vec<f64>,
    /// Σ(w·x)/Σw.
    pub mean: f64,
    /// χ² of the constant: Σ w (x − mean)².
    pub chi2: f64,
    /// Whether the errors are the survey's.
    pub has_errors: bool,
}

impl Band {
    /// The points of `curve`, with times since `epoch_mjd`, and `systematic_error` added to their
    /// errors in quadrature.
    pub fn new(curve: Curve<'_>, epoch_mjd: f64, systematic_error: f64) -> Self {
        let has_errors = curve.errors.iter().any(|error| !error.is_nan());
        let kept: Vec<_> =
            (0..curve.len()).filter(|at| !has_errors || !curve.errors[*at].is_nan()).collect();
        let times = kept.iter().map(|at| curve.times[*at] - epoch_mjd).collect();
        let mut values: Vec<_> = kept.iter().map(|at| curve.values[*at]).collect();
        let errors: Vec<_> = if has_errors {
            kept.iter().map(|at| libm::hypot(curve.errors[*at], systematic_error)).collect()
        } else {
            vec![deviation(&values); values.len()]
        };
        let weights: Vec<_> = errors.iter().map(|error| 1.0 / (error * error)).collect();
        let mut mean = 0.0;
        // The second pass takes off what rounding of the first mean left.
        for _ in 0..2 {
            let shift = weighted_mean(&values, &weights);
            values.iter_mut().for_each(|value| *value -= shift);
            mean += shift;
        }
        let chi2 = values.iter().zip(&weights).map(|(value, weight)| value * value * weight).sum();
        Self { times, values, errors, weights, mean, chi2, has_errors }
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Whether all values are equal, or there are none.
    pub fn is_constant(&self) -> bool {
        self.values.windows(2).all(|pair| pair[0] == pair[1])
    }
}

/// Standard deviation, with n; 1 where it is nothing, so that it can be divided by.
pub fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
    if variance > 0.0 { variance.sqrt() } else { 1.0 }
}

fn weighted_mean(values: &[f64], weights: &[f64]) -> f64 {
    let sum: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    sum / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: [f64; 4] = [10.0, 11.0, 12.0, 13.0];

    #[test]
    fn points_without_error_are_left_out_where_others_have_one() {
        let errors = [0.5, f64::NAN, 1.0, 0.5];
        let curve = Curve { times: &TIMES, values: &[1.0, 9.0, 2.0, 3.0], errors: &errors };
        let band = Band::new(curve, 10.0, 0.0);
        assert_eq!((band.times, band.weights), (vec![0.0, 2.0, 3.0], vec![4.0, 1.0, 4.0]));
        assert_eq!((band.mean, band.values), (2.0, vec![-1.0, 0.0, 1.0]));
        assert_eq!((band.chi2, band.has_errors), (8.0, true));
    }

    #[test]
    fn without_errors_all_weigh_the_same() {
        let errors = [f64::NAN; 4];
        let band = Band::new(
            Curve { times: &TIMES, values: &[1.0, -1.0, 1.0, -1.0], errors: &errors },
            0.0,
            0.0,
        );
        assert_eq!((band.chi2, band.has_errors, band.len()), (4.0, false, 4));
        let flat = Band::new(Curve { times: &TIMES, values: &[0.1; 4], errors: &errors }, 0.0, 0.0);
        assert!(flat.is_constant() && flat.weights == [1.0; 4]);
    }
}
