//! Stand-ins for WASI 0.2, for components whose language's runtime asks for it.
//!
//! There is no world outside: a clock that counts its readers, a fixed stream in place of
//! chance, no arguments, no environment, no files, no sockets. Console goes to the plugin's log.
//! A function that is not here ends the run when it is called. None of this tells one machine
//! from another, so what a plugin gives depends on its inputs alone.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};
use wasmtime::{StoreContextMut, bail};

use super::store::State;

/// Packages whose interfaces have stand-ins.
const PACKAGES: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
/// Most bytes that are written or drawn in one call.
const MOST_BYTES: u64 = 64 << 10;
/// Longest line of output that is kept together.
const MOST_LINE_BYTES: usize = 4096;

/// Whether there are stand-ins for this import.
pub(super) fn stands_in_for(import: &str) -> bool {
    let Some((interface, version)) = import.split_once('@') else { return false };
    PACKAGES.iter().any(|package| interface.starts_with(package)) && version.starts_with("0.2.")
}

/// Adds stand-ins for what `component` imports.
///
/// # Errors
/// When the component's types are not those of WASI.
pub(super) fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (import, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(item) = item.ty else { continue };
        if !stands_in_for(import) {
            continue;
        }
        // Under the very version that is asked for: the functions have not changed since 0.2.0.
        let interface = import.split('@').next().unwrap_or(import);
        let mut instance = linker.instance(import)?;
        match interface {
            "wasi:cli/environment" => environment(&mut instance)?,
            "wasi:cli/exit" => exit(&mut instance)?,
            "wasi:cli/stdin" => stream(&mut instance, "get-stdin", || Input)?,
            "wasi:cli/stdout" => stream(&mut instance, "get-stdout", || Console::Output)?,
            "wasi:cli/stderr" => stream(&mut instance, "get-stderr", || Console::Error)?,
            "wasi:cli/terminal-stdin" => none::<Terminal>(&mut instance, "get-terminal-stdin")?,
            "wasi:cli/terminal-stdout" => none::<Screen>(&mut instance, "get-terminal-stdout")?,
            "wasi:cli/terminal-stderr" => none::<Screen>(&mut instance, "get-terminal-stderr")?,
            "wasi:clocks/monotonic-clock" => monotonic_clock(&mut instance)?,
            "wasi:clocks/wall-clock" => wall_clock(&mut instance)?,
            "wasi:filesystem/preopens" => preopens(&mut instance)?,
            "wasi:io/error" => io_error(&mut instance)?,
            "wasi:io/poll" => poll(&mut instance)?,
            "wasi:io/streams" => streams(&mut instance)?,
            "wasi:random/random" => random(&mut instance, "get-random-bytes", "get-random-u64")?,
            "wasi:random/insecure" => {
                random(&mut instance, "get-insecure-random-bytes", "get-insecure-random-u64")?;
            }
            "wasi:random/insecure-seed" => insecure_seed(&mut instance)?,
            _ => {}
        }
        for (name, item) in item.exports(&engine) {
            refuse(&mut instance, import, name, &item.ty);
        }
    }
    Ok(())
}

/// Ends the run when something is called that has no stand-in. What has one is left alone: a
/// name cannot be given twice.
fn refuse(instance: &mut Instance<'_>, interface: &str, name: &str, item: &ComponentItem) {
    match item {
        ComponentItem::ComponentFunc(_) => {
            let called = format!("{interface}#{name}");
            drop(instance.func_new(name, move |_, _, _, _| {
                bail!("it calls `{called}`, and a plugin has no world outside its inputs")
            }));
        }
        ComponentItem::Resource(_) => drop(named_resource(instance, name)),
        _ => {}
    }
}

/// The resource of this name: interfaces that use one of another's have it, too.
fn named_resource(instance: &mut Instance<'_>, name: &str) -> wasmtime::Result<()> {
    match name {
        "error" => resource::<Failure>(instance, name),
        "pollable" => resource::<Pollable>(instance, name),
        "input-stream" => resource::<Input>(instance, name),
        "output-stream" => resource::<Console>(instance, name),
        "descriptor" => resource::<Descriptor>(instance, name),
        "terminal-input" => resource::<Terminal>(instance, name),
        "terminal-output" => resource::<Screen>(instance, name),
        _ => resource::<Nothing>(instance, name),
    }
}

/// What a guest has seen of the stand-ins.
#[derive(Clone)]
pub(crate) struct Wasi {
    /// The time, nanoseconds since 1970.
    pub(super) now_ns: u64,
    random: u64,
    /// Lines that have not ended, of output and errors.
    lines: [Vec<u8>; 2],
}

/// The epoch J2000, taken as UTC, in nanoseconds since 1970.
pub(super) const J2000_NS: u64 = 946_728_000_000_000_000;

impl Default for Wasi {
    fn default() -> Self {
        Self { now_ns: J2000_NS, random: 0, lines: Default::default() }
    }
}

impl Wasi {
    /// The time; a microsecond goes by whenever somebody looks.
    pub(super) fn now(&mut self) -> u64 {
        self.now_ns += 1000;
        self.now_ns
    }

