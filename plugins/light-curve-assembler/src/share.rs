//! Which objects a shard works on.
//!
//! With `objects`, shard i of n has the rows from ⌊N·i/n⌋ to ⌊N·(i+1)/n⌋ of the N, so that
//! rows keep their order. Without, it has the keys whose hash falls in the i-th of n equal
//! ranges, in the order of their hashes: so neither the number of shards nor the order of
//! the detections moves a row.

use std::ops::Range;

use skyloom_plugin::prelude::*;

use crate::key::{Key, KeyMap, Keys, OwnedKey};

/// Whose a row of `detections` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Of the object in this place of the shard.
    Mine(u32),
    /// Of none of `objects`; this shard counts it.
    Nobody,
    /// Another shard's affair.
    Other,
}

/// The objects of one shard.
#[derive(Debug)]
pub struct Share {
    piece: u32,
    pieces: u32,
    /// Places by key.
    places: KeyMap<u32>,
    rows: Option<Rows>,
}

/// Where the shard's objects lie in `objects`.
#[derive(Debug)]
struct Rows {
    range: Range<u64>,
    without_key: u64,
    /// All keys of `objects` whose hash falls in this shard's range, with their rows: to tell
    /// which detections are nobody's, and which objects stand twice, without holding all.
    known: KeyMap<u64>,
}

impl Share {
    /// The shard's part of all keys that come.
    pub fn of_keys((piece, pieces): (u32, u32)) -> Self {
        Self { piece, pieces, places: KeyMap::default(), rows: None }
    }

    /// The shard's part of the rows of `objects`.
    ///
    /// # Errors
    /// When two objects have one key, or what the data make impossible.
    pub fn of_objects(
        objects: &mut Reader,
        column: &str,
        (piece, pieces): (u32, u32),
    ) -> Result<Self> {
        let part = |piece: u32| {
            let row = u128::from(objects.rows()) * u128::from(piece) / u128::from(pieces);
            row as u64
        };
        let range = part(piece)..part(piece + 1);
        if range.end - range.start > u64::from(u32::MAX) {
            return Err(Error::param("shards", "a shard has more than 2³² objects; ask for more"));
        }
        let rows = Rows { range, without_key: 0, known: KeyMap::default() };
        let mut share = Self { rows: Some(rows), ..Self::of_keys((piece, pieces)) };
        let mut row = 0;
        while let Some(batch) = objects.next()? {
            let keys = Keys::read(&batch, column)?;
            for at in 0..keys.len() {
                share.note_object(keys.get(at), row, column)?;
                row += 1;
            }
        }
        Ok(share)
    }

    fn note_object(&mut self, key: Option<Key<'_>>, row: u64, column: &str) -> Result<()> {
        let is_hashed_here = key.is_some_and(|key| self.is_hashed_here(key));
        let Some(rows) = &mut self.rows else { return Ok(()) };
        let is_here = rows.range.contains(&row);
        let Some(key) = key else {
            rows.without_key += u64::from(is_here);
            return Ok(());
        };
        if is_here {
            self.places.entry(OwnedKey::from(key)).or_insert((row - rows.range.start) as u32);
        }
        if is_hashed_here && let Some(earlier) = rows.known.insert(OwnedKey::from(key), row) {
            return Err(Error::data(format!(
                "rows {earlier} and {row} of `objects` (from 0) both have `{column}` {key}; whose its detections are \
                 is not known: keep one row per object"
            )));
        }
        Ok(())
    }

    fn is_hashed_here(&self, key: Key<'_>) -> bool {
        let piece = (u128::from(key.hash64()) * u128::from(self.pieces)) >> 64;
        piece == u128::from(self.piece)
    }

    /// Whose a row with this key is.
    ///
    /// # Errors
    /// When there are more than 2³² objects.
    pub fn owner(&mut self, key: Key<'_>) -> Result<Owner> {
        if let Some(rows) = &self.rows {
            if let Some(place) = self.places.get(&key) {
                return Ok(Owner::Mine(*place));
            }
            let is_nobody_s = self.is_hashed_here(key) && !rows.known.contains_key(&key);
            return Ok(if is_nobody_s { Owner::Nobody } else { Owner::Other });
        }
        if !self.is_hashed_here(key) {
            return Ok(Owner::Other);
        }
        if let Some(place) = self.places.get(&key) {
            return Ok(Owner::Mine(*place));
        }
        let place = u32::try_from(self.places.len()).map_err(|_| {
            Error::param("shards", "a shard has more than 2³² objects; ask for more")
        })?;
        self.places.insert(OwnedKey::from(key), place);
        Ok(Owner::Mine(place))
    }

    /// Brings the objects into the order of the output: where there are no `objects`, by
    /// hash, then by key. Gives the new place of each old one; none where none moves.
    pub fn put_in_order(&mut self) -> Option<Vec<u32>> {
        if self.rows.is_some() {
            return None;
        }
        self.places.sort_by_cached_key(|key, _| (key.get().hash64(), key.clone()));
        let mut new = vec![0; self.places.len()];
        for (place, old) in (0..).zip(self.places.values_mut()) {
            new[*old as usize] = place;
            *old = place;
        }
        Some(new)
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        match &self.rows {
            Some(rows) => (rows.range.end - rows.range.start) as usize,
            None => self.places.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of `objects`; none where nothing is connected.
    pub fn rows(&self) -> Option<Range<u64>> {
        self.rows.as_ref().map(|rows| rows.range.clone())
    }

    /// How many objects have no key, and so no detections.
    pub fn without_key(&self) -> u64 {
        self.rows.as_ref().map_or(0, |rows| rows.without_key)
    }

    /// The keys, in order: for tables made without `objects`.
    pub fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.places.keys().map(OwnedKey::get)
    }

    /// The key of the object in `place`, for people.
    pub fn name(&self, place: u32) -> String {
        let found = self.places.iter().find(|(_, other)| **other == place);
        found.map_or_else(|| "?".to_owned(), |(key, _)| key.get().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_in_one_shard_and_shards_follow_the_order_of_hashes() {
        let keys = || (0..1000).map(Key::Integer);
        let mut found: Vec<Vec<String>> = Vec::new();
        for pieces in [1, 3, 8] {
            let mut all = Vec::new();
            for piece in 0..pieces {
                let mut share = Share::of_keys((piece, pieces));
                for key in keys() {
                    share.owner(key).unwrap();
                }
                share.put_in_order();
                all.extend(share.keys().map(|key| key.to_string()));
            }
            found.push(all);
        }
        assert_eq!(found[0].len(), 1000);
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
