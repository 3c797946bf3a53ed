//! Against scikit-learn and uncertainty-calibration: see goldens/README.md.

use classification_metrics::outcome::{Outcome, likeliest};
use classification_metrics::sample::Sample;
use classification_metrics::score::{Macro, names};
use serde_json::Value;

struct Golden {
    classes: Vec<String>,
    outcomes: Vec<Outcome>,
    expected: Value,
}

fn golden(csv: &str, expected: &str) -> Golden {
    let expected: Value = serde_json::from_str(expected).expect("JSON");
    let classes: Vec<String> =
        serde_json::from_value(expected["classes"].clone()).expect("a list of classes");
    let class = |name: &str| classes.iter().position(|class| class == name).expect("a class");
    let outcome = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        let probabilities: Vec<f64> =
            cells[2..].iter().map(|cell| cell.parse().expect("numbers")).collect();
        assert_eq!(likeliest(&probabilities), class(cells[1]), "{line}");
        Outcome::of(&probabilities, class(cells[0]), class(cells[1]))
    };
    let outcomes = csv.lines().skip(1).map(outcome).collect();
    Golden { classes, outcomes, expected }
}

fn goldens() -> [Golden; 2] {
    [
        golden(
            include_str!("../goldens/three_classes.csv"),
            include_str!("../goldens/three_classes.expected.json"),
        ),
        golden(
            include_str!("../goldens/ten_classes.csv"),
            include_str!("../goldens/ten_classes.expected.json"),
        ),
    ]
}

#[test]
fn scores_are_scikit_learn_s() {
    for Golden { classes, outcomes, expected } in goldens() {
        let totals = Sample::new(classes.len(), outcomes).totals();
        let weights: Vec<f64> =
            serde_json::from_value(expected["class_weights"].clone()).expect("numbers");
        let scores = totals.scores(&totals.averaged(Macro::All), &weights);
        for ((name, class), score) in names(classes.len()).into_iter().zip(scores) {
            let theirs = match (class, name.split_once('-')) {
                (Some(class), _) => &expected["per_class"][class][name],
                (None, Some((average @ ("macro" | "weighted"), score))) => {
                    &expected[average][score]
                }
                (None, _) => {
                    &expected[if name == "matthews" { "matthews_corrcoef" } else { name }
                        .replace('-', "_")]
                }
            };
            let theirs = theirs.as_f64().unwrap_or_else(|| panic!("no golden for {name}"));
            // Theirs is 0 where ours is none: 0/0.
            let error = (score.unwrap_or_default() - theirs).abs();
            assert!(error <= 1e-12 * theirs.abs().max(1.0), "{name} {class:?}: {score:?} {theirs}");
        }
    }
}

#[test]
fn confusion_is_scikit_learn_s() {
    for Golden { classes, outcomes, expected } in goldens() {
        let totals = Sample::new(classes.len(), outcomes).totals();
        for truth in 0..classes.len() {
            for predicted in 0..classes.len() {
                let theirs = &expected["confusion_matrix"][truth][predicted];
                assert_eq!(Some(totals.count(truth, predicted)), theirs.as_u64());
            }
            assert_eq!(
                Some(totals.support(truth)),
                expected["per_class"][truth]["support"].as_u64()
            );
        }
    }
}

#[test]
fn confidence_bins_are_numpy_s() {
    for Golden { outcomes, expected, .. } in goldens() {
        for (bin, theirs) in expected["ece_bins"].as_array().unwrap().iter().enumerate() {
            let inside: Vec<_> = outcomes.iter().filter(|row| row.bin() == bin).collect();
            assert_eq!(Some(inside.len() as u64), theirs["count"].as_u64());
            if let Some(accuracy) = theirs["accuracy"].as_f64() {
                let correct = inside.iter().filter(|row| row.is_correct()).count();
                assert!((correct as f64 / inside.len() as f64 - accuracy).abs() < 1e-15);
            }
        }
    }
}
