//! The declaration holds, no point is lost without a word, and what comes out depends neither on shards, batches
//! nor on the order of the rows.

use light_curve::{BandColumn, Curves, Kind};
use light_curve_assembler::LightCurveAssembler;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{Float64Type, Int64Type, UInt8Type, UInt64Type};
use skyloom_plugin::arrow_array::{Int8Array, UInt64Array};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, Outputs, table, table_of};

type Assembler = Harness<LightCurveAssembler>;

fn floats<const N: usize>(values: [f64; N]) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn some_floats<const N: usize>(values: [Option<f64>; N]) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values))
}

fn words<const N: usize>(values: [&str; N]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn objects() -> RecordBatch {
    table([
        ("name", words(["b", "a", "d"])),
        ("class", words(["RRab", "SN", "SN"])),
        ("ra", floats([1.0, 2.0, 3.0])),
    ])
}

/// `a`: three points in g, sorted badly; two in r, one a limit. `b`: one in r. `c` is in no
/// table of objects.
fn detections() -> RecordBatch {
    let error =
        some_floats([Some(0.1), Some(0.2), Some(0.3), Some(0.2), None, Some(0.4), Some(0.5)]);
    table([
        ("name", words(["a", "b", "a", "a", "a", "a", "c"])),
        (
            "jd",
            floats([
                2_450_003.5,
                2_450_001.5,
                2_450_001.5,
                2_450_002.5,
                2_450_009.5,
                2_450_008.5,
                2_450_001.5,
            ]),
        ),
        ("filter", words(["zg", "zr", "zg", "zg", "zr", "zr", "zg"])),
        (
            "m",
            some_floats([
                Some(18.0),
                Some(17.0),
                Some(19.0),
                Some(18.5),
                None,
                Some(16.0),
                Some(15.0),
            ]),
        ),
        ("e", error),
        ("limit", floats([20.0, 20.25, 20.5, 20.75, 21.0, 21.25, 21.5])),
        ("zp", floats([0.5, 0.25, 0.5, 0.5, 0.5, 0.75, 0.5])),
        (
            "real",
            Arc::new(BooleanArray::from(vec![true, false, true, true, false, true, true]))
                as ArrayRef,
        ),
        ("other", floats([1.0; 7])),
    ])
}

const FULL: &str = r#"{"key": "name", "time": "jd", "time-system": "jd", "band": "filter", "bands": [{"zg": "g"}, {"zr": "r"}],
    "mag": "m", "error": "e", "upper-limit": "limit", "zero-point": "zp", "detected": "real"}"#;

fn full() -> Assembler {
    Harness::new(FULL).table("objects", objects()).table("detections", detections())
}

/// `params` on rows of key, time in MJD, band, flux and its error.
fn rows(more: &str, rows: &[(i64, f64, i8, f64, f64)]) -> Assembler {
    let params = format!(
        r#"{{"key": "id", "time": "mjd", "band": "fid", "bands": [{{"1": "g"}}, {{"2": "r"}}], "flux": "f", "error": "e"{more}}}"#
    );
    let number = |of: fn(&(i64, f64, i8, f64, f64)) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(of)))
    };
    let ids = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
    let bands = Int8Array::from_iter_values(rows.iter().map(|row| row.2));
    let rows = table([
        ("id", Arc::new(ids) as ArrayRef),
        ("mjd", number(|row| row.1)),
        ("fid", Arc::new(bands)),
        ("f", number(|row| row.3)),
        ("e", number(|row| row.4)),
    ]);
    Harness::new(params).table("detections", rows)
}

/// Time, value, error, flags.
type Point = (f64, f64, Option<f64>, u8);

/// The points of a cell; none where it is null.
fn cell(curves: &RecordBatch, column: &str, row: usize) -> Option<Vec<Point>> {
    let lists = curves.column_by_name(column)?.as_list::<i32>();
    lists.is_valid(row).then(|| {
        let points = lists.value(row);
        let points = points.as_struct();
        let numbers = |at: usize| points.column(at).as_primitive::<Float64Type>();
        let flags = points.column(3).as_primitive::<UInt8Type>();
        let point = |at: usize| {
            let error = numbers(2).is_valid(at).then(|| numbers(2).value(at));
            (numbers(0).value(at), numbers(1).value(at), error, flags.value(at))
        };
        (0..points.len()).map(point).collect()
    })
}

fn curves(outputs: &Outputs) -> RecordBatch {
    outputs.table("curves")
}

fn error(harness: &Assembler) -> String {
    harness.run().err().expect("fails").to_string()
}

#[test]
fn reads_what_it_declares() {
    full().prove();
    Harness::<LightCurveAssembler>::new(FULL).table("detections", detections()).prove();
}

