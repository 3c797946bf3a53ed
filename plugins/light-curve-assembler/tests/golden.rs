//! Against pandas, on excerpts of PLAsTiCC and ZTF: see goldens/README.md.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;

use light_curve_assembler::LightCurveAssembler;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{Float64Type, Int64Type, UInt8Type};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};

/// Time, value, error (none where there is none), flags: bit for bit.
type Points = Vec<(u64, u64, Option<u64>, u8)>;

fn columns(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let rows: Vec<_> = lines.collect();
    let column = |at: usize| rows.iter().map(|row| row[at]).collect();
    names.iter().enumerate().map(|(at, name)| (*name, column(at))).collect()
}

fn detections(text: &str, integers: &[&str], words: &[&str]) -> RecordBatch {
    let columns = columns(text);
    table(columns.iter().map(|(name, cells)| {
        let array: ArrayRef = if integers.contains(name) {
            Arc::new(cells.iter().map(|cell| cell.parse::<i64>().ok()).collect::<Int64Array>())
        } else if words.contains(name) {
            Arc::new(cells.iter().map(Some).collect::<StringArray>())
        } else {
            Arc::new(cells.iter().map(|cell| cell.parse::<f64>().ok()).collect::<Float64Array>())
        };
        (*name, array)
    }))
}

/// Points by key and band.
fn expected(text: &str) -> BTreeMap<(String, String), Points> {
    let bits = |cell: &str| cell.parse::<f64>().ok().map(f64::to_bits);
    let mut points: BTreeMap<_, Points> = BTreeMap::new();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("key,band,time,value,error,flags"));
    for line in lines {
        let cells: Vec<_> = line.split(',').collect();
        let place = (cells[0].to_owned(), cells[1].to_owned());
        let (time, value) = (bits(cells[2]).unwrap(), bits(cells[3]).unwrap());
        let point = (time, value, bits(cells[4]), cells[5].parse().unwrap());
        points.entry(place).or_default().push(point);
    }
    points
}

fn found(curves: &RecordBatch, bands: &[&str]) -> BTreeMap<(String, String), Points> {
    let mut found = BTreeMap::new();
    for band in bands {
        let lists = curves.column_by_name(&format!("lc_{band}")).unwrap().as_list::<i32>();
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let points = lists.value(row);
            let points = points.as_struct();
            let numbers = |at: usize| points.column(at).as_primitive::<Float64Type>();
            let flags = points.column(3).as_primitive::<UInt8Type>();
            let point = |at: usize| {
                let error = numbers(2).is_valid(at).then(|| numbers(2).value(at).to_bits());
                (
                    numbers(0).value(at).to_bits(),
                    numbers(1).value(at).to_bits(),
                    error,
                    flags.value(at),
                )
            };
            let key = match curves.column(0).data_type() {
                DataType::Utf8 => curves.column(0).as_string::<i32>().value(row).to_owned(),
                _ => curves.column(0).as_primitive::<Int64Type>().value(row).to_string(),
            };
            found.insert((key, (*band).to_owned()), (0..points.len()).map(point).collect());
        }
    }
    found
}

#[test]
fn plasticc_is_as_pandas_has_it() {
    let rows = detections(
        include_str!("../goldens/plasticc.csv"),
        &["object_id", "passband", "detected_bool"],
        &[],
    );
    let params = r#"{"key": "object_id", "time": "mjd", "band": "passband", "bands": {"0": "u", "1": "g", "2": "r", "3": "i", "4": "z", "5": "y"},
        "flux": "flux", "error": "flux_err", "detected": "detected_bool"}"#;
    let outputs =
        Harness::<LightCurveAssembler>::new(params).table("detections", rows).run().unwrap();
    let found = found(&outputs.table("curves"), &["u", "g", "r", "i", "z", "y"]);
    assert_eq!(found, expected(include_str!("../goldens/plasticc.expected.csv")));
    assert!(outputs.warnings.is_empty());
}

#[test]
fn ztf_is_as_pandas_has_it() {
    let rows = detections(include_str!("../goldens/ztf.csv"), &["fid"], &["objectId"]);
    let params = r#"{"key": "objectId", "time": "jd", "time-system": "jd", "band": "fid", "bands": [{"1": "g"}, {"2": "r"}, {"3": "i"}],
        "mag": "magpsf", "error": "sigmapsf", "upper-limit": "diffmaglim", "detected": "rb"}"#;
    let outputs =
        Harness::<LightCurveAssembler>::new(params).table("detections", rows).run().unwrap();
    let found = found(&outputs.table("curves"), &["g", "r", "i"]);
    assert_eq!(found, expected(include_str!("../goldens/ztf.expected.csv")));
}