    /// The sequence SplitMix64 of Steele, Lea and Flood (2014,
    /// doi:10.1145/2660193.2660195), seed 0.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Adds output; what is a whole line now.
    pub(super) fn write(&mut self, output: Console, bytes: &[u8]) -> Vec<String> {
        let line = &mut self.lines[output as usize];
        let mut whole = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() >= MOST_LINE_BYTES {
                whole.push(String::from_utf8_lossy(&std::mem::take(line)).into_owned());
            }
        }
        whole
    }

    /// Lines that will not end any more.
    pub(super) fn rest(&mut self) -> Vec<(Console, String)> {
        let outputs = [Console::Output, Console::Error].into_iter();
        let rest = outputs.zip(self.lines.iter_mut().map(std::mem::take));
        rest.filter(|(_, line)| !line.is_empty())
            .map(|(output, line)| (output, String::from_utf8_lossy(&line).into_owned()))
            .collect()
    }
}

/// Standard output or error, as a stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Console {
    Output,
    Error,
}

/// Standard input, which is at its end.
struct Input;
/// A moment that is waited for.
struct Pollable {
    due_ns: u64,
}
/// None of these is ever made.
struct Failure;
struct Descriptor;
struct Terminal;
struct Screen;
struct Nothing;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    Failed(Resource<Failure>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl From<u64> for Datetime {
    fn from(ns: u64) -> Self {
        Self { seconds: ns / 1_000_000_000, nanoseconds: (ns % 1_000_000_000) as u32 }
    }
}

type Instance<'a> = LinkerInstance<'a, State>;
type Context<'a> = StoreContextMut<'a, State>;

fn resource<T: Send + 'static>(instance: &mut Instance<'_>, name: &str) -> wasmtime::Result<()> {
    instance.resource(name, ResourceType::host::<T>(), |mut store, rep| {
        drop(store.data_mut().resources.delete(Resource::<T>::new_own(rep))?);
        Ok(())
    })
}

fn stream<T: Send + 'static>(
    instance: &mut Instance<'_>,
    name: &str,
    make: fn() -> T,
) -> wasmtime::Result<()> {
    instance.func_wrap(name, move |mut store: Context<'_>, ()| {
        Ok((store.data_mut().resources.push(make())?,))
    })
}

fn none<T: Send + 'static>(instance: &mut Instance<'_>, name: &str) -> wasmtime::Result<()> {
    instance.func_wrap(name, |_: Context<'_>, ()| Ok((None::<Resource<T>>,)))
}

fn environment(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    let none: fn(Context<'_>, ()) -> _ = |_, ()| Ok((Vec::<(String, String)>::new(),));
    instance.func_wrap("get-environment", none)?;
    let none: fn(Context<'_>, ()) -> _ = |_, ()| Ok((Vec::<String>::new(),));
    instance.func_wrap("get-arguments", none)?;
    instance.func_wrap("initial-cwd", |_: Context<'_>, ()| Ok((None::<String>,)))
}

fn exit(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    instance.func_wrap("exit", |_: Context<'_>, (status,): (Result<(), ()>,)| {
        let end = if status.is_ok() { "success" } else { "failure" };
        let ended: wasmtime::Result<()> = Err(wasmtime::format_err!("it exited with {end}"));
        ended
    })
}

fn monotonic_clock(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    instance.func_wrap("now", |mut store: Context<'_>, ()| Ok((store.data_mut().wasi.now(),)))?;
    instance.func_wrap("resolution", |_: Context<'_>, ()| Ok((1000_u64,)))?;
    instance.func_wrap("subscribe-instant", |mut store: Context<'_>, (due_ns,): (u64,)| {
        Ok((store.data_mut().resources.push(Pollable { due_ns })?,))
    })?;
    instance.func_wrap("subscribe-duration", |mut store: Context<'_>, (wait_ns,): (u64,)| {
        let due_ns = store.data().wasi.now_ns.saturating_add(wait_ns);
        Ok((store.data_mut().resources.push(Pollable { due_ns })?,))
    })
}

fn wall_clock(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    instance.func_wrap("now", |mut store: Context<'_>, ()| {
        Ok((Datetime::from(store.data_mut().wasi.now()),))
    })?;
    instance.func_wrap("resolution", |_: Context<'_>, ()| Ok((Datetime::from(1000),)))
}

fn preopens(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    let none: fn(Context<'_>, ()) -> _ =
        |_, ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),));
    instance.func_wrap("get-directories", none)
}

fn io_error(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    instance
        .func_wrap("[method]error.to-debug-string", |_: Context<'_>, _: (Resource<Failure>,)| {
            Ok((String::new(),))
        })
}

