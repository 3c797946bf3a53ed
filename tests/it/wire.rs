//! What crosses the border comes back value for value: random schemas and batches go from
//! the host through a guest and back.
//!
//! `echo` rebuilds Arrow arrays with the SDK in between, `echo-c` and `echo-go` with those of
//! their languages; `border` moves bytes only.

use std::sync::{Arc, LazyLock};

use arrow::array::cast::AsArray;
use arrow::array::types::{Float16Type, Float32Type, Float64Type};
use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::{
    DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit,
};
use proptest::prelude::*;
use skyloom::instance::Component;

use crate::guests::{self, Store};
use crate::languages;

static ECHO: LazyLock<Component> = LazyLock::new(|| guests::build("echo"));
static ECHO_C: LazyLock<Option<Component>> = LazyLock::new(|| foreign("c"));
static ECHO_GO: LazyLock<Option<Component>> = LazyLock::new(|| foreign("go"));
static ECHO_PYTHON: LazyLock<Option<Component>> = LazyLock::new(|| foreign("python"));
static ECHO_JS: LazyLock<Option<Component>> = LazyLock::new(|| foreign("js"));
static BORDER: LazyLock<Component> = LazyLock::new(|| guests::build("border"));

/// The guest, if the tools of its language are here.
fn foreign(language: &str) -> Option<Component> {
    languages::is_here(language).then(|| guests::build(&format!("echo-{language}")))
}

/// Types without children.
fn leaf() -> impl Strategy<Value = DataType> {
    use DataType::*;
    let unit = prop_oneof![
        Just(TimeUnit::Second),
        Just(TimeUnit::Millisecond),
        Just(TimeUnit::Microsecond),
        Just(TimeUnit::Nanosecond),
    ];
    let zone = prop_oneof![
        Just(None),
        Just(Some("UTC")),
        Just(Some("+02:00")),
        Just(Some("Europe/Paris"))
    ];
    let zone = zone.prop_map(|zone| zone.map(Arc::from));
    let plain = prop::sample::select(vec![
        Null,
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Utf8,
        LargeUtf8,
        Binary,
        LargeBinary,
        Date32,
        Date64,
        Time32(TimeUnit::Second),
        Time32(TimeUnit::Millisecond),
        Time64(TimeUnit::Microsecond),
        Time64(TimeUnit::Nanosecond),
        Interval(IntervalUnit::YearMonth),
        Interval(IntervalUnit::DayTime),
        Interval(IntervalUnit::MonthDayNano),
    ]);
    let key = prop::sample::select(vec![Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64]);
    let word = prop::sample::select(vec![Utf8, LargeUtf8, Binary, Int64, Float64, Boolean]);
    prop_oneof![
        6 => plain,
        1 => unit.clone().prop_map(Duration),
        1 => (unit, zone).prop_map(|(unit, zone)| Timestamp(unit, zone)),
        1 => (0..6_i32).prop_map(FixedSizeBinary),
        1 => (1..=38_u8, 0..=9_i8).prop_map(|(precision, scale)| {
            Decimal128(precision, scale.min(precision as i8))
        }),
        2 => (key, word).prop_map(|(key, word)| Dictionary(Box::new(key), Box::new(word))),
    ]
}

fn field(data_type: impl Strategy<Value = DataType> + 'static) -> BoxedStrategy<FieldRef> {
    let made = (data_type, any::<bool>(), any::<bool>()).prop_map(|(data_type, nullable, unit)| {
        // Nothing but nulls is in a column of nulls.
        let nullable = nullable || data_type == DataType::Null;
        let field = Field::new("item", data_type, nullable);
        let unit = unit.then(|| ("unit".to_owned(), "mag".to_owned()));
        Arc::new(field.with_metadata(unit.into_iter().collect()))
    });
    made.boxed()
}

