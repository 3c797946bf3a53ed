//! Rounds of trees: each round fits one tree a class to what the rounds before left over.
//!
//! With p the softmax of a row's margins, y 1 for its class and 0 for the others, and w its
//! weight, the loss is −w ln p of its class; its gradient in the margin of class k is
//! `w (pₖ − yₖ)`, and the curvature taken for it `w K/(K − 1) pₖ (1 − pₖ)`: K margins have one
//! degree of freedom too many, and the factor keeps their common steps from being too long.
//! Friedman 2001, doi:10.1214/aos/1013203451, algorithm 6. Leaf-wise growth over histograms is
//! that of LightGBM: Ke et al. 2017, NeurIPS 30.
//!
//! What keeps rare classes from blowing up: leaves need a least curvature, steps are
//! regularised and bounded, and a class without rows has half a row's share and no trees.
//!
//! Nothing here depends on the order of the rows: sums are over integers, rows are drawn by a
//! hash of their features.

use forest_model::bag::{STEP, mix};
use forest_model::boosted::softmax;

use crate::bins::BinnedFeature;
use crate::examples::{Examples, WEIGHT_BITS};
use crate::grow::{Grower, Grown, Limits};
use crate::histogram::{ROW_SHIFT, Sums, of_row};
use crate::split::Rule;

/// How trees are boosted.
#[derive(Debug, Clone, PartialEq)]
pub struct Boosting {
    /// Trees a class, at most.
    pub rounds: u32,
    /// The share of each step that is taken.
    pub learning_rate: f64,
    /// Leaves of a tree, at most.
    pub num_leaves: u32,
    /// Levels below the root, at most.
    pub max_depth: Option<u32>,
    /// Rows that a leaf has at least.
    pub min_data_in_leaf: u32,
    /// Summed curvature that a leaf has at least, a row weighing 1 on average.
    pub min_sum_hessian: f64,
    /// λ: what is added to the curvature of a leaf.
    pub lambda_l2: f64,
    /// The largest step of a leaf before the learning rate, in nats.
    pub max_step: f64,
    /// Bins a feature, at most; from 2.
    pub bins: u8,
    /// The share of the rows that a round learns from.
    pub row_fraction: f64,
    /// The share of the features that a tree may test.
    pub feature_fraction: f64,
    /// Rounds without a better score of the validation rows after which to stop.
    pub patience: u32,
    /// Draws rows and features.
    pub seed: u64,
}

/// A tree of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassTree {
    /// 0 for the trees of one leaf that say how frequent classes are, then 1, 2, …
    pub round: u32,
    pub class: usize,
    /// Children after parents.
    pub nodes: Vec<ModelNode>,
}

/// A node as the model has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelNode {
    /// The test, unless it is a leaf.
    pub test: Option<ModelTest>,
    /// What the node adds to the margin of rows that stay here.
    pub value: f64,
    /// Summed weights of the rows that reached it, a row weighing 1 on average.
    pub cover: f64,
}

/// Which way rows go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelTest {
    pub feature: usize,
    /// The largest value that goes left.
    pub threshold: f64,
    pub missing_left: bool,
    /// The left child's place in the tree; the right one comes next.
    pub left: usize,
}

/// What came of boosting.
#[derive(Debug, Clone, PartialEq)]
pub struct Boosted {
    /// In the order of rounds, then classes.
    pub trees: Vec<ClassTree>,
    /// The rounds that were kept.
    pub rounds: u32,
    /// The mean log-loss of the validation rows after those, if there are any.
    pub validation_loss: Option<f64>,
}

/// Boosts trees on the rows for which `is_validation` is false; the others only say when to
/// stop. Calls `progress` with the number of rounds done.
///
/// # Panics
/// If there is not one flag for each row.
#[must_use]
pub fn boost(
    examples: &Examples,
    is_validation: &[bool],
    boosting: &Boosting,
    mut progress: impl FnMut(u32),
) -> Boosted {
    assert_eq!(is_validation.len(), examples.n_rows(), "one flag a row");
    let mut booster = Booster::new(examples, is_validation, boosting);
    let mut trees = booster.first_trees();
    let mut best = Best { round: 0, loss: booster.validation_loss(), n_trees: trees.len() };
    let classes = booster.learnable_classes();
    for round in 1..=boosting.rounds {
        let grown = if classes.len() > 1 { booster.round(round, &classes) } else { Vec::new() };
        if grown.is_empty() {
            break;
        }
        trees.extend(grown);
        let loss = booster.validation_loss();
        let is_better = match (loss, best.loss) {
            (Some(loss), Some(best)) => loss < best,
            _ => true,
        };
        if is_better {
            best = Best { round, loss, n_trees: trees.len() };
        } else if round - best.round >= boosting.patience {
            break;
        }
        progress(round);
    }
    trees.truncate(best.n_trees);
    Boosted { trees, rounds: best.round, validation_loss: best.loss }
}

/// The best round so far.
struct Best {
    round: u32,
    loss: Option<f64>,
    n_trees: usize,
}

