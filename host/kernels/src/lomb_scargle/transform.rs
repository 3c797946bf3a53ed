//! Fourier transforms of eight rings of samples side by side.

use crate::turns::sin_cos;

/// Transforms side by side, one in each lane.
pub(super) const LANES: usize = 8;

pub(super) type Lanes = [f64; LANES];

/// A complex sample of each transform: real parts, then imaginary parts.
pub(super) type Sample = [Lanes; 2];

/// Σ_m x_m e^{2πi k m / n} for all k, n a power of four, by Cooley & Tukey's (1965,
/// doi:10.1090/S0025-5718-1965-0178586-1) splitting in fours, in place.
pub(super) struct Transform {
    /// Cosine and sine of each part of a turn.
    turns: Vec<(f64, f64)>,
    /// Where sample m lies: at its digits in base four, reversed.
    places: Vec<u32>,
}

impl Transform {
    pub(super) fn new(n_samples: usize) -> Self {
        let turn = |at: usize| {
            let (sin, cos) = sin_cos(at as f64 / n_samples as f64);
            (cos, sin)
        };
        let place = |sample: usize| {
            let (mut digits, mut place, mut rest) = (n_samples, 0, sample);
            while digits > 1 {
                (place, rest, digits) = (place * 4 + rest % 4, rest / 4, digits / 4);
            }
            place as u32
        };
        Self {
            turns: (0..n_samples).map(turn).collect(),
            places: (0..n_samples).map(place).collect(),
        }
    }

    pub(super) fn n_samples(&self) -> usize {
        self.turns.len()
    }

    /// Where sample `index` is to lie; `index` wraps around.
    #[inline(always)]
    pub(super) fn place(&self, index: usize) -> usize {
        self.places[index & (self.places.len() - 1)] as usize
    }

    /// Transforms `samples`, which lie at their places; results lie in order.
    #[inline(always)]
    pub(super) fn run(&self, samples: &mut [Sample]) {
        for samples in samples.as_chunks_mut::<4>().0 {
            *samples = joined(*samples);
        }
        let mut quarter = 4;
        while quarter < samples.len() {
            let step = self.turns.len() / (4 * quarter);
            for part in samples.chunks_exact_mut(4 * quarter) {
                let (first, rest) = part.split_at_mut(quarter);
                let (second, rest) = rest.split_at_mut(quarter);
                let (third, fourth) = rest.split_at_mut(quarter);
                let parts = first.iter_mut().zip(second).zip(third).zip(fourth);
                for (at, (((a, b), c), d)) in parts.enumerate() {
                    let [b_turn, c_turn, d_turn] =
                        [1, 2, 3].map(|times| self.turns[times * at * step]);
                    [*a, *b, *c, *d] =
                        joined([*a, turned(b, b_turn), turned(c, c_turn), turned(d, d_turn)]);
                }
            }
            quarter *= 4;
        }
    }
}

/// A sample times e^{iφ}.
#[inline(always)]
fn turned(sample: &Sample, (cos, sin): (f64, f64)) -> Sample {
    let mut turned = [[0.0; LANES]; 2];
    for lane in 0..LANES {
        let (re, im) = (sample[0][lane], sample[1][lane]);
        turned[0][lane] = re.mul_add(cos, -(im * sin));
        turned[1][lane] = re.mul_add(sin, im * cos);
    }
    turned
}

/// The transform of four samples.
#[inline(always)]
fn joined([a, b, c, d]: [Sample; 4]) -> [Sample; 4] {
    let mut joined = [[[0.0; LANES]; 2]; 4];
    for lane in 0..LANES {
        let even = [a[0][lane] + c[0][lane], a[1][lane] + c[1][lane]];
        let even_less = [a[0][lane] - c[0][lane], a[1][lane] - c[1][lane]];
        let odd = [b[0][lane] + d[0][lane], b[1][lane] + d[1][lane]];
        let odd_less = [b[0][lane] - d[0][lane], b[1][lane] - d[1][lane]];
        for part in 0..2 {
            joined[0][part][lane] = even[part] + odd[part];
            joined[2][part][lane] = even[part] - odd[part];
        }
        // Times i is real to imaginary, imaginary to minus real.
        joined[1][0][lane] = even_less[0] - odd_less[1];
        joined[1][1][lane] = even_less[1] + odd_less[0];
        joined[3][0][lane] = even_less[0] + odd_less[1];
        joined[3][1][lane] = even_less[1] - odd_less[0];
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_those_of_plain_sums() {
        for n_samples in [4, 16, 256, 1024] {
            let transform = Transform::new(n_samples);
            let value = |sample: usize, part: usize, lane: usize| {
                libm::sin((sample * 31 + part * 17 + lane * 7) as f64)
            };
            let mut samples = vec![[[0.0; LANES]; 2]; n_samples];
            for sample in 0..n_samples {
                for (part, lanes) in samples[transform.place(sample)].iter_mut().enumerate() {
                    for (lane, slot) in lanes.iter_mut().enumerate() {
                        *slot = value(sample, part, lane);
                    }
                }
            }
            transform.run(&mut samples);
            for mode in (0..n_samples).step_by(n_samples.div_ceil(19)) {
                let [re, im] = samples[mode];
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
