//! Trees of a model as flat columns, checked once, so that those who predict and explain
//! need no further checks.

use crate::KernelError;

/// The feature of a node that tests nothing.
pub const LEAF: u32 = u32::MAX;

/// The nodes of all trees behind each other, one entry a node in each column.
///
/// A row goes left where its value is at most the threshold. A value that is missing, a
/// NaN, goes left where `missing_left` says so, else right.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a> {
    /// Tree `i` has the nodes `offsets[i]..offsets[i + 1]`; its first is its root.
    pub offsets: &'a [u32],
    /// The tested feature, or [`LEAF`].
    pub feature: &'a [u32],
    /// May be infinite, never NaN; of no meaning in leaves.
    pub threshold: &'a [f64],
    /// Children, counted from the tree's root, after their parent; of no meaning in leaves.
    pub left: &'a [u32],
    pub right: &'a [u32],
    pub missing_left: &'a [bool],
    /// The weight of the training rows that came by, positive. Only explanations need it;
    /// else it may be empty.
    pub cover: &'a [f64],
    /// Node by node, as many values as [`Leaves`] says; only those of leaves count.
    pub value: &'a [f64],
}

/// What the values of a leaf speak of.
#[derive(Debug, Clone, Copy)]
pub enum Leaves<'a> {
    /// Of every class, as in a random forest: one value for each.
    EveryClass,
    /// Of one class, the same in the whole tree, as in boosting: one value. The slice has
    /// each tree's class.
    OneClass(&'a [u32]),
}

/// How the answers of the trees become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// Their mean, as in a random forest.
    Mean,
    /// Their sum, as in boosting.
    Sum,
}

/// A model that is one: from each root every node of its tree is reached exactly once,
/// children come after their parents, thresholds are numbers, values finite.
#[derive(Debug, Clone, Copy)]
pub struct Trees<'a> {
    nodes: Nodes<'a>,
    leaves: Leaves<'a>,
    together: Together,
    n_features: usize,
    n_classes: usize,
}

/// One tree of [`Trees`].
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// Cut to this tree's nodes; `offsets` are those of the model.
    pub nodes: Nodes<'a>,
    /// Values of each node.
    pub width: usize,
    /// The class of the first of these values.
    pub class: usize,
}

impl<'a> Trees<'a> {
    /// # Errors
    /// When the columns are not those of trees; the message says where.
    pub fn new(
        nodes: Nodes<'a>,
        leaves: Leaves<'a>,
        together: Together,
        n_features: usize,
        n_classes: usize,
    ) -> Result<Self, KernelError> {
        let trees = Self { nodes, leaves, together, n_features, n_classes };
        trees.check_lengths()?;
        let mut n_parents = Vec::new();
        for index in 0..trees.len() {
            trees.get(index).check(n_features, &mut n_parents).map_err(|(node, fault)| {
                KernelError::Arguments(format!("tree {index}, node {node}: {fault}"))
            })?;
        }
        Ok(trees)
    }

    /// The number of trees, at least 1.
    pub fn len(&self) -> usize {
        self.nodes.offsets.len() - 1
    }

    /// Never: a model has trees.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn n_features(&self) -> usize {
        self.n_features
    }

    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// By how much the sum over all trees is to be divided.
    pub fn divisor(&self) -> f64 {
        match self.together {
            Together::Mean => self.len() as f64,
            Together::Sum => 1.0,
        }
    }

    /// Whether the nodes know how many training rows came by.
    pub fn has_cover(&self) -> bool {
        !self.nodes.cover.is_empty()
    }

    /// Tree `index`.
    pub fn get(&self, index: usize) -> Tree<'a> {
        let of = self.nodes;
        let range = of.offsets[index] as usize..of.offsets[index + 1] as usize;
        let (width, class) = match self.leaves {
            Leaves::EveryClass => (self.n_classes, 0),
            Leaves::OneClass(classes) => (1, classes[index] as usize),
        };
        let nodes = Nodes {
            offsets: of.offsets,
            feature: &of.feature[range.clone()],
            threshold: &of.threshold[range.clone()],
            left: &of.left[range.clone()],
            right: &of.right[range.clone()],
            missing_left: &of.missing_left[range.clone()],
            cover: of.cover.get(range.clone()).unwrap_or_default(),
            value: &of.value[range.start * width..range.end * width],
        };
        Tree { nodes, width, class }
    }

    pub fn iter(&self) -> impl Iterator<Item = Tree<'a>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// How many rows these are.
    ///
    /// # Errors
    /// When they are not whole rows of the model's features.
    pub(crate) fn count_rows(n_features: usize, rows: &[f64]) -> Result<usize, KernelError> {
        if !rows.len().is_multiple_of(n_features) {
            return Err(KernelError::Arguments(format!(
                "{} values are not whole rows of {n_features} features",
                rows.len()
            )));
        }
        Ok(rows.len() / n_features)
    }

    fn check_lengths(&self) -> Result<(), KernelError> {
        let wrong = |message: String| Err(KernelError::Arguments(message));
        let nodes = self.nodes;
        let n_nodes = nodes.feature.len();
        if self.n_features == 0 || self.n_classes == 0 {
            return wrong("a model has at least one feature and one class".to_owned());
        }
        if u32::try_from(n_nodes).is_err() {
            return wrong(format!("{n_nodes} nodes; at most 2^32 - 1 can be held at once"));
        }
        if nodes.offsets.len() < 2
            || nodes.offsets[0] != 0
            || nodes.offsets[nodes.offsets.len() - 1] as usize != n_nodes
            || nodes.offsets.windows(2).any(|pair| pair[0] >= pair[1])
        {
            return wrong(format!(
                "the offsets must begin with 0, rise from tree to tree, and end with the number of nodes, {n_nodes}"
            ));
        }
        let width = match self.leaves {
            Leaves::EveryClass => self.n_classes,
            Leaves::OneClass(classes) => {
                if classes.len() != self.len() {
                    return wrong(format!("{} classes for {} trees", classes.len(), self.len()));
                }
                if let Some(tree) = classes.iter().position(|&c| c as usize >= self.n_classes) {
                    return wrong(format!(
                        "tree {tree} speaks of class {}; there are {}",
                        classes[tree], self.n_classes
                    ));
                }
                1
            }
        };
        let lengths = [
            ("thresholds", nodes.threshold.len(), n_nodes),
            ("left children", nodes.left.len(), n_nodes),
            ("right children", nodes.right.len(), n_nodes),
            ("flags for missing values", nodes.missing_left.len(), n_nodes),
            ("values", nodes.value.len(), n_nodes * width),
        ];
        for (what, length, expected) in lengths {
            if length != expected {
                return wrong(format!("{length} {what} for {n_nodes} nodes; expected {expected}"));
            }
        }
        if self.has_cover() && nodes.cover.len() != n_nodes {
            return wrong(format!("{} covers for {n_nodes} nodes", nodes.cover.len()));
        }
        Ok(())
    }
}

