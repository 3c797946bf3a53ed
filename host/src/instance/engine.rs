//! Compiling and calling components.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arrow::datatypes::Fields;
use skyloom_wire::WireField;
use wasmtime::component::{InstancePre, Linker, Resource};
use wasmtime::{Config, Store, Strategy};

use super::abi;
use super::compiled::CompiledCache;
use super::kernels;
use super::scientific::{Runtime, Scientific};
use super::store::{
    self, BlobHandle, BoundInput, Limits, ReaderHandle, RunInput, RunReport, State, Task, Watch,
    WriterHandle,
};
use super::wasi;
use super::words::{MAX_MESSAGE_BYTES, is_printable, shown};
use super::{
    Binding, ColumnError, Descriptor, GuestError, InstanceError, Passed, Port, PortKind, Purpose,
    Read, Role, Scope, TableSchema,
};
use crate::data::Digest;

/// Largest component that is compiled at all.
const MAX_COMPONENT_BYTES: usize = 64 << 20;
/// How often running guests are asked whether they may go on.
const EPOCH: Duration = Duration::from_millis(100);
/// Most runs that one node may cut its work in.
const MAX_PIECES: u32 = 100_000;

/// The WebAssembly engine; one for the process.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<State>,
    compiled: Arc<CompiledCache>,
    /// What plugins in scientific Python run in; nothing until one of them runs.
    scientific: Arc<Runtime>,
}

impl Engine {
    /// An engine that keeps compiled code below `compiled`, a folder of this user alone.
    ///
    /// # Errors
    /// When the machine cannot run the engine.
    pub fn new(compiled: &Path) -> Result<Self, InstanceError> {
        let compile_error = |error: wasmtime::Error| InstanceError::Compile(format!("{error:#}"));
        let engine = wasmtime::Engine::new(&config()).map_err(compile_error)?;
        let mut linker = Linker::new(&engine);
        store::link(&mut linker).map_err(compile_error)?;
        kernels::link(&mut linker).map_err(compile_error)?;
        keep_epochs(&engine)?;
        let compiled = Arc::new(CompiledCache::new(compiled));
        let scientific = Arc::new(Runtime::new(Arc::clone(&compiled)));
        Ok(Self { engine, linker, compiled, scientific })
    }

    /// The engine's name and version, for the run record.
    pub fn version() -> &'static str {
        "wasmtime 48.0.8"
    }

    /// Compiles `bytes`, or takes the code that an earlier run of this machine compiled,
    /// and asks the component what it is.
    ///
    /// # Errors
    /// When it is not a component, does not speak the contract, imports what plugins may
    /// not have, or describes itself wrongly.
    pub fn load(&self, bytes: &[u8]) -> Result<Component, InstanceError> {
        if bytes.len() > MAX_COMPONENT_BYTES {
            let (size, limit) = (bytes.len() >> 20, MAX_COMPONENT_BYTES >> 20);
            return Err(InstanceError::TooLarge(format!("it has {size} MiB; {limit} are allowed")));
        }
        if let Some(plugin) = Scientific::load(&self.scientific, bytes) {
            return Component::new(Code::Scientific(plugin?), Vec::new(), bytes);
        }
        if !wasmparser::Parser::is_component(bytes) {
            return Err(InstanceError::NotAComponent(what_it_is(bytes)));
        }
        let digest = Digest::of(bytes);
        let component = self.compiled.load(&self.engine, bytes, digest)?;
        let imports: Vec<_> = component
            .component_type()
            .imports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        let exports: Vec<_> = component
            .component_type()
            .exports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        if let Some(found) = imports.iter().chain(&exports).find_map(|name| other_contract(name)) {
            return Err(InstanceError::OtherContract { found });
        }
        let allowed = [abi::DATA, abi::KERNELS, abi::LOG, abi::TYPES];
        let is_known =
            |name: &String| allowed.contains(&name.as_str()) || wasi::stands_in_for(name);
        if let Some(name) = imports.iter().find(|name| !is_known(name)) {
            return Err(InstanceError::ForbiddenImport(name.clone()));
        }
        let mut linker = self.linker.clone();
        let pre = wasi::link(&mut linker, &component)
            .and_then(|()| linker.instantiate_pre(&component))
            .map_err(|error| InstanceError::WrongContract(format!("{error:#}")))?;
        Component::new(Code::Compiled { engine: self.engine.clone(), pre }, imports, bytes)
    }
}