/// Types nested to a depth of three.
fn data_type() -> impl Strategy<Value = DataType> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let child = field(inner.clone());
        let children = prop::collection::vec(field(inner.clone()), 0..4).prop_map(named);
        let curve = prop::collection::vec(field(inner), 1..4).prop_map(|children| {
            let point = Field::new("item", DataType::Struct(named(children)), true);
            DataType::List(Arc::new(point))
        });
        prop_oneof![
            child.clone().prop_map(DataType::List),
            child.clone().prop_map(DataType::LargeList),
            (child.clone(), 0..4_i32)
                .prop_map(|(child, length)| DataType::FixedSizeList(child, length)),
            children.prop_map(DataType::Struct),
            // A light curve: a list of times, fluxes, bands.
            curve,
            child.prop_map(|value| {
                let key = Field::new("key", DataType::Utf8, false);
                let value = value.as_ref().clone().with_name("value");
                let entries = DataType::Struct(vec![key, value].into());
                DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
            }),
        ]
    })
}

fn named(fields: Vec<FieldRef>) -> Fields {
    let name =
        |(index, field): (usize, FieldRef)| field.as_ref().clone().with_name(format!("f{index}"));
    fields.into_iter().enumerate().map(name).collect()
}

/// Random enough, and the same from the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll() as u8).collect()
    }

    fn bits(&mut self, count: usize) -> BooleanBuffer {
        (0..count).map(|_| !self.roll().is_multiple_of(3)).collect()
    }

    /// Text of any length and script, from few enough words for the smallest dictionary.
    fn word(&mut self) -> &'static str {
        ["", "RRAB", "δ Sct", "ω Cen", "超新星", "🌠", "a longer name than the others", "\u{0}"]
            [self.below(8)]
    }
}

/// `rows` random values of the field; nulls only where it may have them.
fn values(field: &Field, rows: usize, dice: &mut Dice) -> ArrayData {
    let data_type = field.data_type();
    let builder = ArrayData::builder(data_type.clone()).len(rows);
    let nulls = (field.is_nullable() && *data_type != DataType::Null && dice.below(3) > 0)
        .then(|| NullBuffer::new(dice.bits(rows)));
    let builder = builder.nulls(nulls);
    let builder = match data_type {
        DataType::Null => builder,
        DataType::Boolean => builder.add_buffer(dice.bits(rows).into_inner()),
        DataType::Utf8 | DataType::Binary => {
            let (offsets, bytes) = texts(data_type, rows, dice);
            let narrow: Vec<i32> = offsets.into_iter().map(|offset| offset as i32).collect();
            builder.buffers(vec![Buffer::from_vec(narrow), bytes])
        }
        DataType::LargeUtf8 | DataType::LargeBinary => {
            let (offsets, bytes) = texts(data_type, rows, dice);
            builder.buffers(vec![Buffer::from_vec(offsets), bytes])
        }
        DataType::FixedSizeBinary(width) => {
            builder.add_buffer(dice.bytes(rows * *width as usize).into())
        }
        DataType::List(child) | DataType::Map(child, _) => {
            let (offsets, items) = lists(rows, dice);
            let narrow: Vec<i32> = offsets.into_iter().map(|offset| offset as i32).collect();
            builder.add_buffer(Buffer::from_vec(narrow)).add_child_data(values(child, items, dice))
        }
        DataType::LargeList(child) => {
            let (offsets, items) = lists(rows, dice);
            builder.add_buffer(Buffer::from_vec(offsets)).add_child_data(values(child, items, dice))
        }
        DataType::FixedSizeList(child, length) => {
            builder.add_child_data(values(child, rows * *length as usize, dice))
        }
        DataType::Struct(children) => {
            let children = children.iter().map(|child| values(child, rows, dice));
            builder.child_data(children.collect())
        }
        DataType::Dictionary(key, words) => {
            let words =
                values(&Field::new("values", words.as_ref().clone(), field.is_nullable()), 8, dice);
            let width = key.primitive_width().expect("keys are integers");
            let keys = (0..rows).flat_map(|_| {
                let key = dice.below(8).to_le_bytes();
                key.into_iter().take(width).collect::<Vec<_>>()
            });
            builder.add_buffer(keys.collect::<Vec<u8>>().into()).add_child_data(words)
        }
        DataType::Decimal128(precision, _) => {
            let end = 10_i128.pow(u32::from(*precision));
            let number =
                |_| (i128::from(dice.roll() as i64) * i128::from(dice.roll() as i64)) % end;
            builder.add_buffer(Buffer::from_vec((0..rows).map(number).collect::<Vec<i128>>()))
        }
        DataType::Float64 => {
            let number = |_| match dice.below(8) {
                0 => [f64::INFINITY, -0.0, f64::MIN_POSITIVE / 8.0][dice.below(3)].to_bits(),
                // Any pattern, and those of NaN with signs and payloads.
                1 => dice.roll() | 0x7ff0_0000_0000_0001,
                _ => dice.roll(),
            };
            builder.add_buffer(Buffer::from_vec((0..rows).map(number).collect::<Vec<u64>>()))
        }
        DataType::Float32 => {
            let number = |_| match dice.below(8) {
                0 => dice.roll() as u32 | 0x7f80_0001,
                _ => dice.roll() as u32,
            };
            builder.add_buffer(Buffer::from_vec((0..rows).map(number).collect::<Vec<u32>>()))
        }
        other => {
            let width = other.primitive_width().expect("all others are primitive");
            builder.add_buffer(dice.bytes(rows * width).into())
        }
    };
    builder.align_buffers(true).build().expect("a valid array")
}

