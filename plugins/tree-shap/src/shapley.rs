//! Shapley values of a tree, path-dependent, exact, for many rows at once.
//!
//! **What is computed.** A tree's value for a set S of known features is its expectation
//! when a test on a feature outside S sends the row down both sides, in proportion to their
//! covers (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9, algorithm 1). The Shapley
//! value φⱼ is the mean gain from learning feature j over all orders of learning features.
//!
//! **How.** Take a leaf with value v. Let its side of the tests on feature k have the share
//! `zₖ` of the cover (the product over the tests on the path), and let `oₖ` be 1 if the row
//! itself passes all of these tests and 0 otherwise. If each feature is known independently
//! with probability t, the leaf is worth `v · Πₖ (oₖ t + zₖ (1 − t))`: the multilinear
//! extension of the game, and Owen (1972, doi:10.1287/mnsc.18.5.64) shows that
//!
//! ```text
//! φⱼ = v (oⱼ − zⱼ) ∫₀¹ Π_{k≠j} (oₖ t + zₖ (1 − t)) dt.
//! ```
//!
//! The integrand is a polynomial of a degree below the number d of features on the path, so
//! Gauss–Legendre quadrature on ⌈d/2⌉ points is no approximation. All factors are between 0
//! and 1: nothing cancels, unlike in recurrences that add and take away features one by one.
//!
//! **What is shared.** A row enters this only through the set of features it has failed. So
//! rows walk down the tree in groups that failed the same ones, and what a leaf contributes
//! is computed once a group: about d²/2 steps a group, and d a row. (Yang 2021,
//! arXiv:2109.09847, tabulates all sets; here only those that occur are met.)
//!
//! **What is skipped.** Where the row has failed a test on k, further tests on k do not
//! matter: `oₖ` stays 0 and shares multiply. So for a group that failed all features which
//! a subtree tests, the subtree acts as one leaf with its expectation. In deep trees that
//! is most of them.
//!
//! The values of a row do not depend on the other rows, to the last bit.

use std::ops::Range;

use forest_model::Tree;
use forest_model::tree::Step;
use thiserror::Error;

use crate::quadrature::gauss_legendre;

/// Deeper trees are refused, for the sake of a guest's stack. Forests of a million rows reach
/// 60 or so.
pub const MAX_DEPTH: usize = 500;
/// The most features on one path: a set of them is one 64-bit word.
pub const MAX_ON_PATH: usize = 64;
/// Points of the quadrature in one pass; longer rules take several.
const POINTS_AT_ONCE: usize = 16;
/// Contributions of a row are padded to a multiple of this, so that adding them needs no
/// scalar rest.
const PAD: usize = 4;

/// A tree that cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExplainError {
    /// Beyond [`MAX_DEPTH`].
    #[error("tree {tree} is deeper than {MAX_DEPTH} levels; set `max-depth` where it is trained")]
    TooDeep { tree: i32 },
    /// Beyond [`MAX_ON_PATH`].
    #[error(
        "tree {tree} tests more than {MAX_ON_PATH} different features on one path; set \
         `max-depth` to {MAX_ON_PATH} where it is trained"
    )]
    TooMany { tree: i32 },
}

/// Rows to explain, and the classes whose probability to explain for each of them.
#[derive(Debug, Clone)]
pub struct Rows {
    n_features: usize,
    /// Feature by feature, NaN for missing.
    columns: Vec<Vec<f64>>,
    /// `n_per_row` classes for each row.
    classes: Vec<usize>,
    n_per_row: usize,
}

impl Rows {
    /// Rows from row-major features, with the same number of classes for each.
    ///
    /// # Panics
    /// If these are not whole rows, or not as many classes for each.
    #[must_use]
    pub fn new(features: &[f64], n_features: usize, classes: Vec<usize>) -> Self {
        assert!(features.len().is_multiple_of(n_features), "whole rows");
        let n_rows = features.len() / n_features;
        let n_per_row = classes.len().checked_div(n_rows).unwrap_or(1);
        assert_eq!(classes.len(), n_rows * n_per_row, "as many classes for each row");
        let column = |of: usize| features.iter().skip(of).step_by(n_features).copied().collect();
        Self { n_features, columns: (0..n_features).map(column).collect(), classes, n_per_row }
    }

    fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }
}

/// Shapley values: for each row, each of its classes and each feature, summed over trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributions {
    n_features: usize,
    stride: usize,
    padded: Vec<f64>,
}

impl Attributions {
    /// Zeros for these rows.
    #[must_use]
    pub fn zeros(rows: &Rows) -> Self {
        let stride = rows.n_features.next_multiple_of(PAD);
        let padded = vec![0.0; rows.classes.len() * stride];
        Self { n_features: rows.n_features, stride, padded }
    }

    /// The values of each line, one a feature; a line is a row and one of its classes.
    pub fn lines(&self) -> impl Iterator<Item = &[f64]> {
        self.padded.chunks_exact(self.stride).map(|line| &line[..self.n_features])
    }

    /// Divides all by a number of trees.
    pub fn divide(&mut self, n_trees: f64) {
        self.padded.iter_mut().for_each(|value| *value /= n_trees);
    }

    /// Adds `value · contribution` to a line.
    fn add(&mut self, line: usize, value: f64, contribution: &[f64]) {
        let line = &mut self.padded[line * self.stride..(line + 1) * self.stride];
        for (sum, c) in line.iter_mut().zip(contribution) {
            *sum += value * c;
        }
    }
}

/// A tree prepared for explanations.
#[derive(Debug, Clone)]
pub struct PathTree {
    n_features: usize,
    n_classes: usize,
    nodes: Vec<PathNode>,
    /// Node-major: the expectation of each class at each node, from its leaves' values and
    /// the covers on the way to them.
    values: Vec<f64>,
    /// Node-major, [`Self::n_words`] a node: one bit for each feature tested there or below.
    tested: Vec<u64>,
    /// Points t of the quadrature and their weights; as many as the longest path needs.
    rule: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct PathNode {
    threshold: f64,
    /// The share of its parent's cover that came here.
    share: f64,
    feature: u32,
    left: u32,
    right: u32,
    missing_left: bool,
}

impl PathTree {
    /// Prepares a tree of a forest with so many features and classes.
    ///
    /// # Errors
    /// [`ExplainError`]
    pub fn new(tree: Tree, n_features: usize, n_classes: usize) -> Result<Self, ExplainError> {
        let mut path = Self {
            n_features,
            n_classes,
            nodes: vec![PathNode::default(); tree.n_nodes()],
            values: vec![0.0; tree.n_nodes() * n_classes],
            tested: vec![0; tree.n_nodes() * n_features.div_ceil(64)],
            rule: Vec::new(),
        };
        let most_distinct = path.descend(tree)?;
        path.ascend(tree);
        path.rule = gauss_legendre(most_distinct.div_ceil(2).max(1));
        Ok(path)
    }

    /// Lays out tests and shares; returns the largest number of features on a path.
    fn descend(&mut self, tree: Tree) -> Result<usize, ExplainError> {
        let n_words = self.n_words();
        // Features on the path to each node, and its depth: parents come first.
        let mut on_path = vec![0_u64; tree.n_nodes() * n_words];
        let mut depth = vec![0_usize; tree.n_nodes()];
        let mut most_distinct = 0;
        for node in 0..tree.n_nodes() {
            let Step::Split(split) = tree.step(node) else {
                continue;
            };
            if depth[node] >= MAX_DEPTH {
                return Err(ExplainError::TooDeep { tree: tree.id() });
            }
            let cover = tree.cover(split.left) + tree.cover(split.right);
            for child in [split.left, split.right] {
                on_path.copy_within(node * n_words..(node + 1) * n_words, child * n_words);
                let words = &mut on_path[child * n_words..(child + 1) * n_words];
                words[split.feature / 64] |= 1 << (split.feature % 64);
                let n_distinct: u32 = words.iter().map(|word| word.count_ones()).sum();
                most_distinct = most_distinct.max(n_distinct as usize);
                depth[child] = depth[node] + 1;
                self.nodes[child].share = tree.cover(child) / cover;
            }
            self.nodes[node] = PathNode {
                threshold: split.threshold,
                feature: index32(split.feature),
                left: index32(split.left),
                right: index32(split.right),
                missing_left: split.missing_left,
                ..self.nodes[node]
            };
        }
        if most_distinct > MAX_ON_PATH {
            return Err(ExplainError::TooMany { tree: tree.id() });
        }
        Ok(most_distinct)
    }

