//! The frequencies to try on a light curve.

use crate::KernelError;

/// Frequencies at equal distances: `minimum + k · step`, for `k` below `count`.
///
/// In cycles per day. Kernels take the sum as it stands on paper, not rounded: phases are as
/// exact at the last frequency as at the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    pub minimum: f64,
    pub step: f64,
    pub count: usize,
}

/// More frequencies than any survey needs: 100 per day over 40 years, with 10 to a peak, are
/// 15 million.
const MOST: usize = 1 << 26;

impl Grid {
    /// The grid that resolves every peak of a curve: its step is 1 / (`samples_per_peak` ·
    /// `baseline`), for a peak is about 1 / `baseline` wide (VanderPlas 2018,
    /// doi:10.3847/1538-4365/aab766, section 7.1).
    ///
    /// It begins at `minimum`, or at half a step, and ends at `maximum` or less than a step
    /// below. `baseline` is in days, from the first time to the last.
    ///
    /// # Errors
    /// When the baseline or `samples_per_peak` is not positive, or as [`Grid::check`].
    pub fn auto(
        baseline: f64,
        samples_per_peak: f64,
        minimum: Option<f64>,
        maximum: f64,
    ) -> Result<Self, KernelError> {
        for (what, value) in
            [("number of samples per peak", samples_per_peak), ("baseline", baseline)]
        {
            if !(value.is_finite() && value > 0.0) {
                return wrong(format!("the {what} is {value}; it must be a positive number"));
            }
        }
        let step = 1.0 / (samples_per_peak * baseline);
        let minimum = minimum.unwrap_or(0.5 * step);
        if !(maximum.is_finite() && maximum >= minimum) {
            return wrong(format!(
                "the greatest frequency, {maximum}, is below the least, {minimum}; raise it, or give a lower minimum"
            ));
        }
        // A thousandth of a step more, so that rounding does not lose the last frequency.
        let steps = ((maximum - minimum) / step + 1e-3).floor();
        // Saturates where there are too many, which `check` refuses.
        Self { minimum, step, count: (steps as usize).saturating_add(1) }.check()
    }

    /// # Errors
    /// Unless the minimum is 0 or more, the step positive, both finite, and there are 1 to
    /// 67,108,864 frequencies.
    pub fn check(self) -> Result<Self, KernelError> {
        if !(self.minimum.is_finite() && self.minimum >= 0.0) {
            return wrong(format!("the least frequency is {}; it must be 0 or more", self.minimum));
        }
        if !(self.step.is_finite() && self.step > 0.0) {
            return wrong(format!(
                "the step between frequencies is {}; it must be positive",
                self.step
            ));
        }
        if !(1..=MOST).contains(&self.count) {
            return wrong(format!(
                "{} frequencies are not between 1 and {MOST}; widen the step or lower the maximum",
                self.count
            ));
        }
        Ok(self)
    }

    /// Frequency `index`, rounded once.
    pub fn frequency(&self, index: usize) -> f64 {
        (index as f64).mul_add(self.step, self.minimum)
    }

    pub fn maximum(&self) -> f64 {
        self.frequency(self.count - 1)
    }
}

fn wrong(message: String) -> Result<Grid, KernelError> {
    Err(KernelError::Arguments(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_resolves_peaks_and_stops_at_the_maximum() {
        let grid = Grid::auto(100.0, 5.0, None, 1.0).unwrap();
        assert_eq!(grid, Grid { minimum: 0.001, step: 0.002, count: 500 });
        assert!((grid.maximum() - 0.999).abs() < 1e-15);
        let grid = Grid::auto(100.0, 10.0, Some(0.0), 0.3).unwrap();
        assert_eq!(grid.count, 301);
    }

    #[test]
    fn what_makes_no_grid_is_refused_in_words() {
        let message = |grid: Result<Grid, KernelError>| grid.unwrap_err().to_string();
        assert_eq!(
            message(Grid::auto(0.0, 5.0, None, 1.0)),
            "the baseline is 0; it must be a positive number"
        );
        assert!(message(Grid::auto(1.0, 5.0, None, 0.01)).contains("below the least"));
        assert!(message(Grid::auto(1e9, 5.0, None, 1.0)).contains("widen the step"));
        assert!(message(Grid::auto(1.0, 5.0, None, f64::NAN)).contains("greatest"));
        assert!(message(Grid { minimum: -1.0, step: 1.0, count: 1 }.check()).contains("0 or more"));
        assert!(message(Grid { minimum: 0.0, step: 0.0, count: 1 }.check()).contains("positive"));
        assert!(message(Grid { minimum: 0.0, step: 1.0, count: 0 }.check()).contains("1 and"));
    }
}
