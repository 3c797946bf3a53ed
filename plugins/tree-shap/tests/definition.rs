//! Against the definition: Shapley values by going through all sets of features.

use forest_model::bag::mix;
use forest_model::{Nodes, TreeReader};
use tree_shap::shapley::{Attributions, ExplainError, MAX_DEPTH, MAX_ON_PATH, PathTree, Rows};

/// Features that the trees here may test: the others of `n_features` are bystanders.
struct World {
    n_features: usize,
    tested: Vec<usize>,
}

/// A stream of hashes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 += 1;
        (mix(self.0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() * n as f64) as usize
    }
}

/// One tree of two classes, of at most so many levels.
fn random_tree(world: &World, depth: u32, random: &mut Random) -> Nodes {
    let mut nodes = Nodes::default();
    grow(world, depth, random, 1000.0, &mut nodes);
    nodes
}

fn grow(world: &World, depth: u32, random: &mut Random, cover: f64, nodes: &mut Nodes) -> i32 {
    let node = nodes.len();
    let p = random.next();
    nodes.tree.push(0);
    nodes.node.push(i32::try_from(node).expect("a small tree"));
    nodes.feature.push(-1);
    nodes.threshold.push(random.next());
    nodes.left.push(-1);
    nodes.right.push(-1);
    nodes.missing_left.push(random.next() < 0.5);
    nodes.cover.push(cover);
    nodes.probability.extend([p, 1.0 - p]);
    if depth > 0 && (node == 0 || random.next() < 0.8) {
        let feature = world.tested[random.below(world.tested.len())];
        nodes.feature[node] = i32::try_from(feature).expect("few features");
        let share = 0.02 + 0.96 * random.next();
        nodes.left[node] = grow(world, depth - 1, random, cover * share, nodes);
        nodes.right[node] = grow(world, depth - 1, random, cover * (1.0 - share), nodes);
    }
    i32::try_from(node).expect("a small tree")
}

/// The expectation of class 0 when the features of which `is_known` says so are known.
fn expectation(nodes: &Nodes, at: usize, row: &[f64], is_known: &impl Fn(usize) -> bool) -> f64 {
    let Ok(feature) = usize::try_from(nodes.feature[at]) else {
        return nodes.probability[2 * at];
    };
    let [left, right] =
        [&nodes.left, &nodes.right].map(|side| usize::try_from(side[at]).expect("a child"));
    let of = |child| expectation(nodes, child, row, is_known);
    if is_known(feature) {
        let value = row[feature];
        let is_left = value <= nodes.threshold[at] || (value.is_nan() && nodes.missing_left[at]);
        return of(if is_left { left } else { right });
    }
    let (l, r) = (nodes.cover[left], nodes.cover[right]);
    (l * of(left) + r * of(right)) / (l + r)
}

/// Shapley values of the tested features, from all of their subsets.
fn by_definition(world: &World, nodes: &Nodes, row: &[f64]) -> Vec<f64> {
    let d = world.tested.len();
    let value = |set: usize| {
        let place = |feature| world.tested.iter().position(|&tested| tested == feature);
        expectation(nodes, 0, row, &|feature| place(feature).is_some_and(|p| set >> p & 1 == 1))
    };
    let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
    let of = |j: usize| {
        let others = (0..1_usize << d).filter(|set| set >> j & 1 == 0);
        let gain = |set: usize| {
            let size = set.count_ones() as usize;
            let orders = factorial(size) * factorial(d - size - 1) / factorial(d);
            orders * (value(set | 1 << j) - value(set))
        };
        others.map(gain).sum()
    };
    (0..d).map(of).collect()
}

fn with_tree<T>(
    nodes: &Nodes,
    n_features: usize,
    then: impl Fn(PathTree) -> T,
) -> Result<T, ExplainError> {
    let mut answer = None;
    let mut reader = TreeReader::new(n_features, 2);
    reader.push(nodes, |_| ()).expect("a tree");
    reader
        .finish(|tree| answer = Some(PathTree::new(tree, n_features, 2).map(&then)))
        .expect("a tree");
    answer.expect("one tree")
}

/// Shapley values of class 0, a line a row.
fn explain(nodes: &Nodes, n_features: usize, rows: &[f64]) -> Vec<Vec<f64>> {
    let to_explain = Rows::new(rows, n_features, vec![0; rows.len() / n_features]);
    let explain = |path: PathTree| {
        let mut attributions = Attributions::zeros(&to_explain);
        path.explain(&to_explain, &mut attributions);
        attributions.lines().map(<[f64]>::to_vec).collect()
    };
    with_tree(nodes, n_features, explain).expect("a tree that can be explained")
}

