//! Which rows belong together.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Decimal128Type};
use indexmap::IndexMap;
use indexmap::map::Entry;

use super::text::describe;
use super::{CompareError, Partition, RowMatch, Side};
use crate::data::StoreError;

type BatchIter<'a> = Box<dyn Iterator<Item = Result<RecordBatch, StoreError>> + 'a>;

impl Side<'_> {
    /// Rows in all partitions.
    pub fn rows(&self) -> u64 {
        self.partitions.iter().map(Partition::rows).sum()
    }

    /// Calls `visit` with each batch, its partition, and the first of its rows in there.
    fn for_each_batch(
        &self,
        mut visit: impl FnMut(usize, u64, RecordBatch) -> Result<(), CompareError>,
    ) -> Result<(), CompareError> {
        for (index, partition) in self.partitions.iter().enumerate() {
            let mut first_row = 0;
            for batch in partition.batches()? {
                let batch = batch?;
                let rows = batch.num_rows() as u64;
                visit(index, first_row, batch)?;
                first_row += rows;
            }
        }
        Ok(())
    }
}

impl<'a> Partition<'a> {
    fn rows(&self) -> u64 {
        match self {
            Self::Object(object) => object.rows,
            Self::Held(batches) => batches.iter().map(|batch| batch.num_rows() as u64).sum(),
        }
    }

    fn batches(&self) -> Result<BatchIter<'a>, StoreError> {
        Ok(match self {
            Self::Object(object) => Box::new(object.batches()?),
            Self::Held(batches) => Box::new(batches.iter().cloned().map(Ok)),
        })
    }

    /// Whether they are known to hold the same without being read.
    fn is_same_object(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(left), Self::Object(right)) => left.digest == right.digest,
            _ => false,
        }
    }
}

/// Rows of a left batch, and as many of a right batch, that belong together in order.
pub(super) struct Matched<'a> {
    /// That of the left batch.
    pub(super) partition: usize,
    /// The row in the partition that the left batch begins with.
    first_row: u64,
    left: &'a RecordBatch,
    left_rows: Rows,
    right: &'a RecordBatch,
    right_rows: Rows,
}

impl Matched<'_> {
    /// The values of the left table's column `index`.
    pub(super) fn left(&self, index: usize) -> Result<ArrayRef, CompareError> {
        self.left_rows.of(self.left.column(index))
    }

    /// The values of the right table's column `index`.
    pub(super) fn right(&self, index: usize) -> Result<ArrayRef, CompareError> {
        self.right_rows.of(self.right.column(index))
    }

    /// The number in the left partition of the `row`th of these rows.
    pub(super) fn left_row(&self, row: usize) -> u64 {
        self.first_row + self.left_rows.at(row)
    }

    /// What the `row`th of these rows has in the left table's column `index`.
    pub(super) fn describe_left(&self, index: usize, row: usize) -> String {
        describe(self.left.column(index), self.left_rows.at(row) as usize)
    }
}

/// Some rows of a batch.
enum Rows {
    Run(Range<usize>),
    Picked(UInt64Array),
}

impl Rows {
    fn new(rows: Vec<u64>) -> Self {
        match (rows.first(), rows.is_sorted_by(|a, b| a + 1 == *b)) {
            (Some(&first), true) => Self::Run(first as usize..first as usize + rows.len()),
            _ => Self::Picked(rows.into()),
        }
    }

    fn of(&self, column: &ArrayRef) -> Result<ArrayRef, CompareError> {
        Ok(match self {
            Self::Run(range) => column.slice(range.start, range.len()),
            Self::Picked(rows) => take(column, rows, None)?,
        })
    }

    fn at(&self, index: usize) -> u64 {
        match self {
            Self::Run(range) => (range.start + index) as u64,
            Self::Picked(rows) => rows.value(index),
        }
    }
}

