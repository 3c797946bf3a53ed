//! One file for each promise.

mod support;
mod guests;
mod main_job;
mod sdss;
mod limits;
mod wire;
