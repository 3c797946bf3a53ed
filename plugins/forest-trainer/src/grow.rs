//! Growing trees: depth first, members partitioned in place.

use std::ops::Range;

use forest_model::bag::{STEP, mix};
use forest_model::codes::MISSING;
use forest_model::{Bagging, Nodes};

use crate::examples::Examples;
use crate::split::{Cut, Member, Offer, Splitter};

/// How trees grow. Breiman 2001, doi:10.1023/A:1010933404324.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// Levels below the root; none grows until leaves are pure.
    pub max_depth: Option<u32>,
    /// Training rows on each side of a split, draws not counted; at least 1.
    pub min_samples_leaf: u32,
    /// Features drawn at a node; more only if all of them are constant there.
    pub max_features: usize,
    /// Buckets into which a node's range of values is cut to look for splits; at least 2.
    pub bins: u16,
    /// The weight of each class, applied to impurities and probabilities alike.
    pub class_weights: Vec<f64>,
    /// Draws rows and features.
    pub seed: u64,
}

/// The nodes of these trees, tree by tree, each depth first. Neither the order of the rows
/// nor which trees are grown together changes any of them. A tree that drew no row is left
/// out: tiny samples only.
///
/// # Panics
/// If `growth` has not one class weight for each class.
#[must_use]
pub fn grow(examples: &Examples, growth: &Growth, trees: Range<u32>) -> Nodes {
    assert_eq!(growth.class_weights.len(), examples.n_classes, "one weight a class");
    let mut grower = Grower {
        examples,
        growth,
        splitter: Splitter::new(growth.bins.max(2), growth.min_samples_leaf, &growth.class_weights),
        order: Vec::new(),
        members: Vec::new(),
        set_aside: Vec::new(),
        nodes: Nodes::default(),
    };
    for tree in trees {
        grower.tree(tree);
    }
    grower.nodes
}

struct Grower<'a> {
    examples: &'a Examples,
    growth: &'a Growth,
    splitter: Splitter,
    /// Features in the order in which a node draws them.
    order: Vec<usize>,
    members: Vec<Member>,
    set_aside: Vec<Member>,
    nodes: Nodes,
}

/// A node yet to be grown.
struct Bud {
    members: Range<usize>,
    depth: u32,
    /// A hash of the path to the node: its random draws depend on nothing else.
    key: u64,
    /// The row of the parent in the table, and whether this is its right child.
    parent: Option<(usize, bool)>,
    /// Summed integer weights of each class.
    counts: Vec<u64>,
}

/// A split that was chosen.
struct Chosen {
    feature: usize,
    cut: Cut,
}

/// What came of a partition.
struct Parted {
    n_left: usize,
    left_counts: Vec<u64>,
    threshold: f64,
}

