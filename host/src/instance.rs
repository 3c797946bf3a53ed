//! Who is running: plugins as components, one fresh instance for each call.
//!
//! [`Engine`] compiles, [`Plugin`] is a compiled component with its descriptor, and each
//! of [`Plugin::bind`] and [`Plugin::run`] makes a store of its own, under [`Limits`],
//! that is dropped when the call ends. Only `abi` knows the contract's version.
//!
//! It does not know workflows, nodes or the cache.

mod abi;
mod chosen;
mod compiled;
mod engine;
mod kernels;
mod scientific;
mod store;
mod threads;
mod wasi;
mod words;

pub use chosen::Selection;
pub use engine::{Component, Engine};
pub use scientific::pack;
pub(crate) use scientific::{INSTALL_RUNTIME, RUNTIME, runtime_folder};
pub use skyloom_kernels::VERSION as KERNELS_VERSION;
pub use store::{BoundInput, Limits, LogLevel, LogLine, RunInput, RunReport, Task, Watch};
pub use threads::Threads;

use std::sync::Arc;

use arrow::datatypes::Fields;

/// What a plugin is for; see the contract's `role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Ingester,
    FeatureExtractor,
    Transformer,
    Selector,
    Trainer,
    Classifier,
    Calibrator,
    Evaluator,
    Explainer,
    Simulator,
    Monitor,
}

/// How a node's input is cut; see the contract's `scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    Partition,
    Whole,
}

/// What travels through a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortKind {
    Table,
    WholeTable,
    Blob,
}

/// An input or output of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Port {
    pub name: String,
    pub kind: PortKind,
    pub optional: bool,
    pub description: String,
}

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Descriptor {
    pub name: String,
    pub version: String,
    pub description: String,
    pub role: Role,
    pub scope: Scope,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    /// JSON Schema of the parameters.
    pub params: serde_json::Value,
    pub citations: Vec<String>,
}

/// What a column is read for; see the contract's `purpose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    Feature,
    Label,
    Key,
    Weight,
    Value,
}

/// A column that a run will read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Read {
    pub input: usize,
    pub column: usize,
    pub purpose: Purpose,
}

/// An output column that is an input column, untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Passed {
    pub field: usize,
    pub input: usize,
    pub column: usize,
}

/// An output port's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    pub fields: Fields,
    pub passed: Vec<Passed>,
}

/// What a plugin declared about one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub outputs: Vec<Arc<TableSchema>>,
    pub reads: Vec<Read>,
    pub pieces: u32,
}

/// What a guest says went wrong; the caller adds node and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestError {
    Param { param: String, message: String },
    MissingColumn(ColumnError),
    WrongType(ColumnError),
    WrongUnit(ColumnError),
    Data(String),
    Failed(String),
}

/// Which column, and what was expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnError {
    pub input: String,
    pub column: String,
    pub param: Option<String>,
    pub expected: String,
    pub found: String,
}

impl std::fmt::Display for GuestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Param { param, message } if param.is_empty() => f.write_str(message),
            Self::Param { param, message } => write!(f, "parameter `{param}`: {message}"),
            Self::MissingColumn(e) => {
                write!(f, "input `{}` has no column `{}`", e.input, e.column)
            }
            Self::WrongType(e) | Self::WrongUnit(e) => {
                write!(f, "column `{}` of input `{}` is {}, ", e.column, e.input, e.found)?;
                write!(f, "but should be {}", e.expected)
            }
            Self::Data(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

/// Why a component could not be loaded or a call did not end well.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    #[error("it is not a component: {0}")]
    NotAComponent(String),
    #[error("it does not speak skyloom:plugin@0.1.0: {0}")]
    WrongContract(String),
    #[error(
        "it speaks contract {found}; this host speaks {}: {}",
        abi::VERSION,
        contract_remedy(found)
    )]
    OtherContract { found: String },
    #[error("it imports `{0}`, which a plugin may not have")]
    ForbiddenImport(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("its descriptor is wrong: {0}")]
    Descriptor(String),
    #[error("{0}")]
    Guest(GuestError),
    /// A limit that the user can raise.
    #[error("{0}")]
    Limit(String),
    #[error("it broke the contract: {0}")]
    Contract(String),
    #[error("it trapped: {0}")]
    Trap(String),
    #[error("interrupted")]
    Interrupted,
    #[error("cannot store its output: {0}")]
    Storage(String),
    /// What it runs in is not to be had.
    #[error("{0}")]
    Runtime(String),
    #[error("cannot compile it: {0}")]
    Compile(String),
}

/// What to do about a plugin that speaks the contract `found`.
fn contract_remedy(found: &str) -> &'static str {
    let version = |text: &str| semver::Version::parse(text).ok();
    match (version(found), version(abi::VERSION)) {
        (Some(found), Some(ours)) if found < ours => {
            "get a newer release of the plugin, or build it again with this Skyloom's SDK"
        }
        _ => "get a newer Skyloom or an older release of the plugin",
    }
}
