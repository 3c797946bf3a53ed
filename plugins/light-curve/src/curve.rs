//! Cells of light curves → slices of numbers that may be computed with.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt8Type};
use skyloom_plugin::prelude::*;

use crate::column::BandColumn;
use crate::flags;

/// The light curves of a batch in one band, without what cannot be computed with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    offsets: Vec<u32>,
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
}

/// One light curve: points with finite times and values that are no upper limits, sorted
/// by time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve<'a> {
    /// MJD, days.
    pub times: &'a [f64],
    /// Flux or magnitude.
    pub values: &'a [f64],
    /// 1σ errors; NaN where there is no positive one.
    pub errors: &'a [f64],
}

impl Curves {
    /// The light curves in the column of a band.
    ///
    /// Upper limits and points whose time or value is null, NaN or infinite are left out.
    /// Errors that are null, infinite, zero or negative become NaN. Points that are not
    /// sorted are sorted by time, those of one time in their order.
    ///
    /// # Errors
    /// When the column is missing, undeclared, or holds no light curves.
    pub fn read(batch: &Batch, band: &BandColumn) -> Result<Self> {
        let column = batch.column(&band.column)?;
        Self::of(&column, band).ok_or_else(|| {
            Error::failed(format!("column `{}` does not hold light curves", band.column))
        })
    }

    fn of(column: &dyn Array, band: &BandColumn) -> Option<Self> {
        let lists = column.as_list_opt::<i32>()?;
        let points = lists.values().as_struct_opt()?;
        let numbers = |name: &str| {
            let array = points.column_by_name(name)?;
            array.as_primitive_opt::<Float64Type>()
        };
        let (value, error) = band.light.kind.names();
        let (times, values, errors) = (numbers("time")?, numbers(value)?, numbers(error)?);
        let flags = points.column_by_name("flags");
        let flags = flags.and_then(|flags| flags.as_primitive_opt::<UInt8Type>());
        let is_limit =
            |at: usize| flags.is_some_and(|flags| flags.value(at) & flags::UPPER_LIMIT != 0);
        let finite = |array: &Float64Array, at: usize| {
            Some(array.value(at)).filter(|value| array.is_valid(at) && value.is_finite())
        };
        let mut curves = Self { offsets: vec![0], ..Self::default() };
        let ends = lists.value_offsets();
        for row in 0..lists.len() {
            let start = curves.times.len();
            let cell = if lists.is_valid(row) { ends[row]..ends[row + 1] } else { 0..0 };
            for at in cell {
                let at = usize::try_from(at).ok()?;
                if points.is_null(at) || is_limit(at) {
                    continue;
                }
                let (Some(time), Some(value)) = (finite(times, at), finite(values, at)) else {
                    continue;
                };
                let error = finite(errors, at).filter(|error| *error > 0.0);
                curves.times.push(time);
                curves.values.push(value);
                curves.errors.push(error.unwrap_or(f64::NAN));
            }
            curves.sort(start);
            curves.offsets.push(u32::try_from(curves.times.len()).ok()?);
        }
        Some(curves)
    }

    /// Sorts the points from `start` on by time.
    fn sort(&mut self, start: usize) {
        if self.times[start..].is_sorted() {
            return;
        }
        let mut points: Vec<_> = (start..self.times.len())
            .map(|at| (self.times[at], self.values[at], self.errors[at]))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (at, (time, value, error)) in (start..).zip(points) {
            (self.times[at], self.values[at], self.errors[at]) = (time, value, error);
        }
    }

    /// The number of light curves: one for each row.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The light curve of a row.
    pub fn get(&self, row: usize) -> Curve<'_> {
        let points = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        Curve {
            times: &self.times[points.clone()],
            values: &self.values[points.clone()],
            errors: &self.errors[points],
        }
    }
}

impl Curve<'_> {
    /// The number of points.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{Float64Builder, ListBuilder, StructBuilder, UInt8Builder};

    use super::*;
    use crate::column::{Kind, Light};

    #[test]
    fn what_cannot_be_computed_with_is_left_out() {
        let band = BandColumn::new("g", Light { kind: Kind::Flux, unit: None });
        let DataType::Struct(parts) = BandColumn::point(&band.light) else { unreachable!() };
        let points = StructBuilder::from_fields(parts, 0);
        let mut lists = ListBuilder::new(points);
        type Point = (f64, Option<f64>, Option<f64>, u8);
        let cells: [&[Point]; 2] = [
            &[
                (3.0, Some(1.0), Some(0.1), 0),
                (1.0, Some(2.0), Some(-1.0), 2),
                (2.0, Some(f64::NAN), Some(0.1), 0),
                (2.0, None, Some(0.1), 0),
                (2.5, Some(9.0), Some(0.1), 1),
            ],
            &[],
        ];
        for cell in cells {
            for &(time, value, error, flags) in cell {
                let point = lists.values();
                let float = |point: &mut StructBuilder, at, value| {
                    point.field_builder::<Float64Builder>(at).unwrap().append_option(value);
                };
                float(point, 0, Some(time));
                float(point, 1, value);
                float(point, 2, error);
                point.field_builder::<UInt8Builder>(3).unwrap().append_value(flags);
                point.append(true);
            }
            lists.append(true);
        }
        lists.append(false);
        let curves = Curves::of(&lists.finish(), &band).unwrap();
        assert_eq!(curves.len(), 3);
        assert_eq!((curves.get(0).times, curves.get(0).values), (&[1.0, 3.0][..], &[2.0, 1.0][..]));
        assert!(curves.get(0).errors[0].is_nan());
        assert!(curves.get(1).is_empty() && curves.get(2).is_empty());
    }
}
