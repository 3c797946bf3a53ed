//! The narrowest type that holds every value of a column without loss.
//!
//! | every value that is not null looks like | type |
//! |---|---|
//! | `true`, `false` (also `True`, `TRUE` …) | boolean |
//! | an integer within 64 bits, signed | int64 |
//! | an integer, none negative, some beyond that but within 64 bits unsigned | uint64 |
//! | an integer, some beyond 64 bits | utf8 (an id: a float would lose digits) |
//! | an integer, some with leading zeros (`007`) | utf8 (an id: a number would lose the zeros) |
//! | a number, some with a point, an exponent, `nan` or `inf` | float64 |
//! | anything else | utf8 |
//! | (no value at all) | float64 |
//!
//! `-0` counts as a float: an integer would lose the sign.

use std::collections::BTreeSet;

use crate::column::{Nulls, Type, parse_f64};

/// More distinct values than this, and a text column is not a category.
pub const MAX_CATEGORIES: usize = 256;
/// A longer value is no category either.
const MAX_CATEGORY_BYTES: usize = 256;

/// What is known of a column's values so far.
#[derive(Default)]
pub struct Guess {
    booleans: u64,
    integers: u64,
    /// Among the integers: negative, beyond i64, beyond u64, with leading zeros, beyond
    /// what a float64 holds exactly.
    negative: u64,
    beyond_i64: u64,
    beyond_u64: u64,
    padded: u64,
    inexact: u64,
    floats: u64,
    texts: u64,
    /// The first value that is not a number, and its line.
    first_text: Option<(u64, Vec<u8>)>,
    distinct: Distinct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Boolean,
    Integer,
    Float,
    Text,
}

impl Guess {
    /// Takes one value into account, its blanks already off.
    pub fn see(&mut self, text: &[u8], line: u64, nulls: &Nulls) {
        if nulls.is_text_null(text) {
            return;
        }
        // A number that stands for null is text all the same if the column turns out to be.
        self.distinct.insert(text);
        if nulls.is_numeric_null(text) {
            return;
        }
        match self.look(text) {
            Look::Boolean => self.booleans += 1,
            Look::Integer => self.integers += 1,
            Look::Float => self.floats += 1,
            Look::Text => {
                self.texts += 1;
                if self.first_text.is_none() {
                    self.first_text = Some((line, text.to_vec()));
                }
            }
        }
    }

    fn look(&mut self, text: &[u8]) -> Look {
        let (is_negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return match text {
                b"true" | b"True" | b"TRUE" | b"false" | b"False" | b"FALSE" => Look::Boolean,
                _ if is_decimal(digits) || parse_f64(text).is_some() => Look::Float,
                _ => Look::Text,
            };
        }
        if is_negative && digits == b"0" {
            return Look::Float;
        }
        self.negative += u64::from(is_negative);
        self.padded += u64::from(digits.len() > 1 && digits[0] == b'0');
        if digits.len() > 15 {
            let value = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            let limit = i64::MAX as u64 + u64::from(is_negative);
            self.beyond_u64 += u64::from(value.is_none());
            self.beyond_i64 += u64::from(value.is_none_or(|value: u64| value > limit));
            self.inexact += u64::from(value.is_none_or(|value| value > 1 << 53));
        }
        Look::Integer
    }

    /// The type of all values seen.
    pub fn decide(&self) -> Type {
        let numbers = self.integers + self.floats;
        if self.texts > 0 || (self.booleans > 0 && numbers > 0) {
            return Type::Utf8;
        }
        if self.booleans > 0 {
            return Type::Boolean;
        }
        if self.floats > 0 || numbers == 0 {
            return Type::Float64;
        }
        if self.padded > 0 || self.beyond_u64 > 0 {
            return Type::Utf8;
        }
        match (self.beyond_i64 > 0, self.negative > 0) {
            (false, _) => Type::Int64,
            (true, false) => Type::UInt64,
            (true, true) => Type::Utf8,
        }
    }

    /// What the user should know about [`Self::decide`]'s choice for column `name`.
    pub fn caveat(&self, name: &str) -> Option<String> {
        let numbers = self.integers + self.floats;
        match self.decide() {
            Type::Utf8 if self.texts > 0 && numbers > 9 * (self.texts + self.booleans) => {
                let (line, text) = self.first_text.as_ref()?;
                let text = crate::error::excerpt(text);
                let others = match self.texts {
                    1 => String::new(),
                    n => format!(" and {} more", n - 1),
                };
                Some(format!(
                    "column `{name}` is text only because of `{text}` on line {line}{others}, \
                     against {numbers} numbers; if it stands for no value, add it to `null-values`"
                ))
            }
            Type::Float64 if self.inexact > 0 => Some(format!(
                "column `{name}` mixes integers beyond 2^53 with other numbers: as float64 they \
                 lose digits; set `types: {{{name}: utf8}}`, or name what stands for no value in \
                 `null-values`"
            )),
            Type::Float64 if numbers == 0 => Some(format!(
                "column `{name}` has no value at all: taken as float64; set its type in `types`"
            )),
            _ => None,
        }
    }

