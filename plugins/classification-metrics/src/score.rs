//! From many outcomes to the figures.
//!
//! All of them are functions of a few sums, so a bootstrap only has to sum again.

use crate::outcome::N_BINS;

/// The sums over a sample that all scores follow from.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    n_classes: usize,
    /// Rows by truth, then prediction.
    confusion: Vec<u64>,
    log_loss: f64,
    /// The same by true class.
    class_log_loss: Vec<f64>,
    brier: f64,
    bins: [Bin; N_BINS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bin {
    rows: u64,
    correct: u64,
    confidence: f64,
}

/// Sums over rows that share truth, prediction and confidence bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Group {
    pub truth: usize,
    pub predicted: usize,
    pub bin: usize,
    pub rows: u64,
    pub log_loss: f64,
    pub brier: f64,
    pub confidence: f64,
}

/// Which classes the macro averages are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Macro {
    /// All classes of the predictions, present or not, as scikit-learn with `labels` given.
    All,
    /// Only those that occur in the truth of the whole sample.
    Present,
}

impl Totals {
    pub fn new(n_classes: usize) -> Self {
        Self {
            n_classes,
            confusion: vec![0; n_classes * n_classes],
            log_loss: 0.0,
            class_log_loss: vec![0.0; n_classes],
            brier: 0.0,
            bins: [Bin::default(); N_BINS],
        }
    }

    pub fn add(&mut self, group: &Group) {
        self.confusion[group.truth * self.n_classes + group.predicted] += group.rows;
        self.log_loss += group.log_loss;
        self.class_log_loss[group.truth] += group.log_loss;
        self.brier += group.brier;
        let bin = &mut self.bins[group.bin];
        bin.rows += group.rows;
        bin.confidence += group.confidence;
        if group.truth == group.predicted {
            bin.correct += group.rows;
        }
    }

