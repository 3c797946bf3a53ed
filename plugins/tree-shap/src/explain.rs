//! Shapley values of a sample of rows, part by part of the model, and the lines they become.

use forest_model::ModelSchema;
use forest_model::port::{Covers, read_parts};
use skyloom_plugin::kernels::{Forest, Wanted};
use skyloom_plugin::prelude::*;

use crate::keys::Keys;

/// How far base and Shapley values together may be from the forest's answer.
const TOLERANCE: f64 = 1e-9;
/// Numbers that go over the border at once, there and back.
const NUMBERS_AT_ONCE: usize = 1 << 22;

/// What a forest's trees say together.
pub(crate) struct Explained {
    n_features: usize,
    /// The class of each row; none where all are explained.
    wanted: Option<Vec<u32>>,
    /// The expectation of each class.
    base: Vec<f64>,
    /// Line by line, a value for each feature; a line is a row and one of its classes.
    phi: Vec<f64>,
}

impl Explained {
    /// Explains rows, row-major: of each all classes, or the one that is wanted.
    ///
    /// Shapley values are linear in the trees: those of parts are added, in their order, and
    /// divided by the number of trees.
    ///
    /// # Errors
    /// When the table is not a forest, or the host refuses.
    pub(crate) fn of(
        reader: &mut Reader,
        model: &ModelSchema,
        rows: &[f64],
        wanted: Option<Vec<u32>>,
    ) -> Result<Self> {
        let (n_features, n_classes) = (model.features.len(), model.classes.len());
        let n_lines = rows.len() / n_features * if wanted.is_some() { 1 } else { n_classes };
        let (base, phi) = (vec![0.0; n_classes], vec![0.0; n_lines * n_features]);
        let mut explained = Self { n_features, wanted, base, phi };
        reader.rewind();
        let n_trees =
            read_parts(reader, model, Covers::Read, |forest, _| explained.add(&forest, rows))?;
        let sums = explained.base.iter_mut().chain(&mut explained.phi);
        sums.for_each(|sum| *sum /= n_trees as f64);
        Ok(explained)
    }

    fn add(&mut self, forest: &Forest, rows: &[f64]) -> Result<()> {
        add(&mut self.base, &forest.base()?);
        let n_per_row = self.n_per_row();
        let n_rows = (NUMBERS_AT_ONCE / (self.n_features * n_per_row)).max(1);
        let some = rows.chunks(n_rows * self.n_features);
        let phi = self.phi.chunks_mut(n_rows * n_per_row * self.n_features);
        for (at, (rows, phi)) in some.zip(phi).enumerate() {
            let of_rows = at * n_rows..at * n_rows + rows.len() / self.n_features;
            let wanted = match &self.wanted {
                Some(wanted) => Wanted::Class(&wanted[of_rows]),
                None => Wanted::EveryClass,
            };
            add(phi, &forest.tree_shap(rows, wanted)?);
        }
        Ok(())
    }

    fn n_per_row(&self) -> usize {
        if self.wanted.is_some() { 1 } else { self.base.len() }
    }

    fn phi(&self) -> impl Iterator<Item = &[f64]> {
        self.phi.chunks_exact(self.n_features)
    }

    /// The class of each line.
    fn classes(&self) -> impl Iterator<Item = usize> {
        let n_classes = self.base.len();
        let class = move |line: usize| match &self.wanted {
            Some(wanted) => wanted[line] as usize,
            None => line % n_classes,
        };
        (0..self.phi.len() / self.n_features).map(class)
    }
}

fn add(sums: &mut [f64], more: &[f64]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// The lines of the output: one for each row and explained class.
pub(crate) struct Lines<'a> {
    pub(crate) model: &'a ModelSchema,
    pub(crate) keys: &'a Keys,
    /// The forest's probabilities, of all classes of all rows.
    pub(crate) margins: Vec<f64>,
    pub(crate) explained: Explained,
}

impl Lines<'_> {
    fn base(&self) -> impl Iterator<Item = f64> {
        self.explained.classes().map(|class| self.explained.base[class])
    }

    fn margin(&self) -> impl Iterator<Item = f64> {
        let (n_per_row, n_classes) = (self.explained.n_per_row(), self.model.classes.len());
        let lines = self.explained.classes().enumerate();
        lines.map(move |(line, class)| self.margins[line / n_per_row * n_classes + class])
    }

    /// Contributions sum to the margin, by theorem; here by test.
    ///
    /// # Errors
    /// When they do not.
    pub(crate) fn check(&self) -> Result<()> {
        for ((phi, base), margin) in self.explained.phi().zip(self.base()).zip(self.margin()) {
            let sum = base + phi.iter().sum::<f64>();
            // A sum that is not a number is not close either.
            let is_close = (sum - margin).abs() <= TOLERANCE;
            if !is_close {
                return Err(Error::failed(format!(
                    "contributions sum to {sum}, not to the forest's {margin}: please report it"
                )));
            }
        }
        Ok(())
    }

    /// # Errors
    /// When the keys cannot be repeated.
    pub(crate) fn columns(&self) -> Result<Vec<ArrayRef>> {
        let class: StringArray =
            self.explained.classes().map(|class| Some(&self.model.classes[class])).collect();
        let mut columns: Vec<ArrayRef> = vec![
            self.keys.repeat(self.explained.n_per_row())?,
            Arc::new(class),
            Arc::new(Float64Array::from_iter_values(self.base())),
            Arc::new(Float64Array::from_iter_values(self.margin())),
        ];
        for feature in 0..self.model.features.len() {
            let phi = self.explained.phi().map(|phi| phi[feature]);
            columns.push(Arc::new(Float64Array::from_iter_values(phi)));
        }
        Ok(columns)
    }
}
