//! What to look for in each of many curves: at which frequencies, and how many peaks.

use crate::curves::Curve;
use crate::grid::Grid;
use crate::{Curves, KernelError, threads};

/// Which frequencies to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frequencies {
    /// The same on each curve.
    Same(Grid),
    /// [`Grid::auto`] of each curve's baseline. A curve whose baseline is 0, or too short for
    /// one frequency below the maximum, has no peaks.
    Auto { samples_per_peak: f64, minimum: Option<f64>, maximum: f64 },
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    pub frequencies: Frequencies,
    /// The most peaks to give for a curve.
    pub peaks: usize,
}

impl Search {
    /// Refuses what is wrong for every curve.
    ///
    /// # Errors
    /// As [`Grid::check`] and [`Grid::auto`].
    pub fn check(&self) -> Result<(), KernelError> {
        let grid = match self.frequencies {
            Frequencies::Same(grid) => grid.check(),
            Frequencies::Auto { samples_per_peak, minimum, maximum } => {
                if !(maximum.is_finite() && maximum > 0.0) {
                    return Err(KernelError::Arguments(format!(
                        "the maximum is {maximum}; it must be a positive frequency"
                    )));
                }
                // A baseline on which there are four steps to the maximum.
                Grid::auto(4.0 / (samples_per_peak * maximum), samples_per_peak, minimum, maximum)
            }
        };
        grid.map(|_| ())
    }

    /// The frequencies for `curve`, if there are any.
    fn grid(&self, curve: &Curve<'_>) -> Result<Option<Grid>, KernelError> {
        match self.frequencies {
            Frequencies::Same(grid) => Ok(Some(grid)),
            Frequencies::Auto { samples_per_peak, minimum, maximum } => {
                let baseline = baseline(curve);
                let first = minimum.unwrap_or(0.5 / (samples_per_peak * baseline));
                if !(baseline > 0.0 && first <= maximum) {
                    return Ok(None);
                }
                Grid::auto(baseline, samples_per_peak, minimum, maximum).map(Some)
            }
        }
    }

    /// How many frequencies are tried on `curve`.
    ///
    /// # Errors
    /// When its own grid has too many.
    pub fn frequencies_of(&self, curve: &Curve<'_>) -> Result<usize, KernelError> {
        Ok(self.grid(curve)?.map_or(0, |grid| grid.count))
    }

    /// What `find` gives for each curve and its grid, with scratch space of each thread's own.
    pub(crate) fn each<S: Default, T: Default + Send>(
        &self,
        curves: &Curves<'_>,
        threads: usize,
        find: impl Fn(&mut S, Curve<'_>, &Grid) -> T + Sync,
    ) -> Result<Vec<T>, KernelError> {
        self.check()?;
        let found = threads::map(curves.len(), threads, |scratch, index| {
            let curve = curves.get(index);
            let named = |error| KernelError::Arguments(format!("light curve {index}: {error}"));
            match self.grid(&curve).map_err(named)? {
                Some(grid) => Ok(find(scratch, curve, &grid)),
                None => Ok(T::default()),
            }
        });
        found.into_iter().collect()
    }
}

/// Days from the first time to the last; 0 without points.
pub fn baseline(curve: &Curve<'_>) -> f64 {
    let first = curve.times.iter().copied().fold(f64::INFINITY, f64::min);
    let last = curve.times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (last - first).max(0.0)
}
