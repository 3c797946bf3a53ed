//! Names for logical content.

use std::fmt;
use std::str::FromStr;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Fields, SchemaRef};

use super::dictionary::with_word;

/// A BLAKE3 digest; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of nothing that anybody found.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from(blake3::hash(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Enough digits for people to tell digests apart.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from_bytes(self.0).to_hex().fmt(f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = blake3::HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(Self::from)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_bytes(DigestBytes);
        }
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads the 32 bytes in one piece.
struct DigestBytes;

impl serde::de::Visitor<'_> for DigestBytes {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("32 bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Digest, E> {
        let bytes = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(Digest(bytes))
    }
}

/// Digests a table as it streams by: per column, and of the whole.
///
/// Equal values give equal digests. Batching, slicing, padding, what lies under a null, and
/// how a dictionary is laid out do not matter; the sign of zero does, and NaNs are expected
/// to be canonical.
pub struct Digester {
    schema: SchemaRef,
    rows: u64,
    columns: Vec<ColumnDigester>,
}

impl Digester {
    pub fn new(schema: SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|field| ColumnDigester::new(field.data_type()));
        Self { rows: 0, columns: columns.collect(), schema }
    }

    /// Adds the rows of `batch`, which is of the schema.
    pub fn update(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (digester, column) in self.columns.iter_mut().zip(batch.columns()) {
            digester.update(column);
        }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The digest of each column, and of the table with its schema.
    pub fn finish(self) -> (Vec<Digest>, Digest) {
        let columns: Vec<_> = self.columns.into_iter().map(ColumnDigester::finish).collect();
        let whole = partition_digest(self.schema.fields(), self.rows, &columns);
        (columns, whole)
    }
}

/// The digest of a partition with these columns.
pub(super) fn partition_digest(fields: &Fields, rows: u64, columns: &[Digest]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("skyloom partition v1");
    hasher.update(schema_digest(fields).as_bytes());
    hasher.update(&rows.to_le_bytes());
    for digest in columns {
        hasher.update(digest.as_bytes());
    }
    Digest::from(hasher.finalize())
}

/// The digest of names, types, nullability and metadata.
pub(crate) fn schema_digest(fields: &Fields) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("skyloom schema v1");
    let mut text = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    // Tables only hold types that cross the border, so flattening cannot fail.
    for field in skyloom_wire::flatten_fields(fields).unwrap_or_default() {
        text(&field.name);
        text(&field.format);
        text(if field.nullable { "nullable" } else { "never null" });
        text(if field.dictionary { "dictionary" } else { "plain" });
        text(&field.children.to_string());
        text(&field.metadata.len().to_string());
        for (key, value) in &field.metadata {
            text(key);
            text(value);
        }
    }
    Digest::from(hasher.finalize())
}

/// Digests one array of a column; children have their own.
struct ColumnDigester {
    rows: u64,
    /// Indices of null rows.
    nulls: blake3::Hasher,
    /// Values, zeroed under nulls; lengths, where values vary in length.
    values: blake3::Hasher,
    /// Text and bytes, run together; their lengths are in `values`.
    bytes: blake3::Hasher,
    children: Vec<ColumnDigester>,
}

impl ColumnDigester {
    fn new(data_type: &DataType) -> Self {
        let children = match data_type {
            DataType::List(child)
            | DataType::LargeList(child)
            | DataType::FixedSizeList(child, _)
            | DataType::Map(child, _) => vec![Self::new(child.data_type())],
            DataType::Struct(fields) => {
                fields.iter().map(|field| Self::new(field.data_type())).collect()
            }
            _ => Vec::new(),
        };
        let [nulls, values, bytes] = ["nulls", "values", "bytes"]
            .map(|part| blake3::Hasher::new_derive_key(&format!("skyloom column v1 {part}")));
        Self { rows: 0, nulls, values, bytes, children }
    }

    fn finish(self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("skyloom column v1");
        hasher.update(&self.rows.to_le_bytes());
        for part in [self.nulls, self.values, self.bytes] {
            hasher.update(part.finalize().as_bytes());
        }
        for child in self.children {
            hasher.update(child.finish().as_bytes());
        }
        Digest::from(hasher.finalize())
    }

    fn update(&mut self, array: &ArrayRef) {
        self.update_masked(array, None);
    }

    /// Adds `array`, whose rows are null also where the struct around it is.
    fn update_masked(&mut self, array: &ArrayRef, outer: Option<&NullBuffer>) {
        let own = match array.data_type() {
            // Nothing but nulls is in there.
            DataType::Null => None,
            // A word can be null where its key is not.
            DataType::Dictionary(..) => NullBuffer::union(array.logical_nulls().as_ref(), outer),
            _ => NullBuffer::union(array.nulls(), outer),
        };
        let nulls = own.as_ref().filter(|nulls| nulls.null_count() > 0);
        if let Some(nulls) = nulls {
            for row in (0..nulls.len()).filter(|&row| nulls.is_null(row)) {
                self.nulls.update(&(self.rows + row as u64).to_le_bytes());
            }
        }
        self.rows += array.len() as u64;
        self.update_values(array, nulls);
    }

