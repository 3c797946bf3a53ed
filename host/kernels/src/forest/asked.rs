//! Which rows ask which trees.

use super::ranks::LANES;
use crate::KernelError;

/// A bitmap for each tree, with a bit for each row, the lowest first, in whole bytes.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    bits: &'a [u8],
    n_rows: usize,
    /// The row that counts as the first, a multiple of 8.
    first: usize,
}

impl<'a> Asked<'a> {
    /// Bitmaps of so many rows, one tree's behind the other's.
    pub fn new(bits: &'a [u8], n_rows: usize) -> Self {
        Self { bits, n_rows, first: 0 }
    }

    /// The same from a row on, which must be a multiple of 8.
    pub fn from(self, row: usize) -> Self {
        debug_assert!(row.is_multiple_of(8), "bits are looked up by bytes");
        Self { first: self.first + row, ..self }
    }

    /// # Errors
    /// When there are not as many bits as rows and trees need.
    pub(super) fn check(self, n_rows: usize, n_trees: usize) -> Result<(), KernelError> {
        if n_rows <= self.n_rows.saturating_sub(self.first)
            && Some(self.bits.len()) == self.stride().checked_mul(n_trees)
        {
            return Ok(());
        }
        Err(KernelError::Arguments(format!(
            "{} bytes say which trees {n_rows} rows ask; {n_trees} trees need {} each",
            self.bits.len(),
            self.stride()
        )))
    }

    /// Bytes of a tree.
    fn stride(self) -> usize {
        self.n_rows.div_ceil(8)
    }

    /// The rows of a group that ask a tree, a bit for each; of no meaning beyond the last row.
    #[inline(always)]
    pub(super) fn rows(self, tree: usize, group: usize) -> u32 {
        let of_tree = &self.bits[tree * self.stride()..][..self.stride()];
        let of_group = of_tree[(self.first + group * LANES) / 8..].iter().take(LANES / 8);
        of_group.enumerate().fold(0, |rows, (at, &byte)| rows | u32::from(byte) << (8 * at))
    }
}
