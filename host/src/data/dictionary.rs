//! Dictionaries of a table as it streams by.
//!
//! Every batch may bring dictionaries of its own; a file holds one for each column, which
//! may grow. [`Dictionaries::strip`] leaves only keys, which all batches share, and
//! [`Dictionaries::dress`] puts the words back that are known so far.

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait, RecordBatch,
    StructArray, UInt64Array, make_array, new_empty_array, new_null_array,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use indexmap::IndexSet;

use super::StoreError;

/// Whether a value of this type is or holds a word of a dictionary.
pub(super) fn has_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_dictionary(field.data_type())),
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::Map(child, _)
        | DataType::FixedSizeList(child, _) => has_dictionary(child.data_type()),
        _ => false,
    }
}

/// Calls `visit` with the bytes of a word, which is not null. Words are plain: the wire lets
/// no others through.
pub(super) fn with_word<T>(words: &ArrayRef, index: usize, visit: impl FnOnce(&[u8]) -> T) -> T {
    match words.data_type() {
        DataType::Boolean => visit(&[u8::from(words.as_boolean().value(index))]),
        DataType::Utf8 => visit(words.as_string::<i32>().value(index).as_bytes()),
        DataType::LargeUtf8 => visit(words.as_string::<i64>().value(index).as_bytes()),
        DataType::Binary => visit(words.as_binary::<i32>().value(index)),
        DataType::LargeBinary => visit(words.as_binary::<i64>().value(index)),
        DataType::FixedSizeBinary(_) => visit(words.as_fixed_size_binary().value(index)),
        other => {
            let width = other.primitive_width().expect("all other words are primitive");
            let data = words.to_data();
            let start = (data.offset() + index) * width;
            visit(&data.buffers()[0].as_slice()[start..start + width])
        }
    }
}

/// The dictionaries of a table, in the order of its schema.
pub(super) struct Dictionaries {
    schema: SchemaRef,
    plain: SchemaRef,
    words: Vec<Words>,
}

/// One dictionary: words in the order in which rows first used them.
struct Words {
    column: String,
    key: DataType,
    known: IndexSet<Box<[u8]>>,
    /// All that are known, in pieces until they are asked for.
    parts: Vec<ArrayRef>,
}

const ORDER: &str = "arrays have the dictionaries that their schema has";

impl Dictionaries {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let mut words = Vec::new();
        for field in schema.fields() {
            find(field.name(), field.data_type(), &mut words);
        }
        let plain: Vec<_> = schema.fields().iter().map(plain_field).collect();
        Self { schema: schema.clone(), plain: Arc::new(Schema::new(plain)), words }
    }

    /// The schema of stripped batches: keys in place of words.
    pub(super) fn plain_schema(&self) -> &SchemaRef {
        &self.plain
    }

    /// `batch` with keys that hold for the whole table in place of its words.
    ///
    /// # Errors
    /// [`StoreError::TooManyWords`] when keys are too narrow for all words together.
    pub(super) fn strip(&mut self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let plain = self.plain.clone();
        self.convert(batch, plain, |words, array, _| words.strip(array))
    }

    /// A stripped batch with its words.
    ///
    /// # Errors
    /// Never, for batches that [`Self::strip`] made.
    pub(super) fn dress(&mut self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let schema = self.schema.clone();
        self.convert(batch, schema, Words::dress)
    }

    fn convert(
        &mut self,
        batch: &RecordBatch,
        schema: SchemaRef,
        change: impl Fn(&mut Words, &ArrayRef, &DataType) -> Result<ArrayRef, StoreError>,
    ) -> Result<RecordBatch, StoreError> {
        let mut words = self.words.iter_mut();
        let mut change =
            |array: &ArrayRef, to: &DataType| change(words.next().expect(ORDER), array, to);
        let columns = batch.columns().iter().zip(schema.fields());
        let columns: Result<Vec<_>, StoreError> = columns
            .map(|(column, field)| convert(column, field.data_type(), &mut change))
            .collect();
        Ok(RecordBatch::try_new(schema, columns?)?)
    }
}

