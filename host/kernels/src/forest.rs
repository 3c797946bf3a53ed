//! What a forest says of many rows.
//!
//! ```text
//! Trees → thresholds, sorted → small trees as bits, large ones as packed nodes
//! rows  → ranks among the thresholds → leaves → sums, tree after tree → mean or sum
//! ```
//!
//! Trees come in the outer loop: one tree stays in the processor's cache while a block of
//! rows falls through it. Whatever the block, the vectors and the threads, the values of the
//! leaves that a row reaches are added in the order of the trees.
//!
//! References: Breiman 2001, doi:10.1023/A:1010933404324; for small trees, those in `small`.

use crate::KernelError;
use crate::simd::Vector;
use crate::threads::share;
use crate::trees::{Tree, Trees};
use crate::width::{Width, Work};

use large::{Block, LargeTree};
use ranks::{LANES, Rank, Ranks};
use small::SmallTree;

pub use asked::Asked;

mod asked;
mod large;
mod ranks;
mod small;

/// A model, packed for speed. Make it once, then predict.
#[derive(Debug, Clone)]
pub struct Forest {
    n_features: usize,
    n_classes: usize,
    divisor: f64,
    ranks: Ranks,
    trees: Packed,
}

/// The trees in order, with the narrowest integers that hold their thresholds.
#[derive(Debug, Clone)]
enum Packed {
    Narrow(Vec<PackedTree<i16>>),
    Wide(Vec<PackedTree<i32>>),
}

#[derive(Debug, Clone)]
struct PackedTree<R> {
    /// The number of a leaf's values, and the class of the first.
    width: usize,
    class: usize,
    shape: Shape<R>,
}

#[derive(Debug, Clone)]
enum Shape<R> {
    UpTo16(SmallTree<R, 1>),
    UpTo32(SmallTree<R, 2>),
    UpTo64(SmallTree<R, 4>),
    Large(LargeTree<R>),
}

/// The most rows that fall together: enough that fetching a tree from memory, once for all
/// of them, costs little.
const BLOCK: usize = 8192;
/// As [`BLOCK`], if all trees are small and stay near the processor.
const SMALL_BLOCK: usize = 512;
/// The most ranks of a block.
const RANKS: usize = 1 << 20;

impl Forest {
    /// Packs a model.
    pub fn new(trees: &Trees) -> Self {
        let ranks = Ranks::of(trees);
        let packed = if ranks.fit::<i16>() {
            Packed::Narrow(trees.iter().map(|tree| PackedTree::of(tree, &ranks)).collect())
        } else {
            Packed::Wide(trees.iter().map(|tree| PackedTree::of(tree, &ranks)).collect())
        };
        Self {
            n_features: trees.n_features(),
            n_classes: trees.n_classes(),
            divisor: trees.divisor(),
            ranks,
            trees: packed,
        }
    }

    /// What the model says of each row: of a random forest the class probabilities, the mean
    /// of the leaves' distributions; of boosted trees the margins, the sum of the leaves'
    /// values.
    ///
    /// `rows` is row-major, a value for each feature, NaN for missing; the answer is
    /// row-major, a value for each class. Works on so many threads, and on the caller's if
    /// there are fewer than two.
    ///
    /// # Errors
    /// When `rows` are not whole rows.
    pub fn predict(&self, rows: &[f64], threads: usize) -> Result<Vec<f64>, KernelError> {
        let n_rows = Trees::count_rows(self.n_features, rows)?;
        let mut sums = vec![0.0; n_rows * self.n_classes];
        self.add_to(&mut sums, rows, None, threads)?;
        sums.iter_mut().for_each(|sum| *sum /= self.divisor);
        Ok(sums)
    }

    /// Adds what each tree says of each row to `sums`, row-major, a value for each class: as
    /// [`Self::predict`], before the division and from other sums than zeros. A model that
    /// comes in parts, each a few trees, thus gives the bits of the whole.
    ///
    /// Where `asked` is given, a row takes only the trees that it asks.
    ///
    /// # Errors
    /// When `rows` are not whole rows, or `sums` or `asked` do not fit them.
    pub fn add_to(
        &self,
        sums: &mut [f64],
        rows: &[f64],
        asked: Option<Asked>,
        threads: usize,
    ) -> Result<(), KernelError> {
        self.add_at(Width::widest(), sums, rows, asked, threads)
    }

