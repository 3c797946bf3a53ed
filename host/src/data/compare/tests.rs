use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationSecondArray, FixedSizeBinaryArray, FixedSizeListArray, Float16Array, Float32Array,
    Float64Array, Int8Array, Int32Array, Int64Array, LargeListArray, LargeStringArray, ListArray,
    MapArray, NullArray, StringArray, StructArray, TimestampSecondArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int8Type, Int32Type, Schema};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::data::{Digest, Digester, ObjectStore};

/// A table in memory.
type Held = (SchemaRef, Vec<Vec<RecordBatch>>);

/// One batch in one partition. All columns may be null.
fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> Held {
    let fields: Fields = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let columns = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    (schema, vec![vec![batch]])
}

/// The same rows in partitions of batches of these sizes.
fn laid_out(table: &Held, partitions: &[&[usize]]) -> Held {
    let all = concat_batches(&table.0, table.1.iter().flatten()).unwrap();
    let mut start = 0;
    let mut cut = |rows: usize| {
        start += rows;
        all.slice(start - rows, rows)
    };
    let cut = partitions.iter().map(|sizes| sizes.iter().map(|&rows| cut(rows)).collect());
    let cut = cut.collect();
    assert_eq!(start, all.num_rows());
    (table.0.clone(), cut)
}

fn picked(table: &Held, rows: &[u64]) -> Held {
    let all = concat_batches(&table.0, table.1.iter().flatten()).unwrap();
    let batch = take_record_batch(&all, &UInt64Array::from(rows.to_vec())).unwrap();
    (table.0.clone(), vec![vec![batch]])
}

fn side(table: &Held) -> Side<'_> {
    Side::held(table.0.clone(), &table.1)
}

fn key(column: &str) -> RowMatch {
    RowMatch::Key(column.to_owned())
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn words(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<DictionaryArray<Int8Type>>())
}

fn lists(values: &[Option<&[f64]>]) -> ArrayRef {
    let rows = values.iter().map(|row| row.map(|items| items.iter().copied().map(Some)));
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
}

/// All of a diff in one line; counts that are 0 are left out.
fn line(diff: &TableDiff) -> String {
    let mut line = format!("{}:{}", diff.rows_left, diff.rows_right);
    let mut add = |text: String| write!(line, " {text}").unwrap();
    if diff.only_left + diff.only_right > 0 {
        add(format!("only {}:{}", diff.only_left, diff.only_right));
    }
    diff.removed.iter().for_each(|name| add(format!("-{name}")));
    diff.added.iter().for_each(|name| add(format!("+{name}")));
    if diff.reordered {
        add("reordered".to_owned());
    }
    for Retyped { column, left, right } in &diff.retyped {
        add(format!("{column}: {left}→{right}"));
    }
    for Relabelled { column, label, left, right } in &diff.relabelled {
        let [left, right] = [left, right].map(|value| value.as_deref().unwrap_or("none"));
        add(format!("{column}.{label}: {left}→{right}"));
    }
    for column in &diff.columns {
        add(format!("[{} {}+{}", column.name, column.rows, column.within));
        let number = |name: &str, value: Option<f64>| {
            value.map(|value| format!("{name} {value:?}").trim_end_matches(".0").to_owned())
        };
        let count = |name: &str, count: u64| (count > 0).then(|| format!("{name} {count}"));
        let first = column.first.as_ref().map(|first| {
            let key = first.key.as_ref().map(|key| format!("({key})")).unwrap_or_default();
            let Difference { partition, row, left, right, .. } = first;
            format!("@{partition}.{row}{key} {left}→{right}")
        });
        let parts = [
            number("abs", column.max_abs),
            number("rel", column.max_rel),
            count("appeared", column.nulls_appeared),
            count("vanished", column.nulls_vanished),
            first,
        ];
        add(parts.into_iter().flatten().collect::<Vec<_>>().join(" ") + "]");
    }
    add(format!("={}", diff.equal_columns));
    line
}

fn diff(left: &Held, right: &Held, by: &RowMatch, relative: f64) -> TableDiff {
    compare(&side(left), &side(right), by, Tolerance { relative, absolute: 0.0 }).unwrap()
}

/// Checks tables, matched by position without tolerance.
fn check(left: Held, right: Held, expected: &str) {
    check_by(&left, &right, &RowMatch::Position, expected);
}

fn check_by(left: &Held, right: &Held, by: &RowMatch, expected: &str) {
    assert_eq!(line(&diff(left, right, by, 0.0)), expected);
}

/// Checks one column `x`.
fn check_values(left: ArrayRef, right: ArrayRef, relative: f64, expected: &str) {
    let (left, right) = (table([("x", left)]), table([("x", right)]));
    assert_eq!(line(&diff(&left, &right, &RowMatch::Position, relative)), expected);
}

