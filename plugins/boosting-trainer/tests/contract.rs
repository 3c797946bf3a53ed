//! The trainer's declaration, its folds, and what it says of inputs it cannot learn from.

use std::sync::Arc;

use boosting_trainer::BoostingTrainer;
use forest_model::BoostedSchema;
use forest_model::boosted::BoostedNodes;
use skyloom_plugin::arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use skyloom_plugin::arrow_schema::{DataType, Field};
use skyloom_plugin::bind::{FieldExt, Purpose};
use skyloom_plugin_testing::{Harness, table_of};

/// Two classes whose border is crooked, one row without a label, three rows an object.
fn stars() -> RecordBatch {
    let n_rows = 300_usize;
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
    let host = |row: usize| Some(format!("host {}", row / 3));
    table_of([
        (
            Field::new("id", DataType::Int64, false).with_ucd("meta.id;meta.main"),
            Arc::new(Int64Array::from_iter_values(0..300)) as ArrayRef,
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
        (
            Field::new("host", DataType::Utf8, true),
            Arc::new((0..n_rows).map(host).collect::<StringArray>()) as ArrayRef,
        ),
    ])
}

fn harness(params: &str) -> Harness<BoostingTrainer> {
    Harness::new(params).table("data", stars())
}

fn error(params: &str) -> String {
    harness(params).run().err().expect("refused").to_string()
}

fn nodes(params: &str) -> (BoostedSchema, BoostedNodes) {
    let model = harness(params).run().expect("learns").table("model");
    let schema = BoostedSchema::from_fields(model.schema().fields()).expect("a model");
    let columns = model.columns().to_vec().try_into().expect("as many as there are");
    let nodes = schema.nodes(&columns).expect("its nodes");
    (schema, nodes)
}

#[test]
fn declares_what_it_reads() {
    harness(r#"{"label": "type", "weight": "w", "rounds": 3, "folds": 3, "fold-by": "host"}"#)
        .prove();
    harness(r#"{"label": "type", "features": ["y", "x"], "rounds": 2}"#).prove();
    let stopping = r#"{"label": "type", "rounds": 9, "features": ["y", "x"],
                       "validation-fraction": 0.3, "patience": 1, "class-weights": "balanced"}"#;
    harness(stopping).prove();
}

#[test]
fn learns_from_all_numbers_but_identifiers_the_weight_and_the_folds() {
    let (schema, _) = nodes(r#"{"label": "type", "weight": "w", "rounds": 1}"#);
    let names: Vec<_> = schema.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["x", "y"]);
    assert_eq!(schema.features[0].unit.as_deref(), Some("mag"));
    assert_eq!(schema.classes, ["CEP_F", "RRAB"]);
    assert!(schema.models.folds.is_none() && schema.models.has_final);
    let bound = harness(r#"{"label": "type", "weight": "w", "folds": 4}"#).bind().expect("binds");
    let purposes: Vec<_> = bound.reads.iter().map(|read| (read.column, read.purpose)).collect();
    let expected = [
        (0, Purpose::Key),
        (4, Purpose::Label),
        (3, Purpose::Weight),
        (1, Purpose::Feature),
        (2, Purpose::Feature),
    ];
    assert_eq!(purposes, expected);
    assert_eq!(bound.pieces, 4);
}

#[test]
fn each_fold_has_a_model_and_the_final_one_is_that_without_folds() {
    let folds = r#"{"label": "type", "features": ["x", "y"], "rounds": 3, "folds": 3,
                    "final-model": true}"#;
    let (schema, nodes_of_all) = nodes(folds);
    let stated = schema.models.folds.expect("folds");
    assert_eq!((stated.count, stated.column.as_str(), stated.seed), (3, "id", 0));
    let mut owners: Vec<i32> = nodes_of_all.fold.clone();
    owners.dedup();
    assert_eq!(owners, [0, 1, 2, -1]);
    assert!(nodes_of_all.nodes.tree.is_sorted());
    let (_, alone) = nodes(r#"{"label": "type", "features": ["x", "y"], "rounds": 3}"#);
    let first = nodes_of_all.fold.iter().position(|&fold| fold == -1).expect("a final model");
    assert_eq!(nodes_of_all.nodes.probability[first..], alone.nodes.probability);
    // Three folds that are not empty: no two models are the same.
    let of = |fold: i32| -> Vec<f64> {
        let rows = nodes_of_all.fold.iter().zip(&nodes_of_all.nodes.probability);
        rows.filter(|(f, _)| **f == fold).map(|(_, value)| *value).collect()
    };
    assert!(of(0) != of(1) && of(1) != of(2) && of(2) != of(-1));
}

#[test]
fn a_model_has_not_seen_its_fold() {
    let stars = stars();
    let params = r#"{"label": "type", "features": ["x", "y"], "rounds": 3, "folds": 3,
                     "fold-by": "host"}"#;
    let run = |table: RecordBatch| {
        Harness::<BoostingTrainer>::new(params).table("data", table).run().expect("learns")
    };
    let whole = run(stars.clone());
    let schema = BoostedSchema::from_fields(whole.table("model").schema().fields());
    let folds = schema.expect("a model").models.folds.expect("folds");
    // Change the labels of one object: the model of its fold must not move, all others must.
    let mut columns = stars.columns().to_vec();
    let old = stars.column(4).as_any().downcast_ref::<StringArray>().expect("text").clone();
    let labels: StringArray = old
        .iter()
        .enumerate()
        .map(|(row, old)| match (row, old) {
            (0..3, Some("RRAB")) => Some("CEP_F"),
            (0..3, _) => Some("RRAB"),
            (_, old) => old,
        })
        .collect();
    columns[4] = Arc::new(labels);
    let moved = run(RecordBatch::try_new(stars.schema(), columns).expect("a table"));
    let same: Vec<bool> = whole
        .partitions("model")
        .iter()
        .zip(moved.partitions("model"))
        .map(|(a, b)| a == b)
        .collect();
    assert_eq!(folds.count, 3);
    assert_eq!(same.iter().filter(|same| **same).count(), 1, "{same:?}");
}

#[test]
fn unlabelled_rows_are_skipped_and_counted_once() {
    let params = r#"{"label": "type", "rounds": 1, "folds": 2}"#;
    let outputs = harness(params).run().expect("learns");
    assert_eq!(outputs.warnings, ["1 rows have no label in `type`: skipped"]);
}

#[test]
fn classes_without_rows_are_told_for_each_model() {
    let params = r#"{"label": "type", "rounds": 1, "classes": ["DSCT", "CEP_F", "RRAB"],
                     "folds": 2}"#;
    let outputs = harness(params).run().expect("learns");
    assert!(outputs.warnings[1].contains("for fold 0 has no row of class DSCT"));
    assert!(outputs.warnings[2].contains("for fold 1 has no row of class DSCT"));
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let check = |params: &str, expected: &str| {
        let error = error(params);
        assert!(error.contains(expected), "{error}");
    };
    check(r#"{"label": "kind"}"#, "no column `kind`");
    check(r#"{"label": "x"}"#, "should be text");
    check(r#"{"label": "type", "features": ["x", "x"]}"#, "`x` stands twice");
    check(r#"{"label": "type", "class-weights": {"rrab": 2}}"#, "the classes are CEP_F, RRAB");
    check(r#"{"label": "type", "weight": "y"}"#, "is not a finite number from 0 up");
    check(r#"{"label": "type", "folds": 1}"#, "one fold leaves no row");
    check(r#"{"label": "type", "fold-by": "host"}"#, "there are no folds");
    check(r#"{"label": "type", "folds": 3, "fold-by": "galaxy"}"#, "no column `galaxy`");
    check(r#"{"label": "type", "folds": 3, "fold-by": "x"}"#, "an integer, text or boolean");
    let itself = r#"{"label": "type", "folds": 3, "features": ["id", "x"]}"#;
    check(itself, "`id` decides which fold a row is in");
    check(r#"{"label": "type", "row-fraction": 0}"#, "above 0");
    check(r#"{"label": "type", "learning-rate": 2}"#, "up to 1");
    let classes: Vec<String> = (0..250).map(|class| format!("\"{class}\"")).collect();
    let classes = classes.join(", ");
    let many =
        format!(r#"{{"label": "type", "rounds": 100000, "folds": 100, "classes": [{classes}]}}"#);
    check(&many, "trees are too many");
}

#[test]
fn rows_without_a_group_are_named() {
    let stars = stars();
    let mut columns = stars.columns().to_vec();
    let hosts = columns[5].as_any().downcast_ref::<StringArray>().expect("text");
    let with_gap: StringArray =
        hosts.iter().enumerate().map(|(row, host)| host.filter(|_| row != 11)).collect();
    columns[5] = Arc::new(with_gap);
    let table = RecordBatch::try_new(stars.schema(), columns).expect("a table");
    let params = r#"{"label": "type", "folds": 3, "fold-by": "host", "rounds": 1}"#;
    let harness = Harness::<BoostingTrainer>::new(params).table("data", table).batch_rows(7);
    let error = harness.run().err().expect("refused").to_string();
    assert!(error.contains("row 11 (from 0) has no value in column `host`"), "{error}");
}
