//! Compressed bytes of a page to the bytes they stand for, all in Rust.

use std::io::Read;

use parquet::basic::Compression;
use ruzstd::decoding::FrameDecoder;

/// Unpacks pages of one column chunk.
pub struct Codec {
    compression: Compression,
    /// Kept from page to page for its tables.
    zstd: Option<Box<FrameDecoder>>,
}

impl Codec {
    /// None where `compression` is not supported.
    pub fn new(compression: Compression) -> Option<Self> {
        let zstd = match compression {
            Compression::ZSTD(_) => Some(Box::new(FrameDecoder::new())),
            Compression::LZO => return None,
            _ => None,
        };
        Some(Self { compression, zstd })
    }

    /// Appends to `output` what `input` stands for: exactly `size` bytes.
    ///
    /// # Errors
    /// A message when the data are damaged or stand for more or less.
    pub fn unpack(
        &mut self,
        input: &[u8],
        size: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), String> {
        let start = output.len();
        let result = match self.compression {
            Compression::UNCOMPRESSED => {
                output.extend_from_slice(input);
                Ok(())
            }
            Compression::SNAPPY => unpack_snappy(input, size, output),
            Compression::GZIP(_) => {
                unpack_stream(&mut flate2::read::MultiGzDecoder::new(input), size, output)
            }
            Compression::BROTLI(_) => unpack_stream(
                &mut brotli_decompressor::Decompressor::new(input, 4096),
                size,
                output,
            ),
            Compression::LZ4_RAW => unpack_lz4(input, size, output),
            Compression::LZ4 => unpack_lz4_hadoop(input, size, output).or_else(|_| {
                output.truncate(start);
                unpack_lz4(input, size, output)
            }),
            Compression::ZSTD(_) => {
                let decoder = self.zstd.as_mut().expect("made for this compression");
                unpack_zstd(decoder, input, size, output)
            }
            Compression::LZO => Err("LZO is not supported".to_owned()),
        };
        result?;
        match output.len() - start {
            found if found == size => Ok(()),
            found => Err(format!("a page unpacks to {found} bytes instead of {size}")),
        }
    }
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!("a page cannot be unpacked ({error})")
}

/// Refuses a size that `input` cannot stand for, before memory is taken for it.
fn check_ratio(input: &[u8], size: usize, limit: usize) -> Result<(), String> {
    match size <= input.len().saturating_mul(limit).saturating_add(64) {
        true => Ok(()),
        false => Err(format!("a page of {} bytes claims to unpack to {size}", input.len())),
    }
}

fn unpack_stream(reader: &mut dyn Read, size: usize, output: &mut Vec<u8>) -> Result<(), String> {
    // One byte more than promised is enough to know that it is too much.
    reader.take(size as u64 + 1).read_to_end(output).map(drop).map_err(damaged)
}

fn unpack_snappy(input: &[u8], size: usize, output: &mut Vec<u8>) -> Result<(), String> {
    let found = snap::raw::decompress_len(input).map_err(damaged)?;
    if found != size {
        return Err(format!("a page unpacks to {found} bytes instead of {size}"));
    }
    // No element stands for more than 64 bytes, and none is shorter than two.
    check_ratio(input, size, 64)?;
    let start = output.len();
    output.resize(start + size, 0);
    snap::raw::Decoder::new().decompress(input, &mut output[start..]).map(drop).map_err(damaged)
}

fn unpack_lz4(input: &[u8], size: usize, output: &mut Vec<u8>) -> Result<(), String> {
    check_ratio(input, size, 256)?;
    let start = output.len();
    output.resize(start + size, 0);
    let found = lz4_flex::block::decompress_into(input, &mut output[start..]).map_err(damaged)?;
    output.truncate(start + found);
    Ok(())
}

