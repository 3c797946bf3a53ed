//! One tree of the model table, checked.
//!
//! [`Nodes`] holds rows of the table as they come, [`TreeReader`] cuts them into trees and
//! refuses what no trainer would write, so that those who predict need no further checks.

use thiserror::Error;

/// Rows of the model table as columns: what a trainer fills in and a reader takes.
///
/// Left is `x <= threshold`. Of each row: `tree`; `node`, its index within the tree, 0 for
/// the root, children after parents; `feature`, −1 in leaves; `left` and `right`, −1 in
/// leaves; `missing_left`, whether NaN goes left; `cover`, the weighted training rows that
/// came by; `probability`, `n_classes` values a row, summing to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nodes {
    pub tree: Vec<i32>,
    pub node: Vec<i32>,
    pub feature: Vec<i32>,
    pub threshold: Vec<f64>,
    pub left: Vec<i32>,
    pub right: Vec<i32>,
    pub missing_left: Vec<bool>,
    pub cover: Vec<f64>,
    pub probability: Vec<f64>,
}

impl Nodes {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    fn clear(&mut self) {
        self.tree.clear();
        self.node.clear();
        self.feature.clear();
        self.threshold.clear();
        self.left.clear();
        self.right.clear();
        self.missing_left.clear();
        self.cover.clear();
        self.probability.clear();
    }

    fn push_row(&mut self, from: &Self, row: usize, n_classes: usize) {
        self.tree.push(from.tree[row]);
        self.node.push(from.node[row]);
        self.feature.push(from.feature[row]);
        self.threshold.push(from.threshold[row]);
        self.left.push(from.left[row]);
        self.right.push(from.right[row]);
        self.missing_left.push(from.missing_left[row]);
        self.cover.push(from.cover[row]);
        let of_row = row * n_classes..(row + 1) * n_classes;
        self.probability.extend_from_slice(&from.probability[of_row]);
    }
}

/// The largest value, up or down, of a node of a boosted tree: so that no sum overflows.
pub const LARGEST_VALUE: f64 = 1e6;

/// A model table that is not a forest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// A field of the table is missing or has another type.
    #[error("the model table has no usable field `{field}`: expected {expected}, found {found}")]
    Field { field: &'static str, expected: &'static str, found: String },
    /// The metadata that names features or classes is missing or malformed.
    #[error("the model table's field `{field}` has no usable metadata `{entry}`: {reason}")]
    Metadata { field: &'static str, entry: &'static str, reason: String },
    /// A column has a null where none may be.
    #[error("the model table's column `{column}` has nulls")]
    Null { column: &'static str },
    /// The columns are of different lengths.
    #[error("the model table's columns differ in length")]
    Ragged,
    /// Trees are not one after another.
    #[error("tree {tree} comes after tree {after}: trees must follow each other in order")]
    TreeOrder { tree: i32, after: i32 },
    /// A node that cannot be where it is.
    #[error("tree {tree}, node {node}: {fault}")]
    Node { tree: i32, node: usize, fault: &'static str },
    /// Rows of one tree that say different things of it.
    #[error("tree {tree}: its rows name several folds or classes, or one that is not there")]
    Owner { tree: i32 },
    /// A model of folds without one of them.
    #[error("the model has no trees for {which}")]
    Missing { which: String },
    /// No tree at all.
    #[error("the model table is empty")]
    Empty,
}

/// A tree that is one: from the root every node is reached exactly once, children come
/// after their parents, thresholds are numbers, covers positive, probabilities finite.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    nodes: &'a Nodes,
    n_classes: usize,
}

/// What a node does with a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// The row stays.
    Leaf,
    /// The row goes to a child.
    Split(Split),
}

/// The test of an inner node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    pub feature: usize,
    /// Left if `x <= threshold`; may be infinite, never NaN.
    pub threshold: f64,
    pub missing_left: bool,
    pub left: usize,
    pub right: usize,
}

impl Tree<'_> {
    /// The tree's number in its forest.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.nodes.tree[0]
    }

    /// The number of nodes, at least 1.
    #[must_use]
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The test at a node.
    #[must_use]
    pub fn step(&self, node: usize) -> Step {
        let nodes = self.nodes;
        match usize::try_from(nodes.feature[node]) {
            Err(_) => Step::Leaf,
            Ok(feature) => Step::Split(Split {
                feature,
                threshold: nodes.threshold[node],
                missing_left: nodes.missing_left[node],
                left: index(nodes.left[node]),
                right: index(nodes.right[node]),
            }),
        }
    }

    /// Weighted training rows that reached the node, positive.
    #[must_use]
    pub fn cover(&self, node: usize) -> f64 {
        self.nodes.cover[node]
    }

    /// The class distribution at the node; in boosted trees, the one value there.
    #[must_use]
    pub fn probability(&self, node: usize) -> &[f64] {
        &self.nodes.probability[node * self.n_classes..(node + 1) * self.n_classes]
    }
}

