//! Which pixels are the source's, and their moments.

use crate::image::{Image, Why};

/// The pixels of a source: those above a threshold that hang together with its peak.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Column and row of the brightest pixel.
    pub peak: (usize, usize),
    /// Column and row of each pixel.
    pub pixels: Vec<(usize, usize)>,
}

/// The source of an image without background: the brightest pixel within a quarter of the shorter
/// side of the centre, and all pixels above `threshold` that it is connected with by sides or
/// corners. If one of these is brighter, it is the peak.
///
/// # Errors
/// When no pixel near the centre is above the threshold.
pub fn source(image: &Image, threshold: f64) -> Result<Source, Why> {
    let (width, height) = (image.width(), image.height());
    let centre = ((width - 1) as f64 / 2.0, (height - 1) as f64 / 2.0);
    let reach = width.min(height) as f64 / 4.0;
    let mut seed = None;
    let mut brightest = threshold;
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (x as f64 - centre.0, y as f64 - centre.1);
            if dx * dx + dy * dy <= reach * reach && image.at(x, y) > brightest {
                (seed, brightest) = (Some((x, y)), image.at(x, y));
            }
        }
    }
    let seed = seed.ok_or(Why::NoSource)?;
    let mut seen = vec![false; width * height];
    seen[seed.1 * width + seed.0] = true;
    let (mut pixels, mut next) = (vec![seed], 0);
    while let Some(&(x, y)) = pixels.get(next) {
        next += 1;
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                if !seen[y * width + x] && image.at(x, y) > threshold {
                    seen[y * width + x] = true;
                    pixels.push((x, y));
                }
            }
        }
    }
    // In the order of the image, so that sums do not depend on the way through it.
    pixels.sort_by_key(|&(x, y)| (y, x));
    let brighter = |best: (usize, usize), &(x, y): &(usize, usize)| {
        if image.at(x, y) > image.at(best.0, best.1) { (x, y) } else { best }
    };
    let peak = pixels.iter().fold(seed, brighter);
    Ok(Source { peak, pixels })
}

/// Moments of a source's pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Centroid in pixels; the centre of the first pixel is 0.
    pub x: f64,
    pub y: f64,
    /// Root mean square along the major and minor axis, in pixels.
    pub a: f64,
    pub b: f64,
    /// Angle from x towards y, degrees in (−90, 90].
    pub theta_deg: f64,
}

/// Centroid and second moments as SExtractor defines them: x̄ = Σ I x / Σ I, x² = Σ I x² / Σ I −
/// x̄², and so on; a² and b² are (x² + y²)/2 ± √(((x² − y²)/2)² + xy²), θ is ½ atan2(2 xy, x² −
/// y²). Where x² y² − xy² is below 1/144, 1/12 is added to x² and y²: the variance of a pixel.
/// Bertin & Arnouts 1996, [doi:10.1051/aas:1996164](https://doi.org/10.1051/aas:1996164).
pub fn moments(image: &Image, pixels: &[(usize, usize)]) -> Moments {
    let mean = |of: &dyn Fn(f64, f64) -> f64| {
        let (mut sum, mut weight) = (0.0, 0.0);
        for &(x, y) in pixels {
            sum += image.at(x, y) * of(x as f64, y as f64);
            weight += image.at(x, y);
        }
        sum / weight
    };
    let (x, y) = (mean(&|x, _| x), mean(&|_, y| y));
    let mut xx = mean(&|of, _| (of - x) * (of - x));
    let mut yy = mean(&|_, of| (of - y) * (of - y));
    let xy = mean(&|of_x, of_y| (of_x - x) * (of_y - y));
    if xx * yy - xy * xy < 1.0 / 144.0 {
        (xx, yy) = (xx + 1.0 / 12.0, yy + 1.0 / 12.0);
    }
    let half = (xx - yy) / 2.0;
    let spread = libm::sqrt(half * half + xy * xy);
    let a = libm::sqrt(f64::midpoint(xx, yy) + spread);
    let b = libm::sqrt((f64::midpoint(xx, yy) - spread).max(0.0));
    let theta_deg = 0.5 * libm::atan2(2.0 * xy, xx - yy).to_degrees();
    Moments { x, y, a, b, theta_deg }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(spots: &[(usize, f64)]) -> Image {
        let mut pixels = vec![0.0; 121];
        spots.iter().for_each(|(at, value)| pixels[*at] = *value);
        Image::new(11, 11, pixels).expect("it is square")
    }

    #[test]
    fn a_source_hangs_together_by_corners() {
        // The middle, a corner neighbour, one further, and a brighter one that is apart.
        let image = image(&[(60, 5.0), (48, 9.0), (36, 2.0), (0, 99.0)]);
        let found = source(&image, 1.0).unwrap();
        assert_eq!(found, Source { peak: (4, 4), pixels: vec![(3, 3), (4, 4), (5, 5)] });
        assert_eq!(source(&image, 9.0), Err(Why::NoSource));
    }

    #[test]
    fn one_pixel_has_the_moments_of_a_pixel() {
        let found = moments(&image(&[(60, 5.0)]), &[(5, 5)]);
        let root = libm::sqrt(1.0 / 12.0);
        assert_eq!(found, Moments { x: 5.0, y: 5.0, a: root, b: root, theta_deg: 0.0 });
    }

    #[test]
    fn a_column_points_up() {
        let found = moments(&image(&[(60, 5.0), (49, 5.0)]), &[(5, 4), (5, 5)]);
        assert_eq!((found.y, found.theta_deg), (4.5, 90.0));
        assert!((found.a * found.a - 0.25 - 1.0 / 12.0).abs() < 1e-15);
    }
}
