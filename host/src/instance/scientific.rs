//! Plugins in Python with NumPy, SciPy, scikit-learn and pandas.
//!
//! Such a plugin is a file of sources ([`package`]). They run in one interpreter, the same for
//! all, that every machine installs once ([`runtime`]). It sees stand-ins for a world
//! ([`preview1`]), and talks to the host through one door ([`door`]), behind which are the
//! functions that components have. Each call is in a fresh instance, given the memory that
//! importing the plugin left ([`image`]).

mod door;
mod guest;
mod image;
mod package;
mod preview1;
mod runtime;

pub(crate) use runtime::folder as runtime_folder;
pub(crate) use runtime::{INSTALL_RUNTIME, RUNTIME, Runtime};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use wasmtime::Store;
use wasmtime::component::Resource;

use super::InstanceError;
use super::abi;
use super::engine;
use super::store::{
    self, BlobHandle, BoundInput, Limits, ReaderHandle, RunInput, RunReport, State, Task, Watch,
    WriterHandle,
};
use crate::data::Digest;
use door::{Answer, Door, Input};
use guest::{Entry, Guest};
use image::Image;
use package::Package;
use preview1::Files;

/// The source that the interpreter begins with, of those in the package.
const BOOT: &str = "skyloom/boot.py";
const START: &str = "import _host\n\
    exec(compile(_host.call(b'{\"op\": \"boot\"}'), 'skyloom/boot.py', 'exec'))\n";
const SERVE: &str = "from skyloom import driver\ndriver.serve()\n";
/// Time for imports, which are many.
const START_WALL: Duration = Duration::from_secs(300);

/// The file of a plugin made of these sources, which are called by their paths.
pub fn pack(sources: BTreeMap<String, String>) -> Vec<u8> {
    Package { runtime: runtime::name(), sources }.encode()
}

/// A plugin in scientific Python.
pub(super) struct Scientific {
    runtime: Arc<Runtime>,
    package: Arc<Package>,
    digest: Digest,
    image: Mutex<Option<Arc<Image>>>,
}

impl Scientific {
    /// The plugin in `module`; none if it is of another kind.
    ///
    /// # Errors
    /// When it is damaged, or needs a runtime that this host does not drive.
    pub(super) fn load(
        runtime: &Arc<Runtime>,
        module: &[u8],
    ) -> Option<Result<Self, InstanceError>> {
        let package = match Package::decode(module)? {
            Ok(package) => package,
            Err(error) => return Some(Err(InstanceError::NotAComponent(error.to_string()))),
        };
        let (wanted, driven) = (&package.runtime, runtime::name());
        if *wanted != driven {
            return Some(Err(InstanceError::Runtime(format!(
                "it needs {} {} (protocol {}, BLAKE3 {}…), and this host drives {} {} (protocol {}, BLAKE3 {}…); build it again with this host, or use the host that it was built with",
                wanted.name.escape_debug(),
                wanted.version.escape_debug(),
                wanted.protocol,
                wanted.blake3.chars().take(12).collect::<String>().escape_debug(),
                driven.name,
                driven.version,
                driven.protocol,
                &driven.blake3[..12],
            ))));
        }
        Some(Ok(Self {
            runtime: Arc::clone(runtime),
            package: Arc::new(package),
            digest: Digest::of(module),
            image: Mutex::new(None),
        }))
    }

    /// What it needs, in words.
    pub(super) fn needs(&self) -> String {
        let runtime = &self.package.runtime;
        format!("{} {}", runtime.name, runtime.version)
    }

    /// What it says about itself: as it said when it was first asked on this machine.
    pub(super) fn describe(&self, limits: Limits) -> Result<abi::Descriptor, InstanceError> {
        let kept = format!("{}.descriptor", self.digest);
        if let Some(bytes) = self.runtime.compiled().kept(&kept)
            && let Ok(descriptor) = serde_json::from_slice(&bytes)
        {
            return Ok(descriptor);
        }
        let image = self.image()?;
        let state = State::new(limits, Arc::default(), 1);
        let (described, _) = self.call(&image, state, self.door(json!({"call": "describe"})))?;
        let bytes = described.to_string();
        let descriptor = understood("describe", described)?;
        self.runtime.compiled().keep(&kept, bytes.as_bytes());
        Ok(descriptor)
    }

    pub(super) fn bind(
        &self,
        params: &str,
        inputs: &[(String, BoundInput)],
        limits: Limits,
        watch: Arc<Watch>,
    ) -> Result<abi::Binding, InstanceError> {
        let image = self.image()?;
        let mut state = State::new(limits, watch, usize::MAX);
        let (mut shapes, mut connected) = (Vec::new(), Vec::new());
        for (port, input) in inputs {
            match input {
                BoundInput::Table(fields) => {
                    shapes.push(json!({"port": port, "fields": store::to_abi_fields(fields)}));
                    connected.push(Input::Schema);
                }
                BoundInput::Blob(file) => {
                    shapes.push(json!({"port": port, "blob": [file.name(), file.size]}));
                    connected.push(Input::Blob(push(&mut state, BlobHandle(Arc::clone(file)))?));
                }
            }
        }
        let request = json!({"call": "bind", "params": params, "inputs": shapes});
        let door = self.door(request).connect(connected, Vec::new());
        let (bound, _) = self.call(&image, state, door)?;
        understood("bind", bound)
    }

