//! What a forest must do whatever its bits: learn, not look at the order of rows, send the
//! missing to where they belong, weigh.

use forest_model::bag::mix;
use forest_model::port::Covers;
use forest_model::{Nodes, Part, TreeReader};
use forest_trainer::examples::Examples;
use forest_trainer::grow::{Growth, grow};

/// Rows of a sample: features by column, and labels.
#[derive(Clone)]
struct Sample {
    columns: Vec<Vec<f64>>,
    labels: Vec<u8>,
}

fn noise(row: usize, of: u64) -> f64 {
    (mix((row as u64) << 8 ^ of) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Three features uniform on [0, 1); the label is that of `class`.
fn sample(n_rows: usize, class: impl Fn(usize, [f64; 3]) -> u8) -> Sample {
    let columns: Vec<Vec<f64>> =
        (0..3).map(|of| (0..n_rows).map(|row| noise(row, of)).collect()).collect();
    let values = |row: usize| std::array::from_fn(|of| columns[of][row]);
    let labels = (0..n_rows).map(|row| class(row, values(row))).collect();
    Sample { columns, labels }
}

impl Sample {
    fn rows(&self, rows: impl IntoIterator<Item = usize> + Clone) -> Self {
        let of = |column: &Vec<f64>| rows.clone().into_iter().map(|row| column[row]).collect();
        Self {
            columns: self.columns.iter().map(of).collect(),
            labels: rows.clone().into_iter().map(|row| self.labels[row]).collect(),
        }
    }

    fn examples(&self) -> Examples {
        Examples::new(&self.columns, self.labels.clone(), None, 2).expect("rows to learn from")
    }

    fn row_major(&self) -> Vec<f64> {
        (0..self.labels.len()).flat_map(|row| self.columns.iter().map(move |c| c[row])).collect()
    }
}

fn growth() -> Growth {
    Growth {
        max_depth: None,
        min_samples_leaf: 1,
        max_features: 2,
        bins: 255,
        class_weights: vec![1.0; 2],
        seed: 5,
    }
}

fn predict(nodes: &Nodes, rows: &[f64]) -> Vec<f64> {
    let mut forest = Part::new(3, 2, Covers::Ignored);
    let mut reader = TreeReader::new(3, 2);
    reader.push(nodes, |tree| forest.push(tree, 0)).expect("a forest");
    let n_trees = reader.finish(|tree| forest.push(tree, 0)).expect("a forest") as f64;
    let sums = forest.pack().expect("trees").predict(rows).expect("whole rows");
    sums.into_iter().map(|sum| sum / n_trees).collect()
}

fn accuracy(nodes: &Nodes, sample: &Sample) -> f64 {
    let p = predict(nodes, &sample.row_major());
    let is_right = |(row, label): &(usize, &u8)| (p[2 * row + 1] > 0.5) == (**label == 1);
    let n_right = sample.labels.iter().enumerate().filter(is_right).count();
    n_right as f64 / sample.labels.len() as f64
}

#[test]
fn separable_classes_are_learnt() {
    let whole = sample(4000, |_, [x, y, _]| u8::from(x + y > 1.0));
    let nodes = grow(&whole.rows(0..2000).examples(), &growth(), 0..40);
    assert!(accuracy(&nodes, &whole.rows(2000..4000)) > 0.97);
}

#[test]
fn grown_out_trees_have_pure_leaves_and_consistent_covers() {
    let sample = sample(1000, |row, [x, _, _]| u8::from((x > 0.5) ^ (noise(row, 9) < 0.2)));
    let nodes = grow(&sample.examples(), &growth(), 0..5);
    for node in 0..nodes.len() {
        let [p, q] = [nodes.probability[2 * node], nodes.probability[2 * node + 1]];
        if nodes.feature[node] == -1 {
            assert!(p == 0.0 || q == 0.0, "leaf {node} is {p}, {q}");
            continue;
        }
        let root = (0..=node).rev().find(|&n| nodes.node[n] == 0).expect("a root");
        let child = |side: &[i32]| root + usize::try_from(side[node]).expect("a child");
        let (left, right) = (child(&nodes.left), child(&nodes.right));
        assert_eq!(nodes.cover[node], nodes.cover[left] + nodes.cover[right]);
        let share = nodes.cover[left] / nodes.cover[node];
        let mean =
            share * nodes.probability[2 * left] + (1.0 - share) * nodes.probability[2 * right];
        assert!((mean - p).abs() < 1e-12);
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let mut sample =
        sample(3000, |row, [x, y, _]| u8::from((x * y > 0.25) ^ (noise(row, 9) < 0.1)));
    // Ties, missing values and twins with different labels: what an order could break.
    for row in 0..3000 {
        sample.columns[2][row] = (sample.columns[2][row] * 10.0).floor();
        if noise(row, 11) < 0.1 {
            sample.columns[0][row] = f64::NAN;
        }
    }
    for row in 0..200 {
        for column in &mut sample.columns {
            column[row] = column[row + 200];
        }
    }
    let mut order: Vec<usize> = (0..3000).collect();
    order.sort_by_key(|&row| mix(row as u64 + 77));
    let shuffled = sample.rows(order.clone());
    let weights: Vec<f64> = (0..3000).map(|row| noise(row, 12) * 3.0).collect();
    let shuffled_weights: Vec<f64> = order.iter().map(|&row| weights[row]).collect();
    let weighted = |sample: &Sample, weights: &[f64]| {
        Examples::new(&sample.columns, sample.labels.clone(), Some(weights), 2).expect("rows")
    };
    for (min_samples_leaf, class_weights) in [(1, vec![1.0, 1.0]), (4, vec![0.3, 1.7])] {
        let growth = Growth { min_samples_leaf, class_weights, ..growth() };
        let trees = grow(&sample.examples(), &growth, 0..4);
        assert_eq!(trees, grow(&shuffled.examples(), &growth, 0..4));
        let trees = grow(&weighted(&sample, &weights), &growth, 0..4);
        assert_eq!(trees, grow(&weighted(&shuffled, &shuffled_weights), &growth, 0..4));
    }
}

#[test]
fn trees_do_not_depend_on_those_grown_with_them() {
    let examples = sample(500, |_, [x, y, _]| u8::from(x > y)).examples();
    let together = grow(&examples, &growth(), 0..6);
    let mut apart = Nodes::default();
    for tree in 0..6 {
        let nodes = grow(&examples, &growth(), tree..tree + 1);
        apart.tree.extend(nodes.tree);
        apart.threshold.extend(nodes.threshold);
        apart.probability.extend(nodes.probability);
    }
    assert_eq!(together.tree, apart.tree);
    assert_eq!(together.threshold, apart.threshold);
    assert_eq!(together.probability, apart.probability);
    let other_seed = Growth { seed: 6, ..growth() };
    assert_ne!(together, grow(&examples, &other_seed, 0..6));
}

#[test]
fn missing_values_are_a_hint_where_they_are_one() {
    // Nothing but the absence of x tells the classes apart.
    let mut sample = sample(2000, |row, _| u8::from(noise(row, 9) < 0.3));
    for row in 0..2000 {
        if sample.labels[row] == 1 {
            sample.columns[0][row] = f64::NAN;
        }
    }
    let nodes = grow(&sample.rows(0..1000).examples(), &growth(), 0..20);
    assert!(accuracy(&nodes, &sample.rows(1000..2000)) > 0.995);
}

#[test]
fn missing_values_at_random_cost_little() {
    let whole = sample(6000, |_, [x, y, z]| u8::from(x + y + z > 1.5));
    let mut holed = whole.clone();
    for row in 0..6000 {
        let of = (noise(row, 9) * 15.0) as usize;
        if of < 3 {
            holed.columns[of][row] = f64::NAN;
        }
    }
    let score = |sample: &Sample| {
        let nodes = grow(&sample.rows(0..3000).examples(), &growth(), 0..30);
        accuracy(&nodes, &sample.rows(3000..6000))
    };
    // A fifth of the rows lack one of three addends, and half of those are near a border.
    assert!(score(&whole) > 0.95);
    assert!(score(&holed) > 0.91);
}

#[test]
fn values_missing_only_later_go_with_the_larger_side() {
    let sample = sample(1000, |_, [x, _, _]| u8::from(x > 0.8));
    let nodes = grow(&sample.examples(), &growth(), 0..3);
    for node in (0..nodes.len()).filter(|&node| nodes.feature[node] != -1) {
        let root = (0..=node).rev().find(|&n| nodes.node[n] == 0).expect("a root");
        let cover =
            |side: &[i32]| nodes.cover[root + usize::try_from(side[node]).expect("a child")];
        let (left, right) = (cover(&nodes.left), cover(&nodes.right));
        assert!(left == right || nodes.missing_left[node] == (left > right));
    }
}

#[test]
fn limits_on_depth_and_leaves_hold() {
    let examples =
        sample(2000, |row, [x, _, _]| u8::from((x > 0.5) ^ (noise(row, 9) < 0.3))).examples();
    let shallow = grow(&examples, &Growth { max_depth: Some(3), ..growth() }, 0..3);
    assert!(shallow.node.iter().all(|&node| node < 15));
    let wide = grow(&examples, &Growth { min_samples_leaf: 50, ..growth() }, 0..3);
    // Rows are drawn once or more: a cover is at least the number of rows.
    assert!(wide.cover.iter().all(|&cover| cover >= 50.0));
    assert!(wide.len() > 3 * 3);
}

#[test]
fn weights_count_like_copies() {
    let sample = sample(400, |_, [x, y, _]| u8::from(x > y));
    let weights: Vec<f64> = (0..400).map(|row| f64::from(1 + u8::from(row % 3 == 0))).collect();
    let twice = sample.rows((0..400).chain((0..400).step_by(3)));
    let weighted = Examples::new(&sample.columns, sample.labels.clone(), Some(&weights), 2);
    let (weighted, copied) =
        (grow(&weighted.expect("rows"), &growth(), 0..3), grow(&twice.examples(), &growth(), 0..3));
    // Twins share their draws, so a copy weighs exactly as much as a weight of two.
    assert_eq!(weighted.threshold, copied.threshold);
    for (a, b) in weighted.cover.iter().zip(&copied.cover) {
        assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
    }
}

#[test]
fn a_balanced_forest_finds_more_of_the_rare_class() {
    let whole = sample(8000, |row, [x, _, _]| u8::from(noise(row, 9) < 0.12 * x));
    let (train, test) = (whole.rows(0..4000), whole.rows(4000..8000));
    let n_found = |class_weights: Vec<f64>| {
        let growth = Growth { class_weights, min_samples_leaf: 200, ..growth() };
        let p = predict(&grow(&train.examples(), &growth, 0..30), &test.row_major());
        (0..4000).filter(|&row| test.labels[row] == 1 && p[2 * row + 1] > 0.5).count()
    };
    let balanced = n_found(train.examples().balanced_class_weights());
    assert!(balanced > 100 && n_found(vec![1.0; 2]) < 20, "{balanced}");
}

#[test]
fn coarse_buckets_cost_little() {
    let whole = sample(6000, |_, [x, y, _]| u8::from(x + y > 1.0));
    let score = |bins| {
        let nodes = grow(&whole.rows(0..3000).examples(), &Growth { bins, ..growth() }, 0..30);
        accuracy(&nodes, &whole.rows(3000..6000))
    };
    assert!((score(8) - score(4096)).abs() < 0.02);
}
