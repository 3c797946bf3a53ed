//! The conformance kit finds each broken promise, and no other; shipped plugins keep all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use skyloom::kit::{self, Case, Options, Outcome, Report};
use skyloom::registry::{self, Project};

use crate::guests;
use crate::support::{Skyloom, root};

const MARKER: &[u8] = b"breaker:extractor/none                          ";

/// The component of the guest `breaker` in this mode, `ROLE/CRIME`.
fn breaker(mode: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(guests::path_of("breaker")).expect("it was built");
    let at = bytes.windows(MARKER.len()).position(|window| window == MARKER);
    let at = at.expect("the component holds its marker");
    let marker = format!("{:width$}", format!("breaker:{mode}"), width = MARKER.len());
    bytes[at..at + MARKER.len()].copy_from_slice(marker.as_bytes());
    bytes
}

fn cases(mode: &str) -> Vec<Case> {
    let kind = if mode.starts_with("ingester") { "file" } else { "table" };
    let folder = root().join("tests/guests/breaker/cases").join(kind);
    kit::cases_in(&folder).expect("the cases are well written")
}

fn prove(bytes: &[u8], cases: &[Case], seconds: u64) -> Report {
    let options = Options { time: Duration::from_secs(seconds), ..Options::default() };
    kit::prove(guests::engine(), bytes, cases, &options).expect("there is room to run it in")
}

fn ids(report: &Report, is: fn(&Outcome) -> bool) -> Vec<&'static str> {
    let found = report.checks.iter().filter(|check| is(&check.outcome));
    found.map(|check| check.promise.id).collect()
}

fn broken(report: &Report) -> Vec<&'static str> {
    ids(report, |outcome| matches!(outcome, Outcome::Broken(_)))
}

/// The breaker in this mode breaks these promises, and leaves these in doubt.
fn check(mode: &str, expected: &[&str], doubtful: &[&str]) {
    let report = prove(&breaker(mode), &cases(mode), 20);
    assert_eq!(broken(&report), expected, "{mode}: {:#?}", report.checks);
    let found = ids(&report, |outcome| matches!(outcome, Outcome::Doubtful(_)));
    assert_eq!(found, doubtful, "{mode}: {:#?}", report.checks);
}

/// What stands in the report about a promise.
fn why(report: &Report, id: &str) -> String {
    let check = report.checks.iter().find(|check| check.promise.id == id);
    match &check.expect("it was looked at").outcome {
        Outcome::Broken(why) | Outcome::Doubtful(why) | Outcome::Skipped(why) => why.clone(),
        Outcome::Holds => String::new(),
    }
}

#[test]
fn honest_plugins_of_all_roles_conform() {
    for role in ["extractor", "classifier", "explainer", "selector", "ingester"] {
        check(&format!("{role}/none"), &[], &[]);
    }
}

#[test]
fn broken_descriptions_and_parameters_are_found() {
    for (mode, expected) in [
        ("extractor/silent", &["description.words"][..]),
        ("extractor/open-params", &["parameters.schema"]),
        ("extractor/bad-default", &["parameters.schema", "golden.case"]),
        ("extractor/nonsense-traps", &["parameters.nonsense"]),
        ("extractor/type-traps", &["parameters.types"]),
        ("extractor/missing-runs", &["parameters.missing"]),
        ("extractor/unnamed-column", &["parameters.columns"]),
    ] {
        check(mode, expected, &[]);
    }
}

#[test]
fn broken_tables_are_found() {
    check("extractor/wrong-output", &["tables.output", "golden.case"], &[]);
    check("extractor/idle-read", &["tables.reads"], &[]);
    check("extractor/idle-pull", &[], &["tables.reads"]);
    for (mode, expected) in [
        ("extractor/drop-row", &["role.rows", "same.partitions"][..]),
        ("extractor/reorder", &["role.rows", "same.batches", "same.partitions"]),
        ("extractor/other-key", &["role.rows"]),
        ("extractor/batch", &["same.batches", "same.partitions"]),
        ("extractor/partition", &["same.partitions"]),
        ("selector/twice", &["role.rows", "same.batches", "same.partitions"]),
    ] {
        check(mode, expected, &[]);
    }
    check("extractor/no-key", &["role.rows"], &["tables.reads"]);
}

