//! What may stand under `with:`.

use light_curve::BandColumn;
use skyloom_plugin::prelude::*;

use crate::feature::Feature;

/// Which colours to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Colours {
    /// `adjacent`, `all` or `none`.
    Named(NamedColours),
    /// Pairs of bands: `[[g, i], [u, r]]` gives g − i and u − r.
    Pairs(Vec<(String, String)>),
}

/// A rule that names all colours at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedColours {
    /// Each band and the next.
    Adjacent,
    /// Each band and each later one.
    All,
    /// No colours.
    None,
}

/// What becomes of the light curves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Curves {
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
    /// What to compute in each band, by name.
    #[serde(default = "Feature::default_set")]
    #[schemars(length(min = 1))]
    pub features: Vec<Feature>,
    /// Bands, from blue to red; by default all that have light curves, in the table's order.
    #[serde(default)]
    pub bands: Option<Vec<String>>,
    /// `adjacent`, `all`, `none`, or pairs of bands, the bluer one first.
    #[serde(default = "adjacent")]
    pub colours: Colours,
    /// Points in two bands make a colour if they are at most so many days apart.
    #[serde(default = "half_a_day")]
    #[schemars(range(min = 0))]
    pub match_days: f64,
    /// How many standard deviations `beyond_n_std` starts at.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    pub n_std: f64,
    /// Whether the columns of light curves are passed on: `keep` or `drop`.
    #[serde(default)]
    pub light_curves: Curves,
}

fn adjacent() -> Colours {
    Colours::Named(NamedColours::Adjacent)
}

fn half_a_day() -> f64 {
    0.5
}

fn one() -> f64 {
    1.0
}

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
        if columns.is_empty() {
            return Err(Error::param("bands", "name at least one band, or leave it out for all"));
        }
        for (index, column) in columns.iter().enumerate() {
            let band = &column.band;
            if columns[..index].iter().any(|earlier| earlier.band == *band) {
                let (param, problem) = match &self.bands {
                    Some(_) => ("bands", "is listed twice"),
                    None => ("bands", "has two columns of light curves; list the bands to use"),
                };
                return Err(Error::param(param, format!("`{band}` {problem}")));
            }
        }
        Ok(columns)
    }

    /// Indices into `columns` of each colour's two bands.
    ///
    /// # Errors
    /// When a pair names a band that is not there or one band twice, or when fluxes meet
    /// magnitudes or other units.
    pub fn pairs(&self, columns: &[BandColumn]) -> Result<Vec<(usize, usize)>> {
        let n_bands = columns.len();
        let pairs: Vec<_> = match &self.colours {
            Colours::Named(NamedColours::None) => Vec::new(),
            Colours::Named(NamedColours::Adjacent) => (1..n_bands).map(|b| (b - 1, b)).collect(),
            Colours::Named(NamedColours::All) => {
                (0..n_bands).flat_map(|a| (a + 1..n_bands).map(move |b| (a, b))).collect()
            }
            Colours::Pairs(pairs) => pairs
                .iter()
                .map(|(a, b)| Ok((place(columns, a)?, place(columns, b)?)))
                .collect::<Result<_>>()?,
        };
        for (index, &(a, b)) in pairs.iter().enumerate() {
            let (a_name, b_name) = (&columns[a].band, &columns[b].band);
            let problem = if a == b {
                format!("`{a_name}` with itself makes no colour")
            } else if pairs[..index].contains(&(a, b)) {
                format!("`{a_name}` and `{b_name}` are listed twice")
            } else if columns[a].light != columns[b].light {
                format!(
                    "`{a_name}` and `{b_name}` are not in the same unit; list pairs that are, or say `none`"
                )
            } else {
                continue;
            };
            return Err(Error::param("colours", problem));
        }
        Ok(pairs)
    }

    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn check(&self) -> Result<()> {
        if self.features.is_empty() {
            return Err(Error::param("features", "name at least one feature"));
        }
        for (index, feature) in self.features.iter().enumerate() {
            if self.features[..index].contains(feature) {
                let message = format!("`{}` is listed twice", feature.name());
                return Err(Error::param("features", message));
            }
        }
        for (name, value) in [("match-days", self.match_days), ("n-std", self.n_std)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::param(name, format!("{value} is not a number from 0 on")));
            }
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

fn place(columns: &[BandColumn], band: &str) -> Result<usize> {
    columns.iter().position(|column| column.band == band).ok_or_else(|| {
        let bands: Vec<_> = columns.iter().map(|column| column.band.as_str()).collect();
        let message = format!("`{band}` is not among the bands: {}", bands.join(", "));
        Error::param("colours", message)
    })
}
