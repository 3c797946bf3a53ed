//! The declaration holds, and tables are joined by key.

use plugin_name::PluginName;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};

const PARAMS: &str = r#"{"label": "type", "key": "id"}"#;

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn predictions() -> RecordBatch {
    table([
        ("id", text(&[Some("a"), Some("b"), Some("c"), Some("d"), Some("e")])),
        ("class", text(&[Some("rr"), Some("rr"), Some("rr"), Some("cep"), None])),
    ])
}

/// In another order, with a row more and a column more.
fn truth() -> RecordBatch {
    let rr = Some("rr");
    table([
        ("id", text(&[Some("e"), Some("d"), Some("c"), Some("b"), Some("a"), Some("x")])),
        ("type", text(&[rr, Some("cep"), rr, rr, rr, None])),
        ("field", text(&[Some("1"), Some("2"), Some("3"), Some("4"), Some("5"), Some("6")])),
    ])
}

fn harness() -> Harness<PluginName> {
    Harness::new(PARAMS).table("predictions", predictions()).table("truth", truth())
}

#[test]
fn scores_are_counted_by_key() {
    let scores = harness().run().unwrap().table("scores");
    let class = scores.column_by_name("class").unwrap().as_string::<i32>();
    assert_eq!(class.iter().collect::<Vec<_>>(), [None, None, Some("cep"), Some("rr")]);
    let value = scores.column_by_name("value").unwrap().as_primitive::<Float64Type>();
    assert_eq!(value.values(), &[0.8, 0.875, 1.0, 0.75]);
}

#[test]
fn reads_what_it_declares() {
    harness().prove();
}

#[test]
fn a_row_without_truth_is_named() {
    let harness = Harness::<PluginName>::new(PARAMS).table("predictions", predictions());
    let error = harness.table("truth", truth().slice(1, 5)).run().err().unwrap();
    assert!(error.to_string().starts_with("`truth` has no row `e`"), "{error}");
}

#[test]
fn keys_must_differ() {
    let twice = table([("id", text(&[Some("a"); 2])), ("class", text(&[Some("rr"); 2]))]);
    let harness = Harness::<PluginName>::new(PARAMS).table("predictions", twice);
    let error = harness.table("truth", truth()).run().err().unwrap();
    assert!(error.to_string().starts_with("two rows of `predictions` have the key `a`"), "{error}");
}
