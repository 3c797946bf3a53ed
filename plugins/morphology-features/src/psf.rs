//! What a point would look like: a round Gaussian.

use std::f64::consts::SQRT_2;

use crate::image::Image;
use crate::structure::within;

/// DAOFIND's sharpness: the brightest pixel less the mean of those around it, by the height of the
/// Gaussian that fits there. The Gaussian of width `sigma` and a constant are fitted by least squares
/// to the pixels within max(2, 1.5 σ) of the `peak`. Some 0.2 to 1 for stars; more for hot pixels, less for what
/// is wide. None where pixels are masked, lie outside, or the height is not positive.
/// Stetson 1987, [doi:10.1086/131977](https://doi.org/10.1086/131977).
pub fn sharpness(image: &Image, peak: (usize, usize), sigma: f64) -> Option<f64> {
    let reach = (1.5 * sigma).max(2.0);
    let side = libm::floor(reach) as i64;
    let (mut n, mut sum_g, mut sum_gg, mut sum_i, mut sum_gi) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for dy in -side..=side {
        for dx in -side..=side {
            let squared = (dx * dx + dy * dy) as f64;
            if squared > reach * reach {
                continue;
            }
            let gauss = libm::exp(-squared / (2.0 * sigma * sigma));
            let value = image.get(peak.0 as i64 + dx, peak.1 as i64 + dy);
            n += 1.0;
            sum_g += gauss;
            sum_gg += gauss * gauss;
            sum_i += value;
            sum_gi += gauss * value;
        }
    }
    let height = (sum_gi - sum_g * sum_i / n) / (sum_gg - sum_g * sum_g / n);
    let top = image.at(peak.0, peak.1);
    let sharpness = (top - (sum_i - top) / (n - 1.0)) / height;
    (height > 0.0 && sharpness.is_finite()).then_some(sharpness)
}

/// FWHM of the models before the PSF, by that of the PSF; the first is a point.
pub const WIDTHS: [f64; 13] = [0.0, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2];

/// The PSF magnitude minus the model magnitude: 2.5 log₁₀ of model flux by PSF flux.
///
/// Both are Gaussians in pixels of width 1, fitted to the pixels within `r` of (`x`, `y`) by least squares in
/// their flux alone. Models are Gaussians of [`WIDTHS`], which the PSF of width `sigma` widens: σ² is
/// σ²(PSF) (1 + width²); the one with the least sum of squares counts. So a point has 0. None where a flux is not positive.
pub fn psf_minus_model(image: &Image, (x, y): (f64, f64), r: f64, sigma: f64) -> Option<f64> {
    let pixels = within(image, x, y, r);
    let mut best: Option<(f64, f64)> = None;
    let mut psf_flux = None;
    for width in WIDTHS {
        let sigma = sigma * libm::sqrt(1.0 + width * width);
        let profile = |centre: f64, side: usize| -> Vec<f64> {
            let edge = |at: f64| libm::erf((at - centre) / (sigma * SQRT_2));
            let in_pixel = |at: f64| 0.5 * (edge(at + 0.5) - edge(at - 0.5));
            (0..side).map(|at| in_pixel(at as f64)).collect()
        };
        let (columns, rows) = (profile(x, image.width()), profile(y, image.height()));
        let (mut square, mut product) = (0.0, 0.0);
        for &(column, row) in &pixels {
            let model = columns[column] * rows[row];
            square += model * model;
            product += model * image.at(column, row);
        }
        let flux = product / square;
        // What the model takes off the sum of squares.
        let gain = product * flux;
        psf_flux = psf_flux.or(Some(flux));
        if flux > 0.0 && best.is_none_or(|(most, _)| gain > most) {
            best = Some((gain, flux));
        }
    }
    let (psf_flux, (_, model_flux)) = (psf_flux?, best?);
    (psf_flux > 0.0).then(|| 2.5 * libm::log10(model_flux / psf_flux))
}

/// min(1, (R/r)²): how large a point's area is, by the source's. `r` is the half-light radius, R that of
/// a Gaussian of width `sigma` in pixels of width 1, √(2 ln 2 (σ² + 1/12)). 1 for a point, 0 for what is
/// large; 1 also for what is sharper than a point.
pub fn star_index(half_light: f64, sigma: f64) -> f64 {
    let squared = 2.0 * std::f64::consts::LN_2 * (sigma * sigma + 1.0 / 12.0);
    (squared / (half_light * half_light)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaussian(sigma: f64) -> Image {
        let at = |index: usize| ((index % 41) as f64 - 20.0, (index / 41) as f64 - 20.0);
        let value = |(x, y): (f64, f64)| libm::exp(-(x * x + y * y) / (2.0 * sigma * sigma));
        Image::new(41, 41, (0..41 * 41).map(at).map(value).collect()).expect("it is square")
    }

    #[test]
    fn a_point_is_no_model() {
        // The pixels are samples of a Gaussian: as good as none at this width.
        assert_eq!(psf_minus_model(&gaussian(2.0), (20.0, 20.0), 12.0, 2.0), Some(0.0));
        // Of 13 widths 1 is one: σ² doubles, and the flux by a PSF is 2/3 of it.
        let wide = gaussian(2.0 * SQRT_2);
        let found = psf_minus_model(&wide, (20.0, 20.0), 18.0, 2.0).unwrap();
        assert!((found - 2.5 * libm::log10(1.5)).abs() < 0.01, "{found}");
    }

    #[test]
    fn sharpness_falls_with_width() {
        let of = |sigma: f64| sharpness(&gaussian(sigma), (20, 20), 1.5).unwrap();
        assert!(of(0.7) > of(1.5) && of(1.5) > of(3.0), "{} {} {}", of(0.7), of(1.5), of(3.0));
        assert_eq!(sharpness(&gaussian(1.5), (0, 0), 1.5), None);
    }

    #[test]
    fn the_index_is_1_for_a_point() {
        let point = libm::sqrt(2.0 * std::f64::consts::LN_2 * (1.0 + 1.0 / 12.0));
        assert!((star_index(point, 1.0) - 1.0).abs() < 1e-15);
        assert!((star_index(2.0 * point, 1.0) - 0.25).abs() < 1e-15);
        assert_eq!(star_index(0.1, 1.0), 1.0);
    }
}
