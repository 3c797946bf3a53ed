//! Write a Skyloom plugin in Rust.
//!
//! A plugin is a type that implements [`Plugin`], handed to [`export!`]:
//!
//! ```
#![doc = include_str!("../examples/square/src/lib.rs")]
//! ```
//!
//! In the order a run walks through it:
//!
//! - [`descriptor`]: what the plugin says about itself;
//! - [`bind`]: parameters and input schemas in, output schemas out;
//! - [`data`]: batches pulled, batches emitted;
//! - [`kernels`]: heavy routines that the host lends;
//! - [`error`]: what can go wrong, and where;
//! - `export`: the only module that knows the component model.

pub mod descriptor;
pub mod bind;
pub mod data;
pub mod kernels;
pub mod error;
#[doc(hidden)]
pub mod export;

mod plugin;

pub use arrow_array;
pub use arrow_buffer;
pub use arrow_schema;
pub use serde_json;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use wit_bindgen;

pub use plugin::{Plugin, Task};

/// What nearly every plugin needs.
pub mod prelude {
    pub use std::sync::Arc;

    pub use arrow_array::{
        self, Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
        StringArray,
    };
    pub use arrow_schema::{DataType, Field, FieldRef, Fields};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};

    pub use crate::bind::{Bind, FieldExt, Purpose};
    pub use crate::data::{Batch, Blob, Keep, Numbers, Reader, Writer};
    pub use crate::descriptor::{Descriptor, Role, Scope};
    pub use crate::error::{Error, Result};
    pub use crate::plugin::{Plugin, Task};
    pub use crate::{descriptor, export};
}
