//! Some trees of a forest, as the kernels take them.
//!
//! A model may be larger than a guest's memory, and than what the host takes in one call: it
//! goes over in parts, each of some whole trees in their order. Where a part ends depends on
//! the trees alone, not on the batches that the model comes in.

use skyloom_plugin::error::Result;
use skyloom_plugin::kernels::{Forest, Leaves, Nodes, Together};

use crate::port::Covers;
use crate::tree::{Step, Tree};

/// Bytes from which on a part is full. The host counts the packed form, at most four times as
/// many, among the guest's memory.
const MOST_BYTES: usize = 48 << 20;
/// Trees with which a part is full, which bounds the bitmaps of who asks which tree.
const MOST_TREES: usize = 1024;
/// The feature of a leaf.
const LEAF: u32 = u32::MAX;

/// Trees behind each other, node by node.
#[derive(Debug, Clone)]
pub struct Part {
    n_features: usize,
    n_classes: usize,
    covers: Covers,
    /// Of boosted trees, the class of each; none where trees speak of all.
    classes: Option<Vec<u32>>,
    ids: Vec<u32>,
    offsets: Vec<u32>,
    feature: Vec<u32>,
    threshold: Vec<f64>,
    left: Vec<u32>,
    right: Vec<u32>,
    missing_left: Vec<bool>,
    /// Empty if they are of no interest.
    cover: Vec<f64>,
    value: Vec<f64>,
}

impl Part {
    /// A part without trees yet.
    #[must_use]
    pub fn new(n_features: usize, n_classes: usize, covers: Covers) -> Self {
        Self {
            n_features,
            n_classes,
            covers,
            classes: None,
            ids: Vec::new(),
            offsets: vec![0],
            feature: Vec::new(),
            threshold: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
            missing_left: Vec::new(),
            cover: Vec::new(),
            value: Vec::new(),
        }
    }

    /// As [`Self::new`], for boosted trees, each of which speaks of one class.
    #[must_use]
    pub fn boosted(n_features: usize, n_classes: usize, covers: Covers) -> Self {
        Self { classes: Some(Vec::new()), ..Self::new(n_features, n_classes, covers) }
    }

    /// The trees' numbers in their forest.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Whether the next tree belongs to another part.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let of_node = 4 + 8 + 4 + 4 + 1;
        let bytes = self.feature.len() * of_node + 8 * (self.cover.len() + self.value.len());
        bytes >= MOST_BYTES || self.ids.len() >= MOST_TREES
    }

    /// Takes all trees out, into a part of their own.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self {
            classes: self.classes.as_ref().map(|_| Vec::new()),
            ..Self::new(self.n_features, self.n_classes, self.covers)
        };
        std::mem::replace(self, empty)
    }

    /// Adds a tree; of boosted ones, with the class that it speaks of.
    pub fn push(&mut self, tree: Tree, class: usize) {
        self.classes.iter_mut().for_each(|classes| classes.push(index32(class)));
        self.ids.push(tree.id().unsigned_abs());
        for node in 0..tree.n_nodes() {
            match tree.step(node) {
                Step::Leaf => self.push_test(LEAF, 0.0, [0, 0], false),
                Step::Split(split) => {
                    let children = [index32(split.left), index32(split.right)];
                    let feature = index32(split.feature);
                    self.push_test(feature, split.threshold, children, split.missing_left);
                }
            }
            if self.covers == Covers::Read {
                self.cover.push(tree.cover(node));
            }
            self.value.extend_from_slice(tree.probability(node));
        }
        self.offsets.push(index32(self.feature.len()));
    }

    fn push_test(&mut self, feature: u32, threshold: f64, children: [u32; 2], missing_left: bool) {
        self.feature.push(feature);
        self.threshold.push(threshold);
        self.left.push(children[0]);
        self.right.push(children[1]);
        self.missing_left.push(missing_left);
    }

    /// Hands the trees to the kernels, which give sums over them: a mean needs all parts.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn pack(&self) -> Result<Forest> {
        let nodes = Nodes {
            offsets: &self.offsets,
            feature: &self.feature,
            threshold: &self.threshold,
            left: &self.left,
            right: &self.right,
            missing_left: &self.missing_left,
            cover: &self.cover,
            value: &self.value,
        };
        let leaves = self.classes.as_deref().map_or(Leaves::EveryClass, Leaves::OneClass);
        Forest::pack(nodes, leaves, Together::Sum, self.n_features, self.n_classes)
    }
}

fn index32(index: usize) -> u32 {
    u32::try_from(index).expect("fewer nodes than a 32-bit guest's memory could hold")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::TreeReader;
    use crate::tree::tests::stump_and_more;

    #[test]
    fn rows_go_left_at_the_threshold_and_missing_ones_where_they_were_sent() {
        let mut part = Part::new(2, 2, Covers::Ignored);
        let mut reader = TreeReader::new(2, 2);
        reader.push(&stump_and_more(), |tree| part.push(tree, 0)).expect("a forest");
        reader.finish(|tree| part.push(tree, 0)).expect("a forest");
        assert_eq!(part.ids(), [0, 4]);
        assert!(!part.is_full());

        let nan = f64::NAN;
        let rows = [
            [1.0, nan],
            [1.0 + 1e-9, -2.0],
            [2.0, -1.0],
            [nan, -3.0],
            [2.0, nan],
            [f64::INFINITY, f64::NEG_INFINITY],
        ];
        // The second tree says (0.5, 0.5).
        let first_tree = [1.0, 0.5, 0.125, 1.0, 0.125, 0.5];
        let sums = part.pack().expect("trees").predict(rows.as_flattened()).expect("rows");
        for (row, p) in first_tree.iter().enumerate() {
            assert_eq!(sums[2 * row..2 * row + 2], [p + 0.5, 1.5 - p], "row {row}");
        }
    }

    #[test]
    fn what_is_taken_leaves_an_empty_part() {
        let mut part = Part::new(2, 2, Covers::Read);
        let mut reader = TreeReader::new(2, 2);
        reader.push(&stump_and_more(), |tree| part.push(tree, 0)).expect("a forest");
        assert_eq!(part.take().ids(), [0]);
        assert!(part.ids().is_empty());
        reader.finish(|tree| part.push(tree, 0)).expect("a forest");
        let base = part.pack().expect("trees").base().expect("covers");
        assert_eq!(base, [0.5, 0.5]);
    }
}
