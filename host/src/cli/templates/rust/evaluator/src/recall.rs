//! Pairs of true and predicted classes to scores.

use std::collections::BTreeMap;

/// How often a class occurred, and how often it was found.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    objects: u64,
    right: u64,
}

/// Counts, class by class.
#[derive(Debug, Default)]
pub struct Tally {
    by_class: BTreeMap<String, Found>,
}

/// One score.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub metric: &'static str,
    /// None for all classes together.
    pub class: Option<String>,
    /// In `[0, 1]`; none where there is nothing to score.
    pub value: Option<f64>,
    /// Objects that it rests on.
    pub support: u64,
}

impl Tally {
    /// Counts one object. Without a prediction, its class was not found.
    pub fn add(&mut self, truth: &str, predicted: Option<&str>) {
        let found = self.by_class.entry(truth.to_owned()).or_default();
        found.objects += 1;
        found.right += u64::from(predicted == Some(truth));
    }

    /// `accuracy`, the share of all objects whose class was found; `balanced-accuracy`, the mean
    /// recall of the classes that occur; and `recall` of each of these, the share of its objects
    /// that were found.
    pub fn scores(&self) -> Vec<Score> {
        let all = self.by_class.values().fold(Found::default(), |all, found| Found {
            objects: all.objects + found.objects,
            right: all.right + found.right,
        });
        let share =
            |found: &Found| (found.objects > 0).then(|| found.right as f64 / found.objects as f64);
        let recalls: Vec<f64> = self.by_class.values().filter_map(share).collect();
        let mean = recalls.iter().sum::<f64>() / recalls.len() as f64;
        let overall = |metric, value| Score { metric, class: None, value, support: all.objects };
        let mut scores = vec![
            overall("accuracy", share(&all)),
            overall("balanced-accuracy", (!recalls.is_empty()).then_some(mean)),
        ];
        scores.extend(self.by_class.iter().map(|(class, found)| Score {
            metric: "recall",
            class: Some(class.clone()),
            value: share(found),
            support: found.objects,
        }));
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_is_of_each_class() {
        let mut tally = Tally::default();
        for (truth, predicted) in
            [("a", Some("a")), ("a", Some("b")), ("a", Some("a")), ("a", None), ("b", Some("b"))]
        {
            tally.add(truth, predicted);
        }
        let values: Vec<_> = tally
            .scores()
            .into_iter()
            .map(|score| (score.metric, score.value, score.support))
            .collect();
        assert_eq!(
            values,
            [
                ("accuracy", Some(0.6), 5),
                ("balanced-accuracy", Some(0.75), 5),
                ("recall", Some(0.5), 4),
                ("recall", Some(1.0), 1),
            ]
        );
    }

    #[test]
    fn nothing_has_no_score() {
        assert!(Tally::default().scores().iter().all(|score| score.value.is_none()));
    }
}
