//! One bit pattern for NaN.

use arrow::datatypes::DataType;

/// Rewrites every NaN in a float column's buffer as the one quiet NaN without payload, so
/// that what a guest computes does not depend on the machine that compiled it. Other types
/// are left alone. `bytes` is the values buffer of one array.
pub(crate) fn canonicalize_nan(data_type: &DataType, bytes: &mut [u8]) {
    match data_type {
        DataType::Float64 => {
            for chunk in bytes.as_chunks_mut::<8>().0 {
                let value = f64::from_le_bytes(*chunk);
                *chunk = if value.is_nan() { f64::NAN.to_bits().to_le_bytes() } else { *chunk };
            }
        }
        DataType::Float32 => {
            for chunk in bytes.as_chunks_mut::<4>().0 {
                let value = f32::from_le_bytes(*chunk);
                *chunk = if value.is_nan() { f32::NAN.to_bits().to_le_bytes() } else { *chunk };
            }
        }
        DataType::Float16 => {
            for chunk in bytes.as_chunks_mut::<2>().0 {
                let is_nan = u16::from_le_bytes(*chunk) & 0x7fff > 0x7c00;
                *chunk = if is_nan { 0x7e00_u16.to_le_bytes() } else { *chunk };
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_and_signs_of_nan_vanish() {
        let odd = f64::from_bits(0xfff8_0000_dead_beef);
        let mut bytes: Vec<u8> =
            [odd, -0.0, f64::INFINITY].iter().flat_map(|x| x.to_le_bytes()).collect();
        canonicalize_nan(&DataType::Float64, &mut bytes);
        let bits = |at: usize| u64::from_le_bytes(bytes[at * 8..][..8].try_into().unwrap());
        assert_eq!(bits(0), 0x7ff8_0000_0000_0000);
        assert_eq!(bits(1), (-0.0_f64).to_bits());
        assert_eq!(bits(2), f64::INFINITY.to_bits());
        let mut half = 0xfe01_u16.to_le_bytes();
        canonicalize_nan(&DataType::Float16, &mut half);
        assert_eq!(u16::from_le_bytes(half), 0x7e00);
    }
}
