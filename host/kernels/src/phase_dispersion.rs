//! Phase dispersion minimisation: periods by how little values scatter in bins of phase.
//!
//! Points are folded with a frequency and sorted into bins of phase, which may overlap
//! (Stellingwerf 1978, doi:10.1086/156444):
//!
//! ```text
//! Θ = s² / σ²,   s² = Σ (n_j − 1) s_j² / Σ (n_j − 1)
//! ```
//!
//! s_j² and n_j the variance and number of points in bin j, σ² the variance of all. Θ has no
//! unit, is about 1 for noise, near 0 at a period of a curve without noise, and the lower, the
//! better. Errors and bands are not looked at.

use crate::curves::Curve;
use crate::folds::Folds;
use crate::grid::Grid;
use crate::peaks::{Extremum, lowest};
use crate::search::{Search, baseline};
use crate::simd::Vector;
use crate::width::{self, Work};
use crate::{Curves, KernelError};

/// How phase is cut in bins: `covers` sets of `bins`, each 1 / `bins` wide, and each set
/// shifted by 1 / (`bins` · `covers`) against the one before. Phase is 0 at the first point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bins {
    pub bins: usize,
    pub covers: usize,
}

impl Default for Bins {
    /// Stellingwerf's (5, 2).
    fn default() -> Self {
        Self { bins: 5, covers: 2 }
    }
}

impl Bins {
    /// # Errors
    /// Unless there are 2 to 200 bins and 1 to 20 covers.
    pub fn check(&self) -> Result<(), KernelError> {
        for (what, number, range) in [("bins", self.bins, 2..=200), ("covers", self.covers, 1..=20)]
        {
            if !range.contains(&number) {
                return Err(KernelError::Arguments(format!(
                    "{number} {what} are not between {} and {}",
                    range.start(),
                    range.end()
                )));
            }
        }
        Ok(())
    }
}

/// Θ of `curve` at each frequency of `grid`.
///
/// NaN where no bin has two points; all NaN where there are fewer than 3 points, or all values
/// are equal. Counts are exact.
///
/// # Errors
/// As [`Grid::check`] and [`Bins::check`].
pub fn thetas(curve: &Curve<'_>, grid: &Grid, bins: &Bins) -> Result<Vec<f64>, KernelError> {
    bins.check()?;
    let grid = &grid.check()?;
    Ok(width::widest(Thetas { curve, grid, bins }))
}

/// The lowest minima of each curve's Θ, the lowest first.
///
/// Minima are those of the grid, 1 / baseline or more apart; of equals the lower frequency
/// comes first. Θ has minima at fractions of the true frequency too. A curve with fewer than 3
/// points, or whose values are all equal, has none.
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
        let thetas = width::widest(Thetas { curve: &curve, grid, bins });
        lowest(&thetas, grid, baseline(&curve), search.peaks)
    })
}

struct Thetas<'a> {
    curve: &'a Curve<'a>,
    grid: &'a Grid,
    bins: &'a Bins,
}

/// What lies in a cell, or in a bin of several.
#[derive(Clone, Copy, Default)]
struct Cell {
    count: f64,
    sum: f64,
}

impl Work for Thetas<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Vec<f64> {
        let Self { curve, grid, bins } = self;
        let Some(values) = standardised(curve.values) else {
            return vec![f64::NAN; grid.count];
        };
        let n_points = values.len();
        // A bin of any cover is `covers` neighbouring cells.
        let n_cells = bins.bins * bins.covers;
        let folds = Folds::new(curve, grid, n_cells);
        let mut places = vec![0; n_points];
        // The last `covers - 1` repeat the first, so that bins wrap around.
        let mut cells = vec![Cell::default(); n_cells + bins.covers - 1];
        let mut thetas = vec![0.0; grid.count];
        for (index, theta) in thetas.iter_mut().enumerate() {
            folds.cells(index, 1, &mut places);
            cells.fill(Cell::default());
            for (place, value) in places.iter().zip(&values) {
                let cell = &mut cells[*place as usize];
                cell.count += 1.0;
                cell.sum += value;
            }
            cells.copy_within(..bins.covers - 1, n_cells);
            // Within a bin, scatter is Σ y² − (Σ y)² / n, and Σ y² of all bins is that of all
            // points once for each cover.
            let (mut between, mut freedom) = (0.0, 0.0);
            for bin in cells.windows(bins.covers) {
                let mut all = Cell::default();
                for cell in bin {
                    all.count += cell.count;
                    all.sum += cell.sum;
                }
                if all.count > 0.0 {
                    between += all.sum * all.sum / all.count;
                    freedom += all.count - 1.0;
                }
            }
            let within = (bins.covers as f64 - between).max(0.0);
            *theta =
                if freedom > 0.0 { within / freedom * (n_points as f64 - 1.0) } else { f64::NAN };
        }
        thetas
    }
}

/// Values with mean 0 and Σ y² = 1; none where there are fewer than 3, or all are equal.
fn standardised(values: &[f64]) -> Option<Vec<f64>> {
    let first = *values.first()?;
    if values.len() < 3 || values.iter().all(|value| *value == first) {
        return None;
    }
    let n_points = values.len() as f64;
    let mut values = values.to_vec();
    // The second pass takes off what rounding of the first mean left.
    for _ in 0..2 {
        let mean = values.iter().map(|value| value / n_points).fold(0.0, |sum, part| sum + part);
        values.iter_mut().for_each(|value| *value -= mean);
    }
    let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    values.iter_mut().for_each(|value| *value /= largest);
    let length = values.iter().fold(0.0f64, |sum, value| value.mul_add(*value, sum)).sqrt();
    values.iter_mut().for_each(|value| *value /= length);
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theta_is_that_on_paper() {
        // 0 1 0 1 …: with frequency 1/2 no scatter; with 1, that of all points.
        let times: Vec<_> = (0..8).map(f64::from).collect();
        let values: Vec<_> = times.iter().map(|time| time % 2.0).collect();
        let curve = Curve { times: &times, values: &values, errors: None, bands: None };
        let grid = Grid { minimum: 0.5, step: 0.5, count: 2 };
        for covers in [1, 2, 3] {
            let thetas = thetas(&curve, &grid, &Bins { bins: 5, covers }).unwrap();
            assert!(thetas[0].abs() < 1e-15 && (thetas[1] - 1.0).abs() < 1e-15, "{thetas:?}");
        }
        // One point in each bin: nothing to judge by.
        let curve = Curve { times: &[0.0, 0.3, 0.6], values: &[1.0, 2.0, 4.0], ..curve };
        let grid = Grid { minimum: 1.0, step: 1.0, count: 1 };
        assert!(thetas(&curve, &grid, &Bins { bins: 5, covers: 1 }).unwrap()[0].is_nan());
    }

    #[test]
    fn bins_are_refused_in_words() {
        let message = Bins { bins: 5, covers: 0 }.check().unwrap_err().to_string();
        assert_eq!(message, "0 covers are not between 1 and 20");
    }

    #[test]
    fn bits_do_not_depend_on_the_vector_unit() {
        let times: Vec<_> = (0..97).map(|at| f64::from(at * at % 101) * 1.37).collect();
        let values: Vec<_> = times.iter().map(|time| libm::sin(time * 0.7)).collect();
        let curve = Curve { times: &times, values: &values, errors: None, bands: None };
        let grid = Grid { minimum: 0.01, step: 0.003, count: 500 };
        let (curve, grid, bins) = (&curve, &grid, &Bins::default());
        let ways = width::every(|| Thetas { curve, grid, bins });
        assert!(ways.iter().all(|way| *way == ways[0]));
    }
}
