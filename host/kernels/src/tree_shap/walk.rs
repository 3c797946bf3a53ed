//! Eight rows' way through a tree, side by side.

use super::path::{Edge, PathTree, Step};

/// Rows that walk together.
pub(super) const LANES: usize = 8;

/// Points of the quadrature that are held at once; longer rules take several passes.
const POINTS: usize = 8;

/// One number for each row.
pub(super) type Lane = [f64; LANES];

/// The rows that walk together, and what is to be explained of them.
pub(super) struct Group<'a> {
    /// For each feature the values with missing ones as they are, which go right, and with
    /// −∞ for missing ones, which go left.
    pub(super) columns: &'a [[Lane; 2]],
    /// The class to explain of each row; none for all of them.
    pub(super) wanted: Option<[u32; LANES]>,
    /// Line by line, a value for each feature. A line is a class, or the one wanted.
    pub(super) phi: &'a mut [Lane],
}

/// Memory for the way from the root to where we are: an entry for each depth.
#[derive(Debug)]
struct Way<const Q: usize> {
    /// Which rows have passed all tests on the feature that was tested last: all bits or none.
    passed: Vec<[u64; LANES]>,
    /// A bit for each feature on which the rows have failed.
    failed: Vec<[u64; LANES]>,
    /// Weights times what the rows have brought along, point by point.
    brought: Vec<[Lane; Q]>,
    /// For rows that stopped at this depth what they had brought, and which these are.
    stopped: Vec<([u64; LANES], [Lane; Q])>,
    /// Line by line: what the leaves below have given so far.
    given: Vec<[Lane; Q]>,
}

impl<const Q: usize> Way<Q> {
    fn start(tree: &PathTree, points: &[(f64, f64)], n_lines: usize) -> Self {
        let n = tree.depth + 1;
        let mut brought = vec![[[0.0; LANES]; Q]; n];
        for (brought, &(_, weight)) in brought[0].iter_mut().zip(points) {
            *brought = [weight; LANES];
        }
        Self {
            passed: vec![[u64::MAX; LANES]; n],
            failed: vec![[0; LANES]; n],
            brought,
            stopped: vec![([0; LANES], [[0.0; LANES]; Q]); if tree.is_pruned { n } else { 0 }],
            given: vec![[[0.0; LANES]; Q]; n * n_lines],
        }
    }
}

impl<const Q: usize> Way<Q> {
    /// Adds what a tree gives to each row, for some points of the quadrature.
    #[inline(always)]
    fn walk<const PRUNED: bool>(
        &mut self,
        tree: &PathTree,
        factors: &[Factors<Q>],
        group: &mut Group,
    ) {
        let mut next = 0;
        while let Some(&step) = tree.steps.get(next) {
            next += 1;
            match step {
                Step::Down(index) => {
                    let edge = &tree.edges[index as usize];
                    self.pass(edge, &factors[index as usize], group);
                    if edge.is_leaf || (PRUNED && self.stop(edge)) {
                        self.give_all(tree, index, group.wanted);
                        next = edge.up as usize;
                    }
                }
                Step::Up(index) => {
                    let edge = &tree.edges[index as usize];
                    if PRUNED && !edge.is_leaf {
                        self.give_stopped(tree, index, group.wanted);
                    }
                    self.take(tree, edge, &factors[index as usize], group);
                }
            }
        }
    }

    /// What the rows bring along down an edge.
    #[inline(always)]
    fn pass(&mut self, edge: &Edge, factors: &Factors<Q>, group: &Group) {
        let Factors { passed, failed, .. } = factors;
        let depth = edge.depth as usize;
        let values = &group.columns[edge.feature as usize][usize::from(edge.missing_left)];
        let was = self.passed[edge.before as usize];
        let other_side = if edge.is_left { 0 } else { u64::MAX };
        let mut now = [0; LANES];
        for lane in 0..LANES {
            let is_left = if values[lane] <= edge.threshold { u64::MAX } else { 0 };
            now[lane] = was[lane] & (is_left ^ other_side);
        }
        self.passed[depth] = now;
        let (above, here) = self.brought.split_at_mut(depth);
        let (above, here) = (&above[depth - 1], &mut here[0]);
        for point in 0..Q {
            let factors = if edge.before == 0 {
                lanes(|lane| choose(now[lane], passed[point], failed[point]))
            } else {
                lanes(|lane| {
                    let of_failed = choose(was[lane], failed[point], edge.share);
                    choose(now[lane], passed[point], of_failed)
                })
            };
            here[point] = lanes(|lane| above[point][lane] * factors[lane]);
        }
    }

