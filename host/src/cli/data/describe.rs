//! Columns in numbers, batch by batch: memory does not grow with the number of rows.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
use arrow::compute::{cast, kernels::length::length, max, min};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value, json};

/// Different values that are counted; beyond, only that there are more is known.
const MAX_DISTINCT: usize = 10_000;
/// Values that are named.
const NAMED: usize = 3;

/// A column on its way.
pub(super) struct Column {
    data_type: DataType,
    rows: u64,
    nulls: u64,
    kind: Kind,
}

enum Kind {
    /// Integers: their extremes are exact.
    Integers {
        moments: Moments,
        least: Option<i128>,
        most: Option<i128>,
    },
    Floats {
        moments: Moments,
        nans: u64,
        least: f64,
        most: f64,
    },
    Booleans {
        trues: u64,
    },
    /// None once there are too many.
    Text(Option<BTreeMap<String, u64>>),
    /// Times and dates, as the integers behind them.
    Times {
        least: Option<i64>,
        most: Option<i64>,
    },
    /// The lengths of lists.
    Lists {
        moments: Moments,
        least: Option<i128>,
        most: Option<i128>,
    },
    Other,
}

/// Mean and variance of finite numbers, after Welford (1962, doi:10.2307/1266577).
#[derive(Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then_some(self.mean)
    }

    /// With the divisor n − 1; none below two values.
    fn std(&self) -> Option<f64> {
        (self.count > 1.0).then(|| (self.squares / (self.count - 1.0)).sqrt())
    }
}

impl Column {
    pub(super) fn new(data_type: &DataType) -> Self {
        let kind = match data_type {
            data_type if data_type.is_integer() => {
                Kind::Integers { moments: Moments::default(), least: None, most: None }
            }
            data_type if data_type.is_floating() || data_type.is_decimal() => Kind::Floats {
                moments: Moments::default(),
                nans: 0,
                least: f64::INFINITY,
                most: f64::NEG_INFINITY,
            },
            DataType::Boolean => Kind::Booleans { trues: 0 },
            data_type if is_text(data_type) => Kind::Text(Some(BTreeMap::new())),
            data_type if data_type.is_temporal() => Kind::Times { least: None, most: None },
            DataType::List(_) | DataType::LargeList(_) => {
                Kind::Lists { moments: Moments::default(), least: None, most: None }
            }
            _ => Kind::Other,
        };
        Self { data_type: data_type.clone(), rows: 0, nulls: 0, kind }
    }

