//! One tree, the leaf that gains most first.
//!
//! Leaves keep their histograms until they are split: then only the smaller child's rows are
//! summed, and the larger child's histogram is what is left of the parent's.

use std::ops::Range;

use crate::bins::{BinnedFeature, MISSING};
use crate::histogram::{Histogram, Sums, add, fill, less, n_rows, subtract};
use crate::split::{Cut, Rule};

/// Histograms that are kept at once, in bytes; beyond, leaves are summed anew.
const KEPT_BYTES: usize = 192 << 20;

/// How far a tree grows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) num_leaves: usize,
    pub(crate) max_depth: Option<u32>,
}

/// A node of a grown tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The test, unless it is a leaf.
    pub(crate) test: Option<Test>,
    pub(crate) sums: Sums,
}

/// Which way rows go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Test {
    pub(crate) feature: usize,
    /// Bins up to this one go left.
    pub(crate) bin: u8,
    pub(crate) missing_left: bool,
    /// The left child's place in the tree; the right one comes next.
    pub(crate) left: usize,
}

impl Test {
    /// No bin that goes left is that of missing values: it is above all others.
    fn sends_left(&self, bin: u8) -> bool {
        (bin <= self.bin) | (self.missing_left & (bin == MISSING))
    }
}

/// A tree, and which of its leaves each of its rows has reached.
#[derive(Debug)]
pub(crate) struct Grown<'a> {
    /// Children after parents.
    pub(crate) nodes: Vec<Node>,
    /// Of each leaf, its node and its rows.
    pub(crate) leaves: Vec<(usize, &'a [u32])>,
}

impl Grown<'_> {
    /// The leaf that a row reaches, whether the tree was grown from it or not.
    pub(crate) fn leaf_of(&self, row: u32, features: &[BinnedFeature]) -> usize {
        let mut at = 0;
        while let Some(test) = &self.nodes[at].test {
            let goes_left = test.sends_left(features[test.feature].bins[row as usize]);
            at = test.left + usize::from(!goes_left);
        }
        at
    }
}

/// Grows trees; keeps its buffers from tree to tree.
#[derive(Debug)]
pub(crate) struct Grower {
    limits: Limits,
    /// The tree's rows, those of a leaf side by side.
    rows: Vec<u32>,
    aside: Vec<u32>,
    gathered: Vec<Sums>,
    kept: Vec<Vec<Histogram>>,
    /// Places in `kept` that nobody holds.
    free: Vec<usize>,
    /// For leaves whose histograms are not kept.
    passing: Vec<Histogram>,
}

/// A leaf that may yet be split.
#[derive(Debug)]
struct Leaf {
    node: usize,
    rows: Range<usize>,
    depth: u32,
    /// The place of its histograms, where they are kept.
    kept: Option<usize>,
    best: Option<(usize, Cut)>,
}

