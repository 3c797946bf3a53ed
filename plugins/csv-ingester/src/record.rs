//! Bytes of text to rows of fields, with the line each row begins on.
//!
//! The grammar is that of `csv-core`: RFC 4180, and what people write instead. It reads
//! every row that holds a quote or a lone carriage return; the others, nearly all, are
//! split in place, which gives the same fields several times faster (a test compares the
//! two on random text). Types and names are not known here.

use std::io::Read;
use std::ops::Range;

use csv_core::ReadRecordResult;

use crate::error::CsvError;
use crate::source::Text;

/// A longer row is refused: it is a quote that never closes, and memory has an end.
pub const MAX_ROW_BYTES: usize = 16 << 20;
/// More fields in a row are refused.
pub const MAX_COLUMNS: usize = 1 << 16;
const CHUNK: usize = 1 << 20;

/// What separates fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    Byte(u8),
    /// Any run of spaces and tabs; those at either end of a line separate nothing.
    Blanks,
}

/// How the text is written.
#[derive(Debug, Clone, Copy)]
pub struct Grammar {
    pub delimiter: Delimiter,
    pub quote: Option<u8>,
    /// Lines that begin with this byte are passed over.
    pub comment: Option<u8>,
}

/// One row.
pub struct Row<'a> {
    /// The line it begins on.
    pub line: u64,
    bytes: &'a [u8],
    fields: &'a [(u32, u32)],
}

impl<'a> Row<'a> {
    /// The number of fields, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a row has at least one field")]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field's bytes, quotes taken off: UTF-8 without NUL.
    pub fn field(&self, index: usize) -> Option<&'a [u8]> {
        let &(from, to) = self.fields.get(index)?;
        Some(&self.bytes[from as usize..to as usize])
    }

    /// All fields in order, as [`Self::field`].
    pub fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().map(|&(from, to)| &self.bytes[from as usize..to as usize])
    }
}

/// Reads rows one by one.
pub struct Rows<R> {
    text: Text<R>,
    chunk: usize,
    grammar: Grammar,
    classes: [Class; 256],
    core: csv_core::Reader,
    buffer: Vec<u8>,
    /// What of `buffer` has been read from the text and not yet handed out.
    unread: Range<usize>,
    at_end: bool,
    /// The line that `unread` begins on.
    line: u64,
    /// The byte before `unread` was a carriage return.
    after_return: bool,
    /// Of the row at hand, within its bytes.
    fields: Vec<(u32, u32)>,
    /// The row at hand without its quotes, where it has any.
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    /// A row at hand that has been looked at only.
    peeked: Option<(u64, Place)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Delimiter,
    LineFeed,
    Return,
    Quote,
    Nul,
}

/// Where the bytes of the row at hand are.
enum Place {
    Buffer(Range<usize>),
    Unquoted,
}

/// What the fast path met first.
enum Scan {
    /// The row's end, and where the next begins.
    End {
        to: usize,
        next: usize,
    },
    Quote,
    NeedsMore,
}

impl<R: Read> Rows<R> {
    /// Begins at the start of `text`.
    pub fn new(text: Text<R>, grammar: Grammar) -> Self {
        let mut classes = [Class::Plain; 256];
        for delimiter in grammar.delimiter.bytes() {
            classes[usize::from(*delimiter)] = Class::Delimiter;
        }
        if let Some(quote) = grammar.quote {
            classes[usize::from(quote)] = Class::Quote;
        }
        classes[usize::from(b'\r')] = Class::Return;
        classes[usize::from(b'\n')] = Class::LineFeed;
        classes[0] = Class::Nul;
        let core = csv_core::ReaderBuilder::new()
            .delimiter(grammar.delimiter.bytes()[0])
            .quoting(grammar.quote.is_some())
            .quote(grammar.quote.unwrap_or(b'"'))
            .build();
        Self {
            text,
            chunk: CHUNK,
            grammar,
            classes,
            core,
            buffer: Vec::new(),
            unread: 0..0,
            at_end: false,
            line: 1,
            after_return: false,
            fields: Vec::new(),
            unquoted: Vec::new(),
            ends: Vec::new(),
            peeked: None,
        }
    }

