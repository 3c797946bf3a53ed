//! The contract, kept for ever: guests that were released are never rebuilt, and every host
//! runs them: two that square numbers, one with the SDK and one in C against the bare contract,
//! and one of each language that there are templates in.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int8Type, Schema};
use flate2::read::GzDecoder;
use skyloom::data::Table;
use skyloom::instance::{Component, GuestError, InstanceError};

use crate::guests::{self, Store};
use crate::support::root;

/// The released guests whose files end so, by their files.
fn files(ending: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("tests/guests/released")).expect("the folder");
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths
}

/// The released guests that square numbers.
fn released() -> Vec<Component> {
    files(".wasm").iter().map(|path| guests::load(path)).collect()
}

/// The feature extractor that `plugin new` wrote when 0.1 was released, in each language. What
/// they give was written down then.
#[test]
fn released_guests_of_every_language_divide_alike() {
    let paths = files(".wasm.gz");
    let names: Vec<_> =
        paths.iter().filter_map(|path| path.file_name()?.to_str()?.split('-').nth(3)).collect();
    assert_eq!(names, ["c", "go", "js", "python", "rust"]);
    let store = Store::new();
    let column =
        |values: [Option<f64>; 4]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let flux = column([Some(12.0), Some(-3.0), None, Some(f64::NAN)]);
    let flux_err = column([Some(2.0), Some(1.5), Some(1.0), Some(0.0)]);
    let batch = RecordBatch::try_from_iter([("flux", flux), ("flux_err", flux_err)]);
    let batch = batch.expect("they fit");
    let table = store.table(&batch.schema(), &[batch]);
    for path in paths {
        let mut bytes = Vec::new();
        let packed = std::fs::File::open(&path).expect("it is there");
        GzDecoder::new(packed).read_to_end(&mut bytes).expect("it is whole");
        let guest = guests::engine().load(&bytes).expect("it is a plugin");
        let foreign = guest.imports.iter().find(|name| !name.starts_with("skyloom:plugin/"));
        assert_eq!(foreign, None, "{}", path.display());
        let params = r#"{"value": "flux", "error": "flux_err", "name": "snr"}"#;
        let (_, output) = store.run(&guest, params, &table, 3).expect("it runs");
        let batch = &guests::batches(&output)[0];
        let snr = batch.column_by_name("snr").expect("the new column");
        let expected = Float64Array::from(vec![Some(6.0), Some(-2.0), None, None]);
        assert_eq!(snr.as_ref(), &expected, "{}", path.display());
    }
}

/// A column `x` of `data_type` between columns that are passed on.
fn table(store: &Store, data_type: &DataType) -> Table {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(0), None, Some(3), Some(11)]));
    let numbers = cast(&numbers, data_type).expect("small integers fit all numbers");
    let mut numbers = vec![numbers];
    if *data_type == DataType::Float64 {
        let odd = vec![Some(f64::NAN), Some(-0.5), Some(f64::INFINITY), None];
        numbers.push(Arc::new(Float64Array::from(odd)));
    }
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("c"), Some("")]));
    let words: DictionaryArray<Int8Type> =
        [Some("RRAB"), Some("CEP"), None, Some("CEP")].into_iter().collect();
    let words: ArrayRef = Arc::new(words);
    let column = |name: &str, array: &ArrayRef| Field::new(name, array.data_type().clone(), true);
    let fields = vec![column("words", &words), column("x", &numbers[0]), column("name", &names)];
    let schema = Arc::new(Schema::new(fields));
    let batches = numbers.into_iter().map(|numbers| {
        let columns = vec![words.clone(), numbers, names.clone()];
        RecordBatch::try_new(schema.clone(), columns).expect("columns fit")
    });
    store.table(&schema, &batches.collect::<Vec<_>>())
}

#[test]
fn released_guests_square_every_number_alike() {
    use DataType::{
        Float16, Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64,
    };
    let released = released();
    assert_eq!(released.len(), 2);
    for data_type in
        [Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float16, Float32, Float64]
    {
        let store = Store::new();
        let table = table(&store, &data_type);
        let outputs = released.iter().map(|guest| {
            let name = &guest.descriptor().name;
            let (_, output) = store
                .run(guest, r#"{"column":"x"}"#, &table, 3)
                .unwrap_or_else(|error| panic!("{name} on {data_type}: {error}"));
            output
        });
        let outputs: Vec<_> = outputs.collect();
        let batch = &guests::batches(&outputs[0])[0];
        let squares = batch.column_by_name("x_squared").expect("the new column");
        let squares = cast(squares, &Float64).expect("it is a number");
        let expected = Float64Array::from(vec![Some(0.0), None, Some(9.0), Some(121.0)]);
        assert_eq!(squares.slice(0, 4).as_ref(), &expected, "{data_type}");
        // Names, types, and every bit.
        assert_eq!(outputs[0].digest(), outputs[1].digest(), "{data_type}");
    }
}

#[test]
fn released_guests_refuse_alike() {
    let store = Store::new();
    let table = table(&store, &DataType::Int64);
    for guest in released() {
        let run = |params| store.run(&guest, params, &table, 3).map(|_| ()).unwrap_err();
        match run(r#"{"column":"y"}"#) {
            InstanceError::Guest(GuestError::MissingColumn(error)) => {
                assert_eq!((error.input.as_str(), error.column.as_str()), ("table", "y"));
                assert_eq!(error.param.as_deref(), Some("column"));
            }
            other => panic!("{}: {other}", guest.descriptor().name),
        }
        match run(r#"{"column":"name"}"#) {
            InstanceError::Guest(GuestError::WrongType(error)) => {
                assert_eq!(error.expected, "a number");
            }
            other => panic!("{}: {other}", guest.descriptor().name),
        }
    }
}

#[test]
fn released_guests_see_nothing_but_the_contract() {
    for guest in released() {
        let foreign = guest.imports.iter().find(|name| !name.starts_with("skyloom:plugin/"));
        assert_eq!(foreign, None, "{}", guest.descriptor().name);
    }
}