fn texts(data_type: &DataType, rows: usize, dice: &mut Dice) -> (Vec<i64>, Buffer) {
    let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8);
    let mut bytes = Vec::new();
    let mut offsets = vec![0];
    for _ in 0..rows {
        if is_text {
            bytes.extend(dice.word().as_bytes());
        } else {
            let length = dice.below(5);
            bytes.extend(dice.bytes(length));
        }
        offsets.push(bytes.len() as i64);
    }
    (offsets, bytes.into())
}

/// Offsets of lists, and how many items they point into: some of no list.
fn lists(rows: usize, dice: &mut Dice) -> (Vec<i64>, usize) {
    let mut offsets = vec![dice.below(3) as i64];
    for row in 0..rows {
        offsets.push(offsets[row] + dice.below(4) as i64);
    }
    let items = offsets[rows] as usize + dice.below(3);
    (offsets, items)
}

/// A batch whose columns are slices of longer arrays.
fn batch(schema: &SchemaRef, rows: usize, dice: &mut Dice) -> RecordBatch {
    let column = |field: &FieldRef| {
        let (before, after) = (dice.below(10), dice.below(3));
        make_array(values(field, before + rows + after, dice)).slice(before, rows)
    };
    let columns = schema.fields().iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).expect("columns fit")
}

/// What a row says, however it is encoded.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    /// As the little-endian bytes; of NaN, its one pattern.
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(Vec<Value>),
}

fn all_values(array: &ArrayRef) -> Vec<Value> {
    (0..array.len()).map(|row| value(array, row)).collect()
}

