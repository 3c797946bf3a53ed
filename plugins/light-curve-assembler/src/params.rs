//! What may stand under `with:`.

use std::collections::BTreeMap;

use light_curve::Kind;
use skyloom_plugin::prelude::*;

/// What the numbers in the time column count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TimeSystem {
    /// `mjd` or `jd`.
    Named(NamedTimeSystem),
    /// Days to add for MJD: 49999.5 for JD − 2450000.
    Offset(f64),
}

/// A way to count days that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedTimeSystem {
    /// Modified Julian date.
    Mjd,
    /// Julian date.
    Jd,
}

impl TimeSystem {
    /// Days to add for MJD.
    pub fn offset_day(self) -> f64 {
        match self {
            Self::Named(NamedTimeSystem::Mjd) => 0.0,
            Self::Named(NamedTimeSystem::Jd) => -2_400_000.5,
            Self::Offset(offset_day) => offset_day,
        }
    }
}

/// The bands, and what stands for them in the band column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Bands {
    /// In the order of the output's columns.
    List(Vec<BandEntry>),
    /// Band by value, in the order of the values: integers by size, before text.
    Map(BTreeMap<String, String>),
}

/// One or several bands of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BandEntry {
    /// The value in the band column is the band's name.
    Name(String),
    /// Band by value.
    Values(BTreeMap<String, String>),
}

impl Bands {
    /// Value in the band column and name of the band, in order.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        fn of_map(map: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
            let mut pairs: Vec<_> =
                map.iter().map(|(value, band)| (value.as_str(), band.as_str())).collect();
            pairs.sort_by_key(|(value, _)| value.parse::<i64>().map_or((true, 0), |n| (false, n)));
            pairs
        }
        match self {
            Self::Map(map) => of_map(map),
            Self::List(entries) => entries
                .iter()
                .flat_map(|entry| match entry {
                    BandEntry::Name(name) => vec![(name.as_str(), name.as_str())],
                    BandEntry::Values(map) => of_map(map),
                })
                .collect(),
        }
    }

    /// The names of the bands, each once, in order.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (_, name) in self.pairs() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// Where the zero point is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ZeroPoint {
    /// One for all points, in magnitudes.
    Number(f64),
    /// A column of magnitudes.
    Column(String),
}

/// What becomes of points whose band is none of `bands`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownBands {
    /// Stop, and name the value.
    #[default]
    Error,
    /// Leave them out, and count them.
    Ignore,
}

/// What becomes of points of one object in one band at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    /// Of points with the same value, the one with the smallest error stays: they are one
    /// measurement, told several times, as alerts do with earlier detections.
    #[default]
    DropExact,
    /// All stay.
    Keep,
    /// The first in the table stays, whatever the values are.
    First,
    /// Stop, and name the object.
    Error,
}

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column of `detections` that says which object was observed: integers or text.
    pub key: String,
    /// The column of `objects` with the same, if it has another name.
    #[serde(default)]
    pub object_key: Option<String>,
    /// The column of times, in days.
    pub time: String,
    /// What the times count: `mjd`, `jd`, or the days to add for MJD, such as 49999.5 for
    /// JD − 2450000. The time scale stays what it is.
    #[serde(default = "mjd")]
    pub time_system: TimeSystem,
    /// The column that says in which band: integers or text. Without it, `bands` has one
    /// band, or each band has its own columns, named with `{band}`.
    #[serde(default)]
    pub band: Option<String>,
    /// The bands, in the order of the output's columns: `[u, g]` where the band column says
    /// so, `[{1: g}, {2: r}]` or `{1: g, 2: r}` where it says something else.
    pub bands: Bands,
    /// The column of fluxes. Either this or `mag`.
    #[serde(default)]
    pub flux: Option<String>,
    /// The column of magnitudes. Either this or `flux`.
    #[serde(default)]
    pub mag: Option<String>,
    /// The column of 1σ errors, in the unit of the values.
    #[serde(default)]
    pub error: Option<String>,
    /// A column that says whether a point is a detection: truth values, or numbers of which
    /// 0 is no detection.
    #[serde(default)]
    pub detected: Option<String>,
    /// The column of limits, in the unit of the values. Where the value is missing, the
    /// limit stands in its place, marked as upper limit.
    #[serde(default)]
    pub upper_limit: Option<String>,
    /// For fluxes, the AB magnitude of flux 1: they become nJy. For magnitudes, what to add
    /// to them. A number or a column.
    #[serde(default)]
    pub zero_point: Option<ZeroPoint>,
    /// The unit of the values, in VOUnits, where their column does not say it.
    #[serde(default)]
    pub unit: Option<String>,
    /// What becomes of points whose band is none of `bands`.
    #[serde(default)]
    pub unknown_bands: UnknownBands,
    /// What becomes of points of one object in one band at one time.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// In how many shards to work. Each holds its share of the points in memory, some 50
    /// bytes each, and reads the table again. Results do not depend on it.
    #[serde(default = "default_shards")]
    #[schemars(range(min = 1, max = 4096))]
    pub shards: u32,
}

