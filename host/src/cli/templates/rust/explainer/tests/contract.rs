//! The declaration holds, and what contributes to a margin sums to it.

use plugin_name::PluginName;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};

const PARAMS: &str = r#"{"column": "colour", "threshold": 1.0, "width": 0.5, "key": "id"}"#;

fn harness() -> Harness<PluginName> {
    let id = StringArray::from(vec!["a", "b", "c", "d"]);
    let colour = Float64Array::from(vec![Some(0.5), Some(1.0), None, Some(f64::NAN)]);
    let magnitude = Float64Array::from(vec![15.0, 16.0, 17.0, 18.0]);
    let stars = table([
        ("id", Arc::new(id) as ArrayRef),
        ("colour", Arc::new(colour) as _),
        ("magnitude", Arc::new(magnitude) as _),
    ]);
    Harness::new(PARAMS).table("data", stars)
}

#[test]
fn contributions_and_base_value_sum_to_the_margin() {
    let attributions = harness().run().unwrap().table("attributions");
    let column = |name| -> Vec<Option<f64>> {
        let column = attributions.column_by_name(name).unwrap();
        column.as_primitive::<Float64Type>().iter().collect()
    };
    assert_eq!(column("margin"), [Some(-1.0), Some(0.0), None, None]);
    let parts = column("base_value").into_iter().zip(column("contribution_colour"));
    let sums: Vec<_> = parts.map(|(base, contribution)| Some(base? + contribution?)).collect();
    assert_eq!(sums, column("margin"));
}

#[test]
fn reads_what_it_declares() {
    harness().prove();
}
