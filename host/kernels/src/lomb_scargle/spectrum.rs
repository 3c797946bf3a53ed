//! The power at all frequencies of a grid, as a product of matrices.
//!
//! Six sums over the points are needed at each frequency: of w cos, w sin, wy cos, wy sin, w cos 2
//! and w sin 2. Frequencies are cut in blocks; with Θ the phase of a point at the middle
//! of a block and φ that of an offset from there,
//!
//! ```text
//! Σ w cos(Θ ± φ) = Σ (w cos Θ) cos φ ∓ Σ (w sin Θ) sin φ
//! Σ w sin(Θ ± φ) = Σ (w sin Θ) cos φ ± Σ (w cos Θ) sin φ
//! ```
//!
//! and the φ are the same in all blocks. So sines are taken at a few hundred frequencies only,
//! and what remains are four matrix products over points, which serve two frequencies each:
//! six fused multiplications and additions for a point and frequency, and no recurrence whose
//! errors would grow.
//!
//! Each element of the products is summed over points in their order, by fused steps, so
//! that its bits do not depend on how many fit in a register.

use super::points::Points;
use crate::grid::Grid;
use crate::simd::Work;
use crate::turns::{Hand, sin_cos};

/// Offsets on each side of a block's middle: (k + 1/2) steps.
const OFFSETS: usize = 64;
/// Frequencies in a block.
const BLOCK: usize = 2 * OFFSETS;
/// Rows of a matrix that are multiplied at a time, and blocks that make a group: with these,
/// sums fill the registers, 12 of AVX2 or 24 of AVX-512.
const ROWS: usize = 3;
/// Groups at a time, and points at a time: their sums and tables stay in the cache.
const GROUPS: usize = 16;
const POINTS: usize = 256;

/// Σ (w cos Θ) cos φ, Σ (w sin Θ) sin φ, Σ (w sin Θ) cos φ and Σ (w cos Θ) sin φ of a row.
type Products = [[f64; OFFSETS]; 4];

/// A group's rows: for each block that of w and that of wy, then for each that of w with
/// angles doubled.
type Group = [[Products; ROWS]; 3];

/// At one point, cosine and sine of three rows, multiplied with what is summed.
type Middle = [f64; 2 * ROWS];

/// Space to work in.
#[derive(Default)]
pub(super) struct Scratch {
    groups: Vec<Group>,
    hands: Vec<Hand>,
    /// For each panel of lanes, for each point: cosines, then sines.
    waves: Vec<f64>,
    /// The same of doubled angles.
    waves_2: Vec<f64>,
    middles: [Vec<Middle>; 3],
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
    fn run<const LANES: usize>(self) {
        let Self { points, grid, scratch, powers } = self;
        scratch.hands.clear();
        scratch.hands.extend(points.times.iter().map(|time| Hand::new(*time, grid)));
        for (range, powers) in powers.chunks_mut(GROUPS * ROWS * BLOCK).enumerate() {
            let first = range * GROUPS * ROWS * BLOCK;
            let n_groups = powers.len().div_ceil(ROWS * BLOCK);
            scratch.groups.clear();
            scratch.groups.resize(n_groups, [[[[0.0; OFFSETS]; 4]; ROWS]; 3]);
            for start in (0..points.times.len()).step_by(POINTS) {
                let end = points.times.len().min(start + POINTS);
                scratch.add_points::<LANES>(points, start..end, first);
            }
            for (group, powers) in scratch.groups.iter().zip(powers.chunks_mut(ROWS * BLOCK)) {
                for (block, powers) in powers.chunks_mut(BLOCK).enumerate() {
                    let [value, weight] =
                        [2 * block + 1, 2 * block].map(|row| &group[row / ROWS][row % ROWS]);
                    let block = block_powers(weight, value, &group[2][block]);
                    for (sum, power) in powers.iter_mut().zip(block) {
                        *sum += points.share * power;
                    }
                }
            }
        }
    }
}