#[test]
fn floats_are_equal_by_their_bits_or_within_the_tolerance() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let cases: &[(&[f64], &[f64], f64, &str)] = &[
        (&[1.0, 2.0], &[1.0, 2.0], 0.0, "2:2 =1"),
        (&[1.0, 2.0], &[1.0, 2.5], 0.0, "2:2 [x 1+0 abs 0.5 rel 0.2 @0.1 2.0→2.5] =0"),
        (&[1.0, 2.0], &[1.0, 2.5], 0.2, "2:2 [x 0+1 abs 0.5 rel 0.2] =0"),
        (
            &[2.5, 1.0],
            &[2.0, 1.5],
            0.2,
            "2:2 [x 1+1 abs 0.5 rel 0.3333333333333333 @0.1 1.0→1.5] =0",
        ),
        (&[0.0], &[-0.0], 0.0, "1:1 [x 1+0 abs 0 rel 0 @0.0 0.0→-0.0] =0"),
        (&[0.0], &[-0.0], 1e-12, "1:1 [x 0+1 abs 0 rel 0] =0"),
        (&[0.0], &[1e-300], 0.99, "1:1 [x 1+0 abs 1e-300 rel 1 @0.0 0.0→1e-300] =0"),
        (
            &[nan, nan],
            &[f64::from_bits(0xfff8_0000_0000_0001), 1.0],
            0.5,
            "2:2 [x 1+0 @0.1 NaN→1.0] =0",
        ),
        (&[inf, -inf, inf], &[inf, inf, 1e308], 1.0, "3:3 [x 2+0 @0.1 -inf→inf] =0"),
        // Farther apart than any number.
        (&[1.5e308], &[-1.5e308], 1.9, "1:1 [x 1+0 abs inf rel 2 @0.0 1.5e308→-1.5e308] =0"),
        (&[1.5e308], &[-1.5e308], 2.0, "1:1 [x 0+1 abs inf rel 2] =0"),
        (&[5e-324], &[1e-323], 0.5, "1:1 [x 0+1 abs 5e-324 rel 0.5] =0"),
    ];
    for (left, right, relative, expected) in cases {
        check_values(floats(left), floats(right), *relative, expected);
    }
}

#[test]
fn every_type_is_compared() {
    let half = |values: [f32; 2]| -> ArrayRef {
        let values = values.map(|value| cast(&Float32Array::from(vec![value]), &DataType::Float16));
        let values = values.map(|value| value.unwrap());
        arrow::compute::concat(&[values[0].as_ref(), values[1].as_ref()]).unwrap()
    };
    assert_eq!(half([1.0, 2.0]).as_any().downcast_ref::<Float16Array>().unwrap().len(), 2);
    let decimals = |values: [i128; 2]| -> ArrayRef {
        let array = Decimal128Array::from(values.to_vec());
        Arc::new(array.with_precision_and_scale(10, 2).unwrap())
    };
    let wide = |values: [&str; 2]| -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::try_from_iter(values.iter()).unwrap())
    };
    let times = |values: [i64; 2]| -> ArrayRef {
        Arc::new(TimestampSecondArray::from(values.to_vec()).with_timezone("+00:00"))
    };
    // Each has one equal and one other value.
    let cases: Vec<(ArrayRef, ArrayRef, &str)> = vec![
        (
            Arc::new(BooleanArray::from(vec![true, false])),
            Arc::new(BooleanArray::from(vec![true, true])),
            "@0.1 false→true",
        ),
        (
            Arc::new(Int8Array::from(vec![1, -128])),
            Arc::new(Int8Array::from(vec![1, 127])),
            "abs 255 rel 1.9921875 @0.1 -128→127",
        ),
        (
            Arc::new(UInt64Array::from(vec![1, u64::MAX])),
            Arc::new(UInt64Array::from(vec![1, 0])),
            "abs 1.8446744073709552e19 rel 1 @0.1 18446744073709551615→0",
        ),
        (ints(&[1, 4]), ints(&[1, 5]), "abs 1 rel 0.2 @0.1 4→5"),
        (half([1.0, 2.0]), half([1.0, 4.0]), "abs 2 rel 0.5 @0.1 2→4"),
        (
            Arc::new(Float32Array::from(vec![f32::NAN, 0.5])),
            Arc::new(Float32Array::from(vec![f32::NAN, 1.0])),
            "abs 0.5 rel 0.5 @0.1 0.5→1.0",
        ),
        (decimals([100, 150]), decimals([100, 200]), "abs 0.5 rel 0.25 @0.1 1.50→2.00"),
        (text(&["a", "b"]), text(&["a", "b\n"]), "@0.1 b→b\\n"),
        (
            Arc::new(LargeStringArray::from(vec!["a", "b"])),
            Arc::new(LargeStringArray::from(vec!["a", "ä"])),
            "@0.1 b→ä",
        ),
        (
            Arc::new(BinaryArray::from_vec(vec![b"a", b"b"])),
            Arc::new(BinaryArray::from_vec(vec![b"a", b"\xff"])),
            "@0.1 62→ff",
        ),
        (wide(["ab", "cd"]), wide(["ab", "ce"]), "@0.1 6364→6365"),
        (words(&[Some("a"), Some("b")]), words(&[Some("a"), Some("c")]), "@0.1 b→c"),
        (
            Arc::new(Date32Array::from(vec![0, 1])),
            Arc::new(Date32Array::from(vec![0, 2])),
            "@0.1 1970-01-02→1970-01-03",
        ),
        (times([0, 1]), times([0, 2]), "@0.1 1970-01-01T00:00:01Z→1970-01-01T00:00:02Z"),
        (
            Arc::new(DurationSecondArray::from(vec![0, 1])),
            Arc::new(DurationSecondArray::from(vec![0, 2])),
            "@0.1 PT1S→PT2S",
        ),
    ];
    for (left, right, expected) in cases {
        let whole = format!("2:2 [x 1+0 {expected}] =0");
        // Only floats are subject to the tolerance.
        check_values(left.clone(), right, 1e-9, &whole);
        check_values(left.clone(), left, 0.0, "2:2 =1");
    }
    check_values(Arc::new(NullArray::new(2)), Arc::new(NullArray::new(2)), 0.0, "2:2 =1");
}