    /// Takes in one batch of the column.
    ///
    /// # Errors
    /// When Arrow cannot widen the column's type.
    pub(super) fn update(&mut self, array: &ArrayRef) -> Result<(), ArrowError> {
        self.rows += array.len() as u64;
        self.nulls += array.logical_null_count() as u64;
        match &mut self.kind {
            Kind::Integers { moments, least, most } if self.data_type == DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>();
                push_integers(values.iter().flatten().map(i128::from), moments, least, most);
            }
            Kind::Integers { moments, least, most } => {
                let values = cast(array, &DataType::Int64)?;
                let values = values.as_primitive::<Int64Type>();
                push_integers(values.iter().flatten().map(i128::from), moments, least, most);
            }
            Kind::Floats { moments, nans, least, most } => {
                let values = cast(array, &DataType::Float64)?;
                for value in values.as_primitive::<Float64Type>().iter().flatten() {
                    if value.is_nan() {
                        *nans += 1;
                        continue;
                    }
                    (*least, *most) = (least.min(value), most.max(value));
                    if value.is_finite() {
                        moments.push(value);
                    }
                }
            }
            Kind::Booleans { trues } => {
                let values: &BooleanArray = array.as_boolean();
                *trues += values.true_count() as u64;
            }
            Kind::Text(counts) => count_text(array, counts)?,
            Kind::Times { least, most } => {
                let values = as_integers(array)?;
                *least = [*least, min(&values)].into_iter().flatten().min();
                *most = [*most, max(&values)].into_iter().flatten().max();
            }
            Kind::Lists { moments, least, most } => {
                let lengths = cast(&length(array)?, &DataType::Int64)?;
                let lengths = lengths.as_primitive::<Int64Type>();
                push_integers(lengths.iter().flatten().map(i128::from), moments, least, most);
            }
            Kind::Other => {}
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Summary {
        let mut summary = Summary {
            data_type: self.data_type.clone(),
            count: self.rows - self.nulls,
            nulls: self.nulls,
            ..Summary::default()
        };
        match self.kind {
            Kind::Integers { moments, least, most } | Kind::Lists { moments, least, most } => {
                summary.set_moments(&moments);
                (summary.min, summary.max) = (least.map(integer), most.map(integer));
            }
            Kind::Floats { moments, nans, least, most } => {
                summary.set_moments(&moments);
                summary.nans = Some(nans);
                if summary.count > nans {
                    (summary.min, summary.max) = (Some(float(least)), Some(float(most)));
                }
            }
            Kind::Booleans { trues } => {
                let falses = summary.count - trues;
                let counts = [("false", falses), ("true", trues)];
                let counts = counts.into_iter().filter(|(_, count)| *count > 0);
                summary.set_counts(counts.map(|(name, count)| (name.to_owned(), count)).collect());
            }
            Kind::Text(Some(counts)) => summary.set_counts(counts),
            Kind::Text(None) => summary.distinct = Some(Distinct::MoreThan(MAX_DISTINCT)),
            Kind::Times { least, most } => {
                let text = |time: Option<i64>| from_integer(time?, &self.data_type);
                (summary.min, summary.max) = (text(least), text(most));
            }
            Kind::Other => {}
        }
        summary
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn push_integers(
    values: impl Iterator<Item = i128>,
    moments: &mut Moments,
    least: &mut Option<i128>,
    most: &mut Option<i128>,
) {
    for value in values {
        *least = Some(least.map_or(value, |least| least.min(value)));
        *most = Some(most.map_or(value, |most| most.max(value)));
        moments.push(value as f64);
    }
}

fn count_text(
    array: &ArrayRef,
    counts: &mut Option<BTreeMap<String, u64>>,
) -> Result<(), ArrowError> {
    let Some(counted) = counts else { return Ok(()) };
    let values = cast(array, &DataType::LargeUtf8)?;
    for text in values.as_string::<i64>().iter().flatten() {
        if let Some(count) = counted.get_mut(text) {
            *count += 1;
            continue;
        }
        if counted.len() == MAX_DISTINCT {
            *counts = None;
            return Ok(());
        }
        counted.insert(text.to_owned(), 1);
    }
    Ok(())
}

/// Dates and times of 32 bits reach 64 by way of their own integers.
fn as_integers(array: &ArrayRef) -> Result<Int64Array, ArrowError> {
    let narrow = matches!(array.data_type(), DataType::Date32 | DataType::Time32(_));
    let array = if narrow { cast(array, &DataType::Int32)? } else { array.clone() };
    let values = cast(&array, &DataType::Int64)?;
    Ok(values.as_primitive::<Int64Type>().clone())
}

fn from_integer(value: i64, data_type: &DataType) -> Option<Value> {
    let array: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![value]));
    let narrow = matches!(data_type, DataType::Date32 | DataType::Time32(_));
    let array = if narrow { cast(&array, &DataType::Int32).ok()? } else { array };
    let array = cast(&array, data_type).ok()?;
    array_value_to_string(&array, 0).ok().map(Value::String)
}

fn integer(value: i128) -> Value {
    match (i64::try_from(value), u64::try_from(value)) {
        (Ok(value), _) => json!(value),
        (_, Ok(value)) => json!(value),
        _ => json!(value.to_string()),
    }
}

fn float(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distinct {
    Exactly(usize),
    MoreThan(usize),
}

/// A column in numbers.
#[derive(Debug)]
pub(super) struct Summary {
    data_type: DataType,
    /// Rows that are not null.
    count: u64,
    nulls: u64,
    /// For floating-point numbers.
    nans: Option<u64>,
    /// Of lists, the lengths.
    min: Option<Value>,
    max: Option<Value>,
    /// Of finite numbers.
    mean: Option<f64>,
    std: Option<f64>,
    distinct: Option<Distinct>,
    frequent: Vec<(String, u64)>,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            data_type: DataType::Null,
            count: 0,
            nulls: 0,
            nans: None,
            min: None,
            max: None,
            mean: None,
            std: None,
            distinct: None,
            frequent: Vec::new(),
        }
    }
}

impl Summary {
    fn set_moments(&mut self, moments: &Moments) {
        (self.mean, self.std) = (moments.mean(), moments.std());
    }

    fn set_counts(&mut self, counts: BTreeMap<String, u64>) {
        self.distinct = Some(Distinct::Exactly(counts.len()));
        let mut frequent: Vec<_> = counts.into_iter().collect();
        // Stable: equally frequent values stay in the order of their text.
        frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        // Values that occur once each are no news.
        if frequent.first().is_some_and(|(_, count)| *count > 1) {
            frequent.truncate(NAMED);
            self.frequent = frequent;
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut entries = Map::new();
        let mut set = |key: &str, value: Value| drop(entries.insert(key.to_owned(), value));
        set("type", json!(self.data_type.to_string()));
        set("count", json!(self.count));
        set("nulls", json!(self.nulls));
        if let Some(nans) = self.nans {
            set("nans", json!(nans));
        }
        for (key, value) in [("min", &self.min), ("max", &self.max)] {
            if let Some(value) = value {
                set(key, value.clone());
            }
        }
        for (key, value) in [("mean", self.mean), ("std", self.std)] {
            if let Some(value) = value {
                set(key, float(value));
            }
        }
        match self.distinct {
            Some(Distinct::Exactly(count)) => set("distinct", json!(count)),
            Some(Distinct::MoreThan(count)) => set("distinct-above", json!(count)),
            None => {}
        }
        if !self.frequent.is_empty() {
            let frequent =
                self.frequent.iter().map(|(value, count)| json!({"value": value, "count": count}));
            set("frequent", frequent.collect());
        }
        Value::Object(entries)
    }

    /// count, null, NaN, min, max, mean, std, distinct, most frequent.
    pub(super) fn cells(&self) -> [String; 9] {
        let of = |value: &Option<Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(value) if number.is_f64() => short(value),
                _ => number.to_string(),
            },
            _ => String::new(),
        };
        let number = |value: Option<f64>| value.map(short).unwrap_or_default();
        let frequent = self.frequent.iter().map(|(value, count)| format!("{value} ({count})"));
        [
            self.count.to_string(),
            self.nulls.to_string(),
            self.nans.map(|nans| nans.to_string()).unwrap_or_default(),
            of(&self.min),
            of(&self.max),
            number(self.mean),
            number(self.std),
            match self.distinct {
                Some(Distinct::Exactly(count)) => count.to_string(),
                Some(Distinct::MoreThan(count)) => format!(">{count}"),
                None => String::new(),
            },
            super::cut(&frequent.collect::<Vec<_>>().join(", "), 60),
        ]
    }
}

