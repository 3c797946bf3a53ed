//! Shapley values of rows, as sums over the parts of a model.

use skyloom_plugin::kernels::{Forest, Wanted};
use skyloom_plugin::prelude::*;

use crate::Classes;

/// Numbers that go over the border at once, there or back.
const NUMBERS_AT_ONCE: usize = 1 << 22;

/// Which classes of some rows are explained.
#[derive(Debug, Clone)]
pub(crate) enum Explained {
    All {
        n_rows: usize,
        n_classes: usize,
    },
    /// One of each row.
    One(Vec<u32>),
}

impl Explained {
    /// Of rows with these margins of all classes, all or the likeliest, the first of equals.
    pub(crate) fn of(classes: Classes, margins: &[f64], n_classes: usize) -> Self {
        let likeliest = |row: &[f64]| {
            (1..n_classes).fold(0, |best, class| if row[class] > row[best] { class } else { best })
        };
        let rows = margins.chunks_exact(n_classes);
        match classes {
            Classes::All => Self::All { n_rows: rows.len(), n_classes },
            Classes::Predicted => Self::One(rows.map(|row| likeliest(row) as u32).collect()),
        }
    }

    /// Of some of the rows.
    pub(crate) fn gather(&self, rows: &[usize]) -> Self {
        match self {
            Self::All { n_classes, .. } => Self::All { n_rows: rows.len(), n_classes: *n_classes },
            Self::One(classes) => Self::One(rows.iter().map(|&row| classes[row]).collect()),
        }
    }

    pub(crate) fn n_per_row(&self) -> usize {
        match self {
            Self::All { n_classes, .. } => *n_classes,
            Self::One(_) => 1,
        }
    }

    /// The class of each line; a line is a row and one of its classes.
    pub(crate) fn classes(&self) -> Vec<usize> {
        match self {
            Self::All { n_rows, n_classes } => {
                (0..n_rows * n_classes).map(|line| line % n_classes).collect()
            }
            Self::One(classes) => classes.iter().map(|&class| class as usize).collect(),
        }
    }
}

/// What trees say of rows together, so far. Shapley values are linear in the trees: those of a
/// model's parts are added, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    n_features: usize,
    explained: Explained,
    /// What the trees say of each class when no feature is known.
    pub(crate) base: Vec<f64>,
    /// Line by line, a value for each feature.
    pub(crate) phi: Vec<f64>,
}

impl Sums {
    pub(crate) fn zeros(explained: Explained, n_features: usize, n_classes: usize) -> Self {
        let phi = vec![0.0; explained.classes().len() * n_features];
        Self { n_features, explained, base: vec![0.0; n_classes], phi }
    }

    /// Adds what some more trees say of the rows, which are row-major.
    ///
    /// # Errors
    /// When the host refuses.
    pub(crate) fn add(&mut self, forest: &Forest, rows: &[f64]) -> Result<()> {
        add(&mut self.base, &forest.base()?);
        let line = self.explained.n_per_row() * self.n_features;
        let n_rows = (NUMBERS_AT_ONCE / line).max(1);
        let some = rows.chunks(n_rows * self.n_features).zip(self.phi.chunks_mut(n_rows * line));
        for (at, (rows, phi)) in some.enumerate() {
            let wanted = match &self.explained {
                Explained::All { .. } => Wanted::EveryClass,
                Explained::One(classes) => {
                    Wanted::Class(&classes[at * n_rows..][..rows.len() / self.n_features])
                }
            };
            add(phi, &forest.tree_shap(rows, wanted)?);
        }
        Ok(())
    }

    /// Makes means of the sums over so many trees.
    pub(crate) fn divide(&mut self, n_trees: f64) {
        self.base.iter_mut().chain(&mut self.phi).for_each(|sum| *sum /= n_trees);
    }
}

fn add(sums: &mut [f64], more: &[f64]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}
