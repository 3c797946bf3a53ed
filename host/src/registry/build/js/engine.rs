//! QuickJS, out of the builder that carries it: it answers itself what it would ask of WASI.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, Function, FunctionSection, GlobalSection, ImportSection, Module, ValType,
};
use wasmparser::{Import, Parser, Payload, TypeRef};

/// The engine that lies in `library`, the builder's own machine code.
///
/// # Errors
/// When it is not there.
pub(super) fn settled(library: &[u8]) -> Result<Vec<u8>, String> {
    let engines = modules(library).into_iter().filter(|module| is_engine(module));
    // There are two: for speed and for size.
    let engine = engines.max_by_key(|module| module.len()).ok_or("its engine is not found")?;
    answering(engine).map_err(|error| format!("its engine cannot be read: {error}"))
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
fn answering(engine: &[u8]) -> Result<Vec<u8>, String> {
    let mut settling = Settling::of(engine).map_err(|error| error.to_string())?;
    let mut module = Module::new();
    settling.parse_core_module(&mut module, Parser::new(0), engine).map_err(|e| e.to_string())?;
    Ok(module.finish())
}

/// Where clocks begin: nanoseconds from 1970.
const J2000: i64 = 946_728_000_000_000_000;

/// What the engine hears when it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Two numbers, always the same.
    Seed,
    /// Nanoseconds from 1970, J2000 at first: a microsecond more than last time.
    Count,
    /// The same as seconds and nanoseconds.
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
        globals.global(kind, &wasm_encoder::ConstExpr::i64_const(J2000));
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
