//! Never ends describing itself.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({ path: "../../../plugin-sdk/wit/v0.1", world: "plugin", generate_all });

use exports::skyloom::plugin::node::{
    Binding, BoundInput, Descriptor, Guest, Input, Piece, PluginError,
};
use skyloom::plugin::data::Writer;

struct SlowDescribe;
export!(SlowDescribe);

impl Guest for SlowDescribe {
    fn describe() -> Descriptor {
        let mut turns = 0_u64;
        loop {
            turns = core::hint::black_box(turns.wrapping_add(1));
        }
    }

    fn bind(_: String, _: Vec<BoundInput>) -> Result<Binding, PluginError> {
        Err(PluginError::Failed("never described".to_owned()))
    }

    fn run(_: String, _: Piece, _: Vec<Input>, _: Vec<Writer>) -> Result<(), PluginError> {
        Err(PluginError::Failed("never described".to_owned()))
    }
}
