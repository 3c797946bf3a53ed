//! In which cell of phase each point lies, at one frequency after another.

use crate::curves::Curve;
use crate::grid::Grid;
use crate::turns::{Double, Hand, phase};

/// A curve's points, ready to be folded at the frequencies of a grid.
pub(crate) struct Folds {
    hands: Vec<Hand>,
    n_cells: usize,
}

impl Folds {
    /// Phases are 0 at the first point.
    #[inline(always)]
    pub(crate) fn new(curve: &Curve<'_>, grid: &Grid, n_cells: usize) -> Self {
        let epoch = curve.times.first().copied().unwrap_or_default();
        let hand = |time: &f64| Hand::new(Double::difference(*time, epoch), grid);
        Self { hands: curve.times.iter().map(hand).collect(), n_cells }
    }

    /// The cell of each point at frequency `index`, the cell's number times `scale`.
    #[inline(always)]
    pub(crate) fn cells(&self, index: usize, scale: u32, cells: &mut [u32]) {
        let n_cells = self.n_cells as f64;
        let index = index as f64;
        for (cell, hand) in cells.iter_mut().zip(&self.hands) {
            // A phase just below 1 can round up to the end.
            let at = (phase(hand.at(index)) * n_cells).min(n_cells - 1.0);
            *cell = at as u32 * scale;
        }
    }
}