fn index(child: i32) -> usize {
    usize::try_from(child).expect("children of inner nodes were checked to be positive")
}

/// Cuts rows of the model table into trees, whatever the batches they come in.
#[derive(Debug)]
pub struct TreeReader {
    n_features: usize,
    /// Values a node: one a class in forests, and 1 in boosted trees.
    n_classes: usize,
    is_boosted: bool,
    /// The rows of the tree at hand.
    current: Nodes,
    n_trees: usize,
    parents: Vec<u8>,
}

impl TreeReader {
    /// A reader for models of that many features and classes.
    #[must_use]
    pub fn new(n_features: usize, n_classes: usize) -> Self {
        Self {
            n_features,
            n_classes,
            is_boosted: false,
            current: Nodes::default(),
            n_trees: 0,
            parents: Vec::new(),
        }
    }

    /// A reader for boosted trees of that many features: one value a node, up to [`LARGEST_VALUE`].
    #[must_use]
    pub fn boosted(n_features: usize) -> Self {
        Self { is_boosted: true, ..Self::new(n_features, 1) }
    }

    /// Takes some rows; hands each tree that they complete to `consume`.
    ///
    /// # Errors
    /// [`ModelError`] if the rows are not those of a forest.
    pub fn push(&mut self, rows: &Nodes, mut consume: impl FnMut(Tree)) -> Result<(), ModelError> {
        if !self.is_rectangular(rows) {
            return Err(ModelError::Ragged);
        }
        for row in 0..rows.len() {
            let tree = rows.tree[row];
            if let Some(&current) = self.current.tree.first()
                && current != tree
            {
                if tree < current {
                    return Err(ModelError::TreeOrder { tree, after: current });
                }
                self.complete(&mut consume)?;
            }
            self.current.push_row(rows, row, self.n_classes);
        }
        Ok(())
    }

    /// Hands over the last tree and returns how many there were.
    ///
    /// # Errors
    /// [`ModelError`] if that tree is not one, or if there was none.
    pub fn finish(mut self, mut consume: impl FnMut(Tree)) -> Result<usize, ModelError> {
        if self.current.is_empty() {
            return Err(ModelError::Empty);
        }
        self.complete(&mut consume)?;
        Ok(self.n_trees)
    }

    fn complete(&mut self, consume: &mut impl FnMut(Tree)) -> Result<(), ModelError> {
        self.check()?;
        consume(Tree { nodes: &self.current, n_classes: self.n_classes });
        self.n_trees += 1;
        self.current.clear();
        Ok(())
    }

    fn is_rectangular(&self, rows: &Nodes) -> bool {
        let lengths = [
            rows.node.len(),
            rows.feature.len(),
            rows.threshold.len(),
            rows.left.len(),
            rows.right.len(),
            rows.missing_left.len(),
            rows.cover.len(),
        ];
        lengths.iter().all(|&length| length == rows.len())
            && rows.probability.len() == rows.len() * self.n_classes
    }