#[test]
fn integers_and_decimals_have_no_tolerance() {
    check_values(
        ints(&[1000]),
        ints(&[1001]),
        0.5,
        "1:1 [x 1+0 abs 1 rel 0.000999000999000999 @0.0 1000→1001] =0",
    );
}

#[test]
fn nulls_are_equal_to_nulls_whatever_lies_under_them() {
    let hidden = |values: [f64; 4], valid: [bool; 4]| -> ArrayRef {
        let nulls = NullBuffer::from(valid.to_vec());
        Arc::new(Float64Array::new(values.to_vec().into(), Some(nulls)))
    };
    let left = hidden([1.0, 2.0, 3.0, 4.0], [true, false, false, true]);
    let right = hidden([1.0, 9.0, 3.0, 4.0], [true, false, true, false]);
    check_values(left, right, 0.0, "4:4 [x 2+0 appeared 1 vanished 1 @0.2 null→3.0] =0");
    // A null row, and a row whose word is null; and words in another order.
    let dictionary = |keys: Vec<Option<i32>>, values: Vec<Option<&str>>| -> ArrayRef {
        let values = Arc::new(StringArray::from(values));
        Arc::new(DictionaryArray::<Int32Type>::new(keys.into(), values))
    };
    let left = dictionary(vec![None, Some(0), Some(1)], vec![Some("a"), Some("b")]);
    let right = dictionary(vec![Some(2), Some(1), Some(0)], vec![Some("b"), Some("a"), None]);
    check_values(left, right.clone(), 0.0, "3:3 =1");
    let right_b = dictionary(vec![Some(0), Some(1), None], vec![Some("b"), Some("a")]);
    check_values(right, right_b, 0.0, "3:3 [x 2+0 appeared 1 vanished 1 @0.0 null→b] =0");
    let none = dictionary(vec![None, None], vec![]);
    check_values(
        none,
        dictionary(vec![None, Some(0)], vec![Some("a")]),
        0.0,
        "2:2 [x 1+0 vanished 1 @0.1 null→a] =0",
    );
}

#[test]
fn nested_numbers_obey_the_tolerance() {
    let left = lists(&[Some(&[1.0, 2.0]), None, Some(&[]), Some(&[f64::NAN, -0.0])]);
    check_values(left.clone(), left.clone(), 0.0, "4:4 =1");
    let right = lists(&[Some(&[1.0, 2.5]), None, None, Some(&[f64::NAN, 0.0])]);
    let expected = "4:4 [x 3+0 abs 0.5 rel 0.2 appeared 1 @0.0 [1.0, 2.0]→[1.0, 2.5]] =0";
    check_values(left.clone(), right.clone(), 0.0, expected);
    check_values(
        left.clone(),
        right,
        0.2,
        "4:4 [x 1+2 abs 0.5 rel 0.2 appeared 1 @0.2 []→null] =0",
    );
    // Of lists of other lengths no distance is known.
    let shorter = lists(&[Some(&[7.0]), None, Some(&[]), Some(&[f64::NAN, -0.0])]);
    check_values(left.clone(), shorter, 0.5, "4:4 [x 1+0 @0.0 [1.0, 2.0]→[7.0]] =0");
    let large = |array: &ArrayRef| -> ArrayRef {
        let item = Arc::new(Field::new_list_field(DataType::Float64, true));
        cast(array, &DataType::LargeList(item)).unwrap()
    };
    let other = lists(&[Some(&[1.0, 2.0]), None, Some(&[]), Some(&[1.0, -0.0])]);
    assert!(large(&other).as_any().is::<LargeListArray>());
    check_values(large(&left), large(&other), 0.5, "4:4 [x 1+0 @0.3 [NaN, -0.0]→[1.0, -0.0]] =0");
    let fixed = |values: &[f64]| -> ArrayRef {
        let item = Arc::new(Field::new_list_field(DataType::Float64, true));
        Arc::new(FixedSizeListArray::new(item, 2, floats(values), None))
    };
    let (left, right) = (fixed(&[1.0, 2.0, 3.0, 4.0]), fixed(&[1.0, 2.0, 3.0, 5.0]));
    check_values(left, right, 0.1, "2:2 [x 1+0 abs 1 rel 0.2 @0.1 [3.0, 4.0]→[3.0, 5.0]] =0");
    // Light curves: lists of structs, cut differently on the two sides.
    let curves = |flux: &[f64]| {
        let fields = Fields::from(vec![
            Field::new("t", DataType::Float64, true),
            Field::new("flux", DataType::Float64, true),
        ]);
        let times: Vec<f64> = (0..flux.len()).map(|t| t as f64).collect();
        let points = StructArray::new(fields, vec![floats(&times), floats(flux)], None);
        let point = Arc::new(Field::new("item", points.data_type().clone(), true));
        let lengths = OffsetBuffer::from_lengths([2, 1, 0, 2]);
        table([("x", Arc::new(ListArray::new(point, lengths, Arc::new(points), None)))])
    };
    let left = laid_out(&curves(&[1.0, 2.0, 3.0, 4.0, 5.0]), &[&[1, 2], &[1]]);
    let right = laid_out(&curves(&[1.0, 2.0, 3.0, 4.0, 8.0]), &[&[2], &[2]]);
    check(
        left,
        right,
        "4:4 [x 1+0 abs 3 rel 0.375 @1.0 [{t: 3.0, flux: 4.0}, {t: 4.0, flux: 5.0}]\
         →[{t: 3.0, flux: 4.0}, {t: 4.0, flux: 8.0}]] =0",
    );
}