    /// Passes over `count` lines, whatever they hold.
    ///
    /// # Errors
    /// When the text cannot be read.
    pub fn skip_lines(&mut self, count: u64) -> Result<(), CsvError> {
        for _ in 0..count {
            self.skip_line()?;
        }
        Ok(())
    }

    /// The next row, or none at the end. Blank lines and comments are passed over.
    ///
    /// # Errors
    /// When the text cannot be read, or is not what the grammar allows.
    #[expect(clippy::should_implement_trait, reason = "it lends its buffer, and can fail")]
    pub fn next(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        let at_hand = match self.peeked.take() {
            Some(at_hand) => Some(at_hand),
            None => self.advance()?,
        };
        Ok(at_hand.map(|(line, place)| self.row(line, &place)))
    }

    /// The row that [`Self::next`] will give.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn peek(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        if self.peeked.is_none() {
            self.peeked = self.advance()?;
        }
        Ok(self.peeked.as_ref().map(|(line, place)| self.row(*line, place)))
    }

    fn row(&self, line: u64, place: &Place) -> Row<'_> {
        let bytes = match place {
            Place::Buffer(range) => &self.buffer[range.clone()],
            Place::Unquoted => &self.unquoted,
        };
        Row { line, bytes, fields: &self.fields }
    }

    fn advance(&mut self) -> Result<Option<(u64, Place)>, CsvError> {
        let at_hand = self.find_row()?;
        match &at_hand {
            Some((line, _)) if self.fields.len() > MAX_COLUMNS => {
                Err(CsvError::TooManyColumns { line: *line, limit: MAX_COLUMNS })
            }
            _ => Ok(at_hand),
        }
    }

    fn find_row(&mut self) -> Result<Option<(u64, Place)>, CsvError> {
        loop {
            self.skip_line_feed()?;
            if self.unread.is_empty() && !self.refill()? {
                return Ok(None);
            }
            if Some(self.buffer[self.unread.start]) == self.grammar.comment {
                self.skip_line()?;
                continue;
            }
            let line = self.line;
            match self.scan(line)? {
                Scan::End { to, next } => {
                    let row = self.unread.start..to;
                    self.unread.start = next;
                    self.line += 1;
                    if !self.is_blank(&row) {
                        return Ok(Some((line, Place::Buffer(row))));
                    }
                }
                Scan::Quote => {
                    match self.grammar.delimiter {
                        Delimiter::Byte(_) => self.unquote_row()?,
                        Delimiter::Blanks => self.unquote_line()?,
                    }
                    return Ok(Some((line, Place::Unquoted)));
                }
                Scan::NeedsMore => {
                    self.refill()?;
                }
            }
        }
    }

    /// Splits the row that `unread` begins with in place, if it holds no quote.
    fn scan(&mut self, line: u64) -> Result<Scan, CsvError> {
        let bytes = &self.buffer[self.unread.clone()];
        if bytes.len() > MAX_ROW_BYTES {
            // The row ends in here, or is refused when the limit is passed below.
            let has_end = bytes[..MAX_ROW_BYTES].iter().any(|byte| matches!(byte, b'\n' | b'\r'));
            if !has_end {
                return Err(CsvError::RowTooLong { line, limit: MAX_ROW_BYTES });
            }
        }
        let blanks = self.grammar.delimiter == Delimiter::Blanks;
        self.fields.clear();
        let mut from = 0;
        let mut all_bits = 0;
        let mut end = None;
        // The last field was quoted, and is known already.
        let mut is_pushed = false;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            all_bits |= byte;
            match self.classes[usize::from(byte)] {
                Class::Plain => {}
                Class::Delimiter => {
                    if !blanks || at > from {
                        self.fields.push((from as u32, at as u32));
                    }
                    from = at + 1;
                }
                Class::LineFeed => {
                    end = Some((at, at + 1));
                    break;
                }
                Class::Return => {
                    let next = match bytes.get(at + 1) {
                        Some(b'\n') => at + 2,
                        None if !self.at_end => return Ok(Scan::NeedsMore),
                        _ => at + 1,
                    };
                    end = Some((at, next));
                    break;
                }
                // Within a field, and not at its start, a quote is a character like others.
                Class::Quote if at > from => {}
                Class::Quote => match self.scan_quoted(&bytes[at + 1..], &mut all_bits) {
                    // The delimiter, which comes next, begins the next field.
                    Some(length) if !blanks => {
                        self.fields.push((at as u32 + 1, (at + 1 + length) as u32));
                        at += length + 2;
                        if self.classes[usize::from(bytes[at])] != Class::Delimiter {
                            is_pushed = true;
                            continue;
                        }
                        from = at + 1;
                    }
                    _ => return Ok(Scan::Quote),
                },
                Class::Nul => return Err(CsvError::Nul { line }),
            }
            at += 1;
        }
        let (to, next) = match end {
            Some(end) => end,
            None if self.at_end => (bytes.len(), bytes.len()),
            None => return Ok(Scan::NeedsMore),
        };
        if !is_pushed && (!blanks || to > from) {
            self.fields.push((from as u32, to as u32));
        }
        if all_bits >= 0x80 {
            check_utf8(&bytes[..to], line)?;
        }
        let start = self.unread.start;
        Ok(Scan::End { to: start + to, next: start + next })
    }

    /// The length of a quoted field of one line without quotes in it, from behind the quote
    /// that opens it, where a delimiter or line end follows the quote that closes it.
    fn scan_quoted(&self, bytes: &[u8], all_bits: &mut u8) -> Option<usize> {
        for (at, &byte) in bytes.iter().enumerate() {
            *all_bits |= byte;
            match self.classes[usize::from(byte)] {
                Class::Plain | Class::Delimiter => {}
                Class::Quote => {
                    let class = self.classes[usize::from(*bytes.get(at + 1)?)];
                    let ends = matches!(class, Class::Delimiter | Class::LineFeed | Class::Return);
                    return ends.then_some(at);
                }
                Class::LineFeed | Class::Return | Class::Nul => return None,
            }
        }
        None
    }

    /// Nothing but blanks, in at most one field.
    fn is_blank(&self, row: &Range<usize>) -> bool {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        self.fields.len() <= 1 && self.buffer[row.clone()].iter().all(blank)
    }

    /// Reads one row by the full grammar.
    fn unquote_row(&mut self) -> Result<(), CsvError> {
        let line = self.line;
        self.core.reset();
        let (mut n_bytes, mut n_ends) = (0, 0);
        loop {
            let has_input = !self.unread.is_empty() || self.refill()?;
            // A line feed after the last line ends the row, except within quotes.
            let input = if has_input { &self.buffer[self.unread.clone()] } else { b"\n" };
            let (output, ends) = (&mut self.unquoted[n_bytes..], &mut self.ends[n_ends..]);
            let (result, taken, put, ended) = self.core.read_record(input, output, ends);
            (n_bytes, n_ends) = (n_bytes + put, n_ends + ended);
            if has_input {
                self.take(taken)?;
            }
            match result {
                ReadRecordResult::OutputFull if n_bytes >= MAX_ROW_BYTES => {
                    return Err(CsvError::RowTooLong { line, limit: MAX_ROW_BYTES });
                }
                ReadRecordResult::OutputFull => {
                    self.unquoted.resize((2 * n_bytes + 1024).min(MAX_ROW_BYTES), 0);
                }
                ReadRecordResult::OutputEndsFull if n_ends > MAX_COLUMNS => {
                    return Err(CsvError::TooManyColumns { line, limit: MAX_COLUMNS });
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * n_ends + 64, 0),
                ReadRecordResult::InputEmpty if !has_input => {
                    let closed = n_ends.checked_sub(1).map_or(0, |last| self.ends[last]);
                    let line = line + line_breaks(&self.unquoted[..closed]);
                    return Err(self.open_quote(line));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.fields.clear();
        let mut from = 0;
        for &to in &self.ends[..n_ends] {
            let line = line + line_breaks(&self.unquoted[..from]);
            check_utf8(&self.unquoted[from..to], line)?;
            self.fields.push((from as u32, to as u32));
            from = to;
        }
        Ok(())
    }

    /// Reads one line of fields between blanks, some of them in quotes.
    fn unquote_line(&mut self) -> Result<(), CsvError> {
        let line = self.line;
        let length = self.line_length()?;
        let bytes = &self.buffer[self.unread.start..self.unread.start + length];
        self.unquoted.clear();
        self.fields.clear();
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let mut rest = bytes;
        while let Some(from) = rest.iter().position(|byte| !is_blank(byte)) {
            rest = &rest[from..];
            let field = self.unquoted.len();
            let mut in_quotes = false;
            if Some(rest[0]) == self.grammar.quote {
                in_quotes = true;
                rest = &rest[1..];
            }
            while let Some((byte, after)) = rest.split_first() {
                let is_quote = Some(*byte) == self.grammar.quote;
                if in_quotes && is_quote && after.first() == Some(byte) {
                    rest = after;
                } else if in_quotes && is_quote {
                    in_quotes = false;
                    rest = after;
                    continue;
                } else if !in_quotes && is_blank(byte) {
                    break;
                }
                self.unquoted.push(*byte);
                rest = &rest[1..];
            }
            if in_quotes {
                return Err(self.open_quote(line));
            }
            self.fields.push((field as u32, self.unquoted.len() as u32));
        }
        check_utf8(bytes, line)?;
        self.take(length)?;
        self.skip_line()
    }

    fn open_quote(&self, line: u64) -> CsvError {
        CsvError::OpenQuote { line, quote: char::from(self.grammar.quote.unwrap_or(b'"')) }
    }

    /// Counts the lines in the next `count` bytes and puts those bytes behind.
    fn take(&mut self, count: usize) -> Result<(), CsvError> {
        let taken = self.unread.start..self.unread.start + count;
        for &byte in &self.buffer[taken] {
            match byte {
                0 => return Err(CsvError::Nul { line: self.line }),
                b'\r' => self.line += 1,
                b'\n' if !self.after_return => self.line += 1,
                _ => {}
            }
            self.after_return = byte == b'\r';
        }
        self.unread.start += count;
        Ok(())
    }

    /// Passes over the line feed that belongs to a carriage return already taken.
    fn skip_line_feed(&mut self) -> Result<(), CsvError> {
        if self.after_return && (!self.unread.is_empty() || self.refill()?) {
            self.unread.start += usize::from(self.buffer[self.unread.start] == b'\n');
        }
        self.after_return = false;
        Ok(())
    }

    /// Passes over what is left of this line, and its end.
    fn skip_line(&mut self) -> Result<(), CsvError> {
        self.skip_line_feed()?;
        while !self.unread.is_empty() || self.refill()? {
            let bytes = &self.buffer[self.unread.clone()];
            match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                Some(at) => {
                    self.after_return = bytes[at] == b'\r';
                    self.unread.start += at + 1;
                    self.line += 1;
                    break;
                }
                None => self.unread.start = self.unread.end,
            }
        }
        Ok(())
    }

    /// The bytes up to the end of this line.
    fn line_length(&mut self) -> Result<usize, CsvError> {
        loop {
            let bytes = &self.buffer[self.unread.clone()];
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let length = bytes.len();
            match end {
                Some(end) => return Ok(end),
                None if length > MAX_ROW_BYTES => {
                    return Err(CsvError::RowTooLong { line: self.line, limit: MAX_ROW_BYTES });
                }
                None if self.refill()? => {}
                None => return Ok(length),
            }
        }
    }

    /// Reads more text behind `unread`; false at the end.
    fn refill(&mut self) -> Result<bool, CsvError> {
        if self.at_end {
            return Ok(false);
        }
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        self.buffer.resize(self.unread.end + self.chunk, 0);
        let count = self.text.fill(&mut self.buffer[self.unread.end..])?;
        self.unread.end += count;
        self.at_end = count < self.chunk;
        Ok(count > 0)
    }
}

impl Delimiter {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Byte(byte) => std::slice::from_ref(byte),
            Self::Blanks => b" \t",
        }
    }
}