    fn add_at(
        &self,
        width: Width,
        sums: &mut [f64],
        rows: &[f64],
        asked: Option<Asked>,
        threads: usize,
    ) -> Result<(), KernelError> {
        let n_rows = Trees::count_rows(self.n_features, rows)?;
        if sums.len() != n_rows * self.n_classes {
            return Err(KernelError::Arguments(format!(
                "{} sums for {n_rows} rows and {} classes",
                sums.len(),
                self.n_classes
            )));
        }
        if let Some(asked) = asked {
            asked.check(n_rows, self.n_trees())?;
        }
        let block = self.block(n_rows, threads);
        let rows = rows.chunks(block * self.n_features);
        let blocks = rows.zip(sums.chunks_mut(block * self.n_classes)).enumerate();
        share(blocks, threads, |_: &mut (), (at, (rows, sums))| {
            let asked = asked.map(|asked| asked.from(at * block));
            match &self.trees {
                Packed::Narrow(trees) => width.run(Fall { forest: self, trees, rows, asked, sums }),
                Packed::Wide(trees) => width.run(Fall { forest: self, trees, rows, asked, sums }),
            }
        });
        Ok(())
    }

    fn n_trees(&self) -> usize {
        match &self.trees {
            Packed::Narrow(trees) => trees.len(),
            Packed::Wide(trees) => trees.len(),
        }
    }

    /// How many rows fall together.
    fn block(&self, n_rows: usize, threads: usize) -> usize {
        let all_small = match &self.trees {
            Packed::Narrow(trees) => trees.iter().all(PackedTree::is_small),
            Packed::Wide(trees) => trees.iter().all(PackedTree::is_small),
        };
        let most = if all_small { SMALL_BLOCK } else { BLOCK };
        let of_ranks = RANKS / self.ranks.n_columns().max(1);
        let of_thread = n_rows.div_ceil(threads.max(1));
        most.min(of_ranks).min(of_thread).next_multiple_of(LANES).max(LANES)
    }
}

impl<R: Rank> PackedTree<R> {
    fn of(tree: Tree, ranks: &Ranks) -> Self {
        let n_leaves = (0..tree.len()).filter(|&node| tree.is_leaf(node)).count();
        let shape = match n_leaves {
            ..=16 => Shape::UpTo16(SmallTree::of(tree, ranks)),
            17..=32 => Shape::UpTo32(SmallTree::of(tree, ranks)),
            33..=64 => Shape::UpTo64(SmallTree::of(tree, ranks)),
            _ => Shape::Large(LargeTree::of(tree, ranks)),
        };
        Self { width: tree.width, class: tree.class, shape }
    }

    fn is_small(&self) -> bool {
        !matches!(self.shape, Shape::Large(_))
    }
}

/// A block of rows that falls through all trees.
struct Fall<'a, R> {
    forest: &'a Forest,
    trees: &'a [PackedTree<R>],
    rows: &'a [f64],
    asked: Option<Asked<'a>>,
    /// Row by row, class by class.
    sums: &'a mut [f64],
}

impl<R: Rank> Work for Fall<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let forest = self.forest;
        let n_rows = self.rows.len() / forest.n_features;
        let n_columns = forest.ranks.n_columns();
        let mut ranks = vec![R::new(0); n_rows.next_multiple_of(LANES) * n_columns];
        forest.ranks.look_up(self.rows, forest.n_features, &mut ranks);
        // Group by group, class by class.
        let mut sums = vec![[0.0; LANES]; n_rows.div_ceil(LANES) * forest.n_classes];
        self.each_sum(&mut sums, |of_row, sum| *sum = *of_row);
        let mut block = Block::default();
        for (index, tree) in self.trees.iter().enumerate() {
            // Of each group the rows that ask this tree; none where all rows ask all trees.
            let asking = self.asked.map(|asked| move |group| asked.rows(index, group));
            match &tree.shape {
                Shape::UpTo16(small) => tree.add_small(small, &ranks, forest, asking, &mut sums),
                Shape::UpTo32(small) => tree.add_small(small, &ranks, forest, asking, &mut sums),
                Shape::UpTo64(small) => tree.add_small(small, &ranks, forest, asking, &mut sums),
                Shape::Large(large) => {
                    large.fall(&ranks, n_rows, n_columns, &mut block);
                    let (reached, _) = block.reached.as_chunks::<LANES>();
                    let sums = sums.chunks_exact_mut(forest.n_classes);
                    sums.zip(reached).enumerate().for_each(|(group, (sums, reached))| {
                        tree.add(&large.values, reached, asking.map(|of| of(group)), sums);
                    });
                }
            }
        }
        self.each_sum(&mut sums, |of_row, sum| *of_row = *sum);
    }
}

