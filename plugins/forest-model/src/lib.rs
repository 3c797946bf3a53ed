//! Forests as tables: random ones, whose trees vote, and boosted ones, whose trees add up.
//!
//! ```text
//! Lesson → a trainer → model table → Tree, one after another → Part → the host's kernels,
//!                                    which predict (classifiers) and explain (tree-shap)
//! ```
//!
//! A model is an Arrow table with one row per node, never a pickle: any plugin, in any
//! language, can read it. This crate knows that table, checks it, and hands it to the
//! kernels. It does not know how forests grow, though [`codes`] and [`lesson`] are what all who grow them
//! begin with. [`port`], [`folds`] and [`lesson`] know how the host hands tables over.

pub mod bag;
pub mod tree;
pub mod table;
pub mod folds;
pub mod boosted;
pub mod codes;
pub mod lesson;
pub mod part;
pub mod port;
pub mod predict;

pub use bag::Bagging;
pub use boosted::BoostedSchema;
pub use folds::Folds;
pub use part::Part;
pub use table::ModelSchema;
pub use tree::{ModelError, Nodes, Tree, TreeReader};
