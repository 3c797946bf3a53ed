//! Where a zip file's directory lies, and the names in it, read strictly.
//!
//! The crate's reader is made for archives of any origin: it looks for the end, bears what
//! stands before and after, and keeps one of two entries with one name. A bundle is read
//! only if there is one way to read it.

use std::io::{Read, Seek, SeekFrom};

/// A directory has at most this many bytes: it is held in memory, here and by the crate.
const DIRECTORY_BYTES: u64 = 16 << 20;

/// Where the directory lies, as the end of the file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) start: u64,
    bytes: u64,
    pub(super) entries: u64,
}

impl Directory {
    /// The end has to be at the end, without a comment: what may follow it is where archives
    /// hide things, and where readers differ.
    ///
    /// # Errors
    /// What is wrong, when there is no such end or it does not fit the file.
    pub(super) fn find(file: &mut (impl Read + Seek)) -> Result<Self, String> {
        const END: usize = 22;
        let size = file.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
        let end_at = size.checked_sub(END as u64).ok_or("it is too short for a zip file")?;
        let end = read_at(file, end_at, END)?;
        if !end.starts_with(b"PK\x05\x06") || end[20..] != [0, 0] {
            return Err("it does not end as a bundle does".to_owned());
        }
        if end[4..8] != [0; 4] || end[8..10] != end[10..12] {
            return Err("it is one part of several".to_owned());
        }
        let narrow = Self {
            entries: number(&end[10..12]),
            bytes: number(&end[12..16]),
            start: number(&end[16..20]),
        };
        // Any of these at its greatest value means that the true one is in the ZIP64 end.
        let wide = narrow.entries == u64::from(u16::MAX)
            || narrow.bytes.max(narrow.start) == u64::from(u32::MAX);
        let (directory, end) = match wide {
            true => Self::find_wide(file, end_at)?,
            false => (narrow, end_at),
        };
        match directory.start.checked_add(directory.bytes) == Some(end) {
            true => Ok(directory),
            false => Err("its directory is not where its end says".to_owned()),
        }
    }

    /// As [`find`](Self::find), for a file with a ZIP64 end; with where the directory has to
    /// end.
    fn find_wide(file: &mut (impl Read + Seek), end_at: u64) -> Result<(Self, u64), String> {
        const RECORD: usize = 56;
        const LOCATOR: usize = 20;
        let damaged = || "its ZIP64 end is damaged".to_owned();
        let record_at = end_at.checked_sub((RECORD + LOCATOR) as u64).ok_or_else(damaged)?;
        let wide = read_at(file, record_at, RECORD + LOCATOR)?;
        let (record, locator) = wide.split_at(RECORD);
        let sound = record.starts_with(b"PK\x06\x06")
            && number(&record[4..12]) == RECORD as u64 - 12
            && record[16..24] == [0; 8]
            && record[24..32] == record[32..40]
            && locator.starts_with(b"PK\x06\x07")
            && number(&locator[8..16]) == record_at;
        if !sound {
            return Err(damaged());
        }
        let field = |at: usize| number(&record[at..at + 8]);
        Ok((Self { entries: field(32), bytes: field(40), start: field(48) }, record_at))
    }

    /// The names as they are, and whether each is marked as UTF-8.
    ///
    /// # Errors
    /// What is wrong, when the entries do not fill the directory.
    pub(super) fn names(
        &self,
        file: &mut (impl Read + Seek),
    ) -> Result<Vec<(Vec<u8>, bool)>, String> {
        const HEADER: usize = 46;
        const MARKED_UTF8: u64 = 1 << 11;
        if self.bytes > DIRECTORY_BYTES {
            return Err(format!("its directory has more than {DIRECTORY_BYTES} bytes"));
        }
        let bytes = read_at(file, self.start, self.bytes as usize)?;
        let damaged = || "its directory is damaged".to_owned();
        let mut rest = &bytes[..];
        let mut names = Vec::new();
        for _ in 0..self.entries {
            let header = rest.get(..HEADER).filter(|header| header.starts_with(b"PK\x01\x02"));
            let header = header.ok_or_else(damaged)?;
            let field = |at: usize| number(&header[at..at + 2]);
            let name_end = HEADER + field(28) as usize;
            let name = rest.get(HEADER..name_end).ok_or_else(damaged)?;
            names.push((name.to_vec(), field(8) & MARKED_UTF8 != 0));
            let end = name_end + (field(30) + field(32)) as usize;
            rest = rest.get(end..).ok_or_else(damaged)?;
        }
        match rest.is_empty() {
            true => Ok(names),
            false => Err(damaged()),
        }
    }
}

/// Little-endian, as all numbers in a zip file.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn read_at(file: &mut (impl Read + Seek), at: u64, count: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; count];
    let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
    read.map_err(|error| error.to_string())?;
    Ok(bytes)
}