#[test]
fn maps_and_structs_are_compared_by_what_they_hold() {
    let map = |values: &[f64]| -> ArrayRef {
        let fields = Fields::from(vec![
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", DataType::Float64, true),
        ]);
        let entries = StructArray::new(fields, vec![text(&["g", "r", "g"]), floats(values)], None);
        let entry = Arc::new(Field::new("entries", entries.data_type().clone(), false));
        let offsets = OffsetBuffer::from_lengths([2, 1]);
        Arc::new(MapArray::new(entry, offsets, entries, None, false))
    };
    check_values(
        map(&[1.0, 2.0, 3.0]),
        map(&[1.0, 2.0, 4.0]),
        0.0,
        "2:2 [x 1+0 abs 1 rel 0.25 @0.1 {g: 3.0}→{g: 4.0}] =0",
    );
    check_values(
        map(&[1.0, 2.0, 3.0]),
        map(&[1.0, 2.0, 4.0]),
        0.25,
        "2:2 [x 0+1 abs 1 rel 0.25] =0",
    );
    let pair = |values: [f64; 3], valid: [bool; 3]| -> ArrayRef {
        let fields = Fields::from(vec![Field::new("a", DataType::Float64, true)]);
        let nulls = NullBuffer::from(valid.to_vec());
        Arc::new(StructArray::new(fields, vec![floats(&values)], Some(nulls)))
    };
    let left = pair([1.0, 2.0, 3.0], [true, false, true]);
    check_values(left.clone(), pair([1.0, 9.0, 3.0], [true, false, true]), 0.0, "3:3 =1");
    check_values(
        left,
        pair([1.0, 2.0, 3.5], [true, true, true]),
        0.0,
        "3:3 [x 2+0 abs 0.5 rel 0.14285714285714285 vanished 1 @0.1 null→{a: 2.0}] =0",
    );
}

#[test]
fn values_are_cut_to_a_line() {
    let long = "ä".repeat(81);
    check_values(
        text(&[&long]),
        text(&[&"b".repeat(80)]),
        0.0,
        &format!("1:1 [x 1+0 @0.0 {}…→{}] =0", "ä".repeat(79), "b".repeat(80)),
    );
    let list = lists(&[Some(&[0.25; 100_000])]);
    let described = describe(&list, 0);
    assert_eq!(described, format!("[{}…", "0.25, ".repeat(13)));
    assert_eq!(described.chars().count(), 80);
    assert_eq!(describe(&text(&["a\tb\u{1b}[31m\u{85}"]), 0), "a\\tb\\u{1b}[31m\\u{85}");
    let zoned = TimestampSecondArray::from(vec![0]).with_timezone("Europe/Nowhere");
    assert_eq!(describe(&zoned, 0), "some Timestamp(s, \"Europe/Nowhere\")");
}

#[test]
fn rows_match_by_position_across_partitions() {
    let left = table([("id", text(&["a", "b", "c", "d", "e"])), ("x", ints(&[1, 2, 3, 4, 5]))]);
    let right = table([("id", text(&["a", "b", "c", "d", "e"])), ("x", ints(&[1, 2, 3, 9, 5]))]);
    let left = laid_out(&left, &[&[0, 2], &[], &[0], &[1, 1], &[1]]);
    for layout in
        [&[&[5_usize] as &[usize]] as &[&[usize]], &[&[1, 1, 1], &[], &[2]], &[&[3], &[1, 0, 1]]]
    {
        check_by(
            &left,
            &laid_out(&right, layout),
            &RowMatch::Position,
            "5:5 [x 1+0 abs 5 rel 0.5555555555555556 @3.1 4→9] =1",
        );
    }
    check_by(&left, &picked(&left, &[0, 1, 2]), &RowMatch::Position, "5:3 only 2:0 =2");
    check_by(&picked(&left, &[]), &left, &RowMatch::Position, "0:5 only 0:5 =2");
    check_by(&picked(&left, &[]), &(left.0.clone(), vec![]), &RowMatch::Position, "0:0 =2");
    let shifted = "4:4 [id 4+0 @0.0 a→b] [x 4+0 abs 1 rel 0.5 @0.0 1→2] =0";
    check_by(
        &picked(&left, &[0, 1, 2, 3]),
        &picked(&left, &[1, 2, 3, 4]),
        &RowMatch::Position,
        shifted,
    );
}

