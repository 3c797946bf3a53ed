//! Boosted trees: each speaks of one class, in the model of one fold, and their sum is explained.
//!
//! What is explained is the margin: a probability is a softmax over all classes' margins, and
//! no sum of trees.

use forest_model::BoostedSchema;
use forest_model::boosted::ALL_ROWS;
use forest_model::port::{Covers, read_boosted};
use forest_model::predict::{by_fold, gather, margins};
use skyloom_plugin::prelude::*;

use crate::shapley::{Explained, Sums};
use crate::{Classes, Lines, Sample};

/// Explains the margins of the wanted classes.
///
/// # Errors
/// When the table holds no boosted trees.
pub(crate) fn explain(
    trees: &mut Reader,
    model: &BoostedSchema,
    sample: &Sample,
    wanted: Classes,
) -> Result<Lines> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let folds: Vec<i32> = match sample.folds.is_empty() {
        true => vec![ALL_ROWS; sample.features.len() / n_features],
        false => sample.folds.iter().map(|fold| fold.cast_signed()).collect(),
    };
    let margins = margins(trees, model, &folds, &sample.features)?;
    let explained = Explained::of(wanted, &margins, n_classes);
    let mut of_folds = by_fold(&folds, |rows| {
        let sums = Sums::zeros(explained.gather(rows), n_features, n_classes);
        (gather(&sample.features, n_features, rows), sums)
    });
    trees.rewind();
    read_boosted(trees, model, Covers::Read, |part, fold| match of_folds.get_mut(&fold) {
        Some((_, (features, sums))) => sums.add(&part.pack()?, features),
        None => Ok(()),
    })?;
    let (classes, n_per_row) = (explained.classes(), explained.n_per_row());
    let mut base = vec![0.0; classes.len()];
    let mut phi = vec![0.0; classes.len() * n_features];
    for (rows, (_, sums)) in of_folds.values() {
        for (row, values) in rows.iter().zip(sums.phi.chunks_exact(n_per_row * n_features)) {
            let lines = row * n_per_row..(row + 1) * n_per_row;
            phi[lines.start * n_features..lines.end * n_features].copy_from_slice(values);
            for line in lines {
                base[line] = sums.base[classes[line]];
            }
        }
    }
    let margin = |(line, &class): (usize, &usize)| margins[line / n_per_row * n_classes + class];
    let margin = classes.iter().enumerate().map(margin).collect();
    Ok(Lines { classes, n_per_row, base, margin, phi })
}