type Visit<'v> = &'v mut dyn FnMut(&Matched<'_>) -> Result<(), CompareError>;

/// Calls `visit` with all rows that match, once each, and tells how many they are.
///
/// By position, they come in order, and `skip_same` leaves those out of the calls that are
/// known to be the same. By key, they come in order of left batches.
///
/// # Errors
/// As [`compare`](super::compare), and those of `visit`.
pub(super) fn for_each_match(
    left: &Side<'_>,
    right: &Side<'_>,
    by: &RowMatch,
    skip_same: bool,
    visit: Visit<'_>,
) -> Result<u64, CompareError> {
    match by {
        RowMatch::Position => match_by_position(left, right, skip_same, visit),
        RowMatch::Key(column) => match_by_key(left, right, column, visit),
    }
}

fn match_by_position(
    left: &Side<'_>,
    right: &Side<'_>,
    skip_same: bool,
    visit: Visit<'_>,
) -> Result<u64, CompareError> {
    let (mut left, mut right) = (Cursor::new(&left.partitions), Cursor::new(&right.partitions));
    let mut matched = 0;
    loop {
        if let (true, Some(a), Some(b)) = (skip_same, left.fresh(), right.fresh())
            && a.is_same_object(b)
        {
            matched += a.rows();
            left.next_partition();
            right.next_partition();
            continue;
        }
        // One step at a time: past an empty partition, the next may be the same on both sides.
        if left.step()? | right.step()? {
            continue;
        }
        let (Some(a), Some(b)) = (&left.batch, &right.batch) else { return Ok(matched) };
        let rows = (a.num_rows() - left.start).min(b.num_rows() - right.start);
        visit(&Matched {
            partition: left.partition,
            first_row: left.first_row,
            left: a,
            left_rows: Rows::Run(left.start..left.start + rows),
            right: b,
            right_rows: Rows::Run(right.start..right.start + rows),
        })?;
        matched += rows as u64;
        left.start += rows;
        right.start += rows;
    }
}

/// A place in a table.
struct Cursor<'a> {
    partitions: &'a [Partition<'a>],
    partition: usize,
    /// Of this partition, once it is being read.
    batches: Option<BatchIter<'a>>,
    /// The batch it is in.
    batch: Option<RecordBatch>,
    /// The row in the partition that the batch begins with.
    first_row: u64,
    /// The row in the batch.
    start: usize,
}

impl<'a> Cursor<'a> {
    fn new(partitions: &'a [Partition<'a>]) -> Self {
        Self { partitions, partition: 0, batches: None, batch: None, first_row: 0, start: 0 }
    }

    /// The partition, unless some of it has been read.
    fn fresh(&self) -> Option<&'a Partition<'a>> {
        self.partitions.get(self.partition).filter(|_| self.batches.is_none())
    }

    /// Moves on by one batch or partition, and tells so, if there is no row here but may be
    /// one further on.
    fn step(&mut self) -> Result<bool, CompareError> {
        if self.batch.as_ref().is_some_and(|batch| self.start < batch.num_rows()) {
            return Ok(false);
        }
        let Some(partition) = self.partitions.get(self.partition) else { return Ok(false) };
        let batches = match &mut self.batches {
            Some(batches) => batches,
            none => none.insert(partition.batches()?),
        };
        self.first_row += self.batch.take().map_or(0, |batch| batch.num_rows() as u64);
        self.start = 0;
        match batches.next() {
            Some(batch) => self.batch = Some(batch?),
            None => self.next_partition(),
        }
        Ok(true)
    }

    fn next_partition(&mut self) {
        *self = Self { partition: self.partition + 1, ..Self::new(self.partitions) };
    }
}

fn match_by_key(
    left: &Side<'_>,
    right: &Side<'_>,
    column: &str,
    visit: Visit<'_>,
) -> Result<u64, CompareError> {
    let find = |table: &Side<'_>, side| {
        let index = table.schema.index_of(column);
        index.map_err(|_| CompareError::NoColumn { side, column: column.to_owned() })
    };
    let (left_key, right_key) = (find(left, "left")?, find(right, "right")?);
    let [a, b] = [(left, left_key), (right, right_key)]
        .map(|(table, index)| table.schema.field(index).data_type());
    if !same_key_kind(a, b) {
        let (left, right) = (a.to_string(), b.to_string());
        return Err(CompareError::NotAKey { column: column.to_owned(), left, right });
    }
    let mut index = Index::new(right, right_key)?;
    let mut matched = 0;
    left.for_each_batch(|partition, first_row, batch| {
        for (right, [left_rows, right_rows]) in
            index.find(&batch, left_key, partition, first_row)?
        {
            matched += left_rows.len() as u64;
            visit(&Matched {
                partition,
                first_row,
                left: &batch,
                left_rows: Rows::new(left_rows),
                right: &index.batches[right as usize],
                right_rows: Rows::new(right_rows),
            })?;
        }
        Ok(())
    })?;
    Ok(matched)
}

/// Keys, and where the right table has them.
struct Index {
    batches: Vec<RecordBatch>,
    places: IndexMap<Box<[u8]>, Place>,
}

enum Place {
    /// In this row of this batch of the right table.
    Right { batch: u32, row: u32 },
    /// The left table has had it.
    Taken,
}

