//! The power at one frequency.

use super::points::Points;
use super::power::{Sums, power};
use crate::simd::{LANES, Lanes, Vector};
use crate::turns::sin_cos;
use crate::width::Work;

/// A band's part of the power at `frequency`.
pub(super) struct Direct<'a> {
    pub(super) points: &'a Points,
    pub(super) frequency: f64,
}

/// Points whose sines are taken at a time.
const SOME: usize = 64;

impl Work for Direct<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        let Points { times, weights, values, share } = self.points;
        let (mut sines, mut cosines) = ([0.0; SOME], [0.0; SOME]);
        // Sums are made in eight parts, which are added in the end.
        let mut parts = [[0.0; LANES]; 6];
        for start in (0..times.len()).step_by(SOME) {
            let end = times.len().min(start + SOME);
            for (turns, time) in sines.iter_mut().zip(&times[start..end]) {
                *turns = time.turns(self.frequency);
            }
            for (sin, cos) in sines.iter_mut().zip(&mut cosines) {
                (*sin, *cos) = sin_cos(*sin);
            }
            // Beyond the last point, nothing is added.
            let (mut some_weights, mut some_values) = ([0.0; SOME], [0.0; SOME]);
            some_weights[..end - start].copy_from_slice(&weights[start..end]);
            some_values[..end - start].copy_from_slice(&values[start..end]);
            let pieces = some_weights.as_chunks().0.iter().zip(some_values.as_chunks().0);
            let angles = sines.as_chunks().0.iter().zip(cosines.as_chunks().0);
            for ((sin, cos), (weight, value)) in angles.zip(pieces) {
                add::<V>(&mut parts, [sin, cos, weight, value]);
            }
        }
        let mut sums = [0.0; 6];
        for (sum, part) in sums.iter_mut().zip(&parts) {
            for lane in part {
                *sum += lane;
            }
        }
        let [cos, sin, value_cos, value_sin, cos_2, sin_2] = sums;
        share * power(&Sums { cos, sin, value_cos, value_sin, cos_2, sin_2 })
    }
}

/// Adds eight points' terms to the six sums.
#[inline(always)]
fn add<V: Vector>(parts: &mut [Lanes; 6], point: [&Lanes; 4]) {
    for piece in 0..V::PIECES {
        let [sin, cos, weight, value] = point.map(|lanes| V::load(lanes, piece));
        let (weighted_cos, weighted_sin) = (weight.times(cos), weight.times(sin));
        let half = weighted_sin.times(cos);
        let terms = [
            weighted_cos,
            weighted_sin,
            value.times(cos),
            value.times(sin),
            weighted_cos.times_minus(cos, weighted_sin.times(sin)),
            half.plus(half),
        ];
        for (part, term) in parts.iter_mut().zip(terms) {
            V::load(part, piece).plus(term).store(part, piece);
        }
    }
}
