//! Why a feature has no value, and the words for it.

/// Why a feature has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There is no point in the band.
    NoPoints,
    /// Fewer points than the feature needs.
    TooFew { has: u32 },
    /// Fewer points with an error than the feature needs.
    TooFewErrors { has: u32 },
    /// All values are the same.
    Constant,
    /// Half of the values or more are the median.
    MostlyConstant,
    /// What is divided by is zero.
    DividesByZero,
    /// All points have one time.
    OneTime,
    /// One of the two parts has a single point.
    SingleInPart,
    /// Fewer than three time scales have enough pairs of points that vary more than their
    /// errors.
    NoScales,
    /// The best fit lies at the edge of what is searched.
    EdgeOfSearch,
    /// The numbers are too large or too small to compute with.
    NotFinite,
    /// No points in two bands are close enough in time.
    NoneTogether,
}

/// A number, or why there is none.
pub type Value = Result<f64, Reason>;

/// `divisor`, if it may be divided by.
///
/// # Errors
/// [`Reason::DividesByZero`].
pub fn over(divisor: f64) -> Value {
    if divisor == 0.0 { Err(Reason::DividesByZero) } else { Ok(divisor) }
}

impl Reason {
    /// The words for it. They are stable: users may select by them.
    pub fn words(self) -> String {
        let words = match self {
            Self::NoPoints => "no points",
            Self::TooFew { has } => return format!("too few points, has {has}"),
            Self::TooFewErrors { has } => {
                return format!("too few points with an error, has {has}");
            }
            Self::Constant => "constant values",
            Self::MostlyConstant => "half of the values are the same",
            Self::DividesByZero => "division by zero",
            Self::OneTime => "all points at one time",
            Self::SingleInPart => "a part of one point",
            Self::NoScales => "fewer than 3 time scales vary more than the errors",
            Self::EdgeOfSearch => "best fit at the edge of the search",
            Self::NotFinite => "numbers out of range",
            Self::NoneTogether => "no points close enough in time",
        };
        words.to_owned()
    }
}