impl Grower<'_> {
    fn tree(&mut self, tree: u32) {
        self.draw(tree);
        if self.members.is_empty() {
            return;
        }
        let first = self.nodes.len();
        let mut buds = vec![Bud {
            members: 0..self.members.len(),
            depth: 0,
            key: mix(mix(self.growth.seed) ^ u64::from(tree).wrapping_mul(STEP)),
            parent: None,
            counts: self.counts(),
        }];
        while let Some(bud) = buds.pop() {
            let node = self.nodes.len();
            if let Some((parent, is_right)) = bud.parent {
                let child = index32(node - first);
                let side = if is_right { &mut self.nodes.right } else { &mut self.nodes.left };
                side[parent] = child;
            }
            self.push_leaf(tree, node - first, &bud.counts);
            if let Some(chosen) = self.choose(&bud) {
                let parted = self.part(&bud.members, &chosen);
                let middle = bud.members.start + parted.n_left;
                let left_counts = parted.left_counts;
                let right_counts: Vec<u64> =
                    bud.counts.iter().zip(&left_counts).map(|(all, left)| all - left).collect();
                self.nodes.feature[node] = index32(chosen.feature);
                self.nodes.threshold[node] = parted.threshold;
                self.nodes.missing_left[node] = chosen
                    .cut
                    .missing_left
                    .unwrap_or_else(|| self.weigh(&left_counts) >= self.weigh(&right_counts));
                // Pushed last, popped first: left children come right after their parents.
                for (is_right, members, counts) in [
                    (true, middle..bud.members.end, right_counts),
                    (false, bud.members.start..middle, left_counts),
                ] {
                    buds.push(Bud {
                        members,
                        depth: bud.depth + 1,
                        key: mix(bud.key ^ if is_right { STEP } else { STEP.rotate_left(32) }),
                        parent: Some((node, is_right)),
                        counts,
                    });
                }
            }
        }
    }

    /// The rows of a tree's bag.
    fn draw(&mut self, tree: u32) {
        let examples = self.examples;
        let bagging = Bagging { seed: self.growth.seed };
        self.members.clear();
        let rows = (0_u32..).zip(examples.labels.iter().zip(&examples.weights));
        for ((row, (&label, &weight)), &key) in rows.zip(&examples.keys) {
            let weight = weight * bagging.draws(tree, key);
            if weight > 0 {
                self.members.push(Member::new(row, label, weight));
            }
        }
        self.set_aside.resize(self.members.len(), Member::new(0, 0, 0));
    }

    /// Summed integer weights of each class in the whole bag.
    fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.examples.n_classes];
        for member in &self.members {
            counts[member.class()] += u64::from(member.weight());
        }
        counts
    }

    fn weigh(&self, counts: &[u64]) -> f64 {
        let weights = counts.iter().zip(&self.growth.class_weights);
        weights.map(|(&count, weight)| count as f64 * weight).sum()
    }

    fn choose(&mut self, bud: &Bud) -> Option<Chosen> {
        let members = &self.members[bud.members.clone()];
        let is_pure = bud.counts.iter().filter(|&&count| count > 0).count() < 2;
        let is_deep = self.growth.max_depth.is_some_and(|depth| bud.depth >= depth);
        if is_pure || is_deep || members.len() < 2 * self.growth.min_samples_leaf as usize {
            return None;
        }
        self.splitter.enter(&bud.counts);
        let n_features = self.examples.features.len();
        self.order.clear();
        self.order.extend(0..n_features);
        let mut best: Option<Chosen> = None;
        let mut random = bud.key;
        for drawn in 0..n_features {
            if drawn >= self.growth.max_features && best.is_some() {
                break;
            }
            random = random.wrapping_add(STEP);
            self.order.swap(drawn, drawn + below(mix(random), n_features - drawn));
            let feature = self.order[drawn];
            let codes = &self.examples.features[feature].codes;
            if let Offer::Cut(cut) = self.splitter.search(codes, members)
                && best.as_ref().is_none_or(|best| cut.purity > best.cut.purity)
            {
                best = Some(Chosen { feature, cut });
            }
        }
        best
    }

    /// Brings the members that go left before those that go right.
    fn part(&mut self, members: &Range<usize>, chosen: &Chosen) -> Parted {
        let feature = &self.examples.features[chosen.feature];
        let Cut { below, missing_left, .. } = chosen.cut;
        let missing_goes_left = missing_left == Some(true);
        let members = &mut self.members[members.clone()];
        let set_aside = &mut self.set_aside[..members.len()];
        let mut left_counts = vec![0; self.examples.n_classes];
        let (mut n_left, mut n_right) = (0, 0);
        let (mut last_left, mut first_right) = (0, MISSING);
        for at in 0..members.len() {
            let member = members[at];
            let code = feature.codes[member.row as usize];
            // No short circuits: which way a row goes is what no branch predictor knows.
            let is_below = code < below;
            let goes_left = is_below | ((code == MISSING) & missing_goes_left);
            // Both writes are harmless: the next one of that side overwrites a wrong one.
            members[n_left] = member;
            set_aside[n_right] = member;
            n_left += usize::from(goes_left);
            n_right += usize::from(!goes_left);
            left_counts[member.class()] += u64::from(member.weight()) * u64::from(goes_left);
            last_left = last_left.max(if is_below { code } else { 0 });
            first_right = first_right.min(if is_below { MISSING } else { code });
        }
        members[n_left..].copy_from_slice(&set_aside[..n_right]);
        let threshold = if first_right == MISSING {
            f64::INFINITY
        } else {
            feature.threshold(last_left, first_right)
        };
        Parted { n_left, left_counts, threshold }
    }

    fn push_leaf(&mut self, tree: u32, node: usize, counts: &[u64]) {
        let nodes = &mut self.nodes;
        let weights = counts.iter().zip(&self.growth.class_weights);
        let start = nodes.probability.len();
        nodes.probability.extend(weights.map(|(&count, weight)| count as f64 * weight));
        let distribution = &mut nodes.probability[start..];
        let total: f64 = distribution.iter().sum();
        distribution.iter_mut().for_each(|weight| *weight /= total);
        nodes.tree.push(i32::try_from(tree).expect("the table numbers trees as Int32"));
        nodes.node.push(index32(node));
        nodes.feature.push(-1);
        nodes.threshold.push(0.0);
        nodes.left.push(-1);
        nodes.right.push(-1);
        nodes.missing_left.push(false);
        nodes.cover.push(total * self.examples.weight_unit);
    }
}

/// An integer below `n`, of an even 64-bit hash.
fn below(hash: u64, n: usize) -> usize {
    ((u128::from(hash) * n as u128) >> 64) as usize
}

fn index32(index: usize) -> i32 {
    i32::try_from(index).expect("the table numbers nodes as Int32")
}
