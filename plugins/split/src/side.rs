//! Which part of the data a row belongs to, from nothing but its key and the seed.
//!
//! A row's place never depends on other rows, so it keeps its side when rows are added,
//! dropped or reordered. It does not know of tables.

/// What decides where a row goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Key<'a> {
    /// By value, whatever width the column has.
    Integer(i128),
    /// By its bits; −0 counts as 0. NaN is no key.
    Float(f64),
    /// By its UTF-8 bytes.
    Text(&'a str),
    /// A truth value.
    Boolean(bool),
    /// A nested HEALPix cell of some order.
    Cell(u8, u64),
}

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Train,
    Test,
    Calibration,
}

/// Where `key` falls in [0, 1): uniform over keys, independent between seeds.
///
/// The first eight bytes, little-endian, of BLAKE3(seed, kind of key, key), their top 53
/// bits as a fraction. Seed: 8 bytes; kind: one ASCII letter; integers: 16 bytes in two's
/// complement; floats: 8 bytes; all little-endian.
pub fn place(seed: u64, key: Key<'_>) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    match key {
        Key::Integer(value) => hasher.update(b"i").update(&value.to_le_bytes()),
        // Adding zero turns −0 into 0 and leaves the rest.
        Key::Float(value) => hasher.update(b"f").update(&(value + 0.0).to_bits().to_le_bytes()),
        Key::Text(value) => hasher.update(b"s").update(value.as_bytes()),
        Key::Boolean(value) => hasher.update(b"b").update(&[u8::from(value)]),
        Key::Cell(order, cell) => hasher.update(b"h").update(&[order]).update(&cell.to_le_bytes()),
    };
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The shares of the data that are held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// In [0, 1].
    pub test: f64,
    /// In [0, 1 − `test`].
    pub calibration: f64,
}

impl Fractions {
    /// The side of a row at `place` in [0, 1): first the test rows, then calibration, so
    /// that changing the calibration share moves no row in or out of the test, and a larger
    /// test only gains rows.
    pub fn side(self, place: f64) -> Side {
        if place < self.test {
            Side::Test
        } else if place < self.test + self.calibration {
            Side::Calibration
        } else {
            Side::Train
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_pinned() {
        // Moving any of these moves every published split.
        let places = [
            place(0, Key::Integer(42)),
            place(1, Key::Integer(42)),
            place(0, Key::Text("OGLE-LMC-CEP-0001")),
            place(0, Key::Float(0.5)),
            place(0, Key::Cell(5, 7)),
        ];
        let first_digits = places.map(|place| (place * 1e6) as u32);
        assert_eq!(first_digits, PINNED);
    }

    const PINNED: [u32; 5] = [319_066, 652_187, 267_773, 338_662, 736_778];

    #[test]
    fn equal_values_share_a_place_and_kinds_do_not() {
        assert_eq!(place(3, Key::Float(-0.0)), place(3, Key::Float(0.0)));
        assert_ne!(place(3, Key::Float(1.0)), place(3, Key::Integer(1)));
        assert_ne!(place(3, Key::Text("1")), place(3, Key::Integer(1)));
        assert_ne!(place(3, Key::Cell(1, 1)), place(3, Key::Cell(2, 1)));
    }

    #[test]
    fn shares_come_out_as_asked() {
        let fractions = Fractions { test: 0.25, calibration: 0.1 };
        let mut counts = [0_u32; 3];
        for key in 0..40_000 {
            counts[fractions.side(place(20_260_101, Key::Integer(key))) as usize] += 1;
        }
        // Four standard deviations of a binomial.
        for (count, share) in counts.into_iter().zip([0.65, 0.25, 0.1]) {
            let sigma = (40_000.0_f64 * share * (1.0 - share)).sqrt();
            assert!((f64::from(count) - 40_000.0 * share).abs() < 4.0 * sigma, "{counts:?}");
        }
    }

    #[test]
    fn a_larger_test_share_only_gains_rows() {
        for key in 0..2_000 {
            let place = place(7, Key::Integer(key));
            let small = Fractions { test: 0.2, calibration: 0.3 }.side(place);
            let large = Fractions { test: 0.4, calibration: 0.1 }.side(place);
            assert!(small != Side::Test || large == Side::Test);
        }
    }

    #[test]
    fn nothing_held_out_and_everything() {
        assert_eq!(Fractions { test: 0.0, calibration: 0.0 }.side(0.0), Side::Train);
        assert_eq!(Fractions { test: 1.0, calibration: 0.0 }.side(0.999_999), Side::Test);
    }
}
