//! What was counted, in words.

use skyloom_plugin::prelude::*;

use crate::points::Observation;
use crate::share::Share;

/// What became of the rows and points of one shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Points that were written, limits among them.
    pub points: u64,
    pub limits: u64,
    /// Points that were written without error, limits not among them: it was null, NaN,
    /// infinite, zero or negative.
    pub no_error: u64,
    /// Points whose time is null, NaN or infinite.
    pub no_time: u64,
    /// Points whose value is null, NaN or infinite, and that have no limit.
    pub no_value: u64,
    pub unknown_bands: u64,
    pub duplicates: u64,
    /// Rows of `detections` without key. Counted by the first shard.
    pub no_key: u64,
    /// Rows of `detections` whose object is not in `objects`.
    pub nobody_s: u64,
    pub first_nobody: Option<String>,
    pub objects: u64,
    pub objects_without_points: u64,
    pub objects_without_key: u64,
}

impl Tally {
    /// Counts what is written.
    pub fn note_curves(&mut self, share: &Share, observations: &[Observation]) {
        self.points = observations.len() as u64;
        self.limits = observations.iter().filter(|one| one.is_limit()).count() as u64;
        let without_error = observations.iter().filter(|one| one.error.is_nan()).count() as u64;
        self.no_error = without_error - self.limits;
        self.objects = share.len() as u64;
        let seen = observations.chunk_by(|a, b| a.object == b.object).count() as u64;
        self.objects_without_points = self.objects - seen;
        self.objects_without_key = share.without_key();
    }

    /// Tells the user.
    pub fn tell(&self, task: &Task) {
        let Self { points, limits, objects, .. } = self;
        let none = self.objects_without_points;
        task.info(&format!(
            "{points} points, {limits} of them upper limits, of {objects} objects; {none} objects have none"
        ));
        if self.no_error > 0 {
            task.info(&format!(
                "{} points have no error, or one that is not positive and finite: it is null now",
                self.no_error
            ));
        }
        if self.duplicates > 0 {
            task.info(&format!(
                "{} duplicate points were dropped; `duplicates: keep` keeps them",
                self.duplicates
            ));
        }
        let lost = [
            (self.no_key, "rows of `detections` have no key"),
            (self.no_time, "points have no finite time"),
            (self.no_value, "points have neither a finite value nor a limit"),
            (self.unknown_bands, "points are in other bands"),
        ];
        for (count, what) in lost.into_iter().filter(|(count, _)| *count > 0) {
            task.warn(&format!("{count} {what}, and were dropped"));
        }
        if let Some(key) = &self.first_nobody {
            task.warn(&format!(
                "{} rows of `detections` are of objects that are not in `objects`, and were dropped; the first is {key}",
                self.nobody_s
            ));
        }
        if self.objects_without_key > 0 {
            task.warn(&format!(
                "{} rows of `objects` have no key, and so no light curves",
                self.objects_without_key
            ));
        }
    }
}