    pub(super) fn run(&self, task: Task<'_>) -> Result<RunReport, InstanceError> {
        let image = self.image()?;
        let mut state = State::new(task.limits, task.watch, task.batch_rows);
        state
            .open_outputs(&task.outputs, task.objects, task.may_cut)
            .map_err(|error| InstanceError::Storage(error.to_string()))?;
        let (mut shapes, mut connected) = (Vec::new(), Vec::new());
        let mut tables = Vec::with_capacity(task.inputs.len());
        for (index, (port, input, readable)) in task.inputs.into_iter().enumerate() {
            match input {
                RunInput::Table(table) => {
                    tables.push(Some(Arc::clone(&table)));
                    let rows = table.rows();
                    let reader = ReaderHandle::new(index, table, readable);
                    let fields = store::to_abi_fields(&reader.fields());
                    shapes.push(json!({"port": port, "fields": fields, "rows": rows}));
                    let reader = push(&mut state, reader)?;
                    connected.push(Input::Table { reader, batch: None });
                }
                RunInput::Blob(file) => {
                    tables.push(None);
                    shapes.push(json!({"port": port, "blob": [file.name(), file.size]}));
                    connected.push(Input::Blob(push(&mut state, BlobHandle(file))?));
                }
            }
        }
        let (mut outputs, mut writers) = (Vec::new(), Vec::new());
        for (index, schema) in task.outputs.iter().enumerate() {
            let source = schema.passed.first().map(|passed| passed.input);
            outputs.push(json!({"fields": state.new_fields(index), "source": source}));
            writers.push(push(&mut state, WriterHandle(index))?);
        }
        let request = json!({
            "call": "run",
            "params": task.params,
            "piece": [task.piece.0, task.piece.1],
            "inputs": shapes,
            "outputs": outputs,
        });
        let door = self.door(request).connect(connected, writers);
        let (_, state) = self.call(&image, state, door)?;
        state.finish(&tables)
    }

    fn door(&self, request: Value) -> Door {
        Door::new(Arc::clone(&self.package), request)
    }

    /// Asks the driver, in a fresh interpreter that has imported the plugin.
    fn call(
        &self,
        image: &Image,
        state: State,
        door: Door,
    ) -> Result<(Value, State), InstanceError> {
        let ready = self.runtime.ready()?;
        let files = Files::new(ready.library()?);
        on_deep_stack(|| {
            let mut guest = Guest { state, files, door };
            guest.state.wasi = image.wasi();
            let mut store = Store::new(&ready.engine, guest);
            let ended = Entry::new(&ready, &mut store).and_then(|entry| {
                image.apply(&entry, &mut store)?;
                entry.turn(&mut store, SERVE)
            });
            let answer = answer_of(store.data_mut(), ended)?;
            Ok((answer, store.into_data().state))
        })
    }

    /// The interpreter that has imported the plugin; whoever asks first waits for it.
    fn image(&self) -> Result<Arc<Image>, InstanceError> {
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = &*image {
            return Ok(Arc::clone(image));
        }
        let made = Arc::new(self.start()?);
        *image = Some(Arc::clone(&made));
        Ok(made)
    }

    fn start(&self) -> Result<Image, InstanceError> {
        let ready = self.runtime.ready()?;
        let files = Files::new(ready.library()?);
        let limits = Limits { wall: START_WALL, ..Limits::default() };
        let fresh = || {
            let state = State::new(limits, Arc::default(), 1);
            let guest = Guest { state, files: files.clone(), door: self.door(Value::Null) };
            Store::new(&ready.engine, guest)
        };
        on_deep_stack(|| {
            let mut store = fresh();
            let mut entry = None;
            let ended = Entry::new(&ready, &mut store)
                .and_then(|made| entry.insert(made).turn(&mut store, START));
            answer_of(store.data_mut(), ended)?;
            let warm = entry.expect("it has answered");
            let mut other = fresh();
            let cold = Entry::new(&ready, &mut other)
                .map_err(|error| engine::failure(&other.data().state, error))?;
            let world = store.data().state.wasi.clone();
            Ok(Image::new(cold.memory.data(&other), warm.memory.data(&store), world))
        })
    }
}

/// What came of a call: what the host refused comes first, for the guest's own story follows
/// from it.
fn answer_of(guest: &mut Guest, ended: wasmtime::Result<bool>) -> Result<Value, InstanceError> {
    if let Some(reason) = guest.state.reason() {
        return Err(reason);
    }
    ended.map_err(|error| engine::failure(&guest.state, error))?;
    match guest.door.take_answer() {
        Some(Answer::Ok(value)) => Ok(value),
        Some(Answer::Error(error)) => {
            let error: abi::PluginError = understood("error", error)?;
            Err(InstanceError::Guest(engine::to_guest_error(error)))
        }
        None => Err(InstanceError::Trap(match guest.state.last_words() {
            Some(words) => words.to_owned(),
            None => "it ended without an answer".to_owned(),
        })),
    }
}

fn understood<T: serde::de::DeserializeOwned>(
    what: &str,
    value: Value,
) -> Result<T, InstanceError> {
    serde_json::from_value(value)
        .map_err(|error| InstanceError::Contract(format!("its `{what}`: {error}")))
}

fn push<T: Send + 'static>(state: &mut State, value: T) -> Result<Resource<T>, InstanceError> {
    state.resources.push(value).map_err(|error| InstanceError::Limit(error.to_string()))
}

/// The interpreter recurses deeper than the stacks of the host's threads allow.
fn on_deep_stack<T: Send>(
    does: impl FnOnce() -> Result<T, InstanceError> + Send,
) -> Result<T, InstanceError> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("python".to_owned());
        let thread = builder.stack_size(runtime::THREAD_BYTES).spawn_scoped(scope, does);
        let thread = thread.map_err(|error| InstanceError::Compile(error.to_string()))?;
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
