//! The explainer on models that the trainer grew.

use std::sync::Arc;

use forest_trainer::ForestTrainer;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use skyloom_plugin::arrow_schema::{DataType, Field};
use skyloom_plugin::bind::FieldExt;
use skyloom_plugin_testing::{Harness, table_of};
use tree_shap::TreeShap;

/// Three classes that `x` and `y` tell apart; `idle` tells nothing.
fn stars(n_rows: usize) -> RecordBatch {
    let noise = |row: usize, of: u64| {
        let hash = forest_model::bag::mix((row as u64) << 8 ^ of);
        (hash >> 11) as f64 / (1_u64 << 53) as f64
    };
    let column = |of: u64| -> ArrayRef {
        let value = |row: usize| Some(noise(row, of)).filter(|_| noise(row, of + 9) > 0.05);
        Arc::new((0..n_rows).map(value).collect::<Float64Array>())
    };
    let class = |row: usize| match (noise(row, 1) > 0.5, noise(row, 2) > 0.6) {
        (_, true) => "upper",
        (true, false) => "right",
        (false, false) => "left",
    };
    let ids: StringArray = (0..n_rows).map(|row| Some(format!("star {row}"))).collect();
    let classes: StringArray = (0..n_rows).map(|row| Some(class(row))).collect();
    let number = |name| Field::new(name, DataType::Float64, true);
    table_of([
        (Field::new("id", DataType::Utf8, false).with_ucd("meta.id;meta.main"), Arc::new(ids) as _),
        (number("x"), column(1)),
        (number("y"), column(2)),
        (number("idle"), column(3)),
        (
            Field::new("type", DataType::Utf8, true)
                .with_categories(&["left", "right", "upper"].map(str::to_owned)),
            Arc::new(classes) as _,
        ),
    ])
}

fn model(data: &RecordBatch) -> RecordBatch {
    let params = r#"{"label": "type", "trees": 12, "max-features": 2}"#;
    let outputs = Harness::<ForestTrainer>::new(params).table("data", data.clone()).run();
    outputs.expect("the trainer learns").table("model")
}

fn harness(params: &str, data: &RecordBatch) -> Harness<TreeShap> {
    Harness::new(params).table("data", data.clone()).table("model", model(data))
}

fn attributions(params: &str, data: &RecordBatch) -> RecordBatch {
    harness(params, data).run().expect("explains").table("attributions")
}

fn numbers(table: &RecordBatch, column: &str) -> Vec<f64> {
    let column = table.column_by_name(column).expect("a column");
    column.as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn declares_what_it_reads() {
    let data = stars(40);
    harness("{}", &data).prove();
    harness(r#"{"classes": "all", "sample": 0.5}"#, &data).prove();
}

#[test]
fn contributions_sum_to_the_margin() {
    let attributions = attributions(r#"{"classes": "all"}"#, &stars(120));
    assert_eq!(attributions.num_rows(), 360);
    let columns = ["base", "margin", "phi_x", "phi_y", "phi_idle"];
    let [base, margin, x, y, idle] = columns.map(|column| numbers(&attributions, column));
    for line in 0..360 {
        let sum = base[line] + x[line] + y[line] + idle[line];
        assert!((sum - margin[line]).abs() < 1e-12);
    }
    // Over all classes probabilities sum to 1, so what a feature adds to one it takes away
    // from the others.
    for row in 0..120 {
        let total = |phi: &[f64]| phi[3 * row..3 * row + 3].iter().sum::<f64>();
        assert!([&x, &y, &idle].iter().all(|phi| total(phi).abs() < 1e-12));
        assert!((total(&margin) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn features_that_tell_the_classes_apart_contribute_most() {
    let attributions = attributions("{}", &stars(400));
    let mean = |column| {
        let phi = numbers(&attributions, column);
        phi.iter().map(|phi| phi.abs()).sum::<f64>() / phi.len() as f64
    };
    assert!(mean("phi_x") > 5.0 * mean("phi_idle"));
    assert!(mean("phi_y") > 5.0 * mean("phi_idle"));
}

#[test]
fn by_default_the_predicted_class_is_explained() {
    let data = stars(60);
    let (all, predicted) =
        (attributions(r#"{"classes": "all"}"#, &data), attributions("{}", &data));
    let (every, top) = (numbers(&all, "margin"), numbers(&predicted, "margin"));
    for row in 0..60 {
        let most = every[3 * row..3 * row + 3].iter().copied().fold(0.0, f64::max);
        assert_eq!(top[row], most);
    }
    // Classes are explained together or alone: the same values.
    let class = predicted.column_by_name("class").expect("a column").as_string::<i32>();
    let (every, top) = (numbers(&all, "phi_x"), numbers(&predicted, "phi_x"));
    for row in 0..60 {
        let place = ["left", "right", "upper"].iter().position(|c| *c == class.value(row));
        assert_eq!(top[row], every[3 * row + place.expect("a class")]);
    }
}

#[test]
fn a_sample_is_the_same_rows_whatever_the_others() {
    let sampled = |data: &RecordBatch| -> Vec<String> {
        let attributions = attributions(r#"{"sample": 0.3}"#, data);
        let ids = attributions.column_by_name("id").expect("a column").as_string::<i32>().clone();
        ids.iter().map(|id| id.expect("no null").to_owned()).collect()
    };
    let (few, many) = (sampled(&stars(200)), sampled(&stars(400)));
    assert!((35..85).contains(&few.len()), "{}", few.len());
    assert_eq!(few[..], many[..few.len()]);
}

#[test]
fn no_rows_give_no_lines() {
    let data = stars(40);
    let attributions = attributions(r#"{"sample": 0.0}"#, &data);
    assert_eq!(attributions.num_rows(), 0);
    assert_eq!(attributions.num_columns(), 7);
}
