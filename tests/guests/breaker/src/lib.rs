//! Breaks one promise of the conformance kit, or none. Written against the bare contract.
//!
//! What it does is said by [`MODE`], a marker of fixed length in the component's data, which
//! tests overwrite in the component's bytes: `ROLE/CRIME`. So one build gives a plugin for each
//! promise, and each describes itself purely.
#![cfg(target_arch = "wasm32")]

mod table;

wit_bindgen::generate!({ path: "../../../plugin-sdk/wit/v0.1", world: "plugin", generate_all });

use exports::skyloom::plugin::node::{
    Binding, BoundInput, Content, Descriptor, Guest, Input, Piece, PluginError, Shape,
};
use skyloom::plugin::data::{Blob, Reader, Writer};
use skyloom::plugin::types::{
    ColumnError, Field, ParamError, Passed, Port, PortKind, Purpose, Read, Role, Scope, TableSchema,
};

/// `breaker:` and what it is to do, padded with blanks.
static MODE: [u8; 48] = *b"breaker:extractor/none                          ";

/// Role and crime. Read byte by byte, or the compiler would take them for known.
fn mode() -> (String, String) {
    #[expect(unsafe_code, reason = "the marker must be looked at when it runs")]
    // SAFETY: the index is within the array.
    let byte = |at: usize| unsafe { core::ptr::read_volatile(MODE.as_ptr().add(at)) };
    let text: String = (8..MODE.len()).map(|at| byte(at) as char).collect();
    let (role, crime) = text.trim().split_once('/').expect("the marker is ROLE/CRIME");
    (role.to_owned(), crime.to_owned())
}

fn crime_is(wanted: &str) -> bool {
    mode().1 == wanted
}

struct Breaker;
export!(Breaker);

impl Guest for Breaker {
    fn describe() -> Descriptor {
        let (role, crime) = mode();
        let is_ingester = role == "ingester";
        let port = |name: &str, kind, description: &str| Port {
            name: name.to_owned(),
            kind,
            optional: false,
            description: description.to_owned(),
        };
        let input = match is_ingester {
            true => port("file", PortKind::Blob, "Lines of text."),
            false => port("table", PortKind::Table, "Any table with a column of numbers."),
        };
        let words = if crime == "silent" { "" } else { env!("CARGO_PKG_DESCRIPTION") };
        let default = if crime == "bad-default" { "\"two\"" } else { "2" };
        let open = if crime == "open-params" { "true" } else { "false" };
        Descriptor {
            name: "breaker".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: words.to_owned(),
            role: match role.as_str() {
                "classifier" => Role::Classifier,
                "explainer" => Role::Explainer,
                "selector" => Role::Selector,
                "ingester" => Role::Ingester,
                _ => Role::FeatureExtractor,
            },
            scope: if is_ingester { Scope::Whole } else { Scope::Partition },
            inputs: vec![input],
            outputs: vec![port("rows", PortKind::Table, "What it makes of them.")],
            params: format!(
                r#"{{"type": "object", "additionalProperties": {open}, "properties": {{
                "column": {{"type": "string", "description": "The column of numbers."}},
                "factor": {{"type": "number", "default": {default}, "description": "By which."}}
                }}, "required": ["column"]}}"#
            ),
            citations: Vec::new(),
        }
    }

    fn bind(params: String, inputs: Vec<BoundInput>) -> Result<Binding, PluginError> {
        if crime_is("nonsense-traps") && !params.starts_with('{') {
            panic!("no words of this reach the host");
        }
        let params = Params::parse(&params)?;
        let shape = inputs.into_iter().next().map(|input| input.shape);
        match shape {
            Some(Shape::Table(fields)) => table::bind(&params, &fields),
            Some(Shape::Blob(blob)) => {
                lines(&blob)?;
                let field = new_field("length", "l", false);
                let output = TableSchema { fields: vec![field], passed: Vec::new() };
                Ok(Binding { outputs: vec![output], reads: Vec::new(), pieces: 1 })
            }
            None => Err(PluginError::Failed("an input is not connected".to_owned())),
        }
    }

    fn run(
        params: String,
        _: Piece,
        inputs: Vec<Input>,
        outputs: Vec<Writer>,
    ) -> Result<(), PluginError> {
        let params = Params::parse(&params)?;
        let failed = |error| PluginError::Failed(format!("the host refused: {error}"));
        match inputs.into_iter().next().map(|input| input.content) {
            Some(Content::Table(reader)) => table::run(&params, &reader, &outputs[0]),
            Some(Content::Blob(blob)) => {
                let lengths = lines(&blob)?;
                let column = table::integers(&lengths);
                outputs[0].put(&[column]).map_err(failed)
            }
            None => Err(PluginError::Failed("an input is not connected".to_owned())),
        }
    }
}

