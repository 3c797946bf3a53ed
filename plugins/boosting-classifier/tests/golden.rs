//! Against LightGBM's probabilities on the same rows: see goldens/README.md.

use std::path::Path;
use std::sync::Arc;

use boosting_classifier::BoostingClassifier;
use boosting_trainer::BoostingTrainer;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use skyloom_plugin::arrow_schema::{DataType, Field};
use skyloom_plugin::bind::FieldExt;
use skyloom_plugin_testing::{Harness, table_of};

/// The lines of a golden file below its header, cut at commas.
fn lines(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../boosting-trainer/goldens").join(file);
    let text = std::fs::read_to_string(path).expect("a golden file");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn table() -> RecordBatch {
    let rows = lines("rows.csv");
    let number = |field: &String| (!field.is_empty()).then(|| field.parse().expect("a number"));
    let names = ["one", "three", "two"].map(str::to_owned);
    let ids = Int64Array::from_iter_values(0..rows.len() as i64);
    let labels: StringArray = rows.iter().map(|row| Some(row[4].clone())).collect();
    let mut columns = vec![
        (
            Field::new("id", DataType::Int64, false).with_ucd("meta.id;meta.main"),
            Arc::new(ids) as ArrayRef,
        ),
        (Field::new("class", DataType::Utf8, true).with_categories(&names), Arc::new(labels)),
    ];
    for (place, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let values: Float64Array = rows.iter().map(|row| number(&row[place])).collect();
        columns.push((Field::new(name, DataType::Float64, true), Arc::new(values)));
    }
    table_of(columns)
}

#[test]
fn probabilities_are_those_of_lightgbm() {
    let params = r#"{"label": "class", "rounds": 30, "num-leaves": 8, "min-data-in-leaf": 1,
            "min-sum-hessian": 5}"#;
    let outputs = Harness::<BoostingTrainer>::new(params).table("data", table()).run();
    let model = outputs.expect("learns").table("model");
    let harness = Harness::<BoostingClassifier>::new("{}");
    let outputs = harness.table("data", table()).table("model", model).run();
    let predictions = outputs.expect("classifies").table("predictions");
    for (row, line) in lines("probabilities.csv").iter().enumerate() {
        for (class, theirs) in line.iter().enumerate() {
            let theirs: f64 = theirs.parse().expect("a number");
            let ours = predictions.column(2 + class).as_primitive::<Float64Type>().value(row);
            assert!((ours - theirs).abs() < 1e-5, "row {row}, class {class}: {ours} {theirs}");
        }
    }
}
