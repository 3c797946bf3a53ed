//! What a runtime asks of WASI is answered, and tells no run from another.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::Value;
use skyloom::data::Table;
use skyloom::instance::{InstanceError, LogLevel};

use crate::guests::{self, Store};
use crate::support::Skyloom;

fn stars(store: &Store) -> Table {
    let schema = Arc::new(Schema::new(vec![Field::new("flux", DataType::Float64, false)]));
    let flux = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    store.table(&schema, &[RecordBatch::try_new(schema.clone(), vec![flux]).expect("one column")])
}

#[test]
fn every_run_is_told_the_same() {
    let (component, store) = (guests::build("curious"), Store::new());
    let table = stars(&store);
    let told = |batch_rows| {
        let (_, table) = store
            .run(&component, r#"{"column": "flux", "call": false}"#, &table, batch_rows)
            .expect("it runs");
        let batch = guests::batches(&table).swap_remove(0);
        let answers = batch.column_by_name("answers").expect("it is bound");
        let answers = answers.as_any().downcast_ref::<StringArray>().expect("it is text");
        answers.value(0).to_owned()
    };
    // J2000 and a microsecond; an hour that went by at once; chance that is SplitMix64's.
    let expected = "946728000000001000 3600000001000 946731600.000003000 [175, 205, 29] \
                    6e789e6aa1b965f4 (487617019471545679, 17909611376780542444) (0, 0, 0)";
    assert_eq!(told(2), expected);
    assert_eq!(told(100), expected);
}

#[test]
fn what_is_printed_goes_to_the_log() {
    let (component, store) = (guests::build("curious"), Store::new());
    let params = r#"{"column": "flux", "call": false}"#;
    let (_, report) = store.report(&component, params, &stars(&store), 2).expect("it runs");
    let log: Vec<_> = report.log.iter().map(|line| (line.level, line.message.as_str())).collect();
    // A line without an end is kept until the run's.
    assert_eq!(
        log,
        [(LogLevel::Info, "it is"), (LogLevel::Warn, "here"), (LogLevel::Info, "quiet")]
    );
}

#[test]
fn there_is_no_network() {
    let (component, store) = (guests::build("curious"), Store::new());
    let params = r#"{"column": "flux", "call": true}"#;
    match store.run(&component, params, &stars(&store), 2) {
        Err(InstanceError::Trap(reason)) => {
            let called = "wasi:sockets/instance-network@0.2.0#instance-network";
            assert!(reason.contains(called), "{reason}");
        }
        other => panic!("it was answered: {}", other.is_ok()),
    }
}

#[test]
fn info_names_what_has_a_stand_in() {
    let path = guests::path_of("curious");
    let output = Skyloom::new().run(&["plugin", "info", "--json", path.to_str().expect("UTF-8")]);
    let info: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let sees = info["sees"].as_str().expect("it is text");
    for part in ["stand-ins", "wasi:clocks/wall-clock@0.2.3", "wasi:sockets/instance-network@0.2.0"]
    {
        assert!(sees.contains(part), "{sees}");
    }
}
