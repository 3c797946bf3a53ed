//! One value that stands for many. None of these depends on the order of its input, to the
//! last bit. Knows of no table.

use std::collections::BTreeMap;

/// The median: the middle value, or the mean of the two middle ones. None of nothing.
///
/// Exact, over all values. `values` come back in another order. NaN must have been left out.
pub fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_odd {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).expect("two values or more");
    let sum = lower + upper;
    // Two huge values overflow where their mean does not.
    Some(if sum.is_finite() { sum / 2.0 } else { lower / 2.0 + upper / 2.0 })
}

/// Sums without rounding, so that the order of terms does not matter.
///
/// The sum so far is held as a few numbers that do not overlap. Shewchuk 1997, Discrete &
/// Computational Geometry 18, 305, doi:10.1007/PL00009321.
#[derive(Debug, Clone, Default)]
pub struct ExactSum {
    /// Of growing magnitude; their exact sum is the sum of all terms.
    parts: Vec<f64>,
    terms: u64,
}

impl ExactSum {
    /// Adds a finite number.
    pub fn add(&mut self, term: f64) {
        self.terms += 1;
        let mut carry = term;
        let mut kept = 0;
        for index in 0..self.parts.len() {
            let (sum, rest) = two_sum(carry, self.parts[index]);
            if rest != 0.0 {
                self.parts[kept] = rest;
                kept += 1;
            }
            carry = sum;
        }
        self.parts.truncate(kept);
        self.parts.push(carry);
    }

    /// The sum of all terms, rounded once.
    fn value(&self) -> f64 {
        let mut parts = self.parts.iter().rev().copied();
        let Some(mut sum) = parts.next() else {
            return 0.0;
        };
        for part in parts.by_ref() {
            let (next, rest) = two_sum(sum, part);
            sum = next;
            if rest != 0.0 {
                // `sum` is the nearest number unless `rest` is half a step and what is
                // still smaller points the same way: then the next number is nearer.
                let twice = 2.0 * rest;
                let is_half = (sum + twice) - sum == twice;
                let tail = parts.next().unwrap_or_default();
                if is_half && tail != 0.0 && (tail < 0.0) == (rest < 0.0) {
                    sum += twice;
                }
                break;
            }
        }
        sum
    }

    /// The mean of all terms: the exact sum, rounded, over their number. None of nothing;
    /// not finite when a term was not, or when the sum overflows.
    pub fn mean(&self) -> Option<f64> {
        (self.terms > 0).then(|| self.value() / self.terms as f64)
    }
}

/// a + b as the nearest number and what it is off by, exactly. Knuth, The Art of Computer
/// Programming, volume 2, section 4.2.2.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// Counts values, to find the most frequent.
#[derive(Debug, Clone)]
pub struct Counts<V>(BTreeMap<V, u64>);

impl<V> Default for Counts<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V: Ord> Counts<V> {
    pub fn add(&mut self, value: V) {
        *self.0.entry(value).or_default() += 1;
    }

    /// The value that came most often, the smallest of several. None of nothing.
    pub fn most_frequent(self) -> Option<V> {
        let best = self.0.values().max().copied()?;
        self.0.into_iter().find(|(_, count)| *count == best).map(|(value, _)| value)
    }
}

impl Counts<String> {
    /// As [`Self::add`], without a copy of what is known already.
    pub fn add_str(&mut self, value: &str) {
        match self.0.get_mut(value) {
            Some(count) => *count += 1,
            None => self.add(value.to_owned()),
        }
    }
}

/// A float that sorts by value; −0 counts as 0.
#[derive(Debug, Clone, Copy)]
pub struct Ordered(f64);

impl Ordered {
    pub fn new(value: f64) -> Self {
        // Adding zero turns −0 into 0 and leaves the rest.
        Self(value + 0.0)
    }

    pub fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(terms: &[f64]) -> Option<f64> {
        let mut sum = ExactSum::default();
        terms.iter().for_each(|term| sum.add(*term));
        sum.mean()
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [3.0, 1.0]), Some(2.0));
        assert_eq!(median(&mut [3.0, 1.0, -7.0]), Some(1.0));
        assert_eq!(median(&mut [f64::MAX, f64::MAX]), Some(f64::MAX));
        assert_eq!(median(&mut [f64::INFINITY, 1.0, 0.0]), Some(1.0));
    }

    #[test]
    fn sums_are_exact() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1e100, 1.0, -1e100, 1.0]), Some(0.5));
        assert_eq!(mean(&[0.1; 10]), Some(0.1));
        // Half a step up, and a hair more: rounds up, though half alone rounds to even.
        assert_eq!(mean(&[1.0, f64::EPSILON / 2.0, 1e-40]), Some((1.0 + f64::EPSILON) / 3.0));
        assert_eq!(mean(&[1.0, f64::EPSILON / 2.0]), Some(0.5));
        assert!(!mean(&[f64::MAX, f64::MAX]).unwrap().is_finite());
        assert!(!mean(&[f64::INFINITY, 1.0]).unwrap().is_finite());
    }

    #[test]
    fn order_does_not_matter() {
        // Signs and thirty orders of magnitude mixed.
        let term =
            |i: i32| f64::from(i % 7 - 3) * (f64::from(i * 7919 % 2_003) / 20.0).exp2() / 3.0;
        let terms: Vec<_> = (0..2_000).map(term).collect();
        let reference = mean(&terms);
        assert!(reference.is_some_and(f64::is_finite));
        let backward: Vec<_> = terms.iter().rev().copied().collect();
        let shuffled: Vec<_> = (0..2_000).map(|i| terms[i * 1_117 % 2_000]).collect();
        assert_eq!((mean(&backward), mean(&shuffled)), (reference, reference));
    }

    #[test]
    fn most_frequent_or_smallest() {
        let mut counts = Counts::default();
        ["b", "a", "b", "a", "c"].iter().for_each(|value| counts.add_str(value));
        assert_eq!(counts.most_frequent().as_deref(), Some("a"));
        let mut counts = Counts::default();
        [2.0, 0.0, -0.0, 3.0].iter().for_each(|value| counts.add(Ordered::new(*value)));
        assert_eq!(counts.most_frequent().map(|value| value.get().to_bits()), Some(0));
        assert_eq!(Counts::<i128>::default().most_frequent(), None);
    }
}
