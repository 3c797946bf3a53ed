//! From one unit to another.

/// `value · factor`; none where the product is beyond what a number can hold. NaN stays NaN.
pub fn scaled(value: f64, factor: f64) -> Option<f64> {
    let product = value * factor;
    (!product.is_infinite() || value.is_infinite()).then_some(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_multiplied() {
        assert_eq!(scaled(1.5, 15.0), Some(22.5));
        assert_eq!(scaled(f64::INFINITY, 2.0), Some(f64::INFINITY));
        assert!(scaled(f64::NAN, 2.0).is_some_and(f64::is_nan));
    }

    #[test]
    fn a_product_that_is_too_large_is_none() {
        assert_eq!(scaled(1e300, 1e300), None);
    }
}
