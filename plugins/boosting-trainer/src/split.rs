//! The best split of a leaf on one feature, by the gain in the loss to second order.
//!
//! With G and H the sums of gradients and curvatures on a side, the best step there is
//! −G/(H + λ), which lowers the loss by ½ G²/(H + λ). A split gains
//! ½ (G_L²/(H_L + λ) + G_R²/(H_R + λ) − G²/(H + λ)). Friedman, Hastie & Tibshirani 2000,
//! doi:10.1214/aos/1016218223; Chen & Guestrin 2016, doi:10.1145/2939672.2939785.
//!
//! Bins are walked in order and ties keep the first.

use crate::bins::MISSING;
use crate::histogram::{Histogram, Sums, add, curvature, gradient, less, n_rows};

/// Keeps quotients finite where curvatures vanish and nothing regularises.
const LEAST_LAMBDA: f64 = 1e-9;

/// What a split must leave on each side, and what fixed point stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The gradient that 1 stands for.
    pub(crate) gradient_unit: f64,
    /// The curvature that 1 stands for.
    pub(crate) curvature_unit: f64,
    /// λ.
    pub(crate) lambda: f64,
    /// Rows; at least 1.
    pub(crate) min_rows: u64,
    /// Summed curvature, in its unit.
    pub(crate) min_curvature: u64,
}

/// A split of a leaf on one feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    /// Twice what the loss falls by; above 0.
    pub(crate) gain: f64,
    /// Bins up to this one go left.
    pub(crate) bin: u8,
    /// Where missing values go; with the more rows where the leaf has none.
    pub(crate) missing_left: bool,
    /// The sums of what goes left.
    pub(crate) left: Sums,
}

impl Rule {
    /// The step that lowers the loss most: −G/(H + λ).
    pub(crate) fn step(&self, sums: Sums) -> f64 {
        let (g, h) = self.side(sums);
        -g * self.gradient_unit / h
    }

    /// Whether a leaf with these sums could be split at all.
    pub(crate) fn may_split(&self, sums: Sums) -> bool {
        n_rows(sums) >= 2 * self.min_rows && curvature(sums) >= 2 * self.min_curvature
    }

    /// The gradient in its unit, and H + λ.
    fn side(&self, sums: Sums) -> (f64, f64) {
        let h = curvature(sums) as f64 * self.curvature_unit;
        (gradient(sums), h + self.lambda.max(LEAST_LAMBDA))
    }

    /// The best split of a leaf with these sums on a feature with so many bins.
    pub(crate) fn search(&self, histogram: &Histogram, n_bins: usize, all: Sums) -> Option<Cut> {
        let missing = histogram[usize::from(MISSING)];
        let bins = &histogram[..n_bins];
        let best = if n_rows(missing) == 0 {
            let best = self.sweep(&bins[..n_bins - 1], [0; 2], all)?;
            Best { missing_left: 2 * n_rows(best.left) >= n_rows(all), ..best }
        } else {
            // With missing values alone on the right, even the last bin may go left.
            let right = self.sweep(bins, [0; 2], all);
            let left = self.sweep(&bins[..n_bins - 1], missing, all);
            let left = left.map(|best| Best { missing_left: true, ..best });
            match (right, left) {
                (Some(right), Some(left)) if left.score > right.score => left,
                (right, left) => right.or(left)?,
            }
        };
        let (g, h) = self.side(all);
        let gain = (best.score - g * g / h) * self.gradient_unit * self.gradient_unit;
        (gain > 0.0).then_some(Cut {
            gain,
            bin: best.bin,
            missing_left: best.missing_left,
            left: best.left,
        })
    }

