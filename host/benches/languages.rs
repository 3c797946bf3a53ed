//! The same feature extractor in every language, from its template: how large the component
//! is, how long it takes to build and to begin, and how many rows a second it works through,
//! beside the same arithmetic on the same arrays in native Rust.
//!
//! `cargo bench -p skyloom --bench languages`; languages whose tools are missing are left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use skyloom::data::{ObjectStore, Table};
use skyloom::instance::{BoundInput, Component, Engine, Limits, RunInput, Task, Watch};
use skyloom::registry;

const BATCH_ROWS: usize = 64 << 10;
const BATCHES: usize = 16;
const ROWS: usize = BATCH_ROWS * BATCHES;
const REPEATS: usize = 5;
const PARAMS: &str = r#"{"value": "flux", "error": "flux_err", "name": "snr"}"#;
const LANGUAGES: [(&str, Option<&str>); 6] = [
    ("rust", None),
    ("c", None),
    ("go", None),
    ("js", None),
    ("python", None),
    ("python", Some("scientific")),
];

/// What the template of this extractor computes.
fn signal_to_noise(value: f64, error: f64) -> Option<f64> {
    let ratio = value / error;
    (error > 0.0 && ratio.is_finite()).then_some(ratio)
}

#[expect(clippy::print_stdout, reason = "it is for this that it runs")]
fn tell(line: &str) {
    println!("{line}");
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = ObjectStore::open(folder.path()).expect("folders");
    let batches = batches();
    let table = Arc::new(table(&objects, &batches));
    let native = median((0..REPEATS).map(|_| native(&batches)));
    let rate = |time: Duration| ROWS as f64 / time.as_secs_f64() / 1e6;
    tell("| language | component | build | compile | first call | Mrows/s | of native |");
    tell("|---|--:|--:|--:|--:|--:|--:|");
    for (language, runtime) in LANGUAGES {
        let name = runtime.map_or(language.to_owned(), |runtime| format!("{language}-{runtime}"));
        let Some((path, build)) = scaffold(folder.path(), &name, language, runtime) else {
            tell(&format!("| {name} | | | | | | |"));
            continue;
        };
        // An own folder: nothing is compiled yet.
        let engine = Engine::new(&folder.path().join("compiled").join(&name)).expect("an engine");
        let (compile, component) = timed(|| load(&engine, &path));
        let (first, _) = timed(|| bind(&component, &table));
        let run = median((0..REPEATS).map(|_| run(&component, &table, &objects)));
        tell(&format!(
            "| {name} | {:.2} MB | {:.1} s | {:.2} s | {:.2} ms | {:.2} | {:.3} |",
            fs::metadata(&path).expect("it is built").len() as f64 / 1e6,
            build.as_secs_f64(),
            compile.as_secs_f64(),
            first.as_secs_f64() * 1e3,
            rate(run),
            native.as_secs_f64() / run.as_secs_f64(),
        ));
        // Its epochs go on while components live.
        std::mem::forget(engine);
    }
    tell(&format!("| native Rust | | | | | {:.2} | 1 |", rate(native)));
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times[times.len() / 2]
}

/// Fluxes with a gap every hundred rows, and their errors.
fn batches() -> Vec<RecordBatch> {
    let field = |name| Field::new(name, DataType::Float64, true);
    let schema = Arc::new(Schema::new(vec![field("flux"), field("flux_err")]));
    let batch = |batch: usize| {
        let rows = batch * BATCH_ROWS..(batch + 1) * BATCH_ROWS;
        let flux = rows.clone().map(|row| (row % 100 != 0).then_some(row as f64 * 0.37 - 9000.0));
        let error = rows.map(|row| Some(1.0 + (row % 7) as f64));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(flux.collect::<Float64Array>()),
            Arc::new(error.collect::<Float64Array>()),
        ];
        RecordBatch::try_new(schema.clone(), columns).expect("they fit")
    };
    (0..BATCHES).map(batch).collect()
}

