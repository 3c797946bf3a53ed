//! What the host lends to plugins: the same numbers as the routines themselves, whatever the
//! number of threads; and words for those who ask wrongly.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use skyloom::instance::{Component, InstanceError, Limits, Threads};
use skyloom_kernels::{Curves, Frequencies, Grid, Search, lomb_scargle};

use crate::guests::{self, Store};

static RECKONER: LazyLock<Component> = LazyLock::new(|| guests::build("reckoner"));

/// What the guest is told when it asks each of these.
fn ask(questions: &[&str], threads: usize, limits: Limits) -> Result<Vec<String>, InstanceError> {
    let store = Store::new();
    let schema = Arc::new(Schema::new(vec![Field::new("question", DataType::Utf8, false)]));
    let column = Arc::new(StringArray::from(questions.to_vec()));
    let batch = RecordBatch::try_new(schema.clone(), vec![column]).expect("it fits");
    let table = store.table(&schema, &[batch]);
    let threads = Threads::new(threads);
    let (_, report) =
        store.report_with(&RECKONER, "{}", &table, usize::MAX, limits, Some(&threads))?;
    let batches = report.outputs[0].iter().flat_map(|object| object.batches().expect("readable"));
    let answers = batches.flat_map(|batch| {
        let batch = batch.expect("readable");
        let answers = batch.column(1).as_string::<i32>().clone();
        (0..answers.len()).map(move |row| answers.value(row).to_owned())
    });
    Ok(answers.collect())
}

#[test]
fn a_guest_gets_the_same_bits_at_any_number_of_threads() {
    let times: Vec<f64> = (0..200).map(|at| 60_000.0 + f64::from(at * at % 977)).collect();
    let values: Vec<f64> = times.iter().map(|time| ((time * 0.3).fract() - 0.5).abs()).collect();
    let curves = Curves::new(&[0, 100, 200], &times, &values, None, None).expect("they fit");
    let grid = Grid { minimum: 0.05, step: 0.001, count: 400 };
    let search = Search { frequencies: Frequencies::Same(grid), peaks: 1 };
    let found = lomb_scargle::search(&curves, &search, 1).expect("it is a search");
    let bytes = found.iter().flat_map(|peaks| peaks[0].frequency.to_le_bytes());
    let expected: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    for threads in [1, 2, 5] {
        let answers = ask(&["period"], threads, Limits::default()).expect("it runs");
        assert_eq!(answers, std::slice::from_ref(&expected), "{threads} threads");
    }
    // The period is found: 0.3 cycles a day.
    assert!(found.iter().all(|peaks| (peaks[0].frequency - 0.3).abs() < 1e-3), "{found:?}");
}

#[test]
fn wrong_questions_are_answered_in_words() {
    let expected = [
        ("odd bytes", "the times are 7 bytes, no multiple of 8"),
        ("no offsets", "the offsets must begin with 0"),
        ("falling offsets", "the offsets must begin with 0"),
        ("too few values", "10 values for 200 times"),
        ("time is NaN", "time 0 is NaN"),
        ("no frequencies", "0 frequencies are not between 1 and"),
        ("frequencies without end", "4294967295 frequencies are not between 1 and"),
        ("peaks without end", "4294967295 peaks of 2 light curves are too many"),
        ("no samples", "the number of samples per peak is NaN"),
        ("more than one call can do", "too much for one call"),
        ("period of nothing", "period"),
        ("bins of nothing", "0 bins of phase are not between 2 and 256"),
        ("neighbours in no dimension", "no rows of 0"),
        ("neighbours without end", "are too many"),
        ("a loop", "tree 0, node"),
        ("a child that is not there", "tree 0, node"),
        ("a leaf without value", "tree 0, node 2"),
        ("half a row", "no multiple of 8"),
        ("explained without covers", "need the cover of each node"),
    ];
    let questions: Vec<_> = expected.iter().map(|(question, _)| *question).collect();
    let answers = ask(&questions, 2, Limits::default()).expect("it runs");
    for ((question, expected), answer) in expected.iter().zip(&answers) {
        assert!(answer.contains(expected), "{question}: {answer}");
    }
}

#[test]
fn right_questions_have_answers() {
    let f64s = |values: &[f64]| -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        bytes.map(|byte| format!("{byte:02x}")).collect()
    };
    let answers = ask(&["no peaks", "neighbour", "a tree"], 2, Limits::default());
    // At most the threshold, and what is missing, go left.
    let expected = ["".to_owned(), "01000000".to_owned(), f64s(&[0.25, 0.75, 0.25])];
    assert_eq!(answers.expect("it runs"), expected);
}

#[test]
fn what_the_host_keeps_for_a_guest_counts_as_the_guests_memory() {
    let limits = Limits { memory_bytes: 3 << 20, ..Limits::default() };
    let error = ask(&["trees without end"], 1, limits).expect_err("they do not fit").to_string();
    assert!(error.contains("raise `resources: {memory: …}`"), "{error}");
}

#[test]
fn a_guest_that_asks_for_ever_is_ended_in_time() {
    let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
    let started = Instant::now();
    let error = ask(&["period"; 200_000], 2, limits).expect_err("it takes too long").to_string();
    assert!(error.contains("it ran longer than its 0.3 s"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
