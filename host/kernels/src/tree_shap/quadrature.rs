//! Gauss–Legendre quadrature on the unit interval.

use std::f64::consts::PI;

/// Points and weights with `∫₀¹ f(t) dt = Σ weight · f(point)`, exact for polynomials of a
/// degree below twice the number of points. Points lie inside `(0, 1)`, weights are
/// positive and sum to 1.
///
/// The points are the roots of a Legendre polynomial, found by Newton's method from
/// Chebyshev-like guesses (Abramowitz & Stegun 1964, 25.4.29 and 22.16.6).
pub(super) fn gauss_legendre(n_points: usize) -> Vec<(f64, f64)> {
    let n = n_points as f64;
    (0..n_points)
        .map(|i| {
            let mut x = libm::cos(PI * (i as f64 + 0.75) / (n + 0.5));
            // Convergence is quadratic, and five steps reach the last bit from any of the
            // guesses; more do no harm.
            for _ in 0..8 {
                let (value, slope) = legendre(n_points, x);
                x -= value / slope;
            }
            let (_, slope) = legendre(n_points, x);
            // From (−1, 1) to (0, 1): half the length, so half the weight.
            (f64::midpoint(1.0, x), 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// The Legendre polynomial of this degree, at least 1, and its derivative at `x`, by the
/// three-term recurrence.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, degree as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_below_twice_the_points_are_exact() {
        for n_points in [1, 2, 3, 4, 6, 8, 16, 64] {
            let rule = gauss_legendre(n_points);
            assert!(rule.iter().all(|&(t, weight)| 0.0 < t && t < 1.0 && weight > 0.0));
            for power in 0..2 * n_points {
                let sum: f64 =
                    rule.iter().map(|&(t, weight)| weight * libm::pow(t, power as f64)).sum();
                let exact = 1.0 / (power as f64 + 1.0);
                assert!((sum - exact).abs() < 1e-14, "{n_points} points, t^{power}: {sum}");
            }
        }
    }
}