#[test]
fn broken_roles_are_found() {
    for (mode, expected) in [
        ("classifier/sum", &["role.probabilities"][..]),
        ("classifier/argmax", &["role.class"]),
        ("classifier/label", &["role.purposes"]),
        ("classifier/no-feature", &["role.purposes"]),
        ("classifier/nan-probability", &["odd.not-finite"]),
        ("explainer/sum", &["role.attributions"]),
    ] {
        check(mode, expected, &[]);
    }
}

#[test]
fn traps_on_odd_input_are_found() {
    for (mode, expected) in [
        ("extractor/empty-traps", &["odd.empty"][..]),
        ("extractor/one-row-traps", &["same.partitions", "odd.one-row"]),
        ("extractor/null-traps", &["odd.nulls"]),
        ("extractor/nan-traps", &["odd.not-finite"]),
        ("extractor/mute", &["odd.not-finite"]),
        ("extractor/huge-traps", &["odd.extremes"]),
        ("extractor/text-traps", &["odd.unicode"]),
        ("ingester/empty-traps", &["odd.files"]),
        ("ingester/garbage-traps", &["odd.files"]),
    ] {
        check(mode, expected, &[]);
    }
}

#[test]
fn limits_are_held() {
    check("extractor/hog", &["limits.rows"], &[]);
    let report = prove(&breaker("extractor/spin"), &cases("extractor"), 1);
    assert_eq!(broken(&report), ["tables.runs", "golden.case"]);
    assert!(why(&report, "tables.runs").contains("longer than its 1 s"));
}

#[test]
fn the_smallest_input_is_named() {
    let report = prove(&breaker("extractor/nan-traps"), &cases("extractor"), 20);
    let why = why(&report, "odd.not-finite");
    assert!(why.starts_with("`table.x` = `NaN` in a single row: it trapped"), "{why}");
}

#[test]
fn without_cases_inputs_are_made_up_and_what_is_not_seen_is_said() {
    let report = prove(&breaker("extractor/none"), &[], 20);
    assert_eq!(broken(&report), [] as [&str; 0]);
    assert!(report.holds(true), "{:#?}", report.checks);
    assert!(report.inputs[0].starts_with("made up: `table` (id Utf8"), "{:?}", report.inputs);
    let report = prove(&breaker("extractor/unnamed-column"), &[], 20);
    assert!(report.holds(false) && !report.holds(true));
    assert!(why(&report, "same.repeat").ends_with("give it a golden case"));
}

#[test]
fn what_is_no_plugin_is_told_and_that_is_all() {
    let report = prove(b"\0asm", &[], 20);
    assert_eq!(broken(&report), ["description.component"]);
    let caller = std::fs::read(guests::path_of("caller")).expect("it was built");
    assert_eq!(broken(&prove(&caller, &[], 20)), ["description.purity"]);
}

/// A folder with the case of the breaker's table, to be written in.
fn blessed(text: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let case = root().join("tests/guests/breaker/cases/table/stars.yaml");
    let case = std::fs::read_to_string(case).expect("the case is there");
    let path = folder.path().join("stars.yaml");
    std::fs::write(&path, case + text).expect("a file can be written");
    let component = folder.path().join("breaker.wasm");
    std::fs::write(&component, breaker("extractor/none")).expect("a file can be written");
    (folder, path, component)
}

fn test(component: &Path, args: &[&str]) -> (i32, String) {
    let folder = component.parent().expect("it lies in a folder").to_str().expect("UTF-8");
    let component = component.to_str().expect("UTF-8");
    let mut all = vec!["plugin", "test", component, "--cases", folder];
    all.extend(args);
    let output = Skyloom::new().run(&all);
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    (output.status.code().unwrap_or(-1), text.concat())
}

