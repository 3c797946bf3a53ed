//! Random forests as tables.
//!
//! ```text
//! forest-trainer → model table → Tree, one after another → Part → the host's kernels, which
//!                                  predict (forest-classifier) and explain (tree-shap)
//! ```
//!
//! A model is an Arrow table with one row per node, never a pickle: any plugin, in any
//! language, can read it. This crate knows that table, checks it, and hands it to the kernels.
//! It does not know how forests grow. Only [`port`] knows how the host hands tables over.

pub mod bag;
pub mod tree;
pub mod table;
pub mod part;
pub mod port;
pub mod predict;

pub use bag::Bagging;
pub use part::Part;
pub use table::ModelSchema;
pub use tree::{ModelError, Nodes, Tree, TreeReader};
