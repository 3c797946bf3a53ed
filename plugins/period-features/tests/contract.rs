//! The declaration holds, missing numbers have reasons, and errors point.

use light_curve::{BandColumn, Kind, Light};
use period_features::PeriodFeatures;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::builder::{
    Float64Builder, ListBuilder, StructBuilder, UInt8Builder,
};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table_of};

/// Time, value, error.
type Point = (f64, f64, f64);

fn band(name: &str, kind: Kind, rows: &[Vec<Point>]) -> (Field, ArrayRef) {
    let unit = if kind == Kind::Flux { "uJy" } else { "mag" };
    let column = BandColumn::new(name, Light { kind, unit: Some(unit.to_owned()) });
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

/// Points in some forty nights of a hundred, with a little noise.
fn wave(n: usize, of: impl Fn(f64) -> f64) -> Vec<Point> {
    let point = |at: usize| {
        let at = at as f64;
        let time = (at * 37.3) % 101.0 + (at * at * 0.013) % 0.3;
        (59000.0 + time, of(time) + 0.02 * (at * at).sin(), 0.02 + 0.0001 * at)
    };
    let mut points: Vec<_> = (0..n).map(point).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn turns(time: f64, period: f64) -> f64 {
    std::f64::consts::TAU * time / period
}

fn sine(time: f64) -> f64 {
    2.0 * turns(time, 0.7321).sin()
}

/// Two minima of different depth in 1.37 days.
fn binary(time: f64) -> f64 {
    let phase = (time / 1.37).rem_euclid(1.0);
    let dip = |at: f64| {
        let away = (phase - at + 0.5).rem_euclid(1.0) - 0.5;
        (-(away / 0.08).powi(2)).exp()
    };
    -dip(0.0) - 0.6 * dip(0.5)
}

fn sources() -> RecordBatch {
    let mut without_errors = wave(60, sine);
    without_errors.iter_mut().for_each(|point| point.2 = f64::NAN);
    let constant = (0..30).map(|at| (f64::from(at * at % 31), 0.1, 0.5)).collect();
    let at_once = wave(30, sine).into_iter().map(|point| (59000.0, point.1, point.2)).collect();
    let g = [
        wave(60, sine),
        wave(120, binary),
        vec![],
        wave(5, sine),
        without_errors,
        constant,
        at_once,
    ];
    let r = [wave(45, sine), wave(80, binary), vec![], vec![], vec![], vec![], vec![]];
    let id = StringArray::from(vec!["sine", "binary", "none", "few", "bare", "constant", "once"]);
    table_of([
        (Field::new("id", DataType::Utf8, false), Arc::new(id) as ArrayRef),
        band("g", Kind::Flux, &g),
        band("r", Kind::Flux, &r),
    ])
}

fn harness(params: &str) -> Harness<PeriodFeatures> {
    Harness::new(params).table("table", sources())
}

fn features(params: &str) -> RecordBatch {
    harness(params).run().expect("it runs").table("features")
}

fn numbers(table: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    let column = table.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_primitive::<Float64Type>().iter().collect()
}

fn words(table: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let words = table.column_by_name(name).expect("the column").as_string::<i32>().iter();
    words.map(|word| word.map(str::to_owned)).collect()
}

#[test]
fn reads_what_it_declares() {
    for params in [
        r#"{"max-frequency": 2, "harmonics": 2}"#,
        r#"{"combine": false, "method": "phase-dispersion", "rank": "method", "max-frequency": 2, "harmonics": 2, "bands": ["r"], "light-curves": "drop"}"#,
        r#"{"method": "conditional-entropy", "periods": 1, "max-frequency": 2, "harmonics": 2}"#,
    ] {
        harness(params).prove();
    }
}

#[test]
fn periods_are_found_and_their_aliases_named() {
    for method in ["lomb-scargle", "conditional-entropy", "phase-dispersion"] {
        let params = format!(r#"{{"method": "{method}", "max-frequency": 3}}"#);
        let table = features(&params);
        let found = numbers(&table, "period")[0].unwrap();
        assert!((found - 0.7321).abs() < 1e-3, "{method} {found}");
    }
    let table = features(r#"{"max-frequency": 3}"#);
    assert!(numbers(&table, "period_power")[0].unwrap() > 0.99);
    assert!(numbers(&table, "period_fap")[0].unwrap() < 1e-20);
    assert!(numbers(&table, "period_series_power")[0].unwrap() > 0.999);
    assert!((numbers(&table, "g_fourier_amplitude")[0].unwrap() - 2.0).abs() < 0.02);
    assert!(numbers(&table, "g_fourier_r21")[0].unwrap() < 0.02);
    assert!(numbers(&table, "g_folded_eta")[0].unwrap() < 0.1);
    assert_eq!(words(&table, "period_alias")[0], None);
    // Points at night: the next peaks are daily aliases.
    let alias = words(&table, "period_2_alias")[0].clone().unwrap();
    assert!(alias.contains("/d") || alias.contains("/sd"), "{alias}");
}

#[test]
fn binaries_have_twice_the_period() {
    let table = features(r#"{"min-frequency": 1.2, "max-frequency": 2}"#);
    let doubled = table.column_by_name("period_doubled").unwrap().as_boolean().clone();
    assert!((numbers(&table, "period")[1].unwrap() - 0.685).abs() < 1e-3);
    assert!(!doubled.value(0) && doubled.value(1));
    assert!(numbers(&table, "period_doubling")[1].unwrap() > 10.0);
    assert!(doubled.is_null(2));
}

#[test]
fn what_is_missing_is_null_and_says_why() {
    let table = features(r#"{"max-frequency": 2}"#);
    let why = words(&table, "period_reason");
    assert_eq!(why[0], None);
    assert_eq!(why[2].as_deref(), Some("no points"));
    assert_eq!(why[3].as_deref(), Some("too few points, has 5, needs 10"));
    assert_eq!(why[5].as_deref(), Some("constant values"));
    assert_eq!(why[6].as_deref(), Some("time span too short"));
    for (row, period) in numbers(&table, "period").iter().enumerate() {
        assert_eq!(period.is_some(), ![2, 3, 5, 6].contains(&row), "{row}");
    }
    let folded = words(&table, "g_folded_reason");
    assert_eq!(folded[0], None);
    assert_eq!(folded[3].as_deref(), Some("no period"));
    assert_eq!(folded[4].as_deref(), Some("no errors: fourier_reduced_chi2"));
    assert_eq!(numbers(&table, "g_fourier_reduced_chi2")[4], None);
    assert_eq!(words(&table, "r_folded_reason")[4].as_deref(), Some("no points"));
    let table =
        features(r#"{"max-frequency": 0.1, "min-points": 3, "harmonics": 10, "periods": 20}"#);
    let why = words(&table, "period_reason")[3].clone().unwrap();
    assert!(why.contains("too few points, has 5, needs 22: series_power"), "{why}");
    assert!(why.contains("further periods"), "{why}");
}

#[test]
fn bands_may_have_periods_of_their_own() {
    let table = features(r#"{"combine": false, "max-frequency": 2, "light-curves": "drop"}"#);
    assert!(table.column_by_name("lc_g").is_none() && table.column_by_name("period").is_none());
    for band in ["g", "r"] {
        let found = numbers(&table, &format!("{band}_period"))[0].unwrap();
        assert!((found - 0.7321).abs() < 1e-3, "{band} {found}");
    }
    assert_eq!(numbers(&table, "r_period")[4], None);
}

#[test]
fn columns_say_unit_and_meaning() {
    let table = features(r#"{"max-frequency": 2, "name": "joint_"}"#);
    let schema = table.schema();
    let field = |name: &str| schema.field_with_name(name).unwrap().clone();
    let period = field("joint_period");
    assert_eq!((period.unit(), period.ucd()), (Some("d"), Some("time.period")));
    let mean = field("g_fourier_mean");
    assert_eq!((mean.unit(), mean.ucd()), (Some("uJy"), Some("stat.mean;phot.flux")));
    assert_eq!(field("r_fourier_phi31").unit(), Some("rad"));
    let sines = numbers(&features(r#"{"max-frequency": 2, "phases": "sine"}"#), "g_fourier_phi21");
    let cosines = numbers(&table, "g_fourier_phi21");
    let turn = (cosines[1].unwrap() - sines[1].unwrap()).rem_euclid(std::f64::consts::TAU);
    assert!((turn - std::f64::consts::FRAC_PI_2).abs() < 1e-9, "{turn}");
}

#[test]
fn bad_params_are_named() {
    let error = |params: &str| harness(params).run().err().expect("fails").to_string();
    for (params, start) in [
        (r#"{"bands": ["i"]}"#, "parameter `bands`: no light curves in `i`; there are g, r"),
        (r#"{"bands": ["g", "g"]}"#, "parameter `bands`: `g` is listed twice"),
        (r#"{"bands": []}"#, "parameter `bands`: 0 bands are not between 1"),
        (r#"{"periods": 0}"#, "parameter `periods`: 0 is not between 1 and 20"),
        (r#"{"harmonics": 11}"#, "parameter `harmonics`: 11 is not between 1 and 10"),
        (r#"{"min-points": 1}"#, "parameter `min-points`: 1 is below 3"),
        (r#"{"max-frequency": 0}"#, "parameter `max-frequency`: 0 is not a positive number"),
        (r#"{"min-frequency": 20}"#, "parameter `min-frequency`: 20 is not below"),
        (r#"{"systematic-error": -1}"#, "parameter `systematic-error`: -1 is not a number from 0"),
    ] {
        let message = error(params);
        assert!(message.starts_with(start), "{message}");
    }
}