    /// Stops the rows that have failed on all features which are tested below: further tests
    /// on them make no difference, and the node is as good as a leaf. True if no row goes on.
    #[inline(always)]
    fn stop(&mut self, edge: &Edge) -> bool {
        let depth = edge.depth as usize;
        let mut failed = self.failed[depth - 1];
        let mut go_on = 0;
        for (failed, passed) in failed.iter_mut().zip(self.passed[depth]) {
            *failed |= !passed & (1 << edge.feature);
            go_on |= edge.tested & !*failed;
        }
        let (stopped, brought) = &mut self.stopped[depth];
        *stopped = [0; LANES];
        if go_on != 0 {
            for lane in 0..LANES {
                let is_done = edge.tested & !failed[lane] == 0;
                stopped[lane] = if is_done { u64::MAX } else { 0 };
                failed[lane] |= stopped[lane];
            }
            *brought = self.brought[depth];
            for brought in &mut self.brought[depth] {
                *brought = lanes(|lane| choose(stopped[lane], 0.0, brought[lane]));
            }
        }
        self.failed[depth] = failed;
        go_on == 0
    }

    /// A leaf, or a node that is as good as one, gives all rows its value.
    #[inline(always)]
    fn give_all(&mut self, tree: &PathTree, edge: u32, wanted: Option<[u32; LANES]>) {
        let depth = tree.edges[edge as usize].depth as usize;
        let n_lines = n_lines(tree, wanted);
        for line in 0..n_lines {
            let value = value(tree, edge, line, wanted);
            let given = &mut self.given[depth * n_lines + line];
            for (given, brought) in given.iter_mut().zip(&self.brought[depth]) {
                *given = lanes(|lane| value[lane] * brought[lane]);
            }
        }
    }

    /// A node gives its value to the rows that have stopped there.
    #[inline(always)]
    fn give_stopped(&mut self, tree: &PathTree, edge: u32, wanted: Option<[u32; LANES]>) {
        let depth = tree.edges[edge as usize].depth as usize;
        let (stopped, brought) = &self.stopped[depth];
        if *stopped == [0; LANES] {
            return;
        }
        let n_lines = n_lines(tree, wanted);
        for line in 0..n_lines {
            let value = value(tree, edge, line, wanted);
            let given = &mut self.given[depth * n_lines + line];
            for (given, brought) in given.iter_mut().zip(brought) {
                *given =
                    lanes(|lane| choose(stopped[lane], value[lane] * brought[lane], given[lane]));
            }
        }
    }

    /// Takes back up what the leaves below have given: the feature's part to the rows, all of
    /// it to the node above.
    #[inline(always)]
    fn take(&mut self, tree: &PathTree, edge: &Edge, factors: &Factors<Q>, group: &mut Group) {
        let Factors { gain, loss, .. } = factors;
        let depth = edge.depth as usize;
        let (now, was) = (self.passed[depth], self.passed[edge.before as usize]);
        let mut part = [[0.0; LANES]; Q];
        for point in 0..Q {
            part[point] = lanes(|lane| {
                let of_failed = choose(was[lane], loss[point], 0.0);
                choose(now[lane], gain[point], of_failed)
            });
        }
        let n_lines = n_lines(tree, group.wanted);
        let first_line = if group.wanted.is_some() { 0 } else { tree.class };
        let (above, here) = self.given.split_at_mut(depth * n_lines);
        let above = &mut above[(depth - 1) * n_lines..][..n_lines];
        let here = &here[..n_lines];
        let place = first_line * group.columns.len() + edge.feature as usize;
        let phi = group.phi[place..].iter_mut().step_by(group.columns.len());
        for ((above, given), phi) in above.iter_mut().zip(here).zip(phi) {
            let mut sum = [0.0; LANES];
            for (given, part) in given.iter().zip(&part) {
                sum = lanes(|lane| sum[lane] + given[lane] * part[lane]);
            }
            *phi = lanes(|lane| phi[lane] + sum[lane]);
            if edge.is_left {
                *above = *given;
            } else {
                for (above, given) in above.iter_mut().zip(given) {
                    *above = lanes(|lane| above[lane] + given[lane]);
                }
            }
        }
    }
}

