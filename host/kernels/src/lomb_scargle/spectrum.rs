//! The power at all frequencies of a grid, by Fourier transforms of spread points.
//!
//! Six sums over the points are needed at each frequency: of w cos, w sin, wy cos, wy sin, w cos 2
//! and w sin 2, or, as complex numbers, Σ w e^{iφ}, Σ wy e^{iφ} and Σ w e^{2iφ}. Frequencies are
//! cut in blocks of K. With Θ a point's phase at a block's middle and x its turns from
//! one frequency to the next, such a sum is
//!
//! ```text
//! Σ (w e^{iΘ}) e^{2πi k x},   k = -K/2 … K/2 − 1
//! ```
//!
//! and x is the same in all blocks, but Θ is not. So it is found once over which of 2 K samples a point
//! is to be spread, and by how much ([`super::spread`]); each block spreads its own w e^{iΘ} so,
//! and transforms 2 K samples ([`super::transform`]), eight blocks side by side. That Θ is
//! taken anew for each block keeps the phases exact, however many turns there are.
//!
//! Each sample adds up its points in their order, by fused steps, so that bits do not depend
//! on how many fit in a register.

use std::sync::LazyLock;

use super::points::Points;
use super::power::{Sums, power};
use super::spread::{Spread, TAPS, inverse_transform};
use super::transform::{LANES, Sample, Transform};
use crate::grid::Grid;
use crate::simd::Work;
use crate::turns::{Hand, sin_cos};

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

    /// The size that is quickest: small blocks spread points often, large ones do not fit in the cache.
    fn of(n_points: usize) -> &'static Self {
        static SMALL: LazyLock<Blocks> = LazyLock::new(|| Blocks::new(256));
        static LARGE: LazyLock<Blocks> = LazyLock::new(|| Blocks::new(1024));
        if n_points < FEW { &SMALL } else { &LARGE }
    }
}

/// Below so many points, small blocks are quicker.
const FEW: usize = 400;

/// Space to work in.
#[derive(Default)]
pub(super) struct Scratch {
    hands: Vec<Hand>,
    spreads: Vec<Spread>,
    /// For Σ w e^{2iφ}.
    spreads_2: Vec<Spread>,
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
    fn run<const WIDTH: usize>(self) {
        let Self { points, grid, scratch, powers } = self;
        let blocks = Blocks::of(points.times.len());
        let n_samples = blocks.transform.n_samples();
        scratch.prepare(points, grid, n_samples);
        let n_frequencies = n_samples / 2;
        for (group, powers) in powers.chunks_mut(LANES * n_frequencies).enumerate() {
            let first = group * LANES * n_frequencies;
            scratch.samples.iter_mut().for_each(|samples| {
                samples.clear();
                samples.resize(n_samples, [[0.0; LANES]; 2]);
            });
            scratch.spread(points, &blocks.transform, first);
            scratch.samples.iter_mut().for_each(|samples| blocks.transform.run(samples));
            scratch.add_powers(&blocks.inverse, points.share, powers);
        }
    }
}

impl Scratch {
    #[inline(always)]
    fn prepare(&mut self, points: &Points, grid: &Grid, n_samples: usize) {
        self.hands.clear();
        self.hands.extend(points.times.iter().map(|time| Hand::new(*time, grid)));
        for (spreads, times) in [(&mut self.spreads, 1.0), (&mut self.spreads_2, 2.0)] {
            spreads.clear();
            let turns = self.hands.iter().map(|hand| hand.step.turns(times));
            spreads.extend(turns.map(|turns| Spread::new(turns, n_samples)));
        }
    }