#[test]
fn objects_keep_their_rows_and_get_light_curves() {
    let outputs = full().run().unwrap();
    let curves = curves(&outputs);
    assert_eq!(curves.schema().fields()[..3], objects().schema().fields()[..]);
    assert_eq!(curves.column(0).as_string::<i32>(), objects().column(0).as_string::<i32>());
    let g = cell(&curves, "lc_g", 1).unwrap();
    let expected = [
        (50_001.0, 19.5, Some(0.3), 2),
        (50_002.0, 19.0, Some(0.2), 2),
        (50_003.0, 18.5, Some(0.1), 2),
    ];
    assert_eq!(g, expected);
    let r = cell(&curves, "lc_r", 1).unwrap();
    assert_eq!(r, [(50_008.0, 16.75, Some(0.4), 2), (50_009.0, 21.5, None, 1)]);
    assert_eq!(cell(&curves, "lc_r", 0).unwrap(), [(50_001.0, 17.25, Some(0.2), 0)]);
    assert_eq!(cell(&curves, "lc_g", 0), None);
    assert_eq!((cell(&curves, "lc_g", 2), cell(&curves, "lc_r", 2)), (None, None));
    let lost = "1 rows of `detections` are of objects that are not in `objects`, and were dropped; the first is c";
    assert_eq!(outputs.warnings, [lost]);
}

#[test]
fn what_is_written_can_be_read_as_light_curves() {
    let curves = curves(&full().run().unwrap());
    let bands = BandColumn::all(curves.schema().fields());
    let known: Vec<_> =
        bands.iter().map(|band| (band.column.as_str(), band.band.as_str())).collect();
    assert_eq!(known, [("lc_g", "g"), ("lc_r", "r")]);
    assert!(bands.iter().all(|band| band.light.kind == Kind::Magnitude));
    assert!(bands.iter().all(|band| band.light.unit.as_deref() == Some("mag")));
    assert_eq!(Curves::default().len(), 0);
}

