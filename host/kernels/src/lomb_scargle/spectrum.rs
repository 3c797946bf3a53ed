//! The power at all frequencies of a grid, by Fourier transforms of spread points.
//!
//! Six sums over the points are needed at each frequency: of w cos, w sin, wy cos, wy sin, w
//! cos 2 and w sin 2, or, as complex numbers, Σ w e^{iφ}, Σ wy e^{iφ} and Σ w e^{2iφ}.
//! Frequencies are cut in blocks of K. With Θ a point's phase at a block's middle and x its
//! turns from one frequency to the next, such a sum is
//!
//! ```text
//! Σ (w e^{iΘ}) e^{2πi k x},   k = -K/2 … K/2 − 1
//! ```
//!
//! and x is the same in all blocks, but Θ is not. So it is found once over which of 2 K
//! samples a point is to be spread, and by how much (`spread`); each block spreads its own w
//! e^{iΘ} so, and transforms 2 K samples (`transform`), eight blocks side by side. That Θ is
//! taken anew for each block keeps the phases exact, however many turns there are.
//!
//! Each sample adds up its points in their order, by fused steps, so that bits do not depend
//! on how many fit in a register.

use std::sync::LazyLock;

use super::points::Points;
use super::power::{Sums, power};
use super::spread::{Spread, TAPS, inverse_transform};
use super::transform::{Sample, Transform, ZERO};
use crate::grid::Grid;
use crate::simd::{LANES, Vector};
use crate::turns::{Hand, sin_cos};
use crate::width::Work;

/// What blocks of one size need.
struct Blocks {
    transform: Transform,
    /// By distance from the middle.
    inverse: Vec<f64>,
}

impl Blocks {
    /// Blocks of half as many frequencies as samples.
    fn new(n_samples: usize) -> Self {
        let transform = Transform::new(n_samples);
        Self { transform, inverse: inverse_transform(n_samples) }
    }

    /// The size that is quickest: small blocks spread points often, large ones leave the cache.
    fn of(n_points: usize, n_frequencies: usize) -> &'static Self {
        static SMALL: LazyLock<Blocks> = LazyLock::new(|| Blocks::new(256));
        static MEDIUM: LazyLock<Blocks> = LazyLock::new(|| Blocks::new(1024));
        static LARGE: LazyLock<Blocks> = LazyLock::new(|| Blocks::new(4096));
        // Measured, in units of half of what a point costs a group of small blocks.
        let cost = |n_samples: usize, transforms: usize, point: usize| {
            n_frequencies.div_ceil(LANES * n_samples / 2) * (transforms + point * n_points)
        };
        let (small, medium, large) = (cost(256, 190, 2), cost(1024, 1240, 3), cost(4096, 9200, 3));
        if small <= medium.min(large) {
            &SMALL
        } else if medium <= large {
            &MEDIUM
        } else {
            &LARGE
        }
    }
}

/// Space to work in.
#[derive(Default)]
pub(super) struct Scratch {
    hands: Vec<Hand>,
    spread: Spread,
    /// For Σ w e^{2iφ}.
    spread_2: Spread,
    /// Sines and cosines of some points' phases at eight blocks' middles.
    sines: Vec<f64>,
    cosines: Vec<f64>,
    /// Samples of w, of wy, and of w with phases doubled.
    samples: [Vec<Sample>; 3],
}

/// Adds a band's part of the power at each frequency of `grid` to `powers`.
pub(super) struct Spectrum<'a> {
    pub(super) points: &'a Points,
    pub(super) grid: &'a Grid,
    pub(super) scratch: &'a mut Scratch,
    pub(super) powers: &'a mut [f64],
}

impl Work for Spectrum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { points, grid, scratch, powers } = self;
        let blocks = Blocks::of(points.times.len(), grid.count);
        let n_samples = blocks.transform.n_samples();
        scratch.prepare(points, grid, n_samples);
        let n_frequencies = n_samples / 2;
        for (group, powers) in powers.chunks_mut(LANES * n_frequencies).enumerate() {
            let first = group * LANES * n_frequencies;
            scratch.spread::<V>(points, n_samples, first);
            for samples in &mut scratch.samples {
                blocks.transform.run::<V>(&mut samples[..n_samples]);
            }
            scratch.add_powers(blocks, points.share, powers);
        }
    }
}

