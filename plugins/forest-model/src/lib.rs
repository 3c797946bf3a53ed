//! Random forests as tables.
//!
//! ```text
//! forest-trainer → model table → Tree, one after another → PackedForest   (forest-classifier)
//!                                                         → the path tree  (tree-shap)
//! ```
//!
//! A model is an Arrow table with one row per node, never a pickle: any plugin, in any
//! language, can read it. This crate knows that table, checks it, and predicts with it. It
//! does not know how forests grow. Only [`port`] knows how the host hands tables over.

pub mod bag;
pub mod tree;
pub mod table;
pub mod packed;
pub mod port;

pub use bag::Bagging;
pub use packed::PackedForest;
pub use table::ModelSchema;
pub use tree::{ModelError, Nodes, Tree, TreeReader};
