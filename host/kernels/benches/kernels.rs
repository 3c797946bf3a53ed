//! Each kernel on one curve of ten years, by number of points, on one core.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use skyloom_kernels::pairwise_histogram::{Edges, histograms};
use skyloom_kernels::phase_fold::phase_fold;
use skyloom_kernels::{Curve, Curves, Frequencies, Grid, Search};
use skyloom_kernels::{conditional_entropy, lomb_scargle, phase_dispersion};

const POINTS: [usize; 3] = [50, 200, 1_000];
/// To 20 cycles per day; one step is a quarter of a peak's width.
const GRID: Grid = Grid { minimum: 0.000_5, step: 0.001, count: 20_000 };

struct Star {
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl Star {
    /// A variable star, at times that look drawn.
    fn drawn(n_points: usize) -> Self {
        // Fractions of multiples of irrational numbers.
        let part = |at: usize, of: f64| (at as f64 * of).fract();
        let times: Vec<_> =
            (0..n_points).map(|at| 58_000.0 + 3_652.5 * part(at, 5f64.sqrt())).collect();
        let errors: Vec<_> = (0..n_points).map(|at| 0.02 + 0.08 * part(at, 2f64.sqrt())).collect();
        let value = |(time, error): (&f64, &f64)| {
            let phase = (time / 0.6).fract();
            17.0 + 0.3 * libm::sin(std::f64::consts::TAU * phase) + error * libm::sin(time * time)
        };
        let values = times.iter().zip(&errors).map(value).collect();
        Self { times, values, errors }
    }

    fn curve(&self) -> Curve<'_> {
        let errors = Some(&self.errors[..]);
        Curve { times: &self.times, values: &self.values, errors, bands: None }
    }
}

/// Measures `kernel` on curves of several lengths; `elements` says how many there are to do.
fn measure<T>(
    criterion: &mut Criterion,
    name: &str,
    elements: impl Fn(usize) -> usize,
    kernel: impl Fn(&Star) -> T,
) {
    let mut group = criterion.benchmark_group(name);
    for n_points in POINTS {
        let star = Star::drawn(n_points);
        group.throughput(Throughput::Elements(elements(n_points) as u64));
        group.bench_function(BenchmarkId::from_parameter(n_points), |bench| {
            bench.iter(|| kernel(black_box(&star)));
        });
    }
}

fn periods(criterion: &mut Criterion) {
    let elements = |n_points| n_points * GRID.count;
    measure(criterion, "lomb_scargle", elements, |star| {
        lomb_scargle::periodogram(&star.curve(), &GRID)
    });
    let what = Search { frequencies: Frequencies::Same(GRID), peaks: 5 };
    measure(criterion, "lomb_scargle_search", elements, |star| {
        let Star { times, values, errors } = star;
        let offsets = [0, times.len() as u32];
        let curves = Curves::new(&offsets, times, values, Some(errors), None)?;
        lomb_scargle::search(&curves, &what, 1)
    });
    measure(criterion, "conditional_entropy", elements, |star| {
        let bins = conditional_entropy::Bins::default();
        conditional_entropy::entropies(&star.curve(), &GRID, &bins)
    });
    measure(criterion, "phase_dispersion", elements, |star| {
        phase_dispersion::thetas(&star.curve(), &GRID, &phase_dispersion::Bins::default())
    });
}

fn others(criterion: &mut Criterion) {
    measure(
        criterion,
        "phase_fold",
        |n_points| n_points,
        |star| phase_fold(&star.times, 0.573_214_6, 53_000.25),
    );
    let dt: Vec<_> = (0..24).map(|at| if at == 0 { 0.0 } else { 1.43f64.powi(at) }).collect();
    let dm: Vec<_> = (-12..=12).map(|at| 0.002 * f64::from(at * at * at)).collect();
    let edges = Edges { dt: &dt, dm: &dm };
    let elements = |n_points| n_points * (n_points - 1) / 2;
    measure(criterion, "pairwise_histogram", elements, |star| {
        let offsets = [0, star.times.len() as u32];
        let curves = Curves::new(&offsets, &star.times, &star.values, None, None)?;
        histograms(&curves, &edges, 1)
    });
}

criterion_group!(all, periods, others);
criterion_main!(all);
