//! Values as one line of text.

use std::fmt::{self, Write};

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The most characters that a value is described with.
const LENGTH: usize = 80;

/// The value in `row`, cut to 80 characters, with control characters escaped.
pub(super) fn describe(array: &dyn Array, row: usize) -> String {
    let options = FormatOptions::new().with_null("null");
    let mut line = Line::default();
    match ArrayFormatter::try_new(array, &options) {
        // A full line refuses the rest: a long list is not written out only to be cut.
        Ok(formatter) => drop(write!(line, "{}", formatter.value(row))),
        // Arrow knows no zones by name.
        Err(_) => drop(write!(line, "some {}", array.data_type())),
    }
    line.finish()
}

#[derive(Default)]
struct Line {
    text: String,
    characters: usize,
}

impl Line {
    /// Pushes `c` unless the line would be more than one character too long.
    fn push(&mut self, c: char) -> fmt::Result {
        if self.characters > LENGTH {
            return Err(fmt::Error);
        }
        self.text.push(c);
        self.characters += 1;
        Ok(())
    }

    fn finish(self) -> String {
        if self.characters <= LENGTH {
            return self.text;
        }
        self.text.chars().take(LENGTH - 1).chain(['…']).collect()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c.is_control() {
            true => c.escape_default().try_for_each(|c| self.push(c)),
            false => self.push(c),
        })
    }
}
