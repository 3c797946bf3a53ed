//! What importing a plugin leaves in memory, so that it is done once and not in each run.
//!
//! An interpreter at rest is its linear memory and nothing else: its stack is empty, its table
//! of functions does not change, and it holds no file open. So a fresh instance with this
//! memory is the interpreter that imported the plugin; what a run does to it dies with it.

use wasmtime::{Memory, Store};

use super::super::wasi::Wasi;
use super::guest::{Entry, Guest};

const PAGE_BYTES: usize = 4096;
const WASM_PAGE_BYTES: usize = 64 << 10;

/// The memory of an interpreter at rest, where it is not that of a new one.
pub(super) struct Image {
    memory_bytes: usize,
    /// Where each page goes.
    pages: Vec<u32>,
    bytes: Vec<u8>,
    /// How far clock and chance had come.
    wasi: Wasi,
}

impl Image {
    /// What sets `warm` apart from `fresh`.
    pub(super) fn new(fresh: &[u8], warm: &[u8], wasi: Wasi) -> Self {
        let zero = [0; PAGE_BYTES];
        let (mut pages, mut bytes) = (Vec::new(), Vec::new());
        for (index, page) in warm.chunks(PAGE_BYTES).enumerate() {
            let start = index * PAGE_BYTES;
            let before = fresh.get(start..start + page.len()).unwrap_or(&zero[..page.len()]);
            if before != page {
                pages.push(index as u32);
                bytes.extend_from_slice(page);
            }
        }
        Self { memory_bytes: warm.len(), pages, bytes, wasi }
    }

    pub(super) fn wasi(&self) -> Wasi {
        self.wasi.clone()
    }

    /// Makes the new interpreter of `entry` the one that was taken.
    pub(super) fn apply(&self, entry: &Entry, store: &mut Store<Guest>) -> wasmtime::Result<()> {
        grow(entry.memory, store, self.memory_bytes)?;
        let memory = entry.memory.data_mut(store);
        for (page, bytes) in self.pages.iter().zip(self.bytes.chunks(PAGE_BYTES)) {
            let start = *page as usize * PAGE_BYTES;
            memory[start..start + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }
}

fn grow(memory: Memory, store: &mut Store<Guest>, bytes: usize) -> wasmtime::Result<()> {
    let more = bytes.saturating_sub(memory.data_size(&*store)).div_ceil(WASM_PAGE_BYTES);
    memory.grow(store, more as u64).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_differ_are_kept() {
        let fresh = vec![7; 3 * PAGE_BYTES];
        let mut warm = fresh.clone();
        warm[PAGE_BYTES + 5] = 8;
        warm.extend(vec![0; PAGE_BYTES]);
        warm.extend(vec![1; PAGE_BYTES]);
        let image = Image::new(&fresh, &warm, Wasi::default());
        assert_eq!(image.pages, [1, 4]);
        assert_eq!(image.bytes.len(), 2 * PAGE_BYTES);
        assert_eq!(image.bytes[5], 8);
    }
}
