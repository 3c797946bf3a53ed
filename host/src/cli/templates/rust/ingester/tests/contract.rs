//! What is in the file is in the table, and the declaration holds.

use plugin_name::PluginName;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::Harness;

const CATALOGUE: &str = "# star   mag  field\n\
                         a        15.5     1\n\
                         b           -     2\n";
const PARAMS: &str = r#"{"columns": ["star", "mag", "field"], "key": "star"}"#;

fn harness(params: &str, text: &str) -> Harness<PluginName> {
    Harness::new(params).blob("file", "stars.txt", text)
}

#[test]
fn rows_are_read_in_order() {
    let table = harness(PARAMS, CATALOGUE).run().unwrap().table("table");
    let star = table.column(0).as_string::<i32>();
    assert_eq!(star.iter().collect::<Vec<_>>(), [Some("a"), Some("b")]);
    let mag = table.column(1).as_primitive::<Float64Type>();
    assert_eq!(mag.iter().collect::<Vec<_>>(), [Some(15.5), None]);
    assert_eq!(table.schema().field(0).ucd(), Some("meta.id;meta.main"));
}

#[test]
fn many_rows_are_all_read() {
    let text: String = (0..200_000).map(|row| format!("s{row} {row} 1\n")).collect();
    let table = harness(PARAMS, &text).run().unwrap().table("table");
    assert_eq!(table.num_rows(), 200_000);
    assert_eq!(table.column(1).as_primitive::<Float64Type>().value(199_999), 199_999.0);
}

#[test]
fn runs_are_alike() {
    harness(PARAMS, CATALOGUE).prove();
}

#[test]
fn a_ragged_line_is_named() {
    let error = harness(PARAMS, "a 1 2\nb 3\n").run().err().unwrap();
    let expected = "`stars.txt`: line 2 has 2 fields, but `columns` names 3";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn a_key_must_be_a_column() {
    let error = harness(r#"{"columns": ["a"], "key": "b"}"#, "1\n").run().err().unwrap();
    assert!(error.to_string().starts_with("parameter `key`"), "{error}");
}