    /// Rows whose true class is `truth` and predicted class `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.confusion[truth * self.n_classes + predicted]
    }

    /// Rows in all.
    pub fn rows(&self) -> u64 {
        self.confusion.iter().sum()
    }

    /// Rows whose true class is `class`.
    pub fn support(&self, class: usize) -> u64 {
        (0..self.n_classes).map(|predicted| self.count(class, predicted)).sum()
    }

    /// Rows whose predicted class is `class`.
    fn predicted(&self, class: usize) -> u64 {
        (0..self.n_classes).map(|truth| self.count(truth, class)).sum()
    }

    /// Of those predicted as `class`, the share that is; none when there are none.
    pub fn precision(&self, class: usize) -> Option<f64> {
        ratio(self.count(class, class), self.predicted(class))
    }

    /// Of those that are `class`, the share predicted so; none when there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        ratio(self.count(class, class), self.support(class))
    }

    /// 2 TP / (2 TP + FP + FN); none when `class` is neither predicted nor true.
    pub fn f1(&self, class: usize) -> Option<f64> {
        ratio(2 * self.count(class, class), self.support(class) + self.predicted(class))
    }

    /// The share of rows whose predicted class is the true one.
    pub fn accuracy(&self) -> Option<f64> {
        ratio((0..self.n_classes).map(|class| self.count(class, class)).sum(), self.rows())
    }

    /// Matthews' correlation for many classes, in [−1, 1]; none when only one class is true
    /// or only one predicted. Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006.
    pub fn matthews(&self) -> Option<f64> {
        let rows = self.rows() as f64;
        let sum = |f: &dyn Fn(usize) -> f64| (0..self.n_classes).map(f).sum::<f64>();
        let truth = |class| self.support(class) as f64;
        let predicted = |class| self.predicted(class) as f64;
        let hits = sum(&|class| self.count(class, class) as f64);
        let of_both = hits * rows - sum(&|class| truth(class) * predicted(class));
        let of_truth = rows * rows - sum(&|class| truth(class) * truth(class));
        let of_predicted = rows * rows - sum(&|class| predicted(class) * predicted(class));
        let scale = of_truth.sqrt() * of_predicted.sqrt();
        (scale > 0.0).then(|| of_both / scale)
    }

    /// Mean over rows of the outcomes' log-loss, in nats.
    pub fn log_loss(&self) -> Option<f64> {
        (self.rows() > 0).then(|| self.log_loss / self.rows() as f64)
    }

    /// Mean over classes of the mean log-loss of their rows, in nats:
    /// −Σⱼ wⱼ (1/Nⱼ) Σᵢ ln pᵢⱼ / Σⱼ wⱼ over the classes j with Nⱼ > 0 rows i, so that a rare
    /// class counts as much as a frequent one of its weight. None when no class with rows has a
    /// weight. The PLAsTiCC team 2018, arXiv:1810.00001; Malz et al. 2019,
    /// doi:10.3847/1538-3881/ab3a2f.
    pub fn class_weighted_log_loss(&self, class_weights: &[f64]) -> Option<f64> {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (class, class_weight) in class_weights.iter().enumerate() {
            let rows = self.support(class);
            if rows > 0 {
                sum += class_weight * self.class_log_loss[class] / rows as f64;
                weight += class_weight;
            }
        }
        (weight > 0.0).then(|| sum / weight)
    }

    /// Mean over rows of the outcomes' Brier score, in [0, 2].
    pub fn brier(&self) -> Option<f64> {
        (self.rows() > 0).then(|| self.brier / self.rows() as f64)
    }

    /// Expected calibration error, in [0, 1]: Σ over bins of n_bin/n · |mean confidence −
    /// accuracy|. Naeini, Cooper & Hauskrecht 2015, AAAI 29, doi:10.1609/aaai.v29i1.9602.
    pub fn calibration_error(&self) -> Option<f64> {
        let rows = self.rows() as f64;
        let gap = |bin: &Bin| (bin.confidence - bin.correct as f64).abs();
        (rows > 0.0).then(|| self.bins.iter().map(gap).sum::<f64>() / rows)
    }

    /// Mean over the classes where `counts`, 0/0 taken as 0.
    fn macro_mean(&self, counts: &[bool], of: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        let classes = (0..self.n_classes).filter(|class| counts[*class]);
        let (n, sum) = classes
            .fold((0_u32, 0.0), |(n, sum), class| (n + 1, sum + of(class).unwrap_or_default()));
        (n > 0).then(|| sum / f64::from(n))
    }

    /// Mean over classes by support, 0/0 taken as 0.
    fn weighted_mean(&self, of: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        let weighted = |class| self.support(class) as f64 * of(class).unwrap_or_default();
        let sum: f64 = (0..self.n_classes).map(weighted).sum();
        (self.rows() > 0).then(|| sum / self.rows() as f64)
    }

    /// The classes a macro average is over. Fixed on the whole sample, so that every
    /// resample estimates the same quantity.
    pub fn averaged(&self, over: Macro) -> Vec<bool> {
        (0..self.n_classes).map(|class| over == Macro::All || self.support(class) > 0).collect()
    }

    /// All scores, in the order of [`names`]; none where one is 0/0.
    pub fn scores(&self, averaged: &[bool], class_weights: &[f64]) -> Vec<Option<f64>> {
        let mut scores = vec![
            self.accuracy(),
            self.macro_mean(averaged, |class| self.precision(class)),
            self.macro_mean(averaged, |class| self.recall(class)),
            self.macro_mean(averaged, |class| self.f1(class)),
            self.weighted_mean(|class| self.precision(class)),
            self.weighted_mean(|class| self.recall(class)),
            self.weighted_mean(|class| self.f1(class)),
            self.matthews(),
            self.log_loss(),
            self.class_weighted_log_loss(class_weights),
            self.brier(),
            self.calibration_error(),
        ];
        for class in 0..self.n_classes {
            scores.extend([self.precision(class), self.recall(class), self.f1(class)]);
        }
        scores
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The scores' names, each with the index of its class where it is about one.
pub fn names(n_classes: usize) -> Vec<(&'static str, Option<usize>)> {
    const OVERALL: [&str; 12] = [
        "accuracy",
        "macro-precision",
        "macro-recall",
        "macro-f1",
        "weighted-precision",
        "weighted-recall",
        "weighted-f1",
        "matthews",
        "log-loss",
        "class-weighted-log-loss",
        "brier",
        "ece",
    ];
    let overall = OVERALL.into_iter().map(|name| (name, None));
    let by_class = (0..n_classes)
        .flat_map(|class| ["precision", "recall", "f1"].map(|name| (name, Some(class))));
    overall.chain(by_class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(confusion: [[u64; 3]; 3]) -> Totals {
        let mut totals = Totals::new(3);
        for (truth, row) in confusion.into_iter().enumerate() {
            for (predicted, rows) in row.into_iter().enumerate() {
                totals.add(&Group { truth, predicted, rows, ..Group::default() });
            }
        }
        totals
    }

    #[test]
    fn nothing_over_nothing_is_none_and_counts_as_zero() {
        // Class 2 is neither true nor predicted.
        let totals = totals([[3, 1, 0], [0, 4, 0], [0, 0, 0]]);
        assert_eq!((totals.precision(2), totals.recall(2), totals.f1(2)), (None, None, None));
        let all = totals.scores(&totals.averaged(Macro::All), &[1.0; 3])[2].unwrap();
        let present = totals.scores(&totals.averaged(Macro::Present), &[1.0; 3])[2].unwrap();
        assert!((all - 1.75 / 3.0).abs() < 1e-15 && (present - 1.75 / 2.0).abs() < 1e-15);
    }

    #[test]
    fn never_right_is_zero_not_none() {
        let totals = totals([[0, 2, 0], [2, 0, 0], [0, 0, 1]]);
        assert_eq!((totals.f1(0), totals.recall(0)), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn no_rows_no_scores() {
        let totals = Totals::new(2);
        let scores = totals.scores(&totals.averaged(Macro::Present), &[1.0; 2]);
        assert!(scores.iter().all(Option::is_none));
        assert_eq!(scores.len(), names(2).len());
    }

    #[test]
    fn rare_classes_count_by_their_weight_alone() {
        let mut totals = Totals::new(3);
        for (truth, rows, log_loss) in [(0, 90, 9.0), (1, 2, 4.0)] {
            totals.add(&Group { truth, predicted: truth, rows, log_loss, ..Group::default() });
        }
        assert_eq!(totals.class_weighted_log_loss(&[1.0, 1.0, 1.0]), Some((0.1 + 2.0) / 2.0));
        assert_eq!(totals.class_weighted_log_loss(&[1.0, 3.0, 8.0]), Some((0.1 + 6.0) / 4.0));
        assert_eq!(totals.class_weighted_log_loss(&[0.0, 0.0, 1.0]), None);
    }

    #[test]
    fn one_class_has_no_correlation() {
        assert_eq!(totals([[5, 0, 0], [0, 0, 0], [0, 0, 0]]).matthews(), None);
        assert_eq!(totals([[5, 0, 0], [0, 5, 0], [0, 0, 5]]).matthews(), Some(1.0));
    }
}
