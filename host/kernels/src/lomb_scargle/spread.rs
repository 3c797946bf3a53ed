//! How a point between two places of a ring of samples is spread over those near it.
//!
//! Σ z_j e^{2πi k x_j} is a Fourier transform of points that lie anywhere. Spread each over the
//! samples around it by a smooth bump ψ, transform the samples, divide by the transform of ψ:
//! what remains is the sum, as long as there are twice as many samples as frequencies and ψ is
//! nearly nothing beyond them on both sides. The bump is
//!
//! ```text
//! ψ(d) = exp(β (√(1 − (d / 8)²) − 1)),   |d| ≤ 8 samples
//! ```
//!
//! (Barnett, Magland & af Klinteberg 2019, doi:10.1137/18M120885X), which is off by some 1e-14 of
//! Σ |z_j|.

use crate::turns::{nearest, sin_cos};

/// Samples that a point is spread over.
pub(super) const TAPS: usize = 16;
/// β: for 16 taps and twice as many samples as frequencies.
const SHARPNESS: f64 = 2.3 * TAPS as f64;

/// Points, spread over a ring of samples.
#[derive(Default)]
pub(super) struct Spread {
    /// The first sample of each.
    pub(super) first: Vec<u32>,
    pub(super) taps: Vec<[f64; TAPS]>,
}

impl Spread {
    pub(super) fn clear(&mut self) {
        self.first.clear();
        self.taps.clear();
    }

    /// Adds a point at `turns` of a ring of `n_samples`; its taps are distances until
    /// [`Spread::fill`].
    #[inline(always)]
    pub(super) fn push(&mut self, turns: f64, n_samples: usize) {
        const START: i64 = TAPS as i64 / 2 - 1;
        let place = turns * n_samples as f64;
        let below = place.floor();
        let mut taps = [0.0; TAPS];
        for (tap, distance) in taps.iter_mut().enumerate() {
            *distance = (tap as i64 - START) as f64 - (place - below);
        }
        self.first.push((below as i64 - START).rem_euclid(n_samples as i64) as u32);
        self.taps.push(taps);
    }

    /// Makes taps of distances, all in one loop, for the compiler to do several at a time.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        for distance in self.taps.as_flattened_mut() {
            *distance = bump(*distance);
        }
    }
}

/// ψ(distance).
#[inline(always)]
fn bump(distance: f64) -> f64 {
    let part = distance / (TAPS / 2) as f64;
    exp(SHARPNESS * ((1.0 - part * part).max(0.0).sqrt() - 1.0))
}

/// 1 / n!, from 0! on.
const INVERSE_FACTORIALS: [f64; 14] = {
    let mut inverse = [1.0; 14];
    let (mut n, mut factorial) = (1, 1.0);
    while n < 14 {
        factorial *= n as f64;
        inverse[n] = 1.0 / factorial;
        n += 1;
    }
    inverse
};

/// e^x for x from -700 to 700, to 3e-16 of it.
#[inline(always)]
fn exp(x: f64) -> f64 {
    const LN_2_LOW: f64 = 2.319_046_813_846_299_6e-17;
    let twos = nearest(x * std::f64::consts::LOG2_E);
    let rest = twos.mul_add(-std::f64::consts::LN_2, x);
    let rest = twos.mul_add(-LN_2_LOW, rest);
    let mut sum = INVERSE_FACTORIALS[13];
    for n in (0..13).rev() {
        sum = sum.mul_add(rest, INVERSE_FACTORIALS[n]);
    }
    // 2^twos: the exponent's bits are its whole number and 1023.
    const SHIFT: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52
    sum * f64::from_bits((twos + 1023.0 + SHIFT).to_bits() << 52)
}

/// 1 / ψ̂(k / `n_samples`) for k up to a quarter of the samples: what spreading is undone by.
pub(super) fn inverse_transform(n_samples: usize) -> Vec<f64> {
    // Sums of samples four times as dense are exact: ψ̂ is nothing so far out.
    const DENSE: usize = 4;
    let half = (DENSE * TAPS / 2) as i32;
    let transform = |mode: usize| {
        let term = |at: i32| {
            let distance = f64::from(at) / DENSE as f64;
            let (_, cos) = sin_cos(mode as f64 * distance / n_samples as f64);
            bump(distance) * cos
        };
        (-half..=half).map(term).fold(0.0, |sum, term| sum + term) / DENSE as f64
    };
    (0..=n_samples / 4).map(|mode| 1.0 / transform(mode)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_libm() {
        for at in -4000..=400 {
            let x = f64::from(at) * 0.01;
            let off = exp(x) / libm::exp(x) - 1.0;
            assert!(off.abs() < 4e-16, "{x}: {off}");
        }
    }

    #[test]
    fn spreading_is_undone() {
        let n_samples = 256;
        let inverse = inverse_transform(n_samples);
        for turns in [0.0, 0.123, -0.4999, 0.5, 0.00390625] {
            let mut spread = Spread::default();
            spread.push(turns, n_samples);
            spread.fill();
            let (first, taps) = (spread.first[0] as usize, spread.taps[0]);
            for mode in [0, 1, 37, 63, 64] {
                let (mut cos_sum, mut sin_sum) = (0.0, 0.0);
                for (tap, value) in taps.iter().enumerate() {
                    let at = ((first + tap) * mode % n_samples) as f64 / n_samples as f64;
                    let (sin, cos) = sin_cos(at);
                    cos_sum += value * cos * inverse[mode];
                    sin_sum += value * sin * inverse[mode];
                }
                let (sin, cos) = sin_cos(mode as f64 * turns);
                let off = (cos_sum - cos).abs().max((sin_sum - sin).abs());
                assert!(off < 3e-14, "{turns}, {mode}: {off}");
            }
        }
    }
}
