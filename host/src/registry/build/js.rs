//! Packages in JavaScript, with componentize-qjs: QuickJS, an interpreter, and a picture of its
//! memory once the modules are loaded.
//!
//! The engine asks for the time and for chance when it starts, and keeps both in that memory: the
//! bytes would be others each time. So it is taken out of the builder, is made to answer itself
//! what it would ask of WASI ([`settled`]), and is handed back to the builder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, Function, FunctionSection, GlobalSection, ImportSection, Module, ValType,
};
use wasmparser::{Import, Parser, Payload, TypeRef};

use super::super::RegistryError;
use super::component::WIT;
use super::{Package, tools};

const TOOL: &str = "componentize-qjs";
const VERSION: &str = "0.4.5";
const INSTALL: &str = "npm install -g componentize-qjs@0.4.5";

macro_rules! sdk {
    ($($path:literal),* $(,)?) => {
        [$((
            concat!("node_modules/skyloom/", $path),
            include_str!(concat!("../../../../plugin-sdk/js/", $path)),
        )),*]
    };
}

/// The SDK, where modules look for packages.
pub(super) const SDK: [(&str, &str); 11] = sdk![
    "bind.js",
    "column.js",
    "data.js",
    "errors.js",
    "guest.js",
    "index.js",
    "package.json",
    "params.js",
    "plugin.js",
    "schema.js",
    "text.js",
];
const ENTRY: (&str, &str) =
    ("skyloom-entry.js", include_str!("../../../../plugin-sdk/js/entry.js"));

/// Builds the package.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let tool = tools::need(package, &[TOOL], INSTALL)?;
    let builder = Builder::behind(package, &tool)?;
    let folder = package.work.join("js");
    let mut files = SDK.to_vec();
    files.push(ENTRY);
    tools::write_sdk(&folder, &files)?;
    for (path, bytes) in sources(package)? {
        super::write(&folder.join(path), &bytes)?;
    }
    tools::write_sdk(&folder.join("wit"), &WIT)?;
    let engine = builder.engine(package)?;
    super::write(&folder.join("engine.wasm"), &engine)?;
    let output = Command::new(&tool)
        .current_dir(&folder)
        .args(["--runtime", "engine.wasm", "--module-root", "."])
        .args(["--wit", "wit", "--world", "plugin", "--js", ENTRY.0, "--output", "out.wasm"])
        .stdin(Stdio::null())
        .output()
        .map_err(|source| RegistryError::Io { path: tool.clone(), source })?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let said = words_of(&String::from_utf8_lossy(&said));
        return Err(RegistryError::Build(format!("`{}` does not compile:\n{said}", package.name)));
    }
    let path = folder.join("out.wasm");
    fs::read(&path).map_err(|source| RegistryError::Io { path, source })
}

/// What the engine said, out of what the builder says around it.
fn words_of(said: &str) -> String {
    let error = said.split_once("Error: ").map_or(said, |(_, error)| error);
    let error = error.trim_start_matches([':', ' ']);
    let error = error.strip_prefix("Failed to evaluate user JavaScript module: ").unwrap_or(error);
    let error = error.strip_prefix("Failed to finish JavaScript module evaluation: ");
    error.unwrap_or_else(|| said.trim()).trim().replace("(/", "(")
}

/// The package's files, and the packages that its `package.json` depends on.
fn sources(package: &Package) -> Result<Vec<(String, Vec<u8>)>, RegistryError> {
    let mut sources = super::files(&package.folder, &[])?;
    if !sources.iter().any(|(path, _)| path == "plugin.js") {
        return Err(RegistryError::Build(format!(
            "`{}` has no plugin.js, whose default export is the plugin",
            package.name
        )));
    }
    let mut wanted = dependencies(&package.folder);
    let mut taken: Vec<String> = Vec::new();
    while let Some(name) = wanted.pop() {
        if name == "skyloom" || taken.contains(&name) {
            continue;
        }
        let folder = package.folder.join("node_modules").join(&name);
        if !folder.is_dir() {
            return Err(RegistryError::Build(format!(
                "`{}` depends on `{name}`, which is not in its node_modules; type `npm install` in {}",
                package.name,
                package.folder.display()
            )));
        }
        wanted.extend(dependencies(&folder));
        let inside = |(path, bytes)| (format!("node_modules/{name}/{path}"), bytes);
        sources.extend(super::files(&folder, &[])?.into_iter().map(inside));
        taken.push(name);
    }
    Ok(sources)
}

fn dependencies(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("package.json")).unwrap_or_default();
    let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
    let listed = manifest["dependencies"].as_object();
    listed.into_iter().flat_map(|listed| listed.keys().cloned()).collect()
}

/// The npm package behind the tool.
struct Builder {
    folder: PathBuf,
}