/// Blocks behind their unpacked and packed sizes, both big-endian, as Hadoop writes them.
fn unpack_lz4_hadoop(mut input: &[u8], size: usize, output: &mut Vec<u8>) -> Result<(), String> {
    let start = output.len();
    let number = |input: &mut &[u8]| {
        let (head, rest) = input.split_first_chunk::<4>()?;
        *input = rest;
        Some(u32::from_be_bytes(*head) as usize)
    };
    while !input.is_empty() {
        let sizes = number(&mut input).zip(number(&mut input));
        let (unpacked, packed) = sizes.ok_or_else(|| damaged("a block's head is cut"))?;
        let block = input.get(..packed).ok_or_else(|| damaged("a block is cut"))?;
        if unpacked > size - (output.len() - start) {
            return Err(damaged("its blocks are larger than the page"));
        }
        unpack_lz4(block, unpacked, output)?;
        input = &input[packed..];
    }
    Ok(())
}

fn unpack_zstd(
    decoder: &mut FrameDecoder,
    input: &[u8],
    size: usize,
    output: &mut Vec<u8>,
) -> Result<(), String> {
    // A block of a few bytes stands for at most 128 KiB.
    check_ratio(input, size, 1 << 16)?;
    let start = output.len();
    output.resize(start + size, 0);
    let found = decoder.decode_all(input, &mut output[start..]).map_err(damaged)?;
    output.truncate(start + found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &[u8] = b"RR Lyrae RR Lyrae RR Lyrae RR Lyrae RR Lyrae";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(text).expect("into memory");
        writer.finish().expect("into memory")
    }

    fn hadoop(blocks: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for block in blocks {
            let packed = lz4_flex::block::compress(block);
            bytes.extend((block.len() as u32).to_be_bytes());
            bytes.extend((packed.len() as u32).to_be_bytes());
            bytes.extend(packed);
        }
        bytes
    }

    fn unpack(compression: Compression, input: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let mut output = b"levels".to_vec();
        Codec::new(compression).expect("supported").unpack(input, size, &mut output)?;
        Ok(output.split_off(6))
    }

    #[test]
    fn old_lz4_in_hadoop_frames_or_bare() {
        let whole = unpack(Compression::LZ4, &hadoop(&[&TEXT[..20], &TEXT[20..]]), TEXT.len());
        assert_eq!(whole.as_deref(), Ok(TEXT));
        let whole = unpack(Compression::LZ4, &lz4_flex::block::compress(TEXT), TEXT.len());
        assert_eq!(whole.as_deref(), Ok(TEXT));
    }

    #[test]
    fn gzip_in_several_members() {
        let bytes = [gzip(&TEXT[..20]), gzip(&TEXT[20..])].concat();
        let whole = unpack(Compression::GZIP(Default::default()), &bytes, TEXT.len());
        assert_eq!(whole.as_deref(), Ok(TEXT));
    }

    #[test]
    fn sizes_that_lie_are_refused_before_memory_is_taken() {
        let huge = 200 << 20;
        let snappy = snap::raw::Encoder::new().compress_vec(TEXT).expect("small");
        let lz4 = lz4_flex::block::compress(TEXT);
        // The same snappy data, their own size replaced by one of 2^28.
        let bomb = [&[0x80, 0x80, 0x80, 0x80, 0x01][..], &snappy[1..]].concat();
        for (compression, input, size) in [
            (Compression::SNAPPY, &snappy, huge),
            (Compression::SNAPPY, &bomb, 1 << 28),
            (Compression::LZ4_RAW, &lz4, huge),
            (Compression::LZ4, &hadoop(&[TEXT]), huge),
            (Compression::ZSTD(Default::default()), &lz4, huge),
            (Compression::BROTLI(Default::default()), &lz4, huge),
        ] {
            assert!(unpack(compression, input, size).is_err(), "{compression}");
        }
        let bomb = gzip(&vec![0; 16 << 20]);
        let error = unpack(Compression::GZIP(Default::default()), &bomb, 1000);
        assert_eq!(error, Err("a page unpacks to 1001 bytes instead of 1000".to_owned()));
        assert!(Codec::new(Compression::LZO).is_none());
    }
}
