//! The catalogue: what each feature is called, what it needs, and what its columns say.

use light_curve::{Kind, Light};
use skyloom_plugin::prelude::*;

/// What can be asked for. Formulas and references stand with the functions.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    Amplitude,
    AndersonDarlingNormal,
    AutocorrelationLength,
    BeyondNStd,
    BiweightLocation,
    BiweightScale,
    Chi2,
    Cusum,
    DampedRandomWalk,
    Eta,
    EtaE,
    ExcessVariance,
    InterPercentileRange,
    InverseVonNeumann,
    Kurtosis,
    LaflerKinmanStringLength,
    LinearFit,
    LinearTrend,
    MagnitudePercentageRatio,
    MaximumSlope,
    MaximumTimeInterval,
    Mean,
    Median,
    MedianAbsoluteDeviation,
    MedianBufferRangePercentage,
    MinimumTimeInterval,
    ObservationCount,
    OtsuSplit,
    PairSlopeTrend,
    PercentAmplitude,
    PercentDifferenceMagnitudePercentile,
    ReducedChi2,
    Roms,
    Skew,
    StandardDeviation,
    StetsonI,
    StetsonJ,
    StetsonK,
    StructureFunction,
    TimeMean,
    TimeSpan,
    TimeStandardDeviation,
    WeightedMean,
}

/// What a number is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A ratio.
    One,
    /// A whole number.
    Count,
    /// The band's own unit.
    Light,
    /// The band's own unit by day.
    LightPerDay,
    Day,
}

/// A feature's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub unit: Unit,
    /// In UCD1+; `phot` at its end becomes `phot.flux` or `phot.mag`.
    pub ucd: &'static str,
    pub about: &'static str,
}

/// What a feature needs and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// The fewest points.
    pub needs: usize,
    /// Whether only points with an error count.
    pub weighs: bool,
    pub columns: &'static [Column],
}

const fn column(name: &'static str, unit: Unit, ucd: &'static str, about: &'static str) -> Column {
    Column { name, unit, ucd, about }
}

/// A feature of all points, with one column.
macro_rules! plain {
    ($needs:literal, $name:literal, $unit:ident, $ucd:literal, $about:literal) => {
        Spec {
            needs: $needs,
            weighs: false,
            columns: &[Column { name: $name, unit: Unit::$unit, ucd: $ucd, about: $about }],
        }
    };
}

/// A feature of the points with an error, with one column.
macro_rules! weighed {
    ($needs:literal, $name:literal, $unit:ident, $ucd:literal, $about:literal) => {
        Spec {
            needs: $needs,
            weighs: true,
            columns: &[Column { name: $name, unit: Unit::$unit, ucd: $ucd, about: $about }],
        }
    };
}

const LINEAR_FIT: [Column; 3] = [
    column(
        "linear_fit_slope",
        Unit::LightPerDay,
        "stat.fit.param",
        "slope of the line weighted by errors",
    ),
    column(
        "linear_fit_slope_sigma",
        Unit::LightPerDay,
        "stat.error;stat.fit.param",
        "1σ error of linear_fit_slope",
    ),
    column(
        "linear_fit_reduced_chi2",
        Unit::One,
        "stat.fit.chi2",
        "reduced χ² of the line weighted by errors",
    ),
];
const LINEAR_TREND: [Column; 3] = [
    column(
        "linear_trend",
        Unit::LightPerDay,
        "stat.fit.param",
        "slope of the line through points of equal weight",
    ),
    column(
        "linear_trend_sigma",
        Unit::LightPerDay,
        "stat.error;stat.fit.param",
        "1σ error of linear_trend",
    ),
    column(
        "linear_trend_noise",
        Unit::Light,
        "stat.stdev;phot",
        "scatter about the line through points of equal weight",
    ),
];
const OTSU_SPLIT: [Column; 4] = [
    column(
        "otsu_mean_diff",
        Unit::Light,
        "stat.mean;arith.diff;phot",
        "difference of the means of Otsu's two parts",
    ),
    column(
        "otsu_std_lower",
        Unit::Light,
        "stat.stdev;phot",
        "standard deviation of Otsu's lower part",
    ),
    column(
        "otsu_std_upper",
        Unit::Light,
        "stat.stdev;phot",
        "standard deviation of Otsu's upper part",
    ),
    column(
        "otsu_lower_to_all_ratio",
        Unit::One,
        "arith.ratio;meta.number",
        "share of points in Otsu's lower part",
    ),
];
const STRUCTURE_FUNCTION: [Column; 2] = [
    column(
        "structure_function_amplitude",
        Unit::Light,
        "src.var.amplitude;phot",
        "structure function at one year, by its power law",
    ),
    column(
        "structure_function_slope",
        Unit::One,
        "stat.fit.param",
        "exponent of the structure function's power law",
    ),
];
const DAMPED_RANDOM_WALK: [Column; 2] = [
    column(
        "drw_sigma",
        Unit::Light,
        "stat.stdev;phot",
        "long-term standard deviation of the damped random walk",
    ),
    column("drw_tau", Unit::Day, "time.scale", "damping time of the damped random walk"),
];

