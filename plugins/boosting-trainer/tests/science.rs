//! What boosting must do whatever its bits: learn, not look at the order of rows, stop in time,
//! stay finite where classes are rare.

use boosting_trainer::boost::{Boosted, Boosting, boost};
use boosting_trainer::examples::Examples;
use forest_model::bag::mix;
use forest_model::boosted::softmax;

/// Rows of a sample: features by column, and labels.
#[derive(Clone)]
struct Sample {
    columns: Vec<Vec<f64>>,
    labels: Vec<u8>,
    n_classes: usize,
}

fn noise(row: usize, of: u64) -> f64 {
    (mix((row as u64) << 8 ^ of) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Three features uniform on [0, 1); the label is that of `class`.
fn sample(n_rows: usize, n_classes: usize, class: impl Fn(usize, [f64; 3]) -> u8) -> Sample {
    let columns: Vec<Vec<f64>> =
        (0..3).map(|of| (0..n_rows).map(|row| noise(row, of)).collect()).collect();
    let values = |row: usize| std::array::from_fn(|of| columns[of][row]);
    let labels = (0..n_rows).map(|row| class(row, values(row))).collect();
    Sample { columns, labels, n_classes }
}

impl Sample {
    fn rows(&self, rows: impl IntoIterator<Item = usize> + Clone) -> Self {
        let of = |column: &Vec<f64>| rows.clone().into_iter().map(|row| column[row]).collect();
        Self {
            columns: self.columns.iter().map(of).collect(),
            labels: rows.clone().into_iter().map(|row| self.labels[row]).collect(),
            n_classes: self.n_classes,
        }
    }

    fn examples(&self) -> Examples {
        Examples::new(self.columns.clone(), self.labels.clone(), None, self.n_classes)
            .expect("rows to learn from")
    }
}

fn boosting() -> Boosting {
    Boosting {
        rounds: 40,
        learning_rate: 0.1,
        num_leaves: 15,
        max_depth: None,
        min_data_in_leaf: 20,
        min_sum_hessian: 1e-3,
        lambda_l2: 1.0,
        max_step: 10.0,
        bins: 255,
        row_fraction: 1.0,
        feature_fraction: 1.0,
        patience: 10,
        seed: 5,
    }
}

fn grown(sample: &Sample, boosting: &Boosting) -> Boosted {
    boost(&sample.examples(), &vec![false; sample.labels.len()], boosting, |_| ())
}

fn probabilities(boosted: &Boosted, sample: &Sample, row: usize) -> Vec<f64> {
    let mut margins = vec![0.0; sample.n_classes];
    for tree in &boosted.trees {
        let mut at = 0;
        while let Some(test) = tree.nodes[at].test {
            let value = sample.columns[test.feature][row];
            let goes_left = value <= test.threshold || value.is_nan() && test.missing_left;
            at = test.left + usize::from(!goes_left);
        }
        margins[tree.class] += tree.nodes[at].value;
    }
    softmax(&mut margins);
    margins
}

fn log_loss(boosted: &Boosted, sample: &Sample) -> f64 {
    let loss = |row: usize| {
        -probabilities(boosted, sample, row)[usize::from(sample.labels[row])].max(1e-15).ln()
    };
    (0..sample.labels.len()).map(loss).sum::<f64>() / sample.labels.len() as f64
}

fn accuracy(boosted: &Boosted, sample: &Sample) -> f64 {
    let is_right = |row: &usize| {
        let p = probabilities(boosted, sample, *row);
        let own = p[usize::from(sample.labels[*row])];
        p.iter().all(|&other| other <= own)
    };
    (0..sample.labels.len()).filter(is_right).count() as f64 / sample.labels.len() as f64
}

/// Crooked borders, a tenth of the labels wrong, ties, missing values and twins.
fn messy(n_rows: usize) -> Sample {
    let mut sample = sample(n_rows, 3, |row, [x, y, _]| match noise(row, 9) {
        wrong if wrong < 0.1 => 2,
        _ => u8::from(x * y > 0.25),
    });
    for row in 0..n_rows {
        sample.columns[2][row] = (sample.columns[2][row] * 10.0).floor();
        if noise(row, 11) < 0.1 {
            sample.columns[0][row] = f64::NAN;
        }
    }
    for row in 0..n_rows / 20 {
        for column in &mut sample.columns {
            column[row] = column[row + n_rows / 20];
        }
    }
    sample
}

#[test]
fn crooked_borders_are_learnt() {
    let whole = sample(6000, 3, |_, [x, y, z]| match x + y {
        low if low < 0.8 => 0,
        high if high > 1.2 => 1,
        _ => u8::from(z > 0.5) * 2,
    });
    let boosted = grown(&whole.rows(0..3000), &boosting());
    let score = accuracy(&boosted, &whole.rows(3000..6000));
    assert!(score > 0.95, "{score}");
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let sample = messy(3000);
    let mut order: Vec<usize> = (0..3000).collect();
    order.sort_by_key(|&row| mix(row as u64 + 77));
    let shuffled = sample.rows(order.clone());
    let weights: Vec<f64> = (0..3000).map(|row| noise(row, 12) * 3.0).collect();
    let shuffled_weights: Vec<f64> = order.iter().map(|&row| weights[row]).collect();
    let is_validation: Vec<bool> = (0..3000).map(|row| noise(row, 13) < 0.2).collect();
    let shuffled_validation: Vec<bool> = order.iter().map(|&row| is_validation[row]).collect();
    let boosting = Boosting { rounds: 10, row_fraction: 0.7, feature_fraction: 0.7, ..boosting() };
    let of = |sample: &Sample, weights: &[f64], is_validation: &[bool]| {
        let columns = sample.columns.clone();
        let examples = Examples::new(columns, sample.labels.clone(), Some(weights), 3);
        let examples = examples.expect("rows");
        let balanced = examples.balanced_class_weights();
        boost(&examples.weigh(&balanced), is_validation, &boosting, |_| ())
    };
    let straight = of(&sample, &weights, &is_validation);
    assert_eq!(straight.rounds, 10);
    assert_eq!(straight, of(&shuffled, &shuffled_weights, &shuffled_validation));
}

#[test]
fn leaves_hold_and_covers_add_up() {
    let sample = messy(2000);
    let boosting = Boosting { rounds: 5, max_depth: Some(3), min_data_in_leaf: 40, ..boosting() };
    let boosted = grown(&sample, &boosting);
    for tree in boosted.trees.iter().filter(|tree| tree.round > 0) {
        let n_leaves = tree.nodes.iter().filter(|node| node.test.is_none()).count();
        assert!((2..=8).contains(&n_leaves));
        assert_eq!(tree.nodes[0].cover, 2000.0);
        for (at, node) in tree.nodes.iter().enumerate() {
            assert!(node.cover >= 40.0 && node.value.abs() <= 1.0);
            if let Some(test) = node.test {
                assert!(test.left > at && test.left + 1 < tree.nodes.len());
                let children = tree.nodes[test.left].cover + tree.nodes[test.left + 1].cover;
                assert_eq!(node.cover, children);
            }
        }
    }
}

#[test]
fn held_out_rows_say_when_to_stop() {
    // Half of the labels are noise: what is learnt in many rounds is not worth knowing.
    let sample = sample(3000, 2, |row, [x, _, _]| {
        if noise(row, 9) < 0.5 { u8::from(noise(row, 10) < 0.5) } else { u8::from(x > 0.5) }
    });
    let (train, test) = (sample.rows(0..1500), sample.rows(1500..3000));
    let is_validation: Vec<bool> = (0..1500).map(|row| row % 4 == 0).collect();
    let boosting = Boosting { rounds: 400, ..boosting() };
    let stopped = boost(&train.examples(), &is_validation, &boosting, |_| ());
    assert!((2..100).contains(&stopped.rounds), "{}", stopped.rounds);
    assert!(stopped.trees.iter().all(|tree| tree.round <= stopped.rounds));
    let validation: Vec<usize> = (0..1500).filter(|row| row % 4 == 0).collect();
    let loss = log_loss(&stopped, &train.rows(validation));
    assert!((loss - stopped.validation_loss.expect("a loss")).abs() < 1e-6);
    let (stopped, on) = (log_loss(&stopped, &test), log_loss(&grown(&train, &boosting), &test));
    assert!(stopped < 0.62 && stopped < on - 0.05, "{stopped} {on}");
}

#[test]
fn rare_classes_stay_finite() {
    // Thirteen classes of which some have a handful of rows, hard to tell, heavily weighed.
    let class = |row: usize, [x, _, _]: [f64; 3]| match noise(row, 9) {
        rare if rare < 0.02 => 2 + (rare * 550.0) as u8,
        _ => u8::from(x > 0.5),
    };
    let whole = sample(6000, 13, class);
    let (train, test) = (whole.rows(0..3000), whole.rows(3000..6000));
    for min_data_in_leaf in [1, 20] {
        for lambda_l2 in [0.0, 1.0] {
            let boosting = Boosting { rounds: 150, min_data_in_leaf, lambda_l2, ..boosting() };
            for weighed in [false, true] {
                let examples = train.examples();
                let weights =
                    if weighed { examples.balanced_class_weights() } else { vec![1.0; 13] };
                let examples = examples.weigh(&weights);
                let boosted = boost(&examples, &vec![false; 3000], &boosting, |_| ());
                let values = boosted.trees.iter().flat_map(|tree| &tree.nodes);
                assert!(values.clone().all(|node| node.value.is_finite()));
                let (loss, score) = (log_loss(&boosted, &test), accuracy(&boosted, &test));
                assert!(loss < 1.0 && score > 0.85, "{loss} {score}");
            }
        }
    }
}

#[test]
fn missing_values_are_a_hint_where_they_are_one() {
    // Nothing but the absence of x tells the classes apart.
    let mut whole = sample(2000, 2, |row, _| u8::from(noise(row, 9) < 0.3));
    for row in 0..2000 {
        if whole.labels[row] == 1 {
            whole.columns[0][row] = f64::NAN;
        }
    }
    let boosted = grown(&whole.rows(0..1000), &boosting());
    assert!(accuracy(&boosted, &whole.rows(1000..2000)) > 0.995);
}

#[test]
fn weights_count_like_copies() {
    let sample = messy(800);
    let weights: Vec<f64> = (0..800).map(|row| f64::from(1 + u8::from(row % 3 == 0))).collect();
    let twice = sample.rows((0..800).chain((0..800).step_by(3)));
    let weighted = Examples::new(sample.columns.clone(), sample.labels, Some(&weights), 3);
    let boosting =
        Boosting { rounds: 3, min_data_in_leaf: 1, bins: 255, min_sum_hessian: 20.0, ..boosting() };
    let scale = weights.iter().sum::<f64>() / 800.0;
    let light = Boosting {
        lambda_l2: boosting.lambda_l2 / scale,
        min_sum_hessian: boosting.min_sum_hessian / scale,
        ..boosting.clone()
    };
    let weighted = boost(&weighted.expect("rows"), &[false; 800], &light, |_| ());
    let copied = grown(&twice, &boosting);
    // Bins are quantiles of rows, not of weights: only what is rounded to them may differ.
    let losses = [log_loss(&weighted, &twice), log_loss(&copied, &twice)];
    assert!((losses[0] / losses[1] - 1.0).abs() < 0.01, "{losses:?}");
}

#[test]
fn one_class_or_none_to_tell_apart_is_no_matter() {
    let one = sample(100, 1, |_, _| 0);
    assert_eq!(grown(&one, &boosting()).trees.len(), 1);
    let lonely = sample(100, 3, |_, _| 1);
    let boosted = grown(&lonely, &boosting());
    assert_eq!((boosted.trees.len(), boosted.rounds), (3, 0));
    let p = probabilities(&boosted, &lonely, 0);
    assert!((p[1] - 100.0 / 101.0).abs() < 1e-12, "{p:?}");
}

#[test]
fn drawing_rows_and_features_changes_trees_by_the_seed_alone() {
    let sample = messy(2000);
    for drawn in [
        Boosting { row_fraction: 0.5, rounds: 3, ..boosting() },
        Boosting { feature_fraction: 0.34, rounds: 3, ..boosting() },
    ] {
        let other_seed = Boosting { seed: 6, ..drawn.clone() };
        assert_eq!(grown(&sample, &drawn), grown(&sample, &drawn));
        assert_ne!(grown(&sample, &drawn), grown(&sample, &other_seed));
    }
    let one_feature = Boosting { feature_fraction: 0.34, rounds: 3, ..boosting() };
    // A third of three, rounded up, is two.
    for tree in grown(&sample, &one_feature).trees {
        let mut tested: Vec<usize> =
            tree.nodes.iter().filter_map(|node| Some(node.test?.feature)).collect();
        tested.sort_unstable();
        tested.dedup();
        assert!(tested.len() <= 2);
    }
}
