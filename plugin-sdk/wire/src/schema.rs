//! Schemas in preorder.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields};

use crate::format::{format_of, is_plain, type_of};
use crate::{MAX_DEPTH, MAX_FIELDS, WireError};

/// One field of the contract's `record field`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireField {
    pub name: String,
    /// C data interface format string; for a dictionary column, that of its keys.
    pub format: String,
    pub nullable: bool,
    /// The one child holds the dictionary's values.
    pub dictionary: bool,
    /// Sorted by key, so that equal fields have equal wire forms.
    pub metadata: Vec<(String, String)>,
    /// Direct children among the entries that follow.
    pub children: u32,
}

/// `fields`, each followed by its children.
///
/// # Errors
/// [`WireError`] for types that do not cross the border and for schemas past the limits.
pub fn flatten_fields(fields: &Fields) -> Result<Vec<WireField>, WireError> {
    let mut flat = Vec::with_capacity(fields.len());
    for field in fields {
        flatten_field(field, 0, &mut flat)?;
    }
    Ok(flat)
}

fn flatten_field(field: &Field, depth: usize, flat: &mut Vec<WireField>) -> Result<(), WireError> {
    if depth >= MAX_DEPTH {
        return Err(WireError::TooDeep);
    }
    if flat.len() >= MAX_FIELDS {
        return Err(WireError::TooManyFields);
    }
    let children = children_of(field.data_type());
    let mut metadata: Vec<_> =
        field.metadata().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    metadata.sort();
    flat.push(WireField {
        name: field.name().clone(),
        format: format_of(field.data_type())?,
        nullable: field.is_nullable(),
        dictionary: matches!(field.data_type(), DataType::Dictionary(..)),
        metadata,
        children: children.len() as u32,
    });
    children.iter().try_for_each(|child| flatten_field(child, depth + 1, flat))
}

fn children_of(data_type: &DataType) -> Vec<FieldRef> {
    match data_type {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _) => vec![Arc::clone(child)],
        DataType::Struct(children) => children.iter().cloned().collect(),
        DataType::Dictionary(_, values) => {
            vec![Arc::new(Field::new("values", values.as_ref().clone(), true))]
        }
        _ => Vec::new(),
    }
}

/// The fields that `flat` describes.
///
/// # Errors
/// [`WireError`] when counts, formats or nesting do not hold together.
pub fn build_fields(flat: Vec<WireField>) -> Result<Fields, WireError> {
    if flat.len() > MAX_FIELDS {
        return Err(WireError::TooManyFields);
    }
    let mut rest = flat.into_iter();
    let mut fields = Vec::new();
    while rest.len() > 0 {
        fields.push(build_field(&mut rest, 0)?);
    }
    Ok(fields.into())
}

fn build_field(
    rest: &mut std::vec::IntoIter<WireField>,
    depth: usize,
) -> Result<FieldRef, WireError> {
    if depth >= MAX_DEPTH {
        return Err(WireError::TooDeep);
    }
    let head = rest.next().ok_or(WireError::TruncatedSchema)?;
    if head.children as usize > rest.len() {
        return Err(WireError::TruncatedSchema);
    }
    let mut children = Vec::with_capacity(head.children as usize);
    for _ in 0..head.children {
        children.push(build_field(rest, depth + 1)?);
    }
    let data_type = if head.dictionary {
        let key = type_of(&head.format, Vec::new())?;
        match (children.as_slice(), key.is_dictionary_key_type()) {
            ([values], true) if is_plain(values.data_type()) => {
                DataType::Dictionary(Box::new(key), Box::new(values.data_type().clone()))
            }
            _ => {
                return Err(WireError::WrongChildren {
                    format: head.format,
                    expected: "a dictionary's values, plain ones, as".to_owned(),
                    found: head.children,
                });
            }
        }
    } else {
        type_of(&head.format, children)?
    };
    let field = Field::new(head.name, data_type, head.nullable);
    Ok(Arc::new(field.with_metadata(head.metadata.into_iter().collect())))
}