impl Feature {
    /// All there are.
    pub const ALL: [Self; 43] = [
        Self::Amplitude,
        Self::AndersonDarlingNormal,
        Self::AutocorrelationLength,
        Self::BeyondNStd,
        Self::BiweightLocation,
        Self::BiweightScale,
        Self::Chi2,
        Self::Cusum,
        Self::DampedRandomWalk,
        Self::Eta,
        Self::EtaE,
        Self::ExcessVariance,
        Self::InterPercentileRange,
        Self::InverseVonNeumann,
        Self::Kurtosis,
        Self::LaflerKinmanStringLength,
        Self::LinearFit,
        Self::LinearTrend,
        Self::MagnitudePercentageRatio,
        Self::MaximumSlope,
        Self::MaximumTimeInterval,
        Self::Mean,
        Self::Median,
        Self::MedianAbsoluteDeviation,
        Self::MedianBufferRangePercentage,
        Self::MinimumTimeInterval,
        Self::ObservationCount,
        Self::OtsuSplit,
        Self::PairSlopeTrend,
        Self::PercentAmplitude,
        Self::PercentDifferenceMagnitudePercentile,
        Self::ReducedChi2,
        Self::Roms,
        Self::Skew,
        Self::StandardDeviation,
        Self::StetsonI,
        Self::StetsonJ,
        Self::StetsonK,
        Self::StructureFunction,
        Self::TimeMean,
        Self::TimeSpan,
        Self::TimeStandardDeviation,
        Self::WeightedMean,
    ];

