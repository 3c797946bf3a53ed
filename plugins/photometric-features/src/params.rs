//! What may stand under `with:`.

use std::collections::BTreeMap;

use skyloom_plugin::prelude::*;

/// What the bands hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// Magnitudes.
    #[default]
    Magnitude,
    /// Flux densities in nmgy, mgy, Jy, mJy, uJy or nJy, of which asinh magnitudes are made.
    Flux,
}

/// Where the bands' 1σ errors are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Errors {
    /// A pattern for the column's name, such as `{band}_err`.
    Pattern(String),
    /// Column by band; bands that are left out have no errors.
    Columns(BTreeMap<String, String>),
}

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
    /// Each band minus the next.
    Adjacent,
    /// Each band minus each later one.
    All,
    /// No colours.
    None,
}

/// A closed range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Range {
    /// The smallest value that counts.
    #[serde(default)]
    pub min: Option<f64>,
    /// The largest value that counts.
    #[serde(default)]
    pub max: Option<f64>,
}

impl Range {
    /// Both ends, infinite where open.
    pub fn ends(self) -> (f64, f64) {
        (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY))
    }
}

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The columns of the bands, from blue to red: a colour is the bluer minus the redder.
    #[schemars(length(min = 1, max = 255))]
    pub bands: Vec<String>,
    /// What the bands hold.
    #[serde(default)]
    pub input: InputKind,
    /// Where the bands' 1σ errors are: a pattern such as `{band}_err`, or a column by band.
    #[serde(default)]
    pub errors: Option<Errors>,
    /// `adjacent`, `all`, `none`, or pairs of bands.
    #[serde(default = "adjacent")]
    pub colours: Colours,
    /// Adds `<band>_missing` for each band, and `bands_missing`, their number.
    #[serde(default = "yes")]
    pub masks: bool,
    /// Values outside of this range count as missing, in the bands' own unit.
    #[serde(default)]
    pub valid: Option<Range>,
    /// For fluxes, softening b by band, in units of the flux of magnitude 0. Bands that end
    /// in u, g, r, i or z after nothing or `_` default to that of SDSS.
    #[serde(default)]
    pub softening: BTreeMap<String, f64>,
    /// For fluxes, the flux of magnitude 0 by band, in the band's own unit. Defaults to AB:
    /// 3631 Jy.
    #[serde(default)]
    pub zero_points: BTreeMap<String, f64>,
}

fn adjacent() -> Colours {
    Colours::Named(NamedColours::Adjacent)
}

fn yes() -> bool {
    true
}

impl Params {
    /// Indices into `bands` of each colour's two bands.
    ///
    /// # Errors
    /// When a pair names a band that is not listed, or one band twice.
    pub fn pairs(&self) -> Result<Vec<(usize, usize)>> {
        let n_bands = self.bands.len();
        match &self.colours {
            Colours::Named(NamedColours::None) => Ok(Vec::new()),
            Colours::Named(NamedColours::Adjacent) => {
                Ok((1..n_bands).map(|b| (b - 1, b)).collect())
            }
            Colours::Named(NamedColours::All) => {
                Ok((0..n_bands).flat_map(|a| (a + 1..n_bands).map(move |b| (a, b))).collect())
            }
            Colours::Pairs(pairs) => {
                let pair = |(a, b): &(String, String)| match (
                    self.band("colours", a)?,
                    self.band("colours", b)?,
                ) {
                    (a, b) if a == b => {
                        let band = &self.bands[a];
                        Err(Error::param("colours", format!("`{band}` minus itself is no colour")))
                    }
                    pair => Ok(pair),
                };
                pairs.iter().map(pair).collect()
            }
        }
    }

    /// The column of each band's error, where there is one.
    ///
    /// # Errors
    /// When a pattern lacks `{band}`, or a band is not listed.
    pub fn error_columns(&self) -> Result<Vec<Option<String>>> {
        match &self.errors {
            None => Ok(vec![None; self.bands.len()]),
            Some(Errors::Pattern(pattern)) if !pattern.contains("{band}") => {
                let message = format!(
                    "`{pattern}` gives all bands one column; write `{{band}}` in it, such as `{{band}}_err`"
                );
                Err(Error::param("errors", message))
            }
            Some(Errors::Pattern(pattern)) => {
                Ok(self.bands.iter().map(|band| Some(pattern.replace("{band}", band))).collect())
            }
            Some(Errors::Columns(columns)) => {
                columns.keys().try_for_each(|band| self.band("errors", band).map(|_| ()))?;
                Ok(self.bands.iter().map(|band| columns.get(band).cloned()).collect())
            }
        }
    }

    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn check(&self) -> Result<()> {
        if self.bands.is_empty() {
            return Err(Error::param("bands", "name at least one band"));
        }
        for (index, band) in self.bands.iter().enumerate() {
            if self.bands[..index].contains(band) {
                return Err(Error::param("bands", format!("`{band}` is listed twice")));
            }
        }
        for (name, map) in [("softening", &self.softening), ("zero-points", &self.zero_points)] {
            for (band, value) in map {
                self.band(name, band)?;
                if !(value.is_finite() && *value > 0.0) {
                    return Err(Error::param(
                        name,
                        format!("{value} for `{band}` is not a positive number"),
                    ));
                }
            }
            if self.input == InputKind::Magnitude && !map.is_empty() {
                return Err(Error::param(
                    name,
                    "is for fluxes: say `input: flux`, or leave it out",
                ));
            }
        }
        match self.valid.unwrap_or_default().ends() {
            (min, max) if min > max => {
                Err(Error::param("valid", format!("nothing is above {min} and below {max}")))
            }
            _ => Ok(()),
        }
    }

    fn band(&self, param: &str, name: &str) -> Result<usize> {
        self.bands.iter().position(|band| band == name).ok_or_else(|| {
            let bands = self.bands.join(", ");
            Error::param(param, format!("`{name}` is not among the bands: {bands}"))
        })
    }
}
