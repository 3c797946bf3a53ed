//! Moves columns over the border and does nothing with them: what a crossing itself costs,
//! and what comes back when nobody in between understands it. Written against the bare
//! contract.
//!
//! The parameter `mode`: `echo` emits every column as a new one, `slice` does so in pieces
//! of `rows` rows, `pull` only reads, `push` only emits, and `calls` only asks for the
//! number of rows; the last three `times` times for each batch.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    path: "../../../plugin-sdk/wit/v0.1",
    world: "plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
    generate_all,
});

use exports::skyloom::plugin::node::{
    Binding, BoundInput, Content, Descriptor, Guest, Input, Piece, PluginError, Shape,
};
use skyloom::plugin::data::{Batch, IoError, Writer};
use skyloom::plugin::types::{
    ColumnParam, ColumnResult, Port, PortKind, Purpose, Read, Role, Scope, TableSchema,
};

struct Border;
export!(Border);

/// The text or number under `name`; there is nothing that JSON would escape.
fn param<'a>(params: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = params.split_once(&format!("\"{name}\":"))?;
    rest.split([',', '}']).next().map(|value| value.trim_matches('"'))
}

fn number(params: &str, name: &str) -> u64 {
    param(params, name).and_then(|text| text.parse().ok()).unwrap_or(1)
}

impl Guest for Border {
    fn describe() -> Descriptor {
        let port = || Port {
            name: "table".to_owned(),
            kind: PortKind::Table,
            optional: false,
            description: "Any table.".to_owned(),
        };
        Descriptor {
            name: "border".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: env!("CARGO_PKG_DESCRIPTION").to_owned(),
            role: Role::Transformer,
            scope: Scope::Partition,
            inputs: vec![port()],
            outputs: vec![port()],
            params: r#"{"type": "object", "additionalProperties": false, "properties": {
                "mode": {"enum": ["echo", "slice", "pull", "push", "calls"], "default": "echo"},
                "rows": {"type": "integer", "minimum": 1, "default": 1},
                "times": {"type": "integer", "minimum": 0, "default": 1}}}"#
                .to_owned(),
            citations: Vec::new(),
        }
    }

    fn bind(_: String, inputs: Vec<BoundInput>) -> Result<Binding, PluginError> {
        let Some(BoundInput { shape: Shape::Table(fields), .. }) = inputs.into_iter().next() else {
            return Err(PluginError::Failed("not a table".to_owned()));
        };
        let top_level = top_level(&fields);
        let read = |column| Read { input: 0, column, purpose: Purpose::Value };
        let reads = (0..top_level).map(read).collect();
        let outputs = vec![TableSchema { fields, passed: Vec::new() }];
        Ok(Binding { outputs, reads, pieces: 1 })
    }

    fn run(
        params: String,
        _: Piece,
        inputs: Vec<Input>,
        outputs: Vec<Writer>,
    ) -> Result<(), PluginError> {
        let Some(Input { content: Content::Table(input), .. }) = inputs.into_iter().next() else {
            return Err(PluginError::Failed("not a table".to_owned()));
        };
        let columns = top_level(&input.fields());
        let failed = |_: IoError| PluginError::Failed("the host refused".to_owned());
        while let Some(batch) = input.next().map_err(failed)? {
            cross(&params, &batch, columns, &outputs[0]).map_err(failed)?;
        }
        Ok(())
    }
}

/// How many fields of a schema are nobody's children.
fn top_level(fields: &[skyloom::plugin::types::Field]) -> u32 {
    let mut rest = fields.iter();
    let mut count = 0;
    while let Some(field) = rest.next() {
        count += 1;
        let mut below = field.children;
        while below > 0
            && let Some(child) = rest.next()
        {
            below += child.children;
            below -= 1;
        }
    }
    count
}

fn cross(params: &str, batch: &Batch, columns: u32, output: &Writer) -> Result<(), IoError> {
    let (rows, times) = (batch.rows(), number(params, "times"));
    match param(params, "mode") {
        Some("slice") => {
            let step = number(params, "rows");
            for offset in (0..rows).step_by(step as usize) {
                let length = step.min(rows - offset);
                let pull = |column| batch.slice(column, offset, length);
                push(&(0..columns).map(pull).collect::<Result<Vec<_>, _>>()?, output)?;
            }
        }
        Some("pull") => {
            for _ in 0..times {
                for column in 0..columns {
                    core::hint::black_box(batch.column(column)?);
                }
            }
        }
        Some("push") => {
            let pulled = pull(batch, columns)?;
            for _ in 0..times {
                push(&pulled, output)?;
            }
        }
        Some("calls") => {
            let mut total = 0;
            for _ in 0..times {
                total += batch.rows();
            }
            core::hint::black_box(total);
        }
        _ => push(&pull(batch, columns)?, output)?,
    }
    Ok(())
}

fn pull(batch: &Batch, columns: u32) -> Result<Vec<Vec<ColumnResult>>, IoError> {
    (0..columns).map(|column| batch.column(column)).collect()
}

fn push(columns: &[Vec<ColumnResult>], output: &Writer) -> Result<(), IoError> {
    let arrays: Vec<&ColumnResult> = columns.iter().flatten().collect();
    let buffers: Vec<Vec<&[u8]>> =
        arrays.iter().map(|array| array.buffers.iter().map(Vec::as_slice).collect()).collect();
    let lent: Vec<ColumnParam<'_>> = arrays
        .iter()
        .zip(&buffers)
        .map(|(array, buffers)| ColumnParam {
            rows: array.rows,
            validity: array.validity.as_deref(),
            buffers,
        })
        .collect();
    output.put(&lent)
}
