//! What a plugin may do to its host: nothing. Each crime of the guest `hostile` ends, within
//! seconds, as an error that names node, plugin and fault; what does not depend on it is
//! finished and kept.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Skyloom, root};

const HOSTILE: &str = "tests/cases/limits/hostile.yaml";
const GENEROUS: &str = "tests/cases/limits/generous.yaml";

/// No crime takes longer, compiling aside.
const PATIENCE: Duration = Duration::from_secs(20);

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}

/// Whether a terminal would do anything but show this.
fn drives_terminals(text: &str) -> bool {
    let reorders = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || reorders(c))
}

/// Runs `crime` where its node fails; the words on standard error and the result.
fn commit(workflow: &str, crime: &str) -> (Skyloom, String, Value) {
    let skyloom = Skyloom::new();
    let outputs = skyloom.outputs();
    let outputs = outputs.to_str().expect("UTF-8");
    let set = format!("crime={crime}");
    let args = ["run", workflow, "--set", &set, "--output-dir", outputs];
    let started = Instant::now();
    let words = skyloom.run(&args);
    let result = skyloom.run_json(&[workflow, "--set", &set]).1;
    assert!(started.elapsed() < PATIENCE * 2, "{crime}: {:?}", started.elapsed());
    let words = stderr(&words);
    assert!(!drives_terminals(&words), "{crime}: {words:?}");
    assert!(!drives_terminals(&result.to_string()), "{crime}: {result}");
    (skyloom, words, result)
}

/// Rows of a CSV file, its header aside.
fn rows(path: &Path) -> usize {
    std::fs::read_to_string(path).expect("a file").lines().count() - 1
}

/// `crime` fails in its node with an error that holds all of `expected`.
fn check_fails(crime: &str, expected: &[&str]) {
    let (skyloom, words, result) = commit(HOSTILE, crime);
    assert_eq!(result["outcome"], "failed", "{crime}: {result}");
    assert_eq!(result["nodes"]["villain"]["state"], "failed", "{crime}");
    let error = result["nodes"]["villain"]["error"].as_str().expect("an error");
    for part in expected {
        assert!(error.contains(part), "{crime}: no `{part}` in: {error}");
    }
    assert!(error.len() < 5000, "{crime}: an error of {} bytes", error.len());
    // A person reads which node, which plugin, which part of the data, and why.
    let line = words.lines().find(|line| line.contains('✗')).unwrap_or_default();
    for part in ["villain", "hostile@0.1.0", "partition ", expected[0]] {
        assert!(line.contains(part), "{crime}: no `{part}` in: {line}");
    }
    assert_eq!(result["nodes"]["victim"]["state"], "skipped", "{crime}");
    assert_eq!(result["nodes"]["bystander"]["state"], "finished", "{crime}");
    assert_eq!(rows(&skyloom.outputs().join("kept.csv")), 2000, "{crime}");
    assert!(!skyloom.outputs().join("lost.arrow").exists(), "{crime}");
}

/// `crime` is found before data moves, in an error that holds all of `expected`.
fn check_refused(crime: &str, expected: &[&str]) {
    let (_, words, result) = commit(HOSTILE, crime);
    assert_eq!(result["outcome"], "wrong", "{crime}: {result}");
    let fault = &result["faults"][0];
    let message = fault["message"].as_str().expect("a message");
    for part in expected {
        assert!(message.contains(part), "{crime}: no `{part}` in: {message}");
    }
    assert!(fault["line"].as_u64() > Some(1), "{crime}: {result}");
    assert!(words.contains("hostile"), "{crime}: {words}");
}

fn check_works(workflow: &str, crime: &str) -> (String, Value) {
    let (skyloom, words, result) = commit(workflow, crime);
    assert_eq!(result["outcome"], "ok", "{crime}: {result}\n{words}");
    assert_eq!(rows(&skyloom.outputs().join("kept.csv")), 2000, "{crime}");
    (words, result)
}

#[test]
fn an_honest_plugin_is_left_alone() {
    check_works(HOSTILE, "none");
}

#[test]
fn time_and_memory_have_limits_that_can_be_raised() {
    check_fails("spin", &["longer than its 1 s", "resources: {time"]);
    check_fails("hog-memory", &["more than its 32 MiB of memory", "resources: {memory"]);
    check_fails("hog-some-memory", &["more than its 32 MiB of memory"]);
    check_works(GENEROUS, "hog-some-memory");
}

#[test]
fn output_has_a_limit_that_can_be_raised() {
    check_fails("flood-output", &["more than its 8 MiB", "resources: {output"]);
    check_fails("flood-rows", &["more than its 8 MiB", "resources: {output"]);
    check_fails("some-output", &["more than its 8 MiB"]);
    check_works(GENEROUS, "some-output");
}

#[test]
fn what_one_call_hands_over_has_a_limit() {
    check_fails("huge-call", &["256 MiB in one call"]);
    check_fails("huge-list", &["256 MiB in one call"]);
    check_fails("hoard-batches", &["more than 4096 batches at once"]);
}

#[test]
fn traps_become_errors() {
    check_fails("trap", &["it trapped", "unreachable"]);
    check_fails("panic", &["it trapped", "unreachable"]);
    check_fails("recurse", &["it trapped", "call stack exhausted"]);
    check_fails("load-outside", &["it trapped", "out of bounds memory access"]);
    check_fails("wrong-handle", &["it trapped", "unknown handle index"]);
    check_fails("list-outside", &["it trapped", "out of bounds"]);
    check_fails("string-outside", &["it trapped", "out of bounds"]);
    check_fails("string-not-utf8", &["it trapped", "utf-8"]);
}

