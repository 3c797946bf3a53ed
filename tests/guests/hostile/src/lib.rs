//! Breaks the contract in every way that the SDK would prevent. The parameter `crime` says
//! how; `none` is honest. Written against the bare contract.
//!
//! Its table is that of the guest `source`: 0 is `n`, which it passes on, 1 is `x`, which it
//! reads, and 2 is `s`, which is none of its business.
#![cfg(target_arch = "wasm32")]

mod columns;
mod raw;

wit_bindgen::generate!({ path: "../../../plugin-sdk/wit/v0.1", world: "plugin", generate_all });

use exports::skyloom::plugin::node::{
    Binding, BoundInput, Content, Descriptor, Guest, Input, Piece, PluginError, Shape,
};
use skyloom::plugin::data::{Batch, IoError, Reader, Writer};
use skyloom::plugin::log::{Level, log};
use skyloom::plugin::types::{
    Column, ColumnError, Field, ParamError, Passed, Port, PortKind, Purpose, Read, Role, Scope,
    TableSchema,
};

/// Rings a bell, names the window, clears the screen, writes to the clipboard, reorders
/// text, and, in one character, begins a control sequence.
const ESCAPES: &str =
    "\u{7}\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}]52;c;AAAA\u{7}\u{202e}\u{9b}2J\u{0}\r\u{7f}";

struct Hostile;
export!(Hostile);

/// What stands under `crime`; names have nothing that JSON would escape.
fn crime_of(params: &str) -> &str {
    let named = params.split_once("\"crime\":\"").and_then(|(_, rest)| rest.split_once('"'));
    named.map_or("none", |(crime, _)| crime)
}

impl Guest for Hostile {
    fn describe() -> Descriptor {
        let port = |name: &str, optional| Port {
            name: name.to_owned(),
            kind: PortKind::Table,
            optional,
            description: "Rows of `source`.".to_owned(),
        };
        Descriptor {
            name: "hostile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: env!("CARGO_PKG_DESCRIPTION").to_owned(),
            role: Role::Transformer,
            scope: Scope::Partition,
            inputs: vec![port("table", false), port("other", true)],
            outputs: vec![port("table", false)],
            params: r#"{"type": "object", "additionalProperties": false,
                "properties": {"crime": {"type": "string", "default": "none"}}}"#
                .to_owned(),
            citations: Vec::new(),
        }
    }

    fn bind(params: String, inputs: Vec<BoundInput>) -> Result<Binding, PluginError> {
        let Shape::Table(mut fields) = inputs.into_iter().next().expect("a table").shape else {
            return Err(PluginError::Failed("not a table".to_owned()));
        };
        let crime = crime_of(&params);
        let mut schema = TableSchema {
            passed: vec![Passed { field: 0, input: 0, column: 0 }],
            fields: vec![fields.swap_remove(0)],
        };
        schema.fields.extend(columns::declared(crime));
        let read = |input, column| Read { input, column, purpose: Purpose::Value };
        let mut binding = Binding { outputs: vec![schema], reads: vec![read(0, 1)], pieces: 1 };
        let table = &mut binding.outputs[0];
        match crime {
            "bind-spin" => spin(),
            "bind-panic" => panic!("no words of this reach the host"),
            "bind-pass-field-outside" => table.passed[0].field = 9,
            "bind-pass-column-outside" => table.passed[0].column = 9,
            "bind-pass-input-outside" => table.passed[0].input = u32::MAX,
            "bind-pass-other-type" => table.passed[0].column = 2,
            "bind-pass-twice" => table.passed.push(table.passed[0]),
            "bind-read-outside" => binding.reads.push(read(0, 3)),
            "bind-read-input-outside" => binding.reads.push(read(7, 0)),
            "bind-no-outputs" => binding.outputs.clear(),
            "bind-no-pieces" => binding.pieces = 0,
            "bind-many-pieces" => binding.pieces = u32::MAX,
            "bind-same-name" => table.fields[1].name = "n".to_owned(),
            "bind-unknown-format" => table.fields[1].format = format!("{ESCAPES}?"),
            "bind-missing-children" => table.fields[1].children = 5,
            "bind-deep" => table.fields.splice(1.., columns::nested(5000)).for_each(drop),
            "bind-many-fields" => {
                let name = |index: u32| columns::field(&index.to_string(), "g", false);
                table.fields.extend((0..100_000).map(name));
            }
            "bind-escapes" => table.fields[1].name = ESCAPES.to_owned(),
            "bind-error-escapes" => {
                let (param, message) = ("crime".to_owned(), ESCAPES.to_owned());
                return Err(PluginError::Param(ParamError { param, message }));
            }
            "bind-column-escapes" => {
                return Err(PluginError::WrongType(ColumnError {
                    input: ESCAPES.to_owned(),
                    column: ESCAPES.to_owned(),
                    param: Some(ESCAPES.to_owned()),
                    expected: ESCAPES.to_owned(),
                    found: ESCAPES.to_owned(),
                }));
            }
            _ => {}
        }
        Ok(binding)
    }

    fn run(
        params: String,
        _: Piece,
        inputs: Vec<Input>,
        outputs: Vec<Writer>,
    ) -> Result<(), PluginError> {
        let mut tables = inputs.into_iter().filter_map(|input| match input.content {
            Content::Table(reader) => Some(reader),
            Content::Blob(_) => None,
        });
        let input = tables.next().expect("the host connects all that is not optional");
        let crime = crime_of(&params);
        // What the host refuses fails the run, whatever is answered here.
        drop(commit(crime, &input, tables.next().as_ref(), &outputs[0]));
        match crime {
            "error-escapes" => Err(PluginError::Failed(ESCAPES.to_owned())),
            "error-long" => Err(PluginError::Data("long ".repeat(2_000_000))),
            _ => Ok(()),
        }
    }
}