fn random_rows(n_rows: usize, n_features: usize, random: &mut Random) -> Vec<f64> {
    let mut value = || {
        if random.next() < 0.1 { f64::NAN } else { random.next() }
    };
    (0..n_rows * n_features).map(|_| value()).collect()
}

fn check(world: &World, depth: u32, seed: u64) {
    let mut random = Random(seed << 32);
    let nodes = random_tree(world, depth, &mut random);
    let rows = random_rows(20, world.n_features, &mut random);
    let explained = explain(&nodes, world.n_features, &rows);
    for (row, phi) in rows.chunks(world.n_features).zip(explained) {
        let expected = by_definition(world, &nodes, row);
        for (feature, phi) in phi.iter().enumerate() {
            let place = world.tested.iter().position(|&tested| tested == feature);
            let expected = place.map_or(0.0, |place| expected[place]);
            assert!(
                (phi - expected).abs() < 1e-13,
                "seed {seed}, feature {feature}: {phi} {expected}"
            );
        }
    }
}

#[test]
fn small_trees_agree_with_the_definition() {
    for seed in 0..60 {
        check(&World { n_features: 4, tested: vec![0, 1, 2, 3] }, 5, seed);
    }
    // Tests on one feature again and again.
    for seed in 0..20 {
        check(&World { n_features: 2, tested: vec![0, 1] }, 7, seed);
    }
}

#[test]
fn many_features_agree_with_the_definition() {
    for seed in 0..20 {
        check(&World { n_features: 131, tested: vec![0, 63, 64, 70, 127, 128, 130] }, 6, seed);
    }
}

#[test]
fn a_row_is_explained_alike_to_the_last_bit_whatever_the_others() {
    let world = World { n_features: 6, tested: (0..6).collect() };
    let mut random = Random(1);
    let nodes = random_tree(&world, 10, &mut random);
    let rows = random_rows(200, 6, &mut random);
    let together = explain(&nodes, 6, &rows);
    for (row, together) in rows.chunks(6).zip(together) {
        assert_eq!(explain(&nodes, 6, row), [together]);
    }
}

/// A chain of tests, each on the next feature, that halves the rows; the last leaf is 1.
fn chain(length: usize, n_features: usize) -> Nodes {
    let mut nodes = Nodes::default();
    let int = |index: usize| i32::try_from(index).expect("a short chain");
    for node in 0..=2 * length {
        let is_inner = node % 2 == 0 && node < 2 * length;
        let is_last = node == 2 * length;
        let p = if is_last { 1.0 } else { 0.0 };
        nodes.tree.push(0);
        nodes.node.push(int(node));
        nodes.feature.push(if is_inner { int(node / 2 % n_features) } else { -1 });
        nodes.threshold.push(0.5);
        nodes.left.push(if is_inner { int(node + 1) } else { -1 });
        nodes.right.push(if is_inner { int(node + 2) } else { -1 });
        nodes.missing_left.push(false);
        nodes.cover.push(0.5_f64.powi(int(node.div_ceil(2))));
        nodes.probability.extend([p, 1.0 - p]);
    }
    nodes
}

#[test]
fn long_paths_share_alike() {
    // All features matter alike, so each gets an equal share of 1 − 2^−length; 40 and more
    // need the quadrature in several passes.
    for length in [1, 2, 15, 31, 33, 40, 64] {
        let phi = explain(&chain(length, length), length, &vec![1.0; length]);
        let share = (1.0 - 0.5_f64.powi(i32::try_from(length).expect("short"))) / length as f64;
        assert!(phi[0].iter().all(|phi| (phi - share).abs() < 1e-14), "{length}: {phi:?}");
    }
}

#[test]
fn trees_beyond_the_limits_are_refused() {
    let too_many = with_tree(&chain(MAX_ON_PATH + 1, 65), 65, |_| ());
    assert_eq!(too_many, Err(ExplainError::TooMany { tree: 0 }));
    let deep = with_tree(&chain(MAX_DEPTH, 9), 9, |_| ());
    assert_eq!(deep, Ok(()));
    let too_deep = with_tree(&chain(MAX_DEPTH + 1, 9), 9, |_| ());
    assert_eq!(too_deep, Err(ExplainError::TooDeep { tree: 0 }));
}
