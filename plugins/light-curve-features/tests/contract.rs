//! The declaration holds, missing numbers have reasons, and errors point.

use light_curve::{BandColumn, Kind, Light};
use light_curve_features::LightCurveFeatures;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::builder::{
    Float64Builder, ListBuilder, StructBuilder, UInt8Builder,
};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{Float64Type, UInt32Type};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table_of};

/// Time, value, error.
type Point = (f64, f64, f64);

fn band(name: &str, kind: Kind, unit: Option<&str>, rows: &[Vec<Point>]) -> (Field, ArrayRef) {
    let column = BandColumn::new(name, Light { kind, unit: unit.map(str::to_owned) });
    let DataType::List(item) = column.field().data_type().clone() else { unreachable!() };
    let DataType::Struct(parts) = item.data_type().clone() else { unreachable!() };
    let mut lists = ListBuilder::new(StructBuilder::from_fields(parts, 0)).with_field(item);
    for row in rows {
        for &(time, value, error) in row {
            let point = lists.values();
            for (part, number) in [time, value, error].into_iter().enumerate() {
                point.field_builder::<Float64Builder>(part).expect("a number").append_value(number);
            }
            point.field_builder::<UInt8Builder>(3).expect("flags").append_value(0);
            point.append(true);
        }
        lists.append(!row.is_empty());
    }
    (column.field(), Arc::new(lists.finish()))
}

fn wave(n: usize, phase: f64) -> Vec<Point> {
    let point = |at: usize| {
        let time = at as f64 * 1.25 + 0.1 * phase;
        (time, 3.0 * (time + phase).sin() - 0.5, 0.25 + 0.01 * at as f64)
    };
    (0..n).map(point).collect()
}

fn sources(kind: Kind, unit: Option<&str>) -> RecordBatch {
    let mut without_errors = wave(12, 2.0);
    without_errors.iter_mut().for_each(|point| point.2 = f64::NAN);
    let constant = (0..9).map(|at| (f64::from(at), 0.1, 0.5)).collect();
    let g = [wave(20, 0.0), vec![], wave(2, 1.0), without_errors, constant];
    let r = [wave(20, 0.5), wave(8, 0.0), vec![], wave(9, 1.0), wave(7, 0.25)];
    let id = StringArray::from(vec!["a", "b", "c", "d", "e"]);
    table_of([
        (Field::new("id", DataType::Utf8, false), Arc::new(id) as ArrayRef),
        band("g", kind, unit, &g),
        band("r", kind, unit, &r),
    ])
}

fn harness(params: &str, sources: RecordBatch) -> Harness<LightCurveFeatures> {
    Harness::new(params).table("table", sources)
}

fn features(params: &str) -> RecordBatch {
    harness(params, sources(Kind::Flux, Some("uJy"))).run().expect("it runs").table("features")
}

fn numbers(table: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    let column = table.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_primitive::<Float64Type>().iter().collect()
}

fn words(table: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let words = table.column_by_name(name).expect("a column").as_string::<i32>().iter();
    words.map(|word| word.map(str::to_owned)).collect()
}

#[test]
fn reads_what_it_declares() {
    harness("{}", sources(Kind::Flux, Some("uJy"))).prove();
    harness(
        r#"{"features": ["damped_random_walk", "structure_function", "otsu_split"], "bands": ["r"], "light-curves": "drop"}"#,
        sources(Kind::Magnitude, Some("mag")),
    )
    .prove();
}

