//! Models in files, for tests, benches and the example.

use std::path::Path;

use skyloom_kernels::trees::{LEAF, Leaves, Nodes, Together, Trees};

use crate::table::{lines, number};

/// A model as `flat_trees.py` writes it: one line a node, with the columns tree, class,
/// feature, threshold, left, right, missing_left, cover, and the values. Of class -1 are
/// trees that speak of every class, and then the model is their mean; else it is their sum.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) n_features: usize,
    pub(crate) n_classes: usize,
    pub(crate) offsets: Vec<u32>,
    pub(crate) class: Vec<i32>,
    pub(crate) feature: Vec<u32>,
    pub(crate) threshold: Vec<f64>,
    pub(crate) left: Vec<u32>,
    pub(crate) right: Vec<u32>,
    pub(crate) missing_left: Vec<bool>,
    pub(crate) cover: Vec<f64>,
    pub(crate) value: Vec<f64>,
    class_of_tree: Vec<u32>,
}

impl Model {
    pub(crate) fn read(path: &Path, n_features: usize) -> Self {
        Self::of_lines(lines(path), n_features)
    }

    pub(crate) fn of_lines(lines: Vec<Vec<String>>, n_features: usize) -> Self {
        let mut model = Self { n_features, ..Self::default() };
        let mut tree = -1;
        let mut n_values = 0;
        for line in lines {
            let [of_tree, class, feature, _, left, right, missing_left] =
                std::array::from_fn(|column| if column == 3 { 0 } else { integer(&line[column]) });
            if of_tree != tree {
                tree = of_tree;
                model.offsets.push(model.feature.len() as u32);
                model.class.push(class as i32);
            }
            model.feature.push(if feature < 0 { LEAF } else { feature as u32 });
            // Leaves have none.
            model.threshold.push(if feature < 0 { 0.0 } else { number(&line[3]) });
            model.left.push(left.max(0) as u32);
            model.right.push(right.max(0) as u32);
            model.missing_left.push(missing_left == 1);
            model.cover.push(number(&line[7]));
            model.value.extend(line[8..].iter().map(|value| number(value)));
            n_values = line.len() - 8;
        }
        model.offsets.push(model.feature.len() as u32);
        model.class_of_tree = model.class.iter().map(|class| (*class).max(0) as u32).collect();
        let of_classes = model.class_of_tree.iter().max().map_or(1, |most| *most as usize + 1);
        model.n_classes = n_values.max(of_classes);
        model
    }

    pub(crate) fn trees(&self) -> Trees<'_> {
        let nodes = Nodes {
            offsets: &self.offsets,
            feature: &self.feature,
            threshold: &self.threshold,
            left: &self.left,
            right: &self.right,
            missing_left: &self.missing_left,
            cover: &self.cover,
            value: &self.value,
        };
        let (leaves, together) = if self.class.contains(&-1) {
            (Leaves::EveryClass, Together::Mean)
        } else {
            (Leaves::OneClass(&self.class_of_tree), Together::Sum)
        };
        Trees::new(nodes, leaves, together, self.n_features, self.n_classes).expect("a model")
    }
}

fn integer(field: &str) -> i64 {
    field.parse().expect("an integer")
}
