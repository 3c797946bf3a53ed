//! Files read to the bit as pyarrow reads them, and damaged ones refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::*;
use skyloom_plugin::arrow_array::{Array, RecordBatch, StructArray};
use skyloom_plugin::arrow_schema::TimeUnit;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::Harness;

use parquet_ingester::ParquetIngester;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens")
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(goldens().join(name)).unwrap()
}

fn harness(name: &str, bytes: Vec<u8>, params: &Value) -> Harness<ParquetIngester> {
    Harness::new(params).blob("file", name, bytes)
}

/// A value as text, so that equal text means equal bits: as in make_goldens.py.
fn text(array: &dyn Array, row: usize, out: &mut String) {
    if array.is_null(row) {
        out.push_str("null");
        return;
    }
    fn put<T: ArrowPrimitiveType>(array: &dyn Array, row: usize, out: &mut String)
    where
        T::Native: std::fmt::Display,
    {
        write!(out, "{}", array.as_primitive::<T>().value(row)).unwrap();
    }
    let hex =
        |bytes: &[u8], out: &mut String| bytes.iter().for_each(|b| write!(out, "{b:02x}").unwrap());
    let items = |items: &dyn Array, out: &mut String| {
        out.push('[');
        for item in 0..items.len() {
            if item > 0 {
                out.push(',');
            }
            text(items, item, out);
        }
        out.push(']');
    };
    match array.data_type() {
        DataType::Null => out.push_str("null"),
        DataType::Boolean => {
            out.push_str(if array.as_boolean().value(row) { "true" } else { "false" })
        }
        DataType::Int8 => put::<Int8Type>(array, row, out),
        DataType::Int16 => put::<Int16Type>(array, row, out),
        DataType::Int32 => put::<Int32Type>(array, row, out),
        DataType::Int64 => put::<Int64Type>(array, row, out),
        DataType::UInt8 => put::<UInt8Type>(array, row, out),
        DataType::UInt16 => put::<UInt16Type>(array, row, out),
        DataType::UInt32 => put::<UInt32Type>(array, row, out),
        DataType::UInt64 => put::<UInt64Type>(array, row, out),
        DataType::Date32 => put::<Date32Type>(array, row, out),
        DataType::Time64(TimeUnit::Microsecond) => put::<Time64MicrosecondType>(array, row, out),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            put::<TimestampMicrosecondType>(array, row, out)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            put::<TimestampNanosecondType>(array, row, out)
        }
        DataType::Decimal128(..) => put::<Decimal128Type>(array, row, out),
        DataType::Float16 => match array.as_primitive::<Float16Type>().value(row) {
            value if value.is_nan() => out.push_str("nan"),
            value => hex(&value.to_bits().to_be_bytes(), out),
        },
        DataType::Float32 => match array.as_primitive::<Float32Type>().value(row) {
            value if value.is_nan() => out.push_str("nan"),
            value => hex(&value.to_bits().to_be_bytes(), out),
        },
        DataType::Float64 => match array.as_primitive::<Float64Type>().value(row) {
            value if value.is_nan() => out.push_str("nan"),
            value => hex(&value.to_bits().to_be_bytes(), out),
        },
        DataType::Utf8 => {
            out.push_str(&serde_json::to_string(array.as_string::<i32>().value(row)).unwrap())
        }
        DataType::Binary => hex(array.as_binary::<i32>().value(row), out),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row), out),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            text(dictionary.values(), dictionary.normalized_keys()[row], out);
        }
        DataType::List(_) => items(&array.as_list::<i32>().value(row), out),
        DataType::FixedSizeList(..) => items(&array.as_fixed_size_list().value(row), out),
        DataType::Map(..) => {
            let entries: StructArray = array.as_map().value(row);
            out.push('<');
            for entry in 0..entries.len() {
                if entry > 0 {
                    out.push(',');
                }
                text(entries.column(0), entry, out);
                out.push(':');
                text(entries.column(1), entry, out);
            }
            out.push('>');
        }
        DataType::Struct(_) => {
            out.push('{');
            for (index, field) in array.as_struct().columns().iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                text(field, row, out);
            }
            out.push('}');
        }
        other => panic!("{other}"),
    }
}

