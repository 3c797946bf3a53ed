//! Core modules to components.

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

/// The contract, as the SDKs have it.
pub(super) const WIT: [(&str, &str); 4] = [
    ("types.wit", include_str!("../../../../plugin-sdk/wit/v0.1/types.wit")),
    ("host.wit", include_str!("../../../../plugin-sdk/wit/v0.1/host.wit")),
    ("kernels.wit", include_str!("../../../../plugin-sdk/wit/v0.1/kernels.wit")),
    ("world.wit", include_str!("../../../../plugin-sdk/wit/v0.1/world.wit")),
];

/// What the stand-ins of [`PREVIEW1`] need of the host.
const STAND_INS: &str = "package skyloom:plugin@0.1.0;\nworld stand-ins { import log; }\n";

/// Stand-ins for what a language's runtime asks of WASI, so that the component imports nothing
/// but the contract.
const PREVIEW1: &str = include_str!("preview1.wat");
const PREVIEW1_NAME: &str = "wasi_snapshot_preview1";

/// Makes a component of a core module. One that does not say which world it is made for is
/// taken for a plugin; one that imports WASI preview 1 is given stand-ins.
///
/// # Errors
/// With what the module lacks, or has too much.
pub(super) fn componentize(core: &[u8]) -> Result<Vec<u8>, String> {
    let looked = Looked::at(core).map_err(text)?;
    let mut module = core.to_vec();
    if !looked.has_world {
        embed(&mut module, "plugin-with-kernels")?;
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).map_err(text)?;
    if looked.imports_preview1 {
        let mut stand_ins = wat::parse_str(PREVIEW1).map_err(text)?;
        embed(&mut stand_ins, "stand-ins")?;
        encoder.adapter(PREVIEW1_NAME, &stand_ins).map_err(text)?;
    }
    encoder.encode().map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}

/// What decides how a core module is made a component.
#[derive(Default)]
struct Looked {
    has_world: bool,
    imports_preview1: bool,
}

impl Looked {
    fn at(core: &[u8]) -> Result<Self, wasmparser::BinaryReaderError> {
        let mut looked = Self::default();
        for payload in Parser::new(0).parse_all(core) {
            match payload? {
                Payload::CustomSection(section) => {
                    looked.has_world |= section.name().starts_with("component-type");
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        looked.imports_preview1 |= import?.module == PREVIEW1_NAME;
                    }
                }
                _ => {}
            }
        }
        Ok(looked)
    }
}

/// Notes in `module` that it is made for this world of the contract.
fn embed(module: &mut Vec<u8>, world: &str) -> Result<(), String> {
    let mut sources = SourceMap::default();
    for (path, text) in WIT.iter().chain([&("stand-ins.wit", STAND_INS)]) {
        sources.push_str(path, *text);
    }
    let group = sources.parse().map_err(|(_, error)| text(error))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).map_err(text)?;
    let world = resolve.select_world(&[package], Some(world)).map_err(text)?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8, false).map_err(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plugin that asks WASI for all that a runtime may, and otherwise does nothing.
    const CURIOUS: &str = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "skyloom:plugin/node@0.1.0#describe") (result i32) unreachable)
        (func (export "skyloom:plugin/node@0.1.0#bind") (param i32 i32 i32 i32) (result i32)
            unreachable)
        (func (export "skyloom:plugin/node@0.1.0#run")
            (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
    )"#;

    fn imports(component: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(component) {
            match payload.unwrap() {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) if depth > 0 => depth -= 1,
                Payload::ComponentImportSection(section) if depth == 0 => {
                    names.extend(section.into_iter().map(|i| i.unwrap().name.name.to_owned()));
                }
                _ => {}
            }
        }
        names
    }

    #[test]
    fn what_a_runtime_asks_of_wasi_never_reaches_the_host() {
        let component = componentize(&wat::parse_str(CURIOUS).unwrap()).unwrap();
        let names = imports(&component);
        assert!(!names.is_empty());
        for name in names {
            assert!(name.starts_with("skyloom:plugin/"), "{name}");
        }
    }

    #[test]
    fn every_function_of_preview_1_has_a_stand_in() {
        let module = wat::parse_str(PREVIEW1).unwrap();
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(&module) {
            if let Payload::ExportSection(section) = payload.unwrap() {
                names.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
        }
        // As many as the interface's last version, of 2020, has; `proc_raise` with them.
        assert_eq!(names.len(), 46, "{names:?}");
    }

    #[test]
    fn a_module_that_is_no_plugin_is_refused_with_what_it_lacks() {
        let error = componentize(&wat::parse_str("(module)").unwrap()).unwrap_err();
        assert!(error.contains("skyloom:plugin/node@0.1.0"), "{error}");
    }
}
