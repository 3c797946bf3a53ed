//! Square's declaration holds.

use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};
use square::Square;

fn harness(params: &str) -> Harness<Square> {
    let g = Float64Array::from(vec![Some(1.5), None, Some(-2.0), Some(f64::NAN)]);
    let id = StringArray::from(vec!["a", "b", "c", "d"]);
    Harness::new(params).table("table", table([("id", Arc::new(id) as _), ("g", Arc::new(g) as _)]))
}

#[test]
fn squares_what_is_there() {
    let features = harness(r#"{"column": "g"}"#).run().unwrap().table("features");
    let squares = features.column_by_name("g_squared").unwrap();
    assert_eq!(squares.null_count(), 1);
}

#[test]
fn reads_what_it_declares() {
    harness(r#"{"column": "g"}"#).prove();
}

#[test]
fn names_a_missing_column() {
    let error = harness(r#"{"column": "q"}"#).run().err().unwrap();
    assert_eq!(error.to_string(), "input `table` has no column `q`");
}
