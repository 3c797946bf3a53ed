//! Flux in circles.

use std::f64::consts::PI;

use crate::image::{Image, Why};

/// Circles around a centre in an image without background.
#[derive(Debug, Clone)]
pub struct Circles<'a> {
    image: &'a Image,
    x: f64,
    y: f64,
    /// From the centre outwards.
    pixels: Vec<Pixel>,
    /// `sums[n]` is that of the first n pixels; NaN from the first masked one on.
    sums: Vec<f64>,
}

/// A pixel, seen from the centre.
#[derive(Debug, Clone, Copy)]
struct Pixel {
    distance: f64,
    dx: f64,
    dy: f64,
    value: f64,
}

/// A little more than half of a pixel's diagonal.
const HALF_DIAGONAL: f64 = 0.7072;

/// The Petrosian ratio that ends a source.
pub const RATIO: f64 = 0.2;
/// Petrosian radii in the total aperture.
pub const TOTAL: f64 = 1.5;

impl<'a> Circles<'a> {
    /// Sorts the pixels by their distance from (`x`, `y`).
    pub fn new(image: &'a Image, x: f64, y: f64) -> Self {
        let mut pixels = Vec::with_capacity(image.pixels().len());
        for (row, values) in image.pixels().chunks(image.width()).enumerate() {
            for (column, value) in values.iter().enumerate() {
                let (dx, dy) = (column as f64 - x, row as f64 - y);
                pixels.push(Pixel { distance: libm::hypot(dx, dy), dx, dy, value: *value });
            }
        }
        pixels.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let mut sums = vec![0.0];
        for pixel in &pixels {
            sums.push(sums[sums.len() - 1] + pixel.value);
        }
        Self { image, x, y, pixels, sums }
    }

    /// Flux within radius `r`, in the image's unit: each pixel times the area that it shares with
    /// the circle, exactly. NaN when one of these is masked.
    pub fn flux(&self, r: f64) -> f64 {
        // Only pixels on the circle are cut.
        let closer = |than: f64| self.pixels.partition_point(|pixel| pixel.distance <= than);
        let (whole, some) = (closer(r - HALF_DIAGONAL), closer(r + HALF_DIAGONAL));
        let mut sum = self.sums[whole];
        for pixel in &self.pixels[whole..some] {
            let area = shared(pixel.dx, pixel.dy, r);
            if area > 0.0 {
                sum += area * pixel.value;
            }
        }
        sum
    }

    /// The Petrosian radius in pixels: the smallest, from 1 on, where the mean surface brightness
    /// between 0.8 and 1.25 radii is [`RATIO`] of the mean within. It is looked for in steps of a
    /// twentieth, and then halved. Petrosian 1976,
    /// [doi:10.1086/182253](https://doi.org/10.1086/182253).
    ///
    /// # Errors
    /// When it, or the annulus, reaches beyond the image, or there are masked pixels.
    pub fn petrosian(&self) -> Result<f64, Why> {
        let ratio = |r: f64| self.brightness(r) * PI * r * r / self.flux(r);
        let (mut low, mut r) = (0.5, 1.0);
        loop {
            if !self.image.holds(self.x, self.y, 1.25 * r) {
                return Err(Why::NoPetrosian);
            }
            let found = ratio(r);
            if found.is_nan() {
                return Err(Why::MaskedSource);
            }
            if found < RATIO {
                return Ok(root(low, r, |r| ratio(r) < RATIO));
            }
            (low, r) = (r, 1.05 * r);
        }
    }

    /// The mean surface brightness between 0.8 and 1.25 `r`.
    pub fn brightness(&self, r: f64) -> f64 {
        let area = PI * r * r * (1.25 * 1.25 - 0.8 * 0.8);
        (self.flux(1.25 * r) - self.flux(0.8 * r)) / area
    }

    /// The smallest radius with a `share` of the flux within `total`; looked for in 64 steps, and
    /// then halved.
    pub fn radius(&self, share: f64, total: f64) -> Option<f64> {
        let target = share * self.flux(total);
        let reaches = |r: f64| self.flux(r) >= target;
        let step = total / 64.0;
        let first = (1..=64).map(f64::from).find(|at| reaches(at * step))?;
        Some(root((first - 1.0) * step, first * step, reaches))
    }
}

/// Where `is_beyond` turns true between `low` and `high`, to 2⁻⁴⁰ of their distance.
fn root(mut low: f64, mut high: f64, is_beyond: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if is_beyond(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The area that the unit pixel centred on (`x`, `y`) shares with the circle of radius `r` around 0.
pub fn shared(x: f64, y: f64, r: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    let squared = |x: f64, y: f64| x * x + y * y;
    if squared(x + 0.5, y + 0.5) <= r * r {
        return 1.0;
    }
    if squared((x - 0.5).max(0.0), (y - 0.5).max(0.0)) >= r * r {
        return 0.0;
    }
    let corner = |x: f64, y: f64| {
        let area = quarter(x.abs().min(r), y.abs().min(r), r);
        if (x < 0.0) == (y < 0.0) { area } else { -area }
    };
    let (left, right, low, high) = (x - 0.5, x + 0.5, y - 0.5, y + 0.5);
    let area = corner(right, high) - corner(left, high) - corner(right, low) + corner(left, low);
    area.clamp(0.0, 1.0)
}

/// The area of the circle of radius `r` between 0 and `x`, 0 and `y`; both within 0 and `r`.
fn quarter(x: f64, y: f64, r: f64) -> f64 {
    if x * x + y * y <= r * r {
        return x * y;
    }
    let under = |u: f64| {
        let height = libm::sqrt((r * r - u * u).max(0.0));
        0.5 * (u * height + r * r * libm::asin((u / r).min(1.0)))
    };
    let start = libm::sqrt((r * r - y * y).max(0.0));
    start * y + under(x) - under(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_add_up_to_the_circle() {
        for r in [0.1, 0.5, 0.7, 1.0, 2.3, 7.75] {
            for (x, y) in [(0.0, 0.0), (0.5, 0.5), (0.123, -0.4)] {
                let at = |index: i32| f64::from(index);
                let pixels = (-10..=10).flat_map(|row| (-10..=10).map(move |column| (column, row)));
                let sum: f64 =
                    pixels.map(|(column, row)| shared(at(column) - x, at(row) - y, r)).sum();
                assert!((sum - PI * r * r).abs() < 1e-12 * (1.0 + r * r), "{r} {x} {y}: {sum}");
            }
        }
    }

    #[test]
    fn a_pixel_is_in_or_out() {
        assert_eq!(shared(3.0, 0.0, 2.5), 0.0);
        assert_eq!(shared(3.0, 0.0, 4.0), 1.0);
        assert!((shared(0.5, 0.5, 0.5) - PI / 16.0).abs() < 1e-15);
    }

    #[test]
    fn half_of_a_flat_circle_lies_within_its_root() {
        let image = Image::new(31, 31, vec![2.0; 961]).unwrap();
        let circles = Circles::new(&image, 15.25, 14.5);
        assert!((circles.flux(10.0) - 200.0 * PI).abs() < 1e-9);
        let radius = circles.radius(0.5, 10.0).unwrap();
        assert!((radius - libm::sqrt(50.0)).abs() < 1e-9, "{radius}");
        // Of even light there is no end.
        assert_eq!(circles.petrosian(), Err(Why::NoPetrosian));
    }
}
