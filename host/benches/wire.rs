//! What it costs to cross the border: 64 Ki rows of 8 float64 columns from the host into a
//! guest and back, as a share of what `memcpy` takes for the same bytes in the same process;
//! and an empty call.
//!
//! `cargo bench -p skyloom --bench wire`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use skyloom::data::{ObjectStore, Table};
use skyloom::instance::{BoundInput, Component, Limits, RunInput, RunReport, Task, Watch};
use skyloom::registry::{self, Project};

const ROWS: usize = 64 << 10;
const COLUMNS: usize = 8;
const BYTES: usize = ROWS * COLUMNS * size_of::<f64>();
const REPEATS: usize = 15;

struct Bench {
    border: Component,
    objects: ObjectStore,
    table: Arc<Table>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (project, guest) = (Project::around(&root), root.join("tests/guests/border"));
        registry::build(&project, &[&guest]).expect("the guest compiles");
        let component = registry::component_path(&project, &guest).expect("it has a name");
        let engine = skyloom::run::engine().expect("this machine runs WebAssembly");
        let border = registry::load_file(&engine, &component).expect("it is a plugin");
        // The engine's epochs end with it.
        std::mem::forget(engine);

        let folder = tempfile::tempdir().expect("a folder");
        let objects = ObjectStore::open(folder.path()).expect("folders");
        let column = |column: usize| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| (row * 8 + column) as f64)))
        };
        let fields =
            (0..COLUMNS).map(|column| Field::new(format!("f{column}"), DataType::Float64, false));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(schema.clone(), (0..COLUMNS).map(column).collect());
        let mut writer = objects.writer(schema.clone()).expect("a file");
        writer.push(batch.expect("columns fit")).expect("it is written");
        let table =
            Table { schema, partitions: vec![Arc::new(writer.finish().expect("it is written"))] };
        Self { border, objects, table: Arc::new(table), _folder: folder }
    }

    fn run(&self, mode: &str, times: usize) -> RunReport {
        let params = format!(r#"{{"mode":"{mode}","times":{times}}}"#);
        let bound = [("table".to_owned(), BoundInput::Table(self.table.schema.fields().clone()))];
        let binding = self.border.bind(&params, &bound, Limits::default(), Arc::default());
        let report = self.border.run(Task {
            params: &params,
            piece: (0, 1),
            inputs: vec![(
                "table".to_owned(),
                RunInput::Table(Arc::clone(&self.table)),
                (0..COLUMNS).collect(),
            )],
            outputs: binding.expect("it binds").outputs,
            objects: &self.objects,
            limits: Limits::default(),
            watch: Arc::new(Watch::default()),
            batch_rows: ROWS,
            threads: None,
            may_cut: false,
        });
        report.expect("it runs")
    }

    /// Seconds for one crossing: what a run with `times` of them takes longer than one with
    /// none, hashing and writing aside.
    fn seconds(&self, mode: &str, times: usize) -> f64 {
        let guest = |times| {
            let report = self.run(mode, times);
            report.wall.saturating_sub(report.storing).as_secs_f64()
        };
        let best = |times| (0..REPEATS).map(|_| guest(times)).fold(f64::INFINITY, f64::min);
        (best(times) - best(0)) / times as f64
    }
}

/// Seconds to copy the same bytes, column by column, to where bytes were before.
fn memcpy_seconds() -> f64 {
    let from: Vec<Vec<u8>> = (0..COLUMNS).map(|_| vec![1; BYTES / COLUMNS]).collect();
    let mut to = from.clone();
    let copies = 20;
    let mut best = Duration::MAX;
    for _ in 0..REPEATS {
        let started = std::time::Instant::now();
        for _ in 0..copies {
            for (from, to) in from.iter().zip(&mut to) {
                to.copy_from_slice(std::hint::black_box(from));
                std::hint::black_box(to);
            }
        }
        best = best.min(started.elapsed());
    }
    best.as_secs_f64() / f64::from(copies)
}

fn main() {
    let bench = Bench::new();
    let memcpy = memcpy_seconds();
    let pull = bench.seconds("pull", 20);
    let push = bench.seconds("push", 20);
    let call = bench.seconds("calls", 1_000_000);
    let stored = bench.run("push", 20);
    let storing = stored.storing.as_secs_f64() / 20.0;
    let line = |what: &str, seconds: f64| {
        let (rate, share) = (BYTES as f64 / seconds / 1e9, memcpy / seconds);
        let micros = seconds * 1e6;
        tell(&format!("| {what:32} | {rate:5.1} | {:4.0} % | {micros:7.0} |", share * 100.0));
    };
    tell("| 64 Ki rows × 8 float64           |  GB/s | of memcpy |     µs |");
    tell("|----------------------------------|-------|--------|---------|");
    line("memcpy", memcpy);
    line("host → guest, all columns pulled", pull);
    line("guest → host, emitted", push);
    line("hashed and written", storing);
    tell(&format!("\nan empty call: {:.0} ns", call * 1e9));
}

fn tell(line: &str) {
    #[expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]
    {
        println!("{line}");
    }
}
