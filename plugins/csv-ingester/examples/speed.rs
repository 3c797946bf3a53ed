//! How fast a file is read, natively: `speed FILE`.
#![allow(clippy::print_stdout, reason = "it is a program")]
use std::fs::File;
use std::time::Instant;

use csv_ingester::params::Params;
use csv_ingester::table::{self, Taker};
use skyloom_plugin::prelude::*;

struct Nobody(usize);

impl Taker for Nobody {
    fn put(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        self.0 += columns.iter().map(|c| c.get_array_memory_size()).sum::<usize>();
        Ok(())
    }
    fn cut(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let params = Params::default();
    let size = std::fs::metadata(&path).expect("a file").len() as f64 / 1e6;
    let start = Instant::now();
    let plan = table::plan(&params, File::open(&path).expect("a file")).expect("a table");
    let seconds = start.elapsed().as_secs_f64();
    println!("plan {:.0} MB/s", size / seconds);
    for caveat in &plan.caveats { println!("{caveat}"); }
    for c in &plan.columns { println!("{} {:?} {:?}", c.name, c.kind, c.categories.as_ref().map(Vec::len)); }
    let types: Vec<_> = plan.columns.iter().map(|c| c.kind.data_type()).collect();
    let start = Instant::now();
    let mut nobody = Nobody(0);
    let rows = table::read(&params, &types, File::open(&path).expect("a file"), &mut nobody).expect("a table");
    let seconds = start.elapsed().as_secs_f64();
    println!("read {:.0} MB/s, {rows} rows", size / seconds);
}