#[test]
fn shards_change_nothing() {
    for with_objects in [true, false] {
        let run = |shards: u32| {
            let params = FULL.replacen('{', &format!(r#"{{"shards": {shards}, "#), 1);
            let harness = Assembler::new(params).table("detections", detections());
            let harness = if with_objects { harness.table("objects", objects()) } else { harness };
            let outputs = harness.run().unwrap();
            assert_eq!(outputs.partitions("curves").len(), shards as usize);
            curves(&outputs)
        };
        let one = run(1);
        assert_eq!(one.num_rows(), 3);
        assert_eq!((one.clone(), one), (run(2), run(100)));
    }
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let points = [
        (7, 1.0, 1, 5.0, 0.1),
        (3, 2.0, 2, 6.0, 0.1),
        (7, 1.0, 1, 4.0, 0.1),
        (7, 0.5, 2, 4.0, -1.0),
        (3, 1.0, 2, 5.0, 0.1),
        (-3, 1.0, 2, 5.0, 0.1),
    ];
    let mut turned = points;
    turned.reverse();
    let one = curves(&rows("", &points).run().unwrap());
    assert_eq!(one, curves(&rows("", &turned).run().unwrap()));
    // By hash: no order that anyone would look for.
    let ids = one.column(0).as_primitive::<Int64Type>();
    assert_eq!(ids.values().len(), 3);
    assert_eq!(one.schema().field(0).ucd(), Some("meta.id;meta.main"));
    let at = ids.values().iter().position(|id| *id == 7).unwrap();
    assert_eq!(
        cell(&one, "lc_g", at).unwrap(),
        [(1.0, 4.0, Some(0.1), 0), (1.0, 5.0, Some(0.1), 0)]
    );
    assert_eq!(cell(&one, "lc_r", at).unwrap(), [(0.5, 4.0, None, 0)]);
}

#[test]
fn what_cannot_be_a_point_is_counted() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let points = [
        (1, nan, 1, 5.0, 0.1),
        (1, inf, 1, 5.0, 0.1),
        (1, 1.0, 1, nan, 0.1),
        (1, 2.0, 1, -inf, 0.1),
        (1, 3.0, 1, -5.0, 0.0),
        (1, 4.0, 1, 5.0, inf),
        (1, 5.0, 1, 5.0, nan),
        (1, 6.0, 3, 5.0, 0.1),
    ];
    let outputs = rows(r#", "unknown-bands": "ignore""#, &points).run().unwrap();
    let expected = [(3.0, -5.0, None, 0), (4.0, 5.0, None, 0), (5.0, 5.0, None, 0)];
    assert_eq!(cell(&curves(&outputs), "lc_g", 0).unwrap(), expected);
    let told = [
        "2 points have no finite time, and were dropped",
        "2 points have neither a finite value nor a limit, and were dropped",
        "1 points are in other bands, and were dropped",
    ];
    assert_eq!(outputs.warnings, told);
    let told = error(&rows("", &points));
    let start = "row 7 of `detections` (from 0), object 1: column `fid` holds `3`, which is none of `bands`: 1, 2; add it there";
    assert!(told.starts_with(start), "{told}");
}

#[test]
fn duplicates_end_as_told() {
    let points = [(1, 2.0, 1, 5.0, 0.1), (1, 2.0, 1, 5.0, 0.1), (1, 2.0, 1, 4.0, 0.1)];
    let count = |duplicates: &str| {
        let outputs = rows(&format!(r#", "duplicates": "{duplicates}""#), &points).run().unwrap();
        cell(&curves(&outputs), "lc_g", 0)
            .unwrap()
            .into_iter()
            .map(|point| point.1)
            .collect::<Vec<_>>()
    };
    assert_eq!(count("drop-exact"), [4.0, 5.0]);
    assert_eq!(count("keep"), [4.0, 5.0, 5.0]);
    assert_eq!(count("first"), [5.0]);
    let told = error(&rows(r#", "duplicates": "error""#, &points));
    assert!(told.starts_with("object 1 has two points in band `g` at MJD 2; drop one"), "{told}");
}

#[test]
fn fluxes_get_their_zero_point() {
    // AB magnitude 31.4 is 1 nJy, nearly; 5 magnitudes more are a hundredth of it.
    let outputs = rows(r#", "zero-point": 31.4"#, &[(1, 1.0, 1, 2.0, 0.5)]).run().unwrap();
    let point = cell(&curves(&outputs), "lc_g", 0).unwrap()[0];
    assert!((point.1 / 2.0 - 1.0).abs() < 1e-4 && (point.2.unwrap() / 0.5 - 1.0).abs() < 1e-4);
    let bands = BandColumn::all(curves(&outputs).schema().fields());
    assert_eq!(bands[0].light.unit.as_deref(), Some("nJy"));
}

#[test]
fn bands_may_have_columns_of_their_own() {
    let wide = table([
        ("star", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(5)])) as ArrayRef),
        ("MJD_u", floats([1.0, 2.0, 3.0])),
        ("MJD_g", floats([1.5, 2.5, 3.5])),
        ("u", some_floats([Some(20.0), Some(21.0), None])),
        ("g", floats([19.0, 18.0, 17.0])),
    ]);
    let params = r#"{"key": "star", "time": "MJD_{band}", "bands": ["u", "g"], "mag": "{band}"}"#;
    let outputs = Assembler::new(params).table("detections", wide.clone()).run().unwrap();
    let curves = curves(&outputs);
    let keys = curves.column(0).as_primitive::<UInt64Type>();
    let at = keys.values().iter().position(|key| *key == u64::MAX).unwrap();
    assert_eq!(cell(&curves, "lc_u", at).unwrap(), [(1.0, 20.0, None, 0)]);
    assert_eq!(cell(&curves, "lc_g", at).unwrap(), [(1.5, 19.0, None, 0)]);
    assert_eq!(cell(&curves, "lc_u", 1 - at), None);
    assert_eq!(outputs.warnings[0], "1 rows of `detections` have no key, and were dropped");
    let single = r#"{"key": "star", "time": "MJD_g", "bands": ["I"], "mag": "g"}"#;
    Assembler::new(single).table("detections", wide).run().unwrap();
}

#[test]
fn keys_meet_by_value_whatever_their_width() {
    let ids = Field::new("object_id", DataType::Int64, true).with_ucd("meta.id;meta.main");
    let objects =
        table_of([(ids, Arc::new(Int64Array::from(vec![Some(9), None, Some(7)])) as ArrayRef)]);
    let wide = table([
        ("id", Arc::new(Int8Array::from(vec![Some(7), Some(9), Some(7), None])) as ArrayRef),
        ("mjd", floats([1.0, 2.0, 3.0, 4.0])),
        ("f", floats([1.0, 2.0, 3.0, 4.0])),
    ]);
    let params =
        r#"{"key": "id", "object-key": "object_id", "time": "mjd", "bands": ["I"], "flux": "f"}"#;
    let harness = Assembler::new(params).table("objects", objects).table("detections", wide);
    let outputs = harness.run().unwrap();
    let curves = curves(&outputs);
    assert_eq!(cell(&curves, "lc_I", 0).unwrap(), [(2.0, 2.0, None, 0)]);
    assert_eq!(cell(&curves, "lc_I", 1), None);
    assert_eq!(cell(&curves, "lc_I", 2).unwrap().len(), 2);
    assert_eq!(
        outputs.warnings,
        [
            "1 rows of `detections` have no key, and were dropped",
            "1 rows of `objects` have no key, and so no light curves",
        ]
    );
}

#[test]
fn objects_stand_once() {
    let twice = table([("name", words(["a", "b", "a"]))]);
    let told =
        error(&Assembler::new(FULL).table("objects", twice).table("detections", detections()));
    assert!(told.starts_with("rows 0 and 2 of `objects` (from 0) both have `name` a;"), "{told}");
}

#[test]
fn nothing_gives_nothing() {
    let empty = |batch: RecordBatch| batch.slice(0, 0);
    let run = |objects: RecordBatch, detections: RecordBatch| {
        let harness = Assembler::new(FULL).table("objects", objects);
        curves(&harness.table("detections", detections).run().unwrap())
    };
    assert_eq!(run(empty(objects()), detections()).num_rows(), 0);
    let curves = run(objects(), empty(detections()));
    assert_eq!(curves.column_by_name("lc_g").unwrap().null_count(), 3);
    assert_eq!(rows("", &[]).run().unwrap().table("curves").num_rows(), 0);
}

#[test]
fn mistakes_are_named() {
    let with = |from: &str, to: &str| {
        error(&Assembler::new(FULL.replace(from, to)).table("detections", detections()))
    };
    for (from, to, start) in [
        (
            r#""band": "filter", "#,
            "",
            "parameter `mag`: `m` would hold all 2 bands; name the band column",
        ),
        (r#""mag": "m", "#, "", "parameter `flux`: name a column here, or in `mag`"),
        (r#""mag": "m""#, r#""mag": "m", "flux": "m""#, "parameter `mag`: stands beside `flux`"),
        (r#"{"zr": "r"}"#, r#"{"zg": "r"}"#, "parameter `bands`: `zg` is listed twice"),
        (r#"{"zr": "r"}"#, r#"{"zr": ""}"#, "parameter `bands`: value `zr` has an empty name"),
        (r#"[{"zg": "g"}, {"zr": "r"}]"#, "[]", "parameter `bands`: name at least one band"),
        (r#""key": "name""#, r#""key": "id""#, "input `detections` has no column `id`"),
        (
            r#""key": "name""#,
            r#""key": "m""#,
            "column `m` of input `detections` should be integers or text",
        ),
        (
            r#""key": "name""#,
            r#""key": "name", "object-key": "name""#,
            "parameter `object-key`: input `objects` is not connected",
        ),
        (
            r#""band": "filter""#,
            r#""band": "m""#,
            "column `m` of input `detections` should be integers or text",
        ),
        (
            r#""detected": "real""#,
            r#""detected": "filter""#,
            "column `filter` of input `detections` should be truth values",
        ),
        (
            r#""zero-point": "zp""#,
            r#""zero-point": 1e9"#,
            "parameter `zero-point`: 1000000000 is no magnitude",
        ),
        (
            r#""mag": "m""#,
            r#""mag": "m", "shards": 0"#,
            "parameter `shards`: 0 is not in 1 to 4096",
        ),
    ] {
        let told = with(from, to);
        assert!(told.starts_with(start), "{told}");
    }
    let ids = table([("name", floats([1.0]))]);
    let told = error(&Assembler::new(FULL).table("objects", ids).table("detections", detections()));
    assert!(
        told.starts_with("column `name` of input `objects` should be text, as in `detections`"),
        "{told}"
    );
}

#[test]
fn units_are_minded() {
    let column = |name: &str, unit: &str| {
        (Field::new(name, DataType::Float64, true).with_unit(unit), floats([1.0]))
    };
    let run = |time: &str, value: &str, error: &str, more: &str| {
        let key = (Field::new("id", DataType::Utf8, true), words(["a"]));
        let rows = table_of([key, column("t", time), column("f", value), column("e", error)]);
        let params = format!(
            r#"{{"key": "id", "time": "t", "bands": ["V"], "flux": "f", "error": "e"{more}}}"#
        );
        let outputs = Assembler::new(params).table("detections", rows).run();
        outputs.map(|outputs| {
            BandColumn::all(curves(&outputs).schema().fields())[0]
                .light
                .unit
                .clone()
                .unwrap_or_default()
        })
    };
    assert_eq!(run("d", "Jy", "Jy", "").unwrap(), "Jy");
    assert_eq!(run("d", "Jy", "Jy", r#", "unit": "Jy""#).unwrap(), "Jy");
    for told in [
        run("s", "Jy", "Jy", ""),
        run("d", "Jy", "mJy", ""),
        run("d", "Jy", "Jy", r#", "unit": "nJy""#),
    ] {
        assert!(told.unwrap_err().to_string().contains("should be"));
    }
}
