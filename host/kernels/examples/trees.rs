//! Times the kernels for trees, on a model and rows in files:
//!
//! ```text
//! trees predict trees.csv rows.csv answers.csv 5
//! trees explain trees.csv rows.csv contributions.csv 5
//! ```
//!
//! Writes what they say, one line a row, and prints the seconds of each of five rounds, on
//! one thread: those that it ran, where Linux tells, so that other work on the machine
//! counts less.

#[path = "../testing/model.rs"]
mod model;
#[path = "../testing/table.rs"]
mod table;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use skyloom_kernels::forest::Forest;
use skyloom_kernels::tree_shap::{Explainer, Wanted};

use model::Model;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, trees, rows, answers, rounds] = &arguments[..] else {
        let usage = "usage: trees predict|explain TREES.csv ROWS.csv ANSWERS.csv ROUNDS";
        return Err(std::io::Error::other(usage));
    };
    let begin = Instant::now();
    let (rows, n_features) = table::table(Path::new(rows));
    let model = Model::read(Path::new(trees), n_features);
    let started = seconds(begin);
    let work: Box<dyn Fn() -> Vec<f64> + '_> = if verb == "explain" {
        let explainer = Explainer::new(&model.trees()).expect("a model with covers");
        let rows = &rows;
        Box::new(move || explainer.explain(rows, Wanted::EveryClass, 1).expect("whole rows"))
    } else {
        let forest = Forest::new(&model.trees());
        let rows = &rows;
        Box::new(move || forest.predict(rows, 1).expect("whole rows"))
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "prepare {}", seconds(begin) - started)?;
    let mut answer = Vec::new();
    for _ in 0..rounds.parse().map_err(std::io::Error::other)? {
        let started = seconds(begin);
        answer = work();
        writeln!(out, "round {}", seconds(begin) - started)?;
    }
    let width = answer.len() * n_features / rows.len().max(1);
    let mut file = std::io::BufWriter::new(std::fs::File::create(answers)?);
    for line in answer.chunks(width.max(1)) {
        let line: Vec<String> = line.iter().map(f64::to_string).collect();
        writeln!(file, "{}", line.join(","))?;
    }
    file.flush()
}

/// The seconds that this thread has run; else those since the beginning.
fn seconds(begin: Instant) -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat");
    let nanoseconds = statistics.ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| begin.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}