impl Scratch {
    /// Adds some points to all sums of the groups, which begin at frequency `first`.
    #[inline(always)]
    fn add_points<const LANES: usize>(
        &mut self,
        points: &Points,
        range: std::ops::Range<usize>,
        first: usize,
    ) {
        let hands = &self.hands[range.clone()];
        let (weights, values) = (&points.weights[range.clone()], &points.values[range]);
        fill_waves::<LANES>(&mut self.waves, &mut self.waves_2, hands);
        let panel = 2 * hands.len() * LANES;
        for (at, group) in self.groups.iter_mut().enumerate() {
            let middle = (first + at * ROWS * BLOCK + OFFSETS) as f64 - 0.5;
            fill_middles(&mut self.middles, hands, weights, values, middle);
            let [single, single_too, double] = group;
            let [middles, middles_too, middles_2] = &self.middles;
            let panels = self.waves.chunks_exact(panel).zip(self.waves_2.chunks_exact(panel));
            for (at, (waves, waves_2)) in panels.enumerate() {
                multiply::<LANES>(waves, middles, single, at);
                multiply::<LANES>(waves, middles_too, single_too, at);
                multiply::<LANES>(waves_2, middles_2, double, at);
            }
        }
    }
}

/// Cosines and sines of all offsets' phases, and of twice these.
#[inline(always)]
fn fill_waves<const LANES: usize>(waves: &mut Vec<f64>, waves_2: &mut Vec<f64>, hands: &[Hand]) {
    waves.clear();
    waves_2.clear();
    for panel in 0..OFFSETS / LANES {
        for hand in hands {
            let (mut cos, mut sin) = ([0.0; LANES], [0.0; LANES]);
            let (mut cos_2, mut sin_2) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                let offset = (panel * LANES + lane) as f64 + 0.5;
                (sin[lane], cos[lane]) = sin_cos(hand.step.turns(offset));
                (sin_2[lane], cos_2[lane]) = doubled(sin[lane], cos[lane]);
            }
            waves.extend_from_slice(&cos);
            waves.extend_from_slice(&sin);
            waves_2.extend_from_slice(&cos_2);
            waves_2.extend_from_slice(&sin_2);
        }
    }
}

/// The rows of a group of blocks, whose first has its middle at frequency `middle`.
#[inline(always)]
fn fill_middles(
    middles: &mut [Vec<Middle>; 3],
    hands: &[Hand],
    weights: &[f64],
    values: &[f64],
    middle: f64,
) {
    middles.iter_mut().for_each(Vec::clear);
    for ((hand, weight), value) in hands.iter().zip(weights).zip(values) {
        let mut rows = [[0.0; 2 * ROWS]; 3];
        for block in 0..ROWS {
            let (sin, cos) = sin_cos(hand.at(middle + (block * BLOCK) as f64));
            let (sin_2, cos_2) = doubled(sin, cos);
            let single = [weight * cos, weight * sin, value * cos, value * sin];
            for (at, number) in single.into_iter().enumerate() {
                let at = 4 * block + at;
                rows[at / (2 * ROWS)][at % (2 * ROWS)] = number;
            }
            rows[2][2 * block] = weight * cos_2;
            rows[2][2 * block + 1] = weight * sin_2;
        }
        for (middles, row) in middles.iter_mut().zip(rows) {
            middles.push(row);
        }
    }
}

#[inline(always)]
fn doubled(sin: f64, cos: f64) -> (f64, f64) {
    (2.0 * sin * cos, cos.mul_add(cos, -(sin * sin)))
}

