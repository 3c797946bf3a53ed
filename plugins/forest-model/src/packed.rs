//! Prediction: trees packed for speed, rows in blocks.
//!
//! A node is 16 bytes and its children are neighbours, so a step is a comparison and an
//! addition; leaves lead to themselves, so rows that have arrived may idle while others
//! still fall. Trees come in the outer loop: one tree stays in the processor's cache while
//! a block of rows falls through it.

use crate::bag::Bagging;
use crate::tree::{Step, Tree};

/// Rows that fall through a tree together: enough that fetching the tree from memory, once
/// for all of them, costs little (on 20,000 rows and 3 million nodes, 512 took three times
/// as long).
pub const BLOCK: usize = 8192;

/// A node: `child` is its left child, the right one comes next. In a leaf, `child` is the
/// node itself, the threshold infinite and missing values go left.
#[derive(Debug, Clone, Copy)]
struct PackedNode {
    threshold: f64,
    child: u32,
    /// The feature times two, plus one if missing values go left.
    feature: u32,
}

/// A tree's slice of the forest's nodes.
#[derive(Debug, Clone, Copy)]
struct PackedTree {
    id: u32,
    root: u32,
    n_nodes: u32,
    /// The first class that its leaves say something of.
    class: u32,
}

/// A forest for prediction. Push its trees in order, then predict.
#[derive(Debug, Clone, Default)]
pub struct PackedForest {
    n_features: usize,
    n_classes: usize,
    /// Values a leaf: one a class in forests, and 1 in boosted trees.
    n_values: usize,
    nodes: Vec<PackedNode>,
    /// Where a node's distribution starts in `probabilities`; 0 for inner nodes.
    leaf: Vec<u32>,
    probabilities: Vec<f64>,
    trees: Vec<PackedTree>,
}

impl PackedForest {
    /// A forest without trees yet.
    #[must_use]
    pub fn new(n_features: usize, n_classes: usize) -> Self {
        Self { n_features, n_classes, n_values: n_classes, ..Self::default() }
    }

    /// As [`Self::new`], for boosted trees, each of which adds to the margin of one class. Push
    /// them with [`Self::push_for`], and sum with [`Self::add_to`].
    #[must_use]
    pub fn boosted(n_features: usize, n_classes: usize) -> Self {
        Self { n_features, n_classes, n_values: 1, ..Self::default() }
    }

