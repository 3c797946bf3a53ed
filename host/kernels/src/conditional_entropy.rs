//! The entropy of the value, given the phase: periods without a model of the curve's shape.
//!
//! Points are folded with a frequency and counted on a grid of phase and value. At the right
//! one they lie on few cells (Graham et al. 2013, doi:10.1093/mnras/stt1264):
//!
//! ```text
//! H = Σ p(m, φ) ln (p(φ) / p(m, φ))
//! ```
//!
//! over cells with points. It is in nats, from 0 to ln of the number of bins of value, and the
//! lower, the better. Errors and bands are not looked at.

use crate::curves::Curve;
use crate::folds::Folds;
use crate::grid::Grid;
use crate::peaks::{Extremum, lowest};
use crate::search::{Search, baseline};
use crate::simd::Vector;
use crate::width::{self, Work};
use crate::{Curves, KernelError};

/// Into how many bins phase and value are cut.
///
/// Bins of value are of equal width from the least to the greatest, which is in the last.
/// Phase is 0 at the first point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bins {
    pub phase: usize,
    pub value: usize,
}

impl Default for Bins {
    /// Those of Graham et al.: 10 of phase, 5 of value.
    fn default() -> Self {
        Self { phase: 10, value: 5 }
    }
}

/// The most bins, of either kind.
const MOST: usize = 256;

impl Bins {
    /// # Errors
    /// Unless there are 2 to 256 of each.
    pub fn check(&self) -> Result<(), KernelError> {
        for (what, bins) in [("phase", self.phase), ("value", self.value)] {
            if !(2..=MOST).contains(&bins) {
                return Err(KernelError::Arguments(format!(
                    "{bins} bins of {what} are not between 2 and {MOST}"
                )));
            }
        }
        Ok(())
    }
}

/// The conditional entropy of `curve` at each frequency of `grid`, in nats.
///
/// All NaN where there are fewer than 3 points, or all values are equal. Counts are exact.
///
/// # Errors
/// As [`Grid::check`] and [`Bins::check`].
pub fn entropies(curve: &Curve<'_>, grid: &Grid, bins: &Bins) -> Result<Vec<f64>, KernelError> {
    bins.check()?;
    let grid = &grid.check()?;
    Ok(width::widest(Entropies { curve, grid, bins }))
}

/// The lowest minima of each curve's entropies, the lowest first.
///
/// Minima are those of the grid, 1 / baseline or more apart; of equals the lower frequency
/// comes first. A curve with fewer than 3 points, or whose values are all equal, has none.
///
/// # Errors
/// As [`Search::check`] and [`Bins::check`], or when a curve's own grid has too many
/// frequencies.
pub fn search(
    curves: &Curves<'_>,
    search: &Search,
    bins: &Bins,
    threads: usize,
) -> Result<Vec<Vec<Extremum>>, KernelError> {
    bins.check()?;
    search.each(curves, threads, |(), curve, grid| {
        let entropies = width::widest(Entropies { curve: &curve, grid, bins });
        lowest(&entropies, grid, baseline(&curve), search.peaks)
    })
}

struct Entropies<'a> {
    curve: &'a Curve<'a>,
    grid: &'a Grid,
    bins: &'a Bins,
}

impl Work for Entropies<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Vec<f64> {
        let Self { curve, grid, bins } = self;
        let n_points = curve.values.len();
        let Some(rows) = value_bins(curve.values, bins.value) else {
            return vec![f64::NAN; grid.count];
        };
        let folds = Folds::new(curve, grid, bins.phase);
        // The sums are of these only: n ln n of whole numbers.
        let logs: Vec<_> = (0..=n_points).map(n_log_n).collect();
        let mut cells = vec![0; n_points];
        let mut counts = vec![0u32; bins.phase * bins.value];
        let mut entropies = vec![0.0; grid.count];
        for (index, entropy) in entropies.iter_mut().enumerate() {
            folds.cells(index, bins.value as u32, &mut cells);
            counts.fill(0);
            for (cell, row) in cells.iter().zip(&rows) {
                counts[(cell + row) as usize] += 1;
            }
            let mut sum = 0.0;
            for column in counts.chunks_exact(bins.value) {
                let mut all = 0;
                for count in column {
                    all += count;
                    sum -= logs[*count as usize];
                }
                sum += logs[all as usize];
            }
            // Rounding must not make an entropy negative.
            *entropy = (sum / n_points as f64).max(0.0);
        }
        entropies
    }
}

/// The bin of each value; none where there are fewer than 3, or all are equal.
fn value_bins(values: &[f64], n_bins: usize) -> Option<Vec<u32>> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 3 || least == greatest {
        return None;
    }
    // Halved, so that no difference is infinite.
    let range = 0.5 * greatest - 0.5 * least;
    let bin = |value: &f64| {
        let part = (0.5 * value - 0.5 * least) / range;
        ((part * n_bins as f64) as u32).min(n_bins as u32 - 1)
    };
    Some(values.iter().map(bin).collect())
}

fn n_log_n(n: usize) -> f64 {
    let n = n as f64;
    if n > 0.0 { n * libm::log(n) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_on_paper() {
        // Two values that alternate: with frequency 1/2 the phase tells the value, with 1 it
        // does not.
        let times: Vec<_> = (0..8).map(f64::from).collect();
        let values: Vec<_> = times.iter().map(|time| time % 2.0).collect();
        let curve = Curve { times: &times, values: &values, errors: None, bands: None };
        let grid = Grid { minimum: 0.5, step: 0.5, count: 2 };
        let entropies = entropies(&curve, &grid, &Bins::default()).unwrap();
        assert_eq!(entropies[0], 0.0);
        assert!((entropies[1] - std::f64::consts::LN_2).abs() < 1e-15);
    }

    #[test]
    fn ends_are_in_bins() {
        assert_eq!(value_bins(&[0.0, 0.2, 0.19, 1.0, 0.99], 5).unwrap(), [0, 1, 0, 4, 4]);
        assert_eq!(value_bins(&[-1e308, 0.0, 1e308], 2).unwrap(), [0, 1, 1]);
        assert!(value_bins(&[1.0, 1.0, 1.0], 5).is_none());
        assert!(value_bins(&[1.0, 2.0], 5).is_none());
    }

    #[test]
    fn bins_are_refused_in_words() {
        let message = Bins { phase: 1, value: 5 }.check().unwrap_err().to_string();
        assert_eq!(message, "1 bins of phase are not between 2 and 256");
    }

    #[test]
    fn bits_do_not_depend_on_the_vector_unit() {
        let times: Vec<_> = (0..97).map(|at| f64::from(at * at % 101) * 1.37).collect();
        let values: Vec<_> = times.iter().map(|time| libm::sin(time * 0.7)).collect();
        let curve = Curve { times: &times, values: &values, errors: None, bands: None };
        let grid = Grid { minimum: 0.01, step: 0.003, count: 500 };
        let (curve, grid, bins) = (&curve, &grid, &Bins::default());
        let ways = width::every(|| Entropies { curve, grid, bins });
        assert!(ways.iter().all(|way| *way == ways[0]));
    }
}