#[test]
fn rows_match_by_key_in_any_order() {
    let left = table([("id", text(&["a", "b", "c", "d", "e"])), ("x", ints(&[1, 2, 3, 4, 5]))]);
    let left = laid_out(&left, &[&[2, 1], &[2]]);
    let permuted = picked(&left, &[4, 2, 0, 1, 3]);
    check_by(&left, &permuted, &key("id"), "5:5 =2");
    check_by(&left, &laid_out(&permuted, &[&[1, 1], &[3]]), &key("id"), "5:5 =2");
    check_by(
        &left,
        &permuted,
        &RowMatch::Position,
        "5:5 [id 5+0 @0.0 a→e] [x 5+0 abs 4 rel 0.8 @0.0 1→5] =0",
    );
    check_by(&left, &picked(&left, &[4, 2]), &key("id"), "5:2 only 3:0 =2");
    check_by(&picked(&left, &[1, 3]), &left, &key("id"), "2:5 only 0:3 =2");
    // The first row that differs is matched by the last right batch.
    let right = table([("id", text(&["f", "d", "c", "b"])), ("x", ints(&[6, 8, 3, 4]))]);
    let right = laid_out(&right, &[&[2], &[2]]);
    check_by(&left, &right, &key("id"), "5:4 only 2:1 [x 2+0 abs 4 rel 0.5 @0.1(b) 2→4] =1");
    // And whichever types of the kind hold the keys.
    let numbers = |ids: ArrayRef, x: &[i64]| table([("id", ids), ("x", ints(x))]);
    check_by(
        &numbers(Arc::new(Int8Array::from(vec![-1, 2])), &[1, 2]),
        &numbers(Arc::new(Int32Array::from(vec![2, -1])), &[2, 7]),
        &key("id"),
        "2:2 id: Int8→Int32 [x 1+0 abs 6 rel 0.8571428571428571 @0.0(-1) 1→7] =0",
    );
    check_by(
        &numbers(words(&[Some("a"), Some("b")]), &[1, 2]),
        &numbers(Arc::new(LargeStringArray::from(vec!["b", "a"])), &[2, 1]),
        &key("id"),
        "2:2 id: Dictionary(Int8, Utf8)→LargeUtf8 =1",
    );
    check_by(
        &numbers(Arc::new(BinaryArray::from_vec(vec![b"a", b"b"])), &[1, 2]),
        &numbers(Arc::new(BinaryArray::from_vec(vec![b"b", b"c"])), &[2, 3]),
        &key("id"),
        "2:2 only 1:1 =2",
    );
}