    /// The number of trees.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// The number of nodes in all trees.
    #[must_use]
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Takes all trees away, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.leaf.clear();
        self.probabilities.clear();
        self.trees.clear();
    }

    /// Adds a tree.
    ///
    /// # Panics
    /// If the forest comes to 2^32 nodes or leaf probabilities, which a 32-bit guest's
    /// memory cannot hold.
    pub fn push(&mut self, tree: Tree) {
        self.push_for(tree, 0);
    }

    /// Adds a tree whose leaves speak of this class, and those after it if they hold several
    /// values.
    ///
    /// # Panics
    /// As [`Self::push`]; also if there is no such class.
    pub fn push_for(&mut self, tree: Tree, class: usize) {
        assert!(class + self.n_values <= self.n_classes, "a class of the forest");
        let base = self.nodes.len();
        self.trees.push(PackedTree {
            id: tree.id().unsigned_abs(),
            root: index32(base),
            n_nodes: index32(tree.n_nodes()),
            class: index32(class),
        });
        // Breadth first: the queue's places are the packed places.
        let mut queue = vec![0];
        let mut at = 0;
        while at < queue.len() {
            let node = queue[at];
            let (packed, leaf) = match tree.step(node) {
                Step::Leaf => {
                    let leaf = index32(self.probabilities.len());
                    self.probabilities.extend_from_slice(tree.probability(node));
                    let packed =
                        PackedNode { threshold: f64::INFINITY, child: index32(at), feature: 1 };
                    (packed, leaf)
                }
                Step::Split(split) => {
                    let packed = PackedNode {
                        threshold: split.threshold,
                        child: index32(queue.len()),
                        feature: index32(split.feature) * 2 + u32::from(split.missing_left),
                    };
                    queue.extend([split.left, split.right]);
                    (packed, 0)
                }
            };
            self.nodes.push(packed);
            self.leaf.push(leaf);
            at += 1;
        }
    }

    /// Class probabilities of each row: the mean of the leaf distributions, summed in the
    /// order of the trees whatever the blocks. `rows` is row-major, `n_features` values a
    /// row, NaN for missing; the answer is row-major, `n_classes` values a row.
    ///
    /// # Panics
    /// If the forest has no tree or `rows` is not a whole number of rows.
    #[must_use]
    pub fn predict(&self, rows: &[f64]) -> Vec<f64> {
        assert!(!self.trees.is_empty(), "a forest has trees");
        let mut sums = vec![0.0; self.n_sums(rows)];
        self.add_to(&mut sums, rows);
        let n_trees = self.trees.len() as f64;
        sums.iter_mut().for_each(|sum| *sum /= n_trees);
        sums
    }

    /// Adds each tree's leaf distributions to `sums`: [`Self::predict`] before the division,
    /// for those who hold one tree at a time.
    ///
    /// # Panics
    /// If `sums` has not `n_classes` values a row.
    pub fn add_to(&self, sums: &mut [f64], rows: &[f64]) {
        assert_eq!(sums.len(), self.n_sums(rows), "one sum a row and class");
        self.fall(rows, |tree, row, leaf| {
            add(&mut sums[row * self.n_classes + tree.class as usize..], leaf);
        });
    }

    /// As [`Self::add_to`], but each row asks only the trees that did not learn from it;
    /// `n_trees` counts them. `row_keys` tells which rows a tree drew.
    ///
    /// # Panics
    /// As [`Self::add_to`]; also if there is not one key and one count for each row.
    pub fn add_out_of_bag_to(
        &self,
        sums: &mut [f64],
        n_trees: &mut [u32],
        rows: &[f64],
        row_keys: &[u64],
        bagging: Bagging,
    ) {
        assert_eq!(sums.len(), self.n_sums(rows), "one sum a row and class");
        assert_eq!(rows.len(), row_keys.len() * self.n_features, "one key for each row");
        assert_eq!(n_trees.len(), row_keys.len(), "one count for each row");
        self.fall(rows, |tree, row, leaf| {
            if bagging.draws(tree.id, row_keys[row]) == 0 {
                add(&mut sums[row * self.n_classes..], leaf);
                n_trees[row] += 1;
            }
        });
    }

    fn n_sums(&self, rows: &[f64]) -> usize {
        assert!(rows.len().is_multiple_of(self.n_features), "whole rows");
        rows.len() / self.n_features * self.n_classes
    }

    /// Tells `visit` the tree, the row and the distribution of the leaf that the row
    /// reaches; for each row in the order of the trees.
    fn fall(&self, rows: &[f64], mut visit: impl FnMut(PackedTree, usize, &[f64])) {
        let mut block = Block::default();
        for (at, rows) in rows.chunks(BLOCK * self.n_features).enumerate() {
            for tree in &self.trees {
                let nodes = &self.nodes[tree.root as usize..][..tree.n_nodes as usize];
                let leaves = &self.leaf[tree.root as usize..][..tree.n_nodes as usize];
                let reached = block.fall(nodes, rows, self.n_features);
                for (row, &node) in reached.iter().enumerate() {
                    let leaf = leaves[node as usize] as usize;
                    let leaf = &self.probabilities[leaf..leaf + self.n_values];
                    visit(*tree, at * BLOCK + row, leaf);
                }
            }
        }
    }
}

/// Rows on their way down a tree.
#[derive(Debug, Default)]
struct Block {
    /// The leaf each row has come to.
    reached: Vec<u32>,
    falling: Vec<Falling>,
}

/// A row that may not yet have reached a leaf, and where it is.
#[derive(Debug, Clone, Copy)]
struct Falling {
    row: u32,
    node: u32,
}