impl<R> Fall<'_, R> {
    /// Shows `meet` each sum as rows have it, and as lanes have it.
    #[inline(always)]
    fn each_sum(&mut self, lanes: &mut [[f64; LANES]], meet: impl Fn(&mut f64, &mut f64)) {
        let n_classes = self.forest.n_classes;
        let groups = self.sums.chunks_mut(LANES * n_classes);
        for (rows, lanes) in groups.zip(lanes.chunks_exact_mut(n_classes)) {
            for (lane, row) in rows.chunks_exact_mut(n_classes).enumerate() {
                for (of_row, of_lanes) in row.iter_mut().zip(&mut *lanes) {
                    meet(of_row, &mut of_lanes[lane]);
                }
            }
        }
    }
}

impl<R: Rank> PackedTree<R> {
    #[inline(always)]
    fn add_small<const WORDS: usize>(
        &self,
        small: &SmallTree<R, WORDS>,
        ranks: &[R],
        forest: &Forest,
        asking: Option<impl Fn(usize) -> u32 + Copy>,
        sums: &mut [[f64; LANES]],
    ) {
        let n_columns = forest.ranks.n_columns();
        for (group, sums) in sums.chunks_exact_mut(forest.n_classes).enumerate() {
            let ranks = &ranks[group * n_columns * LANES..][..n_columns * LANES];
            self.add(&small.values, &small.fall(ranks), asking.map(|of| of(group)), sums);
        }
    }