    /// Gathers values and tested features from the leaves.
    fn ascend(&mut self, tree: Tree) {
        let (k, n_words) = (self.n_classes, self.n_words());
        for node in (0..tree.n_nodes()).rev() {
            let Step::Split(split) = tree.step(node) else {
                self.values[node * k..(node + 1) * k].copy_from_slice(tree.probability(node));
                continue;
            };
            let shares = (self.nodes[split.left].share, self.nodes[split.right].share);
            for class in 0..k {
                self.values[node * k + class] = shares.0 * self.values[split.left * k + class]
                    + shares.1 * self.values[split.right * k + class];
            }
            for word in 0..n_words {
                self.tested[node * n_words + word] = self.tested[split.left * n_words + word]
                    | self.tested[split.right * n_words + word];
            }
            self.tested[node * n_words + split.feature / 64] |= 1 << (split.feature % 64);
        }
    }

    /// 64-bit words to hold one bit a feature.
    fn n_words(&self) -> usize {
        self.n_features.div_ceil(64)
    }

    /// What the tree says of a class when no feature is known.
    #[must_use]
    pub fn expectation(&self, class: usize) -> f64 {
        self.values[class]
    }

    /// Adds the Shapley values of all rows and their classes to `attributions`.
    pub fn explain(&self, rows: &Rows, attributions: &mut Attributions) {
        for rule in self.rule.chunks(POINTS_AT_ONCE) {
            match rule.len() {
                0..=2 => Walk::<2>::new(self, rule, rows, attributions).start(),
                3..=4 => Walk::<4>::new(self, rule, rows, attributions).start(),
                5..=6 => Walk::<6>::new(self, rule, rows, attributions).start(),
                7..=8 => Walk::<8>::new(self, rule, rows, attributions).start(),
                _ => Walk::<POINTS_AT_ONCE>::new(self, rule, rows, attributions).start(),
            }
        }
    }
}

/// Points of the quadrature, filled up with points of no weight.
struct Rule<const Q: usize> {
    t: [f64; Q],
    weight: [f64; Q],
}

impl<const Q: usize> Rule<Q> {
    fn of(points: &[(f64, f64)]) -> Self {
        let mut rule = Self { t: [0.5; Q], weight: [0.0; Q] };
        for (i, &(t, weight)) in points.iter().enumerate() {
            (rule.t[i], rule.weight[i]) = (t, weight);
        }
        rule
    }
}

/// A feature on the path at hand. Its place among these is its bit in [`Group::failed`].
#[derive(Clone, Copy)]
struct OnPath<const Q: usize> {
    feature: usize,
    /// z, the product of shares of the tests on it.
    shares: f64,
    /// `t + z (1 − t)`, for rows that passed all tests on it, and its inverse.
    passed: [f64; Q],
    inverse: [f64; Q],
    /// `z (1 − t)`, for rows that failed one.
    failed: [f64; Q],
}

/// Rows that failed the same features of the path at hand.
#[derive(Debug, Clone, Copy)]
struct Group {
    failed: u64,
    /// Where its rows stand in [`Walk::members`]; those before the middle go left in the test
    /// at hand, once they are sorted.
    start: usize,
    middle: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// All rows' way through a tree, for some points of the quadrature. Lists that grow on the
/// way down are cut back on the way up.
struct Walk<'a, const Q: usize> {
    tree: &'a PathTree,
    rule: Rule<Q>,
    rows: &'a Rows,
    attributions: &'a mut Attributions,
    path: Vec<OnPath<Q>>,
    /// Where each feature stands on the path.
    place: Vec<Option<u8>>,
    groups: Vec<Group>,
    members: Vec<u32>,
    contribution: Vec<f64>,
}

impl<'a, const Q: usize> Walk<'a, Q> {
    fn new(
        tree: &'a PathTree,
        rule: &[(f64, f64)],
        rows: &'a Rows,
        attributions: &'a mut Attributions,
    ) -> Self {
        let contribution = vec![0.0; attributions.stride];
        Self {
            tree,
            rule: Rule::of(rule),
            rows,
            attributions,
            path: Vec::new(),
            place: vec![None; tree.n_features],
            groups: Vec::new(),
            members: Vec::new(),
            contribution,
        }
    }