impl Grower {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            rows: Vec::new(),
            aside: Vec::new(),
            gathered: Vec::new(),
            kept: Vec::new(),
            free: Vec::new(),
            passing: Vec::new(),
        }
    }

    /// Grows a tree from these rows, on the features `drawn`, in order. `sums_of_rows` has the
    /// sums of every row, whether among these or not.
    pub(crate) fn grow(
        &mut self,
        features: &[BinnedFeature],
        drawn: &[usize],
        rows: &[u32],
        sums_of_rows: &[Sums],
        rule: &Rule,
    ) -> Grown<'_> {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        self.aside.resize(rows.len(), 0);
        self.free = (0..self.kept.len()).collect();
        let world = World { features, drawn, sums_of_rows, rule };
        let mut all = [0; 2];
        rows.iter().for_each(|&row| add(&mut all, sums_of_rows[row as usize]));
        let mut nodes = vec![Node { test: None, sums: all }];
        let mut root = Leaf { node: 0, rows: 0..rows.len(), depth: 0, kept: None, best: None };
        if self.limits.num_leaves > 1 && self.may_split(&root, all, rule) {
            root.kept = self.sum(&world, &root.rows);
            self.search(&world, &mut root, all);
        }
        let mut leaves = vec![root];
        while leaves.len() < self.limits.num_leaves
            && let Some(at) = most_gainful(&leaves)
        {
            let parent = leaves.swap_remove(at);
            let (feature, cut) = parent.best.expect("a gainful leaf has a split");
            let left = nodes.len();
            let Cut { bin, missing_left, .. } = cut;
            let test = Test { feature, bin, missing_left, left };
            let right_sums = less(nodes[parent.node].sums, cut.left);
            nodes[parent.node].test = Some(test);
            nodes.push(Node { test: None, sums: cut.left });
            nodes.push(Node { test: None, sums: right_sums });
            let middle = self.part(&world, &parent.rows, &test);
            debug_assert_eq!((middle - parent.rows.start) as u64, n_rows(cut.left));
            let child =
                |node, rows| Leaf { node, rows, depth: parent.depth + 1, kept: None, best: None };
            let mut children =
                [child(left, parent.rows.start..middle), child(left + 1, middle..parent.rows.end)];
            // Nobody splits the children of the last split.
            if leaves.len() + 2 < self.limits.num_leaves {
                self.search_children(&world, &parent, &mut children, [cut.left, right_sums]);
            } else {
                self.free.extend(parent.kept);
            }
            leaves.extend(children);
        }
        let rows = &self.rows;
        let leaves = leaves.into_iter().map(|leaf| (leaf.node, &rows[leaf.rows])).collect();
        Grown { nodes, leaves }
    }

    fn may_split(&self, leaf: &Leaf, sums: Sums, rule: &Rule) -> bool {
        rule.may_split(sums) && self.limits.max_depth.is_none_or(|depth| leaf.depth < depth)
    }

    /// Finds the children's histograms and best splits.
    fn search_children(
        &mut self,
        world: &World,
        parent: &Leaf,
        children: &mut [Leaf; 2],
        sums: [Sums; 2],
    ) {
        let splits = [0, 1].map(|side| self.may_split(&children[side], sums[side], world.rule));
        let larger = usize::from(children[1].rows.len() > children[0].rows.len());
        let smaller = 1 - larger;
        match parent.kept {
            Some(kept) if splits[larger] => {
                children[smaller].kept = self.sum(world, &children[smaller].rows);
                // Out of its place for a moment: parent and child are in one list.
                let mut all = std::mem::take(&mut self.kept[kept]);
                let part = children[smaller].kept.map_or(&self.passing, |at| &self.kept[at]);
                subtract(&mut all, part);
                self.kept[kept] = all;
                children[larger].kept = Some(kept);
            }
            kept => {
                self.free.extend(kept);
            }
        }
        for side in [smaller, larger] {
            if splits[side] {
                self.search(world, &mut children[side], sums[side]);
            }
            if children[side].best.is_none() {
                self.free.extend(children[side].kept.take());
            }
        }
    }

    /// Sums rows by bin, for all drawn features; returns the place, or none where there is no
    /// room to keep them: they are in `passing` then.
    fn sum(&mut self, world: &World, rows: &Range<usize>) -> Option<usize> {
        let rows = &self.rows[rows.clone()];
        self.gathered.clear();
        self.gathered.extend(rows.iter().map(|&row| world.sums_of_rows[row as usize]));
        let n_histograms = world.drawn.len();
        let most = KEPT_BYTES / (size_of::<Histogram>() * n_histograms.max(1));
        let place = self.free.pop().or_else(|| {
            (self.kept.len() < most).then(|| {
                self.kept.push(Vec::new());
                self.kept.len() - 1
            })
        });
        let histograms = match place {
            Some(place) => &mut self.kept[place],
            None => &mut self.passing,
        };
        histograms.resize(n_histograms, [[0; 2]; 256]);
        fill(histograms, &world.columns(), rows, &self.gathered);
        place
    }

    /// Finds the best split of a leaf, the first of equals.
    fn search(&mut self, world: &World, leaf: &mut Leaf, sums: Sums) {
        if leaf.kept.is_none() {
            leaf.kept = self.sum(world, &leaf.rows);
        }
        let histograms = leaf.kept.map_or(&self.passing, |at| &self.kept[at]);
        for (&feature, histogram) in world.drawn.iter().zip(histograms) {
            let n_bins = world.features[feature].n_bins();
            if let Some(cut) = world.rule.search(histogram, n_bins, sums)
                && leaf.best.is_none_or(|(_, best)| cut.gain > best.gain)
            {
                leaf.best = Some((feature, cut));
            }
        }
    }

    /// Brings the rows that go left before those that go right, each in their order.
    fn part(&mut self, world: &World, rows: &Range<usize>, test: &Test) -> usize {
        let bins = &world.features[test.feature].bins;
        let rows_of_leaf = &mut self.rows[rows.clone()];
        let (mut n_left, mut n_right) = (0, 0);
        for at in 0..rows_of_leaf.len() {
            let row = rows_of_leaf[at];
            let goes_left = test.sends_left(bins[row as usize]);
            // Both writes are harmless: the next one of that side overwrites a wrong one.
            rows_of_leaf[n_left] = row;
            self.aside[n_right] = row;
            n_left += usize::from(goes_left);
            n_right += usize::from(!goes_left);
        }
        rows_of_leaf[n_left..].copy_from_slice(&self.aside[..n_right]);
        rows.start + n_left
    }
}

/// What a tree is grown from.
struct World<'a> {
    features: &'a [BinnedFeature],
    drawn: &'a [usize],
    sums_of_rows: &'a [Sums],
    rule: &'a Rule,
}

impl<'a> World<'a> {
    fn columns(&self) -> Vec<&'a [u8]> {
        self.drawn.iter().map(|&feature| &self.features[feature].bins[..]).collect()
    }
}

/// The leaf to split next: the first in the tree of those that gain most.
fn most_gainful(leaves: &[Leaf]) -> Option<usize> {
    let mut most: Option<(usize, f64)> = None;
    for (at, leaf) in leaves.iter().enumerate() {
        let Some((_, cut)) = leaf.best else { continue };
        let is_better = most.is_none_or(|(best, gain)| {
            cut.gain > gain || (cut.gain == gain && leaf.node < leaves[best].node)
        });
        if is_better {
            most = Some((at, cut.gain));
        }
    }
    most.map(|(at, _)| at)
}
