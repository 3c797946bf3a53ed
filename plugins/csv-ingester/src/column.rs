//! Fields of one column to one Arrow array.

use std::str::FromStr;
use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a column can be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Utf8,
}

impl Type {
    const ALL: [Self; 12] = [
        Self::Boolean,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::UInt8,
        Self::UInt16,
        Self::UInt32,
        Self::UInt64,
        Self::Float32,
        Self::Float64,
        Self::Utf8,
    ];

    /// The Arrow type.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16 => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
        }
    }

    /// The inverse of [`Self::data_type`].
    pub fn of(data_type: &DataType) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.data_type() == *data_type)
    }

    /// What a value of this type is, for messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean (true or false)",
            Self::Int8 => "an 8-bit integer",
            Self::Int16 => "a 16-bit integer",
            Self::Int32 => "a 32-bit integer",
            Self::Int64 => "a 64-bit integer",
            Self::UInt8 => "an unsigned 8-bit integer",
            Self::UInt16 => "an unsigned 16-bit integer",
            Self::UInt32 => "an unsigned 32-bit integer",
            Self::UInt64 => "an unsigned 64-bit integer",
            Self::Float32 | Self::Float64 => "a number",
            Self::Utf8 => "text",
        }
    }
}

/// Which texts stand for no value.
#[derive(Debug, Clone, Default)]
pub struct Nulls {
    texts: Vec<Vec<u8>>,
    numbers: Vec<f64>,
}

impl Nulls {
    /// The empty text, always, and `sentinels`: each as the text it is and, where both are
    /// numbers, by value (`-99.99` also stands for `-99.990`).
    pub fn new(sentinels: &[String]) -> Self {
        let trimmed = || sentinels.iter().map(|text| trim(text.as_bytes()));
        Self {
            texts: trimmed().map(<[u8]>::to_vec).collect(),
            numbers: trimmed().filter_map(parse_f64).filter(|number| !number.is_nan()).collect(),
        }
    }

    /// `text` is empty or a sentinel, letter by letter.
    pub fn is_text_null(&self, text: &[u8]) -> bool {
        text.is_empty() || self.texts.iter().any(|null| null == text)
    }

    /// `text` has the value of a numeric sentinel.
    pub fn is_numeric_null(&self, text: &[u8]) -> bool {
        let is_negative = text.first() == Some(&b'-');
        self.numbers.iter().any(|null| {
            // Few values even have the right sign: spare the others the parser.
            null.is_sign_negative() == is_negative && parse_f64(text) == Some(*null)
        })
    }
}

/// `text` without spaces and tabs at its ends.
pub fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    match (text.first(), text.last()) {
        (Some(first), Some(last)) if is_blank(first) || is_blank(last) => {
            let Some(from) = text.iter().position(|byte| !is_blank(byte)) else {
                return &[];
            };
            let to = text.iter().rposition(|byte| !is_blank(byte)).map_or(from, |last| last + 1);
            &text[from..to]
        }
        _ => text,
    }
}

/// The float64 nearest to `text`; `nan`, `inf` and `infinity` in any case, signed or not.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    fast_float2::parse(text).ok()
}

/// Gathers the values of one column.
pub trait Builder {
    /// Appends one value, its blanks already off; false when it is not of the type.
    fn push(&mut self, text: &[u8]) -> bool;
    /// Appends a null.
    fn push_null(&mut self);
    /// Bytes gathered so far.
    fn bytes(&self) -> usize;
    /// The array, leaving the builder empty.
    fn finish(&mut self) -> ArrayRef;
}

/// A builder for `kind` in which `nulls` are null.
pub fn builder(kind: Type, nulls: Nulls) -> Box<dyn Builder> {
    match kind {
        Type::Boolean => Box::new(Booleans {
            nulls,
            values: BooleanBufferBuilder::new(0),
            validity: NullBufferBuilder::new(0),
        }),
        Type::Int8 => integers::<Int8Type>(nulls),
        Type::Int16 => integers::<Int16Type>(nulls),
        Type::Int32 => integers::<Int32Type>(nulls),
        Type::Int64 => integers::<Int64Type>(nulls),
        Type::UInt8 => integers::<UInt8Type>(nulls),
        Type::UInt16 => integers::<UInt16Type>(nulls),
        Type::UInt32 => integers::<UInt32Type>(nulls),
        Type::UInt64 => integers::<UInt64Type>(nulls),
        Type::Float32 => numbers::<Float32Type>(nulls, |text| fast_float2::parse(text).ok()),
        Type::Float64 => numbers::<Float64Type>(nulls, parse_f64),
        Type::Utf8 => Box::new(Texts {
            nulls,
            bytes: Vec::new(),
            ends: vec![0],
            validity: NullBufferBuilder::new(0),
        }),
    }
}

fn integers<T: ArrowPrimitiveType>(nulls: Nulls) -> Box<dyn Builder>
where
    T::Native: FromStr,
{
    numbers::<T>(nulls, |text| std::str::from_utf8(text).ok()?.parse().ok())
}

fn numbers<T: ArrowPrimitiveType>(
    nulls: Nulls,
    parse: fn(&[u8]) -> Option<T::Native>,
) -> Box<dyn Builder> {
    Box::new(Numbers::<T> { nulls, parse, values: Vec::new(), validity: NullBufferBuilder::new(0) })
}