fn check_error(left: &Held, right: &Held, column: &str, expected: &str) {
    let error = compare(&side(left), &side(right), &key(column), Tolerance::default());
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn keys_must_be_there_and_unique() {
    let good = table([("id", text(&["a", "b", "c"])), ("x", floats(&[1.0, 2.0, 3.0]))]);
    let good = laid_out(&good, &[&[1], &[1, 1]]);
    let twice = picked(&good, &[0, 1, 1]);
    let twice = laid_out(&twice, &[&[1], &[1, 1]]);
    let again = "table has `b` again in row 1 of partition 1";
    check_error(&good, &twice, "id", &format!("the key `id` is not unique: the right {again}"));
    check_error(&twice, &good, "id", &format!("the key `id` is not unique: the left {again}"));
    // Also where the right table has none of them.
    let other = table([("id", text(&["z"]))]);
    check_error(&twice, &other, "id", &format!("the key `id` is not unique: the left {again}"));
    let null: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let null = laid_out(&table([("id", null)]), &[&[], &[1, 1]]);
    let place = "table, in row 1 of partition 1";
    check_error(&null, &good, "id", &format!("the key `id` is null in the left {place}"));
    check_error(&good, &null, "id", &format!("the key `id` is null in the right {place}"));
    check_error(&good, &good, "name", "the left table has no column `name`");
    check_error(&good, &other, "x", "the right table has no column `x`");
    let kind = "rows are matched by text, integers or bytes that are of one kind on both sides";
    check_error(
        &good,
        &good,
        "x",
        &format!("column `x` is Float64 on the left and Float64 on the right: {kind}"),
    );
    let number = table([("id", ints(&[1]))]);
    check_error(
        &good,
        &number,
        "id",
        &format!("column `id` is Utf8 on the left and Int64 on the right: {kind}"),
    );
}

#[test]
fn columns_come_and_go_and_change() {
    let x = || floats(&[1.0]);
    check(
        table([("a", x()), ("b", x()), ("c", x())]),
        table([("b", x()), ("renamed", x()), ("c", floats(&[2.0]))]),
        "1:1 -a +renamed [c 1+0 abs 1 rel 0.5 @0.0 1.0→2.0] =1",
    );
    check(table([("a", x()), ("b", x())]), table([("b", x()), ("a", x())]), "1:1 reordered =2");
    check(
        table([("a", x()), ("b", text(&["s"]))]),
        table([("a", ints(&[1])), ("b", words(&[Some("s")]))]),
        "1:1 a: Float64→Int64 b: Utf8→Dictionary(Int8, Utf8) =0",
    );
    let labelled = |unit: &str, item: &str, nullable: bool| {
        let metadata = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
        let flux =
            Field::new(item, DataType::Float64, nullable).with_metadata(metadata("unit", unit));
        let curve = Field::new("curve", DataType::List(Arc::new(flux.clone())), true);
        let list = ListArray::new(Arc::new(flux), OffsetBuffer::from_lengths([1]), x(), None);
        let schema = Arc::new(Schema::new(vec![curve.with_metadata(metadata("ucd", unit))]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(list)]).unwrap();
        (schema, vec![vec![batch]])
    };
    check(labelled("mag", "item", true), labelled("mag", "item", true), "1:1 =1");
    check(
        labelled("mag", "item", true),
        labelled("Jy", "flux", false),
        "1:1 curve.ucd: mag→Jy curve.item.name: item→flux \
         curve.item.nullable: true→false curve.item.unit: mag→Jy =1",
    );
}

#[test]
fn the_key_is_what_identifies_rows() {
    let schema = |columns: &[(&str, &str, DataType)]| {
        let fields = columns.iter().map(|(name, ucd, data_type)| {
            let metadata = [("ucd".to_owned(), (*ucd).to_owned())].into();
            Field::new(*name, data_type.clone(), true).with_metadata(metadata)
        });
        Schema::new(fields.collect::<Fields>())
    };
    let text = DataType::Utf8;
    let all = schema(&[
        ("ra", "pos.eq.ra;meta.main", DataType::Float64),
        ("parent", "meta.id.parent;meta.main", text.clone()),
        ("class", "meta.code;meta.id;meta.main", text.clone()),
        ("number", "meta.id;meta.main", DataType::Float64),
        ("other", "meta.id", text.clone()),
        ("name", "META.ID;src;meta.main", text.clone()),
        ("last", "meta.id;meta.main", text.clone()),
    ]);
    let key = |left: &Schema, right: &Schema| key_of(left, right).unwrap_or_default();
    assert_eq!(key(&all, &all), "name");
    assert_eq!(
        key(&all, &schema(&[("other", "", text.clone()), ("last", "", text.clone())])),
        "last"
    );
    assert_eq!(key(&all, &schema(&[("other", "", DataType::LargeUtf8)])), "other");
    assert_eq!(key(&all, &schema(&[("name", "meta.id;meta.main", DataType::Int64)])), "");
    assert_eq!(key(&schema(&[("name", "", text.clone())]), &all), "");
}

fn check_confusion(left: &Held, right: &Held, by: &RowMatch, expected: &str) {
    let confusion = confusion(&side(left), &side(right), "class", by).unwrap();
    let name = |class: &Option<String>| class.clone().unwrap_or_else(|| "null".to_owned());
    let cells = confusion.cells.iter();
    let cells =
        cells.map(|cell| format!("{}→{} {}", name(&cell.left), name(&cell.right), cell.rows));
    let cells = cells.collect::<Vec<_>>().join(", ");
    let Confusion { only_left, only_right, .. } = confusion;
    let (same, changed) = (confusion.same(), confusion.changed());
    assert_eq!(format!("{cells}; {same}:{changed} only {only_left}:{only_right}"), expected);
}

#[test]
fn classes_are_counted_in_pairs() {
    let left = table([
        ("id", ints(&[1, 2, 3, 4, 5])),
        ("class", words(&[Some("RRLYR"), Some("CEP"), None, Some("RRLYR"), Some("CEP")])),
    ]);
    let right = table([
        ("id", ints(&[5, 4, 3, 2, 6])),
        ("class", text(&["CEP", "CEP", "LPV", "RRLYR", "CEP"])),
    ]);
    let left = laid_out(&left, &[&[2], &[3]]);
    check_confusion(
        &left,
        &left,
        &key("id"),
        "null→null 1, CEP→CEP 2, RRLYR→RRLYR 2; 5:0 only 0:0",
    );
    check_confusion(
        &left,
        &right,
        &key("id"),
        "null→LPV 1, CEP→CEP 1, CEP→RRLYR 1, RRLYR→CEP 1; 1:3 only 1:1",
    );
    check_confusion(
        &left,
        &right,
        &RowMatch::Position,
        "null→LPV 1, CEP→CEP 2, RRLYR→CEP 1, RRLYR→RRLYR 1; 3:2 only 0:0",
    );
}

#[test]
fn only_text_has_classes() {
    let check = |left: &Held, right: &Held, column: &str, expected: &str| {
        let error = confusion(&side(left), &side(right), column, &RowMatch::Position).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let (x, y) = (table([("x", floats(&[1.0]))]), table([("x", text(&["a"]))]));
    check(&x, &y, "x", "column `x` of the left table is Float64, and classes are text");
    check(&y, &x, "x", "column `x` of the right table is Float64, and classes are text");
    check(&y, &x, "y", "the left table has no column `y`");
    let names: Vec<String> = (0..=MAX_CLASSES).map(|name| name.to_string()).collect();
    let names: ArrayRef = Arc::new(StringArray::from(names));
    let many = table([("x", names)]);
    check(&many, &many, "x", "column `x` has more than 10000 pairs of classes");
}

#[test]
fn tables_on_disk_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let store = ObjectStore::open(folder.path()).unwrap();
    let write = |(schema, partitions): &Held| {
        let partitions = partitions.iter().map(|batches| {
            let mut writer = store.writer(schema.clone()).unwrap();
            batches.iter().for_each(|batch| writer.push(batch.clone()).unwrap());
            Arc::new(writer.finish().unwrap())
        });
        Table { schema: schema.clone(), partitions: partitions.collect() }
    };
    let check = |left: &Table, right: &Table, by: &RowMatch, expected: &str| {
        let diff = compare(&left.into(), &right.into(), by, Tolerance::default()).unwrap();
        assert_eq!(line(&diff), expected);
    };
    let rows = |classes: &[Option<&str>]| {
        let ids: Vec<i64> = (0..classes.len() as i64).collect();
        laid_out(&table([("id", ints(&ids)), ("class", words(classes))]), &[&[2], &[], &[1, 2]])
    };
    let left = write(&rows(&[Some("a"), None, Some("b"), Some("a"), Some("c")]));
    let right = write(&rows(&[Some("a"), None, Some("b"), None, Some("d")]));
    for (by, row) in [(RowMatch::Position, "@2.1"), (key("id"), "@2.1(3)")] {
        check(&left, &left, &by, "5:5 =2");
        check(&left, &right, &by, &format!("5:5 [class 2+0 appeared 1 {row} a→null] =1"));
    }
    // What both have the same is not read: it may be gone.
    std::fs::remove_file(left.partitions[0].path()).unwrap();
    check(&left, &right, &RowMatch::Position, "5:5 [class 2+0 appeared 1 @2.1 a→null] =1");
    let missing = compare(&(&left).into(), &(&right).into(), &key("id"), Tolerance::default());
    assert!(matches!(missing, Err(CompareError::Store(StoreError::Io { .. }))), "{missing:?}");
}

/// A row of every kind of column there is in the properties below.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    float: Option<f64>,
    word: Option<String>,
    items: Option<Vec<Option<f64>>>,
    pair: Option<(Option<i64>, Option<String>)>,
}

