//! In which cell of phase each point lies, at one frequency after another.

use crate::curves::Curve;
use crate::grid::Grid;
use crate::turns::{Double, Hand, phase};

/// From here on, float64 holds whole numbers only.
const TWO_52: f64 = 4_503_599_627_370_496.0;

/// A curve's points, ready to be folded at the frequencies of a grid.
///
/// Hands in columns, for the compiler to work on several at a time.
pub(crate) struct Folds {
    start: Vec<f64>,
    step_high: Vec<f64>,
    step_low: Vec<f64>,
    n_cells: usize,
}

impl Folds {
    /// Phases are 0 at the first point.
    #[inline(always)]
    pub(crate) fn new(curve: &Curve<'_>, grid: &Grid, n_cells: usize) -> Self {
        let epoch = curve.times.first().copied().unwrap_or_default();
        let mut folds = Self { start: vec![], step_high: vec![], step_low: vec![], n_cells };
        for time in curve.times {
            let hand = Hand::new(Double::difference(*time, epoch), grid);
            folds.start.push(hand.start);
            folds.step_high.push(hand.step.high);
            folds.step_low.push(hand.step.low);
        }
        folds
    }

    /// The cell of each point at frequency `index`, the cell's number times `scale`.
    #[inline(always)]
    pub(crate) fn cells(&self, index: usize, scale: u32, cells: &mut [u32]) {
        let n_cells = self.n_cells as f64;
        let index = index as f64;
        let steps = self.step_high.iter().zip(&self.step_low);
        for ((cell, start), (high, low)) in cells.iter_mut().zip(&self.start).zip(steps) {
            let hand = Hand { start: *start, step: Double { high: *high, low: *low } };
            // A phase just below 1 can round up to the end.
            let at = (phase(hand.at(index)) * n_cells).min(n_cells - 1.0);
            // The whole number is in the low bits: unlike `as`, this is quick on all vector
            // units.
            *cell = (at.floor() + TWO_52).to_bits() as u32 * scale;
        }
    }
}
