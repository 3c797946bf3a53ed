//! Large trees, through which rows fall side by side.
//!
//! A node is 8 or 12 bytes and its children are neighbours, so a step is a comparison and
//! an addition; leaves lead to themselves, so rows that have arrived may idle while others
//! still fall. All rows of a block take some steps, then those still falling some more: no
//! row waits for another's memory, and few idle.

use super::ranks::{LANES, Rank, Ranks};
use crate::trees::Tree;

/// Steps that rows take before those that have arrived are taken out.
const STEPS: usize = 4;
/// Rows that take them together.
const TOGETHER: usize = 16;

/// A node: `child` is its left child, the right one comes next. In a leaf, `child` is the
/// node itself, and no rank is above it.
#[derive(Debug, Clone, Copy)]
struct Node<R> {
    child: u32,
    rank: R,
    column: R,
}

/// A tree of any size.
#[derive(Debug, Clone)]
pub(super) struct LargeTree<R> {
    nodes: Vec<Node<R>>,
    /// Which leaf a node is; of no meaning for others.
    leaf: Vec<u32>,
    pub(super) values: Vec<f64>,
}

/// A row that may not yet have reached a leaf, and where it is.
#[derive(Debug, Clone, Copy, Default)]
struct Falling {
    row: u32,
    node: u32,
}

/// Rows on their way down a tree.
#[derive(Debug, Default)]
pub(super) struct Block {
    falling: Vec<Falling>,
    /// The leaf each row has come to, in whole groups; places without a row the
    /// first.
    pub(super) reached: Vec<u32>,
}

impl<R: Rank> LargeTree<R> {
    pub(super) fn of(tree: Tree, ranks: &Ranks) -> Self {
        let mut large = Self { nodes: Vec::new(), leaf: Vec::new(), values: Vec::new() };
        let mut n_leaves = 0;
        // Breadth first: the queue's places are the packed places.
        let mut queue = vec![0];
        let mut at = 0;
        while at < queue.len() {
            let node = queue[at];
            if tree.is_leaf(node) {
                let column = R::from_column(0);
                large.nodes.push(Node { child: at as u32, rank: R::HIGHEST, column });
                large.leaf.push(n_leaves);
                large.values.extend_from_slice(tree.values(node));
                n_leaves += 1;
            } else {
                let (feature, threshold) = (tree.nodes.feature[node], tree.nodes.threshold[node]);
                large.nodes.push(Node {
                    child: queue.len() as u32,
                    rank: ranks.threshold(feature, threshold),
                    column: R::from_column(ranks.column(feature, tree.nodes.missing_left[node])),
                });
                large.leaf.push(0);
                queue.extend(tree.children(node));
            }
            at += 1;
        }
        large
    }

    /// Lets so many rows fall, whose ranks stand in groups of so many columns.
    #[inline(always)]
    pub(super) fn fall(&self, ranks: &[R], n_rows: usize, n_columns: usize, block: &mut Block) {
        block.reached.clear();
        block.reached.resize(n_rows.next_multiple_of(LANES), 0);
        block.falling.clear();
        block.falling.extend((0..n_rows as u32).map(|row| Falling { row, node: 0 }));
        // Filled up with rows that have arrived, to a whole number of steps together.
        let mut n_falling = n_rows;
        while n_falling > 0 {
            let padded = n_falling.next_multiple_of(TOGETHER);
            let last = block.falling[n_falling - 1];
            block.falling.resize(padded, last);
            block.falling[n_falling..].fill(last);
            n_falling = self.take_steps(ranks, n_columns, n_falling, block);
        }
    }

    /// Lets the rows that still fall take [`STEPS`]; returns how many then still fall.
    #[inline(always)]
    fn take_steps(
        &self,
        ranks: &[R],
        n_columns: usize,
        n_falling: usize,
        block: &mut Block,
    ) -> usize {
        let mut n_still = 0;
        for first in (0..n_falling).step_by(TOGETHER) {
            let mut rows = [Falling::default(); TOGETHER];
            rows.copy_from_slice(&block.falling[first..first + TOGETHER]);
            let start = rows
                .map(|at| (at.row as usize / LANES * n_columns * LANES) + at.row as usize % LANES);
            for _ in 0..STEPS {
                for (at, start) in rows.iter_mut().zip(start) {
                    let node = self.nodes[at.node as usize];
                    let rank = ranks[start + node.column.column() * LANES];
                    at.node = node.child + u32::from(rank > node.rank);
                }
            }
            let n_here = TOGETHER.min(n_falling - first);
            for at in &rows[..n_here] {
                let is_leaf = self.nodes[at.node as usize].child == at.node;
                block.reached[at.row as usize] = self.leaf[at.node as usize];
                block.falling[n_still] = *at;
                n_still += usize::from(!is_leaf);
            }
        }
        n_still
    }
}
