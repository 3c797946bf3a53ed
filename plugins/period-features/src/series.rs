//! Fourier series, fitted to points of one band at a given frequency.
//!
//! ```text
//! x(t) = mean + Σ a_k cos(2πk f t) + b_k sin(2πk f t),   k = 1 … order
//! ```
//!
//! by weighted linear least squares, weights 1/σ²; t in days since the epoch, f in cycles
//! per day.

use crate::band::Band;

/// A fitted series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub mean: f64,
    /// a_1, a_2, …
    pub cos: Vec<f64>,
    /// b_1, b_2, …
    pub sin: Vec<f64>,
}

/// Fits series of one order; keeps the space that it works in.
#[derive(Debug, Clone)]
pub struct Fitter {
    order: usize,
    /// Σ w cos kθ and Σ w sin kθ for k = 0 … 2 · order, of which every product of terms is made.
    sums: Vec<(f64, f64)>,
    /// Σ w x cos kθ and Σ w x sin kθ for k = 0 … order.
    values: Vec<(f64, f64)>,
    /// The lower triangle of the normal equations, row by row, then their Cholesky factor.
    normal: Vec<f64>,
    right: Vec<f64>,
}

/// Below this part of its own size, a pivot is taken for rounding: the phases then do not
/// tell the terms of the series apart.
const NOTHING: f64 = 1e-9;

impl Fitter {
    /// For series of `order` 1 or more.
    pub fn new(order: usize) -> Self {
        let n = 2 * order + 1;
        Self {
            order,
            sums: vec![(0.0, 0.0); n],
            values: vec![(0.0, 0.0); order + 1],
            normal: vec![0.0; n * n],
            right: vec![0.0; n],
        }
    }

    /// The fewest points that leave something to judge the fit by: one more than it has
    /// parameters.
    pub fn needs(&self) -> usize {
        2 * self.order + 2
    }

    /// How much of the band's χ² the series takes away: χ²₀ − χ², χ²₀ that of the constant.
    ///
    /// None where there are fewer points than [`needs`](Self::needs), or their phases do not
    /// determine the series.
    pub fn explained(&mut self, band: &Band, frequency: f64) -> Option<f64> {
        self.solve(band, frequency)?;
        // After the forward half, χ² is lower by the square of the right side.
        Some(self.right.iter().map(|part| part * part).sum())
    }

    /// The series of least χ²; none as for [`explained`](Self::explained).
    pub fn fit(&mut self, band: &Band, frequency: f64) -> Option<Series> {
        self.solve(band, frequency)?;
        let n = self.right.len();
        for i in (0..n).rev() {
            for j in i + 1..n {
                self.right[i] -= self.normal[j * n + i] * self.right[j];
            }
            self.right[i] /= self.normal[i * n + i];
        }
        let terms = self.right[1..].chunks_exact(2);
        let (cos, sin) = terms.map(|term| (term[0], term[1])).unzip();
        Some(Series { mean: band.mean + self.right[0], cos, sin })
    }

    /// Sets up the normal equations and does the forward half of their solution.
    fn solve(&mut self, band: &Band, frequency: f64) -> Option<()> {
        if band.len() < self.needs() {
            return None;
        }
        self.add_up(band, frequency);
        self.set_up();
        let n = self.right.len();
        for i in 0..n {
            for j in 0..=i {
                let mut sum = self.normal[i * n + j];
                for k in 0..j {
                    sum -= self.normal[i * n + k] * self.normal[j * n + k];
                }
                if i == j {
                    // Also where numbers overflowed.
                    if sum.is_nan() || sum <= NOTHING * self.normal[i * n + i] {
                        return None;
                    }
                    self.normal[i * n + i] = sum.sqrt();
                } else {
                    self.normal[i * n + j] = sum / self.normal[j * n + j];
                }
            }
            for k in 0..i {
                self.right[i] -= self.normal[i * n + k] * self.right[k];
            }
            self.right[i] /= self.normal[i * n + i];
        }
        Some(())
    }

