//! A small tree, asked all its questions at once.
//!
//! Number the leaves from left to right, and let a row hold a bit for each. A test that
//! sends the row right rules out the leaves on its left side. When all tests have spoken,
//! the first leaf that is left is where the row ends: of the leaves before it each was ruled
//! out by the test at which its way parts from the row's. The tests need no order, so there
//! is no branch to predict and no memory to wait for, and 32 rows take each test together.
//! It is more work than to fall, and quicker as long as the tree is small.
//!
//! Reference: Lucchese et al. 2015, doi:10.1145/2766462.2767733; on vectors, Lucchese et
//! al. 2016, doi:10.1145/2911451.2914758.

use super::ranks::{LANES, Rank, Ranks};
use crate::trees::Tree;

/// Leaves of a word.
const BITS: usize = u16::BITS as usize;

/// A test on one column of ranks.
#[derive(Debug, Clone, Copy)]
struct Test<R, const WORDS: usize> {
    column: u32,
    /// Rows above it go right.
    rank: R,
    /// The leaves on the left side.
    left: [u16; WORDS],
}

/// A tree of at most `16 · WORDS` leaves.
#[derive(Debug, Clone)]
pub(super) struct SmallTree<R, const WORDS: usize> {
    tests: Vec<Test<R, WORDS>>,
    /// The values of the leaves, from left to right.
    pub(super) values: Vec<f64>,
}

impl<R: Rank, const WORDS: usize> SmallTree<R, WORDS> {
    /// # Panics
    /// If the tree has more leaves than there are bits.
    pub(super) fn of(tree: Tree, ranks: &Ranks) -> Self {
        let mut small = Self { tests: Vec::new(), values: Vec::new() };
        small.gather(tree, ranks);
        small
    }

    fn gather(&mut self, tree: Tree, ranks: &Ranks) {
        // The number of leaves below each node: children come after parents.
        let mut n_leaves = vec![1_usize; tree.len()];
        for node in (0..tree.len()).rev().filter(|&node| !tree.is_leaf(node)) {
            n_leaves[node] = tree.children(node).map(|child| n_leaves[child]).iter().sum();
        }
        let mut first_leaf = vec![0_usize; tree.len()];
        let mut leaves = vec![0; n_leaves[0]];
        for node in 0..tree.len() {
            let first = first_leaf[node];
            if tree.is_leaf(node) {
                leaves[first] = node;
                continue;
            }
            let [left, right] = tree.children(node);
            first_leaf[left] = first;
            first_leaf[right] = first + n_leaves[left];
            let mut mask = [0; WORDS];
            for leaf in first..first_leaf[right] {
                mask[leaf / BITS] |= 1 << (leaf % BITS);
            }
            let nodes = tree.nodes;
            self.tests.push(Test {
                column: ranks.column(nodes.feature[node], nodes.missing_left[node]),
                rank: ranks.threshold(nodes.feature[node], nodes.threshold[node]),
                left: mask,
            });
        }
        for node in leaves {
            self.values.extend_from_slice(tree.values(node));
        }
    }

    /// The leaves, from left to right, where the rows of a group end; `ranks` has its
    /// columns.
    #[inline(always)]
    pub(super) fn fall(&self, ranks: &[R]) -> [u32; LANES] {
        let (columns, _) = ranks.as_chunks::<LANES>();
        let mut ruled_out = [[0_u16; LANES]; WORDS];
        for test in &self.tests {
            let values = &columns[test.column as usize];
            let mut goes_right = [0_u16; LANES];
            for lane in 0..LANES {
                goes_right[lane] = if values[lane] > test.rank { u16::MAX } else { 0 };
            }
            for (ruled_out, left) in ruled_out.iter_mut().zip(test.left) {
                for lane in 0..LANES {
                    ruled_out[lane] |= goes_right[lane] & left;
                }
            }
        }
        let mut reached = [0; LANES];
        for lane in 0..LANES {
            let mut left = 0_u64;
            for (word, ruled_out) in ruled_out.iter().enumerate() {
                left |= u64::from(!ruled_out[lane]) << (BITS * word);
            }
            reached[lane] = left.trailing_zeros();
        }
        reached
    }
}
