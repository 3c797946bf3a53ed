//! Cells of a column → images.

use arrow_array::cast::AsArray;
use skyloom_plugin::bind::is_number;
use skyloom_plugin::prelude::*;

use crate::fits;
use crate::image::{Image, MAX_PIXELS, Why};

/// Whether a column of this type holds images.
pub fn is_image(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary)
        || is_flat(data_type)
        || item(data_type).is_some_and(is_flat)
}

/// Whether this is the type of lists of numbers.
pub fn is_flat(data_type: &DataType) -> bool {
    item(data_type).is_some_and(is_number)
}

fn item(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type())
        }
        _ => None,
    }
}

/// The images in a column of a batch.
pub struct Cells<'a> {
    column: &'a dyn Array,
    width: Option<u32>,
}

impl<'a> Cells<'a> {
    /// `width`: pixels in a row of flat lists; they are square without it.
    pub fn new(column: &'a dyn Array, width: Option<u32>) -> Self {
        Self { column, width }
    }

    /// The image in row `row`. Null pixels are masked.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get(&self, row: usize) -> Result<Image, Why> {
        if self.column.is_null(row) {
            return Err(Why::NoImage);
        }
        if let Some(bytes) = bytes(self.column, row) {
            return fits::read(bytes);
        }
        let list = list(self.column, row).ok_or(Why::NoImage)?;
        if list.is_empty() {
            return Err(Why::NoImage);
        }
        if list.len() > MAX_PIXELS {
            return Err(Why::TooLarge);
        }
        match Numbers::of(list.as_ref()) {
            Some(numbers) => self.flat(numbers),
            None => rows(list.as_ref()),
        }
    }

    fn flat(&self, numbers: Numbers) -> Result<Image, Why> {
        let width = match self.width {
            Some(width) => width as usize,
            None => numbers.len().isqrt(),
        };
        Image::new(width, numbers.len() / width, numbers.into_nan())
    }
}

fn bytes(column: &dyn Array, row: usize) -> Option<&[u8]> {
    let small = column.as_binary_opt::<i32>().map(|column| column.value(row));
    small.or_else(|| column.as_binary_opt::<i64>().map(|column| column.value(row)))
}

fn list(column: &dyn Array, row: usize) -> Option<ArrayRef> {
    if let Some(lists) = column.as_list_opt::<i32>() {
        return Some(lists.value(row));
    }
    if let Some(lists) = column.as_list_opt::<i64>() {
        return Some(lists.value(row));
    }
    Some(column.as_fixed_size_list_opt()?.value(row))
}

/// An image of lists of rows, all of one length.
fn rows(lists: &dyn Array) -> Result<Image, Why> {
    let (mut pixels, mut width) = (Vec::new(), None);
    for row in 0..lists.len() {
        if lists.is_null(row) {
            return Err(Why::NotRectangular);
        }
        let numbers = list(lists, row).and_then(|list| Numbers::of(list.as_ref()));
        let numbers = numbers.ok_or(Why::NoImage)?;
        if *width.get_or_insert(numbers.len()) != numbers.len() {
            return Err(Why::NotRectangular);
        }
        if pixels.len() + numbers.len() > MAX_PIXELS {
            return Err(Why::TooLarge);
        }
        pixels.extend(numbers.into_nan());
    }
    Image::new(width.unwrap_or(0), lists.len(), pixels)
}
