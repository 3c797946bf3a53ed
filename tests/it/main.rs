//! One file for each promise.

mod support;
mod guests;
mod main_job;
mod sdss;
mod limits;
mod wasi;
mod languages;
mod wire;
mod contract;
mod kit;
mod check;
mod run;
mod cache;
mod replay;
mod provenance;
mod faults;
mod tidy;
