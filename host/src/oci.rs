//! Registries of plugins: the few endpoints of the OCI distribution protocol that are needed.
//!
//! A plugin is published as a *Wasm OCI artifact*: a manifest whose configuration says that
//! there is one component, one layer with its bytes, and annotations with name, version and
//! signature. [`Client`] talks to one registry and believes nothing of what it answers:
//! everything has a size limit, and what has a digest is checked against it.
//!
//! It knows neither projects nor trust.

mod auth;
mod client;
mod error;
mod manifest;
mod name;
mod sha256;

pub use client::{Client, ClientOptions};
pub use error::OciError;
pub use manifest::{Annotations, Content, Manifest, config_of};
pub use name::{Host, PluginName, Repository, Shelfmark, Wanted, tag_of, version_of_tag};
pub use sha256::Sha256;