fn mjd() -> TimeSystem {
    TimeSystem::Named(NamedTimeSystem::Mjd)
}

fn default_shards() -> u32 {
    8
}

impl Params {
    /// The column of `objects` that is the key.
    pub fn object_key(&self) -> &str {
        self.object_key.as_ref().unwrap_or(&self.key)
    }

    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn check(&self) -> Result<()> {
        let pairs = self.bands.pairs();
        if pairs.is_empty() {
            return Err(Error::param("bands", "name at least one band"));
        }
        if pairs.len() > 1000 {
            return Err(Error::param("bands", format!("{} are more than 1000", pairs.len())));
        }
        for (index, (value, band)) in pairs.iter().enumerate() {
            if band.is_empty() {
                return Err(Error::param("bands", format!("value `{value}` has an empty name")));
            }
            if pairs[..index].iter().any(|(other, _)| other == value) {
                return Err(Error::param("bands", format!("`{value}` is listed twice")));
            }
        }
        if !self.time_system.offset_day().is_finite() {
            return Err(Error::param("time-system", "is not a finite number of days"));
        }
        if let Some(ZeroPoint::Number(zero_point)) = self.zero_point
            && !(-1000.0..=1000.0).contains(&zero_point)
        {
            return Err(Error::param("zero-point", format!("{zero_point} is no magnitude")));
        }
        if !(1..=4096).contains(&self.shards) {
            return Err(Error::param("shards", format!("{} is not in 1 to 4096", self.shards)));
        }
        self.value().map(|_| ())
    }

    /// What the values are, the parameter that says so, and their column.
    ///
    /// # Errors
    /// When there is no such parameter, or two.
    pub fn value(&self) -> Result<(Kind, &'static str, &String)> {
        match (&self.flux, &self.mag) {
            (Some(column), None) => Ok((Kind::Flux, "flux", column)),
            (None, Some(column)) => Ok((Kind::Magnitude, "mag", column)),
            (None, None) => Err(Error::param("flux", "name a column here, or in `mag`")),
            (Some(_), Some(_)) => Err(Error::param("mag", "stands beside `flux`; keep one")),
        }
    }
}

#[cfg(test)]
mod tests {
    use skyloom_plugin::serde_json;

    use super::*;

    #[test]
    fn bands_keep_an_order() {
        let pairs = |bands: &str| {
            let bands: Bands = serde_json::from_str(bands).unwrap();
            let pairs = bands.pairs().into_iter().map(|(value, band)| format!("{value}={band}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(pairs(r#"["u", "g"]"#), "u=u g=g");
        assert_eq!(pairs(r#"[{"2": "r"}, {"1": "g"}, "i"]"#), "2=r 1=g i=i");
        assert_eq!(pairs(r#"{"10": "y", "2": "r", "x": "z"}"#), "2=r 10=y x=z");
    }
}
