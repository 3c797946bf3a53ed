//! Sums of gradients, curvatures and rows by bin.
//!
//! Sums are over integers: gradients and curvatures are rounded once to a fixed point. So they
//! are exact in whatever order rows come, a child's histogram is its parent's less its
//! sibling's to the last bit, and no sum of curvatures drifts below zero.

/// Sums over rows: gradients in two's complement; then curvatures in the lower [`ROW_SHIFT`]
/// bits, and the number of rows above.
pub(crate) type Sums = [u64; 2];

/// Where the number of rows begins.
pub(crate) const ROW_SHIFT: u32 = 40;
/// One more than the most rows.
pub(crate) const MAX_ROWS: usize = 1 << (64 - ROW_SHIFT);

/// One feature's sums by bin; the last is that of missing values.
pub(crate) type Histogram = [Sums; 256];

/// Features that are filled together, so that rows and their gradients are read once for all.
const TOGETHER: usize = 4;

/// The sums of one row.
pub(crate) fn of_row(gradient: i64, curvature: u64) -> Sums {
    [gradient.cast_unsigned(), curvature | 1 << ROW_SHIFT]
}

pub(crate) fn add(sums: &mut Sums, more: Sums) {
    sums[0] = sums[0].wrapping_add(more[0]);
    sums[1] = sums[1].wrapping_add(more[1]);
}

/// What is left of `all` without `part`.
pub(crate) fn less(all: Sums, part: Sums) -> Sums {
    [all[0].wrapping_sub(part[0]), all[1].wrapping_sub(part[1])]
}

/// The number of rows.
pub(crate) fn n_rows(sums: Sums) -> u64 {
    sums[1] >> ROW_SHIFT
}

/// The sum of gradients.
pub(crate) fn gradient(sums: Sums) -> f64 {
    sums[0].cast_signed() as f64
}

/// The sum of curvatures.
pub(crate) fn curvature(sums: Sums) -> u64 {
    sums[1] & ((1 << ROW_SHIFT) - 1)
}

/// Fills one histogram for each column of bins with the sums of these rows.
pub(crate) fn fill(
    histograms: &mut [Histogram],
    columns: &[&[u8]],
    rows: &[u32],
    sums_of_rows: &[Sums],
) {
    histograms.as_flattened_mut().fill([0; 2]);
    let (fours, rest) = histograms.as_chunks_mut::<TOGETHER>();
    let (columns, columns_left) = columns.as_chunks::<TOGETHER>();
    for (histograms, columns) in fours.iter_mut().zip(columns) {
        fill_four(histograms, columns, rows, sums_of_rows);
    }
    for (histogram, column) in rest.iter_mut().zip(columns_left) {
        for (&row, &sums) in rows.iter().zip(sums_of_rows) {
            add(&mut histogram[usize::from(column[row as usize])], sums);
        }
    }
}

fn fill_four(
    [a, b, c, d]: &mut [Histogram; TOGETHER],
    columns: &[&[u8]; TOGETHER],
    rows: &[u32],
    sums_of_rows: &[Sums],
) {
    // Of one length, so that one check of bounds a row will do.
    let n_rows = columns[0].len();
    let [of_a, of_b, of_c, of_d] = columns.map(|column| &column[..n_rows]);
    for (&row, &sums) in rows.iter().zip(sums_of_rows) {
        let row = row as usize;
        add(&mut a[usize::from(of_a[row])], sums);
        add(&mut b[usize::from(of_b[row])], sums);
        add(&mut c[usize::from(of_c[row])], sums);
        add(&mut d[usize::from(of_d[row])], sums);
    }
}

/// Turns a parent's histograms into those of one child, given the other's.
pub(crate) fn subtract(parent: &mut [Histogram], child: &[Histogram]) {
    for (all, &part) in parent.as_flattened_mut().iter_mut().zip(child.as_flattened()) {
        *all = less(*all, part);
    }
}