    fn update_values(&mut self, array: &ArrayRef, nulls: Option<&NullBuffer>) {
        match array.data_type() {
            DataType::Null => {}
            DataType::Boolean => {
                let bits = array.as_boolean().values();
                let valid = |row| nulls.is_none_or(|nulls| nulls.is_valid(row));
                let bytes: Vec<u8> =
                    (0..array.len()).map(|row| u8::from(valid(row) && bits.value(row))).collect();
                self.values.update(&bytes);
            }
            DataType::Utf8 => {
                let array = array.as_string::<i32>();
                let text = array.values().as_slice();
                self.update_bytes(array.offsets().iter().map(|&at| at as usize), text, nulls);
            }
            DataType::LargeUtf8 => {
                let array = array.as_string::<i64>();
                let text = array.values().as_slice();
                self.update_bytes(array.offsets().iter().map(|&at| at as usize), text, nulls);
            }
            DataType::Binary => {
                let array = array.as_binary::<i32>();
                let bytes = array.values().as_slice();
                self.update_bytes(array.offsets().iter().map(|&at| at as usize), bytes, nulls);
            }
            DataType::LargeBinary => {
                let array = array.as_binary::<i64>();
                let bytes = array.values().as_slice();
                self.update_bytes(array.offsets().iter().map(|&at| at as usize), bytes, nulls);
            }
            DataType::List(_) => {
                let array = array.as_list::<i32>();
                let offsets = array.value_offsets().iter().map(|&at| at as usize);
                self.update_lists(offsets, array.values(), nulls);
            }
            DataType::LargeList(_) => {
                let array = array.as_list::<i64>();
                let offsets = array.value_offsets().iter().map(|&at| at as usize);
                self.update_lists(offsets, array.values(), nulls);
            }
            DataType::Map(_, _) => {
                let array = array.as_map();
                let entries: ArrayRef = std::sync::Arc::new(array.entries().clone());
                let offsets = array.value_offsets().iter().map(|&at| at as usize);
                self.update_lists(offsets, &entries, nulls);
            }
            DataType::FixedSizeList(_, length) => {
                let array = array.as_fixed_size_list();
                let length = *length as usize;
                let start = array.value_offset(0) as usize;
                let offsets = (0..=array.len()).map(|row| start + row * length);
                self.update_lists(offsets, array.values(), nulls);
            }
            DataType::Struct(_) => {
                for (child, column) in self.children.iter_mut().zip(array.as_struct().columns()) {
                    child.update_masked(column, nulls);
                }
            }
            DataType::Dictionary(..) => self.update_words(array, nulls),
            _ => self.update_fixed_width(array, nulls),
        }
    }

    /// Each row by the hash of its word: a word may be long, and stand in many rows.
    fn update_words(&mut self, array: &ArrayRef, nulls: Option<&NullBuffer>) {
        let dictionary = array.as_any_dictionary();
        let words = dictionary.values();
        let keys =
            if words.is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
        let mut hashes: Vec<Option<blake3::Hash>> = vec![None; words.len()];
        for (row, key) in keys.into_iter().enumerate() {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                self.values.update(&[0; blake3::OUT_LEN]);
            } else {
                let hash = hashes[key].get_or_insert_with(|| with_word(words, key, blake3::hash));
                self.values.update(hash.as_bytes());
            }
        }
    }

    fn update_fixed_width(&mut self, array: &ArrayRef, nulls: Option<&NullBuffer>) {
        let data = array.to_data();
        let width = match array.data_type() {
            DataType::FixedSizeBinary(width) => *width as usize,
            other => other.primitive_width().expect("all other types are primitive"),
        };
        let values = &data.buffers()[0].as_slice()[data.offset() * width..][..data.len() * width];
        let Some(nulls) = nulls else {
            self.values.update(values);
            return;
        };
        let mut values = values.to_vec();
        for row in (0..nulls.len()).filter(|&row| nulls.is_null(row)) {
            values[row * width..][..width].fill(0);
        }
        self.values.update(&values);
    }

    /// `offsets` has one more entry than there are rows.
    fn update_bytes(
        &mut self,
        offsets: impl Iterator<Item = usize>,
        bytes: &[u8],
        nulls: Option<&NullBuffer>,
    ) {
        let mut lengths = Vec::new();
        for_each_run(offsets, nulls, &mut lengths, |start, end| {
            self.bytes.update(&bytes[start..end]);
        });
        self.values.update(&lengths);
    }

    fn update_lists(
        &mut self,
        offsets: impl Iterator<Item = usize>,
        values: &ArrayRef,
        nulls: Option<&NullBuffer>,
    ) {
        let mut lengths = Vec::new();
        let child = &mut self.children[0];
        for_each_run(offsets, nulls, &mut lengths, |start, end| {
            child.update(&values.slice(start, end - start));
        });
        self.values.update(&lengths);
    }
}