fn value(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Fixed(vec![u8::from(array.as_boolean().value(row))]),
        DataType::Utf8 => Value::Bytes(array.as_string::<i32>().value(row).into()),
        DataType::LargeUtf8 => Value::Bytes(array.as_string::<i64>().value(row).into()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).into()),
        DataType::LargeBinary => Value::Bytes(array.as_binary::<i64>().value(row).into()),
        DataType::FixedSizeBinary(_) => {
            Value::Bytes(array.as_fixed_size_binary().value(row).into())
        }
        DataType::List(_) => Value::List(all_values(&array.as_list::<i32>().value(row))),
        DataType::LargeList(_) => Value::List(all_values(&array.as_list::<i64>().value(row))),
        DataType::FixedSizeList(_, _) => {
            Value::List(all_values(&array.as_fixed_size_list().value(row)))
        }
        DataType::Map(_, _) => {
            let entries: ArrayRef = Arc::new(array.as_map().value(row));
            Value::List(all_values(&entries))
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns().iter();
            Value::Struct(columns.map(|column| value(column, row)).collect())
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            value(dictionary.values(), dictionary.normalized_keys()[row])
        }
        DataType::Float64 => {
            let number = array.as_primitive::<Float64Type>().value(row);
            let number = if number.is_nan() { f64::NAN } else { number };
            Value::Fixed(number.to_le_bytes().to_vec())
        }
        DataType::Float32 => {
            let number = array.as_primitive::<Float32Type>().value(row);
            let number = if number.is_nan() { f32::NAN } else { number };
            Value::Fixed(number.to_le_bytes().to_vec())
        }
        DataType::Float16 => {
            let number = array.as_primitive::<Float16Type>().value(row);
            let bits = if number.is_nan() { 0x7e00 } else { number.to_bits() };
            Value::Fixed(bits.to_le_bytes().to_vec())
        }
        other => {
            let width = other.primitive_width().expect("all others are primitive");
            let data = array.to_data();
            let start = (data.offset() + row) * width;
            Value::Fixed(data.buffers()[0][start..start + width].to_vec())
        }
    }
}

/// Whether every NaN in `array` has its one pattern.
fn is_canonical(array: &ArrayRef) -> bool {
    let of = |data: &ArrayData, check: fn(&[u8]) -> bool, width: usize| {
        data.buffers()[0].chunks_exact(width).all(check)
    };
    fn walk(data: &ArrayData, of: &impl Fn(&ArrayData, fn(&[u8]) -> bool, usize) -> bool) -> bool {
        let here = match data.data_type() {
            DataType::Float64 => of(
                data,
                |bytes| {
                    let bits = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                    !f64::from_bits(bits).is_nan() || bits == f64::NAN.to_bits()
                },
                8,
            ),
            DataType::Float32 => of(
                data,
                |bytes| {
                    let bits = u32::from_le_bytes(bytes.try_into().expect("four bytes"));
                    !f32::from_bits(bits).is_nan() || bits == f32::NAN.to_bits()
                },
                4,
            ),
            _ => true,
        };
        here && data.child_data().iter().all(|child| walk(child, of))
    }
    walk(&array.to_data(), &of)
}

/// Sends `batches` through `guest` and compares what comes back.
fn check(
    guest: &Component,
    params: &str,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    batch_rows: usize,
) -> Result<(), TestCaseError> {
    let store = Store::new();
    let table = store.table(schema, batches);
    let run = |batch_rows| {
        let ran = store.run(guest, params, &table, batch_rows);
        ran.map_err(|error| TestCaseError::fail(error.to_string()))
    };
    let (binding, output) = run(batch_rows)?;
    // What came back is the same however it was cut on its way.
    let other = 5 + table.rows() as usize / 10;
    prop_assert_eq!(output.digest(), run(other)?.1.digest());
    let back = guests::batches(&output);
    prop_assert_eq!(&binding.outputs[0].fields, schema.fields());
    for (index, field) in schema.fields().iter().enumerate() {
        let sent: Vec<Value> =
            batches.iter().flat_map(|batch| all_values(batch.column(index))).collect();
        let came: Vec<Value> =
            back.iter().flat_map(|batch| all_values(batch.column(index))).collect();
        prop_assert_eq!(sent, came, "{}", field);
        for batch in &back {
            let schema = batch.schema();
            prop_assert_eq!(schema.field(index), field.as_ref());
            prop_assert!(is_canonical(batch.column(index)), "{}", field);
        }
    }
    Ok(())
}