    fn add_up(&mut self, band: &Band, frequency: f64) {
        self.sums.fill((0.0, 0.0));
        self.values.fill((0.0, 0.0));
        for at in 0..band.len() {
            let (weight, value) = (band.weights[at], band.values[at]);
            let (sin, cos) = sin_cos(frequency * band.times[at]);
            let (mut sin_k, mut cos_k) = (0.0, weight);
            for (k, sum) in self.sums.iter_mut().enumerate() {
                *sum = (sum.0 + cos_k, sum.1 + sin_k);
                if let Some(sum) = self.values.get_mut(k) {
                    *sum = (sum.0 + value * cos_k, sum.1 + value * sin_k);
                }
                (sin_k, cos_k) = (sin_k * cos + cos_k * sin, cos_k * cos - sin_k * sin);
            }
        }
    }

    /// Makes the normal equations of the sums, by 2 cos a cos b = cos(a − b) + cos(a + b) and
    /// its kin. Term 2k − 1 is cos kθ, term 2k is sin kθ.
    fn set_up(&mut self) {
        let n = self.right.len();
        for i in 0..n {
            let k = i.div_ceil(2);
            let is_sine = |term: usize| term > 0 && term.is_multiple_of(2);
            self.right[i] = if is_sine(i) { self.values[k].1 } else { self.values[k].0 };
            for j in 0..=i {
                // l is at most k.
                let l = j.div_ceil(2);
                let (apart, both) = (self.sums[k - l], self.sums[k + l]);
                self.normal[i * n + j] = 0.5
                    * match (is_sine(i), is_sine(j)) {
                        (false, false) => apart.0 + both.0,
                        (true, true) => apart.0 - both.0,
                        (true, false) => both.1 + apart.1,
                        (false, true) => both.1 - apart.1,
                    };
            }
        }
    }
}

fn sin_cos(turns: f64) -> (f64, f64) {
    libm::sincos(std::f64::consts::TAU * (turns - turns.floor()))
}

impl Series {
    /// The value at a phase, in turns.
    pub fn at(&self, turns: f64) -> f64 {
        let (sin, cos) = sin_cos(turns);
        let (mut sin_k, mut cos_k) = (sin, cos);
        let mut value = self.mean;
        for (a, b) in self.cos.iter().zip(&self.sin) {
            value += a * cos_k + b * sin_k;
            (sin_k, cos_k) = (sin_k * cos + cos_k * sin, cos_k * cos - sin_k * sin);
        }
        value
    }

    /// Values less the series, at the points of `band`.
    pub fn residuals(&self, band: &Band, frequency: f64) -> Vec<f64> {
        let at = |(time, value): (&f64, &f64)| value + band.mean - self.at(frequency * time);
        band.times.iter().zip(&band.values).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use light_curve::Curve;

    fn band(of: impl Fn(f64) -> f64) -> Band {
        let times: Vec<_> = (0..40).map(|at| f64::from(at * at % 97) * 0.371).collect();
        let values: Vec<_> = times.iter().map(|time| of(*time)).collect();
        let errors: Vec<_> = (0..40).map(|at| 0.1 + 0.01 * f64::from(at)).collect();
        Band::new(Curve { times: &times, values: &values, errors: &errors }, 0.0, 0.0)
    }

    #[test]
    fn a_series_is_found_again() {
        let series =
            Series { mean: 15.25, cos: vec![0.3, -0.1, 0.05], sin: vec![0.2, 0.15, -0.02] };
        let band = band(|time| series.at(0.831 * time));
        let found = Fitter::new(3).fit(&band, 0.831).unwrap();
        let pairs = found.cos.iter().zip(&series.cos).chain(found.sin.iter().zip(&series.sin));
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        assert!((found.mean - 15.25).abs() < 1e-12);
        let explained = Fitter::new(3).explained(&band, 0.831).unwrap();
        assert!((explained / band.chi2 - 1.0).abs() < 1e-12);
        assert!(found.residuals(&band, 0.831).iter().all(|rest| rest.abs() < 1e-12));
    }

    #[test]
    fn what_phases_do_not_tell_has_no_series() {
        let wave = band(|time| time);
        assert!(Fitter::new(1).fit(&wave, 0.0).is_none());
        assert!(Fitter::new(20).fit(&wave, 0.831).is_none());
        // Two phases only: a line through them is no ellipse.
        let times: Vec<_> = (0..12).map(f64::from).collect();
        let curve = Curve { times: &times, values: &times, errors: &[f64::NAN; 12] };
        assert!(Fitter::new(1).fit(&Band::new(curve, 0.0, 0.0), 0.5).is_none());
    }
}
