//! YAML as a tree with places.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::Spanned;

use crate::fault::{At, Fault, Source};

/// Largest workflow file.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A YAML node.
pub(super) type Tree = At<Kind>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(At<String>, Tree)>),
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Tree {
    pub(super) fn to_json(&self) -> Value {
        match &self.value {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Tree::to_json).collect(),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|(key, value)| (key.value.clone(), value.to_json())).collect(),
            ),
        }
    }
}

/// Reads `source` as YAML 1.2 without anchors, aliases, merge keys and tags.
pub(super) fn read(source: &Source) -> Result<Tree, Fault> {
    let text = &source.text;
    let fault = |span: Range<usize>, message: String| Fault::new(source, "workflow::yaml", span, message);
    if text.len() > MAX_BYTES {
        let size = text.len();
        return Err(fault(0..0, format!("the file has {size} bytes; {MAX_BYTES} are allowed")));
    }
    if let Some(at) = text.find(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(fault(at..at + 1, "a control character stands here".to_owned()));
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: 200_000,
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
        },
    };
    let parsed: Result<Spanned<Raw>, _> = serde_saphyr::from_str_with_options(text, options);
    match parsed {
        Ok(raw) => Ok(place(raw, text)),
        Err(error) => {
            let span = error.location().map_or(0..0, |location| span_of(location, text));
            let message = error.without_snippet().to_string();
            // The place is marked, so its coordinates need not be said again.
            let message = message.split(" at line ").next().unwrap_or(&message);
            let message = message.strip_prefix("error: ").unwrap_or(message);
            let first = message.lines().next().unwrap_or(message);
            Err(fault(span, first.to_owned()))
        }
    }
}

fn place(raw: Spanned<Raw>, text: &str) -> Tree {
    let span = span_of(raw.referenced, text);
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Bool(value) => Kind::Bool(value),
        Raw::Number(number) => Kind::Number(number),
        Raw::Text(text) => Kind::Text(text),
        Raw::List(items) => Kind::List(items.into_iter().map(|item| place(item, text)).collect()),
        Raw::Map(entries) => {
            let entry = |(key, value): (Spanned<String>, Spanned<Raw>)| {
                let span = span_of(key.referenced, text);
                (At::new(key.value, span), place(value, text))
            };
            Kind::Map(entries.into_iter().map(entry).collect())
        }
    };
    At::new(kind, span)
}

/// The bytes of `location`, cut at the end of its line.
fn span_of(location: serde_saphyr::Location, text: &str) -> Range<usize> {
    let line = usize::try_from(location.line()).unwrap_or(usize::MAX).max(1);
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX).max(1);
    let start_of_line: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start_of_line.min(text.len())..];
    let this_line = rest.lines().next().unwrap_or("");
    let offset = this_line.char_indices().nth(column - 1).map_or(this_line.len(), |(at, _)| at);
    let token = token_length(&this_line[offset..]);
    let start = start_of_line + offset;
    start..start + token
}

/// How many bytes the scalar or key at the start of `rest` takes: enough to underline it.
fn token_length(rest: &str) -> usize {
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    if let Some(quote) = quote
        && let Some(end) = rest[1..].find(quote)
    {
        return end + 2;
    }
    let end = rest.find([':', ',', '}', ']', '#']).unwrap_or(rest.len());
    rest[..end].trim_end().len().max(usize::from(!rest.is_empty()))
}

enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = Number::from_f64(value).map(Raw::Number);
        number.ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