impl Words {
    /// The keys of `array`, which holds words.
    fn strip(&mut self, array: &ArrayRef) -> Result<ArrayRef, StoreError> {
        let dictionary = array.as_any_dictionary();
        let words = dictionary.values();
        if words.is_empty() {
            return Ok(new_null_array(&self.key, array.len()));
        }
        let mut moved: Vec<Option<u64>> = vec![None; words.len()];
        let mut fresh = Vec::new();
        let keys = dictionary.normalized_keys().into_iter().enumerate().map(|(row, old)| {
            if array.is_null(row) || words.is_null(old) {
                return None;
            }
            Some(*moved[old].get_or_insert_with(|| {
                let (new, is_fresh) =
                    with_word(words, old, |word| self.known.insert_full(word.into()));
                if is_fresh {
                    fresh.push(old as u64);
                }
                new as u64
            }))
        });
        let keys: UInt64Array = keys.collect();
        let limit = most_words(&self.key);
        if self.known.len() as u64 > limit {
            let (column, key) = (self.column.clone(), self.key.to_string());
            return Err(StoreError::TooManyWords { column, key, limit });
        }
        if !fresh.is_empty() {
            self.parts.push(take(words, &UInt64Array::from(fresh), None)?);
        }
        Ok(cast(&keys, &self.key)?)
    }

