//! The power at one frequency.

use super::points::Points;
use super::power::{Sums, power};
use crate::simd::{Vector, Work};
use crate::turns::sin_cos;

/// A band's part of the power at `frequency`.
pub(super) struct Direct<'a> {
    pub(super) points: &'a Points,
    pub(super) frequency: f64,
}

/// Sums are made in so many parts, which are added in the end.
const PARTS: usize = 8;

impl Work for Direct<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        let Points { times, weights, values, share } = self.points;
        let mut parts = [[0.0; PARTS]; 6];
        let whole = times.len() / PARTS * PARTS;
        for at in (0..whole).step_by(PARTS) {
            let mut terms = [[0.0; PARTS]; 6];
            for lane in 0..PARTS {
                let (sin, cos) = sin_cos(times[at + lane].turns(self.frequency));
                let term = terms_of(sin, cos, weights[at + lane], values[at + lane]);
                for (sum, term) in terms.iter_mut().zip(term) {
                    sum[lane] = term;
                }
            }
            for (part, term) in parts.iter_mut().zip(&terms) {
                for lane in 0..PARTS {
                    part[lane] += term[lane];
                }
            }
        }
        for at in whole..times.len() {
            let (sin, cos) = sin_cos(times[at].turns(self.frequency));
            let term = terms_of(sin, cos, weights[at], values[at]);
            for (part, term) in parts.iter_mut().zip(term) {
                part[at - whole] += term;
            }
        }
        let [cos, sin, value_cos, value_sin, cos_2, sin_2] =
            parts.map(|part| part.into_iter().fold(0.0, |sum, part| sum + part));
        share * power(&Sums { cos, sin, value_cos, value_sin, cos_2, sin_2 })
    }
}

#[inline(always)]
fn terms_of(sin: f64, cos: f64, weight: f64, value: f64) -> [f64; 6] {
    let weighted_cos = weight * cos;
    [
        weighted_cos,
        weight * sin,
        value * cos,
        value * sin,
        weight * cos.mul_add(cos, -(sin * sin)),
        2.0 * weighted_cos * sin,
    ]
}
