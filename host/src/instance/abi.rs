//! The contract `skyloom:plugin@0.1.0` as Rust types: the one place that knows its version.
//!
//! Written by hand, not generated: columns leave the host as shared [`Bytes`], so that the
//! only copy is the one into the guest's memory.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentType, Lift, Lower, Resource};

use super::store::{BatchHandle, BlobHandle, ReaderHandle, WriterHandle};

/// The one version of the contract that this host speaks.
pub(crate) const VERSION: &str = "0.1.0";
pub(crate) const DATA: &str = "skyloom:plugin/data@0.1.0";
pub(crate) const KERNELS: &str = "skyloom:plugin/kernels@0.1.0";
pub(crate) const LOG: &str = "skyloom:plugin/log@0.1.0";
pub(crate) const TYPES: &str = "skyloom:plugin/types@0.1.0";
pub(crate) const NODE: &str = "skyloom:plugin/node@0.1.0";

#[derive(Debug, Clone, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) format: String,
    pub(crate) nullable: bool,
    pub(crate) dictionary: bool,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) children: u32,
}

/// A column on its way into a guest.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct ColumnOut {
    pub(crate) rows: u64,
    pub(crate) validity: Option<Bytes>,
    pub(crate) buffers: Vec<Bytes>,
}

/// A column as a guest wrote it: believed by nobody yet.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ColumnIn {
    pub(crate) rows: u64,
    pub(crate) validity: Option<Vec<u8>>,
    pub(crate) buffers: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, ComponentType, Lift, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Role {
    #[component(name = "ingester")]
    Ingester,
    #[component(name = "feature-extractor")]
    FeatureExtractor,
    #[component(name = "transformer")]
    Transformer,
    #[component(name = "selector")]
    Selector,
    #[component(name = "trainer")]
    Trainer,
    #[component(name = "classifier")]
    Classifier,
    #[component(name = "calibrator")]
    Calibrator,
    #[component(name = "evaluator")]
    Evaluator,
    #[component(name = "explainer")]
    Explainer,
    #[component(name = "simulator")]
    Simulator,
    #[component(name = "monitor")]
    Monitor,
}

#[derive(Clone, Copy, ComponentType, Lift, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Scope {
    #[component(name = "partition")]
    Partition,
    #[component(name = "whole")]
    Whole,
}

#[derive(Clone, Copy, ComponentType, Lift, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[component(enum)]
#[repr(u8)]
pub(crate) enum PortKind {
    #[component(name = "table")]
    Table,
    #[component(name = "whole-table")]
    WholeTable,
    #[component(name = "blob")]
    Blob,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) kind: PortKind,
    pub(crate) optional: bool,
    pub(crate) description: String,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct Descriptor {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) role: Role,
    pub(crate) scope: Scope,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    pub(crate) params: String,
    pub(crate) citations: Vec<String>,
}

#[derive(Clone, Copy, ComponentType, Lift, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Purpose {
    #[component(name = "feature")]
    Feature,
    #[component(name = "label")]
    Label,
    #[component(name = "key")]
    Key,
    #[component(name = "weight")]
    Weight,
    #[component(name = "value")]
    Value,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct Read {
    pub(crate) input: u32,
    pub(crate) column: u32,
    pub(crate) purpose: Purpose,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct Passed {
    pub(crate) field: u32,
    pub(crate) input: u32,
    pub(crate) column: u32,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct TableSchema {
    pub(crate) fields: Vec<Field>,
    pub(crate) passed: Vec<Passed>,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct Binding {
    pub(crate) outputs: Vec<TableSchema>,
    pub(crate) reads: Vec<Read>,
    pub(crate) pieces: u32,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Piece {
    pub(crate) index: u32,
    pub(crate) count: u32,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct ParamError {
    pub(crate) param: String,
    pub(crate) message: String,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(deny_unknown_fields)]
#[component(record)]
pub(crate) struct ColumnError {
    pub(crate) input: String,
    pub(crate) column: String,
    pub(crate) param: Option<String>,
    pub(crate) expected: String,
    pub(crate) found: String,
}

#[derive(ComponentType, Lift, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[component(variant)]
pub(crate) enum PluginError {
    #[component(name = "param")]
    Param(ParamError),
    #[component(name = "missing-column")]
    MissingColumn(ColumnError),
    #[component(name = "wrong-type")]
    WrongType(ColumnError),
    #[component(name = "wrong-unit")]
    WrongUnit(ColumnError),
    #[component(name = "data")]
    Data(String),
    #[component(name = "failed")]
    Failed(String),
}

#[derive(Debug, Clone, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum IoError {
    #[component(name = "denied")]
    Denied(String),
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "limit")]
    Limit(String),
    #[component(name = "storage")]
    Storage(String),
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Shape {
    #[component(name = "table")]
    Table(Vec<Field>),
    #[component(name = "blob")]
    Blob(Resource<BlobHandle>),
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct BoundInput {
    pub(crate) port: String,
    pub(crate) shape: Shape,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Content {
    #[component(name = "table")]
    Table(Resource<ReaderHandle>),
    #[component(name = "blob")]
    Blob(Resource<BlobHandle>),
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Input {
    pub(crate) port: String,
    pub(crate) content: Content,
}

pub(crate) type DescribeResult = (Descriptor,);
pub(crate) type BindParams = (String, Vec<BoundInput>);
pub(crate) type BindResult = (Result<Binding, PluginError>,);
pub(crate) type RunParams = (String, Piece, Vec<Input>, Vec<Resource<WriterHandle>>);
pub(crate) type RunResult = (Result<(), PluginError>,);
pub(crate) type NextResult = Result<Option<Resource<BatchHandle>>, IoError>;