struct Booster<'a> {
    examples: &'a Examples,
    boosting: &'a Boosting,
    features: Vec<BinnedFeature>,
    learners: Vec<u32>,
    validators: Vec<u32>,
    /// Row-major, one a class.
    margins: Vec<f64>,
    probabilities: Vec<f64>,
    sums_of_rows: Vec<Sums>,
    rule: Rule,
    /// The factor from the weight's fixed point to that of curvatures.
    curvature_scale: f64,
    grower: Grower,
}

impl<'a> Booster<'a> {
    fn new(examples: &'a Examples, is_validation: &[bool], boosting: &'a Boosting) -> Self {
        let rows = (0_u32..).zip(is_validation.iter().zip(&examples.weights));
        let weighing = rows.filter(|(_, (_, weight))| **weight > 0);
        let of = |wanted: bool| {
            let rows = weighing.clone().filter(move |(_, (is, _))| **is == wanted);
            rows.map(|(row, _)| row).collect::<Vec<u32>>()
        };
        let (learners, validators) = (of(false), of(true));
        let bin = |values: &Vec<f64>| BinnedFeature::new(values, &learners, boosting.bins);
        let features: Vec<BinnedFeature> = examples.features.iter().map(bin).collect();
        let total: u64 = learners.iter().map(|&row| weight_of(examples, row)).sum();
        let gradient_unit = learners.len().max(1) as f64 / total.max(1) as f64;
        // Sums of curvatures stay below 2^40; a row's is at most half its weight.
        let n_bits = learners.len().next_power_of_two().trailing_zeros();
        let lost_bits = WEIGHT_BITS.saturating_sub(ROW_SHIFT - n_bits);
        let coarse = f64::from(1_u32 << lost_bits);
        let n_classes = examples.n_classes as f64;
        let curvature_unit = gradient_unit * coarse;
        let rule = Rule {
            gradient_unit,
            curvature_unit,
            lambda: boosting.lambda_l2,
            min_rows: u64::from(boosting.min_data_in_leaf.max(1)),
            min_curvature: (boosting.min_sum_hessian / curvature_unit).ceil() as u64,
        };
        let limits =
            Limits { num_leaves: boosting.num_leaves as usize, max_depth: boosting.max_depth };
        let n_margins = examples.n_rows() * examples.n_classes;
        Self {
            examples,
            boosting,
            features,
            learners,
            validators,
            margins: vec![0.0; n_margins],
            probabilities: vec![0.0; n_margins],
            sums_of_rows: vec![[0; 2]; examples.n_rows()],
            rule,
            curvature_scale: n_classes / (n_classes - 1.0) / coarse,
            grower: Grower::new(limits),
        }
    }

    /// Summed weights of each class among the learners, a row weighing 1 on average.
    fn class_totals(&self) -> Vec<f64> {
        let mut totals = vec![0_u64; self.examples.n_classes];
        for &row in &self.learners {
            totals[self.label(row)] += weight_of(self.examples, row);
        }
        totals.iter().map(|&total| total as f64 * self.rule.gradient_unit).collect()
    }

    fn label(&self, row: u32) -> usize {
        usize::from(self.examples.labels[row as usize])
    }

    /// Classes that a tree can tell from the others.
    fn learnable_classes(&self) -> Vec<usize> {
        let totals = self.class_totals();
        (0..totals.len()).filter(|&class| totals[class] > 0.0).collect()
    }

    /// Trees of one leaf: the logarithms of the classes' shares.
    fn first_trees(&mut self) -> Vec<ClassTree> {
        let totals: Vec<f64> = self.class_totals();
        let shares: Vec<f64> =
            totals.iter().map(|&total| if total > 0.0 { total } else { 0.5 }).collect();
        let all: f64 = shares.iter().sum();
        let cover: f64 = self.learners.len().max(1) as f64;
        let values: Vec<f64> = shares.iter().map(|share| libm::log(share / all)).collect();
        for row in self.margins.chunks_exact_mut(values.len()) {
            row.copy_from_slice(&values);
        }
        let tree = |(class, value)| {
            let nodes = vec![ModelNode { test: None, value, cover }];
            ClassTree { round: 0, class, nodes }
        };
        values.into_iter().enumerate().map(tree).collect()
    }

    /// One tree for each of these classes, without those that found no split.
    fn round(&mut self, round: u32, classes: &[usize]) -> Vec<ClassTree> {
        let n_classes = self.examples.n_classes;
        self.probabilities.copy_from_slice(&self.margins);
        self.probabilities.chunks_exact_mut(n_classes).for_each(softmax);
        let key = mix(mix(self.boosting.seed).wrapping_add(u64::from(round).wrapping_mul(STEP)));
        let (bag, others) = self.draw_rows(key);
        let mut trees = Vec::with_capacity(classes.len());
        for &class in classes {
            self.differentiate(class, &bag);
            let drawn = self.draw_features(mix(key ^ (class as u64 + 1)));
            let grown =
                self.grower.grow(&self.features, &drawn, &bag, &self.sums_of_rows, &self.rule);
            if grown.nodes.len() == 1 {
                continue;
            }
            let step = Step {
                examples: self.examples,
                features: &self.features,
                rule: &self.rule,
                boosting: self.boosting,
            };
            let nodes = step.nodes(&grown);
            let mut margins = Margins { class, n_classes, all: &mut self.margins };
            for &(node, rows) in &grown.leaves {
                rows.iter().for_each(|&row| margins.add(row, nodes[node].value));
            }
            for &row in others.iter().chain(&self.validators) {
                margins.add(row, nodes[grown.leaf_of(row, &self.features)].value);
            }
            trees.push(ClassTree { round, class, nodes });
        }
        trees
    }

