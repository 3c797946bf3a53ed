//! The declaration holds, and probabilities are probabilities.

use plugin_name::PluginName;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};

const SHARP: &str =
    r#"{"column": "colour", "threshold": 1.0, "above": "red", "below": "blue", "key": "id"}"#;
const BLURRED: &str = r#"{"column": "colour", "threshold": 1.0, "above": "red", "below": "blue",
                          "width": 4, "key": "id"}"#;

fn harness(params: &str) -> Harness<PluginName> {
    let id = StringArray::from(vec!["a", "b", "c", "d", "e"]);
    let colour = Float64Array::from(vec![Some(0.5), Some(1.0), None, Some(f64::NAN), Some(1.5)]);
    let magnitude = Float64Array::from(vec![15.0, 16.0, 17.0, 18.0, 19.0]);
    let stars = table([
        ("id", Arc::new(id) as ArrayRef),
        ("colour", Arc::new(colour) as _),
        ("magnitude", Arc::new(magnitude) as _),
    ]);
    Harness::new(params).table("data", stars)
}

#[test]
fn classes_part_at_the_threshold() {
    let predictions = harness(SHARP).run().unwrap().table("predictions");
    let class = predictions.column_by_name("class").unwrap().as_string::<i32>();
    let expected = [Some("blue"), Some("red"), None, None, Some("red")];
    assert_eq!(class.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn probabilities_sum_to_one() {
    let predictions = harness(BLURRED).run().unwrap().table("predictions");
    let column = |name| predictions.column_by_name(name).unwrap().as_primitive::<Float64Type>();
    for (red, blue) in column("p_red").iter().zip(column("p_blue")) {
        assert_eq!(red.is_some(), blue.is_some());
        let (Some(red), Some(blue)) = (red, blue) else { continue };
        assert!((0.0..=1.0).contains(&red) && (red + blue - 1.0).abs() < 1e-15);
    }
}

#[test]
fn reads_what_it_declares() {
    harness(BLURRED).prove();
}

#[test]
fn one_name_for_two_classes_is_refused() {
    let params = SHARP.replace("blue", "red");
    let error = harness(&params).run().err().unwrap();
    assert!(error.to_string().starts_with("parameter `below`"), "{error}");
}
