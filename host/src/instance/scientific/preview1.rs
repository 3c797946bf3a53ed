//! What the runtime asks of WASI preview 1, answered without a world outside: a clock that
//! counts its readers, a fixed stream in place of chance, no environment, no sockets, and one
//! file, the library that comes with the runtime. It is the same for every run.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::{Caller, Extern, Linker, Memory};

use super::super::wasi::{Console, J2000_NS, Wasi};
use super::guest::Guest;

/// The folder that the guest sees, and the one file in it.
const FOLDER: &str = "/usr/local/lib";
const LIBRARY: &str = "python315.zip";
/// The number that the folder has in the guest.
const FOLDER_FD: i32 = 3;
const FIRST_FREE_FD: i32 = 4;
/// More files than this are not opened at once.
const MAX_OPEN: usize = 256;
/// The clock's smallest step.
const TICK_NS: u64 = 1000;

type From<'a> = Caller<'a, Guest>;
type Errno = i32;
const SUCCESS: Errno = 0;
const BADF: Errno = 8;
const FAULT: Errno = 21;
const INVAL: Errno = 28;
const MFILE: Errno = 33;
const NOENT: Errno = 44;
const NOTDIR: Errno = 54;
const NOTSUP: Errno = 58;
const ROFS: Errno = 69;
const SPIPE: Errno = 70;

const CHARACTER_DEVICE: u8 = 2;
const DIRECTORY: u8 = 3;
const REGULAR_FILE: u8 = 4;
/// Reading, seeking, telling, asking for status; and for a folder, opening and listing.
const READ_RIGHTS: u64 =
    (1 << 1) | (1 << 2) | (1 << 5) | (1 << 13) | (1 << 14) | (1 << 18) | (1 << 21);

/// The guest ended the process that it takes itself to be in.
#[derive(Debug, thiserror::Error)]
#[error("it called exit({0})")]
pub(super) struct Exit(pub(super) i32);

/// The files that the guest sees.
#[derive(Clone)]
pub(super) struct Files {
    library: Arc<[u8]>,
    /// Position in the library, by number of the open file.
    open: BTreeMap<i32, u64>,
}

impl Files {
    /// The runtime's `library` and nothing else.
    pub(super) fn new(library: Arc<[u8]>) -> Self {
        Self { library, open: BTreeMap::new() }
    }

    fn stat(&self, what: u8) -> [u8; 64] {
        let mut stat = [0; 64];
        stat[8] = u8::from(what == REGULAR_FILE) + 1;
        stat[16] = what;
        stat[24] = 1;
        if what == REGULAR_FILE {
            stat[32..40].copy_from_slice(&(self.library.len() as u64).to_le_bytes());
        }
        for time in [40, 48, 56] {
            stat[time..time + 8].copy_from_slice(&J2000_NS.to_le_bytes());
        }
        stat
    }

    fn kind_of(&self, fd: i32) -> Option<u8> {
        match fd {
            0..=2 => Some(CHARACTER_DEVICE),
            FOLDER_FD => Some(DIRECTORY),
            fd => self.open.contains_key(&fd).then_some(REGULAR_FILE),
        }
    }

    fn read(&self, position: u64, length: usize) -> &[u8] {
        let start = usize::try_from(position).unwrap_or(usize::MAX).min(self.library.len());
        let end = start.saturating_add(length).min(self.library.len());
        &self.library[start..end]
    }
}

/// A caller's memory and its world, both at once.
struct Call<'a> {
    memory: &'a mut [u8],
    wasi: &'a mut Wasi,
    files: &'a mut Files,
    /// Lines that were printed.
    printed: Vec<(Console, String)>,
}

