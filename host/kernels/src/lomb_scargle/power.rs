//! Power from sums over points.

/// Sums over points at one frequency: of w cos and w sin, of wy cos and wy sin, and of w cos
/// and w sin of twice the phase.
pub(super) struct Sums {
    pub(super) cos: f64,
    pub(super) sin: f64,
    pub(super) value_cos: f64,
    pub(super) value_sin: f64,
    pub(super) cos_2: f64,
    pub(super) sin_2: f64,
}

/// Below this, a variance of sines is taken for rounding.
const NOTHING: f64 = 1e-12;

/// The power of points with weights of sum 1 and values of mean 0 and variance 1.
#[inline(always)]
pub(super) fn power(sums: &Sums) -> f64 {
    let Sums { cos, sin, value_cos, value_sin, cos_2, sin_2 } = *sums;
    // Variances and covariance of cosines and sines.
    let cos_cos = 0.5 * (1.0 + cos_2) - cos * cos;
    let sin_sin = 0.5 * (1.0 - cos_2) - sin * sin;
    let cos_sin = 0.5 * sin_2 - cos * sin;
    let trace = cos_cos + sin_sin;
    let determinant = cos_cos * sin_sin - cos_sin * cos_sin;
    let explained = sin_sin * value_cos * value_cos + cos_cos * value_sin * value_sin
        - 2.0 * cos_sin * value_cos * value_sin;
    // Without determinant, all points lie on a line between cosine and sine.
    let on_line = value_cos * value_cos + value_sin * value_sin;
    let full = determinant > NOTHING * trace;
    let power = if full { explained / determinant } else { on_line / trace };
    let power = if trace > NOTHING { power } else { 0.0 };
    power.clamp(0.0, 1.0)
}
