//! The declaration holds, and one column alone changes.

use plugin_name::PluginName;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table_of};

const PARAMS: &str = r#"{"column": "ra", "factor": 15, "unit": "deg"}"#;

fn harness(params: &str) -> Harness<PluginName> {
    let id: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let ra: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(6.0)]));
    let stars = table_of([
        (Field::new("id", DataType::Utf8, true), id),
        (Field::new("ra", DataType::Float64, true).with_unit("h").with_ucd("pos.eq.ra"), ra),
    ]);
    Harness::new(params).table("table", stars)
}

#[test]
fn values_and_unit_change_and_the_meaning_stays() {
    let stars = harness(PARAMS).run().unwrap().table("table");
    let ra = stars.column(1).as_primitive::<Float64Type>();
    assert_eq!(ra.iter().collect::<Vec<_>>(), [Some(22.5), None, Some(90.0)]);
    let schema = stars.schema();
    assert_eq!((schema.field(1).unit(), schema.field(1).ucd()), (Some("deg"), Some("pos.eq.ra")));
}

#[test]
fn reads_what_it_declares() {
    harness(PARAMS).prove();
}

#[test]
fn a_factor_of_nothing_is_refused() {
    let error = harness(&PARAMS.replace("15", "0")).run().err().unwrap();
    assert!(error.to_string().starts_with("parameter `factor`"), "{error}");
}
