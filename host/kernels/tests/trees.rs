//! Forests and explanations against LightGBM, scikit-learn and shap.

#[path = "../testing/model.rs"]
mod model;
#[path = "../testing/table.rs"]
mod table;

use std::path::{Path, PathBuf};

use skyloom_kernels::forest::Forest;
use skyloom_kernels::tree_shap::{Explainer, Wanted};
use skyloom_kernels::trees::Trees;

use model::Model;
use table::{lines, number, table};

const CLASSES: [&str; 3] = ["GALAXY", "QSO", "STAR"];

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens/trees").join(file)
}

/// Both are rows of so many values; says how far they are apart.
fn largest_difference(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(got, expected)| (got - expected).abs()).fold(0.0, f64::max)
}

/// What a model says, by the definition: node after node, tree after tree.
fn answer(trees: &Trees, row: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; trees.n_classes()];
    for tree in trees.iter() {
        let mut node = 0;
        while !tree.is_leaf(node) {
            let value = row[tree.nodes.feature[node] as usize];
            let missing_left = value.is_nan() && tree.nodes.missing_left[node];
            let is_left = value <= tree.nodes.threshold[node] || missing_left;
            node = tree.children(node)[usize::from(!is_left)];
        }
        for (sum, value) in sums[tree.class..].iter_mut().zip(tree.values(node)) {
            *sum += value;
        }
    }
    sums.iter_mut().for_each(|sum| *sum /= trees.divisor());
    sums
}

fn check_lightgbm(name: &str) {
    let (rows, n_features) = table(&golden("rows.csv"));
    let model = Model::read(&golden(&format!("{name}_trees.csv")), n_features);
    let forest = Forest::new(&model.trees());
    let margins = forest.predict(&rows, 1).expect("whole rows");
    let (expected, _) = table(&golden(&format!("{name}_margins.csv")));
    assert!(largest_difference(&margins, &expected) < 1e-14, "{name}");
    let walked: Vec<f64> =
        rows.chunks(n_features).flat_map(|row| answer(&model.trees(), row)).collect();
    assert_eq!(margins, walked, "{name}");

    let explainer = Explainer::new(&model.trees()).expect("covers");
    let (base, _) = table(&golden(&format!("{name}_base.csv")));
    assert!(largest_difference(explainer.base(), &base) < 1e-14, "{name}");
    let phi = explainer.explain(&rows, Wanted::EveryClass, 1).expect("whole rows");
    let (expected, _) = table(&golden(&format!("{name}_shap.csv")));
    let largest = largest_difference(&phi, &expected);
    assert!(largest < 1e-13, "{name}: contributions differ by up to {largest}");
    for (line, (phi, margin)) in phi.chunks(n_features).zip(&margins).enumerate() {
        let sum = base[line % 3] + phi.iter().sum::<f64>();
        assert!((sum - margin).abs() < 1e-13, "{name}: {sum} is not {margin}");
    }
}

#[test]
fn small_boosted_trees_agree_with_lightgbm_and_shap() {
    check_lightgbm("small");
}

#[test]
fn large_boosted_trees_agree_with_lightgbm_and_shap() {
    let largest = lines(&golden("large_trees.csv")).iter().filter(|line| line[0] == "0").count();
    assert!(largest > 2 * 64, "large enough to be packed as nodes");
    check_lightgbm("large");
}

/// Random forests of the plugin that explains them: scikit-learn's, explained by shap.
fn check_forest(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/tree-shap/goldens");
    let rows: Vec<f64> = lines(&folder.join("rows.csv"))
        .iter()
        .flat_map(|line| line[2..].iter().map(|value| number(value)).collect::<Vec<_>>())
        .collect();
    let mut nodes = lines(&folder.join(format!("{name}_trees.csv")));
    for line in &mut nodes {
        // The number of each node stands where the class of its tree should, and leaves send
        // missing values nowhere.
        line[1] = "-1".to_owned();
        line[6] = if line[6] == "1" { "1" } else { "0" }.to_owned();
    }
    let model = Model::of_lines(nodes, 6);
    let probabilities = Forest::new(&model.trees()).predict(&rows, 2).expect("whole rows");
    let walked: Vec<f64> = rows.chunks(6).flat_map(|row| answer(&model.trees(), row)).collect();
    assert_eq!(probabilities, walked, "{name}");
    for (got, line) in probabilities.chunks(3).zip(lines(&folder.join(format!("{name}_proba.csv"))))
    {
        for (got, expected) in got.iter().zip(&line[1..]) {
            assert!((got - number(expected)).abs() < 1e-14, "{name}: {got} is not {expected}");
        }
    }
    let explainer = Explainer::new(&model.trees()).expect("covers");
    let phi = explainer.explain(&rows, Wanted::EveryClass, 1).expect("whole rows");
    // A line for each row, class and feature, in this order.
    let expected = lines(&folder.join(format!("{name}_shap.csv")));
    assert_eq!(phi.len(), expected.len());
    for (at, (got, line)) in phi.iter().zip(expected).enumerate() {
        assert_eq!(line[1], CLASSES[at / 6 % 3]);
        let close = (got - number(&line[3])).abs() < 1e-12;
        assert!(close, "{name}, {line:?}: {got}");
    }
}

#[test]
fn shallow_forests_agree_with_scikit_learn_and_shap() {
    check_forest("shallow");
}

#[test]
fn deep_forests_agree_with_scikit_learn_and_shap() {
    check_forest("deep");
}