/// Moves the epoch of `engine` on for as long as it is there.
pub(super) fn keep_epochs(engine: &wasmtime::Engine) -> Result<(), InstanceError> {
    let ticker = engine.weak();
    thread::Builder::new()
        .name("epochs".to_owned())
        .spawn(move || {
            while let Some(engine) = ticker.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(EPOCH);
            }
        })
        .map(drop)
        .map_err(|error| InstanceError::Compile(error.to_string()))
}

/// The version of the contract that an import or export speaks, if it is another than ours.
fn other_contract(name: &str) -> Option<String> {
    let (_, version) = name.strip_prefix("skyloom:plugin/")?.split_once('@')?;
    (version != abi::VERSION).then(|| version.to_owned())
}

fn what_it_is(bytes: &[u8]) -> String {
    if wasmparser::Parser::is_core_wasm(bytes) {
        "it is a core module; `skyloom plugin build` makes a component of it".to_owned()
    } else {
        "it does not begin as WebAssembly does".to_owned()
    }
}

/// `docs/architecture.md` gives the reasons.
fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_exceptions(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .gc_support(false)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(1 << 20)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    config
}

/// A plugin that can be called.
pub struct Component {
    code: Code,
    /// BLAKE3 of the component's bytes.
    pub digest: Digest,
    /// What it imports: all that it can see.
    pub imports: Vec<String>,
    descriptor: Option<Arc<Descriptor>>,
    bytes: Arc<[u8]>,
}

/// In what a plugin runs.
enum Code {
    /// In itself.
    Compiled { engine: wasmtime::Engine, pre: InstancePre<State> },
    /// In an interpreter that all its kind share.
    Scientific(Scientific),
}

impl Component {
    fn new(code: Code, imports: Vec<String>, bytes: &[u8]) -> Result<Self, InstanceError> {
        let digest = Digest::of(bytes);
        let mut loaded = Self { code, digest, imports, descriptor: None, bytes: bytes.into() };
        loaded.descriptor = Some(Arc::new(loaded.describe()?));
        Ok(loaded)
    }

    /// The component as it was loaded.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it calls the routines that the host lends.
    pub fn uses_kernels(&self) -> bool {
        self.imports.iter().any(|name| name == abi::KERNELS)
    }

    /// What it gives: the interface of the contract, in whatever it runs.
    pub fn exports(&self) -> Vec<String> {
        vec![abi::NODE.to_owned()]
    }

    /// What the plugin says about itself.
    pub fn descriptor(&self) -> &Arc<Descriptor> {
        self.descriptor.as_ref().expect("set when the component was loaded")
    }

    /// The runtime that must be installed for it, and its version; none for most plugins.
    pub fn runtime(&self) -> Option<String> {
        match &self.code {
            Code::Compiled { .. } => None,
            Code::Scientific(plugin) => Some(plugin.needs()),
        }
    }

    fn describe(&self) -> Result<Descriptor, InstanceError> {
        let limits = Limits { wall: Duration::from_secs(10), ..Limits::default() };
        let described = match &self.code {
            Code::Compiled { engine, pre } => {
                let mut store = store::open(engine, State::new(limits, Arc::default(), 1));
                let described = call::<_, abi::DescribeResult>(pre, &mut store, "describe", ());
                described.map(|(described,)| described)
            }
            Code::Scientific(plugin) => plugin.describe(limits),
        };
        to_descriptor(described.map_err(|error| match error {
            // No node can raise these.
            InstanceError::Limit(message) => {
                let (reached, _) = message.split_once(';').unwrap_or((&message, ""));
                InstanceError::Descriptor(format!("when asked for it, {reached}"))
            }
            error => error,
        })?)
    }