fn table(objects: &ObjectStore, batches: &[RecordBatch]) -> Table {
    let schema = batches[0].schema();
    let mut writer = objects.writer(schema.clone()).expect("a file");
    for batch in batches {
        writer.push(batch.clone()).expect("it is written");
    }
    Table { schema, partitions: vec![Arc::new(writer.finish().expect("it is written"))] }
}

fn native(batches: &[RecordBatch]) -> Duration {
    let numbers = |batch: &RecordBatch, column: usize| {
        let column = batch.column(column).as_any().downcast_ref::<Float64Array>();
        column.expect("numbers").clone()
    };
    timed(|| {
        for batch in batches {
            let (flux, error) = (numbers(batch, 0), numbers(batch, 1));
            let pairs = flux.iter().zip(error.iter());
            let snr: Float64Array = pairs.map(|(f, e)| signal_to_noise(f?, e?)).collect();
            assert_eq!(std::hint::black_box(snr).len(), BATCH_ROWS);
        }
    })
    .0
}

/// A package from the template, and how long it took to build; none where a tool is missing.
fn scaffold(
    folder: &Path,
    name: &str,
    language: &str,
    runtime: Option<&str>,
) -> Option<(PathBuf, Duration)> {
    let project = folder.join(name);
    fs::create_dir_all(project.join("plugins")).expect("a folder");
    if language == "rust" {
        workspace(&project);
    }
    let package = format!("snr-{name}");
    let mut new = vec!["plugin", "new", &package, "--lang", language];
    new.extend(runtime.into_iter().flat_map(|runtime| ["--runtime", runtime]));
    let skyloom = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skyloom"));
        command.args(args).current_dir(&project).env("CARGO_TARGET_DIR", folder.join("target"));
        command.output().expect("it starts")
    };
    assert!(skyloom(&new).status.success(), "{name}: no template");
    let (time, output) = timed(|| skyloom(&["plugin", "build", &package]));
    if !output.status.success() {
        tell(&String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let component = folder.join("target/guests/components").join(format!("{package}.wasm"));
    Some((component, time))
}

/// Packages in Rust share a workspace with the SDK.
fn workspace(project: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let copied = Command::new("cp")
        .arg("-r")
        .args(["plugin-sdk", "Cargo.lock"].map(|name| root.join(name)))
        .arg(project)
        .status();
    assert!(copied.expect("it starts").success());
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("it is there");
    let lines = manifest.lines().filter_map(|line| match line.split_once(" = ") {
        Some(("members", _)) => Some(
            r#"members = ["plugin-sdk", "plugin-sdk/wire", "plugin-sdk/testing", "plugins/*"]"#,
        ),
        Some(("default-members" | "exclude", _)) => None,
        _ => Some(line),
    });
    let manifest = lines.collect::<Vec<_>>().join("\n");
    fs::write(project.join("Cargo.toml"), manifest).expect("it can be written");
}

fn load(engine: &Engine, path: &Path) -> Component {
    registry::load_file(engine, path).expect("it is a plugin")
}

fn bind(component: &Component, table: &Table) -> skyloom::instance::Binding {
    let bound = [("table".to_owned(), BoundInput::Table(table.schema.fields().clone()))];
    component.bind(PARAMS, &bound, Limits::default(), Arc::default()).expect("it binds")
}

/// A whole run but for what it takes to hash and write its result.
fn run(component: &Component, table: &Arc<Table>, objects: &ObjectStore) -> Duration {
    let binding = bind(component, table);
    let task = Task {
        params: PARAMS,
        piece: (0, 1),
        inputs: vec![("table".to_owned(), RunInput::Table(Arc::clone(table)), Arc::new([0, 1]))],
        outputs: binding.outputs,
        objects,
        limits: Limits::default(),
        watch: Arc::new(Watch::default()),
        batch_rows: BATCH_ROWS,
        threads: None,
        may_cut: false,
    };
    let report = component.run(task).expect("it runs");
    report.wall - report.storing
}
