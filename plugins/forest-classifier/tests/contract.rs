//! The classifier on models that the trainer grew: what it declares, predicts and refuses.

use std::sync::Arc;

use forest_classifier::ForestClassifier;
use forest_trainer::ForestTrainer;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use skyloom_plugin::arrow_schema::{DataType, Field};
use skyloom_plugin::bind::FieldExt;
use skyloom_plugin::error::Error;
use skyloom_plugin_testing::{Harness, table_of};

/// Three classes in the plane: left, right, and above of both, with a tenth of the labels
/// wrong and some values missing.
fn stars(n_rows: usize, salt: u64) -> RecordBatch {
    let noise = |row: usize, of: u64| {
        let hash = forest_model::bag::mix((row as u64) << 8 ^ of ^ salt << 40);
        (hash >> 11) as f64 / (1_u64 << 53) as f64
    };
    let value = |row: usize, of: u64| Some(noise(row, of)).filter(|_| noise(row, of + 10) > 0.02);
    let class = |row: usize| match (noise(row, 1), noise(row, 2), noise(row, 3)) {
        (_, _, wrong) if wrong < 0.1 => "upper",
        (_, y, _) if y > 0.6 => "upper",
        (x, _, _) if x > 0.5 => "right",
        _ => "left",
    };
    let ids: StringArray = (0..n_rows).map(|row| Some(format!("s{salt}-{row}"))).collect();
    let x: Float64Array = (0..n_rows).map(|row| value(row, 1)).collect();
    let y: Float64Array = (0..n_rows).map(|row| value(row, 2)).collect();
    let classes: StringArray = (0..n_rows).map(|row| Some(class(row))).collect();
    let names = ["left", "right", "upper"].map(str::to_owned);
    table_of([
        (
            Field::new("id", DataType::Utf8, false).with_ucd("meta.id;meta.main"),
            Arc::new(ids) as ArrayRef,
        ),
        (Field::new("x", DataType::Float64, true).with_unit("mag"), Arc::new(x) as ArrayRef),
        (Field::new("y", DataType::Float64, true), Arc::new(y) as ArrayRef),
        (
            Field::new("type", DataType::Utf8, true).with_categories(&names),
            Arc::new(classes) as ArrayRef,
        ),
    ])
}

fn model(data: &RecordBatch, trees: u32) -> RecordBatch {
    let params = format!(r#"{{"label": "type", "trees": {trees}, "seed": 3}}"#);
    let outputs = Harness::<ForestTrainer>::new(params).table("data", data.clone()).run();
    outputs.expect("the trainer learns").table("model")
}

fn harness(params: &str, data: &RecordBatch, model: RecordBatch) -> Harness<ForestClassifier> {
    Harness::new(params).table("data", data.clone()).table("model", model)
}

fn accuracy(predictions: &RecordBatch, data: &RecordBatch) -> f64 {
    let truth = data.column_by_name("type").expect("labels").as_string::<i32>();
    let class = predictions.column_by_name("class").expect("classes").as_string::<i32>();
    let is_right = |row: &usize| class.is_valid(*row) && class.value(*row) == truth.value(*row);
    (0..class.len()).filter(is_right).count() as f64 / class.len() as f64
}

#[test]
fn declares_what_it_reads() {
    let data = stars(60, 1);
    harness("{}", &data, model(&data, 3)).prove();
    harness(r#"{"out-of-bag": true}"#, &data, model(&data, 3)).prove();
}

#[test]
fn probabilities_are_a_distribution_and_the_class_its_top() {
    let (train, test) = (stars(500, 1), stars(200, 2));
    let predictions =
        harness("{}", &test, model(&train, 20)).run().expect("classifies").table("predictions");
    let names: Vec<_> =
        predictions.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "class", "p_left", "p_right", "p_upper"]);
    let class = predictions.column(1).as_string::<i32>();
    for row in 0..200 {
        let p: Vec<f64> = (2..5)
            .map(|c| predictions.column(c).as_primitive::<Float64Type>().value(row))
            .collect();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let top = ["left", "right", "upper"].iter().position(|c| *c == class.value(row));
        assert!(p.iter().all(|&other| other <= p[top.expect("a class")]));
    }
    assert!(accuracy(&predictions, &test) > 0.8);
}

#[test]
fn the_out_of_bag_score_is_near_that_of_unseen_rows() {
    let (train, test) = (stars(3000, 1), stars(3000, 2));
    let model = model(&train, 60);
    let score = |params: &str, data: &RecordBatch| {
        let outputs = harness(params, data, model.clone()).run().expect("classifies");
        accuracy(&outputs.table("predictions"), data)
    };
    let (seen, out_of_bag) = (score("{}", &train), score(r#"{"out-of-bag": true}"#, &train));
    let unseen = score("{}", &test);
    // One tenth of the labels is wrong; 0.007 is a standard error of either score.
    assert!((out_of_bag - unseen).abs() < 0.025, "{out_of_bag} {unseen}");
    assert!(seen > out_of_bag + 0.03, "seen rows score too well: {seen}");
}

#[test]
fn rows_in_every_bag_have_no_class() {
    let data = stars(300, 1);
    let outputs = harness(r#"{"out-of-bag": true}"#, &data, model(&data, 1)).run();
    let predictions = outputs.expect("classifies").table("predictions");
    let n_none = predictions.column(1).null_count();
    // One tree draws a row with probability 1 − 1/e.
    assert!((150..230).contains(&n_none), "{n_none}");
    assert!((2..5).all(|column| predictions.column(column).null_count() == n_none));
}

#[test]
fn another_unit_is_refused() {
    let data = stars(50, 1);
    let model = model(&data, 2);
    let mut columns: Vec<(Field, ArrayRef)> = data
        .schema()
        .fields()
        .iter()
        .zip(data.columns())
        .map(|(field, column)| (field.as_ref().clone(), Arc::clone(column)))
        .collect();
    columns[1].0 = columns[1].0.clone().with_unit("nJy");
    let error = harness("{}", &table_of(columns), model).run().err().expect("refused");
    assert!(matches!(error, Error::WrongUnit(_)), "{error}");
}

#[test]
fn a_missing_feature_is_named() {
    let data = stars(50, 1);
    let model = model(&data, 2);
    let error = harness("{}", &data.project(&[0, 1]).expect("columns"), model).run();
    assert_eq!(error.err().expect("refused").to_string(), "input `data` has no column `y`");
}

#[test]
fn what_is_no_forest_is_refused() {
    let data = stars(50, 1);
    let error = harness("{}", &data, data.clone()).run().err().expect("refused").to_string();
    assert!(error.contains("`feature`"), "{error}");
}
