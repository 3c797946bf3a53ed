//! Fourier transforms of eight rings of samples side by side.

use crate::simd::{LANES, Lanes, Vector};
use crate::turns::sin_cos;

/// A complex sample of each transform: real parts, then imaginary parts.
pub(super) type Sample = [Lanes; 2];

pub(super) const ZERO: Sample = [[0.0; LANES]; 2];

/// Σ_m x_m e^{2πi k m / n} for all k, n a power of four, in place, by splitting in fours
/// (Cooley & Tukey 1965, doi:10.1090/S0025-5718-1965-0178586-1).
pub(super) struct Transform {
    /// Cosine and sine of each part of a turn.
    turns: Vec<(f64, f64)>,
    /// Where the transform for k lies in the end: at its digits in base four, reversed.
    places: Vec<usize>,
}

impl Transform {
    pub(super) fn new(n_samples: usize) -> Self {
        let turn = |at: usize| {
            let (sin, cos) = sin_cos(at as f64 / n_samples as f64);
            (cos, sin)
        };
        let place = |mode: usize| {
            let (mut digits, mut place, mut rest) = (n_samples, 0, mode);
            while digits > 1 {
                (place, rest, digits) = (place * 4 + rest % 4, rest / 4, digits / 4);
            }
            place
        };
        Self {
            turns: (0..n_samples).map(turn).collect(),
            places: (0..n_samples).map(place).collect(),
        }
    }

    pub(super) fn n_samples(&self) -> usize {
        self.turns.len()
    }

    /// Where the transform for `mode` lies.
    #[inline(always)]
    pub(super) fn place(&self, mode: usize) -> usize {
        self.places[mode]
    }

    /// Transforms `samples`, which lie in order; results lie at their places.
    #[inline(always)]
    pub(super) fn run<V: Vector>(&self, samples: &mut [Sample]) {
        let mut quarter = samples.len() / 4;
        while quarter > 1 {
            let step = self.turns.len() / (4 * quarter);
            for part in samples.chunks_exact_mut(4 * quarter) {
                let (first, rest) = part.split_at_mut(quarter);
                let (second, rest) = rest.split_at_mut(quarter);
                let (third, fourth) = rest.split_at_mut(quarter);
                let parts = first.iter_mut().zip(second).zip(third).zip(fourth);
                for (at, (((a, b), c), d)) in parts.enumerate() {
                    let turns = [1, 2, 3].map(|times| self.turns[times * at * step]);
                    for piece in 0..V::PIECES {
                        let four = [&*a, b, c, d].map(|sample| Complex::<V>::load(sample, piece));
                        let [first, rest @ ..] = joined(four);
                        first.store(a, piece);
                        for ((sample, turn), to) in rest.into_iter().zip(turns).zip([&mut *b, c, d])
                        {
                            sample.turned(turn).store(to, piece);
                        }
                    }
                }
            }
            quarter /= 4;
        }
        for four in samples.as_chunks_mut::<4>().0 {
            for piece in 0..V::PIECES {
                let loaded = four.each_ref().map(|sample| Complex::<V>::load(sample, piece));
                for (sample, to) in joined(loaded).into_iter().zip(four.iter_mut()) {
                    sample.store(to, piece);
                }
            }
        }
    }
}

/// One piece of a sample.
#[derive(Clone, Copy)]
struct Complex<V> {
    re: V,
    im: V,
}

impl<V: Vector> Complex<V> {
    #[inline(always)]
    fn load(sample: &Sample, piece: usize) -> Self {
        Self { re: V::load(&sample[0], piece), im: V::load(&sample[1], piece) }
    }

    #[inline(always)]
    fn store(self, to: &mut Sample, piece: usize) {
        self.re.store(&mut to[0], piece);
        self.im.store(&mut to[1], piece);
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self { re: self.re.plus(other.re), im: self.im.plus(other.im) }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self { re: self.re.minus(other.re), im: self.im.minus(other.im) }
    }

    /// Plus i times `other`.
    #[inline(always)]
    fn plus_i(self, other: Self) -> Self {
        Self { re: self.re.minus(other.im), im: self.im.plus(other.re) }
    }

    /// Minus i times `other`.
    #[inline(always)]
    fn minus_i(self, other: Self) -> Self {
        Self { re: self.re.plus(other.im), im: self.im.minus(other.re) }
    }

    /// Times e^{iφ}.
    #[inline(always)]
    fn turned(self, (cos, sin): (f64, f64)) -> Self {
        let (cos, sin) = (V::splat(cos), V::splat(sin));
        Self {
            re: self.re.times_minus(cos, self.im.times(sin)),
            im: self.re.times_plus(sin, self.im.times(cos)),
        }
    }
}

/// The transform of four samples.
#[inline(always)]
fn joined<V: Vector>([a, b, c, d]: [Complex<V>; 4]) -> [Complex<V>; 4] {
    let (even, even_less) = (a.plus(c), a.minus(c));
    let (odd, odd_less) = (b.plus(d), b.minus(d));
    [even.plus(odd), even_less.plus_i(odd_less), even.minus(odd), even_less.minus_i(odd_less)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::width::{self, Work};

    struct Run<'a> {
        transform: &'a Transform,
        samples: &'a mut [Sample],
    }

    impl Work for Run<'_> {
        type Output = ();

        #[inline(always)]
        fn run<V: Vector>(self) {
            self.transform.run::<V>(self.samples);
        }
    }

    #[test]
    fn transforms_are_those_of_plain_sums() {
        for n_samples in [4, 16, 256, 1024] {
            let transform = Transform::new(n_samples);
            let value = |sample: usize, part: usize, lane: usize| {
                libm::sin((sample * 31 + part * 17 + lane * 7) as f64)
            };
            let mut samples = vec![ZERO; n_samples];
            for (sample, parts) in samples.iter_mut().enumerate() {
                for (part, lanes) in parts.iter_mut().enumerate() {
                    for (lane, slot) in lanes.iter_mut().enumerate() {
                        *slot = value(sample, part, lane);
                    }
                }
            }
            width::widest(Run { transform: &transform, samples: &mut samples });
            for mode in (0..n_samples).step_by(n_samples.div_ceil(19)) {
                let [re, im] = samples[transform.place(mode)];
                for lane in 0..LANES {
                    let (mut re_sum, mut im_sum) = (0.0, 0.0);
                    for sample in 0..n_samples {
                        let at = (sample * mode % n_samples) as f64 / n_samples as f64;
                        let (sin, cos) = sin_cos(at);
                        let (a, b) = (value(sample, 0, lane), value(sample, 1, lane));
                        re_sum += a * cos - b * sin;
                        im_sum += a * sin + b * cos;
                    }
                    assert!((re[lane] - re_sum).abs() < 1e-12, "{n_samples} {mode} {lane}");
                    assert!((im[lane] - im_sum).abs() < 1e-12, "{n_samples} {mode} {lane}");
                }
            }
        }
    }
}
