//! The trainer's declaration, and what it says of inputs it cannot learn from.

use std::sync::Arc;

use forest_model::{ModelSchema, Nodes};
use forest_trainer::ForestTrainer;
use skyloom_plugin::arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use skyloom_plugin::arrow_schema::{DataType, Field};
use skyloom_plugin::bind::{FieldExt, Purpose};
use skyloom_plugin_testing::{Harness, table_of};

/// Two classes whose border is crooked, one row without a label.
fn stars() -> RecordBatch {
    let n_rows = 80_usize;
    let noise = |row: usize, of: u64| {
        let hash = forest_model::bag::mix((row as u64) << 8 ^ of);
        (hash >> 11) as f64 / (1_u64 << 53) as f64
    };
    let column = |of: u64| -> Float64Array {
        (0..n_rows).map(|row| Some(noise(row, of)).filter(|x| *x > 0.05)).collect()
    };
    let class = |row: usize| {
        let (x, y) = (noise(row, 1), noise(row, 2));
        if row == 7 {
            None
        } else if x + 0.4 * y > 0.6 {
            Some("RRAB")
        } else {
            Some("CEP_F")
        }
    };
    let names = ["CEP_F", "RRAB"].map(str::to_owned);
    table_of([
        (
            Field::new("id", DataType::Int64, false).with_ucd("meta.id;meta.main"),
            Arc::new(Int64Array::from_iter_values(0..80)) as ArrayRef,
        ),
        (
            Field::new("x", DataType::Float64, true).with_unit("mag"),
            Arc::new(column(1)) as ArrayRef,
        ),
        (Field::new("y", DataType::Float64, true), Arc::new(column(2)) as ArrayRef),
        (
            Field::new("w", DataType::Float64, true),
            Arc::new((0..n_rows).map(|row| Some(noise(row, 3))).collect::<Float64Array>())
                as ArrayRef,
        ),
        (
            Field::new("type", DataType::Utf8, true).with_categories(&names),
            Arc::new((0..n_rows).map(class).collect::<StringArray>()) as ArrayRef,
        ),
    ])
}

fn harness(params: &str) -> Harness<ForestTrainer> {
    Harness::new(params).table("data", stars())
}

fn error(params: &str) -> String {
    harness(params).run().err().expect("refused").to_string()
}

fn nodes(params: &str) -> (ModelSchema, Nodes) {
    let model = harness(params).run().expect("learns").table("model");
    let schema = ModelSchema::from_fields(model.schema().fields()).expect("a model");
    let nodes = schema.nodes(model.columns()).expect("its nodes");
    (schema, nodes)
}

#[test]
fn declares_what_it_reads() {
    harness(r#"{"label": "type", "weight": "w", "trees": 4, "trees-per-shard": 3}"#).prove();
    harness(r#"{"label": "type", "features": ["y", "x"], "trees": 3}"#).prove();
}

#[test]
fn learns_from_all_numbers_but_identifiers_and_the_weight() {
    let (schema, _) = nodes(r#"{"label": "type", "weight": "w", "trees": 1}"#);
    let names: Vec<_> = schema.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["x", "y"]);
    assert_eq!(schema.features[0].unit.as_deref(), Some("mag"));
    assert_eq!(schema.classes, ["CEP_F", "RRAB"]);
    let bound = harness(r#"{"label": "type", "weight": "w"}"#).bind().expect("binds");
    let purposes: Vec<_> = bound.reads.iter().map(|read| (read.column, read.purpose)).collect();
    let expected =
        [(4, Purpose::Label), (3, Purpose::Weight), (1, Purpose::Feature), (2, Purpose::Feature)];
    assert_eq!(purposes, expected);
    assert_eq!(bound.pieces, 12);
}

#[test]
fn how_the_work_is_cut_does_not_matter() {
    let whole = nodes(r#"{"label": "type", "trees": 7}"#);
    let cut = nodes(r#"{"label": "type", "trees": 7, "trees-per-shard": 2}"#);
    assert_eq!(whole, cut);
}

#[test]
fn unlabelled_rows_are_skipped_and_counted_once() {
    let params = r#"{"label": "type", "trees": 4, "trees-per-shard": 1}"#;
    let outputs = harness(params).run().expect("learns");
    assert_eq!(outputs.warnings, ["1 rows have no label in `type`: skipped"]);
}

#[test]
fn classes_without_rows_are_told() {
    let params = r#"{"label": "type", "trees": 1, "classes": ["DSCT", "CEP_F", "RRAB"]}"#;
    let outputs = harness(params).run().expect("learns");
    assert!(outputs.warnings[1].contains("class DSCT"), "{:?}", outputs.warnings);
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let check = |params: &str, expected: &str| {
        let error = error(params);
        assert!(error.contains(expected), "{error}");
    };
    check(r#"{"label": "kind"}"#, "no column `kind`");
    check(r#"{"label": "x"}"#, "should be text");
    check(r#"{"label": "type", "features": ["id", "type"]}"#, "should be a number");
    check(r#"{"label": "type", "features": ["x", "x"]}"#, "`x` stands twice");
    check(r#"{"label": "type", "features": []}"#, "at least one");
    check(r#"{"label": "type", "classes": ["RRAB"]}"#, "says `CEP_F`");
    check(r#"{"label": "type", "classes": ["RRAB", "RRAB"]}"#, "stands twice");
    check(r#"{"label": "type", "class-weights": {"rrab": 2}}"#, "the classes are CEP_F, RRAB");
    check(r#"{"label": "type", "class-weights": {"RRAB": 0}}"#, "above 0");
    check(r#"{"label": "type", "weight": "y"}"#, "is not a finite number from 0 up");
}

#[test]
fn a_label_without_categories_needs_classes() {
    let stars = stars();
    let mut columns: Vec<(Field, ArrayRef)> = stars
        .schema()
        .fields()
        .iter()
        .zip(stars.columns())
        .map(|(field, column)| (field.as_ref().clone(), Arc::clone(column)))
        .collect();
    columns[4].0 = Field::new("type", DataType::Utf8, true);
    let harness =
        |params| Harness::<ForestTrainer>::new(params).table("data", table_of(columns.clone()));
    let error = harness(r#"{"label": "type"}"#).bind().err().expect("refused").to_string();
    assert!(error.contains("list the classes here"), "{error}");
    harness(r#"{"label": "type", "classes": ["RRAB", "CEP_F"], "trees": 1}"#)
        .run()
        .expect("learns");
}

#[test]
fn class_weights_move_the_probabilities() {
    let root = |params: &str| nodes(params).1.probability[0];
    let plain = root(r#"{"label": "type", "trees": 1}"#);
    let none = root(r#"{"label": "type", "trees": 1, "class-weights": "none"}"#);
    let heavy = root(r#"{"label": "type", "trees": 1, "class-weights": {"CEP_F": 9}}"#);
    let balanced = root(r#"{"label": "type", "trees": 1, "class-weights": "balanced"}"#);
    assert_eq!(plain, none);
    assert!((heavy / (1.0 - heavy) / (plain / (1.0 - plain)) - 9.0).abs() < 1e-9);
    assert!((balanced - 0.5).abs() < 0.15 && balanced != plain, "{balanced}");
}
