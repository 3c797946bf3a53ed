//! How much light changes in how much time.

use crate::reason::Reason;

/// Pairs that a time scale needs to count.
pub const PAIRS: u32 = 10;
/// Time scales that the fit needs.
pub const SCALES: usize = 3;
const YEAR_DAY: f64 = 365.25;
/// The exponent of a scale of one day, as floating-point numbers write it.
const DAY: i64 = 1023;
/// Scales run from 2⁻²⁰ days, a twelfth of a second, to 2²⁰ days.
const REACH: i64 = 20;

/// A power law V(Δt) = A (Δt / 1 year)^γ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// A, the change within a year of 365.25 days, in the values' unit.
    pub amplitude: f64,
    /// γ: 0 for noise and fast changes, ½ for a random walk, 1 for trends.
    pub slope: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Scale {
    pairs: u32,
    change: f64,
    time: f64,
}

/// Fits a power law to the structure function.
///
/// All n(n − 1)/2 pairs of points are gathered by octaves of their distance in time,
/// 2ᵏ ≤ Δt < 2ᵏ⁺¹ days. In each, V² is the mean of (xᵢ − xⱼ)² − σᵢ² − σⱼ². The line through
/// ln V over ln ⟨Δt⟩, of equal weights, gives A and γ. Octaves with fewer than [`PAIRS`] pairs
/// and those with V² ≤ 0 are left out. From 4 points with an error. A is extrapolated where
/// the light curve is shorter than a year.
///
/// References: Schmidt et al. 2010, ApJ 714, 1194,
/// [doi:10.1088/0004-637X/714/2/1194](https://doi.org/10.1088/0004-637X/714/2/1194), for the
/// power law, which they fit to single pairs; MacLeod et al. 2012, ApJ 753, 106,
/// [doi:10.1088/0004-637X/753/2/106](https://doi.org/10.1088/0004-637X/753/2/106), for V.
///
/// # Errors
/// [`Reason::NoScales`] if fewer than [`SCALES`] octaves are left.
pub fn fit(times: &[f64], values: &[f64], errors: &[f64]) -> Result<PowerLaw, Reason> {
    let mut scales = [Scale::default(); 2 * REACH as usize];
    for later in 1..times.len() {
        let noise = errors[later] * errors[later];
        for at in 0..later {
            let time = times[later] - times[at];
            let octave = (time.to_bits() >> 52) as i64 - DAY + REACH;
            let Some(scale) =
                usize::try_from(octave).ok().and_then(|octave| scales.get_mut(octave))
            else {
                continue;
            };
            let change = values[later] - values[at];
            scale.pairs += 1;
            scale.change += change * change - noise - errors[at] * errors[at];
            scale.time += time;
        }
    }
    let mut places = Vec::new();
    for scale in scales.iter().filter(|scale| scale.pairs >= PAIRS && scale.change > 0.0) {
        let pairs = f64::from(scale.pairs);
        let time = libm::log(scale.time / pairs / YEAR_DAY);
        places.push((time, 0.5 * libm::log(scale.change / pairs)));
    }
    if places.len() < SCALES {
        return Err(Reason::NoScales);
    }
    let n = places.len() as f64;
    let mean_t = places.iter().map(|(t, _)| t).sum::<f64>() / n;
    let mean_v = places.iter().map(|(_, v)| v).sum::<f64>() / n;
    let tt: f64 = places.iter().map(|(t, _)| (t - mean_t) * (t - mean_t)).sum();
    let tv: f64 = places.iter().map(|(t, v)| (t - mean_t) * (v - mean_v)).sum();
    let slope = tv / tt;
    Ok(PowerLaw { amplitude: libm::exp(mean_v - slope * mean_t), slope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_has_slope_one() {
        let times: Vec<f64> = (0..60).map(f64::from).collect();
        let values: Vec<f64> = times.iter().map(|t| 0.01 * t).collect();
        let law = fit(&times, &values, &[1e-9; 60]).unwrap();
        assert!((law.slope - 1.0).abs() < 0.02, "{law:?}");
        assert!((law.amplitude - 3.6525).abs() < 0.3, "{law:?}");
        assert_eq!(fit(&times, &values, &[10.0; 60]), Err(Reason::NoScales));
        assert_eq!(fit(&[1.0; 9], &[1.0; 9], &[0.1; 9]), Err(Reason::NoScales));
    }
}
