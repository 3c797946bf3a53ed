//! Types of columns as people write them: `list<struct<mjd: float64, mag: float32>>`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

const NAMES: [(&str, DataType); 18] = [
    ("bool", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float16", DataType::Float16),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("utf8", DataType::Utf8),
    ("large-utf8", DataType::LargeUtf8),
    ("binary", DataType::Binary),
    ("date32", DataType::Date32),
    ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("null", DataType::Null),
];

/// How this type is written.
pub(super) fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) => format!("list<{}>", name(item.data_type())),
        DataType::Struct(fields) => {
            let members = fields.iter().map(|f| format!("{}: {}", f.name(), name(f.data_type())));
            format!("struct<{}>", members.collect::<Vec<_>>().join(", "))
        }
        DataType::Dictionary(_, words) => format!("dictionary<{}>", name(words)),
        other => {
            let known = NAMES.iter().find(|(_, known)| known == other);
            known.map_or_else(|| other.to_string(), |(name, _)| (*name).to_owned())
        }
    }
}

/// The type that `text` names, and whether it may be null: not where ` not null` follows.
///
/// # Errors
/// In words, with what could stand there.
pub(crate) fn parse_type(text: &str) -> Result<(DataType, bool), String> {
    let (text, nullable) = match text.trim().strip_suffix("not null") {
        Some(text) => (text, false),
        None => (text, true),
    };
    let mut rest = text.trim();
    let data_type = take(&mut rest, 0)?;
    match rest.trim() {
        "" => Ok((data_type, nullable)),
        rest => Err(format!("`{}` follows a type that has ended", rest.escape_debug())),
    }
}

fn take(rest: &mut &str, depth: usize) -> Result<DataType, String> {
    if depth > 16 {
        return Err("types are nested more than 16 deep".to_owned());
    }
    let word = take_word(rest);
    match word {
        "list" => {
            expect(rest, '<')?;
            let item = take(rest, depth + 1)?;
            expect(rest, '>')?;
            Ok(DataType::List(Arc::new(Field::new("item", item, true))))
        }
        "dictionary" => {
            expect(rest, '<')?;
            let words = take(rest, depth + 1)?;
            expect(rest, '>')?;
            Ok(DataType::Dictionary(Box::new(DataType::Int32), Box::new(words)))
        }
        "struct" => {
            expect(rest, '<')?;
            let mut fields = Vec::new();
            loop {
                let name = take_word(rest).to_owned();
                expect(rest, ':')?;
                fields.push(Field::new(name, take(rest, depth + 1)?, true));
                if rest.trim_start().starts_with(',') {
                    expect(rest, ',')?;
                    continue;
                }
                expect(rest, '>')?;
                return Ok(DataType::Struct(fields.into()));
            }
        }
        word => {
            let known = NAMES.iter().find(|(name, _)| *name == word);
            known.map(|(_, data_type)| data_type.clone()).ok_or_else(|| {
                let names = NAMES.map(|(name, _)| name).join(", ");
                format!(
                    "`{}` is no type; there are {names}, list<…>, struct<name: …> and dictionary<…>",
                    word.escape_debug()
                )
            })
        }
    }
}

fn take_word<'t>(rest: &mut &'t str) -> &'t str {
    let text = rest.trim_start();
    let end = text.find(['<', '>', ':', ',']).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    *rest = after;
    word.trim()
}

fn expect(rest: &mut &str, sign: char) -> Result<(), String> {
    let text = rest.trim_start();
    *rest = text.strip_prefix(sign).ok_or_else(|| format!("a `{sign}` is missing"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        for text in [
            "float64",
            "list<struct<mjd: float64, mag: float32, bands: list<utf8>>>",
            "dictionary<utf8>",
            "timestamp",
        ] {
            assert_eq!(
                parse_type(text).map(|(t, null)| (name(&t), null)),
                Ok((text.to_owned(), true))
            );
        }
        assert_eq!(parse_type(" int8  not null "), Ok((DataType::Int8, false)));
    }

    #[test]
    fn what_is_no_type_is_said() {
        for (text, start) in [
            ("float", "`float` is no type; there are bool"),
            ("list<utf8", "a `>` is missing"),
            ("struct<a>", "a `:` is missing"),
            ("utf8>", "`>` follows"),
        ] {
            let error = parse_type(text).expect_err("no type");
            assert!(error.starts_with(start), "{error}");
        }
    }
}