/// Calls `visit` with each range of values that belongs to consecutive valid rows, and
/// notes the length of each row, 0 for a null one.
fn for_each_run(
    mut offsets: impl Iterator<Item = usize>,
    nulls: Option<&NullBuffer>,
    lengths: &mut Vec<u8>,
    mut visit: impl FnMut(usize, usize),
) {
    let Some(mut start) = offsets.next() else { return };
    let mut run = start..start;
    for (row, end) in offsets.enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            lengths.extend_from_slice(&0_u64.to_le_bytes());
            visit_if_any(&run, &mut visit);
            run = end..end;
        } else {
            lengths.extend_from_slice(&((end - start) as u64).to_le_bytes());
            run.end = end;
        }
        start = end;
    }
    visit_if_any(&run, &mut visit);
}

fn visit_if_any(run: &std::ops::Range<usize>, visit: &mut impl FnMut(usize, usize)) {
    if !run.is_empty() {
        visit(run.start, run.end);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, ListArray, StringArray, StructArray};
    use arrow::buffer::{OffsetBuffer, ScalarBuffer};
    use arrow::datatypes::{Field, Int32Type, Schema};

    use super::*;

    fn digest_in_batches(array: &ArrayRef, batch_rows: usize) -> Digest {
        let field = Field::new("x", array.data_type().clone(), true);
        let schema = Arc::new(Schema::new(vec![field]));
        let mut digester = Digester::new(schema.clone());
        for start in (0..array.len()).step_by(batch_rows) {
            let part = array.slice(start, batch_rows.min(array.len() - start));
            digester.update(&RecordBatch::try_new(schema.clone(), vec![part]).unwrap());
        }
        digester.finish().1
    }

    fn check_same(left: ArrayRef, right: ArrayRef) {
        for batch_rows in [1, 2, 5] {
            assert_eq!(digest_in_batches(&left, 64), digest_in_batches(&right, batch_rows));
        }
    }

    fn check_differ(left: ArrayRef, right: ArrayRef) {
        assert_ne!(digest_in_batches(&left, 64), digest_in_batches(&right, 64));
    }

    #[test]
    fn equal_values_have_equal_digests_however_they_lie() {
        let hidden = |under_null: f64| -> ArrayRef {
            let nulls = NullBuffer::from(vec![true, false, true]);
            Arc::new(Float64Array::new(vec![1.0, under_null, 3.0].into(), Some(nulls)))
        };
        check_same(hidden(7.0), hidden(8.0));
        let text: ArrayRef =
            Arc::new(StringArray::from(vec![Some("a"), None, Some("bc"), Some("")]));
        check_same(text.clone(), text.clone());
        let longer: ArrayRef =
            Arc::new(StringArray::from(vec![Some("z"), Some("a"), None, Some("bc"), Some("")]));
        check_same(text, longer.slice(1, 4));
        let lists = |offsets: Vec<i32>, values: Vec<f64>| -> ArrayRef {
            let field = Arc::new(Field::new("item", DataType::Float64, true));
            let nulls = NullBuffer::from(vec![true, false, true]);
            let values = Arc::new(Float64Array::from(values));
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            Arc::new(ListArray::new(field, offsets, values, Some(nulls)))
        };
        check_same(
            lists(vec![0, 1, 1, 3], vec![1.0, 2.0, 3.0]),
            lists(vec![0, 1, 2, 4], vec![1.0, 9.0, 2.0, 3.0]),
        );
        let words = |keys: Vec<i32>, values: Vec<&str>| -> ArrayRef {
            let values = Arc::new(StringArray::from(values));
            Arc::new(arrow::array::DictionaryArray::<Int32Type>::new(keys.into(), values))
        };
        check_same(words(vec![0, 1, 0], vec!["a", "b"]), words(vec![2, 0, 2], vec!["b", "c", "a"]));
    }

    #[test]
    fn different_values_have_different_digests() {
        let text = |words: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(words)) };
        check_differ(text(vec![Some("ab"), Some("c")]), text(vec![Some("a"), Some("bc")]));
        check_differ(text(vec![Some("")]), text(vec![None]));
        let pair = |inner: Option<f64>, valid: bool| -> ArrayRef {
            let child: ArrayRef = Arc::new(Float64Array::from(vec![inner]));
            let fields = Fields::from(vec![Field::new("x", DataType::Float64, true)]);
            Arc::new(StructArray::new(fields, vec![child], Some(NullBuffer::from(vec![valid]))))
        };
        check_same(pair(Some(1.0), false), pair(Some(2.0), false));
        check_differ(pair(None, true), pair(None, false));
    }
}
