//! What the user wrote.
//!
//! [`parse`] turns a file into a [`Workflow`]: inputs, parameters, nodes and outputs, each
//! with the place it was written at. Syntax ends here; what plugins make of it is [`plan`]'s
//! business.
//!
//! It knows neither plugins nor files.
//!
//! [`plan`]: crate::plan

mod parse;
mod schema;
mod tree;
mod yaml;

pub use parse::{Overrides, parse};
pub use schema::json_schema;
pub(crate) use tree::{Kind, Tree, read as read_tree};
pub(crate) use yaml::{from_yaml, to_yaml};

use std::ops::Range;

use indexmap::IndexMap;
use serde_json::Value;

use crate::fault::{At, Source};

/// A workflow file, parameters filled in.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub source: Source,
    pub name: At<String>,
    pub description: Option<String>,
    pub inputs: IndexMap<String, Input>,
    /// Values after overrides.
    pub params: IndexMap<String, Value>,
    pub nodes: IndexMap<String, Node>,
    pub outputs: IndexMap<String, Output>,
}

/// Files that come from outside.
#[derive(Debug, Clone)]
pub struct Input {
    pub id: At<String>,
    /// A file or glob, relative to the workflow file; none where it must be given.
    pub path: Option<At<String>>,
    /// Where others can get it; nothing is fetched.
    pub uri: Option<String>,
    pub description: Option<String>,
}

/// One plugin at work.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: At<String>,
    pub plugin: At<String>,
    /// The workflow input that an ingester reads.
    pub from: Option<At<String>>,
    pub edges: Vec<Edge>,
    pub with: IndexMap<String, Param>,
    /// Columns that may be features although the leakage guard knows their kind.
    pub allow_features: Vec<At<String>>,
    pub resources: Resources,
}

/// An input port's source, written on the consumer.
#[derive(Debug, Clone)]
pub struct Edge {
    /// None means the first input port.
    pub port: Option<At<String>>,
    pub from: At<PortRef>,
}

/// `node` or `node.port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRef {
    pub node: String,
    /// None means the first output port.
    pub port: Option<String>,
}

/// A parameter of a plugin as written.
#[derive(Debug, Clone)]
pub struct Param {
    pub key: At<String>,
    pub value: At<Value>,
    /// The places of what is in it.
    parts: Vec<Part>,
}

/// Something inside a parameter's value.
#[derive(Debug, Clone)]
struct Part {
    /// JSON pointer.
    pointer: String,
    /// The key of a mapping's entry; the item itself in a list.
    key: Range<usize>,
    value: Range<usize>,
}

impl Param {
    /// The place of the part at a JSON pointer, or of what is around it.
    pub fn place(&self, pointer: &str) -> Range<usize> {
        self.part(pointer).map_or(&self.value.span, |part| &part.value).clone()
    }

    /// The place of the key of the entry at a JSON pointer.
    pub fn key_place(&self, pointer: &str) -> Range<usize> {
        self.part(pointer).map_or(&self.value.span, |part| &part.key).clone()
    }

    /// The first place where `word` stands, as a value or key; else the whole value.
    pub fn mention(&self, word: &str) -> Range<usize> {
        let is_value = |part: &&Part| {
            self.value.value.pointer(&part.pointer).and_then(Value::as_str) == Some(word)
        };
        let is_key = |part: &&Part| part.pointer.rsplit('/').next() == Some(word);
        let value = self.parts.iter().find(is_value).map(|part| &part.value);
        let place = value.or_else(|| self.parts.iter().find(is_key).map(|part| &part.key));
        place.unwrap_or(&self.value.span).clone()
    }

    fn part(&self, pointer: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.pointer == pointer)
    }
}

/// What changes speed or failure, never values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resources {
    pub memory_bytes: Option<u64>,
    pub time_seconds: Option<u64>,
    pub output_bytes: Option<u64>,
}

/// A file to write.
#[derive(Debug, Clone)]
pub struct Output {
    pub id: At<String>,
    pub from: At<PortRef>,
    /// Relative to the folder that outputs go to.
    pub path: At<String>,
    pub format: Format,
}

/// How an output is written, by its file's ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    Parquet,
    Csv,
    Arrow,
}

impl Format {
    /// The format of files that end in `.ending`.
    pub fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            "parquet" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "arrow" => Some(Self::Arrow),
            _ => None,
        }
    }
}
