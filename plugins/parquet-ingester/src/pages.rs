//! A column chunk's bytes to the pages that the parquet crate decodes.
//!
//! The crate could do this itself, but its zstd is C, which guests cannot have, and it
//! trusts lengths that a damaged file may claim. Here every length is checked against the
//! bytes there are, and checksums, where the writer left some, are compared.
//!
//! Reference: parquet.thrift and Encodings.md of apache/parquet-format.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;

use crate::codec::Codec;
use crate::error::FileError;
use crate::file::FileId;
use crate::thrift::{Kind, Reader, ThriftError};

/// A larger page is refused: a guest's memory has an end.
pub const MAX_PAGE_BYTES: usize = 256 << 20;
/// So is a larger header, which may hold statistics.
const MAX_HEADER_BYTES: usize = 16 << 20;
/// Read at once, where the chunk is so long.
const WINDOW_BYTES: usize = 1 << 20;

/// What lies where, as the file's footer says.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub column: String,
    pub start: u64,
    pub length: u64,
    pub n_values: u64,
    pub max_definition: i16,
    pub max_repetition: i16,
}

/// Reads one column chunk page by page.
pub struct Pages {
    file: FileId,
    chunk: Chunk,
    codec: Codec,
    /// Where in the file `window` begins.
    position: u64,
    /// Bytes of the chunk from `position`, some or all.
    window: Bytes,
    /// The header of the next page, and its length.
    header: Option<(Header, usize)>,
    n_values_seen: u64,
}

/// A page's header, with the fields of whichever kind of page it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Header {
    kind: i64,
    unpacked: u32,
    packed: u32,
    checksum: Option<u32>,
    n_values: u32,
    n_nulls: u32,
    n_rows: u32,
    encoding: i64,
    definition_encoding: i64,
    repetition_encoding: i64,
    definition_bytes: u32,
    repetition_bytes: u32,
    is_packed: bool,
    is_sorted: bool,
    has_body: bool,
}

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;

