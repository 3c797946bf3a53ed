//! Bytes of a file to bytes of text: gzip is taken off, other formats are told apart.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;

use crate::error::CsvError;

/// Bytes that were looked at, and those behind them.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// The text of a plain or gzipped file (of any number of members), without a byte order
/// mark. Memory is bounded whatever the file unpacks to.
pub struct Text<R> {
    inner: Inner<R>,
    bytes: u64,
}

enum Inner<R> {
    Plain(Whole<R>),
    Gzip(Box<Whole<MultiGzDecoder<Whole<R>>>>),
}

/// First bytes, what they mean, and what to do.
const FORMATS: [(&[u8], &str, &str); 10] = [
    (b"BZh91AY&S", "bzip2 data", "unpack it (`bunzip2`), or pack it with gzip"),
    (b"\xFD7zXZ\0", "xz data", "unpack it (`unxz`), or pack it with gzip"),
    (b"\x28\xB5\x2F\xFD", "zstd data", "unpack it (`unzstd`), or pack it with gzip"),
    (b"PK\x03\x04", "a zip archive", "unpack it (`unzip`)"),
    (b"PAR1\x15", "Parquet", "use `plugin: parquet-ingester`"),
    (b"SIMPLE  =", "FITS", "convert the table to Parquet or CSV"),
    (b"ARROW1\0\0", "Arrow", "convert it to Parquet"),
    (b"\xFF\xFE", "UTF-16 text", "convert it with `iconv -f utf-16 -t utf-8`"),
    (b"\xFE\xFF", "UTF-16 text", "convert it with `iconv -f utf-16 -t utf-8`"),
    (b"\x1F\x8B", "gzip inside gzip", "unpack it once (`gunzip`)"),
];

const GZIP: &[u8] = b"\x1F\x8B";
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl<R: Read> Text<R> {
    /// # Errors
    /// When `file` cannot be read, or is plainly something other than delimited text.
    pub fn open(mut file: R) -> Result<Self, CsvError> {
        let start = read_start(&mut file).map_err(CsvError::of_read)?;
        if !start.starts_with(GZIP) {
            let start = Cursor::new(text_start(start)?);
            return Ok(Self { inner: Inner::Plain(start.chain(file)), bytes: 0 });
        }
        let mut gzip = MultiGzDecoder::new(Cursor::new(start).chain(file));
        let start = read_start(&mut gzip).map_err(|error| gzip_error(error, 0))?;
        let start = Cursor::new(text_start(start)?);
        Ok(Self { inner: Inner::Gzip(Box::new(start.chain(gzip))), bytes: 0 })
    }

    /// Fills `buffer` as far as the text goes.
    ///
    /// # Errors
    /// When the file cannot be read or its gzip data are damaged.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, CsvError> {
        let result = match &mut self.inner {
            Inner::Plain(text) => read_full(text, buffer).map_err(CsvError::of_read),
            Inner::Gzip(text) => {
                read_full(text, buffer).map_err(|error| gzip_error(error, self.bytes))
            }
        };
        self.bytes += *result.as_ref().unwrap_or(&0) as u64;
        result
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer).map_err(io::Error::other)
    }
}

/// The reader below reports its own failures as `Other`; the decoder never does.
fn gzip_error(source: io::Error, bytes: u64) -> CsvError {
    match source.kind() {
        io::ErrorKind::Other => CsvError::of_read(source),
        _ => CsvError::Gzip { bytes, source },
    }
}

fn read_start(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = vec![0; 9];
    let length = read_full(reader, &mut start)?;
    start.truncate(length);
    Ok(start)
}

fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn text_start(start: Vec<u8>) -> Result<Vec<u8>, CsvError> {
    for (magic, found, remedy) in FORMATS {
        if start.starts_with(magic) {
            return Err(CsvError::OtherFormat { found, remedy });
        }
    }
    match start.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => Ok(rest.to_vec()),
        None => Ok(start),
    }
}
