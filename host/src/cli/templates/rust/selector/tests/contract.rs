//! The declaration holds, and rows are neither lost nor doubled.

use plugin_name::PluginName;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};

fn harness(params: &str) -> Harness<PluginName> {
    let id = StringArray::from(vec!["a", "b", "c", "d", "e"]);
    let flux = Float64Array::from(vec![Some(10.0), Some(10.0), None, Some(-4.0), Some(8.0)]);
    let flux_err = Float64Array::from(vec![Some(1.0), Some(5.0), Some(0.1), Some(0.4), None]);
    let stars = table([
        ("id", Arc::new(id) as ArrayRef),
        ("flux", Arc::new(flux) as _),
        ("flux_err", Arc::new(flux_err) as _),
    ]);
    Harness::new(params).table("table", stars)
}

fn ids(port: &str) -> String {
    let outputs = harness(r#"{"value": "flux", "error": "flux_err"}"#).run().expect("runs");
    outputs.table(port).column(0).as_string::<i32>().iter().flatten().collect()
}

#[test]
fn each_row_goes_to_one_side() {
    assert_eq!((ids("rows").as_str(), ids("rest").as_str()), ("ad", "bce"));
}

#[test]
fn reads_what_it_declares() {
    harness(r#"{"value": "flux", "error": "flux_err", "fraction": 0.12}"#).prove();
}

#[test]
fn names_a_missing_column() {
    let error = harness(r#"{"value": "flux", "error": "e_flux"}"#).run().err().unwrap();
    assert_eq!(error.to_string(), "input `table` has no column `e_flux`");
}