    fn start(&mut self) {
        let n_rows = self.rows.n_rows();
        self.members.extend(0..index32(n_rows));
        self.groups.push(Group { failed: 0, start: 0, middle: 0, end: n_rows });
        self.visit(0, 0);
    }

    /// Takes the groups from `first` on, sorted by what they failed, through the subtree.
    fn visit(&mut self, at: usize, first: usize) {
        let tested = self.tested_on_path(at);
        let mut kept = first;
        for i in first..self.groups.len() {
            let group = self.groups[i];
            if tested.is_some_and(|tested| tested & !group.failed == 0) {
                self.contribute(at, group);
            } else {
                self.groups[kept] = group;
                kept += 1;
            }
        }
        self.groups.truncate(kept);
        if kept == first {
            return;
        }
        let node = self.tree.nodes[at];
        let feature = node.feature as usize;
        let (place, before) = self.enter(feature);
        let n_members = self.members.len();
        for i in first..kept {
            self.groups[i] = self.sort_out(node, self.groups[i], 1 << place);
        }
        for (child, side) in [(node.left, Side::Left), (node.right, Side::Right)] {
            let (n_groups, n_sorted) = (self.groups.len(), self.members.len());
            self.part(side, first..kept, 1 << place);
            if self.groups.len() > n_groups {
                let share = self.tree.nodes[child as usize].share;
                let shares = before.map_or(1.0, |before| before.shares) * share;
                self.path[place] = self.on_path(feature, shares);
                self.visit(child as usize, n_groups);
            }
            self.groups.truncate(n_groups);
            self.members.truncate(n_sorted);
        }
        self.members.truncate(n_members);
        match before {
            Some(before) => self.path[place] = before,
            None => {
                self.path.pop();
                self.place[feature] = None;
            }
        }
    }