    fn check(&mut self) -> Result<(), ModelError> {
        let nodes = &self.current;
        self.parents.clear();
        self.parents.resize(nodes.len(), 0);
        for node in 0..nodes.len() {
            let fault = |fault| ModelError::Node { tree: nodes.tree[0], node, fault };
            if usize::try_from(nodes.node[node]) != Ok(node) {
                return Err(fault("nodes must be numbered 0, 1, 2, … within their tree"));
            }
            if !(nodes.cover[node] > 0.0 && nodes.cover[node].is_finite()) {
                return Err(fault("its cover is not a positive number"));
            }
            let of_node = node * self.n_classes..(node + 1) * self.n_classes;
            let of_node = &nodes.probability[of_node];
            if self.is_boosted && !of_node.iter().all(|value| value.abs() <= LARGEST_VALUE) {
                return Err(fault("its value is not a number from -1e6 to 1e6"));
            }
            if !self.is_boosted && !of_node.iter().all(|p| (0.0..=1.0).contains(p)) {
                return Err(fault("its probabilities are not within 0 and 1"));
            }
            if nodes.feature[node] == -1 {
                continue;
            }
            if !usize::try_from(nodes.feature[node]).is_ok_and(|f| f < self.n_features) {
                return Err(fault("its feature is not one of the model's"));
            }
            if nodes.threshold[node].is_nan() {
                return Err(fault("its threshold is not a number"));
            }
            for child in [nodes.left[node], nodes.right[node]] {
                let child = usize::try_from(child).unwrap_or(0);
                if child <= node || child >= nodes.len() {
                    return Err(fault("its children do not come after it in the tree"));
                }
                self.parents[child] = self.parents[child].saturating_add(1);
            }
        }
        // Children come after parents, so one parent each means that the root reaches all.
        match self.parents[1..].iter().position(|&parents| parents != 1) {
            None => Ok(()),
            Some(before) => Err(ModelError::Node {
                tree: nodes.tree[0],
                node: before + 1,
                fault: "it has not exactly one parent",
            }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two classes, two features: `x0 <= 1` (missing left) then `x1 <= −2`.
    pub(crate) fn stump_and_more() -> Nodes {
        Nodes {
            tree: vec![0, 0, 0, 0, 0, 4],
            node: vec![0, 1, 2, 3, 4, 0],
            feature: vec![0, -1, 1, -1, -1, -1],
            threshold: vec![1.0, 0.0, -2.0, 0.0, 0.0, 0.0],
            left: vec![1, -1, 3, -1, -1, -1],
            right: vec![2, -1, 4, -1, -1, -1],
            missing_left: vec![true, false, false, false, false, false],
            cover: vec![10.0, 4.0, 6.0, 2.0, 4.0, 10.0],
            probability: vec![0.5, 0.5, 1.0, 0.0, 0.25, 0.75, 0.5, 0.5, 0.125, 0.875, 0.5, 0.5],
        }
    }

    fn read(rows: &Nodes) -> Result<Vec<(i32, usize)>, ModelError> {
        let mut seen = Vec::new();
        let mut reader = TreeReader::new(2, 2);
        reader.push(rows, |tree| seen.push((tree.id(), tree.n_nodes())))?;
        reader.finish(|tree| seen.push((tree.id(), tree.n_nodes())))?;
        Ok(seen)
    }

    #[test]
    fn rows_are_cut_into_trees_wherever_batches_end() {
        let rows = stump_and_more();
        assert_eq!(read(&rows), Ok(vec![(0, 5), (4, 1)]));
        for cut in 0..=rows.len() {
            let mut seen = Vec::new();
            let mut reader = TreeReader::new(2, 2);
            for part in [0..cut, cut..rows.len()] {
                let mut batch = Nodes::default();
                part.for_each(|row| batch.push_row(&rows, row, 2));
                reader.push(&batch, |tree| seen.push(tree.id())).expect("a forest");
            }
            assert_eq!(reader.finish(|tree| seen.push(tree.id())), Ok(2));
            assert_eq!(seen, [0, 4]);
        }
    }

    #[test]
    fn tables_that_are_no_forest_are_refused() {
        type Damage = fn(&mut Nodes);
        let broken: [(&str, Damage); 9] = [
            ("numbered", |n| n.node[1] = 7),
            ("cover", |n| n.cover[2] = 0.0),
            ("probabilities", |n| n.probability[3] = f64::NAN),
            ("feature", |n| n.feature[0] = 2),
            ("threshold", |n| n.threshold[0] = f64::NAN),
            ("come after", |n| n.left[2] = 0),
            ("come after", |n| n.right[2] = 5),
            ("one parent", |n| n.left[2] = 4),
            ("follow each other", |n| n.tree[5] = -1),
        ];
        for (expected, damage) in broken {
            let mut rows = stump_and_more();
            damage(&mut rows);
            let error = read(&rows).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(read(&Nodes::default()), Err(ModelError::Empty));
        let mut boosted = stump_and_more();
        boosted.probability = vec![0.0, -3.5, 1e6, f64::MAX, 0.0, 0.0];
        let error =
            TreeReader::boosted(2).push(&boosted, |_| ()).expect_err("a sum would overflow");
        assert!(error.to_string().contains("tree 0, node 3: its value"), "{error}");
        let mut ragged = stump_and_more();
        ragged.cover.pop();
        assert_eq!(read(&ragged), Err(ModelError::Ragged));
    }
}