impl Header {
    fn parse(bytes: &[u8]) -> Result<(Self, usize), ThriftError> {
        let mut header = Self { is_packed: true, kind: -1, ..Self::default() };
        let mut reader = Reader::new(bytes);
        reader.fields(&mut |reader, number, kind| {
            match (number, kind) {
                (1, Kind::Integer) => header.kind = reader.integer()?,
                (2, Kind::Integer) => header.unpacked = reader.count()?,
                (3, Kind::Integer) => header.packed = reader.count()?,
                (4, Kind::Integer) => header.checksum = Some(reader.integer()? as u32),
                (5 | 7 | 8, Kind::Struct) => header.parse_body(number, reader)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok((header, reader.position()))
    }

    fn parse_body(&mut self, body: i16, reader: &mut Reader<'_>) -> Result<(), ThriftError> {
        let of_kind = match self.kind {
            DATA_PAGE => 5,
            DICTIONARY_PAGE => 7,
            DATA_PAGE_V2 => 8,
            _ => 0,
        };
        let is_own = body == of_kind;
        self.has_body |= is_own;
        reader.fields(&mut |reader, number, kind| {
            match (body, number, kind) {
                _ if !is_own => return Ok(false),
                (_, 1, Kind::Integer) => self.n_values = reader.count()?,
                (5 | 7, 2, Kind::Integer) => self.encoding = reader.integer()?,
                (5, 3, Kind::Integer) => self.definition_encoding = reader.integer()?,
                (5, 4, Kind::Integer) => self.repetition_encoding = reader.integer()?,
                (7, 3, Kind::Bool(value)) => self.is_sorted = value,
                (8, 2, Kind::Integer) => self.n_nulls = reader.count()?,
                (8, 3, Kind::Integer) => self.n_rows = reader.count()?,
                (8, 4, Kind::Integer) => self.encoding = reader.integer()?,
                (8, 5, Kind::Integer) => self.definition_bytes = reader.count()?,
                (8, 6, Kind::Integer) => self.repetition_bytes = reader.count()?,
                (8, 7, Kind::Bool(value)) => self.is_packed = value,
                _ => return Ok(false),
            }
            // A boolean's value is in its kind: there is nothing to pass over either way.
            Ok(true)
        })
    }

    fn is_data(&self) -> bool {
        matches!(self.kind, DATA_PAGE | DATA_PAGE_V2)
    }
}

impl Pages {
    /// Begins at the first page of `chunk`.
    pub fn new(file: FileId, chunk: Chunk, codec: Codec) -> Self {
        let position = chunk.start;
        let (window, header) = (Bytes::new(), None);
        Self { file, chunk, codec, position, window, header, n_values_seen: 0 }
    }

    fn damaged(&self, message: impl Into<String>) -> ParquetError {
        let column = self.chunk.column.clone();
        self.file.fail(FileError::Damaged { column, message: message.into() })
    }

    fn unsupported(&self, message: impl Into<String>) -> ParquetError {
        let column = self.chunk.column.clone();
        self.file.fail(FileError::Unsupported { column, message: message.into() })
    }

    /// Bytes of the chunk from `position`.
    fn remaining(&self) -> u64 {
        (self.chunk.start + self.chunk.length).saturating_sub(self.position)
    }

    /// Makes `window` at least `count` bytes long, or as long as the chunk is.
    fn fill(&mut self, count: usize) -> Result<(), ParquetError> {
        let remaining = usize::try_from(self.remaining()).unwrap_or(usize::MAX);
        if self.window.len() < count.min(remaining) {
            let length = count.max(WINDOW_BYTES).min(remaining);
            self.window = self.file.read(self.position, length)?;
        }
        Ok(())
    }

    fn skip(&mut self, count: usize) {
        let count = count.min(self.window.len());
        self.window = self.window.slice(count..);
        self.position += count as u64;
    }

    /// Reads the next header, if there is a page left, and leaves it in `header`. Pages
    /// that hold neither values nor a dictionary are passed over.
    fn read_header(&mut self) -> Result<(), ParquetError> {
        while self.header.is_none()
            && self.remaining() > 0
            && self.n_values_seen < self.chunk.n_values
        {
            let mut wanted = 1 << 10;
            let (header, length) = loop {
                self.fill(wanted)?;
                match Header::parse(&self.window) {
                    Ok(found) => break found,
                    Err(ThriftError::NeedsMore)
                        if (self.window.len() as u64) < self.remaining()
                            && wanted < MAX_HEADER_BYTES =>
                    {
                        wanted = self.window.len().max(wanted) * 4;
                    }
                    Err(_) => return Err(self.damaged("a page has a malformed header")),
                }
            };
            if header.packed as u64 + length as u64 > self.remaining() {
                return Err(self.damaged("a page is longer than what is left of its column chunk"));
            }
            if matches!(header.kind, DATA_PAGE | DATA_PAGE_V2 | DICTIONARY_PAGE) {
                if !header.has_body {
                    return Err(self.damaged("a page has half a header"));
                }
                self.header = Some((header, length));
            } else {
                self.fill(length + header.packed as usize)?;
                self.skip(length + header.packed as usize);
            }
        }
        Ok(())
    }

    fn read_page(&mut self, header: &Header, length: usize) -> Result<Page, ParquetError> {
        let (packed, unpacked) = (header.packed as usize, header.unpacked as usize);
        if packed.max(unpacked) > MAX_PAGE_BYTES {
            return Err(self.unsupported(format!(
                "a page of {unpacked} bytes, more than {MAX_PAGE_BYTES}; write the file with smaller pages"
            )));
        }
        self.fill(length + packed)?;
        if self.window.len() < length + packed {
            return Err(self.damaged("the file ends within a page"));
        }
        let body = self.window.slice(length..length + packed);
        self.skip(length + packed);
        if header.checksum.is_some_and(|checksum| crc32fast::hash(&body) != checksum) {
            return Err(self.damaged("a page does not match its checksum"));
        }
        let levels = match header.kind {
            DATA_PAGE_V2 => header.definition_bytes as usize + header.repetition_bytes as usize,
            _ => 0,
        };
        if levels > packed || levels > unpacked {
            return Err(self.damaged("a page's levels are longer than the page"));
        }
        let body = if header.is_packed && unpacked > levels {
            // Repetition and definition levels of a page of the second kind come unpacked.
            let mut bytes = body[..levels].to_vec();
            let result = self.codec.unpack(&body[levels..], unpacked - levels, &mut bytes);
            result.map_err(|message| self.damaged(message))?;
            Bytes::from(bytes)
        } else {
            body
        };
        self.check_levels(header, &body)?;
        self.page(header, body)
    }

    /// The lengths before the levels of a page of the first kind are within the page.
    fn check_levels(&self, header: &Header, body: &[u8]) -> Result<(), ParquetError> {
        if header.kind != DATA_PAGE {
            return Ok(());
        }
        let mut rest = body;
        let levels = [
            (self.chunk.max_repetition, header.repetition_encoding),
            (self.chunk.max_definition, header.definition_encoding),
        ];
        for (max_level, encoding) in levels {
            if max_level == 0 {
                continue;
            }
            let length = match encoding {
                3 => rest.split_first_chunk::<4>().map(|(head, tail)| {
                    rest = tail;
                    u64::from(u32::from_le_bytes(*head))
                }),
                4 => {
                    let bits = u64::from(16 - (max_level as u16).leading_zeros());
                    Some((u64::from(header.n_values) * bits).div_ceil(8))
                }
                _ => return Err(self.unsupported(format!("levels in encoding {encoding}"))),
            };
            let length = length.and_then(|length| usize::try_from(length).ok());
            rest = length
                .and_then(|length| rest.get(length..))
                .ok_or_else(|| self.damaged("a page's levels are longer than the page"))?;
        }
        Ok(())
    }

    fn page(&self, header: &Header, buf: Bytes) -> Result<Page, ParquetError> {
        let num_values = header.n_values;
        let encoding = self.encoding(header.encoding)?;
        Ok(match header.kind {
            DICTIONARY_PAGE => {
                Page::DictionaryPage { buf, num_values, encoding, is_sorted: header.is_sorted }
            }
            DATA_PAGE => Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding: self.encoding(header.definition_encoding)?,
                rep_level_encoding: self.encoding(header.repetition_encoding)?,
                statistics: None,
            },
            _ => Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls: header.n_nulls,
                num_rows: header.n_rows,
                def_levels_byte_len: header.definition_bytes,
                rep_levels_byte_len: header.repetition_bytes,
                is_compressed: header.is_packed,
                statistics: None,
            },
        })
    }

    fn encoding(&self, code: i64) -> Result<Encoding, ParquetError> {
        Ok(match code {
            0 => Encoding::PLAIN,
            2 => Encoding::PLAIN_DICTIONARY,
            3 => Encoding::RLE,
            #[expect(deprecated, reason = "old files have it")]
            4 => Encoding::BIT_PACKED,
            5 => Encoding::DELTA_BINARY_PACKED,
            6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            7 => Encoding::DELTA_BYTE_ARRAY,
            8 => Encoding::RLE_DICTIONARY,
            9 => Encoding::BYTE_STREAM_SPLIT,
            _ => return Err(self.unsupported(format!("values in encoding {code}"))),
        })
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        self.read_header()?;
        let Some((header, length)) = self.header.take() else {
            return match self.n_values_seen < self.chunk.n_values {
                true => Err(self.damaged(format!(
                    "its chunk ends after {} of {} values",
                    self.n_values_seen, self.chunk.n_values
                ))),
                false => Ok(None),
            };
        };
        let page = self.read_page(&header, length)?;
        if header.is_data() {
            self.n_values_seen += u64::from(header.n_values);
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        self.read_header()?;
        Ok(self.header.as_ref().map(|(header, _)| PageMetadata {
            num_rows: (header.kind == DATA_PAGE_V2).then_some(header.n_rows as usize),
            num_levels: header.is_data().then_some(header.n_values as usize),
            is_dict: header.kind == DICTIONARY_PAGE,
        }))
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.read_header()?;
        if let Some((header, length)) = self.header.take() {
            self.fill(length + header.packed as usize)?;
            self.skip(length + header.packed as usize);
            if header.is_data() {
                self.n_values_seen += u64::from(header.n_values);
            }
        }
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
