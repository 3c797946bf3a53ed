//! How often noise alone has a peak as high.

use super::points::Points;
use crate::turns::Double;

/// The chance that noise has a peak of `power` or more at any frequency from 0 to
/// `maximum_frequency`: an upper limit, close where it is small (Baluev 2008,
/// doi:10.1111/j.1365-2966.2008.12689.x, for this normalisation and a floating mean).
///
/// `n_points` are fitted, and `time_variance` is the variance of their times under the weights,
/// in days². With 3 points or fewer it is 1: a sine fits any three. From 0 to 1.
///
/// ```text
/// FAP = 1 − (1 − (1 − P)^((N − 3) / 2)) · exp(−τ)
/// τ   = γ W (1 − P)^((N − 4) / 2) √((N − 1) P / 2)
/// W   = f_max √(4 π var t),   γ = √(2 / (N − 1)) Γ((N − 1) / 2) / Γ((N − 2) / 2)
/// ```
pub fn false_alarm_probability(
    power: f64,
    n_points: usize,
    time_variance: f64,
    maximum_frequency: f64,
) -> f64 {
    if n_points <= 3 {
        return 1.0;
    }
    let n = n_points as f64;
    let rest = (1.0 - power).max(0.0);
    let width = maximum_frequency * (4.0 * std::f64::consts::PI * time_variance).sqrt();
    let gamma = (2.0 / (n - 1.0)).sqrt()
        * libm::exp(libm::lgamma(0.5 * (n - 1.0)) - libm::lgamma(0.5 * (n - 2.0)));
    let crossings = gamma
        * width
        * libm::pow(rest, 0.5 * (n - 4.0))
        * (0.5 * (n - 1.0) * power.max(0.0)).sqrt();
    let single = libm::pow(rest, 0.5 * (n - 3.0));
    // As 1 − (1 − single) · exp(−crossings), without losing what is small.
    -libm::expm1(libm::log1p(-single) - crossings)
}

impl Points {
    pub(super) fn false_alarm_probability(&self, power: f64, maximum_frequency: f64) -> f64 {
        let time = |time: &Double| time.high;
        let weighted = || self.times.iter().map(time).zip(&self.weights);
        let mean = weighted().fold(0.0, |sum, (time, weight)| weight.mul_add(time, sum));
        let variance = weighted()
            .fold(0.0, |sum, (time, weight)| (time - mean).mul_add(weight * (time - mean), sum));
        false_alarm_probability(power, self.times.len(), variance, maximum_frequency)
    }
}
