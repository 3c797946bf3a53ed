//! What each feature contributes to what a model says of a row: Shapley values, exact and
//! path-dependent.
//!
//! **What is computed.** A tree's value for a set of known features is its expectation when
//! a test on another feature sends the row down both sides, in proportion to their covers
//! (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9, algorithm 1). The Shapley value φⱼ
//! is the mean gain from learning feature j, over all orders of learning features. It is
//! linear in the trees.
//!
//! **How.** Take a leaf of value v. Let zₖ be the share of the cover that the tests on
//! feature k let through to it (a product over the tests on the path), and oₖ 1 if the row
//! passes all of these tests, else 0. If each feature is known with probability t,
//! independently, the leaf is worth `v · Πₖ (oₖ t + zₖ (1 − t))`, and Owen (1972,
//! doi:10.1287/mnsc.18.5.64) shows that
//!
//! ```text
//! φⱼ = v (oⱼ − zⱼ) ∫₀¹ Π_{k≠j} (oₖ t + zₖ (1 − t)) dt.
//! ```
//!
//! The integrand is a polynomial of a degree below the number d of features on the path, so
//! Gauss–Legendre quadrature on ⌈d/2⌉ points is no approximation.
//!
//! **What is shared.** At a point of the quadrature the product grows factor by factor on
//! the way down; on the way up the leaves' products are added, and each edge takes its
//! feature's part of the sum once, for all leaves below (polynomials kept as their values, as
//! Yu, Xu & Bifet 2022, arXiv:2209.08192, keep theirs; Yang 2021, arXiv:2109.09847, and
//! Mitchell, Frank & Holmes 2022, doi:10.7717/peerj-cs.880, unroll the paths instead). So a
//! tree takes some `3 d` multiplications an edge. Where an edge tests a feature again, it
//! gives the difference from what edges above give.
//!
//! Eight rows walk together. The values of a row do not depend on the others, to the last
//! bit, nor on the width of the vector unit or the number of threads.

use crate::KernelError;
use crate::simd::Vector;
use crate::threads::share;
use crate::trees::Trees;
use crate::width::{Width, Work};

use path::PathTree;
use walk::{Group, LANES, Lane};

mod path;
mod quadrature;
mod walk;

/// A model, ready to explain. Make it once.
#[derive(Debug, Clone)]
pub struct Explainer {
    n_features: usize,
    n_classes: usize,
    divisor: f64,
    base: Vec<f64>,
    trees: Vec<PathTree>,
}

/// The classes to explain.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    EveryClass,
    /// One for each row.
    Class(&'a [u32]),
}

/// Rows that take each tree in turn.
const BLOCK: usize = 128;

impl Explainer {
    /// Prepares a model.
    ///
    /// # Errors
    /// When its nodes have no covers.
    pub fn new(trees: &Trees) -> Result<Self, KernelError> {
        if !trees.has_cover() {
            return Err(KernelError::Arguments(
                "explanations need the cover of each node; this model has none".to_owned(),
            ));
        }
        let paths: Vec<PathTree> =
            trees.iter().map(|tree| PathTree::of(tree, trees.n_features())).collect();
        let mut base = vec![0.0; trees.n_classes()];
        for path in &paths {
            for (base, value) in base[path.class..].iter_mut().zip(path.expectation()) {
                *base += value;
            }
        }
        base.iter_mut().for_each(|base| *base /= trees.divisor());
        Ok(Self {
            n_features: trees.n_features(),
            n_classes: trees.n_classes(),
            divisor: trees.divisor(),
            base,
            trees: paths,
        })
    }

    /// What the model says of each class when no feature is known. With all contributions
    /// to it, it makes what the model says of a row.
    pub fn base(&self) -> &[f64] {
        &self.base
    }

    /// The Shapley values of each row: class by class, or of the one wanted, a value for each
    /// feature, in the unit of what the model says.
    ///
    /// `rows` is row-major, a value for each feature, NaN for missing. Works on so many
    /// threads, and on the caller's if there are fewer than two.
    ///
    /// # Errors
    /// When `rows` are not whole rows, or the wanted classes do not fit them.
    pub fn explain(
        &self,
        rows: &[f64],
        wanted: Wanted,
        threads: usize,
    ) -> Result<Vec<f64>, KernelError> {
        self.explain_at(Width::widest(), rows, wanted, threads)
    }