impl Tree<'_> {
    /// The number of nodes, at least 1.
    pub fn len(&self) -> usize {
        self.nodes.feature.len()
    }

    /// Never: a tree has a root.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn is_leaf(&self, node: usize) -> bool {
        self.nodes.feature[node] == LEAF
    }

    /// Left and right child of a node that is no leaf.
    pub fn children(&self, node: usize) -> [usize; 2] {
        [self.nodes.left[node] as usize, self.nodes.right[node] as usize]
    }

    /// The values of a node.
    pub fn values(&self, node: usize) -> &[f64] {
        &self.nodes.value[node * self.width..(node + 1) * self.width]
    }

    fn check(
        &self,
        n_features: usize,
        n_parents: &mut Vec<u8>,
    ) -> Result<(), (usize, &'static str)> {
        n_parents.clear();
        n_parents.resize(self.len(), 0);
        for node in 0..self.len() {
            if self.nodes.cover.get(node).is_some_and(|c| !(c.is_finite() && *c > 0.0)) {
                return Err((node, "its cover is not a positive number"));
            }
            if self.is_leaf(node) {
                if !self.values(node).iter().all(|value| value.is_finite()) {
                    return Err((node, "its values are not all finite"));
                }
                continue;
            }
            if self.nodes.feature[node] as usize >= n_features {
                return Err((node, "its feature is not one of the model's"));
            }
            if self.nodes.threshold[node].is_nan() {
                return Err((node, "its threshold is not a number"));
            }
            for child in self.children(node) {
                if child <= node || child >= self.len() {
                    return Err((node, "its children do not come after it in the tree"));
                }
                n_parents[child] = n_parents[child].saturating_add(1);
            }
        }
        // Children come after parents, so one parent each means that the root reaches all.
        match n_parents[1..].iter().position(|&parents| parents != 1) {
            None => Ok(()),
            Some(before) => Err((before + 1, "it has not exactly one parent")),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Columns that own themselves.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Owned {
        pub(crate) offsets: Vec<u32>,
        pub(crate) feature: Vec<u32>,
        pub(crate) threshold: Vec<f64>,
        pub(crate) left: Vec<u32>,
        pub(crate) right: Vec<u32>,
        pub(crate) missing_left: Vec<bool>,
        pub(crate) cover: Vec<f64>,
        pub(crate) value: Vec<f64>,
        pub(crate) class: Vec<u32>,
        pub(crate) n_features: usize,
        pub(crate) n_classes: usize,
    }

    /// Numbers without a pattern, the same each time.
    pub(crate) struct Random(pub(crate) u64);

    impl Random {
        pub(crate) fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (self.0 >> 33) as usize % n
        }

        /// Rows with missing values, infinities, and values on thresholds.
        pub(crate) fn rows(&mut self, n_values: usize) -> Vec<f64> {
            let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0];
            (0..n_values)
                .map(|_| match self.below(12) {
                    place @ 0..4 => special[place],
                    _ => self.below(64) as f64 / 8.0 - 4.0,
                })
                .collect()
        }
    }

    impl Owned {
        /// A model whose trees have so many leaves, of every class or of one each.
        pub(crate) fn random(
            leaves: &[usize],
            n_features: usize,
            n_classes: usize,
            of_one: bool,
        ) -> Self {
            let mut random = Random(leaves.len() as u64);
            let mut model = Self { n_features, n_classes, ..Self::default() };
            let width = if of_one { 1 } else { n_classes };
            for &n_leaves in leaves {
                let first = model.feature.len();
                model.offsets.push(first as u32);
                model.class.push(random.below(n_classes) as u32);
                model.push_leaf(&mut random, width);
                let mut open = vec![first];
                for _ in 1..n_leaves {
                    let node = open.swap_remove(random.below(open.len()));
                    model.feature[node] = random.below(n_features) as u32;
                    model.threshold[node] = match random.below(20) {
                        0 => f64::INFINITY,
                        1 => -0.0,
                        _ => random.below(64) as f64 / 8.0 - 4.0,
                    };
                    model.missing_left[node] = random.below(2) == 0;
                    let child = model.feature.len();
                    model.left[node] = (child - first) as u32;
                    model.right[node] = (child - first) as u32 + 1;
                    model.push_leaf(&mut random, width);
                    model.push_leaf(&mut random, width);
                    open.extend([child, child + 1]);
                }
            }
            model.offsets.push(model.feature.len() as u32);
            // Parents saw what their children saw.
            for tree in 0..leaves.len() {
                let range = model.offsets[tree] as usize..model.offsets[tree + 1] as usize;
                for node in range.clone().rev().filter(|&node| model.feature[node] != LEAF) {
                    let child = |child: u32| model.cover[range.start + child as usize];
                    model.cover[node] = child(model.left[node]) + child(model.right[node]);
                }
            }
            model
        }

        /// Some of the trees.
        pub(crate) fn part(&self, trees: std::ops::Range<usize>) -> Self {
            let offsets = &self.offsets[trees.start..=trees.end];
            let nodes = offsets[0] as usize..offsets[trees.len()] as usize;
            let width = self.value.len() / self.feature.len();
            Self {
                offsets: offsets.iter().map(|offset| offset - offsets[0]).collect(),
                feature: self.feature[nodes.clone()].to_vec(),
                threshold: self.threshold[nodes.clone()].to_vec(),
                left: self.left[nodes.clone()].to_vec(),
                right: self.right[nodes.clone()].to_vec(),
                missing_left: self.missing_left[nodes.clone()].to_vec(),
                cover: self.cover[nodes.clone()].to_vec(),
                value: self.value[nodes.start * width..nodes.end * width].to_vec(),
                class: self.class[trees].to_vec(),
                n_features: self.n_features,
                n_classes: self.n_classes,
            }
        }

        fn push_leaf(&mut self, random: &mut Random, width: usize) {
            self.feature.push(LEAF);
            self.threshold.push(0.0);
            self.left.push(0);
            self.right.push(0);
            self.missing_left.push(false);
            self.cover.push(1.0 + random.below(50) as f64);
            self.value.extend((0..width).map(|_| random.below(1000) as f64 / 300.0 - 1.0));
        }

        pub(crate) fn nodes(&self) -> Nodes<'_> {
            Nodes {
                offsets: &self.offsets,
                feature: &self.feature,
                threshold: &self.threshold,
                left: &self.left,
                right: &self.right,
                missing_left: &self.missing_left,
                cover: &self.cover,
                value: &self.value,
            }
        }

        pub(crate) fn checked(&self) -> Result<Trees<'_>, KernelError> {
            let (leaves, together) = if self.value.len() == self.feature.len() {
                (Leaves::OneClass(&self.class), Together::Sum)
            } else {
                (Leaves::EveryClass, Together::Mean)
            };
            Trees::new(self.nodes(), leaves, together, self.n_features, self.n_classes)
        }

        pub(crate) fn trees(&self) -> Trees<'_> {
            self.checked().expect("a model")
        }
    }

    #[test]
    fn columns_that_are_no_trees_are_refused() {
        type Damage = fn(&mut Owned);
        let broken: [(&str, Damage); 12] = [
            ("tree 1, node 0: its feature", |m| m.feature[5] = 2),
            ("not a number", |m| m.threshold[5] = f64::NAN),
            ("come after", |m| m.left[5] = 0),
            ("come after", |m| m.right[5] = 5),
            ("one parent", |m| m.right[5] = 1),
            ("cover", |m| m.cover[5] = 0.0),
            ("finite", |m| m.value.fill(f64::INFINITY)),
            ("offsets", |m| m.offsets[1] = 0),
            ("offsets", |m| m.offsets[2] += 1),
            ("values", |m| m.value.truncate(7)),
            ("thresholds", |m| m.threshold.truncate(7)),
            ("at least one feature", |m| m.n_features = 0),
        ];
        let model = Owned::random(&[3, 3], 2, 3, false);
        model.trees();
        for (expected, damage) in broken {
            let mut model = model.clone();
            damage(&mut model);
            let error = model.checked().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let mut of_one = Owned::random(&[3, 3], 2, 3, true);
        of_one.class[1] = 3;
        let error = of_one.checked().expect_err("no such class").to_string();
        assert!(error.contains("tree 1 speaks of class 3; there are 3"), "{error}");
    }
}