struct Numbers<T: ArrowPrimitiveType> {
    nulls: Nulls,
    parse: fn(&[u8]) -> Option<T::Native>,
    values: Vec<T::Native>,
    validity: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType> Builder for Numbers<T> {
    fn push(&mut self, text: &[u8]) -> bool {
        if self.nulls.is_text_null(text) || self.nulls.is_numeric_null(text) {
            self.push_null();
            return true;
        }
        let Some(value) = (self.parse)(text) else {
            return false;
        };
        self.values.push(value);
        self.validity.append_non_null();
        true
    }

    fn push_null(&mut self) {
        self.values.push(T::default_value());
        self.validity.append_null();
    }

    fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
    }

    fn finish(&mut self) -> ArrayRef {
        let capacity = self.values.len();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(capacity));
        let values = ScalarBuffer::from(values);
        Arc::new(PrimitiveArray::<T>::new(values, self.validity.finish()))
    }
}

struct Booleans {
    nulls: Nulls,
    values: BooleanBufferBuilder,
    validity: NullBufferBuilder,
}

impl Builder for Booleans {
    fn push(&mut self, text: &[u8]) -> bool {
        if self.nulls.is_text_null(text) {
            self.push_null();
            return true;
        }
        let value = match text {
            b"true" | b"True" | b"TRUE" | b"1" => true,
            b"false" | b"False" | b"FALSE" | b"0" => false,
            _ if self.nulls.is_numeric_null(text) => {
                self.push_null();
                return true;
            }
            _ => return false,
        };
        self.values.append(value);
        self.validity.append_non_null();
        true
    }

    fn push_null(&mut self) {
        self.values.append(false);
        self.validity.append_null();
    }

    fn bytes(&self) -> usize {
        self.values.len() / 8
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.validity.finish()))
    }
}

struct Texts {
    nulls: Nulls,
    bytes: Vec<u8>,
    ends: Vec<i32>,
    validity: NullBufferBuilder,
}

impl Texts {
    fn end(&mut self) {
        let end = self.bytes.len().try_into().expect("batches end long before 2 GiB of text");
        self.ends.push(end);
    }
}

impl Builder for Texts {
    fn push(&mut self, text: &[u8]) -> bool {
        if self.nulls.is_text_null(text) {
            self.push_null();
        } else {
            self.bytes.extend_from_slice(text);
            self.end();
            self.validity.append_non_null();
        }
        true
    }

    fn push_null(&mut self) {
        self.end();
        self.validity.append_null();
    }

    fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(self.ends.as_slice())
    }

    fn finish(&mut self) -> ArrayRef {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let bytes = Buffer::from_vec(std::mem::take(&mut self.bytes));
        let validity = self.validity.finish();
        let array = StringArray::try_new(offsets, bytes, validity).expect("rows are UTF-8");
        debug_assert!(array.len() + 1 == array.offsets().len());
        Arc::new(array)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn blanks_come_off_both_ends_only() {
        for (text, expected) in
            [("  a b\t", "a b"), ("", ""), ("   ", ""), ("x", "x"), ("\tx", "x")]
        {
            assert_eq!(trim(text.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn a_sentinel_is_null_by_text_and_by_value() {
        let nulls = || Nulls::new(&["-99.99".to_owned(), " NA ".to_owned()]);
        let mut floats = builder(Type::Float64, nulls());
        for text in ["-99.99", "-99.990", "", "NA", "1.5", "99.99", "-9999e-2"] {
            assert!(floats.push(text.as_bytes()), "{text}");
        }
        assert!(!floats.push(b"N/A"));
        let array = floats.finish();
        let values: Vec<_> = array.as_primitive::<Float64Type>().iter().collect();
        assert_eq!(values, [None, None, None, None, Some(1.5), Some(99.99), None]);

        let mut texts = builder(Type::Utf8, nulls());
        for text in ["-99.99", "-99.990", "NA", "x"] {
            assert!(texts.push(text.as_bytes()));
        }
        let array = texts.finish();
        let values: Vec<_> = array.as_string::<i32>().iter().collect();
        assert_eq!(values, [None, Some("-99.990"), None, Some("x")]);
    }

    #[test]
    fn numbers_are_rounded_once() {
        let mut floats = builder(Type::Float32, Nulls::default());
        // Rounding to float64 first would give 0x3F800000.
        assert!(floats.push(b"1.00000005960464477540"));
        let array = floats.finish();
        assert_eq!(array.as_primitive::<Float32Type>().value(0).to_bits(), 0x3F80_0001);
    }

    #[test]
    fn integers_that_do_not_fit_are_refused() {
        for (kind, good, bad) in [
            (Type::Int8, "-128", "128"),
            (Type::UInt8, "255", "-1"),
            (Type::Int32, "2147483647", "2147483648"),
            (Type::Int64, "9223372036854775807", "9223372036854775808"),
            (Type::UInt64, "18446744073709551615", "18446744073709551616"),
            (Type::Int64, "007", "1.0"),
        ] {
            let mut integers = builder(kind, Nulls::default());
            assert!(integers.push(good.as_bytes()));
            assert!(!integers.push(bad.as_bytes()), "{kind:?} {bad}");
        }
    }
}
