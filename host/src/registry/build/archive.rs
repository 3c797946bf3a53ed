//! Files in one, as the zip format stores them: sorted, without times, not compressed.

use std::collections::BTreeMap;

/// An archive that is being put together.
#[derive(Default)]
pub(super) struct Archive(BTreeMap<String, Vec<u8>>);

impl Archive {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A later file of the same name takes an earlier one's place.
    pub(super) fn add(&mut self, path: &str, bytes: Vec<u8>) {
        self.0.insert(path.to_owned(), bytes);
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// The same for the same files.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (path, content) in &self.0 {
            let entry = entry(path, content);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&entry);
            // Comment, disk and attributes: none.
            directory.extend([0; 10]);
            directory.extend((bytes.len() as u32).to_le_bytes());
            directory.extend(path.as_bytes());
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&entry);
            bytes.extend(path.as_bytes());
            bytes.extend(content);
        }
        let (start, length, count) = (bytes.len() as u32, directory.len() as u32, self.0.len());
        bytes.extend(directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([(count as u16).to_le_bytes(); 2].concat());
        bytes.extend(length.to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend([0; 2]);
        bytes
    }
}

/// What both of an archive's lists say of a file.
fn entry(path: &str, content: &[u8]) -> Vec<u8> {
    let mut checksum = flate2::Crc::new();
    checksum.update(content);
    let mut entry = Vec::with_capacity(26);
    // Version 2.0; names in UTF-8; stored; the first moment that can be told, in 1980.
    entry.extend([20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]);
    entry.extend(checksum.sum().to_le_bytes());
    entry.extend([(content.len() as u32).to_le_bytes(); 2].concat());
    entry.extend((path.len() as u16).to_le_bytes());
    entry.extend([0; 2]);
    entry
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn any_reader_of_zip_files_reads_it() {
        let mut archive = Archive::new();
        archive.add("b/ö.py", b"print(1)\n".to_vec());
        archive.add("a.py", Vec::new());
        let mut read = zip::ZipArchive::new(Cursor::new(archive.bytes())).unwrap();
        let names = read.file_names().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(names, ["a.py", "b/ö.py"]);
        let mut text = String::new();
        read.by_name("b/ö.py").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "print(1)\n");
    }

    #[test]
    fn the_order_in_which_files_come_does_not_matter() {
        let of = |names: [&str; 2]| {
            let mut archive = Archive::new();
            for name in names {
                archive.add(name, name.as_bytes().to_vec());
            }
            archive.bytes()
        };
        assert_eq!(of(["a", "b"]), of(["b", "a"]));
    }
}
