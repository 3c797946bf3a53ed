//! Bindings as JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use skyloom_wire::WireField;

use crate::instance::{Binding, Passed, Read, TableSchema};

#[derive(Serialize, Deserialize)]
pub(super) struct BindingJson {
    outputs: Vec<TableJson>,
    reads: Vec<Read>,
    pieces: u32,
}

#[derive(Serialize, Deserialize)]
struct TableJson {
    fields: Vec<FieldJson>,
    passed: Vec<Passed>,
}

#[derive(Serialize, Deserialize)]
struct FieldJson {
    name: String,
    format: String,
    nullable: bool,
    dictionary: bool,
    metadata: Vec<(String, String)>,
    children: u32,
}

pub(super) fn to_json(binding: &Binding) -> BindingJson {
    let field = |field: WireField| FieldJson {
        name: field.name,
        format: field.format,
        nullable: field.nullable,
        dictionary: field.dictionary,
        metadata: field.metadata,
        children: field.children,
    };
    let table = |table: &Arc<TableSchema>| {
        // What was bound crossed the border, so its types flatten.
        let flat = skyloom_wire::flatten_fields(&table.fields).unwrap_or_default();
        TableJson { fields: flat.into_iter().map(field).collect(), passed: table.passed.clone() }
    };
    BindingJson {
        outputs: binding.outputs.iter().map(table).collect(),
        reads: binding.reads.clone(),
        pieces: binding.pieces,
    }
}

pub(super) fn from_json(json: BindingJson) -> Option<Binding> {
    let field = |field: FieldJson| WireField {
        name: field.name,
        format: field.format,
        nullable: field.nullable,
        dictionary: field.dictionary,
        metadata: field.metadata,
        children: field.children,
    };
    let table = |table: TableJson| {
        let flat = table.fields.into_iter().map(field).collect();
        let fields = skyloom_wire::build_fields(flat).ok()?;
        Some(Arc::new(TableSchema { fields, passed: table.passed }))
    };
    Some(Binding {
        outputs: json.outputs.into_iter().map(table).collect::<Option<_>>()?,
        reads: json.reads,
        pieces: json.pieces,
    })
}
