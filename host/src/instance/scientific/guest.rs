//! A running interpreter: its world, and how it is entered.

use wasmtime::{AsContextMut, Caller, Instance, Linker, Memory, ResourceLimiter, Store, TypedFunc};

use super::super::store::State;
use super::door::{self, Door};
use super::preview1::{self, Files};
use super::runtime::Ready;

/// The interpreter has one large table of functions.
const MAX_TABLE_ELEMENTS: usize = 50_000;

/// What one interpreter can reach.
pub(super) struct Guest {
    pub(super) state: State,
    pub(super) files: Files,
    pub(super) door: Door,
}

impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.state.memory_growing(current, desired, maximum)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        1
    }
}

/// The exports by which it is entered.
pub(super) struct Entry {
    pub(super) memory: Memory,
    alloc: TypedFunc<u32, u32>,
    turn: TypedFunc<(u32, u32), i32>,
}

impl Entry {
    /// A fresh interpreter in `store`.
    pub(super) fn new(ready: &Ready, store: &mut Store<Guest>) -> wasmtime::Result<Self> {
        store.limiter(|guest| guest);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().state.check_time()?;
            Ok(wasmtime::UpdateDeadline::Continue(1))
        });
        let instance = ready.pre.instantiate(&mut *store)?;
        Self::of(&instance, store)
    }

    fn of(instance: &Instance, store: &mut Store<Guest>) -> wasmtime::Result<Self> {
        let memory = instance.get_memory(&mut *store, "memory");
        Ok(Self {
            memory: memory.ok_or_else(|| wasmtime::Error::msg("no memory"))?,
            alloc: instance.get_typed_func(&mut *store, "host_alloc")?,
            turn: instance.get_typed_func(&mut *store, "turn")?,
        })
    }

    /// Runs `source` in the interpreter's main module, and says whether it ended well.
    pub(super) fn turn(&self, store: &mut Store<Guest>, source: &str) -> wasmtime::Result<bool> {
        let at = give(&mut *store, self.memory, &self.alloc, source.as_bytes())?;
        let status = self.turn.call(&mut *store, (at, source.len() as u32));
        store.data_mut().state.end_output();
        Ok(status? == 0)
    }
}

/// Copies `bytes` to where the guest makes room for them.
fn give(
    mut context: impl AsContextMut,
    memory: Memory,
    alloc: &TypedFunc<u32, u32>,
    bytes: &[u8],
) -> wasmtime::Result<u32> {
    let at = alloc.call(&mut context, bytes.len() as u32)?;
    if at == 0 {
        return Err(wasmtime::Error::msg("the interpreter is out of memory"));
    }
    memory.write(&mut context, at as usize, bytes)?;
    Ok(at)
}

/// Gives the guest its world: stand-ins for WASI, and the one door to the host.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    preview1::link(linker)?;
    linker.func_wrap("host", "call", knock)?;
    Ok(())
}

/// The guest's one call to the host: a message for a message.
fn knock(
    mut from: Caller<'_, Guest>,
    at: u32,
    length: u32,
    answer_at: u32,
    answer_length: u32,
) -> wasmtime::Result<i32> {
    /// The runtime's word for a host that could not answer.
    const FAULT: i32 = -2;
    let Some(memory) = preview1::memory_of(&mut from) else { return Ok(FAULT) };
    let (bytes, guest) = memory.data_and_store_mut(&mut from);
    let message = at as usize..(at as usize).saturating_add(length as usize);
    let Some(message) = bytes.get(message).map(<[u8]>::to_vec) else { return Ok(FAULT) };
    let answer = door::answer(guest, bytes, &message)?;
    let alloc = from.get_export("host_alloc").and_then(wasmtime::Extern::into_func);
    let Some(alloc) = alloc else { return Ok(FAULT) };
    let alloc = alloc.typed::<u32, u32>(&from)?;
    let given = give(&mut from, memory, &alloc, &answer)?;
    memory.write(&mut from, answer_at as usize, &given.to_le_bytes())?;
    memory.write(&mut from, answer_length as usize, &(answer.len() as u32).to_le_bytes())?;
    Ok(0)
}