impl Call<'_> {
    fn bytes(&self, at: i32, length: usize) -> Result<&[u8], Errno> {
        let start = at as u32 as usize;
        self.memory.get(start..start.checked_add(length).ok_or(FAULT)?).ok_or(FAULT)
    }

    fn bytes_mut(&mut self, at: i32, length: usize) -> Result<&mut [u8], Errno> {
        let start = at as u32 as usize;
        self.memory.get_mut(start..start.checked_add(length).ok_or(FAULT)?).ok_or(FAULT)
    }

    fn put(&mut self, at: i32, bytes: &[u8]) -> Result<(), Errno> {
        self.bytes_mut(at, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn u32(&self, at: i32) -> Result<u32, Errno> {
        Ok(u32::from_le_bytes(self.bytes(at, 4)?.try_into().expect("four bytes")))
    }

    fn u64(&self, at: i32) -> Result<u64, Errno> {
        Ok(u64::from_le_bytes(self.bytes(at, 8)?.try_into().expect("eight bytes")))
    }

    /// The buffers of a vectored read or write: where each is, and how long.
    fn vectors(&self, at: i32, count: i32) -> Result<Vec<(i32, usize)>, Errno> {
        if !(0..=1024).contains(&count) {
            return Err(INVAL);
        }
        let one = |index: i32| {
            let at = at.wrapping_add(index * 8);
            Ok((self.u32(at)? as i32, self.u32(at.wrapping_add(4))? as usize))
        };
        (0..count).map(one).collect()
    }

    fn write(&mut self, fd: i32, vectors: i32, count: i32, result: i32) -> Result<(), Errno> {
        let console = match fd {
            1 => Console::Output,
            2 => Console::Error,
            0 | FOLDER_FD => return Err(BADF),
            fd => return Err(if self.files.open.contains_key(&fd) { ROFS } else { BADF }),
        };
        let mut written = 0_u32;
        for (at, length) in self.vectors(vectors, count)? {
            let bytes = self.bytes(at, length)?.to_vec();
            let lines = self.wasi.write(console, &bytes).into_iter();
            self.printed.extend(lines.map(|line| (console, line)));
            written = written.saturating_add(length as u32);
        }
        self.put(result, &written.to_le_bytes())
    }

    /// Reads from `position` on, and says how far it came.
    fn read_at(
        &mut self,
        position: u64,
        vectors: i32,
        count: i32,
        result: i32,
    ) -> Result<u64, Errno> {
        let mut position = position;
        let mut total = 0_u32;
        for (at, length) in self.vectors(vectors, count)? {
            let bytes = self.files.read(position, length).to_vec();
            self.put(at, &bytes)?;
            position += bytes.len() as u64;
            total = total.saturating_add(bytes.len() as u32);
        }
        self.put(result, &total.to_le_bytes())?;
        Ok(position)
    }

    fn read(&mut self, fd: i32, vectors: i32, count: i32, result: i32) -> Result<(), Errno> {
        if fd == 0 {
            return self.put(result, &[0; 4]);
        }
        let position = *self.files.open.get(&fd).ok_or(BADF)?;
        let position = self.read_at(position, vectors, count, result)?;
        self.files.open.insert(fd, position);
        Ok(())
    }

    fn seek(&mut self, fd: i32, offset: i64, whence: i32, result: i32) -> Result<(), Errno> {
        if (0..=2).contains(&fd) {
            return Err(SPIPE);
        }
        let position = *self.files.open.get(&fd).ok_or(BADF)?;
        let base = match whence {
            0 => 0,
            1 => position,
            2 => self.files.library.len() as u64,
            _ => return Err(INVAL),
        };
        let position = base.checked_add_signed(offset).ok_or(INVAL)?;
        self.files.open.insert(fd, position);
        self.put(result, &position.to_le_bytes())
    }

    /// What a path below the folder is; all else is not there.
    fn path(&self, fd: i32, at: i32, length: i32) -> Result<u8, Errno> {
        match self.files.kind_of(fd) {
            Some(DIRECTORY) => {}
            Some(_) => return Err(NOTDIR),
            None => return Err(BADF),
        }
        match self.bytes(at, length as u32 as usize)? {
            path if path == LIBRARY.as_bytes() => Ok(REGULAR_FILE),
            b"" | b"." => Ok(DIRECTORY),
            _ => Err(NOENT),
        }
    }

    fn open(&mut self, kind: u8, flags: i32, rights: i64, result: i32) -> Result<(), Errno> {
        const WRITE: i64 = 1 << 6;
        // Creating, emptying, or insisting that it is new.
        if flags & 0b1101 != 0 || rights & WRITE != 0 {
            return Err(ROFS);
        }
        if kind == DIRECTORY {
            // Nothing lists it; the guest's library is found by its name.
            return Err(NOTSUP);
        }
        if flags & 0b10 != 0 {
            return Err(NOTDIR);
        }
        if self.files.open.len() >= MAX_OPEN {
            return Err(MFILE);
        }
        let taken = &self.files.open;
        let fd = (FIRST_FREE_FD..).find(|fd| !taken.contains_key(fd)).ok_or(MFILE)?;
        self.put(result, &fd.to_le_bytes())?;
        self.files.open.insert(fd, 0);
        Ok(())
    }

    fn fdstat(&mut self, fd: i32, result: i32) -> Result<(), Errno> {
        let kind = self.files.kind_of(fd).ok_or(BADF)?;
        let rights = if kind == CHARACTER_DEVICE { u64::MAX } else { READ_RIGHTS };
        let mut stat = [0; 24];
        stat[0] = kind;
        stat[8..16].copy_from_slice(&rights.to_le_bytes());
        stat[16..24].copy_from_slice(&READ_RIGHTS.to_le_bytes());
        self.put(result, &stat)
    }

    /// Who sleeps wakes at once, and the clock has moved on. Who waits for a file is told that
    /// there is none.
    fn poll(&mut self, input: i32, output: i32, count: i32, result: i32) -> Result<(), Errno> {
        if !(1..=1024).contains(&count) {
            return Err(INVAL);
        }
        let before = self.wasi.now_ns;
        let mut due = Vec::new();
        for index in 0..count {
            let at = input.wrapping_add(index * 48);
            let kind = self.bytes(at.wrapping_add(8), 1)?[0];
            let time = self.u64(at.wrapping_add(24))?;
            let is_absolute = self.bytes(at.wrapping_add(40), 1)?[0] & 1 == 1;
            due.push(match (kind, is_absolute) {
                (0, true) => time,
                (0, false) => before.saturating_add(time),
                _ => 0,
            });
        }
        let wake = due.iter().copied().min().unwrap_or(0);
        self.wasi.now_ns = before.max(wake);
        let mut events = 0_i32;
        for (index, due) in due.iter().enumerate() {
            if *due > self.wasi.now_ns {
                continue;
            }
            let at = input.wrapping_add(index as i32 * 48);
            let mut event = [0; 32];
            event[..8].copy_from_slice(self.bytes(at, 8)?);
            let kind = self.bytes(at.wrapping_add(8), 1)?[0];
            event[8] = if kind == 0 { 0 } else { BADF as u8 };
            event[10] = kind;
            self.put(output.wrapping_add(events * 32), &event)?;
            events += 1;
        }
        self.put(result, &events.to_le_bytes())
    }
}

/// The memory of whoever calls.
pub(super) fn memory_of(caller: &mut Caller<'_, Guest>) -> Option<Memory> {
    caller.get_export("memory").and_then(Extern::into_memory)
}

fn answer(
    caller: &mut Caller<'_, Guest>,
    does: impl FnOnce(&mut Call<'_>) -> Result<(), Errno>,
) -> Errno {
    let Some(memory) = memory_of(caller) else { return FAULT };
    let (memory, guest) = memory.data_and_store_mut(caller);
    let Guest { state, files, .. } = guest;
    let mut call = Call { memory, wasi: &mut state.wasi, files, printed: Vec::new() };
    let done = does(&mut call);
    for (console, line) in call.printed {
        state.print(console, &line);
    }
    done.err().unwrap_or(SUCCESS)
}

/// Answers every function of preview 1 that the runtime imports.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link_system(linker)?;
    link_files(linker)?;
    link_refused(linker)
}

const MODULE: &str = "wasi_snapshot_preview1";

/// Clock, chance, arguments, environment, the end.
fn link_system(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    for name in ["args_sizes_get", "environ_sizes_get"] {
        linker.func_wrap(MODULE, name, |mut from: From<'_>, count: i32, bytes: i32| {
            answer(&mut from, |call| {
                call.put(count, &[0; 4])?;
                call.put(bytes, &[0; 4])
            })
        })?;
    }
    for name in ["args_get", "environ_get"] {
        linker.func_wrap(MODULE, name, |_: i32, _: i32| SUCCESS)?;
    }
    linker.func_wrap(MODULE, "clock_res_get", |mut from: From<'_>, _: i32, result: i32| {
        answer(&mut from, |call| call.put(result, &TICK_NS.to_le_bytes()))
    })?;
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut from: From<'_>, _: i32, _: i64, result: i32| {
            answer(&mut from, |call| {
                let now = call.wasi.now();
                call.put(result, &now.to_le_bytes())
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "poll_oneoff",
        |mut from: From<'_>, input: i32, output: i32, count: i32, result: i32| {
            answer(&mut from, |call| call.poll(input, output, count, result))
        },
    )?;
    linker.func_wrap(MODULE, "random_get", |mut from: From<'_>, at: i32, length: i32| {
        answer(&mut from, |call| {
            let start = at as u32 as usize;
            let end = start.checked_add(length as u32 as usize).ok_or(FAULT)?;
            for chunk in call.memory.get_mut(start..end).ok_or(FAULT)?.chunks_mut(8) {
                chunk.copy_from_slice(&call.wasi.random().to_le_bytes()[..chunk.len()]);
            }
            Ok(())
        })
    })?;
    linker.func_wrap(MODULE, "sched_yield", || SUCCESS)?;
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(Exit(code).into())
    })?;
    Ok(())
}

