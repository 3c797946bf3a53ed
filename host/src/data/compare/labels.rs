//! How columns compare before a value is read: types, metadata, keys.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field, Schema};

use super::super::field_ucd;
use super::rows::same_key_kind;

/// Something said about a column that differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Relabelled {
    pub column: String,
    /// `unit`, `ucd` or another key of its metadata, `nullable`, or `name`. What is said of a
    /// field in the column comes after the names on the way to it: `item.flux.unit`.
    pub label: String,
    pub left: Option<String>,
    pub right: Option<String>,
}

/// The column to match rows by: the first of the left table's that both have, as text,
/// integers or bytes, and that identifies rows.
///
/// That is one whose UCD, on the left, begins with `meta.id` and has `meta.main`; else one
/// whose UCD begins with `meta.id`. The UCD's other words, such as `meta.id.parent`, name
/// something else. Whether the column is unique is not known before it is read.
pub fn key_of(left: &Schema, right: &Schema) -> Option<String> {
    let identifies = |field: &&Field, is_main: bool| {
        let ucd = field_ucd(field).unwrap_or_default().to_ascii_lowercase();
        let mut words = ucd.split(';').map(str::trim);
        words.next() == Some("meta.id") && (!is_main || words.any(|word| word == "meta.main"))
    };
    let in_both: Vec<&Field> = left
        .fields()
        .iter()
        .map(AsRef::as_ref)
        .filter(|field| {
            let other = right.column_with_name(field.name());
            other.is_some_and(|(_, other)| same_key_kind(field.data_type(), other.data_type()))
        })
        .collect();
    let find = |is_main| in_both.iter().find(|field| identifies(field, is_main));
    find(true).or_else(|| find(false)).map(|field| field.name().clone())
}

/// Whether values of the two types can be compared: the types are the same but for labels.
pub(super) fn same_shape(left: &DataType, right: &DataType) -> bool {
    let children = |left: &Field, right: &Field| same_shape(left.data_type(), right.data_type());
    match (left, right) {
        (DataType::List(left), DataType::List(right))
        | (DataType::LargeList(left), DataType::LargeList(right))
        | (DataType::Map(left, _), DataType::Map(right, _)) => children(left, right),
        (DataType::FixedSizeList(left, n), DataType::FixedSizeList(right, m)) => {
            n == m && children(left, right)
        }
        (DataType::Struct(left), DataType::Struct(right)) => {
            let mut pairs = left.iter().zip(right);
            left.len() == right.len()
                && pairs.all(|(left, right)| left.name() == right.name() && children(left, right))
        }
        _ => left == right,
    }
}

/// Adds what is said otherwise about the right column than about the left, at any depth.
/// Their types are of the same shape.
pub(super) fn relabelled(left: &Field, right: &Field, labels: &mut Vec<Relabelled>) {
    if left != right {
        compare_labels(left.name(), "", left, right, labels);
    }
}

fn compare_labels(
    column: &str,
    path: &str,
    left: &Field,
    right: &Field,
    labels: &mut Vec<Relabelled>,
) {
    let mut add = |label: &str, left: Option<&str>, right: Option<&str>| {
        if left != right {
            let [left, right] = [left, right].map(|value| value.map(str::to_owned));
            let (column, label) = (column.to_owned(), format!("{path}{label}"));
            labels.push(Relabelled { column, label, left, right });
        }
    };
    let may_be = |field: &Field| if field.is_nullable() { "true" } else { "false" };
    add("name", Some(left.name()), Some(right.name()));
    add("nullable", Some(may_be(left)), Some(may_be(right)));
    let keys: BTreeSet<&String> = left.metadata().keys().chain(right.metadata().keys()).collect();
    for key in keys {
        let [left, right] = [left, right].map(|field| field.metadata().get(key));
        add(key, left.map(String::as_str), right.map(String::as_str));
    }
    for (left, right) in children_of(left).into_iter().zip(children_of(right)) {
        let path = format!("{path}{}.", left.name());
        compare_labels(column, &path, left, right, labels);
    }
}

fn children_of(field: &Field) -> Vec<&Field> {
    match field.data_type() {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _) => vec![child],
        DataType::Struct(children) => children.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    }
}
