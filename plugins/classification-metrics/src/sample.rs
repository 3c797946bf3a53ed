//! A sample of outcomes in canonical order, and its bootstrap.

use crate::outcome::Outcome;
use crate::score::{Group, Macro, Totals};

/// Scored rows, sorted by all they hold: every figure, its intervals included, is the same
/// to the last bit in whatever order the rows came.
#[derive(Debug, Clone)]
pub struct Sample {
    n_classes: usize,
    groups: Vec<Run>,
    log_loss: Vec<f64>,
    brier: Vec<f64>,
    confidence: Vec<f64>,
}

/// A run of rows with one truth, prediction and confidence bin, up to row `end`.
#[derive(Debug, Clone, Copy)]
struct Run {
    truth: usize,
    predicted: usize,
    bin: usize,
    end: usize,
}

/// A score with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// On all rows; none where it is 0/0.
    pub value: Option<f64>,
    /// The 2.5 % and 97.5 % percentiles over resamples; none without resamples, or where
    /// the score is 0/0 in more than half of them.
    pub interval: Option<(f64, f64)>,
}

impl Sample {
    pub fn new(n_classes: usize, mut outcomes: Vec<Outcome>) -> Self {
        outcomes.sort_unstable_by(|a, b| {
            let place = |row: &Outcome| (row.truth, row.predicted, row.bin());
            place(a)
                .cmp(&place(b))
                .then(a.confidence.total_cmp(&b.confidence))
                .then(a.log_loss.total_cmp(&b.log_loss))
                .then(a.brier.total_cmp(&b.brier))
        });
        let mut groups: Vec<Run> = Vec::new();
        for (row, outcome) in outcomes.iter().enumerate() {
            let (truth, predicted) = (outcome.truth as usize, outcome.predicted as usize);
            let (bin, end) = (outcome.bin(), row + 1);
            match groups.last_mut() {
                Some(last) if (last.truth, last.predicted, last.bin) == (truth, predicted, bin) => {
                    last.end = end;
                }
                _ => groups.push(Run { truth, predicted, bin, end }),
            }
        }
        Self {
            n_classes,
            groups,
            log_loss: outcomes.iter().map(|row| row.log_loss).collect(),
            brier: outcomes.iter().map(|row| row.brier).collect(),
            confidence: outcomes.iter().map(|row| row.confidence).collect(),
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.log_loss.len()
    }

    /// The sums over all rows, each counted once.
    pub fn totals(&self) -> Totals {
        self.weighted(&vec![1; self.rows()])
    }

    /// The sums over all rows, each counted as often as `counts` says.
    fn weighted(&self, counts: &[u16]) -> Totals {
        let mut totals = Totals::new(self.n_classes);
        let mut start = 0;
        for &Run { truth, predicted, bin, end } in &self.groups {
            let mut group = Group { truth, predicted, bin, ..Group::default() };
            let columns = self.log_loss[start..end].iter().zip(&self.brier[start..end]);
            let columns = columns.zip(&self.confidence[start..end]).zip(&counts[start..end]);
            for (((log_loss, brier), confidence), &count) in columns {
                let times = f64::from(count);
                group.rows += u64::from(count);
                group.log_loss += times * log_loss;
                group.brier += times * brier;
                group.confidence += times * confidence;
            }
            totals.add(&group);
            start = end;
        }
        totals
    }

    /// All scores in the order of [`crate::score::names`], classes weighing `class_weights`
    /// where a score weighs them, with percentile intervals from
    /// `resamples` samples of as many rows, drawn with replacement. Efron & Tibshirani
    /// 1993, doi:10.1201/9780429246593, section 13.3.
    ///
    /// Calls `progress` with the number of resamples done.
    pub fn estimates(
        &self,
        over: Macro,
        class_weights: &[f64],
        resamples: u32,
        seed: u64,
        progress: impl Fn(u32),
    ) -> Vec<Estimate> {
        let totals = self.totals();
        let averaged = totals.averaged(over);
        let values = totals.scores(&averaged, class_weights);
        let resamples = if self.rows() == 0 { 0 } else { resamples };
        let mut replicates = vec![Vec::with_capacity(resamples as usize); values.len()];
        let mut counts = vec![0_u16; self.rows()];
        for resample in 0..resamples {
            draw(seed, resample, &mut counts);
            let scores = self.weighted(&counts).scores(&averaged, class_weights);
            for (replicate, score) in replicates.iter_mut().zip(scores) {
                replicate.extend(score);
            }
            progress(resample + 1);
        }
        let estimate = |(value, replicate): (Option<f64>, Vec<f64>)| {
            let defined = value.is_some() && replicate.len() as u32 * 2 >= resamples.max(1);
            Estimate { value, interval: defined.then(|| percentiles(replicate)) }
        };
        values.into_iter().zip(replicates).map(estimate).collect()
    }
}

/// How often each row is drawn in one resample: as many draws as rows, uniform, each a
/// function of seed, resample and draw alone.
fn draw(seed: u64, resample: u32, counts: &mut [u16]) {
    // A row is drawn once on average; 65,536 times will not happen before the sun dies.
    counts.fill(0);
    let rows = counts.len() as u64;
    let mut stream = SplitMix64(mix(mix(seed) ^ u64::from(resample)));
    // Two draws from each word: a 32-bit fraction of `rows`, off by at most rows/2³².
    let row_of = |fraction: u64| ((fraction * rows) >> 32) as usize;
    for _ in 0..rows / 2 {
        let word = stream.next();
        counts[row_of(word >> 32)] += 1;
        counts[row_of(word & 0xffff_ffff)] += 1;
    }
    if rows % 2 == 1 {
        counts[row_of(stream.next() >> 32)] += 1;
    }
}

/// Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195: an equidistributed counter, mixed.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        let word = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        word
    }
}

