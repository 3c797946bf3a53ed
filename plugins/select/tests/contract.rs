//! The declaration holds, and rows are neither lost nor doubled.

use select::Select;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};

fn stars() -> RecordBatch {
    let region = StringArray::from(vec![Some("LMC"), Some("SMC"), None, Some("BLG"), Some("LMC")]);
    let i = Float64Array::from(vec![Some(15.0), Some(16.0), Some(15.5), None, Some(f64::NAN)]);
    let good = BooleanArray::from(vec![true, true, true, true, false]);
    let id = StringArray::from(vec!["a", "b", "c", "d", "e"]);
    table([
        ("id", Arc::new(id) as ArrayRef),
        ("region", Arc::new(region) as _),
        ("I", Arc::new(i) as _),
        ("good", Arc::new(good) as _),
    ])
}

fn harness(conditions: &str) -> Harness<Select> {
    Harness::new(format!(r#"{{"where": {conditions}}}"#)).table("table", stars())
}

fn ids(conditions: &str) -> (String, String) {
    let outputs = harness(conditions).run().expect("runs");
    let ids = |port| {
        outputs.table(port).column(0).as_string::<i32>().iter().flatten().collect::<String>()
    };
    (ids("rows"), ids("rest"))
}

#[test]
fn reads_what_it_declares() {
    harness(r#"{"region": ["LMC", "BLG"]}"#).prove();
    harness(r#"{"I": {"max": 15.75}, "good": true}"#).prove();
}

#[test]
fn rows_go_here_or_there() {
    let both = |rows: &str, rest: &str| (rows.to_owned(), rest.to_owned());
    assert_eq!(ids(r#"{"region": ["LMC"]}"#), both("ae", "bcd"));
    assert_eq!(ids(r#"{"region": {"not": ["LMC"]}}"#), both("bd", "ace"));
    assert_eq!(ids(r#"{"region": [null, "BLG"]}"#), both("cd", "abe"));
    assert_eq!(ids(r#"{"I": {"min": 15, "below": 16}}"#), both("ac", "bde"));
    assert_eq!(ids(r#"{"I": {"not": [15]}, "good": true}"#), both("bc", "ade"));
    assert_eq!(ids(r#"{"I": {"not": [null]}}"#), both("abc", "de"));
    assert_eq!(ids(r#"{"good": false}"#), both("e", "abcd"));
}

#[test]
fn bad_conditions_are_named() {
    for (conditions, start) in [
        ("{}", "parameter `where`: name at least one column"),
        (r#"{"reg": ["LMC"]}"#, "input `table` has no column `reg`"),
        (r#"{"region": {"min": 3}}"#, "parameter `where.region`: a range is for numbers"),
        (r#"{"I": ["15"]}"#, "parameter `where.I`: text \"15\" never equals"),
    ] {
        let message = harness(conditions).run().err().unwrap().to_string();
        assert!(message.starts_with(start), "{message}");
    }
}
