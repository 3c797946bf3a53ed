//! Sums in four lanes: an order of addition that is fixed, and that vector units like.

/// The number of lanes. Part of what a sum means: another number gives other last bits.
const LANES: usize = 4;

/// Adds up what `term` gives for the numbers at each place of the slices `of`, `K` sums at
/// once. The slices count as far as the shortest does.
///
/// Place `i` goes to lane `i mod 4` while whole groups of four are left, and then to lane 0;
/// lanes are added as (0 + 1) + (2 + 3).
#[inline(always)]
pub fn sums<const N: usize, const K: usize>(
    of: [&[f64]; N],
    term: impl Fn([f64; N]) -> [f64; K],
) -> [f64; K] {
    let n = of.iter().map(|slice| slice.len()).min().unwrap_or_default();
    let whole = n - n % LANES;
    let groups = of.map(|slice| slice[..whole].as_chunks::<LANES>().0);
    let rests = of.map(|slice| &slice[whole..n]);
    let mut lanes = [[0.0; LANES]; K];
    for group in 0..whole / LANES {
        let group = groups.map(|groups| groups[group]);
        let terms: [[f64; K]; LANES] =
            std::array::from_fn(|lane| term(group.map(|numbers| numbers[lane])));
        for (sum, totals) in lanes.iter_mut().enumerate() {
            for (total, term) in totals.iter_mut().zip(&terms) {
                *total += term[sum];
            }
        }
    }
    for place in 0..n - whole {
        for (totals, term) in lanes.iter_mut().zip(term(rests.map(|rest| rest[place]))) {
            totals[0] += term;
        }
    }
    lanes.map(|lane| (lane[0] + lane[1]) + (lane[2] + lane[3]))
}

/// The smallest and the largest of `values`; infinite where there is none. No NaN is looked
/// for.
#[inline(always)]
pub fn extremes(values: &[f64]) -> (f64, f64) {
    let mut lows = [f64::INFINITY; LANES];
    let mut highs = [f64::NEG_INFINITY; LANES];
    let (groups, rest) = values.as_chunks::<LANES>();
    for group in groups {
        for ((low, high), value) in lows.iter_mut().zip(&mut highs).zip(group) {
            *low = if value < low { *value } else { *low };
            *high = if value > high { *value } else { *high };
        }
    }
    let low = lows.iter().chain(rest).fold(f64::INFINITY, |low, value| low.min(*value));
    let high = highs.iter().chain(rest).fold(f64::NEG_INFINITY, |high, value| high.max(*value));
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_counts_once() {
        for n in 0..13_u32 {
            let places: Vec<_> = (0..n).map(f64::from).collect();
            let [count, sum] = sums([&places, &[1.0; 99]], |[place, one]| [one, place]);
            assert_eq!(count, f64::from(n));
            assert_eq!(sum, f64::from(n * n.saturating_sub(1) / 2));
        }
    }

    #[test]
    fn extremes_are_found_in_any_place() {
        for n in 1..11 {
            for place in 0..n {
                let mut values = vec![0.5; n];
                values[place] = -2.0;
                let high = if n == 1 { -2.0 } else { 0.5 };
                assert_eq!(extremes(&values), (-2.0, high));
                values[place] = 3.0;
                assert_eq!(extremes(&values).1, 3.0);
            }
        }
    }
}
