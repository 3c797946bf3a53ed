//! Finds the row of one table that has the key of a row of another.

/// The keys of a table, as bytes one after another.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    integers: bool,
}

impl Keys {
    pub fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// Appends an integer, so that byte order is number order. A table's keys are all
    /// integers or all text.
    pub fn push_integer(&mut self, key: i128) {
        self.integers = true;
        self.push(&(key as u128 ^ SIGN).to_be_bytes());
    }

    /// The key of row `row`, for people to read.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn show(&self, row: usize) -> String {
        let key = self.get(row);
        match <[u8; 16]>::try_from(key) {
            Ok(bytes) if self.integers => ((u128::from_be_bytes(bytes) ^ SIGN) as i128).to_string(),
            _ => format!("`{}`", String::from_utf8_lossy(key)),
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key of row `row`.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }
}

/// The sign bit, flipped so that negative integers come before positive ones.
const SIGN: u128 = 1 << 127;

/// Keys that are all different, with their rows.
#[derive(Debug, Clone)]
pub struct Index {
    keys: Keys,
    /// Rows in the order of their keys; none when they are in that order already.
    sorted: Option<Vec<usize>>,
}

/// Keys that occur more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicates {
    /// Rows whose key an earlier row has.
    pub rows: usize,
    /// The first such row, counted from 0.
    pub first: usize,
}

impl Index {
    /// # Errors
    /// [`Duplicates`] when two rows have the same key.
    pub fn new(keys: Keys) -> Result<Self, Duplicates> {
        if (1..keys.len()).all(|row| keys.get(row - 1) < keys.get(row)) {
            return Ok(Self { keys, sorted: None });
        }
        let mut sorted: Vec<_> = (0..keys.len()).collect();
        sorted.sort_unstable_by(|&a, &b| keys.get(a).cmp(keys.get(b)).then(a.cmp(&b)));
        let repeated = sorted.windows(2).filter(|pair| keys.get(pair[0]) == keys.get(pair[1]));
        let (rows, first) =
            repeated.fold((0, usize::MAX), |(rows, first), pair| (rows + 1, first.min(pair[1])));
        if rows > 0 {
            Err(Duplicates { rows, first })
        } else {
            Ok(Self { keys, sorted: Some(sorted) })
        }
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The row with this key. `expected` is looked at first: where two tables have one
    /// order, no search is needed.
    pub fn find(&self, key: &[u8], expected: usize) -> Option<usize> {
        if expected < self.len() && self.keys.get(expected) == key {
            return Some(expected);
        }
        match &self.sorted {
            None => {
                let before = |row: &usize| self.keys.get(*row) < key;
                let row = partition_point(self.len(), |row| before(&row));
                (row < self.len() && self.keys.get(row) == key).then_some(row)
            }
            Some(sorted) => {
                let place = sorted.binary_search_by(|row| self.keys.get(*row).cmp(key)).ok()?;
                Some(sorted[place])
            }
        }
    }
}

/// The first of `0..len` for which `before` does not hold; it holds up to there.
fn partition_point(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(keys: &[&str]) -> Result<Index, Duplicates> {
        let mut bytes = Keys::default();
        keys.iter().for_each(|key| bytes.push(key.as_bytes()));
        Index::new(bytes)
    }

    #[test]
    fn finds_in_any_order() {
        for keys in [["a", "b", "bb", "d"], ["d", "bb", "a", "b"]] {
            let index = index(&keys).unwrap();
            for (row, key) in keys.iter().enumerate() {
                for expected in 0..6 {
                    assert_eq!(index.find(key.as_bytes(), expected), Some(row));
                }
            }
            for missing in ["", "ab", "c", "e"] {
                assert_eq!(index.find(missing.as_bytes(), 0), None);
            }
        }
    }

    #[test]
    fn integers_sort_by_value_and_show_as_written() {
        let mut keys = Keys::default();
        for key in [i128::from(i64::MIN), -1, 0, 7, i128::from(u64::MAX)] {
            keys.push_integer(key);
        }
        assert_eq!((keys.show(1).as_str(), keys.show(4).as_str()), ("-1", "18446744073709551615"));
        assert!(Index::new(keys).unwrap().sorted.is_none());
    }

    #[test]
    fn duplicates_are_counted() {
        assert_eq!(
            index(&["b", "a", "b", "a", "b"]).unwrap_err(),
            Duplicates { rows: 3, first: 2 }
        );
        assert_eq!(index(&["a", "a"]).unwrap_err(), Duplicates { rows: 1, first: 1 });
        assert!(index(&[]).unwrap().find(b"a", 0).is_none());
    }
}
