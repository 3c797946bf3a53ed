//! Names of entries: relative paths with `/` that mean the same on every system.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::bundle::NameFault;

/// The longest part of a name that all usual file systems hold.
const PART_BYTES: usize = 255;

/// The most parts of a name: folders, and the file.
const PARTS: usize = 8;

/// Names that are taken, and the folders that they make, by their lower case.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeMap<String, (String, Kind)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

impl Names {
    /// Takes `name`, if it is a good one and goes together with those before it on a file
    /// system that does not tell letter case apart.
    pub(super) fn take(&mut self, name: &str) -> Result<(), NameFault> {
        check(name)?;
        let folders = name.match_indices('/').map(|(end, _)| (&name[..end], Kind::Folder));
        for (path, kind) in folders.chain([(name, Kind::File)]) {
            match self.taken.entry(path.to_lowercase()) {
                Entry::Vacant(free) => _ = free.insert((path.to_owned(), kind)),
                Entry::Occupied(taken) => {
                    let (other, other_kind) = taken.get();
                    match (kind, other_kind) {
                        _ if other != path => {
                            return Err(NameFault::Case { other: shown(other.as_bytes()) });
                        }
                        (Kind::Folder, Kind::Folder) => {}
                        (Kind::File, Kind::File) => return Err(NameFault::Twice),
                        _ => return Err(NameFault::FileAndFolder),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Refuses what is not a plain relative path to a file.
fn check(name: &str) -> Result<(), NameFault> {
    let drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    let faults = [
        (name.is_empty(), NameFault::Empty),
        (name.chars().any(char::is_control), NameFault::Control),
        (name.contains('\\'), NameFault::Backslash),
        (name.starts_with('/'), NameFault::Absolute),
        (drive, NameFault::Drive),
        (name.ends_with('/'), NameFault::Folder),
        (name.split('/').any(|part| matches!(part, "" | "." | "..")), NameFault::Component),
        (
            name.split('/').any(|part| part.len() > PART_BYTES),
            NameFault::Long { limit: PART_BYTES },
        ),
        (name.split('/').count() > PARTS, NameFault::Deep { limit: PARTS }),
    ];
    match faults.into_iter().find(|(found, _)| *found) {
        Some((_, fault)) => Err(fault),
        None => Ok(()),
    }
}

/// A name for messages, whatever is in it: escaped, and not too long.
pub(super) fn shown(name: &[u8]) -> String {
    escaped(&String::from_utf8_lossy(name), 80)
}

/// The first `most` characters of `text`, without any that a terminal would obey.
pub(super) fn escaped(text: &str, most: usize) -> String {
    let escaped = || text.chars().flat_map(char::escape_debug);
    let mut short: String = escaped().take(most).collect();
    if escaped().nth(most).is_some() {
        short.push('…');
    }
    short
}