    /// Adds the values of the leaves that a group of rows has reached, class by class; to
    /// rows that ask, a bit for each.
    #[inline(always)]
    fn add(
        &self,
        values: &[f64],
        reached: &[u32; LANES],
        asking: Option<u32>,
        sums: &mut [[f64; LANES]],
    ) {
        for (at, sums) in sums[self.class..].iter_mut().take(self.width).enumerate() {
            let more = reached.iter().map(|&leaf| values[leaf as usize * self.width + at]);
            match asking {
                None => sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more),
                Some(rows) => {
                    for (lane, (sum, more)) in sums.iter_mut().zip(more).enumerate() {
                        *sum = if rows >> lane & 1 == 1 { *sum + more } else { *sum };
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::tests::{Owned, Random};

    /// By the definition: node after node, tree after tree.
    fn answer(trees: &Trees, row: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; trees.n_classes()];
        for tree in trees.iter() {
            let mut node = 0;
            while !tree.is_leaf(node) {
                let value = row[tree.nodes.feature[node] as usize];
                let missing_left = value.is_nan() && tree.nodes.missing_left[node];
                let is_left = value <= tree.nodes.threshold[node] || missing_left;
                node = tree.children(node)[usize::from(!is_left)];
            }
            for (sum, value) in sums[tree.class..].iter_mut().zip(tree.values(node)) {
                *sum += value;
            }
        }
        sums.iter_mut().for_each(|sum| *sum /= trees.divisor());
        sums
    }

    #[test]
    fn all_shapes_widths_and_threads_give_the_bits_of_the_definition() {
        let mixed = [1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 200, 3000];
        for (leaves, of_one) in
            [(&mixed[..], false), (&mixed[..], true), (&mixed[..9], false), (&[1, 1], true)]
        {
            let model = Owned::random(leaves, 5, 3, of_one);
            let trees = model.trees();
            let forest = Forest::new(&trees);
            for n_rows in [0, 1, 31, 33, 1100] {
                let rows = Random(7).rows(n_rows * 5);
                let expected: Vec<f64> =
                    rows.chunks(5).flat_map(|row| answer(&trees, row)).collect();
                for width in Width::all() {
                    for threads in [0, 1, 3] {
                        let mut got = vec![0.0; n_rows * 3];
                        forest.add_at(width, &mut got, &rows, None, threads).expect("fits");
                        got.iter_mut().for_each(|sum| *sum /= trees.divisor());
                        assert_eq!(got, expected, "{width:?}, {threads} threads, {n_rows} rows");
                    }
                }
                assert_eq!(forest.predict(&rows, 2), Ok(expected));
            }
        }
    }

    #[test]
    fn many_thresholds_take_wider_ranks() {
        // More different thresholds of one feature than an i16 can rank.
        let mut model = Owned::random(&[40_000, 40_000], 1, 2, false);
        for (node, threshold) in model.threshold.iter_mut().enumerate() {
            *threshold = (node * 7919 % 160_000) as f64;
        }
        let trees = model.trees();
        let forest = Forest::new(&trees);
        assert!(matches!(forest.trees, Packed::Wide(_)));
        let rows: Vec<f64> =
            (0..500).map(|i| f64::from(i * 331) + 0.5 * f64::from(i % 2)).collect();
        let expected: Vec<f64> = rows.chunks(1).flat_map(|row| answer(&trees, row)).collect();
        assert_eq!(forest.predict(&rows, 2).expect("whole rows"), expected);
    }

    #[test]
    fn parts_of_a_model_give_the_bits_of_the_whole() {
        let leaves = [3, 70, 20, 200, 40, 7];
        let whole = Owned::random(&leaves, 4, 3, false);
        let rows = Random(2).rows(300 * 4);
        let mut sums = vec![0.0; 300 * 3];
        for part in [0..2, 2..3, 3..6] {
            let forest = Forest::new(&whole.part(part).trees());
            forest.add_to(&mut sums, &rows, None, 2).expect("fits");
        }
        sums.iter_mut().for_each(|sum| *sum /= leaves.len() as f64);
        assert_eq!(Forest::new(&whole.trees()).predict(&rows, 1), Ok(sums));
    }

    #[test]
    fn rows_take_the_trees_that_they_ask() {
        let leaves = [3, 70, 20, 200, 40];
        let whole = Owned::random(&leaves, 4, 3, false);
        let forest = Forest::new(&whole.trees());
        for n_rows in [1, 31, 45, 700] {
            let rows = Random(2).rows(n_rows * 4);
            let mut random = Random(9);
            let bits: Vec<u8> =
                (0..leaves.len() * n_rows.div_ceil(8)).map(|_| random.below(256) as u8).collect();
            let mut expected = vec![0.5; n_rows * 3];
            for tree in 0..leaves.len() {
                let part = Forest::new(&whole.part(tree..tree + 1).trees());
                let says = part.predict(&rows, 1).expect("whole rows");
                for row in 0..n_rows {
                    if bits[tree * n_rows.div_ceil(8) + row / 8] >> (row % 8) & 1 == 1 {
                        (0..3).for_each(|at| expected[row * 3 + at] += says[row * 3 + at]);
                    }
                }
            }
            for width in Width::all() {
                for threads in [1, 3] {
                    let mut sums = vec![0.5; n_rows * 3];
                    let asked = Some(Asked::new(&bits, n_rows));
                    forest.add_at(width, &mut sums, &rows, asked, threads).expect("fits");
                    assert_eq!(sums, expected, "{width:?}, {threads} threads, {n_rows} rows");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let model = Owned::random(&[4, 4], 3, 2, false);
        let forest = Forest::new(&model.trees());
        let error = forest.predict(&[0.0; 4], 1).expect_err("not whole");
        assert_eq!(error.to_string(), "4 values are not whole rows of 3 features");
        let error = forest.add_to(&mut [0.0; 3], &[0.0; 6], None, 1).expect_err("a sum too few");
        assert_eq!(error.to_string(), "3 sums for 2 rows and 2 classes");
        let asked = Some(Asked::new(&[0; 3], 2));
        let error = forest.add_to(&mut [0.0; 4], &[0.0; 6], asked, 1).expect_err("a byte more");
        assert!(error.to_string().contains("3 bytes"), "{error}");
    }
}