/// Adds, over points, the products of three rows with one panel of waves.
#[inline(always)]
fn multiply<const LANES: usize>(
    waves: &[f64],
    middles: &[Middle],
    rows: &mut [Products; ROWS],
    panel: usize,
) {
    let mut sums = [[[0.0; LANES]; 4]; ROWS];
    for (sums, row) in sums.iter_mut().zip(rows.iter()) {
        for (sum, product) in sums.iter_mut().zip(row) {
            *sum = product.as_chunks().0[panel];
        }
    }
    let waves = waves.as_chunks::<LANES>().0.as_chunks::<2>().0;
    for ([cos, sin], middle) in waves.iter().zip(middles) {
        for (row, sums) in sums.iter_mut().enumerate() {
            let (middle_cos, middle_sin) = (middle[2 * row], middle[2 * row + 1]);
            for lane in 0..LANES {
                sums[0][lane] = middle_cos.mul_add(cos[lane], sums[0][lane]);
                sums[1][lane] = middle_sin.mul_add(sin[lane], sums[1][lane]);
                sums[2][lane] = middle_sin.mul_add(cos[lane], sums[2][lane]);
                sums[3][lane] = middle_cos.mul_add(sin[lane], sums[3][lane]);
            }
        }
    }
    for (sums, row) in sums.iter().zip(rows) {
        for (sum, product) in sums.iter().zip(row) {
            product.as_chunks_mut().0[panel] = *sum;
        }
    }
}

/// Power at the frequencies of a block, from the rows of w, wy and w doubled.
#[inline(always)]
fn block_powers(weight: &Products, value: &Products, double: &Products) -> [f64; BLOCK] {
    let mut powers = [0.0; BLOCK];
    let (below, above) = powers.split_at_mut(OFFSETS);
    let at = |row: &Products, offset: usize, sign: f64| {
        let [cos_cos, sin_sin, sin_cos, cos_sin] = [0, 1, 2, 3].map(|of| row[of][offset]);
        (cos_cos - sign * sin_sin, sin_cos + sign * cos_sin)
    };
    for (powers, sign) in [(&mut *above, 1.0), (&mut *below, -1.0)] {
        for (offset, slot) in powers.iter_mut().enumerate() {
            let (cos, sin) = at(weight, offset, sign);
            let (value_cos, value_sin) = at(value, offset, sign);
            let (cos_2, sin_2) = at(double, offset, sign);
            *slot = power(&Sums { cos, sin, value_cos, value_sin, cos_2, sin_2 });
        }
    }
    below.reverse();
    powers
}

/// Sums over points at one frequency: of w cos and w sin, of wy cos and wy sin, and of w cos
/// and w sin of twice the phase.
pub(super) struct Sums {
    pub(super) cos: f64,
    pub(super) sin: f64,
    pub(super) value_cos: f64,
    pub(super) value_sin: f64,
    pub(super) cos_2: f64,
    pub(super) sin_2: f64,
}

/// Below this, a variance of sines is taken for rounding.
const NOTHING: f64 = 1e-12;

/// The power of points with weights of sum 1 and values of mean 0 and variance 1.
#[inline(always)]
pub(super) fn power(sums: &Sums) -> f64 {
    let Sums { cos, sin, value_cos, value_sin, cos_2, sin_2 } = *sums;
    // Variances and covariance of cosines and sines.
    let cos_cos = 0.5 * (1.0 + cos_2) - cos * cos;
    let sin_sin = 0.5 * (1.0 - cos_2) - sin * sin;
    let cos_sin = 0.5 * sin_2 - cos * sin;
    let trace = cos_cos + sin_sin;
    let determinant = cos_cos * sin_sin - cos_sin * cos_sin;
    let explained = sin_sin * value_cos * value_cos + cos_cos * value_sin * value_sin
        - 2.0 * cos_sin * value_cos * value_sin;
    // Without determinant, all points lie on a line between cosine and sine.
    let on_line = value_cos * value_cos + value_sin * value_sin;
    let full = determinant > NOTHING * trace;
    let power = if full { explained / determinant } else { on_line / trace };
    let power = if trace > NOTHING { power } else { 0.0 };
    power.clamp(0.0, 1.0)
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
}
