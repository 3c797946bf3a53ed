//! Would call other machines, which plugins do not get to do.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    inline: "
        package guest:caller;
        world greedy {
            include skyloom:plugin/plugin@0.1.0;
            import wasi:http/outgoing-handler@0.2.0;
        }
        package wasi:http@0.2.0 {
            interface outgoing-handler { handle: func(request: string) -> string; }
        }
    ",
    path: "../../../plugin-sdk/wit/v0.1",
    world: "guest:caller/greedy",
    generate_all,
});

use exports::skyloom::plugin::node::{
    Binding, BoundInput, Descriptor, Guest, Input, Piece, PluginError,
};
use skyloom::plugin::data::Writer;

struct Caller;
export!(Caller);

impl Guest for Caller {
    fn describe() -> Descriptor {
        panic!("{}", wasi::http::outgoing_handler::handle("home"))
    }

    fn bind(_: String, _: Vec<BoundInput>) -> Result<Binding, PluginError> {
        Err(PluginError::Failed("never loaded".to_owned()))
    }

    fn run(_: String, _: Piece, _: Vec<Input>, _: Vec<Writer>) -> Result<(), PluginError> {
        Err(PluginError::Failed("never loaded".to_owned()))
    }
}
