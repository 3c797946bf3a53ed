//! Which rows a tree learnt from: bootstrap weights as a pure function of the row.
//!
//! Breiman's bootstrap draws `n` rows out of `n`; a row is then drawn Binomial(n, 1/n)
//! times, for any `n` of interest Poisson(1) times. Here the draw is read off a hash of
//! seed, tree and the row's own feature values. So the forest does not depend on the order
//! of the rows, and a classifier can tell which trees never saw a row from the row alone:
//! the label does not enter. Rows with equal features share their bags, hence an
//! out-of-bag score never meets a twin of a training row.
//!
//! References: Breiman 2001, doi:10.1023/A:1010933404324; the Poisson bootstrap, Oza &
//! Russell 2001, and Chamandy et al. 2012.

use serde::{Deserialize, Serialize};

/// How the rows of each tree were drawn. Kept in the model's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bagging {
    /// The forest's seed.
    pub seed: u64,
}

impl Bagging {
    /// How often the row with this key was drawn for a tree: Poisson(1), so 0 with
    /// probability 1/e.
    #[must_use]
    pub fn draws(self, tree: u32, row_key: u64) -> u32 {
        poisson_one(mix(row_key ^ self.tree_key(tree)))
    }

    fn tree_key(self, tree: u32) -> u64 {
        mix(mix(self.seed.wrapping_add(STEP)).wrapping_add(u64::from(tree).wrapping_mul(STEP)))
    }
}

/// The identity of a row for [`Bagging::draws`]: a hash of its feature values in the
/// model's order. All NaNs (nulls are read as NaN) are one value, and so are both zeros.
#[must_use]
pub fn row_key(features: impl IntoIterator<Item = f64>) -> u64 {
    features
        .into_iter()
        .fold(STEP, |key, value| mix(key.wrapping_add(STEP) ^ canonical_bits(value)))
}

/// A bijective 64-bit mixer in which every input bit moves every output bit (the finalizer
/// of `MurmurHash3`).
#[must_use]
pub const fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

/// 2^64 over the golden ratio: an odd step that visits all of `u64`.
pub const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn canonical_bits(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits() & !(1 << 63)
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

/// The Poisson(1) quantile of a uniform 64-bit integer: integers only, so the same draw on
/// every machine.
fn poisson_one(uniform: u64) -> u32 {
    // Without branches as far as nearly all draws go: they are what no predictor knows.
    let beyond = |cumulative: &[u64]| -> u32 {
        cumulative.iter().map(|&cumulative| u32::from(uniform >= cumulative)).sum()
    };
    let (usual, rare) = CUMULATIVE.split_at(4);
    if uniform < usual[3] { beyond(usual) } else { 4 + beyond(rare) }
}

/// `floor(2^64 · P(X ≤ k))` for X ~ Poisson(1), k = 0, 1, …; what lies beyond has
/// probability under 2^-60.
const CUMULATIVE: [u64; 19] = [
    0x5e2d_58d8_b3bc_df1a,
    0xbc5a_b1b1_6779_be35,
    0xeb71_5e1d_c158_2dc2,
    0xfb23_9797_34a2_52f1,
    0xff10_25f5_9174_dc3d,
    0xffd9_0f3b_a405_5e19,
    0xfffa_8b71_fc72_c913,
    0xffff_540c_0914_b3c9,
    0xffff_ed1f_4aa8_f120,
    0xffff_fe21_6e64_1462,
    0xffff_ffd4_d85d_3183,
    0xffff_fffc_6da2_62b4,
    0xffff_ffff_ba12_d178,
    0xffff_ffff_fb07_c64c,
    0xffff_ffff_ffab_8ea5,
    0xffff_ffff_fffa_be22,
    0xffff_ffff_ffff_b11a,
    0xffff_ffff_ffff_fba1,
    0xffff_ffff_ffff_ffc5,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_mean_and_the_zeros_of_a_poisson() {
        let bagging = Bagging { seed: 7 };
        let n_rows = 200_000_u32;
        let draws: Vec<u32> =
            (0..n_rows).map(|row| bagging.draws(3, row_key([f64::from(row), 0.5]))).collect();
        let mean = f64::from(draws.iter().sum::<u32>()) / f64::from(n_rows);
        let zeros = draws.iter().filter(|&&d| d == 0).count() as f64 / f64::from(n_rows);
        // Standard errors are 0.0022 and 0.0011.
        assert!((mean - 1.0).abs() < 0.01, "mean {mean}");
        assert!((zeros - (-1.0_f64).exp()).abs() < 0.005, "zeros {zeros}");
    }

    #[test]
    fn trees_and_seeds_draw_independently() {
        let n_rows = 50_000_u32;
        let both_out = |a: (u64, u32), b: (u64, u32)| {
            let out = |(seed, tree), key| Bagging { seed }.draws(tree, key) == 0;
            let both = (0..n_rows)
                .map(|row| row_key([f64::from(row)]))
                .filter(|&key| out(a, key) && out(b, key))
                .count();
            both as f64 / f64::from(n_rows)
        };
        let independent = (-2.0_f64).exp();
        for pair in [((1, 0), (1, 1)), ((1, 0), (2, 0)), ((0, 5), (5, 0))] {
            assert!((both_out(pair.0, pair.1) - independent).abs() < 0.008, "{pair:?}");
        }
    }

    #[test]
    fn the_key_sees_values_and_their_order_but_not_the_bits_of_nan_and_zero() {
        assert_ne!(row_key([1.0, 2.0]), row_key([2.0, 1.0]));
        assert_ne!(row_key([1.0]), row_key([1.0, 0.0]));
        assert_eq!(row_key([0.0, f64::NAN]), row_key([-0.0, -f64::NAN]));
        assert_ne!(row_key([f64::NAN]), row_key([0.0]));
    }

    #[test]
    fn the_quantile_is_monotone_to_its_end() {
        assert_eq!(poisson_one(0), 0);
        assert_eq!(poisson_one(CUMULATIVE[0]), 1);
        assert_eq!(poisson_one(u64::MAX), 19);
    }
}
