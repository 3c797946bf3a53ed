//! Text to fields.

use std::fmt;

/// What is wrong with a text, and on which line; lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineError {
    /// A line has another number of fields than there are columns.
    Ragged { line: u64, found: usize, expected: usize },
    /// A line is not UTF-8.
    NotUtf8 { line: u64 },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ragged { line, found, expected } => write!(
                f,
                "line {line} has {found} fields, but `columns` names {expected}; name all columns, or mend the line"
            ),
            Self::NotUtf8 { line } => {
                write!(f, "line {line} is not UTF-8; convert the file, say with `iconv`")
            }
        }
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
}

/// The fields of one line; none where a word stands for a missing value.
pub type Row = Vec<Option<String>>;

/// Makes rows of a text that comes in pieces.
pub struct Lines<'a> {
    comment: &'a str,
    missing: &'a [String],
    columns: usize,
    /// Lines that are complete.
    line: u64,
    /// The beginning of the next line.
    rest: Vec<u8>,
}

impl<'a> Lines<'a> {
    /// Lines that begin with `comment` are left out, as are empty ones; the words in `missing`
    /// stand for missing values.
    pub fn new(comment: &'a str, missing: &'a [String], columns: usize) -> Self {
        Self { comment, missing, columns, line: 0, rest: Vec::new() }
    }

    /// The rows that are complete once `bytes` are added; with `is_last`, all that are left.
    ///
    /// # Errors
    /// The first line that is no row.
    pub fn take(&mut self, bytes: &[u8], is_last: bool) -> Result<Vec<Row>, LineError> {
        self.rest.extend_from_slice(bytes);
        let end = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            _ if is_last => self.rest.len(),
            Some(newline) => newline + 1,
            None => 0,
        };
        let text: Vec<u8> = self.rest.drain(..end).collect();
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        if end == 0 {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            self.line += 1;
            let line = std::str::from_utf8(line);
            let line = line.map_err(|_| LineError::NotUtf8 { line: self.line })?;
            rows.extend(self.row(line.trim())?);
        }
        Ok(rows)
    }

    fn row(&self, text: &str) -> Result<Option<Row>, LineError> {
        let is_comment = !self.comment.is_empty() && text.starts_with(self.comment);
        if text.is_empty() || is_comment {
            return Ok(None);
        }
        let is_missing = |word: &str| self.missing.iter().any(|missing| missing == word);
        let words = text.split_whitespace();
        let row: Row = words.map(|word| (!is_missing(word)).then(|| word.to_owned())).collect();
        if row.len() == self.columns {
            return Ok(Some(row));
        }
        let (line, found, expected) = (self.line, row.len(), self.columns);
        Err(LineError::Ragged { line, found, expected })
    }
}

/// Turns the columns to text in which `row` has something else than a number.
pub fn widen(kinds: &mut [Kind], row: &Row) {
    for (kind, field) in kinds.iter_mut().zip(row) {
        if field.as_ref().is_some_and(|field| field.parse::<f64>().is_err()) {
            *kind = Kind::Text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pieces: &[&str]) -> Result<Vec<Row>, LineError> {
        let missing = ["-".to_owned()];
        let mut lines = Lines::new("#", &missing, 2);
        let mut rows = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            rows.extend(lines.take(piece.as_bytes(), index + 1 == pieces.len())?);
        }
        Ok(rows)
    }

    #[test]
    fn fields_are_words() {
        let field = |text: &str| Some(text.to_owned());
        let expected = vec![vec![field("a"), field("1.5")], vec![field("b"), None]];
        assert_eq!(rows(&["# star mag\n\n a   1.5\r\nb\t-\n"]), Ok(expected.clone()));
        // Wherever the text is cut, and without the last newline.
        assert_eq!(rows(&["# star", " mag\n\n a  ", " 1.5\r", "\nb\t-"]), Ok(expected));
    }

    #[test]
    fn a_ragged_line_is_named() {
        let expected = LineError::Ragged { line: 3, found: 3, expected: 2 };
        assert_eq!(rows(&["a 1\n# x\nb 2", " 3\n"]), Err(expected));
    }

    #[test]
    fn columns_of_numbers_are_told_from_text() {
        let mut kinds = [Kind::Number; 2];
        for row in rows(&["1 -\n2 -1e3\nx 3\n"]).unwrap() {
            widen(&mut kinds, &row);
        }
        assert_eq!(kinds, [Kind::Text, Kind::Number]);
    }
}