fn number() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, 1e-300]);
    prop_oneof![3 => special, 1 => -1e3..1e3]
}

fn row() -> impl Strategy<Value = Row> {
    let word = || prop::option::of(prop::sample::select(vec!["", "RRLYR", "CEP", "LPV"]));
    let items = prop::collection::vec(prop::option::of(number()), 0..4);
    let pair = (prop::option::of(0..3_i64), word());
    let row = (prop::option::of(number()), word(), prop::option::of(items), prop::option::of(pair));
    row.prop_map(|(float, word, items, pair)| Row {
        float,
        word: word.map(str::to_owned),
        items,
        pair: pair.map(|(number, word)| (number, word.map(str::to_owned))),
    })
}

/// Rows with their number as key, in one batch.
fn table_of(rows: &[Row]) -> Held {
    let ids: Vec<String> = (0..rows.len()).map(|row| format!("star {row}")).collect();
    let ids: ArrayRef = Arc::new(StringArray::from(ids));
    let float: Float64Array = rows.iter().map(|row| row.float).collect();
    let class = words(&rows.iter().map(|row| row.word.as_deref()).collect::<Vec<_>>());
    let list = ListArray::from_iter_primitive::<Float64Type, _, _>(
        rows.iter().map(|row| row.items.clone()),
    );
    let numbers: Int64Array =
        rows.iter().map(|row| row.pair.as_ref().and_then(|pair| pair.0)).collect();
    let names: StringArray =
        rows.iter().map(|row| row.pair.as_ref().and_then(|pair| pair.1.as_deref())).collect();
    let fields = Fields::from(vec![
        Field::new("number", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
    ]);
    let valid: Vec<bool> = rows.iter().map(|row| row.pair.is_some()).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(names)];
    let pair = StructArray::new(fields, columns, Some(NullBuffer::from(valid)));
    table([
        ("id", ids),
        ("float", Arc::new(float)),
        ("word", class),
        ("items", Arc::new(list)),
        ("pair", Arc::new(pair)),
    ])
}

