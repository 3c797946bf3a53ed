//! Random forests: all trees speak of all classes, and their mean is explained.

use forest_model::port::{Covers, read_trees};
use forest_model::{ModelSchema, PackedForest, Tree};
use skyloom_plugin::prelude::*;

use crate::shapley::{Attributions, PathTree, Rows};
use crate::{Classes, Lines, Sample, wanted_classes};

/// Explains the probabilities of the wanted classes.
///
/// # Errors
/// When the table is no forest, or a tree is too deep to explain.
pub(crate) fn explain(
    trees: &mut Reader,
    model: &ModelSchema,
    sample: &Sample,
    wanted: Classes,
) -> Result<Lines> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let (margins, n_trees) = margins(trees, model, &sample.features)?;
    let classes = wanted_classes(wanted, &margins, n_classes);
    let rows = Rows::new(&sample.features, n_features, classes.clone());
    let mut base = vec![0.0; n_classes];
    let mut attributions = Attributions::zeros(&rows);
    let mut fault = None;
    let each = |tree: Tree| match PathTree::new(tree, n_features, n_classes) {
        Ok(path) => {
            path.explain(&rows, &mut attributions);
            (0..n_classes).for_each(|class| base[class] += path.expectation(class));
        }
        Err(error) => fault = fault.take().or(Some(error)),
    };
    trees.rewind();
    read_trees(trees, model, Covers::Read, each)?;
    if let Some(fault) = fault {
        return Err(Error::data(fault));
    }
    base.iter_mut().for_each(|sum| *sum /= n_trees as f64);
    attributions.divide(n_trees as f64);
    let n_per_row = classes.len() * n_classes / margins.len();
    let of_rows = margins.chunks_exact(n_classes).zip(classes.chunks_exact(n_per_row));
    let margin = of_rows.flat_map(|(row, classes)| classes.iter().map(|&class| row[class]));
    Ok(Lines {
        margin: margin.collect(),
        base: classes.iter().map(|&class| base[class]).collect(),
        phi: attributions.lines().flatten().copied().collect(),
        n_per_row,
        classes,
    })
}

/// The forest's probabilities of all classes for all rows, and the number of its trees.
fn margins(
    reader: &mut Reader,
    model: &ModelSchema,
    features: &[f64],
) -> Result<(Vec<f64>, usize)> {
    let n_classes = model.classes.len();
    let mut sums = vec![0.0; features.len() / model.features.len() * n_classes];
    let n_trees = read_trees(reader, model, Covers::Ignored, |tree| {
        let mut forest = PackedForest::new(model.features.len(), n_classes);
        forest.push(tree);
        forest.add_to(&mut sums, features);
    })?;
    sums.iter_mut().for_each(|sum| *sum /= n_trees as f64);
    Ok((sums, n_trees))
}
