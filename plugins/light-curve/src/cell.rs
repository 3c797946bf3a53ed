//! Points → cells of light curves.

use arrow_array::{ListArray, StructArray, UInt8Array};
use skyloom_plugin::arrow_buffer::{NullBuffer, OffsetBuffer};
use skyloom_plugin::prelude::*;

/// One point as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// MJD, days.
    pub time: f64,
    /// Flux or magnitude; NaN becomes null.
    pub value: f64,
    /// 1σ error; NaN becomes null.
    pub error: f64,
    /// [`flags`](crate::flags).
    pub flags: u8,
}

/// The cells of a band's column, written from its first row to its last.
#[derive(Debug, Clone)]
pub struct Cells {
    offsets: Vec<i32>,
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
    flags: Vec<u8>,
}

impl Default for Cells {
    fn default() -> Self {
        let (times, values, errors, flags) = Default::default();
        Self { offsets: vec![0], times, values, errors, flags }
    }
}

impl Cells {
    /// Adds a point to the cell that is being written. Points come sorted by time.
    pub fn push(&mut self, point: Point) {
        self.times.push(point.time);
        self.values.push(point.value);
        self.errors.push(point.error);
        self.flags.push(point.flags);
    }

    /// Ends the cell, and begins that of the next row. A cell without points is null.
    ///
    /// # Errors
    /// When the cells together hold more than 2³¹ − 1 points.
    pub fn end(&mut self) -> Result<()> {
        let points = i32::try_from(self.times.len())
            .map_err(|_| Error::failed("more than 2147483647 points in a batch of light curves"))?;
        self.offsets.push(points);
        Ok(())
    }

    /// The number of points in all cells.
    pub fn points(&self) -> usize {
        self.times.len()
    }

    /// The column. `data_type` is that of its [field](crate::BandColumn::field).
    ///
    /// # Errors
    /// When it is not, or a point was added after the last [`end`](Self::end).
    pub fn finish(self, data_type: &DataType) -> Result<ArrayRef> {
        let no = || Error::failed(format!("{data_type} is no column of light curves"));
        let DataType::List(item) = data_type else { return Err(no()) };
        let DataType::Struct(parts) = item.data_type() else { return Err(no()) };
        let is_there = self.offsets.windows(2).map(|ends| ends[0] < ends[1]);
        let is_there: NullBuffer = is_there.collect();
        let present = |numbers: Vec<f64>| -> ArrayRef {
            let numbers = numbers.into_iter().map(|number| (!number.is_nan()).then_some(number));
            Arc::new(numbers.collect::<Float64Array>())
        };
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(self.times)),
            present(self.values),
            present(self.errors),
            Arc::new(UInt8Array::from(self.flags)),
        ];
        let points = StructArray::try_new(parts.clone(), arrays, None).map_err(Error::failed)?;
        let offsets = OffsetBuffer::new(self.offsets.into());
        let lists = ListArray::try_new(item.clone(), offsets, Arc::new(points), Some(is_there));
        Ok(Arc::new(lists.map_err(Error::failed)?))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;
    use crate::column::{BandColumn, Kind, Light};

    #[test]
    fn cells_have_the_type_of_their_column() {
        let column = BandColumn::new("g", Light { kind: Kind::Flux, unit: Some("nJy".into()) });
        let mut cells = Cells::default();
        cells.push(Point { time: 1.0, value: 2.0, error: f64::NAN, flags: 2 });
        cells.end().unwrap();
        cells.end().unwrap();
        assert_eq!(cells.points(), 1);
        let array = cells.finish(column.field().data_type()).unwrap();
        assert_eq!(array.data_type(), column.field().data_type());
        assert_eq!((array.len(), array.null_count()), (2, 1));
        let points = array.as_list::<i32>().value(0);
        assert_eq!(points.as_struct().column(2).null_count(), 1);
    }

    #[test]
    fn no_cells_are_a_column_too() {
        let column = BandColumn::new("g", Light { kind: Kind::Magnitude, unit: None });
        assert_eq!(Cells::default().finish(column.field().data_type()).unwrap().len(), 0);
    }
}
