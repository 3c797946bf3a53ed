//! What Skyloom keeps in a field's metadata.

use arrow::datatypes::Field;

/// The unit of a column, in VOUnits.
pub fn field_unit(field: &Field) -> Option<&str> {
    field.metadata().get("unit").map(String::as_str)
}

/// The meaning of a column, as a UCD1+.
pub fn field_ucd(field: &Field) -> Option<&str> {
    field.metadata().get("ucd").map(String::as_str)
}