    /// Asks what the plugin would make of these parameters and inputs.
    ///
    /// # Errors
    /// The guest's, or that of a limit or broken contract.
    pub fn bind(
        &self,
        params: &str,
        inputs: &[(String, BoundInput)],
        limits: Limits,
        watch: Arc<Watch>,
    ) -> Result<Binding, InstanceError> {
        let bound = match &self.code {
            Code::Compiled { engine, pre } => {
                let mut store = store::open(engine, State::new(limits, watch, usize::MAX));
                let mut lowered = Vec::with_capacity(inputs.len());
                for (port, input) in inputs {
                    let shape = match input {
                        BoundInput::Table(fields) => {
                            abi::Shape::Table(store::to_abi_fields(fields))
                        }
                        BoundInput::Blob(file) => {
                            let handle = BlobHandle(Arc::clone(file));
                            abi::Shape::Blob(push(&mut store, handle)?)
                        }
                    };
                    lowered.push(abi::BoundInput { port: port.clone(), shape });
                }
                let params: abi::BindParams = (params.to_owned(), lowered);
                let (bound,) = call::<_, abi::BindResult>(pre, &mut store, "bind", params)?;
                bound.map_err(|error| InstanceError::Guest(to_guest_error(error)))?
            }
            Code::Scientific(plugin) => plugin.bind(params, inputs, limits, watch)?,
        };
        let fields: Vec<Option<&Fields>> = inputs
            .iter()
            .map(|(_, input)| match input {
                BoundInput::Table(fields) => Some(fields),
                BoundInput::Blob(_) => None,
            })
            .collect();
        to_binding(bound, &fields, self.descriptor())
    }

    /// Runs one piece of a node's work.
    ///
    /// # Errors
    /// The guest's, or that of a limit, broken contract or full disk.
    pub fn run(&self, task: Task<'_>) -> Result<RunReport, InstanceError> {
        let (engine, pre) = match &self.code {
            Code::Compiled { engine, pre } => (engine, pre),
            Code::Scientific(plugin) => return plugin.run(task),
        };
        let storage = |error: crate::data::StoreError| InstanceError::Storage(error.to_string());
        let mut store = store::open(engine, State::new(task.limits, task.watch, task.batch_rows));
        store.data_mut().lend(task.threads);
        store
            .data_mut()
            .open_outputs(&task.outputs, task.objects, task.may_cut)
            .map_err(storage)?;
        let mut inputs = Vec::with_capacity(task.inputs.len());
        let mut tables = Vec::with_capacity(task.inputs.len());
        for (index, (port, input, readable)) in task.inputs.into_iter().enumerate() {
            tables.push(match &input {
                RunInput::Table(table) => Some(Arc::clone(table)),
                RunInput::Blob(_) => None,
            });
            let content = match input {
                RunInput::Table(table) => {
                    let handle = ReaderHandle::new(index, table, readable);
                    abi::Content::Table(push(&mut store, handle)?)
                }
                RunInput::Blob(file) => abi::Content::Blob(push(&mut store, BlobHandle(file))?),
            };
            inputs.push(abi::Input { port, content });
        }
        let writers: Result<Vec<Resource<WriterHandle>>, _> =
            (0..task.outputs.len()).map(|index| push(&mut store, WriterHandle(index))).collect();
        let piece = abi::Piece { index: task.piece.0, count: task.piece.1 };
        let params: abi::RunParams = (task.params.to_owned(), piece, inputs, writers?);
        let (result,) = call::<_, abi::RunResult>(pre, &mut store, "run", params)?;
        result.map_err(|error| InstanceError::Guest(to_guest_error(error)))?;
        store.into_data().finish(&tables)
    }
}