/// What an edge makes of rows, point by point of the quadrature, whatever the rows.
///
/// Let t be a point, z the product of the shares of all edges so far that test the edge's
/// feature, and z′ the same without this edge.
#[derive(Debug, Clone, Copy)]
struct Factors<const Q: usize> {
    /// By how much what a row brings along changes that has passed all these tests:
    /// `(t + z (1 − t)) / b`, with `b = t + z′ (1 − t)`.
    passed: [f64; Q],
    /// The same for a row that has failed this test and none before: `z (1 − t) / b`.
    failed: [f64; Q],
    /// What a row that has passed gets of what the leaves give,
    /// `(1 − z) / (t + z (1 − t)) − g`, where `g = (1 − z′) / b` is what edges above give it.
    gain: [f64; Q],
    /// The same for a row that has failed: `−1 / (1 − t) − g`.
    loss: [f64; Q],
}

impl<const Q: usize> Factors<Q> {
    #[inline(always)]
    fn of(edge: &Edge, shares_before: f64, points: &[(f64, f64)]) -> Self {
        let (z, before) = (edge.shares, shares_before);
        let mut factors =
            Self { passed: [0.0; Q], failed: [0.0; Q], gain: [0.0; Q], loss: [0.0; Q] };
        for (point, &(t, _)) in points.iter().enumerate() {
            let brought = t + before * (1.0 - t);
            let given = (1.0 - before) / brought;
            let passed = t + z * (1.0 - t);
            factors.passed[point] = passed / brought;
            factors.failed[point] = z * (1.0 - t) / brought;
            factors.gain[point] = (1.0 - z) / passed - given;
            factors.loss[point] = -1.0 / (1.0 - t) - given;
        }
        factors
    }

    /// Of all edges.
    #[inline(always)]
    fn of_tree(tree: &PathTree, points: &[(f64, f64)]) -> Vec<Self> {
        // For the way from the root to where we are.
        let mut shares = vec![1.0; tree.depth + 1];
        let of_edge = |edge: &Edge| {
            shares[edge.depth as usize] = edge.shares;
            // The root's is 1, as without a test.
            Self::of(edge, shares[edge.before as usize], points)
        };
        tree.edges.iter().map(of_edge).collect()
    }
}

/// Adds what a tree gives to the rows of all groups.
#[inline(always)]
pub(super) fn explain(tree: &PathTree, groups: &mut [Group]) {
    for points in tree.rule.chunks(POINTS) {
        match points.len() {
            1 => explain_points::<1>(tree, points, groups),
            2 => explain_points::<2>(tree, points, groups),
            3 => explain_points::<3>(tree, points, groups),
            4 => explain_points::<4>(tree, points, groups),
            5 => explain_points::<5>(tree, points, groups),
            6 => explain_points::<6>(tree, points, groups),
            7 => explain_points::<7>(tree, points, groups),
            _ => explain_points::<POINTS>(tree, points, groups),
        }
    }
}

#[inline(always)]
fn explain_points<const Q: usize>(tree: &PathTree, points: &[(f64, f64)], groups: &mut [Group]) {
    let factors = Factors::<Q>::of_tree(tree, points);
    let n_lines = groups.first().map_or(0, |group| n_lines(tree, group.wanted));
    let mut way = Way::<Q>::start(tree, points, n_lines);
    for group in groups {
        if tree.is_pruned {
            way.walk::<true>(tree, &factors, group);
        } else {
            way.walk::<false>(tree, &factors, group);
        }
    }
}

/// A number for each lane. The compiler makes one vector of a value that is written as a
/// whole.
#[inline(always)]
fn lanes(of: impl Fn(usize) -> f64) -> Lane {
    let mut lanes = [0.0; LANES];
    for (lane, value) in lanes.iter_mut().enumerate() {
        *value = of(lane);
    }
    lanes
}

/// The first if all bits are set, the second if none is. In bits, for the compiler would
/// make branches of `if`.
#[inline(always)]
fn choose(mask: u64, set: f64, unset: f64) -> f64 {
    f64::from_bits((set.to_bits() & mask) | (unset.to_bits() & !mask))
}

#[inline(always)]
fn n_lines(tree: &PathTree, wanted: Option<[u32; LANES]>) -> usize {
    if wanted.is_some() { 1 } else { tree.width }
}

/// What a node says of each row's class of this line.
#[inline(always)]
fn value(tree: &PathTree, edge: u32, line: usize, wanted: Option<[u32; LANES]>) -> Lane {
    // The root comes before the first edge's node.
    let values = &tree.values[(edge as usize + 1) * tree.width..][..tree.width];
    match wanted {
        None => [values[line]; LANES],
        Some(wanted) => wanted.map(|class| {
            let place = (class as usize).wrapping_sub(tree.class);
            values.get(place).copied().unwrap_or_default()
        }),
    }
}
