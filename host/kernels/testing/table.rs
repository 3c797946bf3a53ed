//! Tables of numbers in files, for tests, benches and the example.

use std::path::Path;

/// The lines below the header, cut at commas.
pub(crate) fn lines(path: &Path) -> Vec<Vec<String>> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// All numbers of a table below its header, row-major, NaN for empty fields; and its width.
pub(crate) fn table(path: &Path) -> (Vec<f64>, usize) {
    let lines = lines(path);
    let width = lines.first().map_or(0, Vec::len);
    (lines.iter().flatten().map(|field| number(field)).collect(), width)
}

pub(crate) fn number(field: &str) -> f64 {
    if field.is_empty() { f64::NAN } else { field.parse().expect("a number") }
}
