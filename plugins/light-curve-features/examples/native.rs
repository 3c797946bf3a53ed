//! Times the features of many light curves without sandbox or workflow:
//! `cargo run --release -p light-curve-features --example native`.
//!
//! The light curves are those of docs/benchmarks/light_curve_features.py in kind, not in
//! number: uneven times, a random walk and noise.

use std::time::Instant;

use light_curve::Curve;
use light_curve_features::extract::Extractor;
use light_curve_features::feature::Feature;

const CURVES: usize = 200;
const POINTS: usize = 200;
/// The best of so many runs counts: other programs only ever add time.
const RUNS: usize = 20;

/// Uniform numbers in 0..1 from a linear congruential generator.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn time(name: &str, features: &[Feature], curves: &[[Vec<f64>; 3]]) {
    let mut extractor = Extractor::new(features, 1.0);
    let (mut out, mut reasons) = (vec![0.0; extractor.columns()], Vec::new());
    let mut best = f64::INFINITY;
    let mut sum = 0.0;
    for _ in 0..RUNS {
        let start = Instant::now();
        for [times, values, errors] in curves {
            extractor.extract(Curve { times, values, errors }, &mut out, &mut reasons);
            sum += out[0];
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:40} {:9.3} µs  {sum:.3}", 1e6 * best / curves.len() as f64);
}

fn main() {
    let mut uniform = Uniform(1);
    let curves: Vec<_> = (0..CURVES)
        .map(|_| {
            let (mut time, mut level) = (60_000.0, 18.0);
            let mut curve = [const { Vec::new() }; 3];
            for _ in 0..POINTS {
                time += 0.1 + 5.0 * uniform.next();
                level += 0.1 * (uniform.next() - 0.5);
                curve[0].push(time);
                curve[1].push(level + 0.05 * (uniform.next() + uniform.next() - 1.0));
                curve[2].push(0.01 + 0.03 * uniform.next());
            }
            curve
        })
        .collect();
    let slow = [Feature::DampedRandomWalk, Feature::StructureFunction];
    time("default set", &Feature::default_set(), &curves);
    let peers = [
        Feature::AutocorrelationLength,
        Feature::BiweightLocation,
        Feature::Chi2,
        Feature::InverseVonNeumann,
        Feature::PairSlopeTrend,
        Feature::StetsonI,
        Feature::StetsonJ,
    ];
    let shared: Vec<_> = Feature::ALL
        .into_iter()
        .filter(|feature| !slow.contains(feature) && !peers.contains(feature))
        .collect();
    time("those that light-curve has", &shared, &curves);
    for feature in &Feature::ALL {
        time(feature.name(), &[*feature], &curves);
    }
}
