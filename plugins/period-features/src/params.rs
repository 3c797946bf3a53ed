//! What may stand under `with:`.

use light_curve::BandColumn;
use skyloom_plugin::kernels::{Frequencies, Search};
use skyloom_plugin::prelude::*;

use crate::shape::Convention;

/// How periods are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A sine and a floating mean (Zechmeister & Kürster 2009), for each band its own.
    #[default]
    LombScargle,
    /// The entropy of the value, given the phase (Graham et al. 2013).
    ConditionalEntropy,
    /// The scatter in bins of phase (Stellingwerf 1978).
    PhaseDispersion,
}

/// What makes one of the candidates the best.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// How well a Fourier series of the order `harmonics` fits there.
    #[default]
    Series,
    /// What the method says.
    Method,
}

/// What becomes of the light curves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LightCurves {
    /// They are passed on.
    #[default]
    Keep,
    /// They are not: the table gets small.
    Drop,
}

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Bands; by default all that have light curves, in the table's order.
    #[serde(default)]
    pub bands: Option<Vec<String>>,
    /// Whether all bands share one period, or each has its own.
    #[serde(default = "yes")]
    pub combine: bool,
    /// `lomb-scargle`, `conditional-entropy` or `phase-dispersion`.
    #[serde(default)]
    pub method: Method,
    /// `series` takes the candidate at which a Fourier series fits best, `method` the first.
    #[serde(default)]
    pub rank: Rank,
    /// How many periods to give.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 20))]
    pub periods: usize,
    /// How many peaks of the method to look at, at least `periods`.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    pub candidates: usize,
    /// The least frequency, in cycles per day; by default half a step of the
    /// search: one cycle in 2 · `samples-per-peak` time spans.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub min_frequency: Option<f64>,
    /// The greatest frequency, in cycles per day.
    #[serde(default = "ten_a_day")]
    pub max_frequency: f64,
    /// Frequencies in the width of a peak, which is one over the time span.
    #[serde(default = "five")]
    pub samples_per_peak: f64,
    /// The order of the Fourier series.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 10))]
    pub harmonics: usize,
    /// Whether phases are those of `cosine` or `sine` series.
    #[serde(default)]
    pub phases: Convention,
    /// Curves with fewer points have no period.
    #[serde(default = "ten")]
    #[schemars(range(min = 3))]
    pub min_points: usize,
    /// What is added in quadrature to every error, in the unit of the values: surveys' errors leave
    /// out what is common to a night.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub systematic_error: f64,
    /// What the names of the columns of all bands together begin with.
    #[serde(default)]
    pub name: String,
    /// Whether the columns of light curves are passed on: `keep` or `drop`.
    #[serde(default)]
    pub light_curves: LightCurves,
}

fn yes() -> bool {
    true
}

fn three() -> usize {
    3
}

fn four() -> usize {
    4
}

fn ten() -> usize {
    10
}

fn five() -> f64 {
    5.0
}

fn ten_a_day() -> f64 {
    10.0
}

/// Kernels tell bands by a byte.
const MOST_BANDS: usize = 255;

impl Params {
    /// The columns of light curves to use, in order, of those among `fields`.
    ///
    /// # Errors
    /// When there is none, or a band is not there, twice there or listed twice.
    pub fn columns(&self, fields: &Fields) -> Result<Vec<BandColumn>> {
        let all = BandColumn::all(fields);
        if all.is_empty() {
            return Err(Error::data(
                "input `table` has no column of light curves: lists of points with `time`, and `flux` and `flux_err` or `mag` and `mag_err`",
            ));
        }
        let columns = match &self.bands {
            None => all,
            Some(bands) => bands.iter().map(|band| find(&all, band)).collect::<Result<Vec<_>>>()?,
        };
        if !(1..=MOST_BANDS).contains(&columns.len()) {
            let message = format!("{} bands are not between 1 and {MOST_BANDS}", columns.len());
            return Err(Error::param("bands", message));
        }
        for (index, column) in columns.iter().enumerate() {
            let band = &column.band;
            if columns[..index].iter().any(|earlier| earlier.band == *band) {
                let problem = match &self.bands {
                    Some(_) => "is listed twice",
                    None => "has two columns of light curves; list the bands to use",
                };
                return Err(Error::param("bands", format!("`{band}` {problem}")));
            }
        }
        Ok(columns)
    }

    /// Which columns are searched together.
    pub fn groups(&self, n_columns: usize) -> Vec<Vec<usize>> {
        if self.combine {
            vec![(0..n_columns).collect()]
        } else {
            (0..n_columns).map(|column| vec![column]).collect()
        }
    }

    /// What the kernels are asked for.
    pub fn search(&self) -> Search {
        let frequencies = Frequencies::Auto {
            samples_per_peak: self.samples_per_peak,
            minimum: self.min_frequency,
            maximum: self.max_frequency,
        };
        let peaks = match self.rank {
            Rank::Series => self.candidates.max(self.periods),
            Rank::Method => self.periods,
        };
        Search { frequencies, peaks }
    }

    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn check(&self) -> Result<()> {
        for (name, number, range) in [
            ("periods", self.periods, 1..=20),
            ("candidates", self.candidates, 1..=100),
            ("harmonics", self.harmonics, 1..=10),
        ] {
            if !range.contains(&number) {
                let message =
                    format!("{number} is not between {} and {}", range.start(), range.end());
                return Err(Error::param(name, message));
            }
        }
        if self.min_points < 3 {
            return Err(Error::param("min-points", format!("{} is below 3", self.min_points)));
        }
        for (name, number) in
            [("max-frequency", self.max_frequency), ("samples-per-peak", self.samples_per_peak)]
        {
            if !(number.is_finite() && number > 0.0) {
                return Err(Error::param(name, format!("{number} is not a positive number")));
            }
        }
        let minimum = self.min_frequency.unwrap_or_default();
        for (name, number) in
            [("min-frequency", minimum), ("systematic-error", self.systematic_error)]
        {
            if !(number.is_finite() && number >= 0.0) {
                return Err(Error::param(name, format!("{number} is not a number from 0 on")));
            }
        }
        if minimum >= self.max_frequency {
            let message = format!("{minimum} is not below `max-frequency`, {}", self.max_frequency);
            return Err(Error::param("min-frequency", message));
        }
        Ok(())
    }
}

fn find(all: &[BandColumn], band: &str) -> Result<BandColumn> {
    let mut found = all.iter().filter(|column| column.band == band);
    let Some(column) = found.next() else {
        let bands: Vec<_> = all.iter().map(|column| column.band.as_str()).collect();
        let message = format!("no light curves in `{band}`; there are {}", bands.join(", "));
        return Err(Error::param("bands", message));
    };
    match found.next() {
        None => Ok(column.clone()),
        Some(other) => {
            let message = format!(
                "`{band}` is the band of both `{}` and `{}`; drop one of them before",
                column.column, other.column
            );
            Err(Error::param("bands", message))
        }
    }
}
