//! Observations, gathered in any order → points of light curves, in theirs.

use std::cmp::Reverse;

use light_curve::{Cells, Point, flags};
use skyloom_plugin::prelude::*;

use crate::params::Duplicates;

/// A point, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// MJD, days; finite.
    pub time: f64,
    /// Flux or magnitude; finite.
    pub value: f64,
    /// 1σ error; NaN where there is none.
    pub error: f64,
    /// The object's place in its shard.
    pub object: u32,
    /// The band's place among the bands.
    pub band: u16,
    /// [`flags`].
    pub flags: u8,
}

impl Observation {
    /// Whether the value is an upper limit.
    pub fn is_limit(&self) -> bool {
        self.flags & flags::UPPER_LIMIT != 0
    }

    /// Whether both are of one object, in one band, at one time.
    fn is_with(&self, other: &Self) -> bool {
        (self.object, self.band) == (other.object, other.band) && self.time == other.time
    }
}

/// Sorts observations by object, band and time, and does with duplicates as told.
///
/// Those at one time are sorted by value, then error (none last), limits last, detections
/// first, so that the order in which they came does not matter; for [`Duplicates::First`] it does.
///
/// # Errors
/// The first pair of duplicates, for [`Duplicates::Error`].
pub fn settle(
    observations: &mut Vec<Observation>,
    duplicates: Duplicates,
) -> Result<(), (Observation, Observation)> {
    // Zeros of either sign are one time, and one value.
    let plain = |number: f64| number + 0.0;
    if duplicates == Duplicates::First {
        observations.sort_by(|a, b| {
            let places = (a.object, a.band).cmp(&(b.object, b.band));
            places.then_with(|| plain(a.time).total_cmp(&plain(b.time)))
        });
        observations.dedup_by(|later, first| later.is_with(first));
        return Ok(());
    }
    observations.sort_unstable_by(|a, b| {
        let places = (a.object, a.band).cmp(&(b.object, b.band));
        places
            .then_with(|| plain(a.time).total_cmp(&plain(b.time)))
            .then_with(|| plain(a.value).total_cmp(&plain(b.value)))
            .then_with(|| a.is_limit().cmp(&b.is_limit()))
            .then_with(|| a.error.total_cmp(&b.error))
            .then_with(|| Reverse(a.flags).cmp(&Reverse(b.flags)))
            // What is left are the signs of zeros.
            .then_with(|| a.time.total_cmp(&b.time))
            .then_with(|| a.value.total_cmp(&b.value))
    });
    match duplicates {
        Duplicates::Keep | Duplicates::First => {}
        Duplicates::DropExact => observations.dedup_by(|later, first| {
            later.is_with(first)
                && later.value == first.value
                && later.is_limit() == first.is_limit()
        }),
        Duplicates::Error => {
            if let Some(pair) = observations.windows(2).find(|pair| pair[0].is_with(&pair[1])) {
                return Err((pair[0], pair[1]));
            }
        }
    }
    Ok(())
}

/// Settled observations, written object by object.
pub struct Curves<'a> {
    observations: &'a [Observation],
    /// The types of the bands' columns.
    types: &'a [DataType],
}

impl<'a> Curves<'a> {
    /// A batch ends with the object in which it gets this many points, or with this many
    /// objects.
    const BATCH_POINTS: usize = 1 << 17;
    const BATCH_OBJECTS: u32 = 1 << 16;

    pub fn new(observations: &'a [Observation], types: &'a [DataType]) -> Self {
        Self { observations, types }
    }

    /// The columns of the objects in `places`, or of the first of them if they have very many
    /// points; and the place at which the next batch begins. Places come in order.
    ///
    /// # Errors
    /// As [`Cells::finish`].
    pub fn next(&mut self, places: std::ops::Range<u32>) -> Result<(u32, Vec<ArrayRef>)> {
        let mut cells = vec![Cells::default(); self.types.len()];
        let (mut place, mut points) = (places.start, 0);
        let end = places.end.min(place.saturating_add(Self::BATCH_OBJECTS));
        while place < end && points < Self::BATCH_POINTS {
            let count = self.observations.iter().take_while(|one| one.object == place).count();
            let (own, rest) = self.observations.split_at(count);
            for one in own {
                let Observation { time, value, error, flags, .. } = *one;
                cells[usize::from(one.band)].push(Point { time, value, error, flags });
            }
            cells.iter_mut().try_for_each(Cells::end)?;
            (self.observations, points, place) = (rest, points + count, place + 1);
        }
        let columns =
            cells.into_iter().zip(self.types).map(|(cells, data_type)| cells.finish(data_type));
        Ok((place, columns.collect::<Result<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(time: f64, value: f64, error: f64, flags: u8) -> Observation {
        Observation { time, value, error, object: 0, band: 0, flags }
    }

    fn settled(duplicates: Duplicates) -> Vec<(f64, f64, f64, u8)> {
        let mut points = vec![
            point(2.0, 5.0, f64::NAN, 0),
            point(1.0, 9.0, 0.5, 0),
            point(2.0, 5.0, 0.1, 0),
            point(2.0, 4.0, 0.1, 0),
            point(2.0, 5.0, f64::NAN, flags::UPPER_LIMIT),
        ];
        settle(&mut points, duplicates).unwrap();
        // NaN is equal to nothing.
        points.iter().map(|p| (p.time, p.value, p.error.max(-1.0), p.flags)).collect()
    }

    #[test]
    fn duplicates_end_as_told() {
        let (first, a, b, none) =
            ((1.0, 9.0, 0.5, 0), (2.0, 4.0, 0.1, 0), (2.0, 5.0, 0.1, 0), (2.0, 5.0, -1.0, 0));
        let limit = (2.0, 5.0, -1.0, flags::UPPER_LIMIT);
        assert_eq!(settled(Duplicates::Keep), [first, a, b, none, limit]);
        assert_eq!(settled(Duplicates::DropExact), [first, a, b, limit]);
        assert_eq!(settled(Duplicates::First), [first, none]);
        let mut points = vec![point(1.0, 1.0, 0.1, 0), point(1.0, 2.0, 0.1, 0)];
        assert!(settle(&mut points, Duplicates::Error).is_err());
        points[1].band = 1;
        assert!(settle(&mut points, Duplicates::Error).is_ok());
    }
}
