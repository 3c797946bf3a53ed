//! Asks WASI for all that could tell one run from another, and writes down the answers.
#![cfg(target_arch = "wasm32")]

use skyloom_plugin::prelude::*;

use wasi::cli::{environment, stderr, stdout};
use wasi::clocks::{monotonic_clock, wall_clock};
use wasi::filesystem::preopens;
use wasi::random::{insecure_seed, random};
use wasi::sockets::instance_network;

// Parts of WASI 0.2: as much as this guest calls.
wit_bindgen::generate!({
    inline: "
        package guest:curious;
        world curious {
            import wasi:cli/environment@0.2.0;
            import wasi:cli/stdout@0.2.0;
            import wasi:cli/stderr@0.2.0;
            import wasi:clocks/monotonic-clock@0.2.3;
            import wasi:clocks/wall-clock@0.2.3;
            import wasi:filesystem/preopens@0.2.0;
            import wasi:random/random@0.2.0;
            import wasi:random/insecure-seed@0.2.0;
            import wasi:sockets/instance-network@0.2.0;
        }
        package wasi:cli@0.2.0 {
            interface environment {
                get-environment: func() -> list<tuple<string, string>>;
                get-arguments: func() -> list<string>;
            }
            interface stdout {
                use wasi:io/streams@0.2.0.{output-stream};
                get-stdout: func() -> output-stream;
            }
            interface stderr {
                use wasi:io/streams@0.2.0.{output-stream};
                get-stderr: func() -> output-stream;
            }
        }
        package wasi:io@0.2.0 {
            interface error { resource error; }
            interface poll { resource pollable { block: func(); } }
            interface streams {
                use error.{error};
                variant stream-error { last-operation-failed(error), closed }
                resource output-stream {
                    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                }
            }
        }
        package wasi:clocks@0.2.3 {
            interface monotonic-clock {
                use wasi:io/poll@0.2.0.{pollable};
                now: func() -> u64;
                subscribe-duration: func(when: u64) -> pollable;
            }
            interface wall-clock {
                record datetime { seconds: u64, nanoseconds: u32 }
                now: func() -> datetime;
            }
        }
        package wasi:filesystem@0.2.0 {
            interface types { resource descriptor; }
            interface preopens {
                use types.{descriptor};
                get-directories: func() -> list<tuple<descriptor, string>>;
            }
        }
        package wasi:random@0.2.0 {
            interface random {
                get-random-bytes: func(len: u64) -> list<u8>;
                get-random-u64: func() -> u64;
            }
            interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }
        }
        package wasi:sockets@0.2.0 {
            interface network { resource network; }
            interface instance-network {
                use network.{network};
                instance-network: func() -> network;
            }
        }
    ",
    world: "guest:curious/curious",
    generate_all,
});

/// What may stand under `with:`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// A column of numbers.
    column: String,
    /// Tries to reach the network.
    #[serde(default)]
    call: bool,
}

/// The plugin.
pub struct Curious;

/// An hour, in nanoseconds.
const HOUR: u64 = 3_600_000_000_000;

impl Plugin for Curious {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "Any table with a column of numbers.")
            .output("features", "The same table, and what WASI said.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        bind.column("table", &params.column, Some("column"))?.number()?.read(Purpose::Value);
        bind.pass_all("features", "table")?;
        bind.add("features", Field::new("answers", DataType::Utf8, false))
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        if params.call {
            drop(instance_network::instance_network());
        }
        let answers = answers();
        let all = (0..batch.rows()).map(|_| Some(answers.as_str()));
        Ok(vec![Arc::new(all.collect::<StringArray>())])
    }
}

fn answers() -> String {
    let say = |stream: wasi::io::streams::OutputStream, text: &str| {
        stream.blocking_write_and_flush(text.as_bytes()).expect("there is room");
    };
    say(stdout::get_stdout(), "it is\nquiet");
    say(stderr::get_stderr(), "here\n");
    let before = monotonic_clock::now();
    monotonic_clock::subscribe_duration(HOUR).block();
    let slept = monotonic_clock::now() - before;
    let wall = wall_clock::now();
    let places = (
        environment::get_environment().len(),
        environment::get_arguments().len(),
        preopens::get_directories().len(),
    );
    format!(
        "{before} {slept} {}.{:09} {:?} {:016x} {:?} {places:?}",
        wall.seconds,
        wall.nanoseconds,
        random::get_random_bytes(3),
        random::get_random_u64(),
        insecure_seed::insecure_seed(),
    )
}

export!(Curious);
