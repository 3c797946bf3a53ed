//! A tree as steps down and up its edges.

use super::quadrature::gauss_legendre;
use crate::trees::Tree;

/// Trees of more leaves look for rows that need not go on.
const MOST_LEAVES_UNPRUNED: usize = 64;

/// A tree, ready to explain.
#[derive(Debug, Clone)]
pub(super) struct PathTree {
    /// Values of a node, and the class of the first of them.
    pub(super) width: usize,
    pub(super) class: usize,
    pub(super) depth: usize,
    pub(super) edges: Vec<Edge>,
    pub(super) steps: Vec<Step>,
    /// Edge by edge: what is expected of the rows that have come down it. Of the root, first.
    pub(super) values: Vec<f64>,
    /// Points of the quadrature and their weights, exact for the longest path.
    pub(super) rule: Vec<(f64, f64)>,
    /// Whether edges know the features tested below, so that rows can stop.
    pub(super) is_pruned: bool,
}

/// A way from a node to a child.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// The test of the parent.
    pub(super) feature: u32,
    pub(super) missing_left: bool,
    pub(super) threshold: f64,
    pub(super) is_left: bool,
    /// The depth of the child; the root's is 0.
    pub(super) depth: u32,
    /// The depth of the last child above for which the same feature was tested; 0 if none.
    pub(super) before: u32,
    /// The share of the parent's cover that comes here.
    pub(super) share: f64,
    /// The product of the shares of all edges from the root to this that test its feature.
    pub(super) shares: f64,
    pub(super) is_leaf: bool,
    /// A bit for each feature that is tested at the child or below.
    pub(super) tested: u64,
    /// The step back up.
    pub(super) up: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Down(u32),
    Up(u32),
}

impl PathTree {
    /// A tree with its covers.
    pub(super) fn of(tree: Tree, n_features: usize) -> Self {
        let n_leaves = (0..tree.len()).filter(|&node| tree.is_leaf(node)).count();
        let mut path = Self {
            width: tree.width,
            class: tree.class,
            depth: 0,
            edges: Vec::with_capacity(tree.len() - 1),
            steps: Vec::with_capacity(2 * (tree.len() - 1)),
            values: Vec::with_capacity(tree.len() * tree.width),
            rule: Vec::new(),
            is_pruned: n_features <= 64 && n_leaves > MOST_LEAVES_UNPRUNED,
        };
        let below = Below::of(tree, path.is_pruned);
        path.values.extend_from_slice(below.values(0, tree.width));
        let most_features = path.lay_out(tree, &below);
        path.rule = gauss_legendre(most_features.div_ceil(2).max(1));
        path
    }

    /// What is expected of a row of which nothing is known.
    pub(super) fn expectation(&self) -> &[f64] {
        &self.values[..self.width]
    }

    /// Lays out edges and steps; returns the largest number of features on a path.
    fn lay_out(&mut self, tree: Tree, below: &Below) -> usize {
        let (mut n_features, mut most_features) = (0, 0);
        // The edges from the root to where we are.
        let mut way: Vec<usize> = Vec::new();
        // What is to be done next comes last.
        let mut to_do = Vec::new();
        let children = |node: usize, to_do: &mut Vec<(usize, usize, bool)>| {
            if !tree.is_leaf(node) {
                let [left, right] = tree.children(node);
                to_do.extend([(node, right, false), (node, left, true)]);
            }
        };
        children(0, &mut to_do);
        while let Some((parent, child, is_left)) = to_do.pop() {
            if child == parent {
                let edge = way.pop().expect("each way up follows a way down");
                self.edges[edge].up = self.steps.len() as u32;
                n_features -= usize::from(self.edges[edge].before == 0);
                self.steps.push(Step::Up(edge as u32));
                continue;
            }
            let feature = tree.nodes.feature[parent];
            let before = way.iter().rposition(|&edge| self.edges[edge].feature == feature);
            let cover = tree.children(parent).map(|node| tree.nodes.cover[node]);
            let share = tree.nodes.cover[child] / (cover[0] + cover[1]);
            let shares = before.map_or(1.0, |before| self.edges[way[before]].shares) * share;
            n_features += usize::from(before.is_none());
            most_features = most_features.max(n_features);
            self.steps.push(Step::Down(self.edges.len() as u32));
            way.push(self.edges.len());
            self.depth = self.depth.max(way.len());
            self.edges.push(Edge {
                feature,
                missing_left: tree.nodes.missing_left[parent],
                threshold: tree.nodes.threshold[parent],
                is_left,
                depth: way.len() as u32,
                before: before.map_or(0, |before| before as u32 + 1),
                share,
                shares,
                is_leaf: tree.is_leaf(child),
                tested: below.tested.get(child).copied().unwrap_or_default(),
                up: 0,
            });
            self.values.extend_from_slice(below.values(child, tree.width));
            to_do.push((child, child, is_left));
            children(child, &mut to_do);
        }
        most_features
    }
}

/// What nodes gather from the leaves below them.
struct Below {
    /// Expectations, node by node.
    values: Vec<f64>,
    /// A bit for each tested feature; empty if not asked for.
    tested: Vec<u64>,
}

impl Below {
    fn of(tree: Tree, with_tested: bool) -> Self {
        let width = tree.width;
        let mut values = tree.nodes.value.to_vec();
        let mut tested = vec![0; if with_tested { tree.len() } else { 0 }];
        for node in (0..tree.len()).rev().filter(|&node| !tree.is_leaf(node)) {
            let children = tree.children(node);
            let cover = children.map(|child| tree.nodes.cover[child]);
            for value in 0..width {
                let of = children.map(|child| values[child * width + value]);
                let share = cover.map(|of_child| of_child / (cover[0] + cover[1]));
                values[node * width + value] = share[0] * of[0] + share[1] * of[1];
            }
            if with_tested {
                let bit = 1 << tree.nodes.feature[node];
                tested[node] = children.map(|child| tested[child]).iter().fold(bit, |a, b| a | b);
            }
        }
        Self { values, tested }
    }

    fn values(&self, node: usize, width: usize) -> &[f64] {
        &self.values[node * width..(node + 1) * width]
    }
}
