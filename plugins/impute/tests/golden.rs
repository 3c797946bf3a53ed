//! Against scikit-learn's SimpleImputer: see goldens/README.md.

use impute::statistic::{Counts, ExactSum, Ordered, median};
use serde_json::Value;

#[test]
fn fills_are_scikit_learn_s() {
    let text = include_str!("../goldens/gaps.csv");
    let expected: Value =
        serde_json::from_str(include_str!("../goldens/gaps.expected.json")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let rows: Vec<_> = lines.collect();
    for (column, name) in names.iter().enumerate().filter(|(_, name)| **name != "field") {
        let theirs =
            |strategy: &str| -> f64 { expected[strategy][name].as_str().unwrap().parse().unwrap() };
        let mut values: Vec<f64> = rows.iter().filter_map(|row| row[column].parse().ok()).collect();
        assert!(values.len() < rows.len());
        let (mut sum, mut counts) = (ExactSum::default(), Counts::default());
        for value in &values {
            sum.add(*value);
            counts.add(Ordered::new(*value));
        }
        assert_eq!(median(&mut values), Some(theirs("median")), "{name}");
        assert_eq!(sum.mean(), Some(theirs("exact_mean")), "{name}");
        assert!((sum.mean().unwrap() / theirs("mean") - 1.0).abs() < 1e-12, "{name}");
        assert_eq!(
            counts.most_frequent().map(Ordered::get),
            Some(theirs("most_frequent")),
            "{name}"
        );
    }
    let mut counts = Counts::default();
    rows.iter()
        .map(|row| row[4])
        .filter(|field| !field.is_empty())
        .for_each(|field| counts.add_str(field));
    assert_eq!(counts.most_frequent().as_deref(), expected["most_frequent"]["field"].as_str());
}