    fn explain_at(
        &self,
        width: Width,
        rows: &[f64],
        wanted: Wanted,
        threads: usize,
    ) -> Result<Vec<f64>, KernelError> {
        let n_rows = Trees::count_rows(self.n_features, rows)?;
        let (n_lines, wanted) = match wanted {
            Wanted::EveryClass => (self.n_classes, None),
            Wanted::Class(classes) => {
                self.check_classes(classes, n_rows)?;
                (1, Some(classes))
            }
        };
        let line = n_lines * self.n_features;
        let mut phi = vec![0.0; n_rows * line];
        let blocks = rows.chunks(BLOCK * self.n_features).zip(phi.chunks_mut(BLOCK * line));
        let blocks = blocks.enumerate().map(|(at, (rows, phi))| {
            let wanted = wanted.map(|of| &of[at * BLOCK..][..phi.len() / line]);
            Block { explainer: self, rows, wanted, n_lines, phi }
        });
        share(blocks, threads, |_: &mut (), block| width.run(block));
        Ok(phi)
    }

    fn check_classes(&self, classes: &[u32], n_rows: usize) -> Result<(), KernelError> {
        if classes.len() != n_rows {
            return Err(KernelError::Arguments(format!(
                "{} wanted classes for {n_rows} rows",
                classes.len()
            )));
        }
        match classes.iter().position(|&class| class as usize >= self.n_classes) {
            None => Ok(()),
            Some(row) => Err(KernelError::Arguments(format!(
                "row {row} wants class {}; there are {}",
                classes[row], self.n_classes
            ))),
        }
    }
}

/// Rows to explain, and where their values go.
struct Block<'a> {
    explainer: &'a Explainer,
    rows: &'a [f64],
    wanted: Option<&'a [u32]>,
    n_lines: usize,
    phi: &'a mut [f64],
}

impl Work for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let n_features = self.explainer.n_features;
        let line = self.n_lines * n_features;
        let n_groups = (self.rows.len() / n_features).div_ceil(LANES);
        let mut columns = vec![[[0.0; LANES]; 2]; n_groups * n_features];
        let mut sums: Vec<Lane> = vec![[0.0; LANES]; n_groups * line];
        let mut groups = self.groups(&mut columns, &mut sums);
        for tree in &self.explainer.trees {
            walk::explain(tree, &mut groups);
        }
        let groups = sums.chunks_exact(line).zip(self.phi.chunks_mut(LANES * line));
        for (sums, phi) in groups {
            for (lane, phi) in phi.chunks_exact_mut(line).enumerate() {
                for (phi, sum) in phi.iter_mut().zip(sums) {
                    *phi = sum[lane] / self.explainer.divisor;
                }
            }
        }
    }
}