fn commit(
    crime: &str,
    input: &Reader,
    other: Option<&Reader>,
    output: &Writer,
) -> Result<(), IoError> {
    match crime {
        "trap" => core::arch::wasm32::unreachable(),
        "panic" => panic!("no words of this reach the host"),
        "recurse" => drop(core::hint::black_box(recurse(1))),
        "load-outside" => {
            // An address that no memory of this module has.
            let address = core::hint::black_box(0xffff_fff0_usize) as *const u64;
            #[expect(unsafe_code, reason = "the crime")]
            // SAFETY: none; the sandbox traps.
            let value = unsafe { address.read_volatile() };
            core::hint::black_box(value);
        }
        "spin" => spin(),
        "hog-memory" => hog(1 << 40),
        "hog-some-memory" => hog(48 << 20),
        "flood-log" => (0..1_000_000).for_each(|line| log(Level::Warn, &line.to_string())),
        "log-long" => log(Level::Warn, &"long ".repeat(2_000_000)),
        "log-escapes" => log(Level::Warn, ESCAPES),
        "hoard-batches" => {
            for _ in 0..100_000 {
                input.rewind();
                std::mem::forget(input.next()?);
            }
        }
        "put-where-rows-are-passed" => output.put(&columns::emitted("none", 1000))?,
        "cut" => output.cut()?,
        "wrong-handle" => raw::use_handle_of_nobody(),
        "list-outside" => raw::put_list_outside_memory(output.handle()),
        "string-outside" => raw::log_outside_memory(),
        "string-not-utf8" => raw::log_not_utf8(),
        "huge-call" => raw::put_same_buffer(output.handle(), 4096),
        "huge-list" => raw::put_same_buffers(output.handle(), 10_000, 10_000),
        _ => {}
    }
    while let Some(batch) = input.next()? {
        commit_on(crime, &batch, other, output)?;
    }
    Ok(())
}

fn commit_on(
    crime: &str,
    batch: &Batch,
    other: Option<&Reader>,
    output: &Writer,
) -> Result<(), IoError> {
    let rows = batch.rows();
    let new = columns::emitted(crime, rows as usize);
    match crime {
        "peek" => drop(batch.column(2)?),
        "peek-slice" => drop(batch.slice(2, 0, 1)?),
        "column-outside" => drop(batch.column(3)?),
        "slice-outside" => drop(batch.slice(0, 1, rows)?),
        "slice-overflow" => drop(batch.slice(0, u64::MAX, 2)?),
        // In `flood-rows`, what grows is passed on: no byte of it comes from here.
        "flood-output" | "flood-rows" => loop {
            output.derive(batch, None, &new)?;
        },
        "some-output" => {
            for _ in 0..1500 {
                output.derive(batch, None, &new)?;
            }
        }
        "keep-short" => output.derive(batch, Some(&[255]), &new)?,
        "keep-other-rows" => output.derive(batch, Some(&[0; 125]), &new)?,
        "other-input" => {
            let other = other.expect("the workflow connects it").next()?;
            output.derive(&other.expect("it has rows"), None, &new)?;
        }
        _ => {}
    }
    output.derive(batch, None, &new)
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = core::hint::black_box(turns.wrapping_add(1));
    }
}

fn recurse(depth: u64) -> u64 {
    if depth == 0 { 0 } else { core::hint::black_box(recurse(depth + 1)) + 1 }
}

/// Takes and touches memory until it has `bytes`, or the host says no.
fn hog(bytes: u64) {
    const CHUNK: usize = 1 << 20;
    let mut held = Vec::new();
    while (held.len() * CHUNK) < bytes as usize || bytes > u64::from(u32::MAX) {
        held.push(vec![1_u8; CHUNK]);
    }
    core::hint::black_box(&held);
}