    /// What it needs and gives.
    pub fn spec(self) -> Spec {
        match self {
            Self::Amplitude => {
                plain!(1, "amplitude", Light, "src.var.amplitude;phot", "half of the range")
            }
            Self::AndersonDarlingNormal => plain!(
                4,
                "anderson_darling_normal",
                One,
                "stat.fit.goodness",
                "Anderson–Darling statistic for a normal distribution"
            ),
            Self::AutocorrelationLength => plain!(
                2,
                "autocorrelation_length",
                Count,
                "stat.correlation",
                "lag, in points, at which the autocorrelation is below 1/e"
            ),
            Self::BeyondNStd => {
                plain!(2, "beyond_n_std", One, "src.var.index", "share of points far from the mean")
            }
            Self::BiweightLocation => plain!(
                1,
                "biweight_location",
                Light,
                "stat.mean;phot",
                "Tukey's biweight location, c = 6"
            ),
            Self::BiweightScale => plain!(
                1,
                "biweight_scale",
                Light,
                "stat.stdev;phot",
                "Tukey's biweight scale, c = 9"
            ),
            Self::Chi2 => weighed!(2, "chi2", One, "stat.fit.chi2", "χ² about the weighted mean"),
            Self::Cusum => plain!(2, "cusum", One, "src.var.index", "range of the cumulative sums"),
            Self::DampedRandomWalk => Spec { needs: 5, weighs: true, columns: &DAMPED_RANDOM_WALK },
            Self::Eta => plain!(2, "eta", One, "src.var.index", "von Neumann's η"),
            Self::EtaE => {
                plain!(2, "eta_e", One, "src.var.index", "von Neumann's η for uneven times")
            }
            Self::ExcessVariance => weighed!(
                2,
                "excess_variance",
                One,
                "src.var.index",
                "variance beyond the errors, by the mean's square"
            ),
            Self::InterPercentileRange => plain!(
                1,
                "inter_percentile_range",
                Light,
                "stat.interval;phot",
                "from the quantile 0.25 to 0.75"
            ),
            Self::InverseVonNeumann => {
                plain!(2, "inverse_von_neumann", One, "src.var.index", "1/η")
            }
            Self::Kurtosis => plain!(4, "kurtosis", One, "stat.param", "excess kurtosis G₂"),
            Self::LaflerKinmanStringLength => plain!(
                2,
                "lafler_kinman_string_length",
                One,
                "src.var.index",
                "Lafler and Kinman's string length in order of time"
            ),
            Self::LinearFit => Spec { needs: 3, weighs: true, columns: &LINEAR_FIT },
            Self::LinearTrend => Spec { needs: 3, weighs: false, columns: &LINEAR_TREND },
            Self::MagnitudePercentageRatio => plain!(
                1,
                "magnitude_percentage_ratio",
                One,
                "src.var.index",
                "range of the quantiles 0.4 to 0.6 by that of 0.05 to 0.95"
            ),
            Self::MaximumSlope => plain!(
                2,
                "maximum_slope",
                LightPerDay,
                "src.var.index",
                "steepest change between neighbours in time"
            ),
            Self::MaximumTimeInterval => plain!(
                2,
                "maximum_time_interval",
                Day,
                "time.interval;stat.max",
                "longest time between neighbours"
            ),
            Self::Mean => plain!(1, "mean", Light, "stat.mean;phot", "mean"),
            Self::Median => plain!(1, "median", Light, "stat.median;phot", "median"),
            Self::MedianAbsoluteDeviation => plain!(
                1,
                "median_absolute_deviation",
                Light,
                "stat.stdev;phot",
                "median of the distances from the median"
            ),
            Self::MedianBufferRangePercentage => plain!(
                1,
                "median_buffer_range_percentage",
                One,
                "src.var.index",
                "share of points within a tenth of the amplitude of the median"
            ),
            Self::MinimumTimeInterval => plain!(
                2,
                "minimum_time_interval",
                Day,
                "time.interval;stat.min",
                "shortest time between neighbours"
            ),
            Self::ObservationCount => {
                plain!(0, "observation_count", Count, "meta.number;obs", "number of points")
            }
            Self::OtsuSplit => Spec { needs: 2, weighs: false, columns: &OTSU_SPLIT },
            Self::PairSlopeTrend => plain!(
                2,
                "pair_slope_trend",
                One,
                "src.var.index",
                "share of rising less falling steps of the last 30 points"
            ),
            Self::PercentAmplitude => plain!(
                1,
                "percent_amplitude",
                Light,
                "src.var.amplitude;phot",
                "largest distance from the median"
            ),
            Self::PercentDifferenceMagnitudePercentile => plain!(
                1,
                "percent_difference_magnitude_percentile",
                One,
                "src.var.index",
                "range of the quantiles 0.05 to 0.95 by the median"
            ),
            Self::ReducedChi2 => weighed!(
                2,
                "reduced_chi2",
                One,
                "stat.fit.chi2",
                "reduced χ² about the weighted mean"
            ),
            Self::Roms => weighed!(2, "roms", One, "src.var.index", "robust median statistic"),
            Self::Skew => plain!(3, "skew", One, "stat.asymmetry", "skewness G₁"),
            Self::StandardDeviation => {
                plain!(2, "standard_deviation", Light, "stat.stdev;phot", "standard deviation")
            }
            Self::StetsonI => weighed!(
                3,
                "stetson_i",
                One,
                "src.var.index",
                "Welch and Stetson's I over neighbours in time"
            ),
            Self::StetsonJ => weighed!(
                2,
                "stetson_j",
                One,
                "src.var.index",
                "Stetson's J over neighbours in time"
            ),
            Self::StetsonK => weighed!(2, "stetson_k", One, "src.var.index", "Stetson's K"),
            Self::StructureFunction => {
                Spec { needs: 4, weighs: true, columns: &STRUCTURE_FUNCTION }
            }
            Self::TimeMean => plain!(
                1,
                "time_mean",
                Day,
                "time.epoch;stat.mean",
                "mean time, Modified Julian date"
            ),
            Self::TimeSpan => plain!(
                1,
                "time_span",
                Day,
                "time.duration",
                "time from the first to the last point"
            ),
            Self::TimeStandardDeviation => plain!(
                2,
                "time_standard_deviation",
                Day,
                "stat.stdev;time",
                "standard deviation of the times"
            ),
            Self::WeightedMean => {
                weighed!(1, "weighted_mean", Light, "stat.mean;phot", "mean weighted by errors")
            }
        }
    }

