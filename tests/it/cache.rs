//! Nothing is computed twice: what changed is run again, what did not is not, and the user is
//! told why.

use std::fs;

use serde_json::Value;

use crate::support::{Project, Skyloom, root};

const STARS: &str = "tests/cases/valid/star-types.yaml";
const BRANCHES: &str = "tests/cases/valid/two-branches.yaml";

/// Units that ran, by node, in the order of the plan; nodes of which none ran are left out.
fn ran(result: &Value) -> Vec<(String, u64)> {
    let nodes = result["nodes"].as_object().expect("nodes");
    let ran = nodes.iter().map(|(id, node)| {
        let units = |what: &str| node[what].as_u64().expect("a count");
        (id.clone(), units("units") - units("cached"))
    });
    ran.filter(|(_, count)| *count > 0).collect()
}

fn run(skyloom: &Skyloom, args: &[&str]) -> Value {
    let (code, result) = skyloom.run_json(args);
    assert_eq!(code, 0, "{result}");
    result
}

fn expect_ran(result: &Value, expected: &[(&str, u64)]) {
    let expected: Vec<_> = expected.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect();
    assert_eq!(ran(result), expected);
}

fn explain(skyloom: &Skyloom, args: &[&str]) -> String {
    let output = skyloom.run(&[&["plan", "--explain"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn check_explained(told: &str, lines: &[&str]) {
    for line in lines {
        assert!(told.contains(line), "`{line}` is not in:\n{told}");
    }
}

#[test]
fn unchanged_is_not_run() {
    let skyloom = Skyloom::new();
    run(&skyloom, &[STARS]);
    for args in [&[STARS][..], &[STARS, "-j", "1"], &[STARS, "--batch-rows", "7"]] {
        expect_ran(&run(&skyloom, args), &[]);
    }
    let told = explain(&skyloom, &[STARS]);
    for node in ["stars", "colours", "split", "model", "classes", "scores"] {
        check_explained(&told, &[&format!("{node:9}hit")]);
    }
}

#[test]
fn names_and_places_are_no_keys() {
    let skyloom = Skyloom::new();
    run(&skyloom, &[STARS]);
    // Another file in another folder, nodes under other names, other comments.
    let elsewhere = Project::stars();
    let mut text = fs::read_to_string(elsewhere.file("job.yaml")).expect("it is there");
    for (from, to) in [
        ("name: star-types", "name: other"),
        ("\n  model:", "\n  wood:"),
        ("model: model", "model: wood"),
        ("from: model", "from: wood"),
        ("# A small main job", "# The same by another name"),
    ] {
        assert!(text.contains(from), "`{from}` is not in the workflow");
        text = text.replace(from, to);
    }
    fs::write(elsewhere.file("other.yaml"), text).expect("a file can be written");
    let workflow = elsewhere.file("other.yaml");
    expect_ran(&run(&skyloom, &[workflow.to_str().expect("UTF-8")]), &[]);
}

#[test]
fn a_changed_parameter_runs_what_depends_on_it_and_is_named() {
    let skyloom = Skyloom::new();
    run(&skyloom, &[STARS]);
    let told = explain(&skyloom, &[STARS, "--set", "trees=6"]);
    check_explained(
        &told,
        &["split    hit", "model    miss", "params.trees 5 → 6", "classes  waits for `model`"],
    );
    let result = run(&skyloom, &[STARS, "--set", "trees=6"]);
    let nodes: Vec<_> = ran(&result).into_iter().map(|(id, _)| id).collect();
    assert_eq!(nodes, ["model", "classes", "scores"]);
    assert_eq!(result["nodes"]["model"]["because"], "params.trees 5 → 6");
    // The way back is in the cache.
    expect_ran(&run(&skyloom, &[STARS]), &[]);
}

#[test]
fn equal_results_stop_the_change() {
    let skyloom = Skyloom::new();
    run(&skyloom, &[STARS]);
    // The ingester reads another file, with other line ends, and gives the same table.
    let stars = fs::read_to_string(root().join("tests/data/stars.csv")).expect("the data");
    let other = skyloom.state.path().join("stars.csv");
    fs::write(&other, stars.replace('\n', "\r\n")).expect("a file can be written");
    let result = run(&skyloom, &[STARS, "--input", &format!("catalogue={}", other.display())]);
    expect_ran(&result, &[("stars", 1)]);
    let because = result["nodes"]["stars"]["because"].as_str().expect("a reason");
    assert!(because.contains("file stars.csv changed"), "{because}");
}

#[test]
fn a_column_that_nobody_reads_runs_nothing_downstream() {
    let skyloom = Skyloom::new();
    let before = run(&skyloom, &[STARS]);
    let stars = fs::read_to_string(root().join("tests/data/stars.csv")).expect("the data");
    let lines = stars.lines().enumerate().map(|(row, line)| match row {
        0 => format!("{line},extra\n"),
        row => format!("{line},{}\n", row % 7),
    });
    let wider = skyloom.state.path().join("stars.csv");
    fs::write(&wider, lines.collect::<String>()).expect("a file can be written");
    let input = format!("catalogue={}", wider.display());
    let told = explain(&skyloom, &[STARS, "--input", &input]);
    check_explained(&told, &["column extra is new"]);
    let result = run(&skyloom, &[STARS, "--input", &input]);
    expect_ran(&result, &[("stars", 1)]);
    // It goes along with the columns that are passed on.
    assert_eq!(result["nodes"]["split"]["spliced"], result["nodes"]["split"]["units"]);
    let head = skyloom.run(&["data", "head", "last", "split.train", "-n", "1", "--json"]);
    let rows: Value = serde_json::from_slice(&head.stdout).expect("JSON");
    assert!(rows[0]["extra"].is_number(), "{rows}");
    // What was spliced is what the plugins give.
    assert_eq!(result["outputs"]["classes"]["digest"], before["outputs"]["classes"]["digest"]);
    let again = run(&skyloom, &[STARS, "--input", &input, "--recompute"]);
    for node in ["colours", "split", "classes"] {
        assert_eq!(again["nodes"][node]["outputs"], result["nodes"][node]["outputs"], "{node}");
    }
    expect_ran(&run(&skyloom, &[STARS, "--input", &input]), &[]);
}

#[test]
fn one_changed_partition_runs_one_partition() {
    let skyloom = Skyloom::new();
    run(&skyloom, &[STARS]);
    let stars = fs::read_to_string(root().join("tests/data/stars.csv")).expect("the data");
    // Row 20 is in the second partition of 16.
    let brighter = stars.lines().enumerate().map(|(row, line)| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        if row == 20 {
            cells[9] = "12.345".to_owned();
        }
        cells.join(",") + "\n"
    });
    let other = skyloom.state.path().join("stars.csv");
    fs::write(&other, brighter.collect::<String>()).expect("a file can be written");
    let input = format!("catalogue={}", other.display());
    let result = run(&skyloom, &[STARS, "--input", &input]);
    assert_eq!(ran(&result)[..2], [("stars".to_owned(), 1), ("colours".to_owned(), 1)]);
    assert_eq!(
        result["nodes"]["colours"]["because"],
        "input table: column V changed in partition 2"
    );
}

#[test]
fn added_partitions_run_alone() {
    let skyloom = Skyloom::new();
    let objects = fs::read_to_string(root().join("tests/data/objects.csv")).expect("the data");
    let (header, rows) = objects.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().collect();
    let night = |number: usize, rows: &[&str]| {
        let path = skyloom.state.path().join(format!("night-{number}.csv"));
        fs::write(path, format!("{header}\n{}\n", rows.join("\n"))).expect("a file");
    };
    night(1, &rows[..4]);
    night(2, &rows[4..8]);
    let glob = format!("left={}", skyloom.state.path().join("night-*.csv").display());
    run(&skyloom, &[BRANCHES, "--input", &glob]);
    night(3, &rows[8..]);
    let told = explain(&skyloom, &[BRANCHES, "--input", &glob]);
    check_explained(&told, &["2 of 3 hits", "file night-3.csv: there was no partition 3 before"]);
    let result = run(&skyloom, &[BRANCHES, "--input", &glob]);
    expect_ran(&result, &[("left", 1), ("left-colours", 1)]);
}

#[test]
fn what_cannot_be_removed_stays_and_the_rest_goes() {
    let skyloom = Skyloom::new();
    let cache = |args: &[&str]| -> Value {
        let output = skyloom.run(&[&["cache"], args, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    run(&skyloom, &[STARS]);
    let first = cache(&["stats"]);
    run(&skyloom, &[STARS, "--set", "trees=6"]);
    let both = cache(&["stats"]);
    assert!(both["entries"].as_u64() > first["entries"].as_u64());

    // By default nothing goes.
    let dry = cache(&["gc", "--keep-last", "1"]);
    assert!(dry["entries"].as_u64() > Some(0) && dry["deleted"] == false, "{dry}");
    assert_eq!(cache(&["stats"])["entries"], both["entries"]);
    let gone = cache(&["gc", "--keep-last", "1", "--delete"]);
    assert_eq!((&gone["entries"], &gone["bytes"]), (&dry["entries"], &dry["bytes"]));
    assert_eq!(cache(&["verify"])["damages"], Value::Array(Vec::new()));
    expect_ran(&run(&skyloom, &[STARS, "--set", "trees=6"]), &[]);

    // A lock holds what it pins, however little may stay.
    let project = Project::stars();
    let workflow = project.file("job.yaml");
    let workflow = workflow.to_str().expect("UTF-8");
    run(&skyloom, &[workflow]);
    assert!(skyloom.run(&["lock", workflow]).status.success());
    run(&skyloom, &[STARS, "--set", "trees=7"]);
    cache(&["gc", "--max-size", "0", "--delete"]);
    expect_ran(&run(&skyloom, &[workflow]), &[]);
    let ran: Vec<_> = ran(&run(&skyloom, &[STARS, "--set", "trees=7"]));
    assert_eq!(ran.len(), 3, "only what the lock does not pin: {ran:?}");
}

#[test]
fn the_index_can_be_thrown_away() {
    let skyloom = Skyloom::new();
    run(&skyloom, &[STARS]);
    fs::remove_dir_all(skyloom.state.path().join("state/cache/index")).expect("it is there");
    let result = run(&skyloom, &[STARS]);
    expect_ran(&result, &[]);
    let warning = result["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("index was made anew"), "{result}");
    let output = skyloom.run(&["cache", "rebuild", "--json"]);
    let rebuilt: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(rebuilt["entries"].as_u64() > Some(10), "{rebuilt}");
    check_explained(&explain(&skyloom, &[STARS, "--set", "trees=6"]), &["params.trees 5 → 6"]);
}
