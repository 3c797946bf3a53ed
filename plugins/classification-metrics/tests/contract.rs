//! The declaration holds, and every way the two tables can be at odds is named.

use classification_metrics::ClassificationMetrics;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{Float64Type, Int64Type};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, Outputs, table_of};

const CLASSES: [&str; 3] = ["a", "b", "c"];

fn key(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true).with_ucd("meta.id;meta.main")
}

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

/// Predictions of the classes at these indices, with confidence 0.5 to 0.9.
fn predictions(rows: &[(Option<&str>, Option<usize>)]) -> RecordBatch {
    let confidence = |row: usize| 0.5 + 0.1 * (row % 5) as f64;
    let probability = |class: usize| {
        numbers(rows.iter().enumerate().map(|(row, (_, predicted))| {
            predicted.map(|predicted| match predicted == class {
                true => confidence(row),
                false => (1.0 - confidence(row)) / 2.0,
            })
        }))
    };
    let float = |name: &str| Field::new(name, DataType::Float64, true);
    table_of([
        (key("id"), texts(rows.iter().map(|(id, _)| *id))),
        (
            Field::new("class", DataType::Utf8, true),
            texts(rows.iter().map(|(_, class)| class.map(|c| CLASSES[c]))),
        ),
        (float("p_a"), probability(0)),
        (float("p_b"), probability(1)),
        (float("p_c"), probability(2)),
    ])
}

fn truth(rows: &[(Option<&str>, Option<&str>)]) -> RecordBatch {
    table_of([
        (key("name"), texts(rows.iter().map(|(id, _)| *id))),
        (Field::new("type", DataType::Utf8, true), texts(rows.iter().map(|(_, class)| *class))),
    ])
}

const PREDICTED: [(Option<&str>, Option<usize>); 5] = [
    (Some("k1"), Some(0)),
    (Some("k2"), Some(1)),
    (Some("k3"), Some(1)),
    (Some("k4"), Some(2)),
    (Some("k5"), Some(0)),
];
const TRUE: [(Option<&str>, Option<&str>); 5] = [
    (Some("k1"), Some("a")),
    (Some("k2"), Some("b")),
    (Some("k3"), Some("a")),
    (Some("k4"), Some("c")),
    (Some("k5"), Some("a")),
];

