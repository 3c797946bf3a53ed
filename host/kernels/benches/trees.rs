//! Forests and explanations on the golden models: 36 and 12 trees, of up to 31 and 90 leaves.

#[path = "../testing/model.rs"]
mod model;
#[path = "../testing/table.rs"]
mod table;

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use skyloom_kernels::forest::Forest;
use skyloom_kernels::tree_shap::{Explainer, Wanted};

use model::Model;

fn trees(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens/trees");
    let (rows, n_features) = table::table(&folder.join("rows.csv"));
    let rows = rows.repeat(50);
    let mut group = criterion.benchmark_group("trees");
    group.sample_size(20).throughput(Throughput::Elements((rows.len() / n_features) as u64));
    for name in ["small", "large"] {
        let model = Model::read(&folder.join(format!("{name}_trees.csv")), n_features);
        let forest = Forest::new(&model.trees());
        group.bench_function(format!("predict {name}"), |bench| {
            bench.iter(|| forest.predict(&rows, 1));
        });
        let explainer = Explainer::new(&model.trees()).expect("covers");
        group.bench_function(format!("explain {name}"), |bench| {
            bench.iter(|| explainer.explain(&rows, Wanted::EveryClass, 1));
        });
    }
}

criterion_group!(benches, trees);
criterion_main!(benches);