#[test]
fn what_is_missing_is_null_and_says_why() {
    let table =
        features(r#"{"features": ["mean", "skew", "eta", "stetson_k", "observation_count"]}"#);
    let why = words(&table, "g_reason");
    assert_eq!(why[0], None);
    assert_eq!(why[1].as_deref(), Some("no points"));
    assert_eq!(why[2].as_deref(), Some("too few points, has 2: skew needs 3"));
    let unweighed = "too few points with an error, has 0: stetson_k needs 2";
    assert_eq!(why[3].as_deref(), Some(unweighed));
    assert_eq!(why[4].as_deref(), Some("constant values: skew, eta, stetson_k"));
    let null = |name: &str| numbers(&table, name).iter().map(Option::is_none).collect::<Vec<_>>();
    assert_eq!(null("g_skew"), [false, true, true, false, true]);
    assert_eq!(null("g_mean"), [false, true, false, false, false]);
    assert_eq!(null("g_stetson_k"), [false, true, false, true, true]);
    let count = table.column_by_name("g_observation_count").unwrap();
    assert_eq!(count.as_primitive::<UInt32Type>().values().to_vec(), [20, 0, 2, 12, 9]);
}

#[test]
fn columns_say_unit_and_meaning() {
    let table = features(r#"{"features": ["mean", "linear_trend", "eta"]}"#);
    let schema = table.schema();
    let field = |name: &str| schema.field_with_name(name).unwrap().clone();
    assert_eq!(
        (field("g_mean").unit(), field("g_mean").ucd()),
        (Some("uJy"), Some("stat.mean;phot.flux"))
    );
    assert_eq!(field("r_linear_trend").unit(), Some("uJy/d"));
    assert_eq!(field("r_eta").unit(), None);
    assert_eq!(field("g-r_colour_mean").unit(), None);
    let mags =
        harness("{}", sources(Kind::Magnitude, Some("mag"))).run().unwrap().table("features");
    let colour = mags.schema().field_with_name("g-r_colour_mean").unwrap().clone();
    assert_eq!((colour.unit(), colour.ucd()), (Some("mag"), Some("stat.mean;phot.color")));
}

#[test]
fn light_curves_can_be_dropped() {
    let names = |params: &str| {
        let fields = features(params).schema().fields().clone();
        fields.iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    let params = r#"{"features": ["mean"], "bands": ["r"], "light-curves": "drop"}"#;
    assert_eq!(names(params), ["id", "r_mean", "r_reason"]);
    let params = r#"{"features": ["mean"], "bands": ["r"]}"#;
    assert_eq!(names(params), ["id", "lc_g", "lc_r", "r_mean", "r_reason"]);
}

#[test]
fn colours_are_of_points_close_in_time() {
    let table = features(r#"{"features": ["mean"]}"#);
    let colour = numbers(&table, "g-r_colour_mean");
    assert!(colour[0].is_some_and(|colour| (-1.0..=1.0).contains(&colour)));
    let why = words(&table, "g-r_reason");
    assert_eq!(why[0], None);
    assert_eq!(why[1].as_deref(), Some("no points close enough in time"));
    let table = features(r#"{"features": ["mean"], "match-days": 0}"#);
    assert_eq!(numbers(&table, "g-r_colour_mean"), [None; 5]);
    let table = features(r#"{"features": ["mean"], "colours": [["r", "g"]]}"#);
    assert!(table.column_by_name("r-g_colour_spread").is_some());
}

#[test]
fn numbers_out_of_range_are_no_features() {
    let huge = vec![(0.0, 1e308, 1e-300), (1.0, -1e308, 1e300), (2.0, 1e308, 1e-300)];
    let table = table_of([band("g", Kind::Flux, None, &[huge])]);
    let params = r#"{"features": ["mean", "standard_deviation", "reduced_chi2"]}"#;
    let table = harness(params, table).run().unwrap().table("features");
    let why = words(&table, "g_reason")[0].clone().unwrap();
    assert_eq!(why, "numbers out of range: standard_deviation, reduced_chi2");
}

#[test]
fn bad_params_are_named() {
    let error = |params: &str| {
        harness(params, sources(Kind::Flux, None)).run().err().expect("fails").to_string()
    };
    for (params, start) in [
        (r#"{"features": []}"#, "parameter `features`: name at least one feature"),
        (r#"{"features": ["eta", "eta"]}"#, "parameter `features`: `eta` is listed twice"),
        (r#"{"bands": ["i"]}"#, "parameter `bands`: no light curves in `i`; there are g, r"),
        (r#"{"bands": ["g", "g"]}"#, "parameter `bands`: `g` is listed twice"),
        (r#"{"bands": []}"#, "parameter `bands`: name at least one band"),
        (r#"{"colours": [["g", "g"]]}"#, "parameter `colours`: `g` with itself"),
        (r#"{"colours": [["g", "z"]]}"#, "parameter `colours`: `z` is not among the bands: g, r"),
        (r#"{"match-days": -1}"#, "parameter `match-days`: -1 is not a number from 0 on"),
    ] {
        let message = error(params);
        assert!(message.starts_with(start), "{message}");
    }
    let plain = table_of([(
        Field::new("g", DataType::Float64, true),
        Arc::new(Float64Array::from(vec![1.0])) as ArrayRef,
    )]);
    let message = harness("{}", plain).run().err().expect("fails").to_string();
    assert!(message.contains("no column of light curves"), "{message}");
    let mixed = table_of([
        band("g", Kind::Flux, Some("uJy"), &[wave(5, 0.0)]),
        band("r", Kind::Magnitude, Some("mag"), &[wave(5, 0.0)]),
    ]);
    let message = harness("{}", mixed).run().err().expect("fails").to_string();
    assert!(message.starts_with("parameter `colours`: `g` and `r` are not in the same unit"));
}
