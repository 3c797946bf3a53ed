//! Heavy numerical routines that the host lends: at native speed, whatever a plugin is
//! written in.
//!
//! In a guest they are calls of the host, and its component says that it imports
//! `skyloom:plugin/kernels`. In native tests they are the same routines, called directly: the
//! same bits.

pub use skyloom_kernels::conditional_entropy::Bins as EntropyBins;
pub use skyloom_kernels::knn::Neighbours;
pub use skyloom_kernels::lomb_scargle::Peak;
pub use skyloom_kernels::pairwise_histogram::Edges;
pub use skyloom_kernels::phase_dispersion::Bins as DispersionBins;
pub use skyloom_kernels::tree_shap::Wanted;
pub use skyloom_kernels::trees::{Leaves, Nodes, Together};
pub use skyloom_kernels::{Curves, Extremum, Frequencies, Grid, KernelError, Search};

use crate::error::{Error, Result};

impl From<KernelError> for Error {
    fn from(error: KernelError) -> Self {
        Self::failed(error)
    }
}

/// The highest peaks of the generalised Lomb–Scargle periodogram of each light curve, the
/// highest first; see [`skyloom_kernels::lomb_scargle`].
///
/// # Errors
/// What does not fit, in words.
pub fn lomb_scargle(curves: &Curves<'_>, search: &Search) -> Result<Vec<Vec<Peak>>> {
    host::lomb_scargle(curves, search)
}

/// The lowest minima of the conditional entropy of each folded light curve, the lowest first;
/// see [`skyloom_kernels::conditional_entropy`].
///
/// # Errors
/// What does not fit, in words.
pub fn conditional_entropy(
    curves: &Curves<'_>,
    search: &Search,
    bins: &EntropyBins,
) -> Result<Vec<Vec<Extremum>>> {
    host::conditional_entropy(curves, search, bins)
}

/// The lowest minima of the phase dispersion of each light curve, the lowest first; see
/// [`skyloom_kernels::phase_dispersion`].
///
/// # Errors
/// What does not fit, in words.
pub fn phase_dispersion(
    curves: &Curves<'_>,
    search: &Search,
    bins: &DispersionBins,
) -> Result<Vec<Vec<Extremum>>> {
    host::phase_dispersion(curves, search, bins)
}

/// Phases in `[0, 1)` of times in days, 0 at `epoch`; see [`skyloom_kernels::phase_fold`].
///
/// # Errors
/// What does not fit, in words.
pub fn phase_fold(times: &[f64], period: f64, epoch: f64) -> Result<Vec<f64>> {
    host::phase_fold(times, period, epoch)
}

/// How many pairs of points of each light curve differ by so much in time and value; see
/// [`skyloom_kernels::pairwise_histogram`].
///
/// # Errors
/// What does not fit, in words.
pub fn pairwise_histogram(curves: &Curves<'_>, edges: &Edges<'_>) -> Result<Vec<u32>> {
    host::pairwise_histogram(curves, edges)
}

/// The `count` nearest of `known` to each of `queries`, both row-major; see
/// [`skyloom_kernels::knn`].
///
/// # Errors
/// What does not fit, in words.
pub fn knn(known: &[f64], queries: &[f64], dimensions: usize, count: usize) -> Result<Neighbours> {
    host::knn(known, queries, dimensions, count)
}

/// Decision trees, checked and packed once for many calls; see [`skyloom_kernels::forest`] and
/// [`skyloom_kernels::tree_shap`].
pub struct Forest(host::Forest);

impl Forest {
    /// # Errors
    /// When the nodes are not those of trees; the message says where.
    pub fn pack(
        nodes: Nodes<'_>,
        leaves: Leaves<'_>,
        together: Together,
        n_features: usize,
        n_classes: usize,
    ) -> Result<Self> {
        host::Forest::pack(nodes, leaves, together, n_features, n_classes).map(Self)
    }