fn check_utf8(bytes: &[u8], line: u64) -> Result<(), CsvError> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(()),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = line + line_breaks(before);
            Err(CsvError::NotUtf8 { line, byte: bytes[error.valid_up_to()] })
        }
    }
}

/// A carriage return, a line feed, or the two in this order are one line break.
fn line_breaks(bytes: &[u8]) -> u64 {
    let returns = bytes.iter().filter(|&&byte| byte == b'\r').count();
    let feeds = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let pairs = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
    (returns + feeds - pairs) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMMAR: Grammar =
        Grammar { delimiter: Delimiter::Byte(b','), quote: Some(b'"'), comment: None };

    type Fields = Vec<Vec<u8>>;

    fn rows_of(text: &[u8], chunk: usize) -> Result<Vec<(u64, Fields)>, String> {
        let mut rows = Rows::new(Text::open(text).expect("text"), GRAMMAR);
        rows.chunk = chunk;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(|error| error.to_string())? {
            all.push((row.line, row.fields().map(<[u8]>::to_vec).collect()));
        }
        Ok(all)
    }

    /// What `csv-core` makes of the whole text.
    fn reference(text: &[u8]) -> Vec<Fields> {
        let mut core = csv_core::Reader::new();
        let (mut output, mut ends) = (vec![0; 4096], vec![0; 1024]);
        let (mut rest, mut all) = (text, Vec::new());
        loop {
            let (mut n_bytes, mut n_ends) = (0, 0);
            let result = loop {
                let (result, taken, put, ended) =
                    core.read_record(rest, &mut output[n_bytes..], &mut ends[n_ends..]);
                (rest, n_bytes, n_ends) = (&rest[taken..], n_bytes + put, n_ends + ended);
                if result != ReadRecordResult::InputEmpty {
                    break result;
                }
            };
            if result == ReadRecordResult::End {
                return all;
            }
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let bounds = starts.zip(&ends[..n_ends]);
            all.push(bounds.map(|(from, &to)| output[from..to].to_vec()).collect());
        }
    }

    /// A small generator: the tests must not need a crate for this.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as usize % limit
        }
    }

    #[test]
    fn splits_as_csv_core_does_whatever_the_chunks() {
        let pieces: [&[u8]; 10] =
            [b"a", b"bc", b",", b",", b"\"", b"\"\"", b"\n", b"\r\n", b"\r", "é".as_bytes()];
        let mut random = Random(7);
        let (mut n_rows, mut n_open) = (0, 0);
        for _ in 0..5_000 {
            let mut text = Vec::new();
            for _ in 0..random.below(24) {
                text.extend_from_slice(pieces[random.below(pieces.len())]);
            }
            let whole = rows_of(&text, 64);
            for chunk in [1, 2, 3, 7] {
                assert_eq!(rows_of(&text, chunk), whole, "{:?}", String::from_utf8_lossy(&text));
            }
            match whole {
                Ok(rows) => {
                    let fields: Vec<_> = rows.into_iter().map(|(_, fields)| fields).collect();
                    assert_eq!(fields, reference(&text), "{:?}", String::from_utf8_lossy(&text));
                    n_rows += fields.len();
                }
                // Only a quote that is still open may be refused: with it closed, all is well.
                Err(error) => {
                    assert!(error.contains("a quote opens here"), "{error}");
                    text.push(b'"');
                    assert!(rows_of(&text, 64).is_ok(), "{:?}", String::from_utf8_lossy(&text));
                    n_open += 1;
                }
            }
        }
        assert!(n_rows > 5_000 && n_open > 500, "{n_rows} rows, {n_open} open");
    }

    #[test]
    fn lines_are_physical() {
        let lines = |text: &str| -> Vec<u64> {
            let rows = rows_of(text.as_bytes(), 3).expect("well-formed");
            rows.into_iter().map(|(line, _)| line).collect()
        };
        assert_eq!(lines("a\nb\n\nc"), [1, 2, 4]);
        assert_eq!(lines("a\r\nb\r\n\r\nc\r\n"), [1, 2, 4]);
        assert_eq!(lines("a\rb\r\rc"), [1, 2, 4]);
        assert_eq!(lines("\"a\n\r\n\r\"\nb"), [1, 5]);
        assert_eq!(lines("\"a\"\r\n\"b\"\r\rc"), [1, 2, 4]);
    }

    #[test]
    fn an_endless_row_is_refused_before_memory_runs_out() {
        let check = |text: String, expected: &str| {
            // Not `expect_err`, which would print the whole row.
            let Err(error) = rows_of(text.as_bytes(), CHUNK) else {
                panic!("too long or too wide");
            };
            assert!(error.starts_with(expected), "{error}");
        };
        for start in ["", "\"", "\"\n"] {
            let text = format!("{start}{}", "a".repeat(MAX_ROW_BYTES + 1));
            check(text, "line 1: a row of more than 16777216 bytes");
        }
        check(",".repeat(MAX_COLUMNS), "line 1: more than 65536 columns");
        check(format!("\"\"{}", ",".repeat(MAX_COLUMNS)), "line 1: more than 65536 columns");
    }
}