/// Calls one export in a fresh instance.
fn call<P, R>(
    pre: &InstancePre<State>,
    store: &mut Store<State>,
    name: &str,
    params: P,
) -> Result<R, InstanceError>
where
    P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower + Send + Sync,
    R: wasmtime::component::ComponentNamedList + wasmtime::component::Lift + Send + Sync + 'static,
{
    let result = (|| {
        let instance = pre.instantiate(&mut *store)?;
        let node = instance.get_export_index(&mut *store, None, abi::NODE);
        let function = instance
            .get_export_index(&mut *store, node.as_ref(), name)
            .ok_or_else(|| InstanceError::WrongContract(format!("no export `{name}`")))?;
        let function = instance
            .get_typed_func::<P, R>(&mut *store, function)
            .map_err(|error| InstanceError::WrongContract(format!("`{name}`: {error:#}")))?;
        function.call(&mut *store, params)
    })();
    store.data_mut().end_output();
    // What the host refused comes first: the guest's own story follows from it.
    if let Some(reason) = store.data_mut().reason() {
        return Err(reason);
    }
    result.map_err(|error| failure(store.data(), error))
}

/// Why a call failed that the engine gave up.
pub(super) fn failure(state: &State, error: wasmtime::Error) -> InstanceError {
    let error = match error.downcast::<InstanceError>() {
        Ok(error) => return error,
        Err(error) => error,
    };
    let trap = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => shown(&error.root_cause().to_string(), MAX_MESSAGE_BYTES),
    };
    // The engine's error for this has no public type.
    if trap.contains("fuel allocated for hostcalls") {
        return store::too_much_at_once();
    }
    InstanceError::Trap(match state.last_words() {
        Some(words) => format!("{words} ({trap})"),
        None => trap,
    })
}

fn push<T: Send + 'static>(
    store: &mut Store<State>,
    value: T,
) -> Result<Resource<T>, InstanceError> {
    let pushed = store.data_mut().resources.push(value);
    pushed.map_err(|error| InstanceError::Limit(error.to_string()))
}

fn to_descriptor(described: abi::Descriptor) -> Result<Descriptor, InstanceError> {
    let wrong = |message: String| InstanceError::Descriptor(message);
    let is_name = |name: &str| {
        let letters =
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        letters && !name.is_empty() && name.len() <= 64
    };
    let ports = |ports: Vec<abi::Port>| -> Vec<Port> {
        let port = |port: abi::Port| Port {
            name: port.name,
            kind: match port.kind {
                abi::PortKind::Table => PortKind::Table,
                abi::PortKind::WholeTable => PortKind::WholeTable,
                abi::PortKind::Blob => PortKind::Blob,
            },
            optional: port.optional,
            description: shown(&port.description, MAX_MESSAGE_BYTES),
        };
        ports.into_iter().map(port).collect()
    };
    let (inputs, outputs) = (ports(described.inputs), ports(described.outputs));
    for ports in [&inputs, &outputs] {
        let mut names: Vec<_> = ports.iter().map(|port| &port.name).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong(format!("two ports are called `{}`", pair[0].escape_debug())));
        }
    }
    for name in inputs.iter().chain(&outputs).map(|port| &port.name).chain([&described.name]) {
        if !is_name(name) {
            let name = name.escape_debug();
            return Err(wrong(format!(
                "`{name}` is not a name of lower-case letters, digits and hyphens"
            )));
        }
    }
    if outputs.is_empty() || outputs.iter().any(|port| port.kind != PortKind::Table) {
        return Err(wrong("a plugin writes at least one table, and only tables".to_owned()));
    }
    let params: serde_json::Value = serde_json::from_str(&described.params)
        .map_err(|error| wrong(format!("its params schema is not JSON: {error}")))?;
    if let Err(error) = jsonschema::validator_for(&params) {
        return Err(wrong(format!("its params schema is not a JSON Schema: {error}")));
    }
    if semver::Version::parse(&described.version).is_err() {
        let version = shown(&described.version, 64);
        return Err(wrong(format!("`{version}` is not a semantic version")));
    }
    if !is_all_printable(&params) {
        return Err(wrong("its params schema holds control characters".to_owned()));
    }
    Ok(Descriptor {
        name: described.name,
        version: described.version,
        description: shown(&described.description, MAX_MESSAGE_BYTES),
        role: match described.role {
            abi::Role::Ingester => Role::Ingester,
            abi::Role::FeatureExtractor => Role::FeatureExtractor,
            abi::Role::Transformer => Role::Transformer,
            abi::Role::Selector => Role::Selector,
            abi::Role::Trainer => Role::Trainer,
            abi::Role::Classifier => Role::Classifier,
            abi::Role::Calibrator => Role::Calibrator,
            abi::Role::Evaluator => Role::Evaluator,
            abi::Role::Explainer => Role::Explainer,
            abi::Role::Simulator => Role::Simulator,
            abi::Role::Monitor => Role::Monitor,
        },
        scope: match described.scope {
            abi::Scope::Partition => Scope::Partition,
            abi::Scope::Whole => Scope::Whole,
        },
        inputs,
        outputs,
        params,
        citations: described.citations.iter().map(|text| shown(text, 1024)).collect(),
    })
}