#[test]
fn cases_are_blessed_and_compared() {
    let (folder, path, component) = blessed("");
    let (code, text) = test(&component, &["--bless"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("stars: 11 rows in stars.rows.csv"), "{text}");
    assert!(text.contains("✓ golden case `stars`"), "{text}");
    let expected = folder.path().join("stars.rows.csv");
    let written = std::fs::read_to_string(&expected).expect("it was written");
    assert!(written.starts_with("id,x,n,name,scaled\n1,1.5,3,a,3.0\n"), "{written}");
    // Blessed again, nothing changes.
    let (_, text) = test(&component, &["--bless"]);
    assert!(text.contains("nothing was changed"), "{text}");
    std::fs::write(&expected, written.replace("a,3.0", "a,3.0625")).expect("it can be written");
    let (code, text) = test(&component, &[]);
    assert_eq!(code, 4, "{text}");
    let place = "output `rows`, row 0, column `scaled`: expected 3.0625, found 3.0";
    assert!(text.contains(place), "{text}");
    let case = std::fs::read_to_string(&path).expect("the case is there");
    let loose = case.replace("stars.rows.csv}", "stars.rows.csv, tolerance: 0.1}");
    std::fs::write(&path, loose).expect("it can be written");
    assert_eq!(test(&component, &[]).0, 0);
}

#[test]
fn only_files_beside_the_case_are_written() {
    let (folder, _, component) = blessed("outputs:\n  rows: {csv: elsewhere/rows.csv}\n");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    std::fs::write(elsewhere.join("rows.csv"), "id\n1\n").expect("a file");
    let (code, text) = test(&component, &["--bless"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("is not a file beside the case"), "{text}");
    let kept = std::fs::read_to_string(elsewhere.join("rows.csv")).expect("it is there");
    assert_eq!(kept, "id\n1\n");
}

#[test]
fn wrong_cases_are_marked() {
    let (_folder, _, component) = blessed("output: {}\n");
    let (code, text) = test(&component, &[]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("a case has no key `output`"), "{text}");
    assert!(text.contains("did you mean `outputs`?"), "{text}");
}

#[test]
fn a_case_is_made_of_a_run() {
    let project = crate::support::Project::stars();
    let ran = project.run(&["run", "job.yaml"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    for (plugin, node) in [
        ("csv-ingester", "stars"),
        ("photometric-features", "colours"),
        ("forest-classifier", "classes"),
        ("classification-metrics", "scores"),
    ] {
        let component = format!("plugins/{plugin}.wasm");
        let cases = format!("cases-{plugin}");
        let args = ["plugin", "test", &component, "--cases", &cases, "--json"];
        let args = [&args[..], &["--from-run", "last", node, "--rows", "12"]].concat();
        let output = project.run(&args);
        let text = String::from_utf8_lossy(&output.stdout);
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let golden = |check: &&serde_json::Value| check["id"] == "golden.case";
        let checks = report["checks"].as_array().expect("a list");
        let golden = checks.iter().find(golden).expect("the case was looked at");
        assert_eq!((&golden["case"], &golden["outcome"]), (&node.into(), &"holds".into()));
    }
}

#[test]
fn shipped_plugins_conform() {
    drop(Skyloom::new());
    let project = Project::around(&root());
    for name in project.plugin_names() {
        let folder = root().join("plugins").join(&name);
        let component = registry::component_path(&project, &folder).expect("it has a name");
        // What plugins share is none itself.
        let Ok(bytes) = std::fs::read(&component) else { continue };
        let cases = kit::cases_in(&folder.join("tests")).expect("the cases are well written");
        assert!(!cases.is_empty(), "{name} has no golden case");
        let report = prove(&bytes, &cases, 20);
        assert_eq!(broken(&report), [] as [&str; 0], "{name}: {:#?}", report.checks);
    }
}
