//! Many light curves behind each other.

use crate::KernelError;

/// Light curves, laid out as Arrow lays out lists: curve `i` has the points
/// `offsets[i]..offsets[i + 1]` of each slice.
///
/// Times are in days, finite; values are finite; errors are 1σ, in the unit of the values,
/// positive and finite. [`Curves::new`] checks all of it. Points need not be sorted.
#[derive(Debug, Clone, Copy)]
pub struct Curves<'a> {
    offsets: &'a [u32],
    times: &'a [f64],
    values: &'a [f64],
    errors: Option<&'a [f64]>,
    bands: Option<&'a [u8]>,
}

/// One light curve of [`Curves`].
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    pub times: &'a [f64],
    pub values: &'a [f64],
    /// Without errors, all points weigh the same.
    pub errors: Option<&'a [f64]>,
    /// Without bands, all points are of one.
    pub bands: Option<&'a [u8]>,
}

impl<'a> Curves<'a> {
    /// # Errors
    /// When slices do not fit each other, or hold what they must not.
    pub fn new(
        offsets: &'a [u32],
        times: &'a [f64],
        values: &'a [f64],
        errors: Option<&'a [f64]>,
        bands: Option<&'a [u8]>,
    ) -> Result<Self, KernelError> {
        let wrong = |message: String| Err(KernelError::Arguments(message));
        let points = times.len();
        if offsets.first() != Some(&0)
            || offsets.last().is_none_or(|last| *last as usize != points)
            || offsets.windows(2).any(|pair| pair[0] > pair[1])
        {
            return wrong(format!(
                "the offsets must begin with 0, never fall, and end with the number of points, {points}"
            ));
        }
        let lengths = [
            ("values", Some(values.len())),
            ("errors", errors.map(<[f64]>::len)),
            ("bands", bands.map(<[u8]>::len)),
        ];
        for (what, length) in lengths {
            if let Some(length) = length.filter(|length| *length != points) {
                return wrong(format!("{length} {what} for {points} times"));
            }
        }
        if let Some(at) = times.iter().position(|time| !time.is_finite()) {
            return wrong(format!("time {at} is {}", times[at]));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return wrong(format!("value {at} is {}", values[at]));
        }
        let errors_given = errors.unwrap_or_default();
        if let Some(at) = errors_given.iter().position(|e| !(e.is_finite() && *e > 0.0)) {
            return wrong(format!("error {at} is {}, not a positive number", errors_given[at]));
        }
        Ok(Self { offsets, times, values, errors, bands })
    }

    /// The curves of `range` alone.
    pub fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self { offsets: &self.offsets[range.start..=range.end], ..*self }
    }

    /// The number of points in all curves together.
    pub fn points(&self) -> usize {
        match (self.offsets.first(), self.offsets.last()) {
            (Some(first), Some(last)) => (last - first) as usize,
            _ => 0,
        }
    }

    /// Where each curve begins, and at last the number of points.
    pub fn offsets(&self) -> &'a [u32] {
        self.offsets
    }

    /// The times of all curves.
    pub fn times(&self) -> &'a [f64] {
        self.times
    }

    /// The values of all curves.
    pub fn values(&self) -> &'a [f64] {
        self.values
    }

    /// The errors of all curves.
    pub fn errors(&self) -> Option<&'a [f64]> {
        self.errors
    }

    /// The bands of all curves' points.
    pub fn bands(&self) -> Option<&'a [u8]> {
        self.bands
    }

    /// The number of light curves.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Light curve `index`.
    pub fn get(&self, index: usize) -> Curve<'a> {
        let points = self.offsets[index] as usize..self.offsets[index + 1] as usize;
        Curve {
            times: &self.times[points.clone()],
            values: &self.values[points.clone()],
            errors: self.errors.map(|errors| &errors[points.clone()]),
            bands: self.bands.map(|bands| &bands[points]),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Curve<'a>> {
        (0..self.len()).map(|index| self.get(index))
    }
}