/// Who waits goes on at once, and the clock has moved on.
fn poll(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    instance.func_wrap(
        "[method]pollable.ready",
        |store: Context<'_>, (pollable,): (Resource<Pollable>,)| {
            let state = store.data();
            Ok((state.resources.get(&pollable)?.due_ns <= state.wasi.now_ns,))
        },
    )?;
    instance.func_wrap(
        "[method]pollable.block",
        |mut store: Context<'_>, (pollable,): (Resource<Pollable>,)| {
            let state = store.data_mut();
            let due_ns = state.resources.get(&pollable)?.due_ns;
            state.wasi.now_ns = state.wasi.now_ns.max(due_ns);
            Ok(())
        },
    )?;
    instance.func_wrap(
        "poll",
        |mut store: Context<'_>, (pollables,): (Vec<Resource<Pollable>>,)| {
            let state = store.data_mut();
            let due = |pollable: &Resource<Pollable>| Ok(state.resources.get(pollable)?.due_ns);
            let due: Vec<u64> = pollables.iter().map(due).collect::<wasmtime::Result<_>>()?;
            let Some(&first) = due.iter().min() else { bail!("it waits for nothing") };
            state.wasi.now_ns = state.wasi.now_ns.max(first);
            let now_ns = state.wasi.now_ns;
            let ready = (0_u32..).zip(due).filter(|(_, due)| *due <= now_ns);
            Ok((ready.map(|(index, _)| index).collect::<Vec<_>>(),))
        },
    )
}

fn streams(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        instance.func_wrap(name, |_: Context<'_>, _: (Resource<Input>, u64)| {
            Ok((Err::<Vec<u8>, _>(StreamError::Closed),))
        })?;
    }
    for name in ["[method]input-stream.skip", "[method]input-stream.blocking-skip"] {
        instance.func_wrap(name, |_: Context<'_>, _: (Resource<Input>, u64)| {
            Ok((Err::<u64, _>(StreamError::Closed),))
        })?;
    }
    let at_once =
        |mut store: Context<'_>| Ok((store.data_mut().resources.push(Pollable { due_ns: 0 })?,));
    instance.func_wrap(
        "[method]input-stream.subscribe",
        move |store: Context<'_>, _: (Resource<Input>,)| at_once(store),
    )?;
    instance.func_wrap(
        "[method]output-stream.subscribe",
        move |store: Context<'_>, _: (Resource<Console>,)| at_once(store),
    )?;
    instance.func_wrap(
        "[method]output-stream.check-write",
        |_: Context<'_>, _: (Resource<Console>,)| Ok((Ok::<_, StreamError>(MOST_BYTES),)),
    )?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        instance.func_wrap(
            name,
            |mut store: Context<'_>, (output, bytes): (Resource<Console>, Vec<u8>)| {
                let state = store.data_mut();
                let output = *state.resources.get(&output)?;
                for line in state.wasi.write(output, &bytes) {
                    state.print(output, &line);
                }
                Ok((Ok::<_, StreamError>(()),))
            },
        )?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        instance.func_wrap(name, |_: Context<'_>, _: (Resource<Console>,)| {
            Ok((Ok::<_, StreamError>(()),))
        })?;
    }
    Ok(())
}

fn random(instance: &mut Instance<'_>, bytes: &str, word: &str) -> wasmtime::Result<()> {
    instance.func_wrap(bytes, |mut store: Context<'_>, (length,): (u64,)| {
        if length > MOST_BYTES {
            bail!("it asks for {length} random bytes at once; {MOST_BYTES} are allowed");
        }
        let words = (0..length.div_ceil(8)).map(|_| store.data_mut().wasi.random().to_le_bytes());
        let mut bytes: Vec<u8> = words.flatten().collect();
        bytes.truncate(length as usize);
        Ok((bytes,))
    })?;
    instance.func_wrap(word, |mut store: Context<'_>, ()| Ok((store.data_mut().wasi.random(),)))
}

fn insecure_seed(instance: &mut Instance<'_>) -> wasmtime::Result<()> {
    instance.func_wrap("insecure-seed", |mut store: Context<'_>, ()| {
        let wasi = &mut store.data_mut().wasi;
        Ok(((wasi.random(), wasi.random()),))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_interfaces_of_0_2_have_stand_ins_and_others_not() {
        for import in ["wasi:clocks/wall-clock@0.2.0", "wasi:io/streams@0.2.6"] {
            assert!(stands_in_for(import), "{import}");
        }
        for import in [
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:clocks/wall-clock@0.3.0",
            "wasi:clocks/wall-clock",
            "skyloom:plugin/data@0.1.0",
        ] {
            assert!(!stands_in_for(import), "{import}");
        }
    }

    #[test]
    fn output_is_cut_in_lines() {
        let mut wasi = Wasi::default();
        assert_eq!(wasi.write(Console::Output, b"one\ntw"), ["one"]);
        assert_eq!(wasi.write(Console::Error, b"no\n"), ["no"]);
        assert_eq!(wasi.write(Console::Output, b"o\n\nthree"), ["two", ""]);
        assert_eq!(
            wasi.rest().iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(),
            ["three"]
        );
        assert_eq!(wasi.write(Console::Output, &[b'x'; MOST_LINE_BYTES + 1]).len(), 1);
    }

    #[test]
    fn chance_is_the_sequence_that_it_says() {
        // The first values for seed 0, as in the reference code of the authors.
        let mut wasi = Wasi::default();
        let drawn = [wasi.random(), wasi.random(), wasi.random()];
        assert_eq!(drawn, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    }
}