/// What pyarrow's side says about a file, from ours: rows, and nulls and CRC-32 by column.
fn sums(partitions: &[RecordBatch]) -> Value {
    let mut columns = serde_json::Map::new();
    let schema = partitions[0].schema();
    for (index, field) in schema.fields().iter().enumerate() {
        let (mut hasher, mut nulls, mut line) = (crc32fast::Hasher::new(), 0, String::new());
        for partition in partitions {
            let column = partition.column(index);
            nulls += column.logical_null_count();
            for row in 0..column.len() {
                line.clear();
                text(column, row, &mut line);
                line.push('\n');
                hasher.update(line.as_bytes());
            }
        }
        let crc32 = format!("{:08x}", hasher.finalize());
        columns.insert(field.name().clone(), json!({"nulls": nulls, "crc32": crc32}));
    }
    json!({"rows": partitions.iter().map(RecordBatch::num_rows).sum::<usize>(), "columns": columns})
}

fn check(name: &str, bytes: Vec<u8>, expected: &Value) {
    let outputs = harness(name, bytes, &json!({})).run().unwrap();
    let partitions = outputs.partitions("table");
    let partitions = match partitions.is_empty() {
        true => &[outputs.table("table")],
        false => partitions,
    };
    let found = sums(partitions);
    for (column, expected) in expected["columns"].as_object().unwrap() {
        assert_eq!(&found["columns"][column], expected, "{name}, column {column}");
    }
    assert_eq!(&found["rows"], &expected["rows"], "{name}");
}

fn expected(name: &str) -> Value {
    serde_json::from_slice(&golden(name)).unwrap()
}

#[test]
fn every_codec_encoding_and_kind_of_column() {
    let expected = expected("expected.json");
    for (name, expected) in expected["files"].as_object().unwrap() {
        check(name, golden(name), expected);
    }
}

#[test]
fn survey_samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.exists() {
        println!("passed over: no survey samples beside the repository");
        return;
    }
    for (path, expected) in expected("samples.json")["files"].as_object().unwrap() {
        match std::fs::read(folder.join(path)) {
            Ok(bytes) => check(path, bytes, expected),
            Err(_) => println!("passed over: no {path}"),
        }
    }
}

#[test]
fn columns_in_the_order_asked_for() {
    let params = json!({
        "columns": ["f64", "class", "text", "id"],
        "key": "id",
        "units": {"f64": "mag"},
        "ucds": {"f64": "phot.mag"},
        "descriptions": {"f64": "a number"},
        "categories": ["class"],
    });
    let outputs = harness("stars.parquet", golden("zstd.parquet"), &params).run().unwrap();
    let sizes: Vec<_> = outputs.partitions("table").iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [65, 65, 20]);
    let schema = outputs.table("table").schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["f64", "class", "text", "id"]);
    assert_eq!(schema.field(0).unit(), Some("mag"));
    assert_eq!(schema.field(0).ucd(), Some("phot.mag"));
    assert_eq!(schema.field(0).metadata()["description"], "a number");
    assert_eq!(schema.field(1).categories(), Some(vec!["EA".into(), "RRab".into(), "RRc".into()]));
    assert_eq!(schema.field(3).ucd(), Some("meta.id;meta.main"));
    let expected = &expected("expected.json")["files"]["zstd.parquet"]["columns"];
    let found = &sums(outputs.partitions("table"))["columns"];
    for name in names {
        assert_eq!(found[name], expected[name]);
    }
}

#[test]
fn units_of_a_votable() {
    let bound = harness("stars.parquet", golden("votable.parquet"), &json!({})).bind().unwrap();
    let fields = &bound.outputs[0].fields;
    assert_eq!(fields[0].ucd(), Some("meta.id;meta.main"));
    assert_eq!((fields[1].unit(), fields[1].ucd()), (Some("deg"), Some("pos.eq.ra;meta.main")));
    assert_eq!((fields[2].unit(), fields[2].ucd()), (Some("mag"), Some("phot.mag;em.opt.G")));
    let description = "PSF magnitude, AB & <extinction> not taken off";
    assert_eq!(fields[2].metadata()["description"], description);
    assert_eq!(bound.pieces, 1);
}

