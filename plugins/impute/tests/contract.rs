//! The declaration holds, and nothing of `rows` reaches what fills them.

use impute::Impute;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{Float32Type, Float64Type, Int32Type};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table, table_of};

fn stars(v: Vec<Option<f64>>) -> RecordBatch {
    let n = v.len();
    let small: Float32Array = v.iter().map(|v| v.map(|v| v as f32)).collect();
    let count: Int32Array = (0..n as i32).map(|row| (row % 3 != 0).then_some(row % 4)).collect();
    let field: StringArray =
        (0..n).map(|row| (row % 2 == 0).then(|| format!("f{}", row % 4))).collect();
    let id: StringArray = (0..n).map(|row| Some(format!("s{row}"))).collect();
    table([
        ("id", Arc::new(id) as ArrayRef),
        ("V", Arc::new(Float64Array::from(v)) as _),
        ("small", Arc::new(small) as _),
        ("count", Arc::new(count) as _),
        ("field", Arc::new(field) as _),
    ])
}

fn gaps() -> RecordBatch {
    stars(vec![Some(1.0), None, Some(f64::NAN), Some(100.0)])
}

fn train() -> RecordBatch {
    stars(vec![Some(2.0), Some(4.0), None, Some(3.0), Some(f64::NAN), Some(4.0)])
}

fn harness(params: &str) -> Harness<Impute> {
    Harness::new(params).table("rows", gaps()).table("fit", train())
}

fn filled(params: &str) -> RecordBatch {
    harness(params).run().expect("runs").table("filled")
}

fn floats(table: &RecordBatch, name: &str) -> Vec<f64> {
    let column = table.column_by_name(name).expect("such a column");
    assert_eq!(column.null_count(), 0);
    column.as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn reads_what_it_declares() {
    for strategy in ["mean", "median", "most-frequent"] {
        harness(&format!(r#"{{"columns": ["V"], "strategy": "{strategy}"}}"#)).prove();
    }
    harness(r#"{"per-column": {"field": {"strategy": "constant", "value": "none"}}}"#).prove();
    harness(r#"{"columns": ["V"], "strategy": "constant", "value": 7.5, "indicators": false}"#)
        .prove();
}

#[test]
fn fills_with_what_fit_says() {
    assert_eq!(floats(&filled("{}"), "V"), [1.0, 3.5, 3.5, 100.0]);
    assert_eq!(floats(&filled(r#"{"strategy": "mean"}"#), "V"), [1.0, 3.25, 3.25, 100.0]);
    assert_eq!(floats(&filled(r#"{"strategy": "most-frequent"}"#), "V"), [1.0, 4.0, 4.0, 100.0]);
    assert_eq!(
        floats(&filled(r#"{"strategy": "constant", "value": -1}"#), "V"),
        [1.0, -1.0, -1.0, 100.0]
    );
    let small = filled("{}").column_by_name("small").unwrap().clone();
    assert_eq!(small.as_primitive::<Float32Type>().values().to_vec(), [1.0, 3.5, 3.5, 100.0]);
}

#[test]
fn text_and_integers_are_filled_too() {
    let most = r#"{"columns": ["count", "field"], "strategy": "most-frequent"}"#;
    let table = filled(most);
    // In `fit`, count is 1, 2, 0, 1 where it is there: 1. Field is f0, f2, f0: f0.
    let count =
        table.column_by_name("count").unwrap().as_primitive::<Int32Type>().values().to_vec();
    assert_eq!(count, [1, 1, 2, 1]);
    let field: Vec<_> =
        table.column_by_name("field").unwrap().as_string::<i32>().iter().flatten().collect();
    assert_eq!(field, ["f0", "f0", "f2", "f0"]);
    let table = filled(r#"{"per-column": {"field": {"strategy": "constant", "value": "none"}}}"#);
    let field: Vec<_> =
        table.column_by_name("field").unwrap().as_string::<i32>().iter().flatten().collect();
    assert_eq!(field, ["f0", "none", "f2", "none"]);
}

#[test]
fn columns_keep_their_places_and_gaps_are_marked() {
    let table = filled("{}");
    let schema = table.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "V", "small", "count", "field", "V_imputed", "small_imputed"]);
    assert!(!schema.field(1).is_nullable());
    let mask: Vec<_> = table.column(5).as_boolean().iter().flatten().collect();
    assert_eq!(mask, [false, true, true, false]);
    assert_eq!(filled(r#"{"indicators": false}"#).num_columns(), 5);
}

#[test]
fn what_cannot_be_is_named() {
    for (params, start) in [
        (r#"{"columns": ["W"]}"#, "input `rows` has no column `W`"),
        (r#"{"per-column": {"W": {}}}"#, "input `rows` has no column `W`"),
        (r#"{"columns": ["V", "V"]}"#, "parameter `columns`: `V` is listed twice"),
        (
            r#"{"columns": ["count"]}"#,
            "column `count` of input `rows` should be floats, or another strategy",
        ),
        (r#"{"strategy": "constant"}"#, "parameter `value`: which value?"),
        (r#"{"value": 3}"#, "parameter `value`: is for `strategy: constant`"),
        (r#"{"per-column": {"V": {"value": 3}}}"#, "parameter `per-column.V.value`: is for"),
        (
            r#"{"columns": ["count"], "strategy": "constant", "value": 1.5}"#,
            "parameter `value`: does not fit column `count`, which is Int32",
        ),
        (
            r#"{"columns": ["count"], "strategy": "constant", "value": 3000000000}"#,
            "parameter `value`: does not fit",
        ),
        (
            r#"{"columns": ["V"], "strategy": "constant", "value": "x"}"#,
            "parameter `value`: does not fit",
        ),
    ] {
        let message = harness(params).run().err().unwrap().to_string();
        assert!(message.starts_with(start), "{message}");
    }
    let unfitted = Harness::<Impute>::new("{}").table("rows", gaps());
    assert!(
        unfitted
            .run()
            .err()
            .unwrap()
            .to_string()
            .starts_with("input `fit` is not connected, and the median of `V`")
    );
    let empty = error_of_fit("{}", stars(vec![None, Some(f64::NAN)]));
    assert_eq!(
        empty,
        "column `V` has no value in the 2 rows of `fit`, so no median; leave it out of `columns`, \
         give it `strategy: constant` in `per-column`, or fit on more rows"
    );
    let infinite = error_of_fit(r#"{"strategy": "mean"}"#, stars(vec![Some(f64::INFINITY)]));
    assert!(infinite.starts_with(
        "column `V` of `fit` holds infinite or huge values, so its mean is not finite"
    ));
}

/// The error when another table is fitted on.
fn error_of_fit(params: &str, fit: RecordBatch) -> String {
    let harness = Harness::<Impute>::new(params).table("rows", gaps()).table("fit", fit);
    harness.run().err().expect("fails").to_string()
}

#[test]
fn units_must_agree() {
    let column = |unit: &str| {
        let field = Field::new("V", DataType::Float64, true).with_unit(unit);
        table_of([(field, Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)])
    };
    let harness =
        Harness::<Impute>::new("{}").table("rows", column("mag")).table("fit", column("mJy"));
    assert_eq!(
        harness.run().err().unwrap().to_string(),
        "column `V` of input `fit` should be mag, but is mJy"
    );
}