/// The same rows in partitions of batches that begin at `cuts`: each batch with words of its
/// own, as they come from a table made of those rows only.
fn cut(rows: &[Row], cuts: &[Index]) -> Held {
    let whole = table_of(rows);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(rows.len() + 1)).collect();
    cuts.extend([0, rows.len()]);
    cuts.sort_unstable();
    let mut partitions = vec![Vec::new()];
    for (number, ends) in cuts.windows(2).enumerate() {
        let mut columns = whole.1[0][0].slice(ends[0], ends[1] - ends[0]).columns().to_vec();
        columns[2] = table_of(&rows[ends[0]..ends[1]]).1[0][0].column(2).clone();
        if number % 3 == 2 {
            partitions.push(Vec::new());
        }
        let batch = RecordBatch::try_new(whole.0.clone(), columns).unwrap();
        partitions.last_mut().unwrap().push(batch);
    }
    (whole.0, partitions)
}

fn digest(table: &Held) -> Digest {
    let mut digester = Digester::new(table.0.clone());
    table.1.iter().flatten().for_each(|batch| digester.update(batch));
    digester.finish().1
}

/// Where each row of the table is: partition, and row in it.
fn places(table: &Held) -> Vec<(usize, u64)> {
    let rows =
        |batches: &Vec<RecordBatch>| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let partitions = table.1.iter().enumerate();
    partitions
        .flat_map(|(at, batches)| (0..rows(batches) as u64).map(move |row| (at, row)))
        .collect()
}

/// Up to 20 rows, shuffled.
fn order() -> impl Strategy<Value = Vec<u64>> {
    Just((0..20).collect::<Vec<u64>>()).prop_shuffle()
}

/// The rows in this order, in two partitions.
fn permuted(table: &Held, order: &[u64]) -> Held {
    let rows = side(table).rows();
    let order: Vec<u64> = order.iter().copied().filter(|&row| row < rows).collect();
    let (half, rows) = (rows as usize / 2, rows as usize);
    laid_out(&picked(table, &order), &[&[half], &[rows - half]])
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..5)
}

proptest! {
    // Failures are shrunk and printed; they become cases above.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_is_equal_to_itself_however_it_lies(
        rows in prop::collection::vec(row(), 0..20),
        (left, right) in (cuts(), cuts()),
        order in order(),
    ) {
        let (left, right) = (cut(&rows, &left), cut(&rows, &right));
        let nothing = format!("{0}:{0} =5", rows.len());
        check_by(&left, &right, &RowMatch::Position, &nothing);
        check_by(&left, &right, &key("id"), &nothing);
        let permuted = permuted(&right, &order);
        check_by(&left, &permuted, &key("id"), &nothing);
    }

    #[test]
    fn one_change_is_found_where_it_is(
        rows in prop::collection::vec(row(), 1..20),
        at in any::<Index>(),
        other in row(),
        column in 0..4,
        cuts in (cuts(), cuts()),
        order in order(),
    ) {
        let at = at.index(rows.len());
        let mut changed = rows.clone();
        let row = &mut changed[at];
        match column {
            0 => row.float = other.float,
            1 => row.word = other.word,
            2 => row.items = other.items,
            _ => row.pair = other.pair,
        }
        let (left, right) = (cut(&rows, &cuts.0), cut(&changed, &cuts.1));
        let name = ["float", "word", "items", "pair"][column as usize];
        let is_same = digest(&left) == digest(&right);
        let permuted = permuted(&right, &order);
        for (right, by) in [(&right, RowMatch::Position), (&permuted, key("id"))] {
            let diff = diff(&left, right, &by, 0.0);
            prop_assert_eq!(diff.is_equal(), is_same);
            if is_same {
                prop_assert_eq!(line(&diff), format!("{0}:{0} =5", rows.len()));
                continue;
            }
            let [found] = diff.columns.as_slice() else { panic!("{}", line(&diff)) };
            let first = found.first.as_ref().unwrap();
            prop_assert_eq!((found.name.as_str(), found.rows, found.within), (name, 1, 0));
            prop_assert_eq!((first.partition, first.row), places(&left)[at]);
            let star = (by != RowMatch::Position).then(|| format!("star {at}"));
            prop_assert_eq!(&first.key, &star);
        }
    }

    #[test]
    fn rows_that_only_one_side_has_are_counted(
        rows in prop::collection::vec(row(), 0..20),
        kept in prop::collection::vec(any::<(bool, bool)>(), 20),
    ) {
        let all = table_of(&rows);
        let pick = |keep: &dyn Fn(&(bool, bool)) -> bool| -> Vec<u64> {
            (0..rows.len() as u64).filter(|&row| keep(&kept[row as usize])).collect()
        };
        let (left, right) = (pick(&|kept| kept.0), pick(&|kept| kept.1));
        let both = pick(&|kept| kept.0 && kept.1).len() as u64;
        let diff = diff(&picked(&all, &left), &picked(&all, &right), &key("id"), 0.0);
        prop_assert_eq!(diff.only_left, left.len() as u64 - both);
        prop_assert_eq!(diff.only_right, right.len() as u64 - both);
        prop_assert_eq!(diff.equal_columns, 5);
    }
}
