//! Random forests: all trees speak of all classes, and their mean is explained.

use forest_model::ModelSchema;
use forest_model::port::{Covers, read_parts};
use forest_model::predict::probabilities;
use skyloom_plugin::prelude::*;

use crate::shapley::{Explained, Sums};
use crate::{Classes, Lines, Sample};

/// Explains the probabilities of the wanted classes.
///
/// # Errors
/// When the table is no forest.
pub(crate) fn explain(
    trees: &mut Reader,
    model: &ModelSchema,
    sample: &Sample,
    wanted: Classes,
) -> Result<Lines> {
    let n_classes = model.classes.len();
    let margins = probabilities(trees, model, None, &sample.features)?;
    let explained = Explained::of(wanted, &margins, n_classes);
    let (classes, n_per_row) = (explained.classes(), explained.n_per_row());
    let mut sums = Sums::zeros(explained, model.features.len(), n_classes);
    trees.rewind();
    let n_trees =
        read_parts(trees, model, Covers::Read, |part| sums.add(&part.pack()?, &sample.features))?;
    sums.divide(n_trees as f64);
    let margin = |(line, &class): (usize, &usize)| margins[line / n_per_row * n_classes + class];
    Ok(Lines {
        margin: classes.iter().enumerate().map(margin).collect(),
        base: classes.iter().map(|&class| sums.base[class]).collect(),
        phi: sums.phi,
        n_per_row,
        classes,
    })
}
