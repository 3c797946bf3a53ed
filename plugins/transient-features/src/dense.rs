//! Small symmetric systems, solved by Cholesky's method.

/// A symmetric matrix of a few rows, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetric {
    n: usize,
    cells: Vec<f64>,
}

impl Symmetric {
    pub fn zero(n: usize) -> Self {
        Self { n, cells: vec![0.0; n * n] }
    }

    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.n + column]
    }

    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.cells[row * self.n + column] = value;
    }

    /// The rows and columns in `kept`, in their order.
    pub fn only(&self, kept: &[usize]) -> Self {
        let mut part = Self::zero(kept.len());
        for (row, &from) in kept.iter().enumerate() {
            for (column, &of) in kept.iter().enumerate() {
                part.set(row, column, self.get(from, of));
            }
        }
        part
    }

    /// The lower triangle L of `L Lᵀ`; none unless the matrix is positive definite.
    pub fn cholesky(&self) -> Option<Cholesky> {
        let n = self.n;
        let mut lower = Self::zero(n);
        for row in 0..n {
            for column in 0..=row {
                let known: f64 =
                    (0..column).map(|k| lower.get(row, k) * lower.get(column, k)).sum();
                let rest = self.get(row, column) - known;
                if row == column {
                    // What rounding leaves of a singular matrix is no pivot.
                    if rest.is_nan() || rest <= 1e-15 * self.get(row, row) {
                        return None;
                    }
                    lower.set(row, row, rest.sqrt());
                } else {
                    lower.set(row, column, rest / lower.get(column, column));
                }
            }
        }
        Some(Cholesky(lower))
    }
}

/// A factored matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky(Symmetric);

impl Cholesky {
    /// The x of `A x = b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (lower, n) = (&self.0, self.0.n);
        let mut x = b.to_vec();
        for row in 0..n {
            let known: f64 = (0..row).map(|k| lower.get(row, k) * x[k]).sum();
            x[row] = (x[row] - known) / lower.get(row, row);
        }
        for row in (0..n).rev() {
            let known: f64 = (row + 1..n).map(|k| lower.get(k, row) * x[k]).sum();
            x[row] = (x[row] - known) / lower.get(row, row);
        }
        x
    }

    /// The diagonal of the inverse.
    pub fn inverse_diagonal(&self) -> Vec<f64> {
        let n = self.0.n;
        let unit = |at: usize| (0..n).map(|k| f64::from(u8::from(k == at))).collect::<Vec<_>>();
        (0..n).map(|at| self.solve(&unit(at))[at]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_solved() {
        let mut a = Symmetric::zero(2);
        for (row, column, value) in [(0, 0, 4.0), (0, 1, 2.0), (1, 0, 2.0), (1, 1, 3.0)] {
            a.set(row, column, value);
        }
        let factored = a.cholesky().unwrap();
        let x = factored.solve(&[8.0, 8.0]);
        assert!((x[0] - 1.0).abs() < 1e-15 && (x[1] - 2.0).abs() < 1e-15);
        let inverse = factored.inverse_diagonal();
        assert!((inverse[0] - 0.375).abs() < 1e-15 && (inverse[1] - 0.5).abs() < 1e-15);
        a.set(1, 1, 1.0);
        assert_eq!(a.cholesky(), None);
        assert_eq!(a.only(&[0]).cholesky().unwrap().solve(&[2.0]), [0.5]);
    }
}
