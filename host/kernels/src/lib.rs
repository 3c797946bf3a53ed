//! The heavy numerical routines that the host lends to plugins: the same numbers wherever
//! they run.
//!
//! Slices in, numbers out: nothing here knows plugins, Arrow or the contract. In the order
//! that the contract's `kernels` interface names them:
//!
//! - [`curves`]: many light curves behind each other;
//! - [`grid`]: the frequencies to try on them;
//! - [`search`], [`peaks`]: which of these are the best;
//! - [`lomb_scargle`]: periods by fitting sines;
//! - [`conditional_entropy`]: periods by how well phase tells the value;
//! - [`phase_dispersion`]: periods by scatter in bins of phase;
//! - [`phase_fold`](mod@phase_fold): times as phases of a period;
//! - [`pairwise_histogram`]: changes of value against lapses of time;
//! - [`knn`]: nearest neighbours;
//! - [`trees`]: a model of trees as flat columns, checked;
//! - [`forest`]: what it says of rows;
//! - [`tree_shap`]: what each feature contributes to that.
//!
//! **Determinism.** On the CPU, a kernel gives the same bits on every machine, with any
//! number of threads: sums have one order, whatever the width of the vector unit, and every
//! multiplication that is fused with an addition is fused everywhere (`f64::mul_add`).

/// Changes whenever a kernel's results do.
pub const VERSION: u32 = 1;

pub mod curves;
pub mod grid;
pub mod search;
pub mod peaks;
pub mod lomb_scargle;
pub mod conditional_entropy;
pub mod phase_dispersion;
pub mod phase_fold;
pub mod pairwise_histogram;
pub mod knn;
pub mod trees;
pub mod forest;
pub mod tree_shap;

mod error;
mod folds;
mod simd;
mod threads;
mod turns;
mod width;

pub use curves::{Curve, Curves};
pub use error::KernelError;
pub use grid::Grid;
pub use peaks::Extremum;
pub use search::{Frequencies, Search};
