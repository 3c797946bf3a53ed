//! Which of the file's columns are read, as which types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields};

use crate::error::FileError;
use crate::params::Params;

/// `field` as it is read: as the file's own Arrow schema says, where the contract can carry
/// that; views, large offsets and run-ends become the plain type of the same values, since
/// a batch never needs them.
pub fn plain_field(field: &Field) -> FieldRef {
    let mut metadata = field.metadata().clone();
    metadata.retain(|key, _| !key.starts_with("PARQUET:"));
    let data_type = plain_type(field.data_type());
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata))
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(plain_field(item)),
        DataType::FixedSizeList(item, length) => {
            DataType::FixedSizeList(plain_field(item), *length)
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| plain_field(field)).collect())
        }
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        DataType::Dictionary(key, value) => {
            DataType::Dictionary(key.clone(), Box::new(plain_type(value)))
        }
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        other => other.clone(),
    }
}

/// The first type within `data_type` that the contract cannot carry.
pub fn uncarried(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => uncarried(item.data_type()),
        DataType::Struct(fields) => fields.iter().find_map(|field| uncarried(field.data_type())),
        DataType::Dictionary(_, value) => uncarried(value),
        DataType::Utf8View
        | DataType::BinaryView
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Union(..)
        | DataType::RunEndEncoded(..)
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal256(..) => Some(data_type),
        _ => None,
    }
}

/// The places of the columns to read, in the order they are emitted.
///
/// # Errors
/// When the file has two columns of one name, or `params` name one that it has not.
pub fn select(params: &Params, fields: &Fields) -> Result<Vec<usize>, FileError> {
    let mut places = BTreeMap::new();
    for (place, field) in fields.iter().enumerate() {
        if places.insert(field.name().as_str(), place).is_some() {
            return Err(FileError::DuplicateColumn(field.name().clone()));
        }
    }
    for (param, name) in params.named_columns() {
        if !places.contains_key(name.as_str()) {
            return Err(unknown_column(param, name, fields));
        }
    }
    let Some(columns) = &params.columns else {
        return Ok((0..fields.len()).collect());
    };
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(FileError::param("columns", format!("`{twice}` is listed twice")));
    }
    Ok(columns.iter().map(|name| places[name.as_str()]).collect())
}

fn unknown_column(param: &'static str, name: &str, fields: &Fields) -> FileError {
    let distance = |field: &&FieldRef| strsim::osa_distance(name, field.name());
    let closest = fields.iter().min_by_key(distance);
    let closest = closest.filter(|field| distance(field) <= (name.len() / 3).max(1));
    let hint = closest.map_or_else(String::new, |f| format!(" Did you mean `{}`?", f.name()));
    let shown: Vec<_> = fields.iter().take(40).map(|f| format!("`{}`", f.name())).collect();
    let more = match fields.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = shown.join(", ");
    let message = format!("the file has no column `{name}`.{hint} It has {shown}{more}.");
    FileError::param(param, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_is_left_that_cannot_be_carried() {
        let item = |data_type| Arc::new(Field::new("item", data_type, true));
        let nested = DataType::LargeListView(item(DataType::Struct(Fields::from(vec![
            Field::new("a", DataType::Utf8View, false),
            Field::new(
                "b",
                DataType::Dictionary(DataType::Int8.into(), DataType::LargeUtf8.into()),
                true,
            ),
        ]))));
        let plain = plain_type(&nested);
        assert!(uncarried(&nested).is_some());
        assert_eq!(uncarried(&plain), None);
        let DataType::List(item) = plain else { panic!("{plain}") };
        let DataType::Struct(fields) = item.data_type() else { panic!("{item}") };
        assert_eq!(fields[0].data_type(), &DataType::Utf8);
        assert!(!fields[0].is_nullable());
        assert_eq!(uncarried(&DataType::Decimal256(60, 2)), Some(&DataType::Decimal256(60, 2)));
    }
}
