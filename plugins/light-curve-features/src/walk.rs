//! The damped random walk that fits best.

use crate::moments::Moments;
use crate::reason::Reason;

/// Scales of time tried first, then refined.
const TAUS: u32 = 10;
/// Scales of spread tried with each of them.
const SIGMAS: u32 = 6;
/// σ is looked for within this factor of the standard deviation, both ways.
const SIGMA_REACH: f64 = 100.0;
/// τ is looked for from the shortest interval over this to the time span times it.
const TAU_REACH: f64 = 10.0;
/// Best fits this close to an edge, in ln σ or ln τ, lie at it.
const EDGE: f64 = 1e-3;
/// The refinement ends when its triangle is smaller, in ln σ and ln τ, or after this many
/// steps.
const SMALL: f64 = 1e-7;
const STEPS: u32 = 400;

/// A damped random walk, which is a stationary Gaussian process of covariance
/// σ² exp(−|Δt|/τ).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Walk {
    /// σ, the standard deviation over times much longer than τ, in the values' unit.
    /// MacLeod's SF∞ is √2 σ.
    pub sigma: f64,
    /// τ, in days.
    pub tau: f64,
}

/// Light curve in units of its standard deviation.
struct Scaled {
    intervals: Vec<f64>,
    values: Vec<f64>,
    /// σ² of the errors.
    noise: Vec<f64>,
}

/// The damped random walk of maximum likelihood, with independent normal errors of the given
/// size and a free mean. From 5 points with an error.
///
/// The likelihood comes from a Kalman filter, in O(n); the mean is the one that is likeliest
/// for each σ and τ. A grid and then Nelder and Mead's method find the maximum, for σ within
/// 1/100 to 100 standard deviations, for τ from a tenth of the shortest interval to ten time
/// spans. No prior is used: light curves that are too short or too even for τ have their best
/// fit at an edge, which is no measurement.
///
/// References: Kelly, Bechtold & Siemiginowska 2009, ApJ 698, 895,
/// [doi:10.1088/0004-637X/698/1/895](https://doi.org/10.1088/0004-637X/698/1/895);
/// MacLeod et al. 2010, ApJ 721, 1014,
/// [doi:10.1088/0004-637X/721/2/1014](https://doi.org/10.1088/0004-637X/721/2/1014); Nelder &
/// Mead 1965, Comput. J. 7, 308,
/// [doi:10.1093/comjnl/7.4.308](https://doi.org/10.1093/comjnl/7.4.308).
///
/// # Errors
/// [`Reason::Constant`], [`Reason::OneTime`], [`Reason::EdgeOfSearch`].
pub fn fit(
    times: &[f64],
    values: &[f64],
    errors: &[f64],
    moments: &Moments,
) -> Result<Walk, Reason> {
    let unit = (moments.spread()? / (moments.n - 1.0)).sqrt();
    let light = Scaled {
        intervals: times.windows(2).map(|pair| pair[1] - pair[0]).collect(),
        values: values.iter().map(|value| (value - moments.mean) / unit).collect(),
        noise: errors.iter().map(|error| (error / unit) * (error / unit)).collect(),
    };
    let (low, high) = bounds(times, &light.intervals)?;
    let cost = |place: [f64; 2]| {
        let inside = (0..2).all(|axis| low[axis] <= place[axis] && place[axis] <= high[axis]);
        if inside {
            light.cost(libm::exp(place[0]), &light.forgotten(libm::exp(place[1])))
        } else {
            f64::INFINITY
        }
    };
    let at = |axis: usize, index: u32, of: u32| {
        low[axis] + (f64::from(index) + 0.5) / f64::from(of) * (high[axis] - low[axis])
    };
    let mut best = ([0.0; 2], f64::INFINITY);
    for tau in (0..TAUS).map(|tau| at(1, tau, TAUS)) {
        let forgotten = light.forgotten(libm::exp(tau));
        for sigma in (0..SIGMAS).map(|sigma| at(0, sigma, SIGMAS)) {
            let place = [sigma, tau];
            let cost = light.cost(libm::exp(sigma), &forgotten);
            if cost < best.1 {
                best = (place, cost);
            }
        }
    }
    if best.1 == f64::INFINITY {
        return Err(Reason::NotFinite);
    }
    let place = descend(best, &cost);
    let at_edge =
        (0..2).any(|axis| place[axis] - low[axis] < EDGE || high[axis] - place[axis] < EDGE);
    if at_edge {
        return Err(Reason::EdgeOfSearch);
    }
    Ok(Walk { sigma: unit * libm::exp(place[0]), tau: libm::exp(place[1]) })
}

