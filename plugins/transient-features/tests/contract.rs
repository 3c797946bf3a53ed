//! The declaration holds, and what cannot be fitted says why.

use light_curve::{BandColumn, Cells, Kind, Light, Point};
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table, table_of};
use transient_features::TransientFeatures;
use transient_features::model::Model;

const BAZIN: [f64; 5] = [200.0, 10.0, 59_020.0, 25.0, 4.0];

/// An object with a Bazin curve in g, half as bright in r and 3 days later; one with three
/// points in g; one with nothing.
fn objects(kind: Kind) -> RecordBatch {
    let band = |name: &str, share: f64, delay: f64| {
        let column = BandColumn::new(name, Light { kind, unit: None });
        let mut cells = Cells::default();
        let mut points = |count: u32| {
            for day in 0..count {
                let time = 59_000.0 + f64::from(day) * 2.5;
                let flux = share * Model::Bazin.value(&BAZIN, time - delay, &mut [0.0; 5]);
                let (value, error) = match kind {
                    Kind::Flux => (flux, 1.0),
                    Kind::Magnitude => (25.0 - 2.5 * libm::log10(flux), 0.02),
                };
                cells.push(Point { time, value, error, flags: 0 });
            }
            cells.end().expect("few points");
        };
        points(40);
        points(3);
        points(0);
        let field = column.field();
        let array = cells.finish(field.data_type()).expect("cells of the column");
        (field, array)
    };
    let name: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let name = (Field::new("name", DataType::Utf8, false), name);
    table_of([name, band("g", 1.0, 0.0), band("r", 0.5, 3.0)])
}

fn harness(params: &str, kind: Kind) -> Harness<TransientFeatures> {
    Harness::new(params).table("curves", objects(kind))
}

fn number(features: &RecordBatch, column: &str, row: usize) -> Option<f64> {
    let values = features.column_by_name(column)?.as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}

#[test]
fn reads_what_it_declares() {
    harness(r#"{"models": ["bazin", "villar", "linexp"]}"#, Kind::Flux).prove();
}

#[test]
fn a_supernova_is_measured() {
    for kind in [Kind::Flux, Kind::Magnitude] {
        let features = harness("{}", kind).run().unwrap().table("features");
        let names = ["amplitude", "baseline", "t0", "fall", "rise"];
        for (name, truth) in names.into_iter().zip(BAZIN) {
            let found = number(&features, &format!("bazin_{name}_g"), 0).unwrap();
            assert!((found / truth - 1.0).abs() < 1e-6, "{kind:?} {name}: {found} {truth}");
            assert!(number(&features, &format!("bazin_{name}_err_g"), 0).unwrap() > 0.0);
        }
        let delay = number(&features, "bazin_peak_time_r", 0).unwrap()
            - number(&features, "bazin_peak_time_g", 0).unwrap();
        assert!((delay - 3.0).abs() < 1e-5, "{delay}");
        // r is half as bright at its peak, and not there yet at that of g.
        let colour = number(&features, "bazin_colour_g-r", 0).unwrap();
        assert!((-1.0..-0.75).contains(&colour), "{colour}");
        let (rise, fall) = (
            number(&features, "bazin_rise_time_g", 0).unwrap(),
            number(&features, "bazin_fall_time_g", 0).unwrap(),
        );
        assert!(rise < fall && rise > 0.0);
    }
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let features = harness("{}", Kind::Flux).run().unwrap().table("features");
    let note = features.column_by_name("bazin_note_g").unwrap().as_string::<i32>();
    assert!(note.is_null(0) && note.value(1) == "too few points" && note.value(2) == note.value(1));
    for column in ["bazin_amplitude_g", "bazin_chi2_r", "bazin_peak_time_g", "bazin_colour_g-r"] {
        assert_eq!((number(&features, column, 1), number(&features, column, 2)), (None, None));
    }
}

#[test]
fn bad_params_are_named() {
    for (params, start) in [
        (r#"{"models": []}"#, "parameter `models`: name at least one"),
        (r#"{"models": ["bazin", "bazin"]}"#, "parameter `models`: `bazin` is listed twice"),
        (r#"{"bands": ["q"]}"#, "parameter `bands`: no light curves in `q`; there are g, r"),
        (r#"{"zero-point": 1e9}"#, "parameter `zero-point`"),
    ] {
        let told = harness(params, Kind::Flux).run().err().expect("fails").to_string();
        assert!(told.starts_with(start), "{told}");
    }
    let bare = table([("x", Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)]);
    let told = Harness::<TransientFeatures>::new("{}").table("curves", bare).run();
    let told = told.err().expect("fails").to_string();
    assert!(told.starts_with("no column of input `curves` holds light curves"), "{told}");
}
