//! Times the kernels for trees, on a model and rows in files:
//!
//! ```text
//! trees predict trees.csv rows.csv answers.csv 5
//! trees explain trees.csv rows.csv contributions.csv 5
//! ```
//!
//! Writes what they say, one line a row, and prints the seconds of each of five rounds, on
//! one thread.

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
    let (rows, n_features) = table::table(Path::new(rows));
    let model = Model::read(Path::new(trees), n_features);
    let started = Instant::now();
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
    writeln!(out, "prepare {}", started.elapsed().as_secs_f64())?;
    let mut answer = Vec::new();
    for _ in 0..rounds.parse().map_err(std::io::Error::other)? {
        let started = Instant::now();
        answer = work();
        writeln!(out, "round {}", started.elapsed().as_secs_f64())?;
    }
    let width = answer.len() * n_features / rows.len().max(1);
    let mut file = std::io::BufWriter::new(std::fs::File::create(answers)?);
    for line in answer.chunks(width.max(1)) {
        let line: Vec<String> = line.iter().map(f64::to_string).collect();
        writeln!(file, "{}", line.join(","))?;
    }
    file.flush()
}
