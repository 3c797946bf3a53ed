//! The generalised Lomb–Scargle periodogram, for points at any times.
//!
//! At each frequency, a sine with a floating mean is fitted by weighted least squares, weights
//! 1/σ² (Zechmeister & Kürster 2009, doi:10.1051/0004-6361:200811296). The power is
//!
//! ```text
//! P = (χ²₀ − χ²) / χ²₀
//! ```
//!
//! χ²₀ that of the constant, χ² that of the sine: 0 to 1, without unit. Where a sine cannot be
//! told from a constant, as at frequency 0, P is 0; where only one phase of it can, as at half
//! the rate of regular sampling, only that is fitted.
//!
//! With bands, each has a sine and mean of its own at a common frequency, and
//!
//! ```text
//! P = Σ (χ²₀ − χ²) / Σ χ²₀
//! ```
//!
//! over bands (VanderPlas & Ivezić 2015, doi:10.1088/0004-637X/812/1/18, with N_base = 0 and
//! N_band = 1). Bands of fewer than 3 points, or of one value, tell nothing and are left out.
//!
//! - `points`: a curve, weighted and scaled;
//! - `power`: the power, from sums over points;
//! - `spectrum`: these sums at all frequencies of a grid, by `spread` and `transform`;
//! - `direct`: the same at any one frequency;
//! - `false_alarm`: how often noise has such a peak.

use crate::curves::Curve;
use crate::grid::Grid;
use crate::peaks::{climb, highest, peak_width};
use crate::search::{Search, baseline};
use crate::{Curves, KernelError, width};

use direct::Direct;
pub use false_alarm::false_alarm_probability;
use points::Fit;
use spectrum::{Scratch, Spectrum};

mod direct;
mod false_alarm;
mod points;
mod power;
mod spectrum;
mod spread;
mod transform;

/// A maximum of a periodogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// In cycles per day.
    pub frequency: f64,
    /// From 0 to 1.
    pub power: f64,
    /// How often pure noise has a peak as high somewhere on the grid; NaN with more than one
    /// band, for which no formula is known. See [`false_alarm_probability`].
    pub false_alarm_probability: f64,
}

/// The power of `curve` at each frequency of `grid`, all points taken as of one band.
///
/// All NaN where there are fewer than 3 points, or all values are equal. The error against the
/// exact sum is some 1e-14. It is larger where points hardly tell a sine from a constant: 1e-11
/// for three points, up to 1e-8 where a tenth of a period or less fits in the baseline. A grid
/// of another length may give a frequency another power in these last digits.
///
/// # Errors
/// As [`Grid::check`].
pub fn periodogram(curve: &Curve<'_>, grid: &Grid) -> Result<Vec<f64>, KernelError> {
    let grid = grid.check()?;
    Ok(powers(&mut Scratch::default(), &Fit::new(&Curve { bands: None, ..*curve }), &grid))
}

/// The power of `curve` at each frequency of `grid`, with a sine and a mean for each band.
///
/// All NaN where no band has 3 points and two values. Without bands, as [`periodogram`].
///
/// # Errors
/// As [`Grid::check`].
pub fn periodogram_bands(curve: &Curve<'_>, grid: &Grid) -> Result<Vec<f64>, KernelError> {
    let grid = grid.check()?;
    Ok(powers(&mut Scratch::default(), &Fit::new(curve), &grid))
}

/// The highest peaks of each curve, highest first; a sine for each band where there are bands.
///
/// Peaks are local maxima of the grid, 1 / baseline or more apart, each then climbed to its
/// top, at most a step away, to 2e-7 of a step. A curve with fewer than 3 points in every
/// band, or whose values are all equal, has none.
///
/// # Errors
/// As [`Search::check`], or when a curve's own grid has too many frequencies.
pub fn search(
    curves: &Curves<'_>,
    search: &Search,
    threads: usize,
) -> Result<Vec<Vec<Peak>>, KernelError> {
    search.each(curves, threads, |scratch, curve, grid| peaks(scratch, &curve, grid, search.peaks))
}

fn powers(scratch: &mut Scratch, fit: &Fit, grid: &Grid) -> Vec<f64> {
    if fit.bands.is_empty() {
        return vec![f64::NAN; grid.count];
    }
    let mut powers = vec![0.0; grid.count];
    for points in &fit.bands {
        width::widest(Spectrum { points, grid, scratch, powers: &mut powers });
    }
    powers
}

fn peaks(scratch: &mut Scratch, curve: &Curve<'_>, grid: &Grid, most: usize) -> Vec<Peak> {
    let fit = Fit::new(curve);
    if fit.bands.is_empty() || most == 0 {
        return Vec::new();
    }
    let powers = powers(scratch, &fit, grid);
    let false_alarm = |power: f64| match &fit.bands[..] {
        [points] if fit.whole => points.false_alarm_probability(power, grid.maximum()),
        _ => f64::NAN,
    };
    let top = |at: usize| {
        let start = grid.frequency(at);
        let low = (start - grid.step).max(grid.minimum);
        let high = (start + grid.step).min(grid.maximum());
        let top = climb(low, high, start, |frequency| {
            fit.bands.iter().map(|points| width::widest(Direct { points, frequency })).sum()
        });
        Peak {
            frequency: top.frequency,
            power: top.value,
            false_alarm_probability: false_alarm(top.value),
        }
    };
    let found = highest(&powers, most, peak_width(grid, baseline(curve)));
    let mut peaks: Vec<_> = found.into_iter().map(top).collect();
    peaks.sort_by(|a, b| b.power.total_cmp(&a.power));
    peaks
}