    /// Spreads all points over the samples of eight blocks, the first frequency of which is `first`.
    #[inline(always)]
    fn spread(&mut self, points: &Points, transform: &Transform, first: usize) {
        let n_frequencies = transform.n_samples() / 2;
        let middle = (first + n_frequencies / 2) as f64;
        let [of_weights, of_values, of_doubles] = &mut self.samples;
        let spreads = self.spreads.iter().zip(&self.spreads_2);
        let weighted = points.weights.iter().zip(&points.values);
        for ((hand, (spread, spread_2)), (weight, value)) in
            self.hands.iter().zip(spreads).zip(weighted)
        {
            let mut at_weight = [[0.0; LANES]; 2];
            let mut at_value = [[0.0; LANES]; 2];
            let mut at_double = [[0.0; LANES]; 2];
            for lane in 0..LANES {
                let (sin, cos) = sin_cos(hand.at(middle + (lane * n_frequencies) as f64));
                (at_weight[0][lane], at_weight[1][lane]) = (weight * cos, weight * sin);
                (at_value[0][lane], at_value[1][lane]) = (value * cos, value * sin);
                at_double[0][lane] = weight * cos.mul_add(cos, -(sin * sin));
                at_double[1][lane] = weight * (2.0 * sin * cos);
            }
            for tap in 0..TAPS {
                let place = transform.place(spread.first + tap);
                add(&mut of_weights[place], &at_weight, spread.taps[tap]);
                add(&mut of_values[place], &at_value, spread.taps[tap]);
                let place = transform.place(spread_2.first + tap);
                add(&mut of_doubles[place], &at_double, spread_2.taps[tap]);
            }
        }
    }

    /// Adds the powers of transformed samples.
    #[inline(always)]
    fn add_powers(&self, inverse: &[f64], share: f64, powers: &mut [f64]) {
        let [of_weights, of_values, of_doubles] = &self.samples;
        let n_samples = of_weights.len();
        let n_frequencies = n_samples / 2;
        for at in 0..n_frequencies {
            // Frequencies below the middle lie at the end.
            let mode = (at + n_samples - n_frequencies / 2) % n_samples;
            let factor = inverse[at.abs_diff(n_frequencies / 2)];
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

#[inline(always)]
fn add(to: &mut Sample, sample: &Sample, factor: f64) {
    for part in 0..2 {
        for lane in 0..LANES {
            to[part][lane] = factor.mul_add(sample[part][lane], to[part][lane]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curves::Curve;
    use crate::lomb_scargle::direct::Direct;
    use crate::lomb_scargle::points::Fit;
    use crate::simd;

    struct Powers<'a> {
        points: &'a Points,
        grid: &'a Grid,
    }

    impl Work for Powers<'_> {
        type Output = Vec<u64>;

        #[inline(always)]
        fn run<const LANES: usize>(self) -> Vec<u64> {
            let Self { points, grid } = self;
            let mut powers = vec![0.0; grid.count];
            let scratch = &mut Scratch::default();
            Spectrum { points, grid, scratch, powers: &mut powers }.run::<LANES>();
            powers.into_iter().map(f64::to_bits).collect()
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_vector_unit() {
        // More points and frequencies than are worked on at a time.
        let times: Vec<_> = (0..300).map(|at| 6e4 + f64::from(at * at % 307) * 1.37).collect();
        let values: Vec<_> = times.iter().map(|time| libm::sin(time * time)).collect();
        let curve = Curve { times: &times, values: &values, errors: None, bands: None };
        let fit = Fit::new(&curve);
        let points = &fit.bands[0];
        let grid = Grid { minimum: 0.01, step: 0.003, count: 6_500 };
        let ways = simd::every(|| Powers { points, grid: &grid });
        assert!(ways.iter().all(|way| *way == ways[0]));
        let ways = simd::every(|| Direct { points, frequency: 1.2345 });
        assert!(ways.iter().all(|way| way.to_bits() == ways[0].to_bits()));
    }

    #[test]
    fn zz_time() {
        for n in [50, 200, 1000] {
            let times: Vec<_> = (0..n).map(|at| 6e4 + f64::from(at * at % 307) * 1.37).collect();
            let values: Vec<_> = times.iter().map(|time| libm::sin(time * time)).collect();
            let curve = Curve { times: &times, values: &values, errors: None, bands: None };
            let fit = Fit::new(&curve);
            let points = &fit.bands[0];
            let grid = Grid { minimum: 0.01, step: 0.001, count: 20_000 };
            for way in 1..3 {
                let mut best = f64::INFINITY;
                for _ in 0..30 {
                    let t = std::time::Instant::now();
                    if way == 1 {
                        unsafe { simd::avx2(Powers { points, grid: &grid }) };
                    } else {
                        unsafe { simd::avx512(Powers { points, grid: &grid }) };
                    }
                    best = best.min(t.elapsed().as_secs_f64());
                }
                println!("{n} way {way}: {:.3} ms", best * 1e3);
            }
        }
    }
}
