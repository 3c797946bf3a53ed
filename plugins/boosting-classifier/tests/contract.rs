//! The classifier on models that the trainer boosted: what it declares, predicts and refuses.

use std::sync::Arc;

use boosting_classifier::BoostingClassifier;
use boosting_trainer::BoostingTrainer;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{Float64Type, Int32Type};
use skyloom_plugin::arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray,
};
use skyloom_plugin::arrow_schema::{DataType, Field};
use skyloom_plugin::bind::FieldExt;
use skyloom_plugin::error::Error;
use skyloom_plugin_testing::{Harness, table_of};

/// Three classes in the plane, with a tenth of the labels wrong and some values missing. Rows
/// come in pairs of one host.
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
    let hosts = (0..n_rows).map(|row| (row / 2) as i64);
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
        (
            Field::new("host", DataType::Int64, true),
            Arc::new(Int64Array::from_iter_values(hosts)) as ArrayRef,
        ),
    ])
}

fn model(data: &RecordBatch, more: &str) -> RecordBatch {
    let params = format!(
        r#"{{"label": "type", "features": ["x", "y"], "rounds": 25, "seed": 3,
             "min-data-in-leaf": 5{more}}}"#
    );
    let outputs = Harness::<BoostingTrainer>::new(params).table("data", data.clone()).run();
    outputs.expect("the trainer learns").table("model")
}

fn harness(params: &str, data: &RecordBatch, model: RecordBatch) -> Harness<BoostingClassifier> {
    Harness::new(params).table("data", data.clone()).table("model", model)
}

fn predictions(params: &str, data: &RecordBatch, model: RecordBatch) -> RecordBatch {
    harness(params, data, model).run().expect("classifies").table("predictions")
}

fn error(params: &str, data: &RecordBatch, model: RecordBatch) -> String {
    harness(params, data, model).run().err().expect("refused").to_string()
}

fn accuracy(predictions: &RecordBatch, data: &RecordBatch) -> f64 {
    let truth = data.column_by_name("type").expect("labels").as_string::<i32>();
    let class = predictions.column_by_name("class").expect("classes").as_string::<i32>();
    let is_right = |row: &usize| class.value(*row) == truth.value(*row);
    (0..class.len()).filter(is_right).count() as f64 / class.len() as f64
}

fn replaced(data: &RecordBatch, column: usize, field: Field, array: ArrayRef) -> RecordBatch {
    let schema = data.schema();
    let columns = schema.fields().iter().zip(data.columns()).enumerate();
    let columns: Vec<(Field, ArrayRef)> = columns
        .map(|(at, (old, values))| match at == column {
            true => (field.clone(), Arc::clone(&array)),
            false => (old.as_ref().clone(), Arc::clone(values)),
        })
        .collect();
    table_of(columns)
}