/// Whether all text in `value` can be shown: messages about params quote their schema.
fn is_all_printable(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => is_printable(text),
        serde_json::Value::Array(items) => items.iter().all(is_all_printable),
        serde_json::Value::Object(entries) => {
            entries.iter().all(|(key, value)| is_printable(key) && is_all_printable(value))
        }
        _ => true,
    }
}

pub(super) fn to_guest_error(error: abi::PluginError) -> GuestError {
    let text = |text: String| shown(&text, MAX_MESSAGE_BYTES);
    let column = |error: abi::ColumnError| ColumnError {
        input: text(error.input),
        column: text(error.column),
        param: error.param.map(text),
        expected: text(error.expected),
        found: text(error.found),
    };
    match error {
        abi::PluginError::Param(error) => {
            GuestError::Param { param: text(error.param), message: text(error.message) }
        }
        abi::PluginError::MissingColumn(error) => GuestError::MissingColumn(column(error)),
        abi::PluginError::WrongType(error) => GuestError::WrongType(column(error)),
        abi::PluginError::WrongUnit(error) => GuestError::WrongUnit(column(error)),
        abi::PluginError::Data(message) => GuestError::Data(text(message)),
        abi::PluginError::Failed(message) => GuestError::Failed(text(message)),
    }
}

/// Names, units and all else about a column end up in messages.
fn is_field_printable(field: &abi::Field) -> bool {
    let pairs = field.metadata.iter();
    let mut texts = pairs.flat_map(|(key, value)| [key, value]).chain([&field.name]);
    texts.all(|text| is_printable(text))
}

