//! Against shap's own values of scikit-learn's forests: see goldens/README.md.

use std::path::Path;
use std::sync::Arc;

use forest_model::table::Feature;
use forest_model::{ModelSchema, Nodes};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use skyloom_plugin_testing::{Harness, table, table_of};
use tree_shap::TreeShap;

const CLASSES: [&str; 3] = ["GALAXY", "QSO", "STAR"];
const FEATURES: [&str; 6] = ["u", "g", "r", "i", "z", "g_minus_r"];

/// The lines of a golden file below its header, cut at commas.
fn lines(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(file);
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
        classes: CLASSES.map(str::to_owned).to_vec(),
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

/// For each row and class, its line of the output.
struct Explained(RecordBatch);

impl Explained {
    fn of(name: &str) -> Self {
        let harness = Harness::<TreeShap>::new(r#"{"key": "row", "classes": "all"}"#);
        let harness = harness.table("data", data()).table("model", model(name));
        Self(harness.run().expect("explains").table("attributions"))
    }

    fn number(&self, column: &str, row: usize, class: usize) -> f64 {
        let column = self.0.column_by_name(column).expect("a column");
        column.as_primitive::<Float64Type>().value(3 * row + class)
    }
}

fn check(name: &str) {
    let explained = Explained::of(name);
    let place = |class: &str| CLASSES.iter().position(|known| *known == class).expect("a class");
    let given = |field: &str| number(field).expect("given");
    let mut largest: f64 = 0.0;
    for line in lines(&format!("{name}_shap.csv")) {
        let row = line[0].parse().expect("a row");
        let ours = explained.number(&format!("phi_{}", line[2]), row, place(&line[1]));
        largest = largest.max((ours - given(&line[3])).abs());
    }
    assert!(largest < 1e-12, "{name}: Shapley values differ by up to {largest}");
    for line in lines(&format!("{name}_expected_value.csv")) {
        let base = explained.number("base", 0, place(&line[0]));
        assert!((base - given(&line[1])).abs() < 1e-14);
    }
    for (row, line) in lines(&format!("{name}_proba.csv")).iter().enumerate() {
        for class in 0..3 {
            let expected = given(&line[class + 1]);
            let margin = explained.number("margin", row, class);
            assert!((margin - expected).abs() < 1e-14, "{name} row {row}");
            let phi = FEATURES.map(|name| explained.number(&format!("phi_{name}"), row, class));
            let sum = explained.number("base", row, class) + phi.iter().sum::<f64>();
            assert!((sum - expected).abs() < 1e-13, "{name} row {row}");
        }
    }
}

#[test]
fn shallow_trees_agree_with_shap() {
    check("shallow");
}

#[test]
fn deep_trees_agree_with_shap() {
    check("deep");
}
