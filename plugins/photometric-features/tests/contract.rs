//! The declaration holds, one missing band blanks no other, and units are minded.

use photometric_features::PhotometricFeatures;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{Float64Type, UInt8Type};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table_of};

fn column(name: &str, unit: &str, values: [Option<f64>; 4]) -> (Field, ArrayRef) {
    let field = Field::new(name, DataType::Float64, true).with_unit(unit);
    (field, Arc::new(Float64Array::from(values.to_vec())))
}

fn stars(unit: &str) -> RecordBatch {
    let with_ucd = |(field, array): (Field, ArrayRef), ucd: &str| (field.with_ucd(ucd), array);
    let some = |values: [f64; 4]| values.map(Some);
    table_of([
        column("id", "", some([1.0, 2.0, 3.0, 4.0])),
        with_ucd(
            column("g", unit, [Some(20.0), None, Some(21.0), Some(f64::NAN)]),
            "phot.mag;em.opt.B",
        ),
        with_ucd(column("r", unit, some([19.5, 18.0, -9999.0, 17.0])), "phot.mag;em.opt.R"),
        column("i", unit, some([19.25, 17.5, 20.0, 16.0])),
        column("g_err", unit, some([0.3, 0.1, 0.1, 0.1])),
        column("r_err", unit, some([0.4, 0.1, 0.1, -1.0])),
        column("i_err", unit, [Some(0.5), None, Some(0.2), Some(0.1)]),
    ])
}

fn harness(params: &str, stars: RecordBatch) -> Harness<PhotometricFeatures> {
    Harness::new(params).table("table", stars)
}

fn values(features: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    let column = features.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_primitive::<Float64Type>().iter().collect()
}

fn error(params: &str, unit: &str) -> String {
    harness(params, stars(unit)).run().err().expect("fails").to_string()
}

const FULL: &str =
    r#"{"bands": ["g", "r", "i"], "errors": "{band}_err", "valid": {"min": 0, "max": 40}}"#;

#[test]
fn reads_what_it_declares() {
    harness(FULL, stars("mag")).prove();
    let fluxes = r#"{"bands": ["g", "i"], "input": "flux", "colours": "all", "masks": false, "errors": {"g": "g_err"}}"#;
    harness(fluxes, stars("nmgy")).prove();
}

