//! What happened can be told: to people, to other tools, and against those who would change
//! the story.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Project, root};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(project: &Project, args: &[&str]) -> Value {
    let output = project.run(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The project, run once as it is and once with another parameter.
fn run_twice() -> Project {
    let project = Project::stars();
    for args in [&["run", "job.yaml"][..], &["run", "job.yaml", "--set", "seed=8"]] {
        let output = project.run(args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    project
}

#[test]
fn the_record_is_enough_to_draw_the_run_again() {
    let project = run_twice();
    let record = json(&project, &["runs", "show", "last", "--json"]);
    for key in ["agent", "plan", "contract", "machine", "started", "ended", "options"] {
        assert!(!record[key].is_null(), "{key}: {record}");
    }
    let run = record["run"].as_str().expect("a name");
    let folder = project.skyloom.state.path().join("state/runs").join(run);
    let lines = fs::read_to_string(folder.join("units.jsonl")).expect("units are kept");
    let units: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (id, node) in record["nodes"].as_object().expect("nodes") {
        let of_node: Vec<_> = units.iter().filter(|unit| unit["node"] == **id).collect();
        assert_eq!(node["units"], of_node.len(), "{id}");
        // The partitions of each table are those that the units gave, in order.
        for (port, table) in node["outputs"].as_object().expect("outputs") {
            let given = of_node.iter().flat_map(|unit| unit["outputs"][port].as_array());
            let given: Vec<&Value> = given.flatten().collect();
            let kept: Vec<&Value> =
                table["partitions"].as_array().expect("a list").iter().collect();
            assert_eq!(given, kept, "{id}.{port}");
        }
        // What feeds it is an input, or a table of the record.
        for source in node["inputs"].as_object().expect("inputs").values() {
            let source = source.as_str().expect("a name");
            let known = match source.split_once('.') {
                Some((node, port)) => !record["nodes"][node]["outputs"][port].is_null(),
                None => !record["inputs"][source].is_null(),
            };
            assert!(known, "{id} reads {source}");
        }
    }
    assert_eq!(record["nodes"]["split"]["because"], "params.seed 7 → 8");
    let served: BTreeSet<_> = units.iter().filter_map(|unit| unit["served"].as_str()).collect();
    assert_eq!(served, BTreeSet::from(["cached", "run"]));
    let workflow = fs::read_to_string(folder.join("workflow.yaml")).expect("it is kept");
    assert_eq!(workflow, fs::read_to_string(project.file("job.yaml")).expect("it is there"));
}

#[test]
fn a_column_is_followed_to_the_files() {
    let project = run_twice();
    let lineage = json(&project, &["lineage", "last", "classes.class", "--json"]);
    let names = |key: &str| -> Vec<String> {
        let list = lineage[key].as_array().expect("a list").iter();
        list.map(|name| name.as_str().expect("a name").to_owned()).collect()
    };
    // What the model learnt from, and what it was asked about; no other column.
    let sources: Vec<_> = ["A", "I", "P", "Type", "V"].map(|c| format!("stars.table.{c}")).into();
    assert_eq!(names("sources"), sources);
    assert_eq!(names("inputs"), ["catalogue"]);
    let passed = json(&project, &["lineage", "last", "split.test.P", "--json"]);
    let how: Vec<_> =
        passed["steps"].as_array().expect("steps").iter().map(|s| &s["how"]).collect();
    assert_eq!(how, ["passed", "passed", "read from"]);
    let wrong = project.run(&["lineage", "last", "classes.clas"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("did you mean `class`?"), "{}", stderr(&wrong));
}

#[test]
fn two_runs_are_set_against_each_other() {
    let project = run_twice();
    let runs = json(&project, &["runs", "list", "--json"]);
    let first = runs[0]["run"].as_str().expect("a name").to_owned();
    let diff = json(&project, &["diff", &first, "last", "--json"]);
    assert_eq!(diff["keys"][0]["what"], "params.seed");
    let nodes: Vec<_> = diff["nodes"].as_object().expect("nodes").keys().cloned().collect();
    assert_eq!(nodes, ["split", "model", "classes", "scores"], "{diff}");
    let classes = &diff["nodes"]["classes"]["tables"]["predictions"];
    assert_eq!(classes["key"], "ID");
    assert!(classes["confusion"]["cells"].is_array(), "{classes}");
    assert!(diff["metrics"].as_array().is_some_and(|moved| !moved.is_empty()), "{diff}");
    let same = project.run(&["diff", "last", "last"]);
    assert!(String::from_utf8_lossy(&same.stdout).contains("no differences"));
    // Without the tables, the digests still tell which columns.
    fs::remove_dir_all(project.skyloom.state.path().join("state/cache")).expect("it is there");
    let diff = json(&project, &["diff", &first, "last", "--json"]);
    let classes = &diff["nodes"]["classes"]["tables"]["predictions"];
    assert!(classes["values"].is_null() && classes["columns"].as_array().is_some(), "{classes}");
}

#[test]
fn the_audit_log_tells_when_it_was_changed() {
    let project = run_twice();
    assert!(project.run(&["lock", "job.yaml"]).status.success());
    assert!(project.run(&["cache", "gc", "--max-size", "0", "--delete"]).status.success());
    let audited = json(&project, &["runs", "audit", "verify", "--json"]);
    // Two runs that began and ended, a lock, a collection.
    assert_eq!((&audited["events"], &audited["faults"]), (&6.into(), &Value::Array(Vec::new())));

    let log = project.skyloom.state.path().join("state/audit.jsonl");
    let text = fs::read_to_string(&log).expect("it is there");
    let check = |changed: &str, told: &str| {
        fs::write(&log, changed).expect("it can be written");
        let output = project.run(&["runs", "audit", "verify"]);
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(4), "{words}");
        assert!(words.contains(told), "`{told}` is not in: {words}");
    };
    check(&text.replacen("run-began", "run-begun", 1), "line 1 was edited");
    let without = |dropped: usize| -> String {
        let lines = text.lines().enumerate().filter(|(at, _)| *at != dropped);
        lines.map(|(_, line)| format!("{line}\n")).collect()
    };
    check(&without(2), "before line 3, 1 lines were dropped");
    check(&without(5), "after the last line, 1 lines were dropped");
    fs::write(&log, &text).expect("it can be written");
    let run = json(&project, &["runs", "list", "--json"])[0]["run"].as_str().map(str::to_owned);
    let run = run.expect("a name");
    let record = project.skyloom.state.path().join("state/runs").join(&run).join("record.json");
    let edited = fs::read_to_string(&record).expect("it is there").replace("\"ok\"", "\"failed\"");
    fs::write(&record, edited).expect("it can be written");
    check(&text, &format!("the record of run {run} was edited"));
}

/// In CI, a Python with what `tests/provenance/requirements.txt` names.
#[test]
fn others_read_what_is_exported() {
    let Some(python) = std::env::var_os("SKYLOOM_TEST_PYTHON") else {
        eprintln!("skipped: SKYLOOM_TEST_PYTHON names no Python with roc-validator and runcrate");
        return;
    };
    let project = run_twice();
    for args in [
        ["runs", "export", "last", "--format", "ro-crate", "-o", "run.crate"],
        ["runs", "export", "last", "--format", "prov", "-o", "run.prov.json"],
    ] {
        let output = project.run(&args);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let check = Command::new(python)
        .arg(root().join("tests/provenance/check_exports.py"))
        .args(["run.crate", "run.prov.json"])
        .current_dir(&project.folder)
        .output()
        .expect("Python starts");
    let words = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success(), "{words}\n{}", stderr(&check));
}
