//! Periods of light curves.
pub mod band;
pub mod series;
pub mod rank;
pub mod alias;
pub mod fold;
pub mod shape;
pub mod doubling;
pub mod false_alarm;