/// Believes a binding once its indices and types hold together.
fn to_binding(
    bound: abi::Binding,
    inputs: &[Option<&Fields>],
    descriptor: &Descriptor,
) -> Result<Binding, InstanceError> {
    let wrong = |message: String| InstanceError::Contract(format!("its `bind`: {message}"));
    if bound.outputs.len() != descriptor.outputs.len() {
        let (found, expected) = (bound.outputs.len(), descriptor.outputs.len());
        return Err(wrong(format!("{found} outputs where the descriptor has {expected}")));
    }
    if !(1..=MAX_PIECES).contains(&bound.pieces) {
        return Err(wrong(format!("{} pieces; 1 to {MAX_PIECES} are allowed", bound.pieces)));
    }
    let column_of = |input: u32, column: u32| {
        let fields = inputs.get(input as usize).copied().flatten();
        fields.and_then(|fields| fields.get(column as usize))
    };
    let mut outputs = Vec::with_capacity(bound.outputs.len());
    for (port, table) in descriptor.outputs.iter().zip(bound.outputs) {
        let port = &port.name;
        if let Some(field) = table.fields.iter().find(|field| !is_field_printable(field)) {
            let name = field.name.escape_debug();
            let message = format!("output `{port}`: control characters in column `{name}`");
            return Err(wrong(message));
        }
        let field = |field: abi::Field| WireField {
            name: field.name,
            format: field.format,
            nullable: field.nullable,
            dictionary: field.dictionary,
            metadata: field.metadata,
            children: field.children,
        };
        let fields = skyloom_wire::build_fields(table.fields.into_iter().map(field).collect())
            .map_err(|error| wrong(format!("output `{port}`: {error}")))?;
        let mut names: Vec<_> = fields.iter().map(|field| field.name()).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong(format!("output `{port}` has two columns `{}`", pair[0])));
        }
        let mut passed = Vec::with_capacity(table.passed.len());
        for entry in table.passed {
            let pair = fields.get(entry.field as usize).zip(column_of(entry.input, entry.column));
            match pair {
                Some((out, from))
                    if out.data_type() == from.data_type()
                        && out.is_nullable() == from.is_nullable() => {}
                _ => return Err(wrong(format!("output `{port}` passes what is not there"))),
            }
            let field = entry.field as usize;
            if passed.iter().any(|other: &Passed| other.field == field) {
                let name = fields[field].name();
                return Err(wrong(format!("output `{port}` passes column `{name}` twice")));
            }
            passed.push(Passed {
                field,
                input: entry.input as usize,
                column: entry.column as usize,
            });
        }
        outputs.push(Arc::new(TableSchema { fields, passed }));
    }
    let mut reads = Vec::with_capacity(bound.reads.len());
    for read in bound.reads {
        if column_of(read.input, read.column).is_none() {
            return Err(wrong(format!("it reads column {} of input {}", read.column, read.input)));
        }
        reads.push(Read {
            input: read.input as usize,
            column: read.column as usize,
            purpose: match read.purpose {
                abi::Purpose::Feature => Purpose::Feature,
                abi::Purpose::Label => Purpose::Label,
                abi::Purpose::Key => Purpose::Key,
                abi::Purpose::Weight => Purpose::Weight,
                abi::Purpose::Value => Purpose::Value,
            },
        });
    }
    Ok(Binding { outputs, reads, pieces: bound.pieces })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_of_another_contract_are_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::new(folder.path()).unwrap();
        let check = |text: &str, expected: &str| {
            let bytes = wat::parse_str(format!("(component {text})")).unwrap();
            let Err(error) = engine.load(&bytes) else { panic!("{text} is loaded") };
            let error = error.to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check(
            r#"(import "skyloom:plugin/data@0.2.0" (instance))"#,
            "it speaks contract 0.2.0; this host speaks 0.1.0: get a newer Skyloom or an older \
             release of the plugin",
        );
        check(
            r#"(import "skyloom:plugin/log@0.0.9" (instance))"#,
            "it speaks contract 0.0.9; this host speaks 0.1.0: get a newer release of the plugin",
        );
        check(r#"(import "skyloom:plugin/types@0.1.1-rc.1" (instance))"#, "contract 0.1.1-rc.1");
        // One that imports nothing says it by what it gives.
        check(
            r#"(core module $m (func (export "describe")))
               (core instance $i (instantiate $m))
               (func $describe (canon lift (core func $i "describe")))
               (instance $node (export "describe" (func $describe)))
               (export "skyloom:plugin/node@1.0.0" (instance $node))"#,
            "it speaks contract 1.0.0",
        );
        // What is not ours is forbidden, whatever its version.
        check(r#"(import "wasi:http/types@0.2.0" (instance))"#, "which a plugin may not have");
        check(r#"(import "skyloom:plugin/data" (instance))"#, "which a plugin may not have");
        check("", "it does not speak skyloom:plugin@0.1.0");
    }
}
