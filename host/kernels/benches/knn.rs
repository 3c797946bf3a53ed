//! Ten neighbours of 1,000 points among 20,000, in 5 dimensions.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use skyloom_kernels::knn::Points;

const DIMENSIONS: usize = 5;

/// Points without a pattern in the unit cube, the same each time.
fn points(n: usize) -> Vec<f64> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    std::iter::repeat_with(next).take(n * DIMENSIONS).collect()
}

fn nearest(criterion: &mut Criterion) {
    let laid_out = Points::new(&points(20_000), DIMENSIONS).expect("whole points");
    let asked = points(1_000);
    let mut group = criterion.benchmark_group("knn");
    group.sample_size(20).throughput(Throughput::Elements(1_000));
    group.bench_function("nearest", |bench| bench.iter(|| laid_out.nearest(&asked, 10, 1)));
}

criterion_group!(benches, nearest);
criterion_main!(benches);
