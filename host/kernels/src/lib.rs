//! The heavy numerical routines that the host lends to plugins: the same numbers wherever
//! they run.
//!
//! Slices in, numbers out: nothing here knows plugins, Arrow or the contract. In the order
//! that the contract's `kernels` interface names them:
//!
//! - [`curves`]: many light curves behind each other, and the frequencies to try;
//! - [`trees`]: a model of trees as flat columns, checked;
//! - [`forest`]: what it says of rows;
//! - [`tree_shap`]: what each feature contributes to that;
//! - [`knn`]: nearest neighbours.
//!
//! **Determinism.** On the CPU, a kernel gives the same bits on every machine, with any
//! number of threads: sums have one order, whatever the width of the vector unit, and every
//! multiplication that is fused with an addition is fused everywhere (`f64::mul_add`).

pub mod curves;
pub mod trees;
pub mod forest;
pub mod tree_shap;
pub mod knn;

mod error;
mod threads;
mod width;

pub use error::KernelError;