    /// What the trees say of each row: a value for each class. Rows are row-major, NaN where
    /// a value is missing.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn predict(&self, rows: &[f64]) -> Result<Vec<f64>> {
        self.0.predict(rows)
    }

    /// Adds what each tree says of each row to `sums`, tree after tree: a model that comes in
    /// parts gives the bits of the whole. In `asked`, if given, each tree has a bit for each
    /// row, the lowest first, in whole bytes: set where the row takes the tree.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn add_to(&self, sums: &mut [f64], rows: &[f64], asked: Option<&[u8]>) -> Result<()> {
        self.0.add_to(sums, rows, asked)
    }

    /// The Shapley values of each row: class by class, or of the one wanted, a value for each
    /// feature.
    ///
    /// # Errors
    /// When the nodes came without covers, or rows do not fit.
    pub fn tree_shap(&self, rows: &[f64], wanted: Wanted<'_>) -> Result<Vec<f64>> {
        self.0.tree_shap(rows, wanted)
    }

    /// What the trees say of each class when no feature is known.
    ///
    /// # Errors
    /// When the nodes came without covers.
    pub fn base(&self) -> Result<Vec<f64>> {
        self.0.base()
    }
}

/// The routines themselves.
#[cfg(not(target_arch = "wasm32"))]
mod host {
    use skyloom_kernels::forest::Asked;
    use skyloom_kernels::tree_shap::Explainer;
    use skyloom_kernels::trees::Trees;

    use super::*;

    pub(super) fn lomb_scargle(curves: &Curves<'_>, search: &Search) -> Result<Vec<Vec<Peak>>> {
        Ok(skyloom_kernels::lomb_scargle::search(curves, search, 1)?)
    }

    pub(super) fn conditional_entropy(
        curves: &Curves<'_>,
        search: &Search,
        bins: &EntropyBins,
    ) -> Result<Vec<Vec<Extremum>>> {
        Ok(skyloom_kernels::conditional_entropy::search(curves, search, bins, 1)?)
    }

    pub(super) fn phase_dispersion(
        curves: &Curves<'_>,
        search: &Search,
        bins: &DispersionBins,
    ) -> Result<Vec<Vec<Extremum>>> {
        Ok(skyloom_kernels::phase_dispersion::search(curves, search, bins, 1)?)
    }

    pub(super) fn phase_fold(times: &[f64], period: f64, epoch: f64) -> Result<Vec<f64>> {
        Ok(skyloom_kernels::phase_fold::phase_fold(times, period, epoch)?)
    }

    pub(super) fn pairwise_histogram(curves: &Curves<'_>, edges: &Edges<'_>) -> Result<Vec<u32>> {
        Ok(skyloom_kernels::pairwise_histogram::histograms(curves, edges, 1)?)
    }

    pub(super) fn knn(
        known: &[f64],
        queries: &[f64],
        dimensions: usize,
        count: usize,
    ) -> Result<Neighbours> {
        let points = skyloom_kernels::knn::Points::new(known, dimensions)?;
        Ok(points.nearest(queries, count, 1)?)
    }

    pub(super) struct Forest {
        forest: skyloom_kernels::forest::Forest,
        n_features: usize,
        /// None where the nodes have no covers; says why.
        explainer: Result<Explainer, KernelError>,
    }

    impl Forest {
        pub(super) fn pack(
            nodes: Nodes<'_>,
            leaves: Leaves<'_>,
            together: Together,
            n_features: usize,
            n_classes: usize,
        ) -> Result<Self> {
            let trees = Trees::new(nodes, leaves, together, n_features, n_classes)?;
            Ok(Self {
                forest: skyloom_kernels::forest::Forest::new(&trees),
                n_features,
                explainer: Explainer::new(&trees),
            })
        }

        pub(super) fn predict(&self, rows: &[f64]) -> Result<Vec<f64>> {
            Ok(self.forest.predict(rows, 1)?)
        }

        pub(super) fn add_to(
            &self,
            sums: &mut [f64],
            rows: &[f64],
            asked: Option<&[u8]>,
        ) -> Result<()> {
            let n_rows = rows.len() / self.n_features;
            let asked = asked.map(|bits| Asked::new(bits, n_rows));
            Ok(self.forest.add_to(sums, rows, asked, 1)?)
        }

        pub(super) fn tree_shap(&self, rows: &[f64], wanted: Wanted<'_>) -> Result<Vec<f64>> {
            Ok(self.explainer()?.explain(rows, wanted, 1)?)
        }

