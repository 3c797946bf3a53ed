//! Magnitudes, colours and their errors: numbers in, numbers out. Knows of no table.
//!
//! A missing number is NaN here, and whatever is computed from it is missing too.

use std::f64::consts::LN_10;

/// Magnitudes per natural logarithm: 2.5 / ln 10.
const POGSON: f64 = 2.5 / LN_10;

/// The scale of one band's fluxes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Flux of magnitude 0, in the unit of the fluxes. Positive.
    pub zero_point: f64,
    /// Softening b: the flux, in units of `zero_point`, about where magnitudes turn from
    /// logarithmic to linear. Positive; best near the sky noise.
    pub softening: f64,
}

/// asinh magnitude −2.5/ln 10 · (asinh(f/f₀ / 2b) + ln b), in mag.
///
/// It tends to −2.5 log₁₀(f/f₀) for bright sources and stays finite at and below zero flux.
/// Lupton, Gunn & Szalay 1999, AJ 118, 1406, doi:10.1086/301004.
pub fn asinh_mag(flux: f64, scale: Scale) -> f64 {
    let Scale { zero_point, softening } = scale;
    -POGSON * (libm::asinh(flux / zero_point / (2.0 * softening)) + libm::log(softening))
}

/// 1σ error of [`asinh_mag`] to first order, 2.5/ln 10 · σ/f₀ / √((f/f₀)² + 4b²), in mag.
pub fn asinh_mag_err(flux: f64, flux_err: f64, scale: Scale) -> f64 {
    let Scale { zero_point, softening } = scale;
    POGSON * flux_err / zero_point / libm::hypot(flux / zero_point, 2.0 * softening)
}

/// 1σ error of a difference of two independent numbers: √(a² + b²).
pub fn quadrature(a_err: f64, b_err: f64) -> f64 {
    libm::hypot(a_err, b_err)
}

/// Softening of the SDSS filters u, g, r, i, z. Stoughton et al. 2002, AJ 123, 485,
/// table 21, doi:10.1086/324741.
pub fn sdss_softening(filter: char) -> Option<f64> {
    match filter {
        'u' => Some(1.4e-10),
        'g' => Some(0.9e-10),
        'r' => Some(1.2e-10),
        'i' => Some(1.8e-10),
        'z' => Some(7.4e-10),
        _ => None,
    }
}

/// Flux of AB magnitude 0 in `unit`: 3631 Jy, or 10⁹ nanomaggies. Oke & Gunn 1983, ApJ
/// 266, 713, doi:10.1086/160817. None when it is no unit of flux density known here.
pub fn ab_zero_point(unit: &str) -> Option<f64> {
    match unit {
        "nmgy" | "nanomaggy" => Some(1e9),
        "mgy" | "maggy" => Some(1.0),
        "Jy" => Some(3631.0),
        "mJy" => Some(3631e3),
        "uJy" => Some(3631e6),
        "nJy" => Some(3631e9),
        _ => None,
    }
}

/// The units that [`ab_zero_point`] knows.
pub const FLUX_UNITS: [&str; 8] = ["nmgy", "nanomaggy", "mgy", "maggy", "Jy", "mJy", "uJy", "nJy"];

/// `value` where it is a finite number in `range`, else NaN.
pub fn valid(value: Option<f64>, range: (f64, f64)) -> f64 {
    let (min, max) = range;
    value.filter(|value| value.is_finite() && (min..=max).contains(value)).unwrap_or(f64::NAN)
}

/// A 1σ error as it should be: finite and not negative, else NaN.
pub fn valid_err(err: Option<f64>) -> f64 {
    valid(err, (0.0, f64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: Scale = Scale { zero_point: 1e9, softening: 1.2e-10 };

    #[test]
    fn bright_sources_have_pogson_magnitudes() {
        assert!((asinh_mag(1e6, R) - 7.5).abs() < 1e-12);
        // σ_m = 1.0857 σ_f / f.
        assert!((asinh_mag_err(1e6, 1e4, R) - 0.010_857_362_047_581_296).abs() < 1e-12);
    }

    #[test]
    fn asinh_is_odd_about_zero_flux() {
        let zero = asinh_mag(0.0, R);
        assert!((asinh_mag(-0.3, R) - zero + (asinh_mag(0.3, R) - zero)).abs() < 1e-14);
    }

    #[test]
    fn units_agree() {
        // 1 nanomaggy is 3.631 µJy.
        let in_unit = |flux: f64, unit| {
            asinh_mag(flux, Scale { zero_point: ab_zero_point(unit).unwrap(), ..R })
        };
        for (flux, unit) in
            [(3.631, "uJy"), (3.631e-3, "mJy"), (3.631e-6, "Jy"), (3631.0, "nJy"), (1e-9, "mgy")]
        {
            assert!((in_unit(flux, unit) - in_unit(1.0, "nmgy")).abs() < 1e-13, "{unit}");
        }
        assert!(FLUX_UNITS.iter().all(|unit| ab_zero_point(unit).is_some()));
        assert_eq!(ab_zero_point("mag"), None);
    }

    #[test]
    fn what_is_not_valid_is_missing() {
        let range = (0.0, 30.0);
        assert_eq!(valid(Some(30.0), range), 30.0);
        for bad in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-9999.0), Some(30.1)] {
            assert!(valid(bad, range).is_nan());
        }
        assert!(valid_err(Some(-1.0)).is_nan());
        assert!(quadrature(valid_err(None), 0.1).is_nan());
        assert!(asinh_mag(f64::NAN, R).is_nan());
    }
}
