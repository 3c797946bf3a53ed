//! What the plugin declares and what it gives.

use score_change::ScoreChange;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::Harness;

/// Metric, class, value, low, high, support.
type Line = (&'static str, Option<&'static str>, f64, f64, f64, i64);

/// A score table as evaluators write it.
fn score_table(lines: &[Line]) -> RecordBatch {
    let column = |of: fn(&Line) -> f64| -> ArrayRef {
        Arc::new(lines.iter().map(|line| Some(of(line))).collect::<Float64Array>())
    };
    let metrics: StringArray = lines.iter().map(|line| Some(line.0)).collect();
    let classes: StringArray = lines.iter().map(|line| line.1).collect();
    let supports: Int64Array = lines.iter().map(|line| Some(line.5)).collect();
    let columns: [(&str, ArrayRef); 6] = [
        ("metric", Arc::new(metrics)),
        ("class", Arc::new(classes)),
        ("value", column(|line| line.2)),
        ("low", column(|line| line.3)),
        ("high", column(|line| line.4)),
        ("support", Arc::new(supports)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .expect("columns of one length")
}

fn harness() -> Harness<ScoreChange> {
    let home = score_table(&[
        ("recall", Some("RRab"), 0.9, 0.86, 0.94, 100),
        ("recall", Some("DSCT"), 0.8, 0.7, 0.9, 50),
        ("matthews", None, 0.7, 0.6, 0.8, 150),
        ("accuracy", None, 0.85, 0.8, 0.9, 150),
    ]);
    let away = score_table(&[
        ("accuracy", None, 0.6, 0.5, 0.7, 90),
        ("recall", Some("RRab"), 0.7, 0.67, 0.73, 80),
        ("recall", Some("Cep"), 0.5, 0.4, 0.6, 10),
        ("matthews", None, 0.4, 0.3, 0.5, 90),
    ]);
    Harness::new("{\"metrics\": [\"recall\", \"accuracy\"]}")
        .table("reference", home)
        .table("shifted", away)
}

#[test]
fn pairs_what_both_tables_have() {
    let changes = harness().run().unwrap().table("changes");
    let metrics: Vec<_> = changes.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(metrics, ["Δ accuracy", "Δ recall"]);
    let column = |index: usize| changes.column(index).as_primitive::<Float64Type>().value(1);
    assert!((column(2) + 0.2).abs() < 1e-12);
    assert!((column(3) + 0.25).abs() < 1e-12);
    assert!((column(4) + 0.15).abs() < 1e-12);
}

#[test]
fn reads_what_it_declares() {
    harness().prove();
}