/// The folder, and the one file in it.
fn link_files(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "fd_prestat_get", |mut from: From<'_>, fd: i32, result: i32| {
        answer(&mut from, |call| match fd {
            FOLDER_FD => {
                call.put(result, &[0; 4])?;
                call.put(result.wrapping_add(4), &(FOLDER.len() as u32).to_le_bytes())
            }
            _ => Err(BADF),
        })
    })?;
    linker.func_wrap(
        MODULE,
        "fd_prestat_dir_name",
        |mut from: From<'_>, fd: i32, at: i32, length: i32| {
            answer(&mut from, |call| match fd {
                FOLDER_FD if length as u32 as usize >= FOLDER.len() => {
                    call.put(at, FOLDER.as_bytes())
                }
                FOLDER_FD => Err(INVAL),
                _ => Err(BADF),
            })
        },
    )?;
    linker.func_wrap(MODULE, "fd_fdstat_get", |mut from: From<'_>, fd: i32, result: i32| {
        answer(&mut from, |call| call.fdstat(fd, result))
    })?;
    linker.func_wrap(MODULE, "fd_filestat_get", |mut from: From<'_>, fd: i32, result: i32| {
        answer(&mut from, |call| {
            let stat = call.files.stat(call.files.kind_of(fd).ok_or(BADF)?);
            call.put(result, &stat)
        })
    })?;
    linker.func_wrap(
        MODULE,
        "path_filestat_get",
        |mut from: From<'_>, fd: i32, _: i32, at: i32, length: i32, result: i32| {
            answer(&mut from, |call| {
                let stat = call.files.stat(call.path(fd, at, length)?);
                call.put(result, &stat)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "path_open",
        |mut from: From<'_>,
         fd: i32,
         _: i32,
         at: i32,
         length: i32,
         flags: i32,
         rights: i64,
         _: i64,
         _: i32,
         result: i32| {
            answer(&mut from, |call| {
                let kind = call.path(fd, at, length)?;
                call.open(kind, flags, rights, result)
            })
        },
    )?;
    linker.func_wrap(MODULE, "fd_close", |mut from: From<'_>, fd: i32| {
        answer(&mut from, |call| call.files.open.remove(&fd).map(drop).ok_or(BADF))
    })?;
    linker.func_wrap(
        MODULE,
        "fd_read",
        |mut from: From<'_>, fd: i32, vectors: i32, count: i32, result: i32| {
            answer(&mut from, |call| call.read(fd, vectors, count, result))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_pread",
        |mut from: From<'_>, fd: i32, vectors: i32, count: i32, at: i64, result: i32| {
            answer(&mut from, |call| {
                call.files.open.get(&fd).ok_or(BADF)?;
                call.read_at(at as u64, vectors, count, result).map(drop)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_write",
        |mut from: From<'_>, fd: i32, vectors: i32, count: i32, result: i32| {
            answer(&mut from, |call| call.write(fd, vectors, count, result))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_seek",
        |mut from: From<'_>, fd: i32, offset: i64, whence: i32, result: i32| {
            answer(&mut from, |call| call.seek(fd, offset, whence, result))
        },
    )?;
    linker.func_wrap(MODULE, "fd_tell", |mut from: From<'_>, fd: i32, result: i32| {
        answer(&mut from, |call| call.seek(fd, 0, 1, result))
    })?;
    linker.func_wrap(MODULE, "fd_advise", |_: i32, _: i64, _: i64, _: i32| SUCCESS)?;
    linker.func_wrap(MODULE, "fd_fdstat_set_flags", |_: i32, _: i32| NOTSUP)?;
    Ok(())
}