#[track_caller]
fn check_error(bytes: Vec<u8>, params: &Value, expected: &str) {
    let error = harness("stars.parquet", bytes, params).run().err().expect("this cannot be read");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_does_not_fit_is_named() {
    let file = || golden("encodings.parquet");
    check_error(
        file(),
        &json!({"units": {"f46": "mag"}}),
        "parameter `units`: the file has no column `f46`. Did you mean `f64`? It has `id`, `i32`, `f32`, `f64`, `text`, `fixed`, `when`.",
    );
    check_error(
        file(),
        &json!({"columns": ["id", "id"]}),
        "parameter `columns`: `id` is listed twice",
    );
    check_error(
        file(),
        &json!({"categories": ["id"]}),
        "parameter `categories`: `id` is Int64, not text",
    );
    check_error(
        file(),
        &json!({"key": "id", "ucds": {"id": "phot.mag"}}),
        "parameter `key`: `id` has another meaning in `ucds`, `phot.mag`; leave one out",
    );
}

#[test]
fn damaged_files_are_refused() {
    let whole = golden("zstd.parquet");
    let size = whole.len();
    let cut = "`stars.parquet` is not Parquet: it does not end in PAR1; was it cut short, or is it another format?";
    check_error(whole[..size - 1].to_vec(), &json!({}), cut);
    check_error(whole[..size / 2].to_vec(), &json!({}), cut);
    check_error(
        b"PAR1".to_vec(),
        &json!({}),
        "`stars.parquet` is not Parquet: it has fewer bytes than the least of Parquet files; was it cut short, or is it another format?",
    );
    let mut encrypted = whole.clone();
    encrypted[size - 1] = b'E';
    check_error(
        encrypted,
        &json!({}),
        "`stars.parquet` is encrypted Parquet, which is not supported; decrypt it first",
    );
    let mut lie = whole.clone();
    lie[size - 8..size - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let expected = format!(
        "`stars.parquet` has a damaged footer: it claims 4294967295 bytes, and the file has {size}; fetch the file again"
    );
    check_error(lie, &json!({}), &expected);
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    check_error(
        flipped,
        &json!({}),
        "`stars.parquet` column `id`: a page does not match its checksum; the file is damaged, fetch it again",
    );
    // The front cut off: everything lies elsewhere than the footer says.
    let mut short = whole[..4].to_vec();
    short.extend_from_slice(&whole[size - 30_000..]);
    let error = harness("stars.parquet", short, &json!({})).run().err().unwrap().to_string();
    assert!(error.starts_with("`stars.parquet` column `id`: "), "{error}");
}

/// Flips bytes everywhere: whatever happens is an error or other values, never a panic of
/// ours. The parquet crate's own, in its decoders, are caught here as a guest's trap is by
/// the host; this counts them, so that a new version shows what it does.
#[test]
fn flipped_bytes_do_not_get_far() {
    let params = json!({"columns": ["id", "f64", "text", "class", "curve"]});
    let (mut n_errors, mut n_panics, mut n_read) = (0, 0, 0);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for name in ["zstd.parquet", "zstd_v2.parquet"] {
        let whole = golden(name);
        for at in (0..whole.len()).step_by(131) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            let outcome = std::panic::catch_unwind(|| harness("f", bytes, &params).run().map(drop));
            match outcome {
                Ok(Ok(())) => n_read += 1,
                Ok(Err(_)) => n_errors += 1,
                Err(_) => n_panics += 1,
            }
        }
    }
    std::panic::set_hook(hook);
    println!("{n_errors} errors, {n_panics} panics, {n_read} read");
    assert!(n_errors > 100);
    assert!(n_panics * 50 < n_errors, "{n_panics} panics");
}

#[test]
fn rows_can_be_numbered_across_row_groups() {
    for name in ["none.parquet", "zstd.parquet"] {
        let params = json!({"row-number": "row"});
        let table = harness(name, golden(name), &params).run().unwrap().table("table");
        let rows = table.column_by_name("row").unwrap().as_primitive::<Int64Type>().values();
        assert!(rows.iter().copied().eq(0..table.num_rows() as i64), "{name}");
    }
}