    /// The words of `keys`.
    fn dress(&mut self, keys: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, StoreError> {
        let DataType::Dictionary(_, word) = data_type else { unreachable!("{ORDER}") };
        let words = match self.parts.as_slice() {
            [] => new_empty_array(word),
            [one] => one.clone(),
            parts => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
        };
        self.parts = vec![words.clone()];
        let keys = keys.to_data().into_builder().data_type(data_type.clone());
        Ok(make_array(keys.child_data(vec![words.to_data()]).build()?))
    }
}

/// How many words keys of this type can tell apart.
fn most_words(key: &DataType) -> u64 {
    match key {
        DataType::Int8 => 1 << 7,
        DataType::UInt8 => 1 << 8,
        DataType::Int16 => 1 << 15,
        DataType::UInt16 => 1 << 16,
        DataType::Int32 => 1 << 31,
        DataType::UInt32 => 1 << 32,
        _ => u64::MAX,
    }
}

fn find(column: &str, data_type: &DataType, words: &mut Vec<Words>) {
    match data_type {
        DataType::Dictionary(key, _) => words.push(Words {
            column: column.to_owned(),
            key: key.as_ref().clone(),
            known: IndexSet::new(),
            parts: Vec::new(),
        }),
        DataType::Struct(fields) => {
            fields.iter().for_each(|field| find(column, field.data_type(), words));
        }
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::Map(child, _)
        | DataType::FixedSizeList(child, _) => find(column, child.data_type(), words),
        _ => {}
    }
}

/// `field` with keys in place of words, at any depth.
fn plain_field(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Dictionary(key, _) => key.as_ref().clone(),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::List(child) => DataType::List(plain_field(child)),
        DataType::LargeList(child) => DataType::LargeList(plain_field(child)),
        DataType::Map(child, sorted) => DataType::Map(plain_field(child), *sorted),
        DataType::FixedSizeList(child, length) => {
            DataType::FixedSizeList(plain_field(child), *length)
        }
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// `array` as one of type `to`: `change` does so where one of the two is a dictionary.
fn convert(
    array: &ArrayRef,
    to: &DataType,
    change: &mut impl FnMut(&ArrayRef, &DataType) -> Result<ArrayRef, StoreError>,
) -> Result<ArrayRef, StoreError> {
    if array.data_type() == to && !has_dictionary(to) {
        return Ok(array.clone());
    }
    let nulls = array.nulls().cloned();
    Ok(match (array.data_type(), to) {
        (DataType::List(_), DataType::List(child)) => {
            convert_list(array.as_list::<i32>(), child, change)?
        }
        (DataType::LargeList(_), DataType::LargeList(child)) => {
            convert_list(array.as_list::<i64>(), child, change)?
        }
        (DataType::FixedSizeList(_, _), DataType::FixedSizeList(child, length)) => {
            let values = convert(array.as_fixed_size_list().values(), child.data_type(), change)?;
            let (child, rows) = (child.clone(), array.len());
            Arc::new(FixedSizeListArray::try_new_with_length(child, *length, values, nulls, rows)?)
        }
        (DataType::Map(_, _), DataType::Map(child, sorted)) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let (offsets, entries) = trimmed(map.offsets(), &entries);
            let entries = convert(&entries, child.data_type(), change)?.as_struct().clone();
            Arc::new(MapArray::try_new(child.clone(), offsets, entries, nulls, *sorted)?)
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let columns = array.as_struct().columns().iter().zip(fields);
            let columns: Result<Vec<_>, StoreError> =
                columns.map(|(column, field)| convert(column, field.data_type(), change)).collect();
            Arc::new(StructArray::try_new(fields.clone(), columns?, nulls)?)
        }
        _ => change(array, to)?,
    })
}

fn convert_list<O: OffsetSizeTrait>(
    list: &GenericListArray<O>,
    child: &FieldRef,
    change: &mut impl FnMut(&ArrayRef, &DataType) -> Result<ArrayRef, StoreError>,
) -> Result<ArrayRef, StoreError> {
    let (offsets, values) = trimmed(list.offsets(), list.values());
    let values = convert(&values, child.data_type(), change)?;
    let nulls = list.nulls().cloned();
    Ok(Arc::new(GenericListArray::try_new(child.clone(), offsets, values, nulls)?))
}

/// The items of a list's own rows only: a slice of a list still has those of all rows.
fn trimmed<O: OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
    values: &ArrayRef,
) -> (OffsetBuffer<O>, ArrayRef) {
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let values = values.slice(first.as_usize(), (last - first).as_usize());
    let moved: ScalarBuffer<O> = offsets.iter().map(|&offset| offset - first).collect();
    (OffsetBuffer::new(moved), values)
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, FixedSizeListArray, StringArray};
    use arrow::datatypes::{Field, Int8Type};

    use super::*;

    fn batch(schema: &SchemaRef, words: &[Option<&str>]) -> RecordBatch {
        let words: DictionaryArray<Int8Type> = words.iter().copied().collect();
        RecordBatch::try_new(schema.clone(), vec![Arc::new(words)]).unwrap()
    }

    fn schema() -> SchemaRef {
        let words = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        Arc::new(Schema::new(vec![Field::new("class", words, true)]))
    }

    #[test]
    fn batches_share_one_growing_dictionary() {
        let schema = schema();
        let mut dictionaries = Dictionaries::new(&schema);
        let mut words_of = |words: &[Option<&str>]| {
            let stripped = dictionaries.strip(&batch(&schema, words)).unwrap();
            let dressed = dictionaries.dress(&stripped).unwrap();
            let column = dressed.column(0).as_any_dictionary();
            let plain = cast(dressed.column(0), &DataType::Utf8).unwrap();
            assert_eq!(plain.as_string::<i32>().iter().collect::<Vec<_>>(), words);
            column.values().as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words_of(&[None]), "");
        assert_eq!(words_of(&[Some("RRAB"), None, Some("CEP")]), "RRAB CEP");
        assert_eq!(words_of(&[Some("LPV"), Some("CEP")]), "RRAB CEP LPV");
    }

    #[test]
    fn too_many_words_are_an_error() {
        let schema = schema();
        let mut dictionaries = Dictionaries::new(&schema);
        let name = |number: usize| StringArray::from(vec![number.to_string()]);
        for number in 0..=128 {
            let words = DictionaryArray::<Int8Type>::new(vec![0].into(), Arc::new(name(number)));
            let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(words)]).unwrap();
            assert_eq!(dictionaries.strip(&batch).is_ok(), number < 128, "{number}");
        }
    }

    #[test]
    fn lists_of_no_items_keep_their_rows() {
        let words = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        let item = Arc::new(Field::new("item", words, true));
        let schema =
            Arc::new(Schema::new(vec![Field::new_fixed_size_list("l", item.clone(), 0, true)]));
        let words: ArrayRef =
            Arc::new(std::iter::empty::<Option<&str>>().collect::<DictionaryArray<Int8Type>>());
        let list = FixedSizeListArray::try_new_with_length(item, 0, words, None, 3).unwrap();
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(list)]).unwrap();
        let mut dictionaries = Dictionaries::new(&schema);
        let stripped = dictionaries.strip(&batch).unwrap();
        assert_eq!(dictionaries.dress(&stripped).unwrap(), batch);
    }
}