fn schema(types: Vec<FieldRef>) -> SchemaRef {
    Arc::new(Schema::new(named(types)))
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if asked { config } else { ProptestConfig { cases: 128, ..config } }
}

#[test]
fn long_light_curves_come_back() {
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let point = Fields::from(vec![
        number("time_mjd"),
        number("flux_njy"),
        Field::new(
            "band",
            DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
            false,
        ),
    ]);
    let item = Field::new("item", DataType::Struct(point), false);
    let curve = Field::new("curve", DataType::List(Arc::new(item)), true);
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Utf8, false), curve]));
    let mut dice = Dice(1);
    let batches = [1, 70_000, 0, 12_345].map(|rows| batch(&schema, rows, &mut dice));
    check(&ECHO, "{}", &schema, &batches, 65_536).expect("equal");
    for echo in [&ECHO_C, &ECHO_GO].into_iter().filter_map(|echo| echo.as_ref()) {
        check(echo, "{}", &schema, &batches, 65_536).expect("equal");
    }
    check(&BORDER, r#"{"mode":"slice","rows":9999}"#, &schema, &batches, 65_536).expect("equal");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn columns_come_back_from_the_sdk(
        types in prop::collection::vec(field(data_type()), 1..5),
        rows in prop::collection::vec(0..40_usize, 0..3),
        batch_rows in prop::sample::select(vec![1, 2, 7, 65_536]),
        seed in any::<u64>(),
    ) {
        let (schema, mut dice) = (schema(types), Dice(seed));
        let batches: Vec<_> = rows.iter().map(|&rows| batch(&schema, rows, &mut dice)).collect();
        check(&ECHO, "{}", &schema, &batches, batch_rows)?;
    }

    #[test]
    fn columns_come_back_from_c_and_go(
        types in prop::collection::vec(field(data_type()), 1..5),
        rows in prop::collection::vec(0..40_usize, 0..3),
        batch_rows in prop::sample::select(vec![1, 2, 7, 65_536]),
        seed in any::<u64>(),
    ) {
        let (schema, mut dice) = (schema(types), Dice(seed));
        let batches: Vec<_> = rows.iter().map(|&rows| batch(&schema, rows, &mut dice)).collect();
        for echo in [ECHO_C.as_ref(), ECHO_GO.as_ref()].into_iter().flatten() {
            check(echo, "{}", &schema, &batches, batch_rows)?;
        }
    }

    #[test]
    fn columns_come_back_from_interpreters(
        types in prop::collection::vec(field(data_type()), 1..5),
        rows in prop::collection::vec(0..40_usize, 0..3),
        batch_rows in prop::sample::select(vec![1, 2, 7, 65_536]),
        as_it_is in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (schema, mut dice) = (schema(types), Dice(seed));
        let batches: Vec<_> = rows.iter().map(|&rows| batch(&schema, rows, &mut dice)).collect();
        let params = format!(r#"{{"as-it-is":{as_it_is}}}"#);
        for echo in [&ECHO_PYTHON, &ECHO_JS].into_iter().filter_map(|echo| echo.as_ref()) {
            check(echo, &params, &schema, &batches, batch_rows)?;
        }
    }

    #[test]
    fn slices_come_back_as_bytes(
        types in prop::collection::vec(field(data_type()), 1..5),
        rows in prop::collection::vec(0..40_usize, 0..3),
        step in prop::sample::select(vec![0, 1, 3, 64]),
        seed in any::<u64>(),
    ) {
        let (schema, mut dice) = (schema(types), Dice(seed));
        let batches: Vec<_> = rows.iter().map(|&rows| batch(&schema, rows, &mut dice)).collect();
        let params = match step {
            0 => r#"{"mode":"echo"}"#.to_owned(),
            step => format!(r#"{{"mode":"slice","rows":{step}}}"#),
        };
        check(&BORDER, &params, &schema, &batches, 65_536)?;
    }
}
