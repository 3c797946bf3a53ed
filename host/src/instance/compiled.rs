//! Compiled code, kept for the next run of this user on this machine.
//!
//! Loading compiled code is as good as running it, so a file is only loaded when it was
//! written with this folder's own secret key: a copied or altered file is compiled anew.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Module;
use wasmtime::component::Component;

use super::InstanceError;
use crate::data::{Digest, guarded};

const KEY_BYTES: usize = 32;

pub(crate) struct CompiledCache {
    folder: PathBuf,
    /// None where no key can be kept: then nothing is kept.
    key: Option<[u8; KEY_BYTES]>,
}

impl CompiledCache {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), key: key_of(folder).ok() }
    }

    pub(crate) fn load(
        &self,
        engine: &wasmtime::Engine,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<Component, InstanceError> {
        let name = format!("{}-{digest}.cwasm", compatibility(engine));
        if let Some(code) = self.kept(&name) {
            #[expect(unsafe_code, reason = "wasmtime's contract for compiled code")]
            // SAFETY: the code was compiled by this engine's version and flags (its name says
            // so) and written by whoever holds the key, which is this user.
            if let Ok(component) = unsafe { Component::deserialize(engine, &code) } {
                return Ok(component);
            }
        }
        let component = compile(engine, bytes)?;
        self.keep(&name, &component.serialize().map_err(compile_error)?);
        Ok(component)
    }

    /// The compiled module of this digest; `bytes` are asked for only if it must be compiled.
    pub(crate) fn module(
        &self,
        engine: &wasmtime::Engine,
        digest: Digest,
        bytes: impl FnOnce() -> Result<Vec<u8>, InstanceError>,
    ) -> Result<Module, InstanceError> {
        let name = format!("{}-{digest}.cwasm", compatibility(engine));
        if let Some(code) = self.kept(&name) {
            #[expect(unsafe_code, reason = "wasmtime's contract for compiled code")]
            // SAFETY: as in `load`.
            if let Ok(module) = unsafe { Module::deserialize(engine, &code) } {
                return Ok(module);
            }
        }
        let module = Module::new(engine, bytes()?).map_err(compile_error)?;
        self.keep(&name, &module.serialize().map_err(compile_error)?);
        Ok(module)
    }

    /// What was kept under this name, if it is as it was written.
    pub(crate) fn kept(&self, name: &str) -> Option<Vec<u8>> {
        read_authentic(&self.folder.join(name), self.key.as_ref()?)
    }

    /// Keeps something that could be made again.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) {
        if let Some(key) = &self.key {
            // A full disk costs time at the next run, not this run.
            drop(write_authentic(&self.folder.join(name), key, bytes));
        }
    }
}

/// The engine panics on components that are put together of others that call each other.
fn compile(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Component, InstanceError> {
    let compiled = guarded(|| Component::new(engine, bytes)).ok_or_else(|| {
        InstanceError::Compile(
            "the compiler gives up on it, as on components that are put together of several; build it as one"
                .to_owned(),
        )
    })?;
    compiled.map_err(compile_error)
}

fn compile_error(error: wasmtime::Error) -> InstanceError {
    InstanceError::Compile(format!("{error:#}"))
}

fn compatibility(engine: &wasmtime::Engine) -> String {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The folder's secret, made at first use from the operating system's random source.
fn key_of(folder: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join("key");
    if let Ok(bytes) = fs::read(&path)
        && let Ok(key) = bytes.try_into()
    {
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&key)?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(key),
        // Another process was first; a file of the wrong size is not ours to trust.
        Err(_) => fs::read(&path)?.try_into().map_err(|_| std::io::Error::other("no key")),
    }
}

fn read_authentic(path: &Path, key: &[u8; KEY_BYTES]) -> Option<Vec<u8>> {
    let mut file = fs::OpenOptions::new().read(true).mode(0o600).open(path).ok()?;
    let mut tag = [0; 32];
    file.read_exact(&mut tag).ok()?;
    let mut code = Vec::new();
    file.read_to_end(&mut code).ok()?;
    // blake3's hashes compare in constant time.
    (blake3::keyed_hash(key, &code) == blake3::Hash::from_bytes(tag)).then_some(code)
}

fn write_authentic(path: &Path, key: &[u8; KEY_BYTES], code: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().ok_or_else(|| std::io::Error::other("no folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(blake3::keyed_hash(key, code).as_bytes())?;
    file.write_all(code)?;
    file.persist(path)?;
    Ok(())
}