fn metrics(
    params: &str,
    predictions: RecordBatch,
    truth: RecordBatch,
) -> Harness<ClassificationMetrics> {
    Harness::new(format!(r#"{{"label": "type", "bootstrap": 20{params}}}"#))
        .table("predictions", predictions)
        .table("truth", truth)
}

fn score(outputs: &Outputs, metric: &str, class: Option<&str>) -> Option<f64> {
    let scores = outputs.table("scores");
    let (metrics, classes) =
        (scores.column(0).as_string::<i32>(), scores.column(1).as_string::<i32>());
    let row = (0..scores.num_rows()).find(|&row| {
        metrics.value(row) == metric && classes.is_valid(row).then(|| classes.value(row)) == class
    });
    let values = scores.column(2).as_primitive::<Float64Type>();
    row.filter(|&row| values.is_valid(row)).map(|row| values.value(row))
}

fn error(params: &str, predictions: RecordBatch, truth: RecordBatch) -> String {
    metrics(params, predictions, truth).run().err().expect("fails").to_string()
}

#[test]
fn reads_what_it_declares() {
    metrics("", predictions(&PREDICTED), truth(&TRUE)).prove();
}

#[test]
fn scores_and_confusion_come_out() {
    let outputs = metrics("", predictions(&PREDICTED), truth(&TRUE)).run().unwrap();
    assert_eq!(score(&outputs, "accuracy", None), Some(0.8));
    assert_eq!(score(&outputs, "recall", Some("a")), Some(2.0 / 3.0));
    assert_eq!(score(&outputs, "coverage", None), Some(1.0));
    let counts = outputs.table("confusion").column(2).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(counts, [2, 1, 0, 0, 1, 0, 0, 0, 1]);
    let low = outputs.table("scores").column(3).as_primitive::<Float64Type>().value(0);
    assert!(low < 0.8);
}

#[test]
fn order_of_rows_does_not_matter() {
    let backward = |rows: RecordBatch| {
        let order: Vec<_> = (0..rows.num_rows()).rev().map(|row| rows.slice(row, 1)).collect();
        table_of(rows.schema().fields().iter().enumerate().map(|(column, field)| {
            let values: Vec<_> = order.iter().map(|row| row.column(column).clone()).collect();
            let array: ArrayRef = match field.data_type() {
                DataType::Utf8 => {
                    texts(values.iter().map(|row| row.as_string::<i32>().iter().next().unwrap()))
                }
                _ => numbers(
                    values
                        .iter()
                        .map(|row| row.as_primitive::<Float64Type>().iter().next().unwrap()),
                ),
            };
            (field.as_ref().clone(), array)
        }))
    };
    let one = metrics("", predictions(&PREDICTED), truth(&TRUE)).run().unwrap();
    for (p, t) in [
        (backward(predictions(&PREDICTED)), truth(&TRUE)),
        (predictions(&PREDICTED), backward(truth(&TRUE))),
    ] {
        let other = metrics("", p, t).run().unwrap();
        assert_eq!(one.table("scores"), other.table("scores"));
        assert_eq!(one.table("confusion"), other.table("confusion"));
    }
}

#[test]
fn null_predictions_and_null_truths_are_left_out_and_counted() {
    let (mut predicted, mut labelled) = (PREDICTED, TRUE);
    predicted[2].1 = None;
    labelled[4].1 = None;
    let outputs = metrics("", predictions(&predicted), truth(&labelled)).run().unwrap();
    assert_eq!(score(&outputs, "coverage", None), Some(0.6));
    assert_eq!(score(&outputs, "accuracy", None), Some(1.0));
    assert_eq!(
        outputs.warnings,
        ["1 rows not scored: their `type` is null", "1 rows not scored: their prediction is null"]
    );
}

#[test]
fn unknown_classes_stop_or_are_counted() {
    let mut labelled = TRUE;
    labelled[1].1 = Some("d");
    let message = error("", predictions(&PREDICTED), truth(&labelled));
    assert_eq!(
        message,
        "1 rows of `truth` have a `type` that the classifier does not know, such as `d`; \
         its classes are a, b, c; leave these rows out with `unknown: ignore`"
    );
    let ignoring = r#", "unknown": "ignore""#;
    let outputs = metrics(ignoring, predictions(&PREDICTED), truth(&labelled)).run().unwrap();
    assert_eq!(score(&outputs, "coverage", None), Some(0.8));
    assert_eq!(score(&outputs, "precision", Some("b")), Some(0.0));
}

#[test]
fn keys_at_odds_are_named() {
    let rows = |key| {
        let mut rows = PREDICTED;
        rows[1].0 = key;
        predictions(&rows)
    };
    assert!(error("", rows(None), truth(&TRUE)).starts_with(
        "1 rows of `predictions` have no key in column `id`, the first is row 1 (from 0)"
    ));
    assert!(
        error("", rows(Some("k9")), truth(&TRUE))
            .starts_with("1 rows of `predictions` have a key that `truth` lacks, such as `k9`")
    );
    assert!(
        error("", rows(Some("k1")), truth(&TRUE))
            .starts_with("1 rows of `predictions` repeat the key of an earlier row, such as `k1`")
    );
    let mut twice = TRUE;
    twice[4].0 = Some("k2");
    assert!(error("", predictions(&PREDICTED), truth(&twice)).starts_with(
        "1 rows of `truth` repeat the key of an earlier row, such as `k2` in column `name`"
    ));
    let few = predictions(&PREDICTED[..3]);
    assert!(
        error("", few.clone(), truth(&TRUE))
            .starts_with("2 of 5 rows of `truth` have no prediction, such as `k4`")
    );
    let outputs = metrics(r#", "partial": true"#, few, truth(&TRUE)).run().unwrap();
    assert_eq!(score(&outputs, "coverage", None), Some(0.6));
}

#[test]
fn probabilities_must_be_probabilities() {
    let rows = predictions(&PREDICTED);
    let with_p_a = |p: f64| {
        let mut columns = rows.columns().to_vec();
        columns[2] = numbers([Some(p); 5]);
        RecordBatch::try_new(rows.schema(), columns).unwrap()
    };
    assert!(
        error("", with_p_a(1.5), truth(&TRUE))
            .starts_with("row 0 of `predictions` has probability 1.5")
    );
    assert!(
        error("", with_p_a(0.9), truth(&TRUE))
            .starts_with("the probabilities in row 0 of `predictions` sum to 1.4")
    );
}

#[test]
fn class_weights_name_classes_and_move_one_score() {
    let weighted = r#", "class-weights": {"a": 3, "c": 0}"#;
    let plain = metrics("", predictions(&PREDICTED), truth(&TRUE)).run().unwrap();
    let other = metrics(weighted, predictions(&PREDICTED), truth(&TRUE)).run().unwrap();
    assert_eq!(score(&plain, "log-loss", None), score(&other, "log-loss", None));
    // −ln p of the truth: `a` of k1, k3, k5; `b` of k2; `c` of k4.
    let a = -(0.5_f64.ln() + 0.15_f64.ln() + 0.9_f64.ln()) / 3.0;
    let (b, c) = (-(0.6_f64.ln()), -(0.8_f64.ln()));
    for (outputs, expected) in [(plain, (a + b + c) / 3.0), (other, (3.0 * a + b) / 4.0)] {
        let found = score(&outputs, "class-weighted-log-loss", None).expect("a score");
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    for (weights, expected) in [(r#"{"z": 1}"#, "no class `z`"), (r#"{"a": -1}"#, "from 0 up")] {
        let params = format!(r#", "class-weights": {weights}"#);
        let message = error(&params, predictions(&PREDICTED), truth(&TRUE));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn no_classes_no_scores() {
    let message = error("", truth(&TRUE), truth(&TRUE));
    assert!(message.starts_with("input `predictions` has no probability columns"), "{message}");
}