impl Block {
    /// The leaves that rows reach. All take one step, then those still falling the next:
    /// rows do not wait for one another's memory, and none idles.
    fn fall(&mut self, nodes: &[PackedNode], rows: &[f64], n_features: usize) -> &[u32] {
        let n_rows = rows.len() / n_features;
        self.reached.resize(n_rows, 0);
        self.falling.clear();
        self.falling.extend((0..index32(n_rows)).map(|row| Falling { row, node: 0 }));
        let (reached, falling) = (&mut self.reached[..], &mut self.falling[..]);
        let mut n_falling = n_rows;
        while n_falling > 0 {
            let mut n_still = 0;
            for i in 0..n_falling {
                let Falling { row, node: at } = falling[i];
                let node = nodes[at as usize];
                let value = rows[row as usize * n_features + (node.feature >> 1) as usize];
                // No short circuit: which way a row goes is what no branch predictor knows.
                let missing_left = value.is_nan() & (node.feature & 1 == 1);
                let left = (value <= node.threshold) | missing_left;
                let next = node.child + u32::from(!left);
                reached[row as usize] = next;
                falling[n_still] = Falling { row, node: next };
                n_still += usize::from(next != at);
            }
            n_falling = n_still;
        }
        reached
    }
}

fn add(sums: &mut [f64], leaf: &[f64]) {
    for (sum, p) in sums.iter_mut().zip(leaf) {
        *sum += p;
    }
}

fn index32(index: usize) -> u32 {
    u32::try_from(index).expect("fewer nodes than a 32-bit guest's memory could hold")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::stump_and_more;
    use crate::tree::{Nodes, TreeReader};

    fn packed(rows: &Nodes) -> PackedForest {
        let mut forest = PackedForest::new(2, 2);
        let mut reader = TreeReader::new(2, 2);
        reader.push(rows, |tree| forest.push(tree)).expect("a forest");
        reader.finish(|tree| forest.push(tree)).expect("a forest");
        forest
    }

    #[test]
    fn rows_go_left_at_the_threshold_and_missing_ones_where_they_were_sent() {
        let nan = f64::NAN;
        let rows = [
            [1.0, nan],
            [1.0 + 1e-9, -2.0],
            [2.0, -1.0],
            [nan, -3.0],
            [2.0, nan],
            [f64::INFINITY, f64::NEG_INFINITY],
        ];
        // Half of the second tree's (0.5, 0.5).
        let first_tree = [1.0, 0.5, 0.125, 1.0, 0.125, 0.5];
        let probabilities = packed(&stump_and_more()).predict(rows.as_flattened());
        for (row, p) in first_tree.iter().enumerate() {
            assert_eq!(probabilities[2 * row], p / 2.0 + 0.25, "row {row}");
            assert_eq!(probabilities[2 * row + 1], 0.75 - p / 2.0, "row {row}");
        }
    }

    #[test]
    fn blocks_do_not_change_a_bit() {
        let forest = packed(&stump_and_more());
        let rows: Vec<f64> = (0..4002).map(|i| f64::from(i * 7919 % 640) / 64.0 - 5.0).collect();
        let whole = forest.predict(&rows);
        let one_by_one: Vec<f64> = rows.chunks(2).flat_map(|row| forest.predict(row)).collect();
        assert_eq!(whole, one_by_one);
    }

    #[test]
    fn out_of_bag_asks_only_trees_that_did_not_see_the_row() {
        let forest = packed(&stump_and_more());
        let bagging = Bagging { seed: 1 };
        let rows: Vec<f64> = (0..2000).map(f64::from).collect();
        let keys: Vec<u64> =
            rows.chunks(2).map(|r| crate::bag::row_key(r.iter().copied())).collect();
        let (mut sums, mut n_trees) = (vec![0.0; 2000], vec![0; 1000]);
        forest.add_out_of_bag_to(&mut sums, &mut n_trees, &rows, &keys, bagging);
        let mut n_none = 0;
        for (row, (&key, p)) in keys.iter().zip(sums.chunks(2)).enumerate() {
            // Tree 0 says 0.125 or, for the first row, 1; tree 4 says 0.5.
            let says = [(0, if row == 0 { 1.0 } else { 0.125 }), (4, 0.5)];
            let out: Vec<f64> = says
                .into_iter()
                .filter(|&(tree, _)| bagging.draws(tree, key) == 0)
                .map(|(_, p)| p)
                .collect();
            assert_eq!(n_trees[row] as usize, out.len(), "row {row}");
            assert_eq!(p[0], out.iter().sum::<f64>(), "row {row}");
            n_none += usize::from(out.is_empty());
        }
        assert!(n_none > 0, "some rows are in both bags");
    }
}
