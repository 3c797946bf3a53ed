//! Values as ranks among the thresholds of their feature.
//!
//! All that a forest asks of a value is which thresholds it exceeds. So each value is
//! looked up once, and every node compares small integers:
//!
//! ```text
//! rank(x) = the number of thresholds below x;   x ≤ threshold i  ⟺  rank(x) ≤ i
//! ```

use crate::trees::Trees;

/// Rows that stand side by side.
pub(super) const LANES: usize = 32;

/// An integer that holds ranks, in their order. Signed, for that is what narrow vector
/// units compare.
pub(super) trait Rank: Copy + Ord + Default + Send + Sync {
    /// Above every rank of a threshold.
    const HIGHEST: Self;
    /// The most thresholds that a feature, and the most columns that a forest may have.
    const MOST: usize;

    fn new(rank: usize) -> Self;
    fn from_column(column: u32) -> Self;
    fn column(self) -> usize;
}

impl Rank for i16 {
    const HIGHEST: Self = Self::MAX;
    const MOST: usize = u16::MAX as usize;

    #[inline(always)]
    fn new(rank: usize) -> Self {
        (rank as u16 ^ 0x8000).cast_signed()
    }

    #[inline(always)]
    fn from_column(column: u32) -> Self {
        (column as u16).cast_signed()
    }

    #[inline(always)]
    fn column(self) -> usize {
        usize::from(self.cast_unsigned())
    }
}

impl Rank for i32 {
    const HIGHEST: Self = Self::MAX;
    const MOST: usize = u32::MAX as usize;

    #[inline(always)]
    fn new(rank: usize) -> Self {
        (rank as u32 ^ 0x8000_0000).cast_signed()
    }

    #[inline(always)]
    fn from_column(column: u32) -> Self {
        column.cast_signed()
    }

    #[inline(always)]
    fn column(self) -> usize {
        self.cast_unsigned() as usize
    }
}

/// The thresholds of a forest, and what is to be known of a row.
#[derive(Debug, Clone)]
pub(super) struct Ranks {
    /// Ascending and distinct, feature by feature.
    thresholds: Vec<Vec<f64>>,
    /// One for each feature and way of missing values that some node asks for.
    columns: Vec<Column>,
    /// The column of a feature, for missing values that go right and left.
    column_of: Vec<[u32; 2]>,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    feature: usize,
    missing_left: bool,
}

impl Ranks {
    pub(super) fn of(trees: &Trees) -> Self {
        let mut thresholds = vec![Vec::new(); trees.n_features()];
        let mut asked = vec![[false; 2]; trees.n_features()];
        for tree in trees.iter() {
            for node in (0..tree.len()).filter(|&node| !tree.is_leaf(node)) {
                let feature = tree.nodes.feature[node] as usize;
                thresholds[feature].push(tree.nodes.threshold[node]);
                asked[feature][usize::from(tree.nodes.missing_left[node])] = true;
            }
        }
        for of_feature in &mut thresholds {
            of_feature.sort_unstable_by(f64::total_cmp);
            // Both zeros are one threshold.
            of_feature.dedup();
            of_feature.shrink_to_fit();
        }
        let mut columns = Vec::new();
        let mut column_of = vec![[0; 2]; trees.n_features()];
        for (feature, asked) in asked.iter().enumerate() {
            for missing_left in [false, true] {
                if asked[usize::from(missing_left)] {
                    column_of[feature][usize::from(missing_left)] = columns.len() as u32;
                    columns.push(Column { feature, missing_left });
                }
            }
        }
        Self { thresholds, columns, column_of }
    }

    /// Whether that integer holds all ranks and columns.
    pub(super) fn fit<R: Rank>(&self) -> bool {
        let most = self.thresholds.iter().map(Vec::len).max();
        most.max(Some(self.n_columns())).is_some_and(|most| most <= R::MOST)
    }

    pub(super) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The column that a node looks at.
    pub(super) fn column(&self, feature: u32, missing_left: bool) -> u32 {
        self.column_of[feature as usize][usize::from(missing_left)]
    }

    /// The rank of a threshold: how many of its feature's are below it.
    pub(super) fn threshold<R: Rank>(&self, feature: u32, threshold: f64) -> R {
        R::new(below(&self.thresholds[feature as usize], threshold))
    }

    /// The ranks of rows, in groups of [`LANES`]: group by group, column by column, lane by
    /// lane. Lanes without a row keep what they have.
    #[inline(always)]
    pub(super) fn look_up<R: Rank>(&self, rows: &[f64], n_features: usize, ranks: &mut [R]) {
        let group_len = self.n_columns() * LANES;
        if group_len == 0 {
            return;
        }
        let groups = rows.chunks(LANES * n_features).zip(ranks.chunks_exact_mut(group_len));
        for (rows, ranks) in groups {
            for (column, ranks) in self.columns.iter().zip(ranks.chunks_exact_mut(LANES)) {
                let mut values = [0.0; LANES];
                let of_rows = rows.iter().skip(column.feature).step_by(n_features);
                values.iter_mut().zip(of_rows).for_each(|(value, x)| *value = *x);
                let missing = if column.missing_left { R::new(0) } else { R::HIGHEST };
                let thresholds = &self.thresholds[column.feature];
                let known = below_all(thresholds, &values);
                for lane in 0..LANES {
                    let is_missing = values[lane].is_nan();
                    ranks[lane] = if is_missing { missing } else { R::new(known[lane] as usize) };
                }
            }
        }
    }
}

/// How many of the thresholds, which ascend, are below a value.
fn below(thresholds: &[f64], value: f64) -> usize {
    thresholds.partition_point(|&threshold| threshold < value)
}

/// As [`below`], for many values: they take the same steps, so none waits for another.
#[inline(always)]
fn below_all(thresholds: &[f64], values: &[f64; LANES]) -> [u32; LANES] {
    let mut first = [0_u32; LANES];
    let mut length = thresholds.len() as u32;
    while length > 0 {
        // The half that is skipped is the larger, so that no value is overlooked.
        let half = length.div_ceil(2);
        for (first, value) in first.iter_mut().zip(values) {
            let at = (*first + half - 1) as usize;
            // There is one at this place; asked this way, it costs no branch.
            let threshold = thresholds.get(at).copied().unwrap_or(f64::INFINITY);
            // Nor does this, while no predictor would know it.
            *first += half * u32::from(threshold < *value);
        }
        length -= half;
    }
    first
}
