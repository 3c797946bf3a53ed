//! The primary image of a FITS file, plain or gzipped.
//!
//! FITS 4.0, Pence et al. 2010, [doi:10.1051/0004-6361/201015362](https://doi.org/10.1051/0004-6361/201015362).
//! Extensions, tile compression, and coordinates are not known here.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::image::{Image, MAX_PIXELS, Why};

const BLOCK: usize = 2880;
const CARD: usize = 80;
/// The most blocks that a header may have: 4,608 cards.
const HEADER_BLOCKS: usize = 128;
/// The most bytes that are unpacked: the largest image and header. What follows is not looked at.
const MAX_BYTES: u64 = (8 * MAX_PIXELS + HEADER_BLOCKS * BLOCK) as u64;

/// The image in the primary HDU: BZERO + BSCALE × number. Pixels of value BLANK are masked, and
/// so are NaN and infinities. Axes beyond the second must have length 1.
///
/// # Errors
/// When there is none, or it is damaged or too large.
pub fn read(bytes: &[u8]) -> Result<Image, Why> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return plain(bytes);
    }
    let mut unpacked = Vec::new();
    let reading = MultiGzDecoder::new(bytes).take(MAX_BYTES).read_to_end(&mut unpacked);
    reading.map_err(|_| Why::BadGzip)?;
    plain(&unpacked)
}

fn plain(bytes: &[u8]) -> Result<Image, Why> {
    if !bytes.starts_with(b"SIMPLE  =") {
        return Err(Why::NotFits);
    }
    let (header, data) = Header::read(bytes)?;
    let [width, height] = header.sides()?;
    // Either side is at most MAX_PIXELS, whose square 32 bits do not hold.
    let pixels = width.checked_mul(height).filter(|pixels| *pixels <= MAX_PIXELS);
    let pixels = pixels.ok_or(Why::TooLarge)?;
    let size = header.bitpix.unsigned_abs() as usize / 8;
    let data = data.get(..pixels * size).ok_or(Why::Truncated)?;
    let numbers = data.chunks_exact(size).map(|chunk| header.number(chunk)).collect();
    Image::new(width, height, numbers)
}

/// What the keywords say.
#[derive(Debug, Clone, Default)]
struct Header {
    bitpix: i64,
    naxis: Option<i64>,
    axes: [i64; 9],
    scale: Option<f64>,
    zero: Option<f64>,
    blank: Option<i64>,
}

impl Header {
    /// The header, and what follows it.
    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Why> {
        let mut header = Self::default();
        for (index, card) in bytes.chunks_exact(CARD).enumerate() {
            if index >= HEADER_BLOCKS * BLOCK / CARD {
                return Err(Why::BadHeader);
            }
            if card.trim_ascii_end() == b"END" {
                let length = ((index + 1) * CARD).next_multiple_of(BLOCK);
                if ![8, 16, 32, 64, -32, -64].contains(&header.bitpix) {
                    return Err(Why::BadHeader);
                }
                return Ok((header, bytes.get(length..).ok_or(Why::Truncated)?));
            }
            if &card[8..10] == b"= " {
                header.card(card[..8].trim_ascii_end(), &card[10..])?;
            }
        }
        Err(Why::Truncated)
    }

    fn card(&mut self, key: &[u8], value: &[u8]) -> Result<(), Why> {
        match key {
            b"BITPIX" => self.bitpix = whole(value)?,
            b"NAXIS" => self.naxis = Some(whole(value)?),
            b"BSCALE" => self.scale = Some(real(value)?),
            b"BZERO" => self.zero = Some(real(value)?),
            b"BLANK" => self.blank = Some(whole(value)?),
            [b'N', b'A', b'X', b'I', b'S', digit @ b'1'..=b'9'] => {
                self.axes[usize::from(digit - b'1')] = whole(value)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn sides(&self) -> Result<[usize; 2], Why> {
        let naxis = match self.naxis {
            None => return Err(Why::BadHeader),
            Some(naxis @ 2..=9) => naxis as usize,
            Some(_) => return Err(Why::NotTwoAxes),
        };
        if self.axes[2..naxis].iter().any(|axis| *axis != 1) {
            return Err(Why::NotTwoAxes);
        }
        let side = |axis: i64| match usize::try_from(axis) {
            Ok(side) if side <= MAX_PIXELS => Ok(side),
            _ if axis < 0 => Err(Why::BadHeader),
            _ => Err(Why::TooLarge),
        };
        Ok([side(self.axes[0])?, side(self.axes[1])?])
    }

    /// The value of a pixel of `BITPIX` bits, big-endian.
    fn number(&self, chunk: &[u8]) -> f64 {
        let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let raw = match self.bitpix {
            8 => bits as i64,
            16 => i64::from(bits as u16 as i16),
            32 => i64::from(bits as u32 as i32),
            64 => bits as i64,
            -32 => return self.scaled(f64::from(f32::from_bits(bits as u32))),
            _ => return self.scaled(f64::from_bits(bits)),
        };
        if self.blank == Some(raw) { f64::NAN } else { self.scaled(raw as f64) }
    }

    fn scaled(&self, number: f64) -> f64 {
        self.zero.unwrap_or(0.0) + self.scale.unwrap_or(1.0) * number
    }
}

/// What stands before the comment.
fn value(field: &[u8]) -> Result<&str, Why> {
    let value = field.split(|byte| *byte == b'/').next().unwrap_or_default();
    str::from_utf8(value.trim_ascii()).map_err(|_| Why::BadHeader)
}

fn whole(field: &[u8]) -> Result<i64, Why> {
    value(field)?.parse().map_err(|_| Why::BadHeader)
}

/// A finite number; FITS writes exponents with D, too.
fn real(field: &[u8]) -> Result<f64, Why> {
    let number: f64 = value(field)?.replace(['D', 'd'], "E").parse().map_err(|_| Why::BadHeader)?;
    if number.is_finite() { Ok(number) } else { Err(Why::BadHeader) }
}