/// The corners of the search in ln σ, in standard deviations, and ln τ.
fn bounds(times: &[f64], intervals: &[f64]) -> Result<([f64; 2], [f64; 2]), Reason> {
    let span = times[times.len() - 1] - times[0];
    if span <= 0.0 {
        return Err(Reason::OneTime);
    }
    let positive = intervals.iter().copied().filter(|interval| *interval > 0.0);
    let shortest = positive.fold(span, f64::min);
    let reach = libm::log(SIGMA_REACH);
    let low = [-reach, libm::log(shortest / TAU_REACH)];
    Ok((low, [reach, libm::log(span * TAU_REACH)]))
}

impl Scaled {
    /// 1 − exp(−2Δt/τ) for each interval, exact for short ones too; its first place is that
    /// of the first point, before which all is forgotten.
    fn forgotten(&self, tau: f64) -> Vec<f64> {
        let share = |interval: &f64| -libm::expm1(-2.0 * interval / tau);
        std::iter::once(1.0).chain(self.intervals.iter().map(share)).collect()
    }

    /// −2 ln likelihood but for a constant, at the likeliest mean.
    fn cost(&self, sigma: f64, forgotten: &[f64]) -> f64 {
        let variance = sigma * sigma;
        // The filter runs on the values and, for the mean, on ones.
        let (mut value, mut one) = (0.0, 0.0);
        let mut left = variance;
        let (mut yy, mut y1, mut ones) = (0.0, 0.0, 0.0);
        let (mut logs, mut product) = (0.0, 1.0);
        for (at, (forgotten, noise)) in forgotten.iter().zip(&self.noise).enumerate() {
            let kept = 1.0 - forgotten;
            let decay = kept.sqrt();
            value *= decay;
            one *= decay;
            left = kept * left + variance * forgotten;
            let total = left + noise;
            let inverse = 1.0 / total;
            let (off_value, off_one) = (self.values[at] - value, 1.0 - one);
            yy += off_value * off_value * inverse;
            y1 += off_value * off_one * inverse;
            ones += off_one * off_one * inverse;
            let gain = left * inverse;
            value += gain * off_value;
            one += gain * off_one;
            left = gain * noise;
            // One logarithm for eight factors.
            product *= total;
            if at % 8 == 7 {
                logs += libm::log(product);
                product = 1.0;
            }
        }
        let cost = logs + libm::log(product) + yy - y1 * y1 / ones;
        if cost.is_nan() { f64::INFINITY } else { cost }
    }
}

/// Nelder and Mead's walk downhill from `start`.
fn descend(start: ([f64; 2], f64), cost: &impl Fn([f64; 2]) -> f64) -> [f64; 2] {
    let vertex = |place: [f64; 2]| (place, cost(place));
    let [s, t] = start.0;
    let mut corners = [start, vertex([s + 0.3, t]), vertex([s, t + 0.3])];
    for _ in 0..STEPS {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        let [best, second, worst] = corners;
        let size = (0..2).map(|axis| (worst.0[axis] - best.0[axis]).abs()).fold(0.0, f64::max);
        if size < SMALL {
            break;
        }
        let along = |factor: f64| {
            vertex([0, 1].map(|axis| {
                let middle = 0.5 * (best.0[axis] + second.0[axis]);
                middle + factor * (worst.0[axis] - middle)
            }))
        };
        let reflected = along(-1.0);
        let better = if reflected.1 < best.1 {
            let expanded = along(-2.0);
            if expanded.1 < reflected.1 { Some(expanded) } else { Some(reflected) }
        } else if reflected.1 < second.1 {
            Some(reflected)
        } else {
            let contracted = along(if reflected.1 < worst.1 { -0.5 } else { 0.5 });
            Some(contracted).filter(|corner| corner.1 < worst.1.min(reflected.1))
        };
        match better {
            Some(corner) => corners[2] = corner,
            None => {
                let halfway =
                    |corner: [f64; 2]| [0, 1].map(|axis| 0.5 * (corner[axis] + best.0[axis]));
                corners = [best, vertex(halfway(second.0)), vertex(halfway(worst.0))];
            }
        }
    }
    corners.sort_by(|a, b| a.1.total_cmp(&b.1));
    corners[0].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_memory_has_no_walk() {
        let times: Vec<f64> = (0..40).map(f64::from).collect();
        let values: Vec<f64> = (0..40).map(|at| 0.01 * f64::from(at)).collect();
        let moments = Moments::of(&values);
        // A trend never turns back.
        assert_eq!(fit(&times, &values, &[1e-3; 40], &moments), Err(Reason::EdgeOfSearch));
        let constant = Moments::of(&[1.0; 40]);
        assert_eq!(fit(&times, &[1.0; 40], &[1e-3; 40], &constant), Err(Reason::Constant));
        let at_once = fit(&[1.0; 40], &values, &[1e-3; 40], &moments);
        assert_eq!(at_once, Err(Reason::OneTime));
    }
}