#[test]
fn a_panic_in_the_sdk_has_words() {
    let result = Skyloom::new().run_json(&["tests/cases/limits/panic.yaml"]).1;
    let error = result["nodes"]["rows"]["error"].as_str().expect("an error");
    assert!(error.contains("row 17 is where it panics"), "{error}");
    assert!(error.contains("tests/guests/source/src/lib.rs"), "{error}");
}

#[test]
fn the_log_has_a_limit_and_drives_no_terminal() {
    let (_, result) = check_works(HOSTILE, "flood-log");
    assert_eq!(result["outcome"], "ok");
    let (words, _) = check_works(HOSTILE, "log-long");
    assert!(words.len() < 300_000, "{} bytes", words.len());
    assert!(words.contains("its log is full"));
    let (words, _) = check_works(HOSTILE, "log-escapes");
    assert!(words.contains("]0;owned"), "the text is kept, only what drives goes: {words}");
}

#[test]
fn errors_of_guests_drive_no_terminal() {
    check_fails("error-escapes", &["]0;owned"]);
    check_fails("error-long", &["long long"]);
    check_refused("bind-error-escapes", &["]0;owned"]);
    check_refused("bind-column-escapes", &["]0;owned"]);
    check_refused("bind-escapes", &["control character"]);
}

#[test]
fn only_declared_columns_are_read() {
    // The column is there, but not for this plugin: it sees what its `bind` declared.
    check_fails("peek", &["column 2 of the 1", "`bind` declared"]);
    check_fails("peek-slice", &["column 2 of the 1", "`bind` declared"]);
    check_fails("column-outside", &["column 3 of the 1"]);
    check_fails("slice-outside", &["rows 1+1000 of a batch of 1000"]);
    check_fails("slice-overflow", &["of a batch of 1000"]);
}

#[test]
fn rights_and_ports_are_kept_to() {
    check_fails("cut", &["only ingesters and simulators"]);
    check_fails("put-where-rows-are-passed", &["`put` on a port that passes columns"]);
    check_fails("other-input", &["another input"]);
    check_fails("keep-short", &["too short for 1000 rows"]);
    check_fails("keep-other-rows", &["has 1000 rows, not 0"]);
}

#[test]
fn columns_are_what_bind_said() {
    check_fails("no-columns", &["emitted 0 arrays where 1 belong"]);
    check_fails("two-columns", &["emitted 2 arrays where 1 belong"]);
    check_fails("short-column", &["column `y` has 500 rows, not 1000"]);
    check_fails("wrong-type", &["column `y`"]);
    check_fails("nulls", &["column `y` has nulls"]);
    check_fails("null-items", &["column `y`", "null"]);
    check_fails("null-keys", &["column `y`", "null"]);
    check_fails("null-words", &["column `y`", "null"]);
}

#[test]
fn columns_that_lie_are_found_out() {
    for crime in [
        "short-buffer",
        "no-buffers",
        "endless-rows",
        "short-validity",
        "offsets-outside",
        "offsets-fall",
        "offsets-negative",
        "offsets-few",
        "not-utf8",
        "split-character",
        "large-offsets-outside",
        "many-nulls",
        "many-nothings",
        "endless-structs",
        "keys-outside",
        "keys-negative",
        "short-child",
        "short-items",
        "overflowing-items",
        "bad-decimal",
    ] {
        check_fails(crime, &["it broke the contract: its column `y`"]);
    }
    check_fails("list-outside-items", &["it broke the contract: its column `y`"]);
}

#[test]
fn bindings_are_believed_when_they_hold_together() {
    check_refused("bind-spin", &["villain", "longer than its 1 s"]);
    check_refused("bind-panic", &["villain", "unreachable"]);
    for crime in [
        "bind-pass-field-outside",
        "bind-pass-column-outside",
        "bind-pass-input-outside",
        "bind-pass-other-type",
    ] {
        check_refused(crime, &["villain", "passes what is not there"]);
    }
    check_refused("bind-pass-twice", &["passes column `n` twice"]);
    check_refused("bind-read-outside", &["it reads column 3 of input 0"]);
    check_refused("bind-read-input-outside", &["it reads column 0 of input 7"]);
    check_refused("bind-no-outputs", &["0 outputs where the descriptor has 1"]);
    check_refused("bind-no-pieces", &["0 pieces"]);
    check_refused("bind-many-pieces", &["4294967295 pieces"]);
    check_refused("bind-same-name", &["two columns `n`"]);
    check_refused("bind-unknown-format", &["not a column format"]);
    check_refused("bind-missing-children", &["ends before its last child"]);
    check_refused("bind-deep", &["nest deeper"]);
    check_refused("bind-many-fields", &["more than 20000 fields"]);
}

/// The plugin of `workflow` cannot be loaded, for a reason that holds `expected`.
fn check_unusable(workflow: &str, expected: &[&str]) {
    let started = Instant::now();
    let output = Skyloom::new().run(&["check", workflow]);
    assert!(started.elapsed() < PATIENCE, "{workflow}: {:?}", started.elapsed());
    assert_eq!(output.status.code(), Some(2), "{workflow}");
    let words = stderr(&output);
    for part in expected {
        assert!(words.contains(part), "{workflow}: no `{part}` in: {words}");
    }
}

#[test]
fn what_is_no_plugin_is_not_loaded() {
    check_unusable("tests/cases/limits/slow-describe.yaml", &["slow-describe", "describ", "10 s"]);
    check_unusable("tests/cases/limits/caller.yaml", &["wasi:http/outgoing-handler"]);
}

#[test]
fn every_case_is_tested() {
    let cases = std::fs::read_dir(root().join("tests/cases/limits")).expect("the folder");
    let source = include_str!("limits.rs");
    for case in cases {
        let name = case.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(source.contains(&format!("tests/cases/limits/{name}")), "{name} has no test");
    }
}
