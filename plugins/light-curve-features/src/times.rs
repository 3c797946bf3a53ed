//! When the points were taken.

use crate::lanes::sums;

/// Mean and spread of the times.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Times {
    /// Σt/n, MJD in days. From 1 point.
    pub mean: f64,
    /// Σ(t − mean)², in days².
    pub square: f64,
}

impl Times {
    /// Of at least one time.
    pub fn of(times: &[f64]) -> Self {
        let first = times[0];
        let n = times.len() as f64;
        let [sum] = sums([times], |[time]| [time - first]);
        let mean = sum / n;
        let [square] = sums([times], |[time]| {
            let off = time - first - mean;
            [off * off]
        });
        Self { mean: first + mean, square }
    }

    /// √(Σ(t − mean)²/(n − 1)), in days. From 2 points.
    pub fn standard_deviation(&self, n: f64) -> f64 {
        (self.square / (n - 1.0)).sqrt()
    }
}
