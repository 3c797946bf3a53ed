//! How far from normal the values are.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::moments::Moments;
use crate::order::Order;
use crate::reason::Value;

/// The Anderson–Darling statistic for normal values of unknown mean and variance,
/// (1 + 4/n − 25/n²) · A², A² = −n − (1/n) Σ [(2i + 1) ln Φᵢ + (2(n − i) − 1) ln(1 − Φᵢ)],
/// with Φᵢ = Φ((xᵢ − mean)/s) over the sorted values, i from 0. From 4 points.
///
/// References: Anderson & Darling 1954, JASA 49, 765,
/// [doi:10.1080/01621459.1954.10501232](https://doi.org/10.1080/01621459.1954.10501232);
/// Stephens 1974, JASA 69, 730,
/// [doi:10.1080/01621459.1974.10480196](https://doi.org/10.1080/01621459.1974.10480196).
///
/// # Errors
/// When all values are the same.
pub fn anderson_darling(order: &Order<'_>, moments: &Moments) -> Value {
    let n = moments.n;
    let scale = FRAC_1_SQRT_2 / (moments.spread()? / (n - 1.0)).sqrt();
    let mut sum = 0.0;
    for (index, value) in order.values().iter().enumerate() {
        let z = (value - moments.mean) * scale;
        // The smaller of Φ and 1 − Φ is computed, the other follows: no tail is lost.
        let tail = 0.5 * libm::erfc(z.abs());
        let (near, far) = (libm::log(tail), libm::log1p(-tail));
        let (below, above) = if z < 0.0 { (near, far) } else { (far, near) };
        let index = index as f64;
        sum += (2.0 * index + 1.0) * below + (2.0 * (n - index) - 1.0) * above;
    }
    Ok((1.0 + 4.0 / n - 25.0 / (n * n)) * (-n - sum / n))
}
