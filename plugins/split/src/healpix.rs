//! Which HEALPix cell a direction falls in.
//!
//! After Górski et al. 2005, ApJ 622, 759, doi:10.1086/427976, nested numbering. It does
//! not know of tables or units. `docs/decisions/0009-own-healpix.md` says why it is not the
//! crate `cdshealpix`, and how the two were compared.

use std::f64::consts::FRAC_PI_2;

/// The finest order whose cell numbers fit 62 bits.
pub const MAX_ORDER: u8 = 29;

/// The nested index of the cell of order `order` (12 · 4^order cells) that holds a direction.
///
/// `ra_deg` may be any finite angle and is taken modulo 360; `dec_deg` lies in [−90, 90].
/// The result lies in `0..12 · 4^order`. Points on an edge belong to one of its cells.
///
/// # Panics
/// When `order` is above [`MAX_ORDER`].
pub fn cell(order: u8, ra_deg: f64, dec_deg: f64) -> u64 {
    assert!(order <= MAX_ORDER, "order {order} is above {MAX_ORDER}");
    let n_side = 1_i64 << order;
    let side = n_side as f64;
    let (z, cos_dec) = (libm::sin(dec_deg.to_radians()), libm::cos(dec_deg.to_radians()));
    let quarter_turns = quarter_turns(ra_deg);
    let (face, x, y) = if z.abs() <= 2.0 / 3.0 {
        equatorial(n_side, side * (0.5 + quarter_turns), side * z * 0.75)
    } else {
        // √(3(1−|z|)) from the cosine, which does not cancel near the poles.
        let distance = side * cos_dec.abs() * (3.0 / (1.0 + z.abs())).sqrt();
        polar(n_side, quarter_turns, distance, z > 0.0)
    };
    (face << (2 * order)) | spread(x) | (spread(y) << 1)
}

/// Right ascension in quarter turns, in [0, 4).
fn quarter_turns(ra_deg: f64) -> f64 {
    let turns = ra_deg.rem_euclid(360.0).to_radians() / FRAC_PI_2;
    // A tiny negative angle rounds up to the full turn.
    if turns >= 4.0 { 0.0 } else { turns }
}

/// Face and place on it between the polar caps. Lines of constant `along ± up` are the
/// edges of cells.
fn equatorial(n_side: i64, along: f64, up: f64) -> (u64, u64, u64) {
    let falling = (along - up).floor() as i64;
    let rising = (along + up).floor() as i64;
    let (west, east) = (falling / n_side, rising / n_side);
    let face = match west.cmp(&east) {
        std::cmp::Ordering::Equal => 4 + west % 4,
        std::cmp::Ordering::Less => west,
        std::cmp::Ordering::Greater => east + 8,
    };
    let (x, y) = (rising.rem_euclid(n_side), n_side - 1 - falling.rem_euclid(n_side));
    (face as u64, x as u64, y as u64)
}

/// Face and place on it in a polar cap, `distance` ring widths from the pole.
fn polar(n_side: i64, quarter_turns: f64, distance: f64, north: bool) -> (u64, u64, u64) {
    let quarter = quarter_turns.floor().min(3.0);
    let across = quarter_turns - quarter;
    let falling = ((across * distance) as i64).min(n_side - 1);
    let rising = (((1.0 - across) * distance) as i64).min(n_side - 1);
    let quarter = quarter as u64;
    if north {
        (quarter, (n_side - 1 - rising) as u64, (n_side - 1 - falling) as u64)
    } else {
        (quarter + 8, falling as u64, rising as u64)
    }
}

/// The low 32 bits of `n`, each followed by a zero bit.
fn spread(n: u64) -> u64 {
    let n = (n | (n << 16)) & 0x0000_ffff_0000_ffff;
    let n = (n | (n << 8)) & 0x00ff_00ff_00ff_00ff;
    let n = (n | (n << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let n = (n | (n << 2)) & 0x3333_3333_3333_3333;
    (n | (n << 1)) & 0x5555_5555_5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evenly scattered directions, the same each time.
    fn directions(count: u32) -> impl Iterator<Item = (f64, f64)> {
        (0..count).map(move |i| {
            let z = 1.0 - (2.0 * f64::from(i) + 1.0) / f64::from(count);
            ((f64::from(i) * 137.507_764_050_037_85) % 360.0, z.asin().to_degrees())
        })
    }

    #[test]
    fn cells_nest_and_fill_the_sphere() {
        let mut seen = [0_u32; 192];
        for (ra, dec) in directions(19_200) {
            let parent = cell(2, ra, dec);
            assert_eq!(cell(MAX_ORDER, ra, dec) >> 54, parent);
            seen[parent as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (90..=110).contains(&count)), "{seen:?}");
    }

    #[test]
    fn angles_wrap() {
        assert_eq!(cell(5, -1e-20, 10.0), cell(5, 0.0, 10.0));
        assert_eq!(cell(5, 370.0, 10.0), cell(5, 10.0, 10.0));
        assert_eq!(cell(5, 360.0, -80.0), cell(5, 0.0, -80.0));
    }

    #[test]
    fn poles_belong_to_polar_faces() {
        for ra in [0.0, 90.0, 180.0, 270.0, 359.9] {
            assert!(cell(0, ra, 90.0) < 4);
            assert!(cell(0, ra, -90.0) >= 8);
            assert!(cell(MAX_ORDER, ra, 90.0) < 12 << 58);
        }
    }
}