        pub(super) fn base(&self) -> Result<Vec<f64>> {
            Ok(self.explainer()?.base().to_vec())
        }

        fn explainer(&self) -> Result<&Explainer> {
            Ok(self.explainer.as_ref().map_err(Clone::clone)?)
        }
    }
}

/// Calls of the host.
#[cfg(target_arch = "wasm32")]
mod host {
    use arrow_buffer::ToByteSlice;

    use super::*;
    use crate::export::guest::skyloom::plugin::kernels as wit;

    fn curves_of<'a>(curves: &Curves<'a>) -> wit::Curves<'a> {
        wit::Curves {
            offsets: curves.offsets().to_byte_slice(),
            times: curves.times().to_byte_slice(),
            values: curves.values().to_byte_slice(),
            errors: curves.errors().map(ToByteSlice::to_byte_slice),
            bands: curves.bands(),
        }
    }

    fn frequencies_of(search: &Search) -> wit::Frequencies {
        match search.frequencies {
            Frequencies::Same(grid) => wit::Frequencies::Fixed(wit::Grid {
                minimum: grid.minimum,
                step: grid.step,
                // More are refused, whatever their number.
                count: u32::try_from(grid.count).unwrap_or(u32::MAX),
            }),
            Frequencies::Auto { samples_per_peak, minimum, maximum } => {
                wit::Frequencies::Fitting(wit::Resolution { samples_per_peak, minimum, maximum })
            }
        }
    }

    fn peaks_of(search: &Search) -> u32 {
        u32::try_from(search.peaks).unwrap_or(u32::MAX)
    }

    fn f64s(bytes: &[u8]) -> impl Iterator<Item = f64> {
        bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes))
    }

    fn u32s(bytes: &[u8]) -> impl Iterator<Item = u32> {
        bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// The peaks of each curve; NaN stands for none.
    fn by_curve<T: Clone>(
        all: Vec<T>,
        search: &Search,
        curves: &Curves<'_>,
        is_there: impl Fn(&T) -> bool,
    ) -> Vec<Vec<T>> {
        if search.peaks == 0 {
            return vec![Vec::new(); curves.len()];
        }
        let chunks = all.chunks(search.peaks);
        chunks.map(|chunk| chunk.iter().filter(|peak| is_there(peak)).cloned().collect()).collect()
    }

    fn extrema(peaks: &wit::Peaks, search: &Search, curves: &Curves<'_>) -> Vec<Vec<Extremum>> {
        let pairs = f64s(&peaks.frequencies).zip(f64s(&peaks.values));
        let all = pairs.map(|(frequency, value)| Extremum { frequency, value }).collect();
        by_curve(all, search, curves, |peak| !peak.frequency.is_nan())
    }

    pub(super) fn lomb_scargle(curves: &Curves<'_>, search: &Search) -> Result<Vec<Vec<Peak>>> {
        let found = wit::lomb_scargle(curves_of(curves), frequencies_of(search), peaks_of(search))
            .map_err(Error::failed)?;
        let values = f64s(&found.peaks.frequencies).zip(f64s(&found.peaks.values));
        let all = values.zip(f64s(&found.false_alarm_probabilities)).map(
            |((frequency, power), false_alarm_probability)| Peak {
                frequency,
                power,
                false_alarm_probability,
            },
        );
        Ok(by_curve(all.collect(), search, curves, |peak| !peak.frequency.is_nan()))
    }

    pub(super) fn conditional_entropy(
        curves: &Curves<'_>,
        search: &Search,
        bins: &EntropyBins,
    ) -> Result<Vec<Vec<Extremum>>> {
        let (phase, value) = (bins.phase as u32, bins.value as u32);
        let (frequencies, peaks) = (frequencies_of(search), peaks_of(search));
        let found = wit::conditional_entropy(curves_of(curves), frequencies, phase, value, peaks);
        Ok(extrema(&found.map_err(Error::failed)?, search, curves))
    }

    pub(super) fn phase_dispersion(
        curves: &Curves<'_>,
        search: &Search,
        bins: &DispersionBins,
    ) -> Result<Vec<Vec<Extremum>>> {
        let (count, covers) = (bins.bins as u32, bins.covers as u32);
        let (frequencies, peaks) = (frequencies_of(search), peaks_of(search));
        let found = wit::phase_dispersion(curves_of(curves), frequencies, count, covers, peaks);
        Ok(extrema(&found.map_err(Error::failed)?, search, curves))
    }

    pub(super) fn phase_fold(times: &[f64], period: f64, epoch: f64) -> Result<Vec<f64>> {
        let phases = wit::phase_fold(times.to_byte_slice(), period, epoch);
        Ok(f64s(&phases.map_err(Error::failed)?).collect())
    }

    pub(super) fn pairwise_histogram(curves: &Curves<'_>, edges: &Edges<'_>) -> Result<Vec<u32>> {
        let (dt, dm) = (edges.dt.to_byte_slice(), edges.dm.to_byte_slice());
        let counts = wit::pairwise_histogram(curves_of(curves), dt, dm);
        Ok(u32s(&counts.map_err(Error::failed)?).collect())
    }

    pub(super) fn knn(
        known: &[f64],
        queries: &[f64],
        dimensions: usize,
        count: usize,
    ) -> Result<Neighbours> {
        let (known, queries) = (known.to_byte_slice(), queries.to_byte_slice());
        let found = wit::knn(known, queries, dimensions as u32, count as u32);
        let found = found.map_err(Error::failed)?;
        Ok(Neighbours {
            index: u32s(&found.indices).collect(),
            distance: f64s(&found.distances).collect(),
        })
    }

    pub(super) struct Forest(wit::Forest);

    impl Forest {
        pub(super) fn pack(
            nodes: Nodes<'_>,
            leaves: Leaves<'_>,
            together: Together,
            n_features: usize,
            n_classes: usize,
        ) -> Result<Self> {
            let missing_left: Vec<u8> =
                nodes.missing_left.iter().map(|&left| left.into()).collect();
            let trees = wit::Trees {
                offsets: nodes.offsets.to_byte_slice(),
                features: nodes.feature.to_byte_slice(),
                thresholds: nodes.threshold.to_byte_slice(),
                lefts: nodes.left.to_byte_slice(),
                rights: nodes.right.to_byte_slice(),
                missing_left: &missing_left,
                covers: nodes.cover.to_byte_slice(),
                values: nodes.value.to_byte_slice(),
                leaves: match leaves {
                    Leaves::EveryClass => wit::Leaves::EveryClass,
                    Leaves::OneClass(classes) => wit::Leaves::OneClass(classes.to_byte_slice()),
                },
                together: match together {
                    Together::Mean => wit::Together::Mean,
                    Together::Sum => wit::Together::Sum,
                },
                width: n_features as u32,
                classes: n_classes as u32,
            };
            wit::Forest::pack(trees).map(Self).map_err(Error::failed)
        }

        pub(super) fn predict(&self, rows: &[f64]) -> Result<Vec<f64>> {
            let answered = self.0.predict(rows.to_byte_slice()).map_err(Error::failed)?;
            Ok(f64s(&answered).collect())
        }

        pub(super) fn add_to(
            &self,
            sums: &mut [f64],
            rows: &[f64],
            asked: Option<&[u8]>,
        ) -> Result<()> {
            let added = self.0.add(sums.to_byte_slice(), rows.to_byte_slice(), asked);
            let added = added.map_err(Error::failed)?;
            sums.iter_mut().zip(f64s(&added)).for_each(|(sum, added)| *sum = added);
            Ok(())
        }

        pub(super) fn tree_shap(&self, rows: &[f64], wanted: Wanted<'_>) -> Result<Vec<f64>> {
            let wanted = match wanted {
                Wanted::EveryClass => None,
                Wanted::Class(classes) => Some(classes.to_byte_slice()),
            };
            let answered = self.0.tree_shap(rows.to_byte_slice(), wanted).map_err(Error::failed)?;
            Ok(f64s(&answered).collect())
        }

        pub(super) fn base(&self) -> Result<Vec<f64>> {
            Ok(f64s(&self.0.base().map_err(Error::failed)?).collect())
        }
    }
}
