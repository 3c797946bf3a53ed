//! Against trees that scikit-learn grew on the same bags: see goldens/README.md.

use std::path::Path;

use forest_model::Nodes;
use forest_trainer::examples::Examples;
use forest_trainer::grow::{Growth, grow};

const CLASSES: [&str; 3] = ["one", "three", "two"];

/// The lines of a golden file below its header, cut at commas.
fn lines(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(file);
    let text = std::fs::read_to_string(path).expect("a golden file");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(field: &str) -> f64 {
    if field.is_empty() { f64::NAN } else { field.parse().expect("a number") }
}

fn examples() -> Examples {
    let rows = lines("rows.csv");
    let column = |of: usize| rows.iter().map(|row| number(&row[of])).collect();
    let features: Vec<Vec<f64>> = (0..4).map(column).collect();
    let label = |row: &Vec<String>| {
        let class = CLASSES.iter().position(|class| *class == row[4]).expect("a known class");
        u8::try_from(class).expect("three classes")
    };
    Examples::new(&features, rows.iter().map(label).collect(), None, 3).expect("rows")
}

fn growth(max_depth: u32, min_samples_leaf: u32, class_weights: Vec<f64>) -> Growth {
    Growth {
        max_depth: Some(max_depth),
        min_samples_leaf,
        max_features: 4,
        // More than a feature has values: nothing is rounded to buckets.
        bins: 1023,
        class_weights,
        seed: 20_260_101,
    }
}

fn check(name: &str, growth: &Growth) {
    let theirs = lines(&format!("{name}_trees.csv"));
    let tree_of = |line: &Vec<String>| line[0].parse::<u32>().expect("a tree");
    for theirs in theirs.chunk_by(|a, b| a[0] == b[0]) {
        let tree = tree_of(&theirs[0]);
        let ours = grow(&examples(), growth, tree..tree + 1);
        assert_eq!(ours.len(), theirs.len(), "{name}, tree {tree}: number of nodes");
        check_tree(name, &ours, theirs);
    }
}

fn check_tree(name: &str, ours: &Nodes, theirs: &[Vec<String>]) {
    for (row, line) in theirs.iter().enumerate() {
        let at = format!("{name}, tree {}, node {}", line[0], line[1]);
        let integers = [ours.tree[row], ours.node[row], ours.feature[row], ours.left[row]];
        for (ours, theirs) in integers.iter().zip([0, 1, 2, 4]) {
            assert_eq!(ours.to_string(), line[theirs], "{at}");
        }
        assert!((ours.cover[row] - number(&line[7])).abs() < 1e-9, "{at}: cover");
        for class in 0..3 {
            let p = ours.probability[row * 3 + class];
            assert!((p - number(&line[8 + class])).abs() < 1e-12, "{at}: probability");
        }
        if ours.feature[row] == -1 {
            continue;
        }
        let (ours_at, theirs_at) = (ours.threshold[row], number(&line[3]));
        assert!(ours_at == theirs_at || (ours_at - theirs_at).abs() < 1e-12, "{at}: {ours_at}");
        if !line[6].is_empty() {
            assert_eq!(ours.missing_left[row], line[6] == "1", "{at}: missing values");
        }
    }
}

#[test]
fn trees_are_those_of_scikit_learn() {
    check("plain", &growth(4, 12, vec![1.0; 3]));
}

#[test]
fn class_weights_are_those_of_scikit_learn() {
    check("weighted", &growth(5, 15, vec![1.0, 2.3, 0.6]));
    let balanced = examples().balanced_class_weights();
    check("balanced", &growth(4, 12, balanced));
}