    /// The sorted distinct values, when there are at most [`MAX_CATEGORIES`].
    pub fn into_categories(self) -> Option<Vec<String>> {
        self.distinct.into_sorted()
    }
}

/// Digits around one point, the usual case, which needs no parser to be known as a number.
fn is_decimal(digits: &[u8]) -> bool {
    let points = digits.iter().filter(|&&byte| byte == b'.').count();
    points == 1
        && digits.len() > 1
        && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// The distinct values of a column, as long as they are few.
struct Distinct {
    values: Option<BTreeSet<Vec<u8>>>,
    /// Values seen lately, by a cheap hash: a column of few values rarely gets past here.
    recent: Vec<Vec<u8>>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { values: Some(BTreeSet::new()), recent: vec![Vec::new(); 64] }
    }
}

impl Distinct {
    fn insert(&mut self, value: &[u8]) {
        let Some(values) = &mut self.values else {
            return;
        };
        let (first, last) = (value.first().copied(), value.last().copied());
        let hash = usize::from(first.unwrap_or(0)) * 7
            + usize::from(last.unwrap_or(0)) * 3
            + usize::from(value.get(value.len() / 2).copied().unwrap_or(0))
            + value.len();
        let recent = &mut self.recent[hash % 64];
        if !value.is_empty() && recent == value {
            return;
        }
        recent.clear();
        recent.extend_from_slice(value);
        if values.contains(value) {
            return;
        }
        if values.len() == MAX_CATEGORIES || value.len() > MAX_CATEGORY_BYTES {
            self.values = None;
            self.recent = Vec::new();
        } else {
            values.insert(value.to_vec());
        }
    }

    fn into_sorted(self) -> Option<Vec<String>> {
        let text = |value: Vec<u8>| String::from_utf8(value).expect("rows are UTF-8");
        Some(self.values?.into_iter().map(text).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: Type) {
        let nulls = Nulls::new(&["-99.99".to_owned(), "NA".to_owned()]);
        let mut guess = Guess::default();
        for (line, value) in values.iter().enumerate() {
            guess.see(value.as_bytes(), line as u64 + 2, &nulls);
        }
        assert_eq!(guess.decide(), expected, "{values:?}");
    }

    #[test]
    fn the_narrowest_type_that_loses_nothing() {
        check(&["1", "-2", "+3", "0"], Type::Int64);
        check(&["9223372036854775807", "-9223372036854775808"], Type::Int64);
        check(&["9223372036854775808", "1"], Type::UInt64);
        check(&["18446744073709551615"], Type::UInt64);
        check(&["9223372036854775808", "-1"], Type::Utf8);
        check(&["18446744073709551616"], Type::Utf8);
        check(&["007", "12"], Type::Utf8);
        check(&["00"], Type::Utf8);
        check(&["05", "05.5"], Type::Float64);
        check(&["-0", "5"], Type::Float64);
        check(&["1", "2.5"], Type::Float64);
        check(&["1e5", "nan", "-inf", "Infinity", ".5", "5."], Type::Float64);
        check(&["1", "NaN"], Type::Float64);
        check(&["true", "FALSE", "True"], Type::Boolean);
        check(&["true", "1"], Type::Utf8);
        check(&["t", "f"], Type::Utf8);
        check(&["1.2.3"], Type::Utf8);
        check(&["."], Type::Utf8);
        check(&["-"], Type::Utf8);
        check(&["1,5"], Type::Utf8);
        check(&["1d5"], Type::Utf8);
        check(&["0x10"], Type::Utf8);
        check(&["1 2"], Type::Utf8);
        check(&["2020-01-01"], Type::Utf8);
    }

    #[test]
    fn nulls_say_nothing() {
        check(&["", "-99.99", "-99.990", "-9.999e1", "NA"], Type::Float64);
        check(&["", "1", "-99.990", "NA"], Type::Int64);
        check(&["", "RRab", "-99.990", "NA"], Type::Utf8);
    }

    #[test]
    fn few_distinct_values_are_categories() {
        let nulls = Nulls::new(&["-1".to_owned()]);
        let mut guess = Guess::default();
        for (line, value) in ["b", "-1.0", "a", "b", "-1", ""].iter().enumerate() {
            guess.see(value.as_bytes(), line as u64, &nulls);
        }
        // In a text column only the very text `-1` is null.
        assert_eq!(guess.into_categories(), Some(vec!["-1.0".into(), "a".into(), "b".into()]));
        for (count, is_category) in [(256, true), (257, false)] {
            let mut guess = Guess::default();
            for value in (0..count).chain(0..count) {
                guess.see(format!("v{value}").as_bytes(), 1, &nulls);
            }
            assert_eq!(guess.into_categories().map(|values| values.len()).is_some(), is_category);
        }
    }

    #[test]
    fn a_stray_word_among_numbers_is_pointed_out() {
        let nulls = Nulls::new(&[]);
        let mut guess = Guess::default();
        for line in 2..30 {
            guess.see(if line == 12 { b"--" } else { b"1.5" }, line, &nulls);
        }
        let caveat = guess.caveat("gmag").expect("nearly all are numbers");
        assert!(caveat.contains("`--` on line 12"), "{caveat}");
    }
}
