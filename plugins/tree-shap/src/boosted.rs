//! Boosted trees: each speaks of one class, in the model of one fold, and their sum is explained.
//!
//! What is explained is the margin: a probability is a softmax over all classes' margins, and
//! no sum of trees.

use std::collections::BTreeMap;

use forest_model::boosted::{ALL_ROWS, Owner};
use forest_model::port::{Covers, read_boosted};
use forest_model::{BoostedSchema, PackedForest};
use skyloom_plugin::prelude::*;

use crate::shapley::{Attributions, PathTree, Rows};
use crate::{Classes, Lines, Sample, wanted_classes};

/// Explains the margins of the wanted classes.
///
/// # Errors
/// When the table holds no boosted trees, or a tree is too deep to explain.
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
    let margins = margins(trees, model, &sample.features, &folds)?;
    let classes = wanted_classes(wanted, &margins, n_classes);
    let n_per_row = classes.len() / folds.len();
    let mut parts = parts(model, sample, &folds, &classes);
    let mut fault = None;
    trees.rewind();
    read_boosted(trees, model, Covers::Read, |tree, owner| {
        let Some(part) = parts.get_mut(&owner) else { return };
        match PathTree::new(tree, n_features, 1) {
            Ok(path) => {
                path.explain(&part.rows, &mut part.attributions);
                part.base += path.expectation(0);
            }
            Err(error) => fault = fault.take().or(Some(error)),
        }
    })?;
    if let Some(fault) = fault {
        return Err(Error::data(fault));
    }
    let n_lines = classes.len();
    let mut base = vec![0.0; n_lines];
    let mut phi = vec![0.0; n_lines * n_features];
    for part in parts.values() {
        for (&line, values) in part.lines.iter().zip(part.attributions.lines()) {
            base[line] = part.base;
            phi[line * n_features..(line + 1) * n_features].copy_from_slice(values);
        }
    }
    let place = |(line, &class): (usize, &usize)| margins[line / n_per_row * n_classes + class];
    let margin = classes.iter().enumerate().map(place).collect();
    Ok(Lines { classes, n_per_row, base, margin, phi })
}

/// The margins of all classes for all rows, each by the model of its fold.
fn margins(
    reader: &mut Reader,
    model: &BoostedSchema,
    features: &[f64],
    folds: &[i32],
) -> Result<Vec<f64>> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let mut rows_of: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (row, &fold) in folds.iter().enumerate() {
        rows_of.entry(fold).or_default().push(row);
    }
    let gather = |rows: &Vec<usize>| -> Vec<f64> {
        rows.iter().flat_map(|row| &features[row * n_features..][..n_features]).copied().collect()
    };
    let mut parts: BTreeMap<i32, (Vec<f64>, Vec<f64>)> = rows_of
        .iter()
        .map(|(&fold, rows)| (fold, (gather(rows), vec![0.0; rows.len() * n_classes])))
        .collect();
    read_boosted(reader, model, Covers::Ignored, |tree, owner| {
        if let Some((features, sums)) = parts.get_mut(&owner.fold) {
            let mut forest = PackedForest::boosted(n_features, n_classes);
            forest.push_for(tree, owner.class);
            forest.add_to(sums, features);
        }
    })?;
    let mut margins = vec![0.0; folds.len() * n_classes];
    for (fold, rows) in &rows_of {
        for (row, sums) in rows.iter().zip(parts[fold].1.chunks_exact(n_classes)) {
            margins[row * n_classes..(row + 1) * n_classes].copy_from_slice(sums);
        }
    }
    Ok(margins)
}

/// The lines that one class's trees in one fold's model speak of.
struct Part {
    lines: Vec<usize>,
    rows: Rows,
    attributions: Attributions,
    base: f64,
}

fn parts(
    model: &BoostedSchema,
    sample: &Sample,
    folds: &[i32],
    classes: &[usize],
) -> BTreeMap<Owner, Part> {
    let n_features = model.features.len();
    let n_per_row = classes.len() / folds.len();
    let mut lines_of: BTreeMap<Owner, Vec<usize>> = BTreeMap::new();
    for (line, &class) in classes.iter().enumerate() {
        let owner = Owner { fold: folds[line / n_per_row], class };
        lines_of.entry(owner).or_default().push(line);
    }
    let part = |(owner, lines): (Owner, Vec<usize>)| {
        let rows = lines.iter().map(|line| line / n_per_row);
        let features: Vec<f64> = rows
            .flat_map(|row| &sample.features[row * n_features..][..n_features])
            .copied()
            .collect();
        // Each tree has one value a node: that of class 0, as far as it knows.
        let rows = Rows::new(&features, n_features, vec![0; lines.len()]);
        let attributions = Attributions::zeros(&rows);
        (owner, Part { lines, rows, attributions, base: 0.0 })
    };
    lines_of.into_iter().map(part).collect()
}