impl Builder {
    fn behind(package: &Package, tool: &Path) -> Result<Self, RegistryError> {
        let real = tool.canonicalize();
        let real = real.map_err(|source| RegistryError::Io { path: tool.to_owned(), source })?;
        let manifest = |folder: &Path| -> Option<Value> {
            let text = fs::read_to_string(folder.join("package.json")).ok()?;
            serde_json::from_str(&text).ok().filter(|found: &Value| found["name"] == TOOL)
        };
        let mut around = real.ancestors().filter_map(|folder| Some((folder, manifest(folder)?)));
        let found = around.next();
        match &found {
            Some((folder, manifest)) if manifest["version"] == VERSION => {
                Ok(Self { folder: folder.to_path_buf() })
            }
            found => {
                let version = found.as_ref().and_then(|(_, manifest)| manifest["version"].as_str());
                let version = version.unwrap_or("not of npm");
                // Another version makes other bytes.
                let wanted = format!("`{TOOL}` {VERSION} ({} is {version})", tool.display());
                Err(tools::missing(package, &wanted, INSTALL))
            }
        }
    }

    /// QuickJS as the builder carries it, with its clocks and its chance settled.
    fn engine(&self, package: &Package) -> Result<Vec<u8>, RegistryError> {
        let pattern = |folder: &Path| {
            folder.join("@andreiltd/componentize-qjs-binding-*/*.node").display().to_string()
        };
        let beside = self.folder.parent().unwrap_or(&self.folder);
        let within = self.folder.join("node_modules");
        let found = [beside, &within].iter().find_map(|folder| {
            glob::glob(&pattern(folder)).ok().and_then(|mut found| found.next()?.ok())
        });
        let Some(path) = found else {
            return Err(RegistryError::Build(format!(
                "`{TOOL}` lacks the part for this machine; type `{INSTALL}`"
            )));
        };
        let library = fs::read(&path).map_err(|source| RegistryError::Io { path, source })?;
        let engine = modules(&library).into_iter().filter(|module| is_engine(module));
        // There are two: for speed and for size.
        let engine = engine.max_by_key(|module| module.len());
        let engine = engine.ok_or("its engine is not found".to_owned()).and_then(|engine| {
            settled(engine).map_err(|error| format!("its engine cannot be read: {error}"))
        });
        engine.map_err(|error| package.failed(&format!("{TOOL}: {error}")))
    }
}

/// The core modules that lie in `library`, one after the other or apart.
fn modules(library: &[u8]) -> Vec<&[u8]> {
    const HEAD: &[u8] = b"\0asm\x01\0\0\0";
    let starts = library.windows(HEAD.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == HEAD).map(|(start, _)| start);
    starts.map(|start| &library[start..start + length(&library[start..])]).collect()
}

/// How far a module reaches: to the last section that can follow those before it.
fn length(bytes: &[u8]) -> usize {
    let mut end = 8;
    while let Some((id, rest)) = bytes[end..].split_first()
        && *id <= 13
        && !bytes[end..].starts_with(b"\0asm")
        && let Some((size, width)) = size(rest)
        && size > 0
        && end + 1 + width + size <= bytes.len()
    {
        end += 1 + width + size;
    }
    end
}

/// A number as modules write it, and how many bytes it takes.
fn size(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Whether it is QuickJS without what asynchronous components need.
fn is_engine(module: &[u8]) -> bool {
    let (mut loads, mut waits) = (false, false);
    for payload in Parser::new(0).parse_all(module) {
        let Ok(payload) = payload else { return false };
        let Payload::ImportSection(imports) = payload else { continue };
        for import in imports.into_imports() {
            let Ok(import) = import else { return false };
            loads |= import.module == "local:init/module-loader";
            waits |= import.name.contains("waitable") || import.name.starts_with("[task");
        }
    }
    loads && !waits
}

/// `engine`, which answers itself what it would ask of WASI, and imports nothing of it.
fn settled(engine: &[u8]) -> Result<Vec<u8>, String> {
    let mut settling = Settling::of(engine).map_err(|error| error.to_string())?;
    let mut module = Module::new();
    settling.parse_core_module(&mut module, Parser::new(0), engine).map_err(|e| e.to_string())?;
    Ok(module.finish())
}

/// What the engine hears when it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Two numbers, always the same.
    Seed,
    /// Nanoseconds: a microsecond more than last time.
    Count,
    /// The same as seconds and nanoseconds, from 1970.
    Moment,
    /// A list of nothing: no variables, no folders.
    Empty,
    /// None, or the first of all handles, which is never used.
    Zero,
    /// That is done.
    Done,
    /// Whoever asks this does what no plugin can do: the run ends.
    Never,
}