    /// The learners that this round learns from, and the others.
    fn draw_rows(&self, key: u64) -> (Vec<u32>, Vec<u32>) {
        if self.boosting.row_fraction >= 1.0 {
            return (self.learners.clone(), Vec::new());
        }
        let is_drawn = |row: &u32| {
            fraction(mix(self.examples.keys[*row as usize] ^ key)) < self.boosting.row_fraction
        };
        self.learners.iter().partition(|row| is_drawn(row))
    }

    /// The features that a tree may test, in their order; at least one.
    fn draw_features(&self, key: u64) -> Vec<usize> {
        let n_features = self.features.len();
        let wanted = (n_features as f64 * self.boosting.feature_fraction).ceil() as usize;
        let mut order: Vec<usize> = (0..n_features).collect();
        if wanted < n_features {
            let place = |of: &usize| mix(key.wrapping_add((*of as u64 + 1).wrapping_mul(STEP)));
            order.sort_by_key(place);
            order.truncate(wanted.max(1));
            order.sort_unstable();
        }
        order
    }

    /// Gradients and curvatures of these rows in the margin of a class.
    fn differentiate(&mut self, class: usize, rows: &[u32]) {
        let n_classes = self.examples.n_classes;
        for &row in rows {
            let at = row as usize;
            let p = self.probabilities[at * n_classes + class];
            let weight = f64::from(self.examples.weights[at]);
            let y = f64::from(u8::from(self.label(row) == class));
            let gradient = (weight * (p - y) + 0.5).floor() as i64;
            let curvature = weight * self.curvature_scale * p * (1.0 - p) + 0.5;
            self.sums_of_rows[at] = of_row(gradient, curvature as u64);
        }
    }

    /// The mean log-loss of the validation rows, in nats; none without any.
    fn validation_loss(&self) -> Option<f64> {
        let n_classes = self.examples.n_classes;
        let mut row_margins = vec![0.0; n_classes];
        let (mut loss, mut weight) = (0_u128, 0_u128);
        for &row in &self.validators {
            let at = row as usize * n_classes;
            row_margins.copy_from_slice(&self.margins[at..at + n_classes]);
            softmax(&mut row_margins);
            let p = row_margins[self.label(row)].max(f64::EPSILON);
            // In fixed point, so that the order of the rows does not matter.
            let of_row = (-libm::log(p) * f64::from(1_u32 << 30)).max(0.0) as u128;
            let weight_of_row = u128::from(self.examples.weights[row as usize]);
            loss += of_row * weight_of_row;
            weight += weight_of_row;
        }
        (weight > 0).then(|| loss as f64 / weight as f64 / f64::from(1_u32 << 30))
    }
}

/// The margins of one class.
struct Margins<'a> {
    class: usize,
    n_classes: usize,
    all: &'a mut [f64],
}

impl Margins<'_> {
    fn add(&mut self, row: u32, value: f64) {
        self.all[row as usize * self.n_classes + self.class] += value;
    }
}

/// From a grown tree to the model's.
struct Step<'a> {
    examples: &'a Examples,
    features: &'a [BinnedFeature],
    rule: &'a Rule,
    boosting: &'a Boosting,
}

impl Step<'_> {
    fn nodes(&self, grown: &Grown) -> Vec<ModelNode> {
        let mut weights = vec![0_u64; grown.nodes.len()];
        for &(node, rows) in &grown.leaves {
            weights[node] = rows.iter().map(|&row| weight_of(self.examples, row)).sum();
        }
        for (node, grown_node) in grown.nodes.iter().enumerate().rev() {
            if let Some(test) = &grown_node.test {
                weights[node] = weights[test.left] + weights[test.left + 1];
            }
        }
        let most = self.boosting.max_step;
        let each = grown.nodes.iter().zip(weights);
        each.map(|(node, weight)| {
            let step = self.rule.step(node.sums).clamp(-most, most);
            let test = node.test.map(|test| ModelTest {
                feature: test.feature,
                threshold: self.features[test.feature].threshold(test.bin),
                missing_left: test.missing_left,
                left: test.left,
            });
            let value = step * self.boosting.learning_rate;
            ModelNode { test, value, cover: weight as f64 * self.rule.gradient_unit }
        })
        .collect()
    }
}

fn weight_of(examples: &Examples, row: u32) -> u64 {
    u64::from(examples.weights[row as usize])
}

/// A uniform number in [0, 1).
pub fn fraction(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
