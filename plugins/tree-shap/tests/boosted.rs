//! Boosted trees: against LightGBM's own contributions to margins (boosting-trainer/goldens), and
//! what folds do.

use std::path::Path;
use std::sync::Arc;

use boosting_trainer::BoostingTrainer;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use skyloom_plugin::arrow_schema::{DataType, Field};
use skyloom_plugin::bind::FieldExt;
use skyloom_plugin_testing::{Harness, table_of};
use tree_shap::TreeShap;

const CLASSES: [&str; 3] = ["one", "three", "two"];
const FEATURES: [&str; 4] = ["a", "b", "c", "d"];

/// The lines of a golden file below its header, cut at commas.
fn lines(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../boosting-trainer/goldens").join(file);
    let text = std::fs::read_to_string(path).expect("a golden file");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn table() -> RecordBatch {
    let rows = lines("rows.csv");
    let number = |field: &String| (!field.is_empty()).then(|| field.parse().expect("a number"));
    let names = CLASSES.map(str::to_owned);
    let mut columns = vec![
        (
            Field::new("id", DataType::Int64, false).with_ucd("meta.id;meta.main"),
            Arc::new(Int64Array::from_iter_values(0..rows.len() as i64)) as ArrayRef,
        ),
        (
            Field::new("class", DataType::Utf8, true).with_categories(&names),
            Arc::new(rows.iter().map(|row| Some(row[4].clone())).collect::<StringArray>()),
        ),
    ];
    for (place, name) in FEATURES.into_iter().enumerate() {
        let values: Float64Array = rows.iter().map(|row| number(&row[place])).collect();
        columns.push((Field::new(name, DataType::Float64, true), Arc::new(values)));
    }
    table_of(columns)
}

fn model(rounds: u32, more: &str) -> RecordBatch {
    let params = format!(
        r#"{{"label": "class", "features": ["a", "b", "c", "d"], "rounds": {rounds},
             "num-leaves": 8, "min-data-in-leaf": 1, "min-sum-hessian": 5{more}}}"#
    );
    let outputs = Harness::<BoostingTrainer>::new(params).table("data", table()).run();
    outputs.expect("learns").table("model")
}

fn harness(params: &str, data: &RecordBatch, model: RecordBatch) -> Harness<TreeShap> {
    Harness::new(params).table("data", data.clone()).table("model", model)
}

fn numbers(table: &RecordBatch, column: &str) -> Vec<f64> {
    let column = table.column_by_name(column).expect("a column");
    column.as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn contributions_are_those_of_lightgbm() {
    let data = table().slice(0, 100);
    let outputs = harness(r#"{"classes": "all"}"#, &data, model(4, "")).run().expect("explains");
    let ours = outputs.table("attributions");
    let columns: Vec<Vec<f64>> =
        ["phi_a", "phi_b", "phi_c", "phi_d", "base"].iter().map(|c| numbers(&ours, c)).collect();
    for (row, line) in lines("contributions.csv").iter().enumerate() {
        for (class, theirs) in line.chunks(5).enumerate() {
            for (column, theirs) in columns.iter().zip(theirs) {
                let theirs: f64 = theirs.parse().expect("a number");
                let ours = column[3 * row + class];
                assert!((ours - theirs).abs() < 1e-5, "row {row}, class {class}: {ours} {theirs}");
            }
        }
    }
}

#[test]
fn declares_what_it_reads() {
    let data = table().slice(0, 40);
    harness("{}", &data, model(30, r#", "folds": 2"#)).prove();
    harness(r#"{"classes": "all"}"#, &data, model(30, "")).prove();
}

#[test]
fn each_row_is_explained_by_the_model_of_its_fold() {
    let data = table().slice(0, 60);
    let both = model(4, r#", "folds": 3, "final-model": true"#);
    let of = |params: &str| {
        let outputs = harness(params, &data, both.clone()).run().expect("explains");
        outputs.table("attributions")
    };
    let (unseen, last) =
        (of(r#"{"classes": "all"}"#), of(r#"{"classes": "all", "model": "final"}"#));
    let alone = harness(r#"{"classes": "all"}"#, &data, model(4, "")).run().expect("explains");
    assert_eq!(numbers(&last, "phi_a"), numbers(&alone.table("attributions"), "phi_a"));
    let mut bases = numbers(&unseen, "base");
    bases.sort_by(f64::total_cmp);
    bases.dedup();
    assert_eq!(bases.len(), 9, "three classes in three models");
}
