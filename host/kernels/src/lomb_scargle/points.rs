//! A light curve, weighted, centred and scaled for sums over its points.

use crate::curves::Curve;
use crate::turns::Double;

/// What is fitted to a curve: each of its bands that can tell frequencies apart.
pub(super) struct Fit {
    pub(super) bands: Vec<Points>,
    /// Whether all points are of one band and in it.
    pub(super) whole: bool,
}

/// The points of one band.
pub(super) struct Points {
    /// Since the first point.
    pub(super) times: Vec<Double>,
    /// Their sum is 1.
    pub(super) weights: Vec<f64>,
    /// Weight times value; values have mean 0 and variance 1 under the weights.
    pub(super) values: Vec<f64>,
    /// This band's part of χ²₀; parts add up to 1.
    pub(super) share: f64,
}

impl Fit {
    pub(super) fn new(curve: &Curve<'_>) -> Self {
        let Some(of) = curve.bands else {
            let bands: Vec<_> = Points::new(curve, |_| true).into_iter().collect();
            return Self { whole: !bands.is_empty(), bands: shared(bands) };
        };
        let mut names = of.to_vec();
        names.sort_unstable();
        names.dedup();
        let whole = names.len() == 1;
        let bands = names.into_iter();
        let bands = bands.filter_map(|band| Points::new(curve, |at| of[at] == band)).collect();
        Self { bands: shared(bands), whole }
    }
}

/// Makes parts of χ²₀ of its amounts.
fn shared(mut bands: Vec<Points>) -> Vec<Points> {
    if let [only] = &mut bands[..] {
        only.share = 1.0;
        return bands;
    }
    let sum: f64 = bands.iter().map(|points| points.share).sum();
    bands.iter_mut().for_each(|points| points.share /= sum);
    bands
}

impl Points {
    /// The points of `curve` that are `inside`; none where there are fewer than 3, or all have
    /// one value.
    fn new(curve: &Curve<'_>, inside: impl Fn(usize) -> bool) -> Option<Self> {
        let indices: Vec<_> = (0..curve.times.len()).filter(|at| inside(*at)).collect();
        let first = *indices.first()?;
        let constant = indices.iter().all(|at| curve.values[*at] == curve.values[first]);
        if indices.len() < 3 || constant {
            return None;
        }
        let of = |column: &[f64]| indices.iter().map(|at| column[*at]).collect::<Vec<_>>();
        let times =
            of(curve.times).iter().map(|t| Double::difference(*t, curve.times[first])).collect();
        let (weights, weight) = match curve.errors {
            Some(errors) => weights(&of(errors)),
            None => (vec![1.0 / indices.len() as f64; indices.len()], indices.len() as f64),
        };
        let mut values = of(curve.values);
        // The second pass takes off what rounding of the first mean left.
        for _ in 0..2 {
            let mean = dot(&weights, &values);
            values.iter_mut().for_each(|value| *value -= mean);
        }
        let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        values.iter_mut().for_each(|value| *value /= largest);
        let squares: Vec<_> = values.iter().map(|value| value * value).collect();
        let variance = dot(&weights, &squares);
        let deviation = variance.sqrt();
        let weighted = values.iter().zip(&weights).map(|(value, w)| value / deviation * w);
        let share = variance * largest * largest * weight;
        Some(Self { times, values: weighted.collect(), weights, share })
    }
}

/// 1/σ², with sum 1, and that sum as it was.
fn weights(errors: &[f64]) -> (Vec<f64>, f64) {
    // Relative to the least, so that no square is too large or too small.
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let square = |ratio: f64| ratio * ratio;
    let raw: Vec<_> = errors.iter().map(|error| square(least / error)).collect();
    let sum: f64 = raw.iter().sum();
    (raw.iter().map(|weight| weight / sum).collect(), sum / (least * least))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| a.mul_add(*b, sum))
}