impl Block<'_> {
    fn groups<'a>(&self, columns: &'a mut [[Lane; 2]], sums: &'a mut [Lane]) -> Vec<Group<'a>> {
        let n_features = self.explainer.n_features;
        let n_rows = self.rows.len() / n_features;
        let columns = columns.chunks_exact_mut(n_features);
        let groups = columns.zip(sums.chunks_exact_mut(self.n_lines * n_features)).enumerate();
        let group = |(at, (columns, phi)): (usize, (&'a mut [[Lane; 2]], &'a mut [Lane]))| {
            // Lanes that are left over take the last row again.
            let row = |lane: usize| (at * LANES + lane).min(n_rows - 1);
            for lane in 0..LANES {
                let values = &self.rows[row(lane) * n_features..][..n_features];
                for (column, &value) in columns.iter_mut().zip(values) {
                    column[0][lane] = value;
                    column[1][lane] = if value.is_nan() { f64::NEG_INFINITY } else { value };
                }
            }
            let wanted = self.wanted.map(|of| std::array::from_fn(|lane| of[row(lane)]));
            Group { columns: &*columns, wanted, phi }
        };
        groups.map(group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::Forest;
    use crate::trees::tests::{Owned, Random};
    use crate::trees::{LEAF, Tree};

    /// What a tree says when only some features are known: one bit each.
    fn expectation(tree: Tree, node: usize, row: &[f64], known: usize, value: usize) -> f64 {
        if tree.is_leaf(node) {
            return tree.values(node)[value];
        }
        let children = tree.children(node);
        let feature = tree.nodes.feature[node] as usize;
        if known >> feature & 1 == 1 {
            let x = row[feature];
            let missing_left = x.is_nan() && tree.nodes.missing_left[node];
            let is_left = x <= tree.nodes.threshold[node] || missing_left;
            return expectation(tree, children[usize::from(!is_left)], row, known, value);
        }
        let says = children
            .map(|child| tree.nodes.cover[child] * expectation(tree, child, row, known, value));
        (says[0] + says[1]) / children.iter().map(|&child| tree.nodes.cover[child]).sum::<f64>()
    }

    /// By the definition: over all sets of features.
    fn shapley(trees: &Trees, row: &[f64]) -> Vec<f64> {
        let n = trees.n_features();
        let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
        let mut phi = vec![0.0; trees.n_classes() * n];
        for tree in trees.iter() {
            for value in 0..tree.width {
                let says: Vec<f64> =
                    (0..1 << n).map(|known| expectation(tree, 0, row, known, value)).collect();
                for feature in 0..n {
                    for known in (0..1_usize << n).filter(|known| known >> feature & 1 == 0) {
                        let size = known.count_ones() as usize;
                        let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                        let gain = says[known | 1 << feature] - says[known];
                        phi[(tree.class + value) * n + feature] += weight * gain;
                    }
                }
            }
        }
        phi.iter_mut().for_each(|phi| *phi /= trees.divisor());
        phi
    }

    fn check(leaves: &[usize], n_features: usize, of_one: bool) {
        let model = Owned::random(leaves, n_features, 3, of_one);
        let trees = model.trees();
        let explainer = Explainer::new(&trees).expect("covers");
        let rows = Random(3).rows(13 * n_features);
        let phi = explainer.explain(&rows, Wanted::EveryClass, 1).expect("whole rows");
        let line = 3 * n_features;
        for (at, (row, phi)) in rows.chunks(n_features).zip(phi.chunks(line)).enumerate() {
            for (got, expected) in phi.iter().zip(shapley(&trees, row)) {
                let close = (got - expected).abs() < 1e-12 * (1.0 + expected.abs());
                assert!(close, "{leaves:?}, row {at}: {got} is not {expected}");
            }
        }
        let answers = Forest::new(&trees).predict(&rows, 1).expect("whole rows");
        for (line, (phi, answer)) in phi.chunks(n_features).zip(&answers).enumerate() {
            let sum = explainer.base()[line % 3] + phi.iter().sum::<f64>();
            assert!((sum - answer).abs() < 1e-12, "{sum} is not {answer}");
        }
    }

    #[test]
    fn values_are_those_of_the_definition() {
        for of_one in [false, true] {
            check(&[1], 4, of_one);
            check(&[2, 3, 4], 1, of_one);
            check(&[5, 12, 31, 1, 64], 4, of_one);
            check(&[65, 90], 7, of_one);
            check(&[300], 3, of_one);
        }
    }

    #[test]
    fn more_features_than_bits_in_a_word() {
        // The same model with its features in other columns, among many that no tree tests.
        let model = Owned::random(&[5, 90, 31], 4, 3, false);
        let columns = [0, 63, 64, 130];
        let mut wide = model.clone();
        wide.n_features = 131;
        for feature in wide.feature.iter_mut().filter(|feature| **feature != LEAF) {
            *feature = columns[*feature as usize];
        }
        let rows = Random(8).rows(20 * 4);
        let mut wide_rows = vec![0.0; 20 * 131];
        for (row, wide) in rows.chunks(4).zip(wide_rows.chunks_mut(131)) {
            columns.iter().zip(row).for_each(|(&column, value)| wide[column as usize] = *value);
        }
        let explain = |model: &Owned, rows: &[f64]| {
            let explainer = Explainer::new(&model.trees()).expect("covers");
            explainer.explain(rows, Wanted::EveryClass, 1).expect("whole rows")
        };
        let lines = explain(&model, &rows);
        let wide_lines = explain(&wide, &wide_rows);
        for (line, wide) in lines.chunks(4).zip(wide_lines.chunks(131)) {
            for (feature, phi) in wide.iter().enumerate() {
                let place = columns.iter().position(|&column| column as usize == feature);
                let expected = place.map_or(0.0, |place| line[place]);
                assert!((phi - expected).abs() < 1e-13, "feature {feature}: {phi} {expected}");
            }
        }
    }

    #[test]
    fn long_paths_share_alike() {
        // A chain of tests, each on the next feature, that halves the rows; the last leaf is
        // 1. So all features matter alike, and share 1 − 2^−length.
        for length in [1, 2, 15, 31, 33, 40, 64, 100] {
            let mut chain = Owned { n_features: length, n_classes: 1, ..Owned::default() };
            for node in 0..=2 * length as u32 {
                let is_inner = node % 2 == 0 && node < 2 * length as u32;
                chain.feature.push(if is_inner { node / 2 } else { LEAF });
                chain.threshold.push(0.5);
                chain.left.push(node + 1);
                chain.right.push(node + 2);
                chain.missing_left.push(false);
                chain.cover.push(0.5_f64.powi(node.div_ceil(2).cast_signed()));
                chain.value.push(f64::from(u8::from(node == 2 * length as u32)));
            }
            chain.offsets = vec![0, chain.feature.len() as u32];
            chain.class = vec![0];
            let explainer = Explainer::new(&chain.trees()).expect("covers");
            let phi = explainer.explain(&vec![1.0; length], Wanted::EveryClass, 1).expect("a row");
            let share = (1.0 - 0.5_f64.powi(length as i32)) / length as f64;
            assert!(phi.iter().all(|phi| (phi - share).abs() < 1e-14), "{length}: {phi:?}");
        }
    }

    #[test]
    fn rows_widths_threads_and_wanted_classes_change_no_bit() {
        for (leaves, of_one) in [(&[31, 200, 7][..], false), (&[31, 200, 7, 60][..], true)] {
            let model = Owned::random(leaves, 9, 3, of_one);
            let explainer = Explainer::new(&model.trees()).expect("covers");
            let rows = Random(5).rows(300 * 9);
            let expected = explainer
                .explain_at(Width::Baseline, &rows, Wanted::EveryClass, 1)
                .expect("whole rows");
            for width in Width::all() {
                let got = explainer.explain_at(width, &rows, Wanted::EveryClass, 3);
                assert_eq!(got.as_ref(), Ok(&expected), "{width:?}");
            }
            let one_by_one = rows.chunks(9).flat_map(|row| {
                explainer.explain(row, Wanted::EveryClass, 1).expect("a whole row")
            });
            assert!(one_by_one.eq(expected.iter().copied()));
            let wanted: Vec<u32> = (0..300).map(|row| row % 3).collect();
            let got = explainer.explain(&rows, Wanted::Class(&wanted), 2).expect("whole rows");
            for (row, (got, expected)) in got.chunks(9).zip(expected.chunks(27)).enumerate() {
                assert_eq!(got, &expected[row % 3 * 9..][..9], "row {row}");
            }
        }
    }

    #[test]
    fn what_cannot_be_explained_is_refused() {
        let mut model = Owned::random(&[4], 3, 2, false);
        let explainer = Explainer::new(&model.trees()).expect("covers");
        let refuse = |rows: &[f64], classes: &[u32]| {
            let got = explainer.explain(rows, Wanted::Class(classes), 1);
            got.expect_err("broken").to_string()
        };
        assert!(refuse(&[0.0; 4], &[0]).contains("whole rows"));
        assert_eq!(refuse(&[0.0; 6], &[0]), "1 wanted classes for 2 rows");
        assert_eq!(refuse(&[0.0; 6], &[0, 2]), "row 1 wants class 2; there are 2");
        model.cover.clear();
        let error = Explainer::new(&model.trees()).expect_err("no covers").to_string();
        assert!(error.contains("cover"), "{error}");
    }
}
