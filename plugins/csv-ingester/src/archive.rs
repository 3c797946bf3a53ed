//! The files in a tar archive, one after the other, in the order they were packed.
//!
//! Knows ustar, GNU and pax headers, as far as names and sizes go: IEEE Std 1003.1-2017, pax.
//! Folders and links are passed over.

use std::io::{self, Read};

use crate::error::CsvError;

const BLOCK: usize = 512;
/// A path longer than this is damage.
const MAX_PATH: u64 = 1 << 16;

/// A tar archive. Reading gives the file at hand, to its end.
pub struct Archive<R> {
    inner: R,
    /// Bytes read so far.
    position: u64,
    /// Bytes of the file at hand that were not read yet.
    left: u64,
    /// Bytes behind it, up to the next block.
    padding: u64,
}

/// What a header says of the file behind it.
struct Header {
    path: Vec<u8>,
    size: u64,
    kind: u8,
}

impl<R: Read> Archive<R> {
    /// `inner` is the archive, without compression.
    pub fn new(inner: R) -> Self {
        Self { inner, position: 0, left: 0, padding: 0 }
    }

    /// The path of the next file; none behind the last.
    ///
    /// # Errors
    /// When the archive cannot be read, is damaged, or is none.
    pub fn next_file(&mut self) -> Result<Option<String>, CsvError> {
        let (mut long_path, mut long_size) = (None, None);
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            self.left = header.size;
            self.padding = header.size.next_multiple_of(BLOCK as u64) - header.size;
            match header.kind {
                b'L' => {
                    let path = self.small()?;
                    long_path = Some(path.into_iter().take_while(|byte| *byte != 0).collect());
                }
                b'x' => {
                    for (key, value) in pax_records(&self.small()?) {
                        match key {
                            b"path" => long_path = Some(value.to_vec()),
                            b"size" => long_size = decimal(value),
                            _ => {}
                        }
                    }
                }
                b'0' | b'7' | 0 => {
                    if let Some(size) = long_size {
                        self.left = size;
                        self.padding = size.next_multiple_of(BLOCK as u64) - size;
                    }
                    let path = long_path.unwrap_or(header.path);
                    return Ok(Some(String::from_utf8_lossy(&path).into_owned()));
                }
                kind => {
                    // What pax and GNU headers said was about this entry.
                    if !matches!(kind, b'g' | b'K') {
                        (long_path, long_size) = (None, None);
                    }
                }
            }
        }
    }

    /// Passes over what is left of the file at hand.
    fn skip(&mut self) -> Result<(), CsvError> {
        let count = self.left + self.padding;
        (self.left, self.padding) = (0, 0);
        let skipped = io::copy(&mut self.inner.by_ref().take(count), &mut io::sink());
        let skipped = skipped.map_err(CsvError::of_read)?;
        self.position += skipped;
        if skipped == count { Ok(()) } else { Err(self.damaged("it ends within a file")) }
    }

    /// All of the file at hand, which is a header for the next.
    fn small(&mut self) -> Result<Vec<u8>, CsvError> {
        if self.left > MAX_PATH {
            return Err(self.damaged("a path of more than 65536 bytes"));
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(CsvError::of_read)?;
        Ok(bytes)
    }

    fn header(&mut self) -> Result<Option<Header>, CsvError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CsvError::of_read(error)),
            }
        }
        if filled == 0 || block.iter().all(|byte| *byte == 0) {
            return if self.position == 0 {
                Err(self.damaged("it holds nothing"))
            } else {
                Ok(None)
            };
        }
        let checksum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if filled < BLOCK || number(&block[148..156]) != Some(checksum) {
            let what = if self.position == 0 { "it is none" } else { "a header is damaged" };
            return Err(self.damaged(what));
        }
        let size = number(&block[124..136]).ok_or_else(|| self.damaged("a size is no number"))?;
        let text = |from: usize, to: usize| -> Vec<u8> {
            block[from..to].iter().copied().take_while(|byte| *byte != 0).collect()
        };
        let mut path = text(0, 100);
        // GNU's magic has a blank in place of the NUL, and something else in place of the prefix.
        let prefix = text(345, 500);
        if block[257..263] == *b"ustar\0" && !prefix.is_empty() {
            path = [prefix, path].join(&b'/');
        }
        self.position += BLOCK as u64;
        Ok(Some(Header { path, size, kind: block[156] }))
    }

    fn damaged(&self, what: &'static str) -> CsvError {
        CsvError::Archive { position: self.position, what }
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.inner.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::other(self.damaged("it ends within a file")));
        }
        self.position += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A number in octal digits, or in GNU's binary form for large ones.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let bytes =
            field.iter().enumerate().map(|(at, byte)| if at == 0 { byte & 0x7f } else { *byte });
        return bytes.into_iter().try_fold(0_u64, |value, byte| {
            value.checked_mul(256)?.checked_add(u64::from(byte)).filter(|value| *value < 1 << 62)
        });
    }
    let digits = field.trim_ascii_start().split(|byte| matches!(byte, 0 | b' ')).next()?;
    digits.iter().try_fold(0_u64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// The records `LENGTH KEY=VALUE\n` of a pax header, up to the first that is none.
fn pax_records(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut records = Vec::new();
    while let Some(blank) = bytes.iter().position(|byte| *byte == b' ') {
        let Some(length) = decimal(&bytes[..blank]).and_then(|n| usize::try_from(n).ok()) else {
            break;
        };
        if length <= blank + 1 || length > bytes.len() {
            break;
        }
        let record = &bytes[blank + 1..length - 1];
        if let Some(equals) = record.iter().position(|byte| *byte == b'=') {
            records.push((&record[..equals], &record[equals + 1..]));
        }
        bytes = &bytes[length..];
    }
    records
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number < 1 << 62).then_some(number)
}