    /// Moves bin after bin to the left side, which begins with `left`, and keeps the best moment.
    fn sweep(&self, bins: &[Sums], mut left: Sums, all: Sums) -> Option<Best> {
        let mut best: Option<Best> = None;
        let mut most = f64::NEG_INFINITY;
        for (bin, &sums) in bins.iter().enumerate() {
            if n_rows(sums) == 0 {
                continue;
            }
            add(&mut left, sums);
            let right = less(all, left);
            if n_rows(left) < self.min_rows || curvature(left) < self.min_curvature {
                continue;
            }
            if n_rows(right) < self.min_rows || curvature(right) < self.min_curvature {
                break;
            }
            let ((gl, hl), (gr, hr)) = (self.side(left), self.side(right));
            let score = (gl * gl * hr + gr * gr * hl) / (hl * hr);
            if score > most {
                most = score;
                let bin = u8::try_from(bin).expect("at most 255 bins");
                best = Some(Best { score, bin, missing_left: false, left });
            }
        }
        best
    }
}

/// The best moment of a sweep.
#[derive(Debug, Clone, Copy)]
struct Best {
    /// Σ G²/(H + λ) over both sides, gradients in their unit.
    score: f64,
    bin: u8,
    missing_left: bool,
    left: Sums,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::of_row;

    const RULE: Rule = Rule {
        gradient_unit: 0.5,
        curvature_unit: 0.25,
        lambda: 1.0,
        min_rows: 1,
        min_curvature: 0,
    };

    /// One row a bin: (bin, gradient, curvature), the units applied.
    fn leaf(rows: &[(u8, i64, u64)]) -> (Histogram, Sums) {
        let (mut histogram, mut all) = ([[0; 2]; 256], [0; 2]);
        for &(bin, g, h) in rows {
            add(&mut histogram[usize::from(bin)], of_row(g, h));
            add(&mut all, of_row(g, h));
        }
        (histogram, all)
    }

    #[test]
    fn the_gain_is_that_of_the_formula() {
        let (histogram, all) = leaf(&[(0, -4, 4), (1, -2, 4), (2, 6, 8)]);
        let cut = RULE.search(&histogram, 3, all).expect("a split");
        // G = −3 and 3, H = 2 and 2: 9/3 + 9/3 − 0.
        assert_eq!((cut.bin, cut.gain), (1, 6.0));
        assert_eq!(RULE.step(cut.left), 1.0);
        assert!(cut.missing_left);
    }

    #[test]
    fn missing_values_go_where_they_gain_most_and_may_stand_alone() {
        let (histogram, all) = leaf(&[(0, -4, 4), (1, 4, 4), (MISSING, 4, 4)]);
        let cut = RULE.search(&histogram, 2, all).expect("a split");
        assert_eq!((cut.bin, cut.missing_left), (0, false));
        let (histogram, all) = leaf(&[(0, -4, 4), (1, 4, 4), (MISSING, -4, 4)]);
        let cut = RULE.search(&histogram, 2, all).expect("a split");
        assert_eq!((cut.bin, cut.missing_left), (0, true));
        let (histogram, all) = leaf(&[(0, 4, 4), (1, 4, 4), (MISSING, -8, 8)]);
        let cut = RULE.search(&histogram, 2, all).expect("a split");
        assert_eq!((cut.bin, cut.missing_left), (1, false));
    }

    #[test]
    fn sides_that_are_too_small_are_passed_over() {
        let (histogram, all) = leaf(&[(0, -8, 1), (1, 2, 4), (2, 6, 4)]);
        assert_eq!(RULE.search(&histogram, 3, all).expect("a split").bin, 0);
        let rule = Rule { min_curvature: 2, ..RULE };
        assert_eq!(rule.search(&histogram, 3, all).expect("a split").bin, 1);
        assert_eq!(Rule { min_rows: 2, ..RULE }.search(&histogram, 3, all), None);
        let (same, all) = leaf(&[(0, 2, 4), (1, 2, 4)]);
        assert!(Rule { lambda: 0.0, ..RULE }.search(&same, 2, all).is_none_or(|c| c.gain < 1e-8));
    }
}
