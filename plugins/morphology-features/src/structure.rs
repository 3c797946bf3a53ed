//! Asymmetry, Gini, M20.

use std::f64::consts::PI;

use crate::image::Image;

/// Pixels whose centres lie within `r` of (`x`, `y`).
pub fn within(image: &Image, x: f64, y: f64, r: f64) -> Vec<(usize, usize)> {
    let [(x_low, x_high), (y_low, y_high)] = image.around(x, y, r);
    let all = (y_low..y_high).flat_map(|row| (x_low..x_high).map(move |column| (column, row)));
    let near = |&(column, row): &(usize, usize)| {
        let (dx, dy) = (column as f64 - x, row as f64 - y);
        dx * dx + dy * dy <= r * r
    };
    all.filter(near).collect()
}

/// The asymmetry Σ |I − I₁₈₀| / Σ |I| of the pixels within `r` of a centre, less what noise gives:
/// N 2σ/√π / Σ |I|. I₁₈₀ is the image rotated by 180° around a centre on the grid of half pixels,
/// so that nothing is interpolated; of those within a pixel of the centroid, the one of least
/// asymmetry counts. Pixels that have no partner are left out. A little below 0 for what is
/// symmetric and noisy. Conselice 2003, [doi:10.1086/375001](https://doi.org/10.1086/375001).
pub fn asymmetry(image: &Image, x: f64, y: f64, r: f64, noise: f64) -> Option<f64> {
    let pixels = within(image, x, y, r);
    // Twice the centre, in whole numbers.
    let (twice_x, twice_y) = (libm::round(2.0 * x) as i64, libm::round(2.0 * y) as i64);
    let mut least: Option<f64> = None;
    for twice_y in twice_y - 2..=twice_y + 2 {
        for twice_x in twice_x - 2..=twice_x + 2 {
            let (mut difference, mut total, mut count) = (0.0, 0.0, 0.0);
            for &(column, row) in &pixels {
                let here = image.at(column, row);
                let there = image.get(twice_x - column as i64, twice_y - row as i64);
                if !(here - there).is_nan() {
                    difference += (here - there).abs();
                    total += here.abs();
                    count += 1.0;
                }
            }
            let found = (difference - count * 2.0 * noise / libm::sqrt(PI)) / total;
            if found.is_finite() && least.is_none_or(|least| found < least) {
                least = Some(found);
            }
        }
    }
    least
}

/// The Gini coefficient Σ (2 i − n − 1) |Iᵢ| / (mean |I| n (n − 1)) of `n` values sorted by |I|, i from
/// 1 on: 0 when all are the same, 1 when one has all. None for fewer than 2 values, or all 0.
/// Lotz et al. 2004, [doi:10.1086/421849](https://doi.org/10.1086/421849).
pub fn gini(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<_> = values.iter().map(|value| value.abs()).collect();
    sorted.sort_by(f64::total_cmp);
    let (n_values, sum) = (sorted.len() as f64, sorted.iter().sum::<f64>());
    if sorted.len() < 2 || sum.is_nan() || sum <= 0.0 {
        return None;
    }
    let ranks = (1..=sorted.len()).map(|rank| 2.0 * rank as f64 - n_values - 1.0);
    let weighted = ranks.zip(&sorted).map(|(rank, value)| rank * value).sum::<f64>();
    Some(weighted / (sum * (n_values - 1.0)))
}

/// M₂₀, the log₁₀ of the share that the brightest pixels have in Σ I d², where d is the distance
/// from the pixels' centroid. They are taken from the brightest on until they have 20 % of the flux, the
/// last one included. None where the moment is not positive.
/// Lotz et al. 2004, [doi:10.1086/421849](https://doi.org/10.1086/421849).
pub fn m20(image: &Image, pixels: &[(usize, usize)]) -> Option<f64> {
    let total = pixels.iter().map(|&(x, y)| image.at(x, y)).sum::<f64>();
    let mean = |of: &dyn Fn(usize, usize) -> f64| {
        pixels.iter().map(|&(x, y)| image.at(x, y) * of(x, y)).sum::<f64>() / total
    };
    let (x, y) = (mean(&|x, _| x as f64), mean(&|_, y| y as f64));
    let moment = |&(column, row): &(usize, usize)| {
        let (dx, dy) = (column as f64 - x, row as f64 - y);
        image.at(column, row) * (dx * dx + dy * dy)
    };
    let mut sorted = pixels.to_vec();
    sorted.sort_by(|a, b| image.at(b.0, b.1).total_cmp(&image.at(a.0, a.1)));
    let (mut flux, mut brightest) = (0.0, 0.0);
    for pixel in &sorted {
        flux += image.at(pixel.0, pixel.1);
        brightest += moment(pixel);
        if flux >= 0.2 * total {
            break;
        }
    }
    let share = brightest / sorted.iter().map(moment).sum::<f64>();
    (share > 0.0 && share.is_finite()).then(|| libm::log10(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gini_of_equal_and_of_one() {
        assert_eq!(gini(&[3.0; 7]), Some(0.0));
        assert_eq!(gini(&[0.0, 0.0, 5.0, 0.0]), Some(1.0));
        // By hand: (−2·1 + 0·2 + 2·3) / (6 · 2).
        assert_eq!(gini(&[3.0, -1.0, 2.0]), Some(1.0 / 3.0));
        assert_eq!((gini(&[1.0]), gini(&[0.0; 4])), (None, None));
    }

    #[test]
    fn asymmetry_finds_the_centre() {
        let mut pixels = vec![0.0; 121];
        for (at, value) in [(59, 1.0), (60, 4.0), (61, 1.0), (49, 2.0), (71, 2.0)] {
            pixels[at] = value;
        }
        let image = Image::new(11, 11, pixels.clone()).unwrap();
        for (x, y) in [(5.0, 5.0), (5.4, 4.6), (4.2, 5.8)] {
            assert_eq!(asymmetry(&image, x, y, 4.0, 0.0), Some(0.0));
        }
        // One pixel has no partner: nothing else is as near.
        pixels[52] = 1.0;
        let image = Image::new(11, 11, pixels).unwrap();
        assert_eq!(asymmetry(&image, 5.0, 5.0, 4.0, 0.0), Some(2.0 / 11.0));
    }

    #[test]
    fn m20_of_a_bright_spot_off_the_centre() {
        // A spot of 4 at 1 and a spot of 1 at −4 along x: the centroid is 0.
        let mut pixels = vec![0.0; 121];
        (pixels[5 * 11 + 6], pixels[5 * 11 + 1]) = (4.0, 1.0);
        let image = Image::new(11, 11, pixels).unwrap();
        let found = m20(&image, &[(1, 5), (6, 5)]).unwrap();
        assert!((found - libm::log10(4.0 / 20.0)).abs() < 1e-12, "{found}");
        assert_eq!(m20(&image, &[(6, 5)]), None);
    }
}