/// Whether `path` is of `pattern`: `*` stands for any characters but `/`, `**` for any at
/// all, `?` for one that is not `/`.
pub fn matches(pattern: &str, path: &str) -> bool {
    fn rest(pattern: &[u8], path: &[u8]) -> bool {
        match pattern {
            [] => path.is_empty(),
            [b'*', b'*', pattern @ ..] => (0..=path.len()).any(|from| rest(pattern, &path[from..])),
            [b'*', pattern @ ..] => {
                let end = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
                (0..=end).any(|from| rest(pattern, &path[from..]))
            }
            [b'?', pattern @ ..] => {
                matches!(path, [first, path @ ..] if *first != b'/' && rest(pattern, path))
            }
            [byte, pattern @ ..] => {
                matches!(path, [first, path @ ..] if first == byte && rest(pattern, path))
            }
        }
    }
    rest(pattern.as_bytes(), path.strip_prefix("./").unwrap_or(path).as_bytes())
}

/// The name of a file without folders and without what follows its last dot.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_stems() {
        assert!(matches("a/*.csv", "a/1.csv") && matches("a/*.csv", "./a/1.csv"));
        assert!(!matches("a/*.csv", "a/b/1.csv") && matches("a/**.csv", "a/b/1.csv"));
        assert!(matches("**", "a/b") && matches("?.csv", "1.csv") && !matches("?.csv", "12.csv"));
        assert_eq!(["a/b.c.csv", "b", "a/.hidden"].map(stem), ["b.c", "b", ".hidden"]);
    }

    #[test]
    fn numbers_come_in_two_forms() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"  12 \0\0\0"), Some(0o12));
        assert_eq!(number(b"\x80\0\0\0\0\0\x01\0"), Some(256));
        assert_eq!(number(b"x\0\0\0\0\0\0\0"), None);
    }

    #[test]
    fn pax_records_are_read_as_far_as_they_go() {
        let records = pax_records(b"12 path=abc\n11 size=12\n99 no");
        assert_eq!(records, [(&b"path"[..], &b"abc"[..]), (b"size", b"12")]);
    }
}
