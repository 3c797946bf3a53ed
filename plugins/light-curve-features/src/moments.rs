//! What is left of the values when neither time, errors nor order matter.

use crate::lanes::{extremes, sums};
use crate::reason::{Reason, Value, over};

/// Central moments of a sample of finite values, and its ends.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// Number of values.
    pub n: f64,
    pub min: f64,
    pub max: f64,
    /// Σx/n.
    pub mean: f64,
    /// Σ(x − mean)².
    pub square: f64,
    /// Σ(x − mean)³.
    pub cube: f64,
    /// Σ(x − mean)⁴.
    pub fourth: f64,
}

impl Moments {
    /// The moments of `values`, in two passes.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let (min, max) = extremes(values);
        let [sum] = sums([values], |[value]| [value]);
        let mean = sum / n;
        let [square, cube, fourth] = sums([values], |[value]| {
            let off = value - mean;
            let square = off * off;
            [square, square * off, square * square]
        });
        Self { n, min, max, mean, square, cube, fourth }
    }

    /// Whether all values are the same. Rounding leaves the sums of squares above zero then,
    /// so that they cannot tell.
    pub fn is_constant(&self) -> bool {
        self.min == self.max
    }

    /// `square` where it may be divided by.
    ///
    /// # Errors
    /// [`Reason::Constant`].
    pub fn spread(&self) -> Value {
        if self.is_constant() { Err(Reason::Constant) } else { over(self.square) }
    }

    /// Half of the range: (max − min)/2, in the values' unit. From 1 point.
    pub fn amplitude(&self) -> f64 {
        0.5 * (self.max - self.min)
    }

    /// s² = Σ(x − mean)²/(n − 1). From 2 points.
    pub fn variance(&self) -> f64 {
        if self.is_constant() { 0.0 } else { self.square / (self.n - 1.0) }
    }

    /// s = √s², in the values' unit. From 2 points.
    pub fn standard_deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The adjusted skewness G₁ = n/((n − 1)(n − 2)) · Σ(x − mean)³/s³. From 3 points.
    ///
    /// Reference: Joanes & Gill 1998, The Statistician 47, 183,
    /// [doi:10.1111/1467-9884.00122](https://doi.org/10.1111/1467-9884.00122).
    ///
    /// # Errors
    /// [`Reason::Constant`].
    pub fn skew(&self) -> Value {
        let n = self.n;
        let variance = self.spread()? / (n - 1.0);
        Ok(n / ((n - 1.0) * (n - 2.0)) * self.cube / (variance * variance.sqrt()))
    }

    /// The adjusted excess kurtosis
    /// G₂ = n(n + 1)/((n − 1)(n − 2)(n − 3)) · Σ(x − mean)⁴/s⁴ − 3(n − 1)²/((n − 2)(n − 3)).
    /// From 4 points.
    ///
    /// Reference: Joanes & Gill 1998, as for [`skew`](Self::skew).
    ///
    /// # Errors
    /// [`Reason::Constant`].
    pub fn kurtosis(&self) -> Value {
        let n = self.n;
        let variance = self.spread()? / (n - 1.0);
        let scale = n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0));
        let normal = 3.0 * (n - 1.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0));
        Ok(scale * self.fourth / (variance * variance) - normal)
    }

    /// The share of `values` with |x − mean| > `n_std` · s, in 0..=1. From 2 points.
    ///
    /// Reference: D'Isanto et al. 2016, MNRAS 457, 3119,
    /// [doi:10.1093/mnras/stw157](https://doi.org/10.1093/mnras/stw157).
    pub fn beyond(&self, values: &[f64], n_std: f64) -> f64 {
        let limit = n_std * self.standard_deviation();
        if self.is_constant() {
            return 0.0;
        }
        let mean = self.mean;
        let is_beyond = |[value]: [f64; 1]| if (value - mean).abs() > limit { 1.0 } else { 0.0 };
        let [beyond] = sums([values], |value| [is_beyond(value)]);
        beyond / self.n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_has_no_shape() {
        let moments = Moments::of(&[0.1; 7]);
        assert_eq!(moments.standard_deviation(), 0.0);
        assert_eq!(
            (moments.skew(), moments.kurtosis()),
            (Err(Reason::Constant), Err(Reason::Constant))
        );
        assert_eq!(moments.beyond(&[0.1; 7], 1.0), 0.0);
    }

    #[test]
    fn moments_by_hand() {
        let values = [0.0, 1.0, 3.0, 4.0, 12.0];
        let moments = Moments::of(&values);
        assert_eq!((moments.mean, moments.square, moments.amplitude()), (4.0, 90.0, 6.0));
        assert_eq!((moments.cube, moments.fourth), (420.0, 4434.0));
        assert_eq!(moments.beyond(&values, 1.0), 0.2);
    }
}