#[test]
fn declares_what_it_reads() {
    let data = stars(90, 1);
    harness("{}", &data, model(&data, "")).prove();
    harness("{}", &data, model(&data, r#", "folds": 3"#)).prove();
    let both = model(&data, r#", "folds": 2, "fold-by": "host", "final-model": true"#);
    harness("{}", &data, both).prove();
}

#[test]
fn probabilities_are_a_distribution_and_the_class_its_top() {
    let (train, test) = (stars(500, 1), stars(200, 2));
    let predictions = predictions("{}", &test, model(&train, ""));
    let schema = predictions.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
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
fn the_score_out_of_fold_is_near_that_of_unseen_rows() {
    let (train, test) = (stars(3000, 1), stars(3000, 2));
    let model = model(&train, r#", "folds": 5, "final-model": true, "num-leaves": 63"#);
    let score = |params: &str, data: &RecordBatch| {
        accuracy(&predictions(params, data, model.clone()), data)
    };
    let out_of_fold = score("{}", &train);
    let (seen, unseen) =
        (score(r#"{"model": "final"}"#, &train), score(r#"{"model": "final"}"#, &test));
    // One tenth of the labels is wrong; 0.007 is a standard error of either score.
    assert!((out_of_fold - unseen).abs() < 0.025, "{out_of_fold} {unseen}");
    assert!(seen > out_of_fold + 0.02, "seen rows score too well: {seen}");
}

#[test]
fn each_row_is_answered_by_the_model_of_its_fold() {
    let data = stars(200, 1);
    let by_host = r#", "folds": 4, "fold-by": "host""#;
    let answers = predictions("{}", &data, model(&data, by_host));
    let folds = answers.column_by_name("fold").expect("folds").as_primitive::<Int32Type>();
    let mut seen = [0; 4];
    for (row, &fold) in folds.values().iter().enumerate() {
        assert_eq!(fold, folds.value(row / 2 * 2), "hosts do not straddle");
        seen[usize::try_from(fold).expect("a fold")] += 1;
    }
    assert!(seen.iter().all(|&rows| rows > 10), "{seen:?}");
    // Without the rows of fold 2 at training, the model that answers them is the same.
    let of_two: Vec<bool> = folds.values().iter().map(|&fold| fold == 2).collect();
    let others: Vec<RecordBatch> =
        (0..200).filter(|&row| !of_two[row]).map(|row| data.slice(row, 1)).collect();
    let schema = data.schema();
    let columns = schema.fields().iter().enumerate().map(|(column, field)| {
        let parts: Vec<ArrayRef> = others.iter().map(|row| row.column(column).clone()).collect();
        (field.as_ref().clone(), concat(&parts))
    });
    let without = table_of(columns.collect::<Vec<_>>());
    let again = predictions("{}", &data, model(&without, by_host));
    let p = |table: &RecordBatch, row: usize| {
        table.column_by_name("p_left").expect("p").as_primitive::<Float64Type>().value(row)
    };
    let moved = (0..200).filter(|&row| p(&answers, row) != p(&again, row));
    let moved: Vec<usize> = moved.collect();
    assert!(moved.iter().all(|&row| !of_two[row]) && moved.len() > 50);
}

/// Rows one after another, of the types that [`stars`] has.
fn concat(rows: &[ArrayRef]) -> ArrayRef {
    match rows[0].data_type() {
        DataType::Utf8 => {
            let values = rows.iter().flat_map(|row| row.as_string::<i32>().iter());
            Arc::new(values.collect::<StringArray>())
        }
        DataType::Int64 => {
            let of = |row: &ArrayRef| {
                row.as_primitive::<skyloom_plugin::arrow_array::types::Int64Type>().value(0)
            };
            Arc::new(Int64Array::from_iter_values(rows.iter().map(of)))
        }
        _ => {
            let values = rows.iter().flat_map(|row| row.as_primitive::<Float64Type>().iter());
            Arc::new(values.collect::<Float64Array>())
        }
    }
}

#[test]
fn folds_are_hard_to_misuse() {
    let data = stars(120, 1);
    let in_folds = model(&data, r#", "folds": 3, "fold-by": "host""#);
    let message = error(r#"{"model": "final"}"#, &data, in_folds.clone());
    assert!(message.contains("`final-model: true`"), "{message}");
    let without = data.project(&[0, 1, 2, 3]).expect("columns");
    let message = error("{}", &without, in_folds.clone());
    assert!(message.contains("3 folds by column `host`, which input `data` lacks"), "{message}");
    let hosts: StringArray = (0..120).map(|row| Some((row / 2).to_string())).collect();
    let text = Field::new("host", DataType::Utf8, true);
    let message = error("{}", &replaced(&data, 4, text, Arc::new(hosts)), in_folds.clone());
    assert!(message.contains("which held integers; on input `data` it is text"), "{message}");
    // Another width of integer is the same integer.
    let narrow = skyloom_plugin::arrow_array::Int32Array::from_iter_values((0..120).map(|r| r / 2));
    let field = Field::new("host", DataType::Int32, true);
    let narrow = replaced(&data, 4, field, Arc::new(narrow));
    assert_eq!(predictions("{}", &data, in_folds.clone()), predictions("{}", &narrow, in_folds));
}

#[test]
fn another_unit_is_refused() {
    let data = stars(50, 1);
    let field = data.schema().field(1).clone().with_unit("nJy");
    let other = replaced(&data, 1, field, Arc::clone(data.column(1)));
    let error = harness("{}", &other, model(&data, "")).run().err().expect("refused");
    assert!(matches!(error, Error::WrongUnit(_)), "{error}");
}

#[test]
fn a_missing_feature_is_named() {
    let data = stars(50, 1);
    let message = error("{}", &data.project(&[0, 1]).expect("columns"), model(&data, ""));
    assert_eq!(message, "input `data` has no column `y`");
}

#[test]
fn what_is_no_model_is_refused() {
    let data = stars(50, 1);
    let message = error("{}", &data, data.clone());
    assert!(message.contains("`value`") && message.contains("boosting-trainer"), "{message}");
    let no_trees = model(&data, "").slice(0, 0);
    assert!(error("{}", &data, no_trees).contains("empty"));
    // The first trees of each class are there, or none: three rows are three trees.
    let two_classes = model(&data, "").slice(0, 2);
    assert!(error("{}", &data, two_classes).contains("no trees for all rows"));
}