const FEW: &str = "there are fewer than 2^32 batches, and rows in each";

/// The most keys for which there is room before any is read.
const MOST_RESERVED: u64 = 1 << 22;

impl Index {
    fn new(right: &Side<'_>, column: usize) -> Result<Self, CompareError> {
        let mut batches = Vec::new();
        // How many rows a file says it has is not to be trusted with all memory.
        let mut places = IndexMap::with_capacity(right.rows().min(MOST_RESERVED) as usize);
        right.for_each_batch(|partition, first_row, batch| {
            let whence = Whence { side: "right", batch: &batch, column, partition, first_row };
            let keys = whence.keys()?;
            let number = u32::try_from(batches.len()).expect(FEW);
            for row in 0..batch.num_rows() {
                let place = Place::Right { batch: number, row: u32::try_from(row).expect(FEW) };
                if places.insert(keys.get(row), place).is_some() {
                    return Err(whence.duplicate(row));
                }
            }
            batches.push(batch);
            Ok(())
        })?;
        Ok(Self { batches, places })
    }

    /// For each right batch, the rows of `batch` whose keys it has, and its own.
    fn find(
        &mut self,
        batch: &RecordBatch,
        column: usize,
        partition: usize,
        first_row: u64,
    ) -> Result<BTreeMap<u32, [Vec<u64>; 2]>, CompareError> {
        let whence = Whence { side: "left", batch, column, partition, first_row };
        let keys = whence.keys()?;
        let mut found: BTreeMap<u32, [Vec<u64>; 2]> = BTreeMap::new();
        for row in 0..batch.num_rows() {
            let place = match self.places.entry(keys.get(row)) {
                Entry::Occupied(mut entry) => entry.insert(Place::Taken),
                Entry::Vacant(entry) => {
                    entry.insert(Place::Taken);
                    continue;
                }
            };
            let Place::Right { batch, row: right } = place else {
                return Err(whence.duplicate(row));
            };
            let [left_rows, right_rows] = found.entry(batch).or_default();
            left_rows.push(row as u64);
            right_rows.push(u64::from(right));
        }
        Ok(found)
    }
}

/// A batch whose keys are read, and what an error must say about it.
struct Whence<'a> {
    side: &'static str,
    batch: &'a RecordBatch,
    column: usize,
    partition: usize,
    first_row: u64,
}

impl Whence<'_> {
    fn keys(&self) -> Result<Keys, CompareError> {
        let array = self.batch.column(self.column);
        let kind = key_kind(array.data_type()).expect("the schema has a key here");
        let keys = cast(array, &kind)?;
        // Only now: a word of a dictionary can be null where its key is not.
        if let Some(row) = (0..keys.len()).find(|&row| keys.is_null(row)) {
            let Self { side, partition, .. } = *self;
            let (column, row) = (self.name(), self.first_row + row as u64);
            return Err(CompareError::NullKey { side, column, partition, row });
        }
        Ok(Keys(keys))
    }

    fn duplicate(&self, row: usize) -> CompareError {
        let key = describe(self.batch.column(self.column), row);
        let Self { side, partition, .. } = *self;
        let (column, row) = (self.name(), self.first_row + row as u64);
        CompareError::DuplicateKey { side, column, key, partition, row }
    }

    fn name(&self) -> String {
        self.batch.schema().field(self.column).name().clone()
    }
}

/// Keys of one kind, none of them null.
struct Keys(ArrayRef);

impl Keys {
    /// The key in `row` as bytes, which are the same for equal keys of a kind.
    fn get(&self, row: usize) -> Box<[u8]> {
        match self.0.data_type() {
            DataType::LargeUtf8 => self.0.as_string::<i64>().value(row).as_bytes().into(),
            DataType::LargeBinary => self.0.as_binary::<i64>().value(row).into(),
            _ => Box::new(self.0.as_primitive::<Decimal128Type>().value(row).to_le_bytes()),
        }
    }
}

/// Whether values of the one type can be found among those of the other.
pub(super) fn same_key_kind(left: &DataType, right: &DataType) -> bool {
    key_kind(left).is_some_and(|kind| key_kind(right) == Some(kind))
}

/// The widest type of the same kind, if values of `data_type` can be keys.
fn key_kind(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => Some(DataType::LargeUtf8),
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            Some(DataType::LargeBinary)
        }
        DataType::Dictionary(_, words) => key_kind(words),
        // Signed and unsigned ones both fit.
        integer if integer.is_integer() => Some(DataType::Decimal128(38, 0)),
        _ => None,
    }
}
