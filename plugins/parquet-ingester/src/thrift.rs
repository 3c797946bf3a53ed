//! Thrift's compact protocol, as far as Parquet needs it: bounded by the bytes there are,
//! whatever lengths those bytes claim.
//!
//! Reference: the Thrift compact protocol specification, and parquet.thrift.

/// Structures nested deeper are refused.
const MAX_DEPTH: u32 = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThriftError {
    /// The bytes end within a value: more of them may do.
    NeedsMore,
    Malformed,
}

type Result<T> = std::result::Result<T, ThriftError>;

/// The types of values on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool(bool),
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

impl Kind {
    fn of(code: u8) -> Result<Self> {
        Ok(match code {
            1 => Self::Bool(true),
            2 => Self::Bool(false),
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            13 => Self::Uuid,
            _ => return Err(ThriftError::Malformed),
        })
    }
}

/// Reads values one after the other.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(ThriftError::Malformed)?;
        let taken = self.bytes.get(self.at..end).ok_or(ThriftError::NeedsMore)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ThriftError::Malformed)
    }

    /// A 16, 32 or 64-bit integer.
    pub fn integer(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A non-negative integer that fits 31 bits, as sizes and counts are.
    pub fn count(&mut self) -> Result<u32> {
        let value = self.integer()?;
        u32::try_from(value).ok().filter(|&v| v <= i32::MAX as u32).ok_or(ThriftError::Malformed)
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(self.varint()?).map_err(|_| ThriftError::Malformed)
    }

    /// The element kind and length of a list, which has no more elements than there are
    /// bytes left.
    pub fn list(&mut self) -> Result<(Kind, usize)> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.length()?,
            short => usize::from(short),
        };
        self.check_elements(length)?;
        Ok((Kind::of(header & 0x0F)?, length))
    }

    /// Every element takes at least one byte.
    fn check_elements(&self, length: usize) -> Result<()> {
        match length <= self.bytes.len() - self.at {
            true => Ok(()),
            false => Err(ThriftError::NeedsMore),
        }
    }

    /// Reads a structure: `field` is called with each field's number and kind, and either
    /// reads the value and says true, or leaves it to be passed over and says false.
    pub fn fields(
        &mut self,
        field: &mut dyn FnMut(&mut Self, i16, Kind) -> Result<bool>,
    ) -> Result<()> {
        self.fields_at(MAX_DEPTH, field)
    }

    fn fields_at(
        &mut self,
        depth: u32,
        field: &mut dyn FnMut(&mut Self, i16, Kind) -> Result<bool>,
    ) -> Result<()> {
        let mut number = 0_i16;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Ok(());
            }
            number = match header >> 4 {
                0 => i16::try_from(self.integer()?).map_err(|_| ThriftError::Malformed)?,
                delta => number.checked_add(i16::from(delta)).ok_or(ThriftError::Malformed)?,
            };
            let kind = Kind::of(header & 0x0F)?;
            if !field(self, number, kind)? {
                self.skip(kind, depth, false)?;
            }
        }
    }

    /// Passes over a whole structure, and so checks all its lengths.
    pub fn skip_struct(&mut self) -> Result<()> {
        self.skip(Kind::Struct, MAX_DEPTH, false)
    }

    fn skip(&mut self, kind: Kind, depth: u32, is_element: bool) -> Result<()> {
        let depth = depth.checked_sub(1).ok_or(ThriftError::Malformed)?;
        match kind {
            // A field's value is in its kind, an element's in a byte.
            Kind::Bool(_) if !is_element => {}
            Kind::Bool(_) | Kind::Byte => drop(self.byte()?),
            Kind::Integer => drop(self.varint()?),
            Kind::Double => drop(self.take(8)?),
            Kind::Uuid => drop(self.take(16)?),
            Kind::Binary => {
                let length = self.length()?;
                self.take(length)?;
            }
            Kind::List => {
                let (kind, length) = self.list()?;
                for _ in 0..length {
                    self.skip(kind, depth, true)?;
                }
            }
            Kind::Map => {
                let length = self.length()?;
                self.check_elements(length)?;
                if length > 0 {
                    let kinds = self.byte()?;
                    let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0F)?);
                    for _ in 0..length {
                        self.skip(key, depth, true)?;
                        self.skip(value, depth, true)?;
                    }
                }
            }
            Kind::Struct => self.fields_at(depth, &mut |_, _, _| Ok(false))?,
        }
        Ok(())
    }
}

/// How deep the columns of a file are nested, from the bytes of its footer: field 2 is the
/// schema, a tree in depth-first order whose nodes say how many children follow.
///
/// # Errors
/// When the footer is malformed in any place.
pub fn check_footer(bytes: &[u8]) -> Result<usize> {
    let mut counts = Vec::new();
    let mut reader = Reader::new(bytes);
    reader.fields(&mut |reader, number, kind| {
        if (number, kind) != (2, Kind::List) {
            return Ok(false);
        }
        let (kind, length) = reader.list()?;
        if kind != Kind::Struct {
            return Err(ThriftError::Malformed);
        }
        for _ in 0..length {
            let mut n_children = 0;
            reader.fields(&mut |reader, number, kind| {
                let is_count = (number, kind) == (5, Kind::Integer);
                if is_count {
                    n_children = reader.count()?;
                }
                Ok(is_count)
            })?;
            counts.push(n_children);
        }
        Ok(true)
    })?;
    // Children still to come, at each level above the node at hand.
    let mut open: Vec<u32> = Vec::new();
    let mut depth = 0;
    for count in counts {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(last) = open.last_mut() {
            *last -= 1;
        }
        if count > 0 {
            open.push(count);
        }
        depth = depth.max(open.len());
    }
    Ok(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_against_the_bytes_there_are() {
        // Field 1, a list of structures, i32::MAX of them.
        let lie = [0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07];
        assert_eq!(Reader::new(&lie).skip_struct(), Err(ThriftError::NeedsMore));
        // Field 1, a text of 2^62 bytes.
        let lie = [0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0];
        assert_eq!(Reader::new(&lie).skip_struct(), Err(ThriftError::NeedsMore));
        // A varint without end.
        assert_eq!(Reader::new(&[0x15; 1]).skip_struct(), Err(ThriftError::NeedsMore));
        let endless = [&[0x15][..], &[0xFF; 20]].concat();
        assert_eq!(Reader::new(&endless).skip_struct(), Err(ThriftError::Malformed));
    }

    #[test]
    fn nesting_is_bounded() {
        let structs = [0x1C; 100];
        assert_eq!(Reader::new(&structs).skip_struct(), Err(ThriftError::Malformed));
        let lists = [&[0x19][..], &[0x19; 1000]].concat();
        assert_eq!(Reader::new(&lists).skip_struct(), Err(ThriftError::Malformed));
    }

    #[test]
    fn integers() {
        for (bytes, value) in [(&[0][..], 0), (&[1], -1), (&[2], 1), (&[0xFE, 0x01], 127)] {
            assert_eq!(Reader::new(bytes).integer(), Ok(value));
        }
        let largest = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        assert_eq!(Reader::new(&largest).integer(), Ok(i64::MIN));
        assert_eq!(Reader::new(&[1]).count(), Err(ThriftError::Malformed));
    }
}
