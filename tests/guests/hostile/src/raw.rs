//! Calls that no binding would make: pointers and handles out of thin air.

#![expect(unsafe_code, reason = "the crimes")]

#[link(wasm_import_module = "skyloom:plugin/data@0.1.0")]
unsafe extern "C" {
    #[link_name = "[method]writer.put"]
    fn put(writer: i32, columns: i32, length: i32, result: i32);
    #[link_name = "[method]batch.rows"]
    fn rows(batch: i32) -> i64;
}

#[link(wasm_import_module = "skyloom:plugin/log@0.1.0")]
unsafe extern "C" {
    #[link_name = "log"]
    fn log(level: i32, message: i32, length: i32);
}

/// As the canonical ABI lays out the contract's `record column`.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawColumn {
    rows: u64,
    has_validity: u32,
    validity: [u32; 2],
    buffers: [u32; 2],
}

/// Room for what a call answers.
static mut ANSWER: [u64; 8] = [0; 8];

fn answer() -> i32 {
    (&raw mut ANSWER).addr() as i32
}

pub(crate) fn use_handle_of_nobody() {
    // SAFETY: the host checks handles.
    unsafe { rows(12_345) };
}

pub(crate) fn put_list_outside_memory(writer: u32) {
    // SAFETY: the host checks where lists lie.
    unsafe { put(writer as i32, -64, 1, answer()) };
}

pub(crate) fn log_outside_memory() {
    // SAFETY: the host checks where strings lie.
    unsafe { log(2, 1 << 16, i32::MAX) };
}

pub(crate) fn log_not_utf8() {
    let bytes = [b'a', 0xff, 0xc0];
    // SAFETY: the host checks what strings hold.
    unsafe { log(2, bytes.as_ptr().addr() as i32, 3) };
}

/// One column of 1 MiB, named so many times in one call: nothing here, much in the host.
pub(crate) fn put_same_buffer(writer: u32, times: usize) {
    let bytes = vec![0_u8; 1 << 20];
    let buffer = [bytes.as_ptr().addr() as u32, bytes.len() as u32];
    let buffers = vec![buffer; times];
    let column = RawColumn {
        rows: 1,
        has_validity: 0,
        validity: [0; 2],
        buffers: [buffers.as_ptr().addr() as u32, buffers.len() as u32],
    };
    let columns = [column];
    // SAFETY: everything lies where it says.
    unsafe { put(writer as i32, columns.as_ptr().addr() as i32, 1, answer()) };
}

/// Many columns that all name the same many empty buffers.
pub(crate) fn put_same_buffers(writer: u32, columns: usize, buffers: usize) {
    let buffers = vec![[1_u32, 0]; buffers];
    let column = RawColumn {
        rows: 0,
        has_validity: 0,
        validity: [0; 2],
        buffers: [buffers.as_ptr().addr() as u32, buffers.len() as u32],
    };
    let columns = vec![column; columns];
    let length = columns.len() as i32;
    // SAFETY: everything lies where it says.
    unsafe { put(writer as i32, columns.as_ptr().addr() as i32, length, answer()) };
}
