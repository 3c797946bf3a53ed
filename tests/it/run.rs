//! A run keeps what it finished, touches no file that is not its own, and says what
//! happened.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Skyloom, root};

const BRANCHES: &str = "tests/cases/valid/two-branches.yaml";
const STARS: &str = "tests/cases/valid/star-types.yaml";

/// Runs `workflow` as a person does; its outputs are where `run_json` puts them too.
fn run(skyloom: &Skyloom, workflow: &str, args: &[&str]) -> Output {
    let folder = skyloom.outputs();
    let mut all = vec!["run", workflow, "--output-dir", path(&folder)];
    all.extend(args);
    skyloom.run(&all)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn objects() -> String {
    fs::read_to_string(root().join("tests/data/objects.csv")).expect("the data are there")
}

/// A file of its own for a test, and how to hand it to an input.
struct File {
    path: PathBuf,
    flag: String,
}

impl File {
    fn new(skyloom: &Skyloom, input: &str, name: &str, text: &str) -> Self {
        let path = skyloom.state.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        let flag = format!("--input={input}={}", path.display());
        Self { path, flag }
    }
}

/// The objects, but line 4 lacks its last field.
fn ragged() -> String {
    let cut = |(index, line): (usize, &str)| match index {
        3 => line.rsplit_once(',').expect("it has commas").0.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<_> = objects().lines().enumerate().map(cut).collect();
    lines.join("\n") + "\n"
}

#[test]
fn a_failure_stays_in_its_branch_and_mends() {
    let skyloom = Skyloom::new();
    let right = File::new(&skyloom, "right", "right.csv", &ragged());
    let output = run(&skyloom, BRANCHES, &[&right.flag]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let failure = text.lines().find(|line| line.contains('✗')).expect("a failure is shown");
    for told in ["right", "csv-ingester@0.1.0", "right.csv", "line 4"] {
        assert!(failure.contains(told), "`{told}` is not in: {failure}");
    }
    assert!(text.contains("right-colours"), "what was not run is not named: {text}");
    assert!(skyloom.outputs().join("left.csv").is_file());
    assert!(!skyloom.outputs().join("right.csv").exists());

    let record = &records(&skyloom)[0];
    let state = |node: &str| record["nodes"][node]["state"].as_str().unwrap_or_default().to_owned();
    assert_eq!(record["outcome"], "failed");
    assert_eq!(["left", "left-colours"].map(state), ["finished", "finished"]);
    assert_eq!(["right", "right-colours"].map(state), ["failed", "skipped"]);

    fs::write(&right.path, objects()).expect("a file can be written");
    let (code, result) = skyloom.run_json(&[BRANCHES, &right.flag]);
    assert_eq!((code, &result["outcome"]), (0, &Value::from("ok")));
    let cached = |node: &str| (&result["nodes"][node]["cached"], &result["nodes"][node]["units"]);
    for finished in ["left", "left-colours"] {
        let (cached, units) = cached(finished);
        assert_eq!(cached, units, "{finished} ran again");
    }
    assert!(skyloom.outputs().join("right.csv").is_file());
}

#[test]
fn a_mistake_in_the_data_is_found_before_the_run_where_types_are_inferred() {
    let skyloom = Skyloom::new();
    let stars =
        fs::read_to_string(root().join("tests/data/stars.csv")).expect("the data are there");
    let mut lines: Vec<&str> = stars.lines().take(4).collect();
    lines[2] = "S2,LMC";
    let stars = File::new(&skyloom, "catalogue", "stars.csv", &lines.join("\n"));
    let output = run(&skyloom, STARS, &[&stars.flag]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for told in ["stars.csv", "line 3", "csv-ingester"] {
        assert!(text.contains(told), "`{told}` is not in: {text}");
    }
    assert!(records(&skyloom).is_empty(), "nothing ran");
}

#[test]
fn foreign_files_are_left_alone() {
    let skyloom = Skyloom::new();
    let file = skyloom.outputs().join("left.csv");
    fs::create_dir_all(skyloom.outputs()).expect("a folder can be made");
    fs::write(&file, "my own notes\n").expect("a file can be written");

    let output = run(&skyloom, BRANCHES, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains(path(&file)) && stderr(&output).contains("--overwrite"));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "my own notes\n");
    assert!(records(&skyloom).is_empty(), "nothing ran");

    assert_eq!(run(&skyloom, BRANCHES, &["--overwrite"]).status.code(), Some(0));
    let written = fs::read_to_string(&file).expect("it is there");
    assert!(written.starts_with("objid,"), "{written}");

    // Its own files a run replaces, unless somebody wrote into them since.
    assert_eq!(run(&skyloom, BRANCHES, &[]).status.code(), Some(0));
    fs::write(&file, format!("{written}a line by hand\n")).expect("a file can be written");
    assert_eq!(run(&skyloom, BRANCHES, &[]).status.code(), Some(2));
    assert!(fs::read_to_string(&file).expect("it is there").ends_with("a line by hand\n"));
}

#[test]
fn links_are_not_followed_over_foreign_files() {
    let skyloom = Skyloom::new();
    let foreign = skyloom.state.path().join("notes.txt");
    fs::write(&foreign, "my own notes\n").expect("a file can be written");
    fs::create_dir_all(skyloom.outputs()).expect("a folder can be made");
    let link = skyloom.outputs().join("left.csv");
    std::os::unix::fs::symlink(&foreign, &link).expect("a link can be made");
    assert_eq!(run(&skyloom, BRANCHES, &[]).status.code(), Some(2));
    // Asked to, it replaces the link, not what the link points to.
    assert_eq!(run(&skyloom, BRANCHES, &["--overwrite"]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&foreign).expect("it is there"), "my own notes\n");
}

#[test]
fn results_are_told_to_machines() {
    let skyloom = Skyloom::new();
    let outputs = skyloom.outputs();
    let output = skyloom.run(&["run", "--json", "--output-dir", path(&outputs), STARS]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let parse = |line| serde_json::from_str::<Value>(line).expect("each line is JSON");
    let mut lines: Vec<Value> = text.lines().map(parse).collect();
    let last = lines.pop().expect("it says something");
    assert!(lines.iter().all(|line| line["event"].is_string()));

    assert_eq!(last["outcome"], "ok");
    for (name, file) in
        [("classes", "classes.parquet"), ("model", "parts/model.arrow"), ("scores", "scores.csv")]
    {
        let output = &last["outputs"][name];
        assert_eq!(output["path"], path(&outputs.join(file)));
        assert!(outputs.join(file).is_file());
        assert!(output["rows"].as_u64().is_some_and(|rows| rows > 0), "{output}");
        assert_eq!(output["digest"].as_str().map(str::len), Some(64), "{output}");
    }
    let scores = last["metrics"]["scores"].as_array().expect("an evaluator's scores");
    assert!(scores.iter().any(|score| score["metric"] == "macro-f1" && score["value"].is_f64()));
}

#[test]
fn the_record_has_every_node() {
    let skyloom = Skyloom::new();
    let (code, result) = skyloom.run_json(&[STARS]);
    assert_eq!(code, 0, "{result}");
    let records = records(&skyloom);
    let [record] = records.as_slice() else { panic!("{} records", records.len()) };
    assert_eq!(record["run"], result["run"]);
    let nodes = record["nodes"].as_object().expect("nodes");
    let names: Vec<_> = nodes.keys().collect();
    assert_eq!(names, ["stars", "colours", "split", "model", "classes", "scores"]);
    for (id, node) in nodes {
        assert_eq!(node["state"], "finished", "{id}");
        assert_eq!(node["component"].as_str().map(str::len), Some(64), "{id}");
        assert_eq!(node["version"], "0.1.0", "{id}");
        assert!(node["params"].is_object() && node["outputs"].is_object(), "{id}");
    }
    assert_eq!(record["inputs"]["catalogue"][0]["bytes"], 7428);
    assert_eq!(record["params"]["trees"], 5);
    // Nobody's folders are published with a record.
    assert!(!record["workflow-file"].as_str().unwrap_or_default().starts_with('/'), "{record}");
}

#[test]
fn values_come_from_the_command_line() {
    let skyloom = Skyloom::new();
    let run = |args: &[&str]| {
        let (code, result) = skyloom.run_json(&[&[STARS], args].concat());
        assert_eq!(code, 0, "{result}");
        result
    };
    let few = run(&[]);
    let many = run(&["--set", "trees=40"]);
    let rows = |result: &Value| result["outputs"]["model"]["rows"].as_u64().expect("rows");
    assert!(rows(&many) > 5 * rows(&few));
    // What does not depend on the parameter does not run again.
    assert_eq!(many["nodes"]["split"]["cached"], many["nodes"]["split"]["units"]);
    assert_eq!(many["nodes"]["model"]["cached"], 0);

    let stars = root().join("tests/data/stars.csv");
    let half: String = fs::read_to_string(stars)
        .expect("the data are there")
        .lines()
        .take(31)
        .map(|line| format!("{line}\n"))
        .collect();
    let half = File::new(&skyloom, "catalogue", "half.csv", &half);
    assert_eq!(run(&[&half.flag])["nodes"]["stars"]["rows"], 30);
}

#[test]
fn wrong_values_on_the_command_line_are_named() {
    let skyloom = Skyloom::new();
    let check = |args: &[&str], told: &[&str]| {
        let output = skyloom.run(&[&["check", STARS], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        for told in told {
            assert!(stderr(&output).contains(told), "`{told}` is not in: {}", stderr(&output));
        }
    };
    check(&["--set", "tree=9"], &["--set tree", "did you mean `trees`?"]);
    check(&["--set", "trees=many"], &["--set trees=many", "a whole number"]);
    check(&["--set", "trees=0"], &["trees", "a whole number from 1"]);
    check(&["--set", "trees"], &["NAME=VALUE"]);
    check(&["--input", "catalog=x.csv"], &["--input catalog", "did you mean `catalogue`?"]);
    check(&["--input", "catalogue=x.csv"], &["--input catalogue=x.csv", "there is no file x.csv"]);
    let missing = skyloom.run(&["check", "tests/cases/valid/nothing.yaml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("tests/cases/valid/nothing.yaml"));
}

#[test]
fn a_glob_is_its_files_in_order() {
    let skyloom = Skyloom::new();
    let objects = objects();
    let (header, rows) = objects.split_once('\n').expect("a header");
    let rows: Vec<_> = rows.lines().collect();
    let text = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
    // Written in the other order: names decide.
    File::new(&skyloom, "left", "night-2.csv", &text(&rows[7..]));
    File::new(&skyloom, "left", "night-1.csv", &text(&rows[..7]));
    let glob = format!("--input=left={}", skyloom.state.path().join("night-*.csv").display());
    let (code, result) = skyloom.run_json(&[BRANCHES, &glob]);
    assert_eq!(code, 0, "{result}");
    assert_eq!(result["nodes"]["left"]["units"], 2);
    // The right branch read the file that the nights were cut from.
    assert_eq!(result["outputs"]["left"]["digest"], result["outputs"]["right"]["digest"]);
    let file = |name: &str| fs::read(skyloom.outputs().join(name)).expect("it was written");
    assert_eq!(file("left.csv"), file("right.csv"));
}

#[test]
fn recomputing_gives_the_same() {
    let skyloom = Skyloom::new();
    let (_, first) = skyloom.run_json(&[STARS]);
    let (code, again) = skyloom.run_json(&[STARS, "--recompute"]);
    assert_eq!(code, 0, "{again}");
    assert_eq!(first["outputs"], again["outputs"]);
    for (id, node) in again["nodes"].as_object().expect("nodes") {
        assert_eq!(node["cached"], 0, "{id}");
    }
}

#[test]
fn results_go_to_the_current_folder_unless_said() {
    let skyloom = Skyloom::new();
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let workflow = root().join(BRANCHES);
    let output = skyloom
        .command(&["run", path(&workflow)])
        .current_dir(folder.path())
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(folder.path().join("results/two-branches/left.csv").is_file());
}

#[test]
fn ctrl_c_stops_soon_and_keeps_what_is_done() {
    let skyloom = Skyloom::new();
    let outputs = skyloom.outputs();
    // One shard of so many trees takes minutes.
    let mut child = skyloom
        .command(&["run", "--json", "--output-dir", path(&outputs), STARS, "--set", "trees=900000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let training = lines.by_ref().map(|line| line.expect("it is UTF-8")).find(|line| {
        let event: Value = serde_json::from_str(line).expect("each line is JSON");
        event["event"] == "node-started" && event["node"] == "model"
    });
    assert!(training.is_some(), "it never trained");

    let interrupted = Instant::now();
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("`kill` runs").success());
    let rest: Vec<_> = lines.map(|line| line.expect("it is UTF-8")).collect();
    let status = child.wait().expect("it ends");
    assert!(interrupted.elapsed() < Duration::from_secs(5), "{:?}", interrupted.elapsed());
    assert_eq!(status.code(), Some(130));
    let last: Value = serde_json::from_str(rest.last().expect("a result")).expect("it is JSON");
    assert_eq!(last["outcome"], "interrupted");
    let mut text = String::new();
    let read = child.stderr.take().expect("it is piped").read_to_string(&mut text);
    assert!(read.is_ok() && text.contains("stopping") && !text.contains("panicked"), "{text}");
    assert_eq!(records(&skyloom)[0]["outcome"], "interrupted");

    let (code, result) = skyloom.run_json(&[STARS]);
    assert_eq!((code, &result["outcome"]), (0, &Value::from("ok")));
    let split = &result["nodes"]["split"];
    assert_eq!(split["cached"], split["units"], "finished work was lost");
}

#[test]
fn a_reader_that_leaves_is_no_fault() {
    let skyloom = Skyloom::new();
    let outputs = skyloom.outputs();
    let run = ["run", "--output-dir", path(&outputs), STARS];
    let run_json = [&run[..], &["--json"]].concat();
    for args in [&run[..], &run_json, &["plan", STARS], &["schema"]] {
        let mut child = skyloom
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert!(!stderr(&output).contains("panicked"), "{args:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    }
    // Nor is one that closes both ends.
    let mut child = skyloom
        .command(&run)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// All records of runs, in order.
fn records(skyloom: &Skyloom) -> Vec<Value> {
    let Ok(runs) = fs::read_dir(skyloom.state.path().join("state/runs")) else { return Vec::new() };
    let mut paths: Vec<_> =
        runs.map(|run| run.expect("it can be read").path().join("record.json")).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("each run has a record");
        serde_json::from_str(&text).expect("a record is JSON")
    };
    paths.iter().map(read).collect()
}
