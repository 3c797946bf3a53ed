//! YAML as a tree with places.

use std::fmt;
use std::ops::Range;

use indexmap::IndexMap;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location, Spanned, Tagged};

use crate::fault::{At, Fault, Source};

/// Largest workflow file.
const MAX_BYTES: usize = 1 << 20;

/// Deepest nesting.
const MAX_DEPTH: usize = 32;

const CODE: &str = "workflow::yaml";

/// A YAML node.
pub(crate) type Tree = At<Kind>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(At<String>, Tree)>),
}

impl Kind {
    pub(crate) fn name(&self) -> &'static str {
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
    pub(crate) fn to_json(&self) -> Value {
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
pub(crate) fn read(source: &Source) -> Result<Tree, Vec<Fault>> {
    let text = &source.text;
    let fault = |span: Range<usize>, message: String| Fault::new(source, CODE, span, message);
    if text.len() > MAX_BYTES {
        let size = text.len();
        return Err(vec![fault(
            0..0,
            format!("the file has {size} bytes; {MAX_BYTES} are allowed"),
        )]);
    }
    let control = |&(_, c): &(usize, char)| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if let Some((at, found)) = text.char_indices().find(control) {
        let message = format!("the invisible character U+{:04X} stands here", u32::from(found));
        return Err(vec![fault(at..at + found.len_utf8(), message).help("take it away")]);
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        // `Places` finds both places of a key.
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: 200_000,
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
        },
    };
    let parsed: Result<Spanned<Tagged<Raw>>, _> =
        serde_saphyr::from_str_with_options(text, options);
    let raw = parsed.map_err(|error| vec![yaml_fault(source, error.without_snippet())])?;
    let mut places = Places { source, faults: Vec::new() };
    let tree = places.tree(raw);
    if places.faults.is_empty() { Ok(tree) } else { Err(places.faults) }
}

/// The parser's error, in this program's words where they say more.
fn yaml_fault(source: &Source, error: &Error) -> Fault {
    let text = &source.text;
    let mut span = error.location().map_or(0..0, |location| span_of(location, text));
    if let Error::Budget { breach: BudgetBreach::Anchors { .. }, .. } = error {
        span = sign_of(&span, '&', text);
    }
    let (message, help) = match error {
        Error::Budget {
            breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. },
            ..
        } => (
            "anchors (`&x`) and aliases (`*x`) are not read".to_owned(),
            Some(
                "write the value out; one that several nodes share can be declared under `params`",
            ),
        ),
        Error::MergeKeyNotAllowed { .. } => {
            ("merge keys (`<<`) are not read".to_owned(), Some("write the entries out"))
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => (
            format!("lists and mappings are nested more than {MAX_DEPTH} deep here"),
            Some("write it flatter"),
        ),
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => (
            "a second document begins here".to_owned(),
            Some("one file holds one workflow; take `---` away"),
        ),
        Error::NonFiniteFloat { .. } => {
            ("a number must be finite".to_owned(), Some("write text in quotes"))
        }
        _ => {
            let message = error.to_string();
            // The place is marked, so its coordinates need not be said again.
            let message = message.split(" at line ").next().unwrap_or(&message);
            let message = message.strip_prefix("error: ").unwrap_or(message);
            let first = message.lines().next().unwrap_or(message);
            let help = match first {
                _ if first.contains("mapping values are not allowed") => Some(
                    "this line or the one above lacks something: a `:` with a blank after it, or quotes around text with `: `",
                ),
                _ if first.contains("did not find expected key") => {
                    Some("keys of one mapping begin in the same column")
                }
                _ if first.contains("tabs disallowed") => Some("indent with blanks"),
                _ if first.contains("expected string scalar") => Some("a key is one word of text"),
                _ if first.contains("bracket") => {
                    Some("each `[` needs its `]`, each `{` its `}`, inner ones first")
                }
                _ if first.contains("unclosed quote") => {
                    Some("end the text with the quote it begins with")
                }
                _ => None,
            };
            (first.to_owned(), help)
        }
    };
    let mut fault = Fault::new(source, CODE, span, message);
    fault.help = help.map(str::to_owned);
    fault
}

/// Finds the place of every part of a document.
struct Places<'a> {
    source: &'a Source,
    faults: Vec<Fault>,
}

impl Places<'_> {
    fn tree(&mut self, raw: Spanned<Tagged<Raw>>) -> Tree {
        let text = &self.source.text;
        let span = span_of(raw.referenced, text);
        let Tagged(value, tag) = raw.value;
        self.refuse(tag, &span);
        let kind = match value {
            Raw::Null => Kind::Null,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Number(number) => Kind::Number(number),
            Raw::Text(text) => Kind::Text(text),
            Raw::List(items) => Kind::List(items.into_iter().map(|item| self.tree(item)).collect()),
            Raw::Map(entries) => self.map(entries),
        };
        let last = match &kind {
            Kind::List(items) => items.last().map(|item| item.span.end),
            Kind::Map(entries) => entries.last().map(|(_, value)| value.span.end),
            _ => return At::new(kind, span),
        };
        let end =
            end_of_brackets(text, span.start, last.unwrap_or(span.start + 1)).unwrap_or(span.end);
        At::new(kind, span.start..end)
    }

    fn map(&mut self, entries: Vec<RawEntry>) -> Kind {
        let mut map: Vec<(At<String>, Tree)> = Vec::with_capacity(entries.len());
        let mut first: IndexMap<String, Range<usize>> = IndexMap::with_capacity(entries.len());
        for (key, value) in entries {
            let span = span_of(key.referenced, &self.source.text);
            let Tagged(key, tag) = key.value;
            self.refuse(tag, &span);
            let value = self.tree(value);
            if let Some(first) = first.get(&key) {
                let message = format!("`{}` stands twice", key.escape_debug());
                let fault = Fault::new(self.source, CODE, span, message)
                    .label("again here")
                    .also(first.clone(), "first here");
                self.faults.push(fault.help("give one of them another name, or take it away"));
                continue;
            }
            first.insert(key.clone(), span.clone());
            map.push((At::new(key, span), value));
        }
        Kind::Map(map)
    }

    fn refuse(&mut self, tag: Option<String>, span: &Range<usize>) {
        if tag.is_some() {
            let message = "tags (`!x`) are not read";
            let span = sign_of(span, '!', &self.source.text);
            let fault = Fault::new(self.source, CODE, span, message);
            self.faults.push(fault.help("take it away; what a value is, its parameter says"));
        }
    }
}