#[test]
fn one_missing_band_blanks_only_its_colours() {
    let features = harness(FULL, stars("mag")).run().unwrap().table("features");
    assert_eq!(values(&features, "g-r"), [Some(0.5), None, None, None]);
    assert_eq!(values(&features, "r-i"), [Some(0.25), Some(0.5), None, Some(1.0)]);
    assert_eq!(values(&features, "g-r_err"), [Some(0.5), None, None, None]);
    assert_eq!(values(&features, "r-i_err")[1..], [None, None, None]);
    let missing = |name: &str| {
        let mask = features.column_by_name(name).unwrap().as_boolean().iter();
        mask.map(|missing| missing.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(missing("g_missing"), [false, true, false, true]);
    assert_eq!(missing("r_missing"), [false, false, true, false]);
    assert_eq!(missing("i_missing"), [false; 4]);
    let count = features.column_by_name("bands_missing").unwrap();
    assert_eq!(count.as_primitive::<UInt8Type>().values().to_vec(), [0, 1, 1, 1]);
    assert_eq!(features.num_columns(), 7 + 4 + 4);
}

#[test]
fn colours_carry_unit_and_meaning() {
    let features = harness(FULL, stars("mag")).run().unwrap().table("features");
    let schema = features.schema();
    let field = |name| schema.field_with_name(name).unwrap().clone();
    assert_eq!(field("g-r").unit(), Some("mag"));
    assert_eq!(field("g-r").ucd(), Some("phot.color;em.opt.B;em.opt.R"));
    assert_eq!(field("r-i_err").ucd(), Some("stat.error;phot.color"));
}

#[test]
fn pairs_and_all_and_none() {
    let names = |colours: &str| {
        let params =
            format!(r#"{{"bands": ["g", "r", "i"], "masks": false, "colours": {colours}}}"#);
        let features = harness(&params, stars("mag")).run().unwrap().table("features");
        let fields = features.schema();
        fields.fields()[7..].iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(r#""adjacent""#), ["g-r", "r-i"]);
    assert_eq!(names(r#""all""#), ["g-r", "g-i", "r-i"]);
    assert_eq!(names(r#"[["i", "g"]]"#), ["i-g"]);
    assert!(names(r#""none""#).is_empty());
}

#[test]
fn fluxes_become_asinh_magnitudes() {
    let params = r#"{"bands": ["g", "r"], "input": "flux", "errors": "{band}_err"}"#;
    let features = harness(params, stars("nmgy")).run().unwrap().table("features");
    let g = values(&features, "g_mag");
    // 20 nanomaggies are magnitude 22.5 − 2.5 log 20, softened a little.
    assert!((g[0].unwrap() - (22.5 - 2.5 * 20_f64.log10())).abs() < 1e-4 && g[1].is_none());
    let (colour, r) = (values(&features, "g-r"), values(&features, "r_mag"));
    assert_eq!(colour[0], Some(g[0].unwrap() - r[0].unwrap()));
    // Negative fluxes are measurements, not gaps.
    assert!(r[2].is_some() && values(&features, "g-r_err")[0].is_some());
    let jansky = r#"{"bands": ["g"], "input": "flux", "zero-points": {"g": 3631000}, "softening": {"g": 1e-9}}"#;
    harness(jansky, stars("mJy")).run().unwrap();
}

#[test]
fn units_are_minded() {
    let wrong = error(r#"{"bands": ["g"]}"#, "mJy");
    assert_eq!(wrong, "column `g` of input `table` should be mag, but is mJy");
    let wrong = error(r#"{"bands": ["g"], "input": "flux"}"#, "mag");
    assert!(wrong.ends_with("but is mag"), "{wrong}");
    let mut columns = stars("mag").columns().to_vec();
    columns.truncate(2);
    let plain = |name: &str| Field::new(name, DataType::Float64, true);
    let bare = table_of([(plain("g"), columns[0].clone()), (plain("h"), columns[1].clone())]);
    harness(r#"{"bands": ["g", "h"]}"#, bare.clone()).run().unwrap();
    let message = harness(r#"{"bands": ["g"], "input": "flux"}"#, bare.clone())
        .run()
        .err()
        .unwrap()
        .to_string();
    assert!(message.starts_with("parameter `zero-points`: `g` has no unit"), "{message}");
    let message = harness(r#"{"bands": ["h"], "input": "flux", "zero-points": {"h": 1}}"#, bare)
        .run()
        .err()
        .unwrap();
    assert!(message.to_string().starts_with("parameter `softening`: `h` is no SDSS band"));
}

#[test]
fn bad_params_are_named() {
    for (params, start) in [
        (r#"{"bands": ["g", "g"]}"#, "parameter `bands`: `g` is listed twice"),
        (r#"{"bands": []}"#, "parameter `bands`"),
        (
            r#"{"bands": ["g"], "colours": [["g", "q"]]}"#,
            "parameter `colours`: `q` is not among the bands: g",
        ),
        (r#"{"bands": ["g"], "colours": [["g", "g"]]}"#, "parameter `colours`: `g` minus itself"),
        (
            r#"{"bands": ["g"], "errors": "err"}"#,
            "parameter `errors`: `err` gives all bands one column",
        ),
        (
            r#"{"bands": ["g"], "errors": {"q": "g_err"}}"#,
            "parameter `errors`: `q` is not among the bands",
        ),
        (r#"{"bands": ["g"], "softening": {"g": 1e-10}}"#, "parameter `softening`: is for fluxes"),
        (r#"{"bands": ["g"], "valid": {"min": 3, "max": 2}}"#, "parameter `valid`"),
        (r#"{"bands": ["q"]}"#, "input `table` has no column `q`"),
        (
            r#"{"bands": ["g", "id"], "colours": "none", "masks": false}"#,
            "column `id` of input `table` should be mag",
        ),
    ] {
        let message = error(params, "mag");
        assert!(message.starts_with(start), "{message}");
    }
}
