//! One file for each promise.

mod support;
mod guests;
mod main_job;
mod sdss;
mod limits;
mod wire;
mod contract;
mod check;
mod run;
mod cache;
mod replay;
mod provenance;
mod faults;
mod tidy;