/// One step of SplitMix64: a bijection of 64 bits without visible pattern.
fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The 2.5 % and 97.5 % percentiles, linear between order statistics.
fn percentiles(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(values.len() - 1);
        values[below] + (values[above] - values[below]) * (place - below as f64)
    };
    (at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::names;

    /// Rows of two classes, right in four of five.
    fn outcomes(rows: u32) -> Vec<Outcome> {
        let row = |i: u32| {
            let p = 0.5 + f64::from(i * 37 % 100) / 201.0;
            Outcome::of(&[p, 1.0 - p], usize::from(i.is_multiple_of(5)), 0)
        };
        (0..rows).map(row).collect()
    }

    fn estimate(name: &str, estimates: &[Estimate]) -> Estimate {
        estimates[names(2).iter().position(|(other, _)| *other == name).unwrap()]
    }

    #[test]
    fn intervals_of_a_share_are_binomial() {
        let sample = Sample::new(2, outcomes(2_000));
        let estimates = sample.estimates(Macro::All, &[1.0; 2], 2_000, 1, |_| ());
        let accuracy = estimate("accuracy", &estimates);
        let (low, high) = accuracy.interval.unwrap();
        let half = 1.959_964 * (0.8_f64 * 0.2 / 2_000.0).sqrt();
        assert_eq!(accuracy.value, Some(0.8));
        assert!((high - low - 2.0 * half).abs() < 0.1 * half, "{low} {high} {half}");
        assert!((high + low - 1.6).abs() < 0.1 * half);
    }

    #[test]
    fn intervals_of_a_mean_are_normal() {
        let outcomes = outcomes(1_001);
        let losses: Vec<_> = outcomes.iter().map(|row| row.log_loss).collect();
        let mean = losses.iter().sum::<f64>() / 1_001.0;
        let variance = losses.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1_001.0;
        let half = 1.959_964 * (variance / 1_001.0).sqrt();
        let estimates = Sample::new(2, outcomes).estimates(Macro::All, &[1.0; 2], 2_000, 2, |_| ());
        let (low, high) = estimate("log-loss", &estimates).interval.unwrap();
        assert!((high - low - 2.0 * half).abs() < 0.1 * half);
    }

    #[test]
    fn order_does_not_matter() {
        let forward = Sample::new(2, outcomes(501));
        let backward = Sample::new(2, outcomes(501).into_iter().rev().collect());
        let of = |sample: &Sample| sample.estimates(Macro::All, &[1.0; 2], 50, 3, |_| ());
        assert_eq!(of(&forward), of(&backward));
    }

    #[test]
    fn seeds_matter_and_draws_are_complete() {
        let (mut one, mut two) = (vec![0; 1_001], vec![0; 1_001]);
        draw(1, 0, &mut one);
        draw(1, 1, &mut two);
        assert_ne!(one, two);
        assert_eq!(one.iter().map(|&count| u32::from(count)).sum::<u32>(), 1_001);
        // Of n draws, each row is missed with probability 1/e.
        let missed = one.iter().filter(|count| **count == 0).count();
        assert!((300..440).contains(&missed), "{missed}");
    }

    #[test]
    fn nothing_undefined_gets_an_interval() {
        let sample = Sample::new(
            3,
            outcomes(100).into_iter().map(|row| Outcome { truth: 0, ..row }).collect(),
        );
        let estimates = sample.estimates(Macro::All, &[1.0; 3], 20, 1, |_| ());
        let never = estimates.last().unwrap();
        assert_eq!((never.value, never.interval), (None, None));
        let off = sample.estimates(Macro::All, &[1.0; 3], 0, 1, |_| ());
        assert!(off.iter().all(|estimate| estimate.interval.is_none()));
        let none = Sample::new(3, Vec::new()).estimates(Macro::All, &[1.0; 3], 20, 1, |_| ());
        assert!(none[0].value.is_none());
    }

    #[test]
    fn percentiles_lie_between_order_statistics() {
        let (low, high) = percentiles((0..=1000).rev().map(f64::from).collect());
        assert!((low - 25.0).abs() < 1e-9 && (high - 975.0).abs() < 1e-9);
        assert_eq!(percentiles(vec![3.0]), (3.0, 3.0));
    }
}
