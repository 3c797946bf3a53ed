//! The declaration holds: each column that is declared is read, and no other.

use plugin_name::PluginName;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table, table_of};

fn harness(params: &str) -> Harness<PluginName> {
    let id = StringArray::from(vec!["a", "b", "c", "d"]);
    let flux = Float64Array::from(vec![Some(12.0), Some(-3.0), None, Some(5.0)]);
    let flux_err = Float64Array::from(vec![Some(2.0), Some(1.5), Some(1.0), Some(0.0)]);
    let stars = table([
        ("id", Arc::new(id) as ArrayRef),
        ("flux", Arc::new(flux) as _),
        ("flux_err", Arc::new(flux_err) as _),
    ]);
    Harness::new(params).table("table", stars)
}

#[test]
fn divides_value_by_error() {
    let outputs = harness(r#"{"value": "flux", "error": "flux_err"}"#).run().unwrap();
    let features = outputs.table("features");
    let snr = features.column_by_name("snr").unwrap().as_primitive::<Float64Type>();
    assert_eq!(snr.iter().collect::<Vec<_>>(), [Some(6.0), Some(-2.0), None, None]);
}

#[test]
fn reads_what_it_declares() {
    harness(r#"{"value": "flux", "error": "flux_err"}"#).prove();
}

#[test]
fn names_a_missing_column() {
    let error = harness(r#"{"value": "mag", "error": "flux_err"}"#).run().err().unwrap();
    assert_eq!(error.to_string(), "input `table` has no column `mag`");
}

#[test]
fn value_and_error_have_one_unit() {
    let column = |name: &str, unit: &str| {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        (Field::new(name, DataType::Float64, true).with_unit(unit), values)
    };
    let stars = table_of([column("flux", "mJy"), column("flux_err", "mag")]);
    let params = r#"{"value": "flux", "error": "flux_err"}"#;
    let error = Harness::<PluginName>::new(params).table("table", stars).bind().err().unwrap();
    assert!(matches!(error, Error::WrongUnit(_)), "{error}");
}