impl Answer {
    fn to(interface: &str, name: &str) -> Self {
        match (interface, name) {
            ("wasi:random/insecure-seed", "insecure-seed") => Self::Seed,
            ("wasi:clocks/monotonic-clock", "now") => Self::Count,
            ("wasi:clocks/wall-clock", "now") => Self::Moment,
            ("wasi:cli/environment", "get-environment" | "get-arguments")
            | ("wasi:filesystem/preopens", "get-directories") => Self::Empty,
            (_, "get-stdin" | "get-stdout" | "get-stderr") => Self::Zero,
            (_, "get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr") => Self::Zero,
            (_, "reset_adapter_state") => Self::Done,
            (_, name) if name.starts_with("[resource-drop]") => Self::Done,
            _ => Self::Never,
        }
    }

    /// The body of a function that answers; `ticks` is the global that counts.
    fn function(self, returns: bool, ticks: u32) -> Function {
        let memory = |offset| wasm_encoder::MemArg {
            offset,
            align: 2,
            target: wasm_encoder::MemArgTarget::Memory(0),
            ordering: None,
        };
        let mut function = Function::new([]);
        let mut body = function.instructions();
        if matches!(self, Self::Count | Self::Moment) {
            body.global_get(ticks).i64_const(1000).i64_add().global_set(ticks);
        }
        match self {
            Self::Seed => {
                body.local_get(0).i64_const(1).i64_store(memory(0));
                body.local_get(0).i64_const(2).i64_store(memory(8));
            }
            Self::Count => {
                body.global_get(ticks);
            }
            Self::Moment => {
                let second = 1_000_000_000;
                body.local_get(0).global_get(ticks).i64_const(second).i64_div_u();
                body.i64_store(memory(0));
                body.local_get(0).global_get(ticks).i64_const(second).i64_rem_u();
                body.i32_wrap_i64().i32_store(memory(8));
            }
            // Where a list of nothing lies does not matter, but it is not at 0.
            Self::Empty => {
                body.local_get(0).i32_const(8).i32_store(memory(0));
                body.local_get(0).i32_const(0).i32_store(memory(4));
            }
            Self::Zero if returns => {
                body.i32_const(0);
            }
            Self::Zero => {
                body.local_get(0).i32_const(0).i32_store(memory(0));
            }
            Self::Done => {}
            Self::Never => {
                body.unreachable();
            }
        }
        body.end();
        function
    }
}

/// Goes through a module: functions of its own take the places of those that it imports of WASI.
#[derive(Default)]
struct Settling {
    /// Each import that is answered: its index, its type, how, and whether it gives a value.
    asked: Vec<(u32, u32, Answer, bool)>,
    /// How many functions and globals the module has.
    functions: u32,
    globals: u32,
}

impl Settling {
    fn of(engine: &[u8]) -> Result<Self, wasmparser::BinaryReaderError> {
        let (mut found, mut returns) = (Self::default(), Vec::new());
        for payload in Parser::new(0).parse_all(engine) {
            match payload? {
                Payload::TypeSection(types) => {
                    for kind in types.into_iter_err_on_gc_types() {
                        returns.push(!kind?.results().is_empty());
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        found.see(&import?, &returns);
                    }
                }
                Payload::FunctionSection(section) => found.functions += section.count(),
                Payload::GlobalSection(section) => found.globals += section.count(),
                _ => {}
            }
        }
        Ok(found)
    }

    fn see(&mut self, import: &Import<'_>, returns: &[bool]) {
        match import.ty {
            TypeRef::Func(kind) => {
                if is_wasi(import.module) {
                    let interface = import.module.split('@').next().unwrap_or_default();
                    let answer = Answer::to(interface, import.name);
                    self.asked.push((self.functions, kind, answer, returns[kind as usize]));
                }
                self.functions += 1;
            }
            TypeRef::Global(_) => self.globals += 1,
            _ => {}
        }
    }
}

fn is_wasi(module: &str) -> bool {
    module.starts_with("wasi:") || module == "wasi_snapshot_preview1"
}

impl Reencode for Settling {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        let (own, gone) = (self.functions - self.asked.len() as u32, &self.asked);
        let place = gone.partition_point(|(import, ..)| *import < index);
        let is_gone = gone.get(place).is_some_and(|(import, ..)| *import == index);
        Ok(if is_gone { own + place as u32 } else { index - place as u32 })
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        for import in section.into_imports() {
            let import = import?;
            if !is_wasi(import.module) {
                utils::parse_import(self, imports, import)?;
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        for (_, kind, ..) in &self.asked {
            functions.function(*kind);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        let kind =
            wasm_encoder::GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        globals.global(kind, &wasm_encoder::ConstExpr::i64_const(0));
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        for (_, _, answer, returns) in &self.asked {
            code.function(&answer.function(*returns, self.globals));
        }
        Ok(())
    }

    // What functions are called moves with them, and nobody reads it.
    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), Error> {
        if section.name() == "name" {
            return Ok(());
        }
        utils::parse_custom_section(self, module, section)
    }
}
