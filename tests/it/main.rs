//! One file for each promise.

mod support;
mod guests;
mod main_job;
mod sdss;
mod light_curves;
mod limits;
mod wasi;
mod languages;
mod pages;
mod wire;
mod c_and_go;
mod interpreters;
mod contract;
mod kernels;
mod kernels_by_language;
mod scientific;
mod kit;
mod check;
mod run;
mod cache;
mod replay;
mod registry;
mod provenance;
mod faults;
mod tidy;
