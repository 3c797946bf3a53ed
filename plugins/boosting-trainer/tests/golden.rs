//! Against trees that LightGBM boosted on the same bins: see goldens/README.md.

use std::path::Path;

use boosting_trainer::boost::{Boosted, Boosting, ClassTree, boost};
use boosting_trainer::examples::Examples;
use forest_model::boosted::softmax;

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

fn columns() -> Vec<Vec<f64>> {
    let rows = lines("rows.csv");
    (0..4).map(|of| rows.iter().map(|row| number(&row[of])).collect()).collect()
}

fn examples() -> Examples {
    let label = |row: &Vec<String>| {
        let class = CLASSES.iter().position(|class| *class == row[4]).expect("a known class");
        u8::try_from(class).expect("three classes")
    };
    let labels = lines("rows.csv").iter().map(label).collect();
    Examples::new(columns(), labels, None, 3).expect("rows")
}

fn boosting() -> Boosting {
    Boosting {
        rounds: 4,
        learning_rate: 0.1,
        num_leaves: 8,
        max_depth: None,
        min_data_in_leaf: 1,
        min_sum_hessian: 5.0,
        lambda_l2: 1.0,
        max_step: 1e3,
        bins: 255,
        row_fraction: 1.0,
        feature_fraction: 1.0,
        patience: 1,
        seed: 1,
    }
}

fn grown(examples: &Examples, boosting: &Boosting) -> Boosted {
    boost(examples, &vec![false; examples.n_rows()], boosting, |_| ())
}

fn check(name: &str, examples: &Examples, boosting: &Boosting) {
    let ours = grown(examples, boosting);
    let theirs = lines(&format!("{name}_trees.csv"));
    let theirs: Vec<_> = theirs.chunk_by(|a, b| a[..2] == b[..2]).collect();
    let ours: Vec<_> = ours.trees.iter().filter(|tree| tree.round > 0).collect();
    assert_eq!(ours.len(), theirs.len(), "{name}: number of trees");
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        assert_eq!(ours.round.to_string(), theirs[0][0]);
        assert_eq!(ours.class.to_string(), theirs[0][1]);
        assert_eq!(ours.nodes.len(), theirs.len(), "{name}, round {}: nodes", ours.round);
        let columns = columns();
        let rows = (0..columns[0].len()).collect();
        let pair = Pair { name, ours, theirs, columns: &columns };
        pair.check(0, 0, rows);
    }
}

/// Our tree and theirs.
struct Pair<'a> {
    name: &'a str,
    ours: &'a ClassTree,
    theirs: &'a [Vec<String>],
    columns: &'a [Vec<f64>],
}

impl Pair<'_> {
    /// Their nodes are numbered in another order: both are walked down together, with the rows.
    fn check(&self, at: usize, their_at: usize, rows: Vec<usize>) {
        let (node, line) = (&self.ours.nodes[at], &self.theirs[their_at]);
        let (round, class) = (self.ours.round, self.ours.class);
        let place = format!("{}, round {round}, class {class}, node {at}", self.name);
        assert_eq!(rows.len().to_string(), line[6], "{place}: rows");
        let Some(test) = node.test else {
            assert_eq!(line[3], "-1", "{place}: a leaf");
            let value = number(&line[7]);
            assert!((node.value - value).abs() < 1e-6, "{place}: {} {value}", node.value);
            return;
        };
        assert_eq!(test.feature.to_string(), line[3], "{place}: feature");
        let value = |row: &usize| self.columns[test.feature][*row];
        let part = |threshold: f64, missing_left: bool| -> (Vec<usize>, Vec<usize>) {
            let goes_left =
                |row: &usize| value(row) <= threshold || value(row).is_nan() && missing_left;
            rows.iter().partition(|row| goes_left(row))
        };
        let (left, right) = part(test.threshold, test.missing_left);
        let (their_left, their_right) = part(number(&line[4]), line[5] == "1");
        let child = |field: &str| field.parse().expect("a node");
        let (mut of_left, mut of_right) = (child(&line[8]), child(&line[9]));
        // "Missing or not" is one split, whichever side the missing are sent to.
        if left == their_right {
            std::mem::swap(&mut of_left, &mut of_right);
        } else {
            assert_eq!(left, their_left, "{place}: {test:?}, theirs {line:?}");
        }
        self.check(test.left, of_left, left);
        self.check(test.left + 1, of_right, right);
    }
}

#[test]
fn trees_are_those_of_lightgbm() {
    check("plain", &examples(), &boosting());
}

#[test]
fn class_weights_are_those_of_lightgbm() {
    check("weighted", &examples().weigh(&[1.0, 2.5, 0.5]), &boosting());
}

#[test]
fn limits_are_those_of_lightgbm() {
    let boosting = Boosting {
        num_leaves: 31,
        max_depth: Some(4),
        min_sum_hessian: 2.5,
        lambda_l2: 0.0,
        learning_rate: 0.3,
        ..boosting()
    };
    check("coarse", &examples(), &boosting);
}

#[test]
fn probabilities_after_thirty_rounds_are_those_of_lightgbm() {
    let boosted = grown(&examples(), &Boosting { rounds: 30, ..boosting() });
    let columns = columns();
    for (row, line) in lines("probabilities.csv").iter().enumerate() {
        let mut margins = [0.0; 3];
        for tree in &boosted.trees {
            let mut at = 0;
            while let Some(test) = tree.nodes[at].test {
                let value = columns[test.feature][row];
                let goes_left = value <= test.threshold || value.is_nan() && test.missing_left;
                at = test.left + usize::from(!goes_left);
            }
            margins[tree.class] += tree.nodes[at].value;
        }
        softmax(&mut margins);
        for (ours, theirs) in margins.iter().zip(line) {
            assert!((ours - number(theirs)).abs() < 1e-5, "row {row}: {ours} {theirs}");
        }
    }
}