/// Points whose sines are taken at a time.
const SOME: usize = 64;

impl Scratch {
    #[inline(always)]
    fn prepare(&mut self, points: &Points, grid: &Grid, n_samples: usize) {
        self.hands.clear();
        self.spread.clear();
        self.spread_2.clear();
        for time in &points.times {
            let hand = Hand::new(*time, grid);
            self.spread.push(hand.step.turns(1.0), n_samples);
            self.spread_2.push(hand.step.turns(2.0), n_samples);
            self.hands.push(hand);
        }
        self.spread.fill();
        self.spread_2.fill();
        self.sines.resize(SOME * LANES, 0.0);
        self.cosines.resize(SOME * LANES, 0.0);
        for samples in &mut self.samples {
            samples.resize(n_samples + TAPS, ZERO);
        }
    }

    /// Spreads all points over the samples of eight blocks, the first frequency of which is
    /// `first`.
    #[inline(always)]
    fn spread<V: Vector>(&mut self, points: &Points, n_samples: usize, first: usize) {
        let n_frequencies = n_samples / 2;
        let middle = (first + n_frequencies / 2) as f64;
        let middles: [f64; LANES] =
            std::array::from_fn(|lane| middle + (lane * n_frequencies) as f64);
        self.samples.iter_mut().for_each(|samples| samples.fill(ZERO));
        for start in (0..points.times.len()).step_by(SOME) {
            let hands = &self.hands[start..points.times.len().min(start + SOME)];
            // Phases first, for the compiler to take several sines at a time.
            for (hand, turns) in hands.iter().zip(self.sines.as_chunks_mut::<LANES>().0) {
                for (turns, middle) in turns.iter_mut().zip(&middles) {
                    *turns = hand.at(*middle);
                }
            }
            let n_sines = hands.len() * LANES;
            let sines = self.sines[..n_sines].iter_mut();
            for (sin, cos) in sines.zip(&mut self.cosines[..n_sines]) {
                (*sin, *cos) = sin_cos(*sin);
            }
            for at in start..start + hands.len() {
                self.spread_point::<V>(points, at, at - start);
            }
        }
        for samples in &mut self.samples {
            // The ring closes.
            let (ring, beyond) = samples.split_at_mut(n_samples);
            for (sample, beyond) in ring.iter_mut().zip(beyond) {
                add::<V>(sample, beyond, 1.0);
            }
        }
    }

    /// Spreads point `at`, whose sines are the `sines`-th.
    #[inline(always)]
    fn spread_point<V: Vector>(&mut self, points: &Points, at: usize, sines: usize) {
        let sin = &self.sines.as_chunks().0[sines];
        let cos = &self.cosines.as_chunks().0[sines];
        let (weight, value) = (points.weights[at], points.values[at]);
        let [of_weights, of_values, of_doubles] = &mut self.samples;
        let (mut at_weight, mut at_value, mut at_double) = (ZERO, ZERO, ZERO);
        for piece in 0..V::PIECES {
            let (sin, cos) = (V::load(sin, piece), V::load(cos, piece));
            let (weight, value) = (V::splat(weight), V::splat(value));
            let (weighted_sin, weighted_cos) = (weight.times(sin), weight.times(cos));
            weighted_cos.store(&mut at_weight[0], piece);
            weighted_sin.store(&mut at_weight[1], piece);
            value.times(cos).store(&mut at_value[0], piece);
            value.times(sin).store(&mut at_value[1], piece);
            weighted_cos.times_minus(cos, weighted_sin.times(sin)).store(&mut at_double[0], piece);
            let half = weighted_sin.times(cos);
            half.plus(half).store(&mut at_double[1], piece);
        }
        let (first, taps) = (self.spread.first[at] as usize, &self.spread.taps[at]);
        let of_weights = &mut of_weights[first..first + TAPS];
        let of_values = &mut of_values[first..first + TAPS];
        for ((tap, weights), values) in taps.iter().zip(of_weights).zip(of_values) {
            add::<V>(weights, &at_weight, *tap);
            add::<V>(values, &at_value, *tap);
        }
        let (first, taps) = (self.spread_2.first[at] as usize, &self.spread_2.taps[at]);
        for (tap, doubles) in taps.iter().zip(&mut of_doubles[first..first + TAPS]) {
            add::<V>(doubles, &at_double, *tap);
        }
    }

