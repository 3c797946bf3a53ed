//! Values weighed by their errors.

use crate::lanes::sums;
use crate::moments::Moments;
use crate::reason::{Value, over};

/// Sums over points that have an error σ > 0; at least one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Weighted {
    n: f64,
    /// Σ(x/σ²)/Σ(1/σ²), in the values' unit. From 1 point.
    pub mean: f64,
    /// χ² = Σ((x − weighted mean)/σ)². From 2 points.
    pub chi2: f64,
    /// Σ|x − weighted mean|/σ.
    absolute: f64,
    /// Σσ²/n.
    error_square: f64,
}

impl Weighted {
    /// In two passes.
    pub fn of(values: &[f64], errors: &[f64]) -> Self {
        let n = values.len() as f64;
        let first = values[0];
        let [weights, weighted, squares] = sums([values, errors], |[value, error]| {
            let square = error * error;
            let weight = 1.0 / square;
            [weight, weight * (value - first), square]
        });
        let mean = first + weighted / weights;
        let [chi2, absolute] = sums([values, errors], |[value, error]| {
            let off = (value - mean) / error;
            [off * off, off.abs()]
        });
        Self { n, mean, chi2, absolute, error_square: squares / n }
    }

    /// χ²/(n − 1): 1 for constant light with right errors. From 2 points. The package
    /// light-curve calls this one `chi2`.
    pub fn reduced_chi2(&self) -> f64 {
        self.chi2 / (self.n - 1.0)
    }

    /// (s² − ⟨σ²⟩)/mean², which can be negative. From 2 points. For magnitudes, and fluxes
    /// that are far from zero.
    ///
    /// Reference: Sánchez et al. 2017, ApJ 849, 110,
    /// [doi:10.3847/1538-4357/aa9188](https://doi.org/10.3847/1538-4357/aa9188).
    ///
    /// # Errors
    /// If the mean is zero.
    pub fn excess_variance(&self, moments: &Moments) -> Value {
        let mean = over(moments.mean)?;
        Ok((moments.variance() - self.error_square) / (mean * mean))
    }

    /// Σ|x − median|/σ/(n − 1): below 1 for constant light. From 2 points.
    ///
    /// Reference: Enoch, Brown & Burgasser 2003, AJ 126, 1006,
    /// [doi:10.1086/376598](https://doi.org/10.1086/376598).
    pub fn roms(&self, values: &[f64], errors: &[f64], median: f64) -> f64 {
        let [sum] = sums([values, errors], |[value, error]| [(value - median).abs() / error]);
        sum / (self.n - 1.0)
    }

    /// Stetson's K = Σ|d|/√(n Σd²), d = (x − weighted mean)/σ: 0.798 for normal scatter,
    /// 0.9 for a sine, less if few points stand out. From 2 points.
    ///
    /// Reference: Stetson 1996, PASP 108, 851,
    /// [doi:10.1086/133808](https://doi.org/10.1086/133808).
    ///
    /// # Errors
    /// If all values are the same.
    pub fn stetson_k(&self, moments: &Moments) -> Value {
        moments.spread()?;
        Ok(self.absolute / over((self.n * self.chi2).sqrt())?)
    }

    /// Welch and Stetson's I for one band: √(1/(p(p − 1))) Σ dᵢdᵢ₊₁ over the p = n − 1 pairs of
    /// neighbours in time, d = (x − weighted mean)/σ. Near 0 for noise, large where
    /// neighbours stray together. From 3 points.
    ///
    /// Reference: Welch & Stetson 1993, AJ 105, 1813,
    /// [doi:10.1086/116556](https://doi.org/10.1086/116556), who pair two bands; for one,
    /// Sokolovsky et al. 2017, MNRAS 464, 274,
    /// [doi:10.1093/mnras/stw2262](https://doi.org/10.1093/mnras/stw2262).
    pub fn stetson_i(&self, values: &[f64], errors: &[f64]) -> f64 {
        let pairs = self.n - 1.0;
        let neighbours = [values, errors, &values[1..], &errors[1..]];
        let [sum] = sums(neighbours, |neighbours| [self.product(neighbours)]);
        sum / (pairs * (pairs - 1.0)).sqrt()
    }

    /// Stetson's J for one band: Σ sgn(Pᵢ)√|Pᵢ|/(n − 1), Pᵢ = n/(n − 1) · dᵢdᵢ₊₁ over all
    /// pairs of neighbours in time, of equal weight. From 2 points.
    ///
    /// Reference: Stetson 1996, as for [`stetson_k`](Self::stetson_k).
    pub fn stetson_j(&self, values: &[f64], errors: &[f64]) -> f64 {
        let neighbours = [values, errors, &values[1..], &errors[1..]];
        let [sum] = sums(neighbours, |neighbours| {
            let product = self.product(neighbours);
            [product.abs().sqrt().copysign(product)]
        });
        sum * (self.n / (self.n - 1.0)).sqrt() / (self.n - 1.0)
    }

    /// dᵢdᵢ₊₁ of two neighbours.
    #[inline(always)]
    fn product(&self, [this, error, next, next_error]: [f64; 4]) -> f64 {
        (this - self.mean) / error * ((next - self.mean) / next_error)
    }
}

/// The points that have an error, copied from those that may not.
#[derive(Debug, Default)]
pub struct WithErrors {
    pub times: Vec<f64>,
    pub values: Vec<f64>,
    pub errors: Vec<f64>,
}

impl WithErrors {
    /// Takes the points whose error is not NaN.
    pub fn fill(&mut self, times: &[f64], values: &[f64], errors: &[f64]) {
        for column in [&mut self.times, &mut self.values, &mut self.errors] {
            column.clear();
        }
        for ((time, value), error) in times.iter().zip(values).zip(errors) {
            if !error.is_nan() {
                self.times.push(*time);
                self.values.push(*value);
                self.errors.push(*error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn by_hand() {
        let (values, errors) = ([1.0, 3.0, 5.0], [1.0, 1.0, 1.0]);
        let weighted = Weighted::of(&values, &errors);
        assert_eq!((weighted.mean, weighted.chi2, weighted.reduced_chi2()), (3.0, 8.0, 4.0));
        assert_eq!(weighted.stetson_i(&values, &errors), 0.0);
        assert_eq!(weighted.roms(&values, &errors, 3.0), 2.0);
        let constant = Moments::of(&[2.0; 3]);
        let same = Weighted::of(&[2.0; 3], &errors);
        assert_eq!(same.stetson_k(&constant), Err(Reason::Constant));
    }
}
