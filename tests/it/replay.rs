//! Nothing is taken on trust: what is locked is run as locked or not at all, what is
//! published runs elsewhere, and a difference is shown where it is.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::guests;
use crate::support::{Project, Skyloom, root};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Runs and locks the project's workflow.
fn lock(project: &Project) {
    for args in [&["run", "job.yaml"][..], &["lock", "job.yaml"]] {
        let output = project.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_lock_is_small_and_sorted_and_holds_no_partitions() {
    let project = Project::stars();
    lock(&project);
    let lock = fs::read_to_string(project.file("job.lock")).expect("it was written");
    for told in ["contract: skyloom:plugin@0.1.0", "wasmtime 48", "  trees: 5", "component: "] {
        assert!(lock.contains(told), "`{told}` is not in:\n{lock}");
    }
    let nodes: Vec<_> =
        lock.split("\nnodes:\n").nth(1).expect("nodes").split("\nresults:").collect();
    let ids: Vec<_> =
        nodes[0].lines().filter(|line| !line.starts_with("   ")).map(str::trim).collect();
    assert!(ids.is_sorted() && ids.len() == 6, "{ids:?}");
    assert!(lock.lines().count() < 250, "{lock}");
    // Written again, it is the same.
    assert!(project.run(&["lock", "job.yaml"]).status.success());
    assert_eq!(fs::read_to_string(project.file("job.lock")).expect("it is there"), lock);
}

#[test]
fn locked_runs_refuse_what_moved() {
    let project = Project::stars();
    let missing = project.run(&["run", "--locked", "job.yaml"]);
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
    assert!(stderr(&missing).contains("`skyloom lock` writes it"), "{}", stderr(&missing));
    lock(&project);
    assert_eq!(project.run(&["run", "--locked", "job.yaml"]).status.code(), Some(0));

    let check = |args: &[&str], told: &[&str]| {
        let output = project.run(&[&["run", "--locked", "job.yaml"], args].concat());
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", stderr(&output));
        for told in told.iter().chain(&["nothing was run"]) {
            assert!(stderr(&output).contains(told), "`{told}` is not in: {}", stderr(&output));
        }
    };
    check(&["--set", "trees=6"], &["params.trees", "nodes.model.params.trees"]);
    let stars = fs::read_to_string(project.file("stars.csv")).expect("the data");
    fs::write(project.file("stars.csv"), stars.replacen("LMC161.3", "LMC161.4", 1)).expect("file");
    check(&[], &["inputs.catalogue.digest"]);

    // The lock does not move by itself, and moves as a whole when asked to.
    let moved = project.run(&["lock", "job.yaml"]);
    assert_eq!(moved.status.code(), Some(3), "{}", stderr(&moved));
    assert!(stderr(&moved).contains("--update"), "{}", stderr(&moved));
    assert_eq!(project.run(&["lock", "job.yaml", "--update"]).status.code(), Some(0));
    assert_eq!(project.run(&["run", "--locked", "job.yaml"]).status.code(), Some(0));
}

#[test]
fn one_node_of_a_lock_moves_alone() {
    let project = Project::stars();
    lock(&project);
    let workflow = fs::read_to_string(project.file("job.yaml")).expect("the workflow");
    let moved = workflow
        .replace("test-fraction: 0.5", "test-fraction: 0.4")
        .replace("bootstrap: 50", "bootstrap: 60");
    fs::write(project.file("job.yaml"), moved).expect("a file can be written");
    let output = project.run(&["lock", "job.yaml", "--update", "scores"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("nodes.split.params.test-fraction"), "{}", stderr(&output));
    let lock = fs::read_to_string(project.file("job.lock")).expect("it is there");
    assert!(lock.contains("bootstrap: 60") && lock.contains("test-fraction: 0.5"), "{lock}");
    let unknown = project.run(&["lock", "job.yaml", "--update", "score"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("did you mean `scores`?"), "{}", stderr(&unknown));
}

#[test]
fn a_lock_replays_identically() {
    let project = Project::stars();
    lock(&project);
    // The cache is not what it goes by.
    fs::remove_dir_all(project.skyloom.state.path().join("state/cache")).expect("it is there");
    let output = project.run(&["replay", "job.lock"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("9 of 9 tables identical"), "{}", stdout(&output));
    assert!(!stderr(&output).contains("from the cache"), "{}", stderr(&output));
    // With --cache, it is.
    lock(&project);
    let output = project.run(&["replay", "job.lock", "--cache"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("from the cache"), "{}", stderr(&output));
}

const IMPURE: &str = r#"
skyloom: v1
name: impure
inputs:
  catalogue: {path: stars.csv}
nodes:
  stars: {plugin: csv-ingester, from: catalogue, with: {key: ID, partition-rows: 20}}
  leak: {plugin: impure, in: stars, with: {column: V}}
outputs:
  leak: {from: leak, path: leak.parquet}
"#;

#[test]
fn a_component_that_depends_on_more_than_its_inputs_is_found_out() {
    let project = Project::new(IMPURE, &["stars.csv"]);
    let component = guests::path_of("impure");
    fs::copy(component, project.file("plugins/impure.wasm")).expect("it can be copied");
    lock(&project);
    // As it was run, nothing shows; a replay hands rows over in other numbers.
    let same = project.run(&["replay", "job.lock", "--batch-rows", "65536"]);
    assert_eq!(same.status.code(), Some(0), "{}", stderr(&same));
    let output = project.run(&["replay", "job.lock", "--batch-rows", "7"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let told = stdout(&output);
    for part in ["stars.table", "identical", "differs", "at_once", "60 rows differ", "20.0 → 7.0"]
    {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
    assert!(told.contains("in partition 1, row 1"), "{told}");
    let machine = project.run(&["replay", "job.lock", "--batch-rows", "7", "--json"]);
    let last = stdout(&machine).lines().last().unwrap_or_default().to_owned();
    let result: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(result["outcome"], "differs");
    let differs = &result["tables"][1]["verdict"]["differs"];
    assert_eq!(differs["columns"], serde_json::json!(["at_once"]));
    assert_eq!(differs["values"]["columns"][0]["rows"], 60);
    // A tolerance does not hide it; a wide one says how far apart the numbers are.
    let within = project.run(&["replay", "job.lock", "--batch-rows", "19", "--within", "1e-6"]);
    assert_eq!(within.status.code(), Some(3));
    let within = project.run(&["replay", "job.lock", "--batch-rows", "19", "--within", "0.99"]);
    assert_eq!(within.status.code(), Some(0), "{}", stdout(&within));
    assert!(stdout(&within).contains("equal within"), "{}", stdout(&within));
    // Nor does a lock follow other results of the same work by itself.
    let other = ["run", "--locked", "--recompute", "--batch-rows", "7", "job.yaml"];
    for args in [&other[..], &["lock", "job.yaml"]] {
        let output = project.run(args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("results.leak.features.digest"), "{}", stderr(&output));
    }
    assert_eq!(project.run(&["lock", "job.yaml", "--update"]).status.code(), Some(0));
}

#[test]
fn what_is_published_runs_elsewhere() {
    let project = Project::stars();
    let too_soon = project.run(&["publish", "job.yaml"]);
    assert_eq!(too_soon.status.code(), Some(2));
    lock(&project);
    let output = project.run(&["publish", "job.yaml", "-o", "job.skyloom"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let first = fs::read(project.file("job.skyloom")).expect("it was written");
    assert!(project.run(&["publish", "job.yaml", "-o", "job.skyloom"]).status.success());
    assert_eq!(first, fs::read(project.file("job.skyloom")).expect("it was written"));

    // Elsewhere: no project, no plugins, no cache, no data.
    let elsewhere = Skyloom::new();
    let bundle = elsewhere.state.path().join("paper.skyloom");
    fs::write(&bundle, &first).expect("a file can be written");
    let replay = |args: &[&str]| {
        let mut command = elsewhere.command(&[&["replay", text(&bundle)], args].concat());
        command.current_dir(elsewhere.state.path()).output().expect("the binary starts")
    };
    let output = replay(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("9 of 9 tables identical"), "{}", stdout(&output));

    // A byte less, and it is refused.
    fs::write(&bundle, &first[..first.len() - 1]).expect("a file can be written");
    let output = replay(&[]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("not a whole bundle"), "{}", stderr(&output));
}

#[test]
fn large_inputs_are_named_by_digest() {
    let project = Project::stars();
    lock(&project);
    let args = ["publish", "job.yaml", "-o", "job.skyloom", "--max-input", "1K"];
    let output = project.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("left out"), "{}", stderr(&output));
    let missing = project.run(&["replay", "job.skyloom"]);
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
    assert!(stderr(&missing).contains("--input catalogue=PATH"), "{}", stderr(&missing));
    let given = project.run(&["replay", "job.skyloom", "--input", "catalogue=stars.csv"]);
    assert_eq!(given.status.code(), Some(0), "{}", stderr(&given));
    // Another file will not do.
    fs::write(project.file("other.csv"), "ID\n1\n").expect("a file can be written");
    fs::copy(root().join("tests/data/objects.csv"), project.file("stars.csv")).expect("a copy");
    let other = project.run(&["replay", "job.skyloom", "--input", "catalogue=stars.csv"]);
    assert_ne!(other.status.code(), Some(0));
}
