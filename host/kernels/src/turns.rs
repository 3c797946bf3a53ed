//! Phases in turns, and their sines and cosines: the same bits on every machine.
//!
//! A phase is f · (t − t0) modulo 1. After 3,000 days at 20 cycles per day, a rounded product
//! has lost five digits; here products carry their rounding errors along, so that phases are
//! exact to about 1e-16 turns, as long as they stay below 2^51 turns.

use crate::grid::Grid;

/// The nearest whole number, halves to even, for |x| < 2^51.
#[inline(always)]
pub(crate) fn nearest(x: f64) -> f64 {
    // Adding it leaves no room for a fraction. Unlike `round_ties_even`, this is two additions
    // on any machine.
    const SHIFT: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52
    (x + SHIFT) - SHIFT
}

/// A number that is known to twice the digits: `high + low`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Double {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

impl Double {
    /// a − b, exactly.
    #[inline(always)]
    pub(crate) fn difference(a: f64, b: f64) -> Self {
        let high = a - b;
        let of_b = high - a;
        Self { high, low: (a - (high - of_b)) - (b + of_b) }
    }

    /// Times `factor`, to about 2^-106 of it.
    #[inline(always)]
    pub(crate) fn times(self, factor: f64) -> Self {
        let high = self.high * factor;
        Self { high, low: self.low.mul_add(factor, self.high.mul_add(factor, -high)) }
    }

    /// The part of `factor` times this beyond the nearest whole number: -1/2 to 1/2, or a hair
    /// more.
    #[inline(always)]
    pub(crate) fn turns(self, factor: f64) -> f64 {
        let product = self.times(factor);
        (product.high - nearest(product.high)) + product.low
    }
}

/// When a point was observed, in the terms of a grid: turns at its first frequency, and turns
/// from each frequency to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hand {
    pub(crate) start: f64,
    pub(crate) step: Double,
}

impl Hand {
    #[inline(always)]
    pub(crate) fn new(time: Double, grid: &Grid) -> Self {
        Self { start: time.turns(grid.minimum), step: time.times(grid.step) }
    }

    /// Turns at frequency `index` of the grid, which may lie between two; from -1 to 1.
    #[inline(always)]
    pub(crate) fn at(&self, index: f64) -> f64 {
        self.step.turns(index) + self.start
    }
}

/// `turns` as a phase in [0, 1), if they are between -1 and 1.
///
/// A phase that is nearer to 1 than to any number below is 0: on the circle that is the same.
#[inline(always)]
pub(crate) fn phase(turns: f64) -> f64 {
    let phase = turns - turns.floor();
    if phase < 1.0 { phase } else { 0.0 }
}

/// (2π)^n / n!, with the signs of the sine's series.
const SINE: [f64; 8] = [
    std::f64::consts::TAU,
    -41.34170224039976,
    81.60524927607506,
    -76.70585975306139,
    42.058693944897655,
    -15.09464257682299,
    3.819952584848282,
    -0.7181223017785006,
];

/// (2π)^n / n!, with the signs of the cosine's series.
const COSINE: [f64; 9] = [
    1.0,
    -19.739208802178716,
    64.9393940226683,
    -85.45681720669373,
    60.24464137187666,
    -26.4262567833744,
    7.903536371318469,
    -1.714390711088672,
    0.28200596845579123,
];

/// Sine and cosine of 2π · `turns`, to 2e-16, for |turns| < 2^49.
#[inline(always)]
pub(crate) fn sin_cos(turns: f64) -> (f64, f64) {
    const SHIFT: f64 = 6_755_399_441_055_744.0; // as in `nearest`
    // The lowest bits of `shifted` count quarters; they turn the axes.
    let shifted = turns * 4.0 + SHIFT;
    let quarters = shifted.to_bits();
    let rest = (shifted - SHIFT).mul_add(-0.25, turns);
    let square = rest * rest;
    let mut sin = SINE[7];
    let mut cos = COSINE[8];
    for power in (0..7).rev() {
        sin = sin.mul_add(square, SINE[power]);
    }
    for power in (0..8).rev() {
        cos = cos.mul_add(square, COSINE[power]);
    }
    sin *= rest;
    let odd = quarters & 1 == 1;
    let (a, b) = if odd { (cos, sin) } else { (sin, cos) };
    let sign = |of: u64| (of & 2) << 62;
    (
        f64::from_bits(a.to_bits() ^ sign(quarters)),
        f64::from_bits(b.to_bits() ^ sign(quarters.wrapping_add(1))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_those_of_libm() {
        let mut worst = 0.0f64;
        for index in -40_000..=40_000 {
            let turns = f64::from(index) / 32_768.0;
            let (sin, cos) = sin_cos(turns);
            // Beyond a quarter turn, the rounding of 2π · turns is not ours.
            let (sin_there, cos_there) = libm::sincos(std::f64::consts::TAU * turns);
            let far = 4e-16 * (1.0 + turns.abs());
            assert!((sin - sin_there).abs() < far + 2e-16, "{turns}: {sin} {sin_there}");
            assert!((cos - cos_there).abs() < far + 2e-16, "{turns}: {cos} {cos_there}");
            worst = worst.max((sin.mul_add(sin, cos * cos) - 1.0).abs());
        }
        assert!(worst < 5e-16, "{worst}");
    }

    #[test]
    fn quarters_are_exact() {
        for (turns, expected) in
            [(0.0, (0.0, 1.0)), (0.25, (1.0, 0.0)), (0.5, (0.0, -1.0)), (0.75, (-1.0, 0.0))]
        {
            for whole in [-3.0, 0.0, 1.0, 1000.0] {
                assert_eq!(sin_cos(turns + whole), expected, "{turns} + {whole}");
            }
        }
    }

    #[test]
    fn products_keep_what_they_round() {
        let time = Double::difference(60_000.123_456_789, 0.1);
        // Exact, in units of 2^-60: every number here is a multiple of that.
        let exact = |x: f64| (x * 2f64.powi(60)) as i128;
        assert_eq!(exact(60_000.123_456_789) - exact(0.1), exact(time.high) + exact(time.low));
        let turns = time.turns(20.0);
        let scaled = 20 * (exact(time.high) + exact(time.low));
        let one = 1i128 << 60;
        let expected = (scaled.rem_euclid(one)) as f64 / one as f64;
        assert!((phase(turns) - expected).abs() < 2e-16, "{turns} {expected}");
    }

    #[test]
    fn phases_stay_below_one() {
        assert_eq!(phase(-1e-20), 0.0);
        assert_eq!(phase(-0.25), 0.75);
        assert_eq!(phase(1.0), 0.0);
        assert_eq!(phase(0.5), 0.5);
        assert_eq!(phase(-f64::EPSILON), 1.0 - f64::EPSILON);
    }
}
