//! Why a feature has no value, and the words for it.

/// Why a feature has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no point.
    NoPoints,
    /// Fewer points than `needs`.
    TooFew { has: usize, needs: usize },
    /// All values are the same in every band.
    Constant,
    /// The points are not spread over time enough for one frequency of the search.
    ShortSpan,
    /// The method finds no peak.
    NoPeak,
    /// There is no period to fold with.
    NoPeriod,
    /// The phases of the points do not determine the Fourier series.
    Undetermined,
    /// No point has an error.
    NoErrors,
    /// The method finds fewer peaks than were asked for.
    FewerPeaks { has: usize },
}

impl Reason {
    /// The words for it. They are stable: users may select by them.
    pub fn words(self) -> String {
        match self {
            Self::NoPoints => "no points".to_owned(),
            Self::TooFew { has, needs } => format!("too few points, has {has}, needs {needs}"),
            Self::Constant => "constant values".to_owned(),
            Self::ShortSpan => "time span too short".to_owned(),
            Self::NoPeak => "no peak".to_owned(),
            Self::NoPeriod => "no period".to_owned(),
            Self::Undetermined => "phases do not determine the series".to_owned(),
            Self::NoErrors => "no errors".to_owned(),
            Self::FewerPeaks { has } => format!("fewer peaks, has {has}"),
        }
    }
}

/// Reasons, each with what is missing for it, as a cell: none where nothing is missing.
#[derive(Debug, Clone, Default)]
pub struct Missing(Vec<String>);

impl Missing {
    /// Everything is missing.
    pub fn all(reason: Reason) -> Self {
        Self(vec![reason.words()])
    }

    /// These features are missing.
    pub fn add(&mut self, reason: Reason, features: &str) {
        self.0.push(format!("{}: {features}", reason.words()));
    }

    pub fn words(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}
