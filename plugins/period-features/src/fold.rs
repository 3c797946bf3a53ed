//! How smooth a curve is when it is folded with its period.

/// The statistics of a folded curve; NaN where they cannot be had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fold {
    /// Length of the string from point to point in order of phase, and from the last to the
    /// first:
    ///
    /// ```text
    /// L = Σ √((y_{i+1} − y_i)² + (φ_{i+1} − φ_i)²),   y = (x − min)/(2 (max − min)) − 1/4
    /// ```
    ///
    /// (Dworetsky 1983, doi:10.1093/mnras/203.4.917). Below 1.5 for a smooth curve; it grows
    /// with the number of points where there is no period.
    pub string_length: f64,
    /// Lafler and Kinman's statistic in Clarke's form: about 1 for noise, small for a smooth curve;
    /// the last point is followed by the first:
    ///
    /// ```text
    /// T = Σ (x_{i+1} − x_i)² / Σ (x_i − mean)² · (n − 1)/(2n)
    /// ```
    ///
    /// (Lafler & Kinman 1965, doi:10.1086/190116; Clarke 2002,
    /// doi:10.1051/0004-6361:20020258).
    pub lafler_kinman: f64,
    /// von Neumann's ratio, in order of phase: about 2 for noise; the last point is not
    /// followed by the first:
    ///
    /// ```text
    /// η = Σ (x_{i+1} − x_i)² / ((n − 1) s²),   s² = Σ (x_i − mean)²/(n − 1)
    /// ```
    ///
    /// (von Neumann 1941, doi:10.1214/aoms/1177731677; of phase, Kim et al. 2014,
    /// doi:10.1051/0004-6361/201323252).
    pub eta: f64,
    /// Range of the cumulative sums Σ (x − mean)/(n s) in order of phase (Ellaway 1978,
    /// doi:10.1016/0013-4694(78)90017-2; of phase, Kim et al. 2014).
    pub cusum: f64,
}

impl Fold {
    /// Of `values` at `times`, phase 0 at time 0, in the same unit as 1/`frequency`; points of
    /// one phase keep their order.
    ///
    /// All NaN with fewer than 2 points, or where all values are equal.
    pub fn new(times: &[f64], values: &[f64], frequency: f64) -> Self {
        let mut points: Vec<_> = times
            .iter()
            .zip(values)
            .map(|(time, value)| {
                let turns = frequency * time;
                (turns - turns.floor(), *value)
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let n = points.len() as f64;
        let mean = points.iter().map(|point| point.1).sum::<f64>() / n;
        let squares = points.iter().map(|point| square(point.1 - mean)).sum::<f64>();
        let steps = points.windows(2).map(|pair| square(pair[1].1 - pair[0].1)).sum::<f64>();
        let (Some(first), Some(last), true) = (points.first(), points.last(), squares > 0.0) else {
            return Self::NONE;
        };
        let closing = square(first.1 - last.1);
        Self {
            string_length: string_length(&points),
            lafler_kinman: (steps + closing) / squares * (n - 1.0) / (2.0 * n),
            eta: steps / squares,
            cusum: cusum(&points, mean) / (n * (squares / (n - 1.0)).sqrt()),
        }
    }

    const NONE: Self =
        Self { string_length: f64::NAN, lafler_kinman: f64::NAN, eta: f64::NAN, cusum: f64::NAN };
}

fn square(x: f64) -> f64 {
    x * x
}

fn string_length(points: &[(f64, f64)]) -> f64 {
    let least = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let greatest = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let scale = 0.5 / (greatest - least);
    let step = |(from, to): (&(f64, f64), &(f64, f64)), turn: f64| {
        (square(scale * (to.1 - from.1)) + square(to.0 + turn - from.0)).sqrt()
    };
    let along: f64 = points.iter().zip(&points[1..]).map(|pair| step(pair, 0.0)).sum();
    along + step((&points[points.len() - 1], &points[0]), 1.0)
}

fn cusum(points: &[(f64, f64)], mean: f64) -> f64 {
    let (mut sum, mut least, mut greatest) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
    for (_, value) in points {
        sum += value - mean;
        least = f64::min(least, sum);
        greatest = f64::max(greatest, sum);
    }
    greatest - least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_of_four_points() {
        // Phases 0, 1/4, 1/2, 3/4, out of order, two periods apart; values 0, 1, 0, −1.
        let fold = Fold::new(&[1.0, 0.0, 1.5, 2.5], &[0.0, 0.0, -1.0, 1.0], 0.5);
        let side = (0.25f64 * 0.25 * 2.0).sqrt();
        assert!((fold.string_length - 4.0 * side).abs() < 1e-15);
        // Steps of 1: four of them, of which three are not closing; the squares add up to 2.
        assert_eq!((fold.lafler_kinman, fold.eta), (4.0 / 2.0 * 3.0 / 8.0, 1.5));
        assert!((fold.cusum - 1.0 / (4.0 * (2.0f64 / 3.0).sqrt())).abs() < 1e-15);
    }

    #[test]
    fn what_does_not_vary_has_no_fold() {
        for values in [&[1.0; 3][..], &[1.0], &[]] {
            let times: Vec<_> = (0..values.len()).map(|at| at as f64).collect();
            assert!(Fold::new(&times, values, 0.3).eta.is_nan());
        }
    }
}
