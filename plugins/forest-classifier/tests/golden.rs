//! Against scikit-learn's probabilities of its own forests: see goldens/README.md.

use std::path::Path;
use std::sync::Arc;

use forest_classifier::ForestClassifier;
use forest_model::table::Feature;
use forest_model::{ModelSchema, Nodes};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use skyloom_plugin_testing::{Harness, table, table_of};

const FEATURES: [&str; 6] = ["u", "g", "r", "i", "z", "g_minus_r"];

/// The lines of a golden file below its header, cut at commas.
fn lines(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tree-shap/goldens").join(file);
    let text = std::fs::read_to_string(path).expect("a golden file");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(field: &str) -> Option<f64> {
    (!field.is_empty()).then(|| field.parse().expect("a number"))
}

fn model(name: &str) -> RecordBatch {
    let mut nodes = Nodes::default();
    let integer = |field: &str| field.parse::<i32>().expect("an integer");
    for line in lines(&format!("{name}_trees.csv")) {
        nodes.tree.push(integer(&line[0]));
        nodes.node.push(integer(&line[1]));
        nodes.feature.push(integer(&line[2]));
        nodes.threshold.push(if line[2] == "-1" { 0.0 } else { number(&line[3]).expect("given") });
        nodes.left.push(integer(&line[4]));
        nodes.right.push(integer(&line[5]));
        nodes.missing_left.push(line[6] == "1");
        nodes.cover.push(number(&line[7]).expect("given"));
        nodes.probability.extend(line[8..11].iter().map(|p| number(p).expect("given")));
    }
    let feature = |name: &&str| Feature { name: (*name).to_owned(), unit: None };
    let schema = ModelSchema {
        features: FEATURES.iter().map(feature).collect(),
        classes: ["GALAXY", "QSO", "STAR"].map(str::to_owned).to_vec(),
        bagging: None,
    };
    table_of(schema.fields().into_iter().zip(schema.columns(nodes)))
}

fn data() -> RecordBatch {
    let rows = lines("rows.csv");
    let ids: StringArray = rows.iter().map(|line| Some(line[0].as_str())).collect();
    let feature = |(place, name): (usize, &&'static str)| {
        let values: Float64Array = rows.iter().map(|line| number(&line[place + 2])).collect();
        (*name, Arc::new(values) as ArrayRef)
    };
    let id = ("row", Arc::new(ids) as ArrayRef);
    table(std::iter::once(id).chain(FEATURES.iter().enumerate().map(feature)))
}

fn check(name: &str) {
    let harness = Harness::<ForestClassifier>::new(r#"{"key": "row"}"#);
    let harness = harness.table("data", data()).table("model", model(name));
    let predictions = harness.run().expect("classifies").table("predictions");
    for (row, line) in lines(&format!("{name}_proba.csv")).iter().enumerate() {
        for (place, expected) in line[1..].iter().enumerate() {
            let ours = predictions.column(place + 2).as_primitive::<Float64Type>().value(row);
            let difference = (ours - number(expected).expect("given")).abs();
            assert!(difference < 1e-14, "{name}, row {row}: {ours}, not {expected}");
        }
    }
}

#[test]
fn shallow_trees_agree_with_scikit_learn() {
    check("shallow");
}

#[test]
fn deep_trees_agree_with_scikit_learn() {
    check("deep");
}

#[test]
fn a_model_without_bags_has_no_out_of_bag_rows() {
    let harness = Harness::<ForestClassifier>::new(r#"{"key": "row", "out-of-bag": true}"#);
    let harness = harness.table("data", data()).table("model", model("shallow"));
    let error = harness.bind().err().expect("refused").to_string();
    assert!(error.contains("out-of-bag"), "{error}");
}