/// The lengths of the file's lines.
fn lines(blob: &Blob) -> Result<Vec<i64>, PluginError> {
    let bytes = blob.read(0, blob.size() as u32);
    let bytes = bytes.map_err(|error| PluginError::Failed(error.to_string()))?;
    if bytes.is_empty() && crime_is("empty-traps") {
        panic!("no words of this reach the host");
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) if crime_is("garbage-traps") => panic!("no words of this reach the host"),
        Err(error) => return Err(PluginError::Data(format!("not UTF-8: {error}; convert it"))),
    };
    Ok(text.lines().map(|line| line.len() as i64).collect())
}

/// What stands under `with:`.
struct Params {
    column: String,
    factor: f64,
}

impl Params {
    fn parse(params: &str) -> Result<Self, PluginError> {
        let wrong = |param: &str, message: &str| {
            let (param, message) = (param.to_owned(), message.to_owned());
            PluginError::Param(ParamError { param, message })
        };
        let after = |name: &str| params.split_once(&format!("\"{name}\":")).map(|(_, rest)| rest);
        let column = match after("column").map(|rest| rest.strip_prefix('"')) {
            Some(Some(rest)) => rest.split('"').next().unwrap_or_default().to_owned(),
            Some(None) => return Err(wrong("column", "it is text")),
            None if crime_is("missing-runs") => "x".to_owned(),
            None => return Err(wrong("column", "name the column of numbers")),
        };
        let factor = after("factor").map(|rest| rest.split([',', '}']).next().unwrap_or_default());
        let factor = match factor.map(str::parse) {
            None => 2.0,
            Some(Ok(factor)) => factor,
            Some(Err(_)) if crime_is("type-traps") => panic!("no words of this reach the host"),
            Some(Err(_)) => return Err(wrong("factor", "it is a number")),
        };
        Ok(Self { column, factor })
    }
}

fn new_field(name: &str, format: &str, nullable: bool) -> Field {
    Field {
        name: name.to_owned(),
        format: format.to_owned(),
        nullable,
        dictionary: false,
        metadata: Vec::new(),
        children: 0,
    }
}

/// The column `name` among `fields`, with the type of this format.
fn find(
    fields: &[Field],
    name: &str,
    format: &str,
    param: Option<&str>,
) -> Result<u32, PluginError> {
    let error = |found: &str| ColumnError {
        input: "table".to_owned(),
        column: name.to_owned(),
        param: param.map(str::to_owned),
        expected: match format {
            "g" => "float64".to_owned(),
            "l" => "int64".to_owned(),
            _ => "text".to_owned(),
        },
        found: found.to_owned(),
    };
    match fields.iter().position(|field| field.name == name) {
        Some(at) if fields[at].format == format => Ok(at as u32),
        Some(at) => Err(PluginError::WrongType(error(&fields[at].format))),
        None if crime_is("unnamed-column") => Err(PluginError::Failed("no".to_owned())),
        None => Err(PluginError::MissingColumn(error(""))),
    }
}

fn pass(input: &[Field]) -> TableSchema {
    let passed = (0..input.len() as u32).map(|at| Passed { field: at, input: 0, column: at });
    TableSchema { fields: input.to_vec(), passed: passed.collect() }
}

fn read(column: u32, purpose: Purpose) -> Read {
    Read { input: 0, column, purpose }
}

/// All of `reader`'s batches, one by one.
fn batches(reader: &Reader) -> impl Iterator<Item = skyloom::plugin::data::Batch> {
    std::iter::from_fn(|| reader.next().expect("the host has its own tables"))
}
