//! Light curves as columns.
//!
//! A table has one row per object and one column per band. A cell is a list of points,
//! sorted by time; no points in a band and no cell are the same. So a schema says which
//! bands there are, in which units, before any data move.
//!
//! - [`column`]: which columns are light curves, and what their fields say;
//! - [`cell`]: points → cells;
//! - [`curve`]: cells → slices of numbers that may be computed with.

pub mod column;
pub mod cell;
pub mod curve;

pub use cell::{Cells, Point};
pub use column::{BandColumn, Kind, Light};
pub use curve::{Curve, Curves};

/// Bits of a point's `flags`.
pub mod flags {
    /// The value is not measured: the source is fainter than it.
    pub const UPPER_LIMIT: u8 = 1;
    /// The survey calls this point a detection.
    pub const DETECTED: u8 = 2;
}
