//! Asks for the clock, which plugins do not get.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    inline: "
        package guest:clock;
        world greedy {
            include skyloom:plugin/plugin@0.1.0;
            import wasi:clocks/monotonic-clock@0.2.0;
        }
        package wasi:clocks@0.2.0 {
            interface monotonic-clock { now: func() -> u64; }
        }
    ",
    path: "../../../plugin-sdk/wit/v0.1",
    world: "guest:clock/greedy",
    generate_all,
});

use exports::skyloom::plugin::node::{
    Binding, BoundInput, Descriptor, Guest, Input, Piece, PluginError,
};
use skyloom::plugin::data::Writer;

struct Clock;
export!(Clock);

impl Guest for Clock {
    fn describe() -> Descriptor {
        panic!("{}", wasi::clocks::monotonic_clock::now())
    }

    fn bind(_: String, _: Vec<BoundInput>) -> Result<Binding, PluginError> {
        Err(PluginError::Failed("never loaded".to_owned()))
    }

    fn run(_: String, _: Piece, _: Vec<Input>, _: Vec<Writer>) -> Result<(), PluginError> {
        Err(PluginError::Failed("never loaded".to_owned()))
    }
}