    /// Adds the powers of transformed samples.
    #[inline(always)]
    fn add_powers(&self, blocks: &Blocks, share: f64, powers: &mut [f64]) {
        let [of_weights, of_values, of_doubles] = &self.samples;
        let n_samples = blocks.transform.n_samples();
        let n_frequencies = n_samples / 2;
        for at in 0..n_frequencies {
            // Frequencies below the middle lie at the end.
            let mode = (at + n_samples - n_frequencies / 2) % n_samples;
            let mode = blocks.transform.place(mode);
            let factor = blocks.inverse[at.abs_diff(n_frequencies / 2)];
            let mut block = [0.0; LANES];
            for lane in 0..LANES {
                let of = |samples: &[Sample], part: usize| samples[mode][part][lane] * factor;
                block[lane] = share
                    * power(&Sums {
                        cos: of(of_weights, 0),
                        sin: of(of_weights, 1),
                        value_cos: of(of_values, 0),
                        value_sin: of(of_values, 1),
                        cos_2: of(of_doubles, 0),
                        sin_2: of(of_doubles, 1),
                    });
            }
            for (lane, power) in block.into_iter().enumerate() {
                if let Some(sum) = powers.get_mut(lane * n_frequencies + at) {
                    *sum += power;
                }
            }
        }
    }
}

/// Adds `factor` times `sample`.
#[inline(always)]
fn add<V: Vector>(to: &mut Sample, sample: &Sample, factor: f64) {
    let factor = V::splat(factor);
    for (to, lanes) in to.iter_mut().zip(sample) {
        for piece in 0..V::PIECES {
            V::load(lanes, piece).times_plus(factor, V::load(to, piece)).store(to, piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curves::Curve;
    use crate::lomb_scargle::direct::Direct;
    use crate::lomb_scargle::points::Fit;
    use crate::width;

    struct Powers<'a> {
        points: &'a Points,
        grid: &'a Grid,
    }

    impl Work for Powers<'_> {
        type Output = Vec<u64>;

        #[inline(always)]
        fn run<V: Vector>(self) -> Vec<u64> {
            let Self { points, grid } = self;
            let mut powers = vec![0.0; grid.count];
            let scratch = &mut Scratch::default();
            Spectrum { points, grid, scratch, powers: &mut powers }.run::<V>();
            powers.into_iter().map(f64::to_bits).collect()
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_vector_unit() {
        // These take blocks of all three sizes.
        for (n_points, count) in [(97, 6_500), (300, 9_000), (3_000, 20_000)] {
            let times: Vec<_> =
                (0..n_points).map(|at| 6e4 + f64::from(at * at % 3_001) * 1.37).collect();
            let values: Vec<_> = times.iter().map(|time| libm::sin(time * time)).collect();
            let curve = Curve { times: &times, values: &values, errors: None, bands: None };
            let fit = Fit::new(&curve);
            let points = &fit.bands[0];
            let grid = Grid { minimum: 0.01, step: 0.003, count };
            let ways = width::every(|| Powers { points, grid: &grid });
            assert!(ways.iter().all(|way| *way == ways[0]));
            let ways = width::every(|| Direct { points, frequency: 1.2345 });
            assert!(ways.iter().all(|way| way.to_bits() == ways[0].to_bits()));
        }
    }
}