/// What would change a file, list a folder, or reach a socket.
fn link_refused(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "fd_datasync", |_: i32| ROFS)?;
    linker.func_wrap(MODULE, "fd_sync", |_: i32| ROFS)?;
    linker.func_wrap(MODULE, "fd_filestat_set_size", |_: i32, _: i64| ROFS)?;
    linker.func_wrap(MODULE, "fd_filestat_set_times", |_: i32, _: i64, _: i64, _: i32| ROFS)?;
    linker.func_wrap(MODULE, "fd_pwrite", |_: i32, _: i32, _: i32, _: i64, _: i32| ROFS)?;
    linker.func_wrap(MODULE, "fd_readdir", |_: i32, _: i32, _: i32, _: i64, _: i32| NOTSUP)?;
    linker.func_wrap(MODULE, "path_create_directory", |_: i32, _: i32, _: i32| ROFS)?;
    linker.func_wrap(
        MODULE,
        "path_filestat_set_times",
        |_: i32, _: i32, _: i32, _: i32, _: i64, _: i64, _: i32| ROFS,
    )?;
    linker.func_wrap(
        MODULE,
        "path_link",
        |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32, _: i32| ROFS,
    )?;
    linker.func_wrap(
        MODULE,
        "path_readlink",
        |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| NOENT,
    )?;
    linker.func_wrap(MODULE, "path_remove_directory", |_: i32, _: i32, _: i32| ROFS)?;
    linker
        .func_wrap(MODULE, "path_rename", |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| ROFS)?;
    linker.func_wrap(MODULE, "path_symlink", |_: i32, _: i32, _: i32, _: i32, _: i32| ROFS)?;
    linker.func_wrap(MODULE, "path_unlink_file", |_: i32, _: i32, _: i32| ROFS)?;
    linker.func_wrap(MODULE, "sock_accept", |_: i32, _: i32, _: i32| NOTSUP)?;
    linker
        .func_wrap(MODULE, "sock_recv", |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| NOTSUP)?;
    linker.func_wrap(MODULE, "sock_send", |_: i32, _: i32, _: i32, _: i32, _: i32| NOTSUP)?;
    linker.func_wrap(MODULE, "sock_shutdown", |_: i32, _: i32| NOTSUP)?;
    Ok(())
}