    /// The features tested at a node or below, as places on the path; none if some of them
    /// are not on the path yet.
    fn tested_on_path(&self, at: usize) -> Option<u64> {
        let n_words = self.tree.n_words();
        let words = &self.tree.tested[at * n_words..(at + 1) * n_words];
        let mut places = 0;
        for (word, &bits) in words.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                let feature = word * 64 + bits.trailing_zeros() as usize;
                places |= 1 << self.place[feature]?;
                bits &= bits - 1;
            }
        }
        Some(places)
    }

    /// The feature's place on the path, and what stood there; a new place if it has none.
    fn enter(&mut self, feature: usize) -> (usize, Option<OnPath<Q>>) {
        if let Some(place) = self.place[feature] {
            let place = usize::from(place);
            return (place, Some(self.path[place]));
        }
        let place = self.path.len();
        self.path.push(self.on_path(feature, 1.0));
        self.place[feature] = Some(u8::try_from(place).expect("at most MAX_ON_PATH are on a path"));
        (place, None)
    }

    fn on_path(&self, feature: usize, shares: f64) -> OnPath<Q> {
        let passed = self.rule.t.map(|t| t + shares * (1.0 - t));
        OnPath {
            feature,
            shares,
            passed,
            inverse: passed.map(|factor| 1.0 / factor),
            failed: self.rule.t.map(|t| shares * (1.0 - t)),
        }
    }

    /// A group that has not failed on the test's feature yet, sorted by the test.
    fn sort_out(&mut self, node: PathNode, group: Group, bit: u64) -> Group {
        if group.failed & bit != 0 {
            return group;
        }
        let values = &self.rows.columns[node.feature as usize];
        let start = self.members.len();
        let n_rows = group.end - group.start;
        self.members.resize(start + n_rows, 0);
        let (known, sorted) = self.members.split_at_mut(start);
        // From both ends, so that one pass without branches will do.
        let (mut n_left, mut n_right) = (0, 0);
        for &row in &known[group.start..group.end] {
            let value = values[row as usize];
            let goes_left = (value <= node.threshold) | (node.missing_left & value.is_nan());
            let to = if goes_left { n_left } else { n_rows - 1 - n_right };
            sorted[to] = row;
            n_left += usize::from(goes_left);
            n_right += usize::from(!goes_left);
        }
        Group { failed: group.failed, start, middle: start + n_left, end: start + n_rows }
    }

    /// Pushes what these groups become on one side of a test. Rows that the test sends to
    /// the other side join those that had failed on its feature before.
    fn part(&mut self, side: Side, of: Range<usize>, bit: u64) {
        let first = self.groups.len();
        for i in of.clone() {
            let group = self.groups[i];
            let parted = &self.groups[of.clone()];
            let twin = parted.binary_search_by_key(&(group.failed ^ bit), |group| group.failed);
            let twin = twin.ok().map(|twin| parted[twin]);
            if group.failed & bit != 0 {
                // With a twin that had not failed yet, it is that one's turn to join them.
                if twin.is_none() {
                    self.groups.push(group);
                }
                continue;
            }
            let (left, right) = (group.start..group.middle, group.middle..group.end);
            let (passed, failed) = match side {
                Side::Left => (left, right),
                Side::Right => (right, left),
            };
            self.push(group.failed, passed);
            let twin = twin.map_or(0..0, |twin| twin.start..twin.end);
            let joined = if twin.is_empty() {
                failed
            } else if failed.is_empty() {
                twin
            } else {
                let start = self.members.len();
                self.members.extend_from_within(failed);
                self.members.extend_from_within(twin);
                start..self.members.len()
            };
            self.push(group.failed | bit, joined);
        }
        self.groups[first..].sort_unstable_by_key(|group| group.failed);
    }

    fn push(&mut self, failed: u64, Range { start, end }: Range<usize>) {
        if start < end {
            self.groups.push(Group { failed, start, middle: start, end });
        }
    }

    /// Adds what a node, taken as a leaf, contributes to a group's rows.
    fn contribute(&mut self, at: usize, group: Group) {
        let mut product = self.rule.weight;
        for (place, on_path) in self.path.iter().enumerate() {
            let has_failed = group.failed >> place & 1 == 1;
            let factors = if has_failed { &on_path.failed } else { &on_path.passed };
            for (product, factor) in product.iter_mut().zip(factors) {
                *product *= factor;
            }
        }
        // (o − z) / (o t + z (1 − t)) is −1 / (1 − t) for all failed features alike.
        let of_failed: f64 =
            product.iter().zip(self.rule.t).map(|(product, t)| -product / (1.0 - t)).sum();
        self.contribution.fill(0.0);
        for (place, on_path) in self.path.iter().enumerate() {
            let has_failed = group.failed >> place & 1 == 1;
            self.contribution[on_path.feature] = if has_failed {
                of_failed
            } else {
                let sum: f64 = product.iter().zip(&on_path.inverse).map(|(p, i)| p * i).sum();
                (1.0 - on_path.shares) * sum
            };
        }
        let values = &self.tree.values[at * self.tree.n_classes..(at + 1) * self.tree.n_classes];
        for &row in &self.members[group.start..group.end] {
            let first = row as usize * self.rows.n_per_row;
            for line in first..first + self.rows.n_per_row {
                let value = values[self.rows.classes[line]];
                self.attributions.add(line, value, &self.contribution);
            }
        }
    }
}

fn index32(index: usize) -> u32 {
    u32::try_from(index).expect("rows and nodes of a 32-bit guest fit in 32 bits")
}
