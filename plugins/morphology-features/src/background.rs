//! The sky and its noise.

use crate::image::{Image, Why};

/// What lies under the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Background {
    /// Per pixel, in the image's unit.
    pub level: f64,
    /// 1σ noise of a pixel, in the image's unit.
    pub noise: f64,
}

/// The median and standard deviation (of the whole population) of the pixels less than `border`
/// from an edge, after pixels more than 3 standard deviations from the median were left out, again
/// and again, until none is, at most 10 times. Masked pixels do not count.
///
/// # Errors
/// When half of the border or more is masked.
pub fn background(image: &Image, border: Option<u32>) -> Result<Background, Why> {
    let (width, height) = (image.width(), image.height());
    let border = border.map_or_else(|| (width.min(height) / 10).max(2), |border| border as usize);
    let inside = |at: usize, side: usize| at >= border && at < side.saturating_sub(border);
    let (mut values, mut all) = (Vec::new(), 0);
    for y in 0..height {
        for x in 0..width {
            if !(inside(x, width) && inside(y, height)) {
                all += 1;
                values.extend(Some(image.at(x, y)).filter(|value| !value.is_nan()));
            }
        }
    }
    if values.len() * 2 <= all {
        return Err(Why::MaskedBorder);
    }
    values.sort_by(f64::total_cmp);
    let mut found = of(&values);
    for _ in 0..10 {
        let before = values.len();
        values.retain(|value| (value - found.level).abs() <= 3.0 * found.noise);
        if values.len() == before || values.is_empty() {
            break;
        }
        found = of(&values);
    }
    Ok(found)
}

/// Median and standard deviation of sorted values, of which there is at least one.
fn of(values: &[f64]) -> Background {
    let n_values = values.len();
    let level = f64::midpoint(values[(n_values - 1) / 2], values[n_values / 2]);
    let mean = values.iter().sum::<f64>() / n_values as f64;
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    Background { level, noise: libm::sqrt(squares / n_values as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_in_the_border_are_clipped() {
        let mut pixels: Vec<_> = (0..400).map(|at| f64::from(at % 2) + 10.0).collect();
        (pixels[3], pixels[399]) = (1000.0, f64::NAN);
        let found = background(&Image::new(20, 20, pixels).unwrap(), None).unwrap();
        assert!((found.noise - 0.5).abs() < 1e-3 && (10.0..=11.0).contains(&found.level));
    }

    #[test]
    fn an_image_may_be_all_border() {
        let image = Image::new(5, 5, vec![2.0; 25]).unwrap();
        let even = Background { level: 2.0, noise: 0.0 };
        assert_eq!(background(&image, Some(u32::MAX)), Ok(even));
    }
}
