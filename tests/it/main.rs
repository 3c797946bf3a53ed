//! One file for each promise.

mod support;
mod main_job;
