//! Times one periodogram, for a comparison with other programs: see
//! docs/benchmarks/lomb_scargle.py, which runs this.
//!
//! `lomb_scargle CURVE.csv MINIMUM STEP COUNT REPEATS [POWERS]`: the curve's lines are time,
//! value and error. Prints the seconds that each repeat took, and the sum of all powers;
//! writes the powers as float64, little-endian.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;
use std::{env, fs, io::Write};

use skyloom_kernels::lomb_scargle::periodogram;
use skyloom_kernels::{Curve, Grid};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [curve, minimum, step, count, repeats, powers_to @ ..] = &arguments[..] else {
        return Err("usage: lomb_scargle CURVE.csv MINIMUM STEP COUNT REPEATS [POWERS]".into());
    };
    let mut columns = [vec![], vec![], vec![]];
    for line in fs::read_to_string(curve)?.lines() {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(cell.parse::<f64>()?);
        }
    }
    let [times, values, errors] = &columns;
    let curve = Curve { times, values, errors: Some(errors), bands: None };
    let grid = Grid { minimum: minimum.parse()?, step: step.parse()?, count: count.parse()? };
    let mut out = std::io::stdout().lock();
    let mut powers = Vec::new();
    for _ in 0..repeats.parse()? {
        let start = Instant::now();
        powers = periodogram(black_box(&curve), &grid)?;
        writeln!(out, "seconds {}", start.elapsed().as_secs_f64())?;
    }
    writeln!(out, "sum {}", powers.iter().sum::<f64>())?;
    if let [path] = powers_to {
        let bytes: Vec<_> = powers.iter().flat_map(|power| power.to_le_bytes()).collect();
        fs::write(path, bytes)?;
    }
    Ok(())
}
