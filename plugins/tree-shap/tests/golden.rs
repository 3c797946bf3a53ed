//! Against shap's own values, and against the definition.

use std::path::Path;

use forest_model::{Nodes, PackedForest, TreeReader};
use tree_shap::shapley::{Attributions, PathTree, Rows};

const CLASSES: [&str; 3] = ["GALAXY", "QSO", "STAR"];
const FEATURES: [&str; 6] = ["u", "g", "r", "i", "z", "g_minus_r"];

/// The lines of a golden file below its header, cut at commas.
fn lines(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(file);
    let text = std::fs::read_to_string(path).expect("a golden file");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(field: &str) -> f64 {
    if field.is_empty() { f64::NAN } else { field.parse().expect("a number") }
}

fn forest(name: &str) -> Nodes {
    let mut nodes = Nodes::default();
    let integer = |field: &str| field.parse::<i32>().expect("an integer");
    for line in lines(&format!("{name}_trees.csv")) {
        nodes.tree.push(integer(&line[0]));
        nodes.node.push(integer(&line[1]));
        nodes.feature.push(integer(&line[2]));
        nodes.threshold.push(if line[2] == "-1" { 0.0 } else { number(&line[3]) });
        nodes.left.push(integer(&line[4]));
        nodes.right.push(integer(&line[5]));
        nodes.missing_left.push(line[6] == "1");
        nodes.cover.push(number(&line[7]));
        nodes.probability.extend(line[8..11].iter().map(|p| number(p)));
    }
    nodes
}

fn rows() -> Vec<[f64; 6]> {
    lines("rows.csv").iter().map(|line| std::array::from_fn(|f| number(&line[f + 2]))).collect()
}

/// Shapley values, rows × classes × features; expectations; probabilities.
fn explain(nodes: &Nodes, rows: &[[f64; 6]]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let every_class = (0..rows.len() * 3).map(|line| line % 3).collect();
    let to_explain = Rows::new(rows.as_flattened(), 6, every_class);
    let mut attributions = Attributions::zeros(&to_explain);
    let mut base = vec![0.0; 3];
    let mut packed = PackedForest::new(6, 3);
    let mut n_trees = 0.0;
    let mut reader = TreeReader::new(6, 3);
    let mut each = |tree: forest_model::Tree| {
        let path = PathTree::new(tree, 6, 3).expect("shallow enough");
        path.explain(&to_explain, &mut attributions);
        (0..3).for_each(|class| base[class] += path.expectation(class));
        packed.push(tree);
        n_trees += 1.0;
    };
    reader.push(nodes, &mut each).expect("a forest");
    reader.finish(&mut each).expect("a forest");
    attributions.divide(n_trees);
    base.iter_mut().for_each(|base| *base /= n_trees);
    (attributions.lines().flatten().copied().collect(), base, packed.predict(rows.as_flattened()))
}

fn check(name: &str) {
    let rows = rows();
    let (phi, base, margin) = explain(&forest(name), &rows);
    let place = |of: &[&str], what: &str| of.iter().position(|x| *x == what).expect("known");
    let mut largest: f64 = 0.0;
    for line in lines(&format!("{name}_shap.csv")) {
        let row: usize = line[0].parse().expect("a row");
        let (class, feature) = (place(&CLASSES, &line[1]), place(&FEATURES, &line[2]));
        let ours = phi[row * 18 + class * 6 + feature];
        largest = largest.max((ours - number(&line[3])).abs());
    }
    assert!(largest < 1e-12, "{name}: Shapley values differ by up to {largest}");
    for line in lines(&format!("{name}_expected_value.csv")) {
        assert!((base[place(&CLASSES, &line[0])] - number(&line[1])).abs() < 1e-14);
    }
    for (row, line) in lines(&format!("{name}_proba.csv")).iter().enumerate() {
        for class in 0..3 {
            let expected = number(&line[class + 1]);
            assert!((margin[row * 3 + class] - expected).abs() < 1e-14, "{name} row {row}");
            let sum: f64 = phi[row * 18 + class * 6..][..6].iter().sum();
            assert!((base[class] + sum - expected).abs() < 1e-13, "{name} row {row}");
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
