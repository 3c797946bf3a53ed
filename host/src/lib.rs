//! Skyloom's engine: workflows of sandboxed WASM plugins over Arrow tables.
//!
//! ```text
//! workflow.yaml ─ parse → Workflow ─ resolve → Plan ─ execute → NodeOutcome
//!    → plugin instances (wasmtime) ⇄ RecordBatch → cache → outputs + RunRecord
//! ```
//!
//! Each arrow is one function, each stop one type, each room one module. A room knows the
//! rooms above it; only the corridors `schedule` and `run` look ahead.

pub mod fault;
pub mod data;
pub mod instance;
pub mod workflow;
pub mod oci;
pub mod trust;
pub mod kit;
pub mod registry;
pub mod cache;
pub mod plan;
pub mod lock;
pub mod schedule;
pub mod output;
pub mod provenance;
pub mod roots;
pub mod bundle;
pub mod run;
pub mod replay;
pub mod cli;
