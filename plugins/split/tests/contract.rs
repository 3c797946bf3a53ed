//! Split's declaration and promises hold on tables.

use std::collections::BTreeSet;

use skyloom_plugin::arrow_array::{RecordBatch, UInt16Array};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table, table_of};
use split::Split;

const N_ROWS: usize = 600;

fn stars() -> RecordBatch {
    let rows = 0..N_ROWS;
    let id: StringArray = rows.clone().map(|row| Some(format!("star-{row:04}"))).collect();
    let number: Float64Array = rows.clone().map(|row| Some(row as f64)).collect();
    let field: StringArray = rows.clone().map(|row| Some(format!("f{}", row % 40))).collect();
    let ra: Float64Array = rows.clone().map(|row| Some((row * 7 % 24) as f64)).collect();
    let dec: Float64Array = rows.map(|row| Some((row * 11 % 178) as f64 - 89.0)).collect();
    let plain = |name: &str, data_type| Field::new(name, data_type, true);
    table_of([
        (plain("id", DataType::Utf8).with_ucd("meta.id;meta.main"), Arc::new(id) as ArrayRef),
        (plain("number", DataType::Float64), Arc::new(number) as _),
        (plain("field", DataType::Utf8), Arc::new(field) as _),
        (plain("RA", DataType::Float64).with_unit("h"), Arc::new(ra) as _),
        (plain("Decl(deg)", DataType::Float64).with_unit("deg"), Arc::new(dec) as _),
    ])
}

fn split(params: &str, rows: RecordBatch) -> Harness<Split> {
    Harness::new(params).table("rows", rows)
}

fn error(params: &str, rows: RecordBatch) -> String {
    split(params, rows).run().err().expect("fails").to_string()
}

/// The text column `column` of one output.
fn texts(params: &str, rows: RecordBatch, output: &str, column: &str) -> BTreeSet<String> {
    let part = split(params, rows).run().expect("runs").table(output);
    let column = part.column_by_name(column).expect("such a column").clone();
    let column = column.as_any().downcast_ref::<StringArray>().expect("text");
    column.iter().map(|value| value.expect("no nulls").to_owned()).collect()
}

#[test]
fn reads_what_it_declares() {
    for params in [
        r#"{"calibration-fraction": 0.2}"#,
        r#"{"key": "number", "test-fraction": 0.5}"#,
        r#"{"by": "group", "group": "field"}"#,
        r#"{"by": "healpix", "order": 3, "calibration-fraction": 0.2}"#,
    ] {
        split(params, stars()).prove();
    }
}

#[test]
fn parts_are_disjoint_and_complete() {
    let params = r#"{"by": "healpix", "calibration-fraction": 0.3, "seed": 5}"#;
    let outputs = split(params, stars()).run().unwrap();
    let rows = ["train", "test", "calibration"].map(|port| outputs.table(port).num_rows());
    assert_eq!(rows.iter().sum::<usize>(), N_ROWS);
    assert!(rows.iter().all(|&rows| rows > 60), "{rows:?}");
}

#[test]
fn rows_keep_their_side_when_rows_are_added() {
    let few = texts("{}", stars().slice(0, 100), "test", "id");
    let all = texts("{}", stars(), "test", "id");
    assert!(few.is_subset(&all) && few.len() > 10);
    let others = texts("{}", stars().slice(0, 100), "train", "id");
    assert!(others.is_disjoint(&all));
}

#[test]
fn groups_stay_together() {
    let params = r#"{"by": "group", "group": "field", "test-fraction": 0.5}"#;
    let train = texts(params, stars(), "train", "field");
    assert!(train.is_disjoint(&texts(params, stars(), "test", "field")));
}

#[test]
fn integers_count_by_value_whatever_their_width() {
    let narrow: UInt16Array = (0..200_u16).map(Some).collect();
    let wide: Int64Array = (0..200_i64).map(Some).collect();
    let test_rows = |key: ArrayRef| {
        let outputs = split(r#"{"key": "n"}"#, table([("n", key)])).run().unwrap();
        outputs.table("test").column(0).clone()
    };
    let narrow = test_rows(Arc::new(narrow));
    let narrow = narrow.as_any().downcast_ref::<UInt16Array>().unwrap();
    let wide = test_rows(Arc::new(wide));
    let wide = wide.as_any().downcast_ref::<Int64Array>().unwrap();
    assert_eq!(
        narrow.values().iter().map(|&n| i64::from(n)).collect::<Vec<_>>(),
        wide.values().to_vec()
    );
}

#[test]
fn hours_are_fifteen_degrees() {
    let hours = [1.5, 5.4, 23.9].repeat(20);
    let dec: Vec<_> = (0..60).map(|row| f64::from(row) * 2.5 - 80.0).collect();
    let rows = |ra: Vec<f64>, unit: &str| {
        table_of([
            (
                Field::new("ra", DataType::Float64, true).with_unit(unit),
                Arc::new(Float64Array::from(ra)) as ArrayRef,
            ),
            (
                Field::new("dec", DataType::Float64, true),
                Arc::new(Float64Array::from(dec.clone())) as _,
            ),
        ])
    };
    let test_dec =
        |rows| split(r#"{"by": "healpix"}"#, rows).run().unwrap().table("test").column(1).clone();
    let degrees = hours.iter().map(|hour| hour * 15.0).collect();
    assert_eq!(&test_dec(rows(hours, "h")), &test_dec(rows(degrees, "deg")));
}

#[test]
fn bad_input_is_named() {
    let gap = StringArray::from(vec![Some("a"), None, Some("c"), None]);
    let gap = table([("id", Arc::new(gap) as ArrayRef)]);
    assert_eq!(
        error(r#"{"key": "id"}"#, gap.clone()),
        "2 of 4 rows have no value in column `id`, the first is row 1 of its partition (from 0); \
         give the rows a key, or name another column with `key`"
    );
    assert!(
        error("{}", gap.clone())
            .starts_with("parameter `key`: no column of input `rows` is marked as key")
    );
    assert!(error(r#"{"by": "group"}"#, gap.clone()).starts_with("parameter `group`"));
    assert!(error(r#"{"by": "healpix"}"#, gap.clone()).contains("UCD pos.eq.ra"));
    assert!(
        error(r#"{"by": "healpix", "ra": "id", "dec": "id"}"#, gap.clone()).contains("sexagesimal")
    );
    let too_much = r#"{"test-fraction": 0.8, "calibration-fraction": 0.3}"#;
    assert!(error(too_much, gap).contains("more than 1"));
    let sentinel = table([
        ("ra", Arc::new(Float64Array::from(vec![10.0, -99.99])) as ArrayRef),
        ("dec", Arc::new(Float64Array::from(vec![10.0, -99.99])) as _),
    ]);
    assert!(
        error(r#"{"by": "healpix"}"#, sentinel).contains("1 of 2 rows have no possible position")
    );
}

#[test]
fn other_units_are_refused() {
    let ra = Field::new("ra", DataType::Float64, true).with_unit("arcsec");
    let dec = Field::new("dec", DataType::Float64, true);
    let zero = || Arc::new(Float64Array::from(vec![0.0])) as ArrayRef;
    let message = error(r#"{"by": "healpix"}"#, table_of([(ra, zero()), (dec, zero())]));
    assert_eq!(message, "column `ra` of input `rows` should be deg or h or rad, but is arcsec");
}
