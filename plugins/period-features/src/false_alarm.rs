//! How often noise alone has a peak as high, in any number of bands.

use crate::band::Band;

/// The chance that noise has a peak of `power` or more at any frequency from 0 to
/// `maximum_frequency`, when each band has a sine and a mean of its own: an upper limit, close
/// where it is small.
///
/// Weighted values less their means are a vector with M = N − B dimensions, N the number of
/// points and B of bands; noise points it anywhere. The power is the part of its square that
/// lies in the 2B dimensions of the sines, and these turn as the frequency rises. With one band
/// this is Baluev's limit (2008, doi:10.1111/j.1365-2966.2008.12689.x); with more, it follows from the
/// same rate of crossings of a level (Davies 1987, doi:10.1093/biomet/74.1.33):
///
/// ```text
/// FAP = 1 − (1 − Q) exp(−τ)
/// Q   = (1 − P)^m Σ_{j<B} (m)_j P^j / j!,   m = (M − 2B)/2,   (m)_j = m (m+1) … (m+j−1)
/// τ   = W Γ(M/2) / (Γ(B) Γ((M − 2B + 1)/2)) · P^(B − 1/2) (1 − P)^((M − 2B − 1)/2)
/// W   = f_max √(4π ⟨var t⟩)
/// ```
///
/// ⟨var t⟩ the mean over bands of the variance of times under the weights, in days². Bands of
/// fewer than 3 points, or of one value, count for nothing, as in the periodogram. 1 where there
/// are too few points for the sines, 3B or fewer. From 0 to 1.
pub fn probability(bands: &[Band], power: f64, maximum_frequency: f64) -> f64 {
    let bands: Vec<_> =
        bands.iter().filter(|band| band.len() >= 3 && !band.is_constant()).collect();
    let b = bands.len() as f64;
    let n_points: usize = bands.iter().map(|band| band.len()).sum();
    let freedom = n_points as f64 - b;
    let rest = freedom - 2.0 * b;
    if bands.is_empty() || rest <= 0.0 {
        return 1.0;
    }
    let power = power.clamp(0.0, 1.0);
    let variance = bands.iter().map(|band| time_variance(band)).sum::<f64>() / b;
    let width = maximum_frequency * (4.0 * std::f64::consts::PI * variance).sqrt();
    let single = libm::pow(1.0 - power, 0.5 * rest) * series(bands.len(), 0.5 * rest, power);
    let gamma = libm::lgamma(0.5 * freedom) - libm::lgamma(b) - libm::lgamma(0.5 * (rest + 1.0));
    let crossings = width
        * libm::exp(gamma)
        * libm::pow(power, b - 0.5)
        * libm::pow(1.0 - power, 0.5 * (rest - 1.0));
    // As 1 − (1 − single) · exp(−crossings), without losing what is small.
    -libm::expm1(libm::log1p(-single.min(1.0)) - crossings)
}

/// Σ (m)_j P^j / j! over j below `n_terms`.
fn series(n_terms: usize, m: f64, power: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for j in 0..n_terms {
        sum += term;
        term *= (m + j as f64) * power / (j + 1) as f64;
    }
    sum
}

fn time_variance(band: &Band) -> f64 {
    let weight: f64 = band.weights.iter().sum();
    let weighted = || band.times.iter().zip(&band.weights);
    let mean = weighted().map(|(time, w)| w * time).sum::<f64>() / weight;
    weighted().map(|(time, w)| w * (time - mean) * (time - mean)).sum::<f64>() / weight
}

#[cfg(test)]
mod tests {
    use light_curve::Curve;
    use skyloom_plugin::kernels::{Curves, Frequencies, Search, lomb_scargle};

    use super::*;

    #[test]
    fn one_band_is_the_kernel_s() {
        let times: Vec<_> = (0..30).map(|at| f64::from(at * at % 101) * 0.731).collect();
        let values: Vec<_> = times.iter().map(|time| libm::sin(time * time)).collect();
        let errors: Vec<_> = (0..30).map(|at| 0.1 + 0.01 * f64::from(at)).collect();
        let curves = Curves::new(&[0, 30], &times, &values, Some(&errors), None).unwrap();
        let frequencies =
            Frequencies::Auto { samples_per_peak: 5.0, minimum: Some(0.0), maximum: 2.0 };
        let peak = lomb_scargle(&curves, &Search { frequencies, peaks: 1 }).unwrap()[0][0];
        let band =
            Band::new(Curve { times: &times, values: &values, errors: &errors }, times[0], 0.0);
        let ours = probability(&[band], peak.power, 2.0);
        // The kernel's grid ends less than a step below the maximum.
        assert!((ours / peak.false_alarm_probability - 1.0).abs() < 2e-3, "{ours} {peak:?}");
    }

    #[test]
    fn it_is_a_chance() {
        let times = [0.0, 1.0, 2.5, 4.0, 7.0, 8.5, 9.25, 12.0];
        let band = Band::new(Curve { times: &times, values: &times, errors: &[1.0; 8] }, 0.0, 0.0);
        let bands = [band.clone(), band.clone()];
        assert_eq!(probability(&bands, 1.0, 2.0), 0.0);
        assert_eq!(probability(&bands, 0.0, 2.0), 1.0);
        let few = Band::new(
            Curve { times: &times[..3], values: &times[..3], errors: &[1.0; 3] },
            0.0,
            0.0,
        );
        assert_eq!((probability(&[few], 0.99, 2.0), probability(&[], 0.99, 2.0)), (1.0, 1.0));
        let levels = [0.2, 0.5, 0.8, 0.95].map(|power| probability(&bands, power, 2.0));
        assert!(levels.windows(2).all(|pair| pair[0] > pair[1]), "{levels:?}");
    }
}