/// The bytes of `location`, up to the end of its line.
fn span_of(location: Location, text: &str) -> Range<usize> {
    let span = location.span();
    let offset = |bytes: Option<u64>| bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let (start, length) = match (offset(span.byte_offset()), offset(span.byte_len())) {
        (Some(start), Some(length)) => (start.min(text.len()), length),
        // Errors of syntax have line and column only.
        _ => (offset_of(location, text), 0),
    };
    let line = text[start..].lines().next().unwrap_or("").trim_end();
    // A container's place is where it begins.
    let least = line.chars().next().map_or(0, char::len_utf8);
    start..start + line.floor_char_boundary(length.min(line.len())).max(least)
}

/// The byte at the line and column of `location`.
fn offset_of(location: Location, text: &str) -> usize {
    let number = |from_one: u64| usize::try_from(from_one).unwrap_or(usize::MAX).max(1) - 1;
    let (line, column) = (number(location.line()), number(location.column()));
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let this_line = text[start..].lines().next().unwrap_or("");
    start + this_line.char_indices().nth(column).map_or(this_line.len(), |(at, _)| at)
}

/// The anchor or tag of the value at `span`: `sign` and the rest of its word.
fn sign_of(span: &Range<usize>, sign: char, text: &str) -> Range<usize> {
    if text[span.start..].starts_with(sign) {
        let end = text[span.start..].find(char::is_whitespace).unwrap_or(0);
        return span.start..span.start + end;
    }
    let before = text[..span.start].trim_end();
    let start = before.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
    if before[start..].starts_with(sign) { start..before.len() } else { span.clone() }
}

/// Where the brackets that open at `start` end, if they do so on one line; `last` is the
/// end of what is in them.
fn end_of_brackets(text: &str, start: usize, last: usize) -> Option<usize> {
    let close = match text[start..].chars().next()? {
        '[' => ']',
        '{' => '}',
        _ => return None,
    };
    let tail = text.get(last..)?;
    let end = last + tail.find(|c: char| !matches!(c, ' ' | ','))? + 1;
    (text[..end].ends_with(close) && !text[start..end].contains('\n')).then_some(end)
}

type RawEntry = (Spanned<Tagged<String>>, Spanned<Tagged<Raw>>);

enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Tagged<Raw>>>),
    Map(Vec<RawEntry>),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is marked of every scalar, key and bracketed value of `text`.
    fn marks(text: &str) -> Vec<&str> {
        fn walk<'t>(tree: &Tree, text: &'t str, marks: &mut Vec<&'t str>) {
            match &tree.value {
                Kind::List(items) => {
                    marks.push(&text[tree.span.clone()]);
                    items.iter().for_each(|item| walk(item, text, marks));
                }
                Kind::Map(entries) => {
                    marks.push(&text[tree.span.clone()]);
                    for (key, value) in entries {
                        marks.push(&text[key.span.clone()]);
                        walk(value, text, marks);
                    }
                }
                _ => marks.push(&text[tree.span.clone()]),
            }
        }
        let source = Source { name: "case".into(), text: text.into() };
        let tree = read(&source).expect("it is YAML");
        let mut marks = Vec::new();
        walk(&tree, text, &mut marks);
        marks
    }

    #[test]
    fn places_are_exact() {
        assert_eq!(marks("key: some text # comment\n"), ["k", "key", "some text"]);
        assert_eq!(marks("key: \"quoted: text\"\r\n"), ["k", "key", "\"quoted: text\""]);
        assert_eq!(
            marks("σ: {α: ж, b: [1, 2.5 ] }\n"),
            ["σ", "σ", "{α: ж, b: [1, 2.5 ] }", "α", "ж", "b", "[1, 2.5 ]", "1", "2.5"]
        );
        assert_eq!(marks("a:\n  - it's\n  - http://x.y\n"), ["a", "a", "-", "it's", "http://x.y"]);
        assert_eq!(marks("a: []\nb: {}\n"), ["a", "a", "[]", "b", "{}"]);
    }

    fn check_fault(text: &str, marked: &str, message: &str) {
        let source = Source { name: "case".into(), text: text.into() };
        let faults = read(&source).expect_err("it is wrong");
        assert_eq!(faults[0].message, message);
        assert_eq!(&text[faults[0].span.clone()], marked);
    }

    #[test]
    fn what_is_not_read_is_marked() {
        let anchors = "anchors (`&x`) and aliases (`*x`) are not read";
        check_fault("a: &b {c: 1}\n", "&b", anchors);
        check_fault("a: &b 1\n", "&b", anchors);
        check_fault("a: !!str 1\n", "!!str", "tags (`!x`) are not read");
        check_fault("a: ! 1\n", "!", "tags (`!x`) are not read");
        check_fault("a: !x {b: 1}\n", "!x", "tags (`!x`) are not read");
        check_fault("a: {<<: {b: 1}}\n", "<<", "merge keys (`<<`) are not read");
        check_fault("a: 1\n'a': 2\n", "'a'", "`a` stands twice");
    }
}