/// About six digits.
fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.4e}");
    }
    let digits = 5 - (size.log10().floor() as i32).clamp(-4, 5);
    let text = format!("{value:.*}", digits as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float64Array, ListArray, StringArray, UInt64Array};

    use super::*;

    fn describe(batches: &[ArrayRef]) -> Value {
        let mut column = Column::new(batches[0].data_type());
        for batch in batches {
            column.update(batch).unwrap();
        }
        let mut summary = column.finish().to_json();
        summary.as_object_mut().unwrap().shift_remove("type");
        summary
    }

    #[test]
    fn numbers_are_counted_and_nan_is_no_null() {
        let column = Float64Array::from(vec![Some(1.0), None, Some(f64::NAN), Some(4.0)]);
        let rest = Float64Array::from(vec![Some(7.0), Some(f64::NAN)]);
        assert_eq!(
            describe(&[Arc::new(column), Arc::new(rest)]),
            json!({"count": 5, "nulls": 1, "nans": 2, "min": 1.0, "max": 7.0, "mean": 4.0, "std": 3.0})
        );
    }

    #[test]
    fn the_range_shows_infinities_and_the_mean_leaves_them_out() {
        let column = Float64Array::from(vec![f64::INFINITY, 2.0, 4.0]);
        let summary = describe(&[Arc::new(column)]);
        assert_eq!((&summary["max"], &summary["mean"]), (&json!("inf"), &json!(3.0)));
    }

    #[test]
    fn nothing_gives_no_numbers() {
        let column = Float64Array::from(vec![None, Some(f64::NAN)]);
        assert_eq!(describe(&[Arc::new(column)]), json!({"count": 1, "nulls": 1, "nans": 1}));
    }

    #[test]
    fn large_integers_keep_all_digits() {
        let column = UInt64Array::from(vec![u64::MAX, 1]);
        let summary = describe(&[Arc::new(column)]);
        assert_eq!((&summary["min"], &summary["max"]), (&json!(1), &json!(u64::MAX)));
    }

    #[test]
    fn text_has_its_most_frequent_values() {
        let column = StringArray::from(vec![Some("b"), Some("a"), None, Some("b"), Some("c")]);
        assert_eq!(
            describe(&[Arc::new(column)]),
            json!({"count": 4, "nulls": 1, "distinct": 3, "frequent": [
                {"value": "b", "count": 2}, {"value": "a", "count": 1}, {"value": "c", "count": 1},
            ]})
        );
    }

    #[test]
    fn many_different_texts_are_not_kept() {
        let names = |range: std::ops::Range<usize>| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(range.map(|n| n.to_string())))
        };
        let summary = describe(&[names(0..MAX_DISTINCT)]);
        assert_eq!(summary, json!({"count": MAX_DISTINCT, "nulls": 0, "distinct": MAX_DISTINCT}));
        let summary = describe(&[names(0..MAX_DISTINCT), names(5..MAX_DISTINCT + 1)]);
        assert_eq!(summary["distinct-above"], json!(MAX_DISTINCT));
    }

    #[test]
    fn dates_and_lists_have_a_range() {
        let summary = describe(&[Arc::new(Date32Array::from(vec![Some(0), None, Some(31)]))]);
        assert_eq!(
            (&summary["min"], &summary["max"]),
            (&json!("1970-01-01"), &json!("1970-02-01"))
        );
        let curves = [Some(vec![Some(1.0)]), None, Some(vec![Some(1.0), None, None])];
        let summary =
            describe(&[Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(curves))]);
        assert_eq!((&summary["min"], &summary["mean"]), (&json!(1), &json!(2.0)));
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 1.0, -0.000_012_3, 1234.5678, 123_456_789.0, 1e12, 0.1 + 0.2];
        let texts = ["0", "1", "-1.2300e-5", "1234.57", "123456789", "1.0000e12", "0.3"];
        assert_eq!(numbers.map(short), texts);
    }
}