    /// Its name in parameters and reasons.
    pub fn name(self) -> &'static str {
        match self {
            Self::DampedRandomWalk => "damped_random_walk",
            Self::LinearFit => "linear_fit",
            Self::LinearTrend => "linear_trend",
            Self::OtsuSplit => "otsu_split",
            Self::StructureFunction => "structure_function",
            single => single.spec().columns[0].name,
        }
    }

    /// What is computed unless the user names others: cheap, and nothing that tells more of
    /// the survey's cadence than of the source, but for the number of points and their span.
    pub fn default_set() -> Vec<Self> {
        vec![
            Self::Amplitude,
            Self::BeyondNStd,
            Self::Cusum,
            Self::Eta,
            Self::EtaE,
            Self::ExcessVariance,
            Self::InterPercentileRange,
            Self::Kurtosis,
            Self::LinearTrend,
            Self::MagnitudePercentageRatio,
            Self::MaximumSlope,
            Self::Mean,
            Self::Median,
            Self::MedianAbsoluteDeviation,
            Self::ObservationCount,
            Self::PercentAmplitude,
            Self::ReducedChi2,
            Self::Skew,
            Self::StandardDeviation,
            Self::StetsonJ,
            Self::StetsonK,
            Self::TimeSpan,
            Self::WeightedMean,
        ]
    }
}

impl Column {
    /// The field of this column for a band.
    pub fn field(&self, band: &str, light: &Light) -> Field {
        let data_type = if self.unit == Unit::Count { DataType::UInt32 } else { DataType::Float64 };
        let field = Field::new(format!("{band}_{}", self.name), data_type, true);
        let field = field.with_ucd(&self.ucd(light.kind));
        let field = field.with_description(&format!("{band}: {}", self.about));
        match (self.unit, &light.unit) {
            (Unit::Day, _) => field.with_unit("d"),
            (Unit::Light, Some(unit)) => field.with_unit(unit),
            (Unit::LightPerDay, Some(unit)) => field.with_unit(&per_day(unit)),
            _ => field,
        }
    }

    fn ucd(&self, kind: Kind) -> String {
        match (self.ucd.strip_suffix(";phot"), kind) {
            (Some(start), Kind::Flux) => format!("{start};phot.flux"),
            (Some(start), Kind::Magnitude) => format!("{start};phot.mag"),
            (None, _) => self.ucd.to_owned(),
        }
    }
}

/// A unit by day, in VOUnits, which have room for one stroke.
fn per_day(unit: &str) -> String {
    if unit.contains('/') { format!("({unit}).d**-1") } else { format!("{unit}/d") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_light() {
        let slope = &Feature::LinearTrend.spec().columns[0];
        let field = |unit: Option<&str>| {
            slope.field("g", &Light { kind: Kind::Flux, unit: unit.map(str::to_owned) })
        };
        assert_eq!(field(Some("uJy")).unit(), Some("uJy/d"));
        assert_eq!(field(Some("W/m**2")).unit(), Some("(W/m**2).d**-1"));
        assert_eq!(field(None).unit(), None);
        assert_eq!(field(None).name(), "g_linear_trend");
    }

    #[test]
    fn names_are_those_of_parameters() {
        let schema = skyloom_plugin::serde_json::to_value(schemars::schema_for!(Feature)).unwrap();
        let names = Feature::ALL.map(Feature::name);
        assert_eq!(schema["enum"], skyloom_plugin::serde_json::json!(names.to_vec()));
    }
}
