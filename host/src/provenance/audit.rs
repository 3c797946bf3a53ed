//! The audit log: runs, collections and locks, each line chained to the one before.
//!
//! A line's hash covers the line and the hash of the one before it, so a line that is edited
//! or dropped breaks the chain. The last hash is kept in a file of its own, and each run's
//! record is named by its digest: a log that is cut short is found, too.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Agent, RecordError, Runs, now};
use crate::data::Digest;

/// The log of a project.
#[derive(Debug, Clone)]
pub struct Audit {
    path: PathBuf,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// From 1.
    pub number: u64,
    pub time: String,
    pub agent: Agent,
    /// `run-began`, `run-ended`, `cache-collected`, `lock-written`, …
    pub event: String,
    pub detail: Value,
    /// The hash of the line before; zeros in the first.
    pub previous: Digest,
}

/// An event with its hash, as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    event: Event,
    hash: Digest,
}

/// The last line, in a file of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    number: u64,
    hash: Digest,
}

/// What a look through the log found.
#[derive(Debug, Clone, Serialize)]
pub struct Audited {
    pub events: u64,
    /// The hash of the last line: kept elsewhere, it binds the whole log.
    pub last: Digest,
    pub faults: Vec<String>,
}

const START: Head = Head { number: 0, hash: Digest::ZERO };

impl Event {
    fn hash(&self) -> Digest {
        let text = serde_json::to_vec(self).expect("an event is plain data");
        let mut hasher = blake3::Hasher::new_derive_key("skyloom audit v1");
        hasher.update(&text);
        Digest::from(hasher.finalize())
    }
}

impl Audit {
    /// The log below `root`, the project's `.skyloom` folder.
    pub fn below(root: &Path) -> Self {
        Self { path: root.join("audit.jsonl") }
    }

    fn head_path(&self) -> PathBuf {
        self.path.with_extension("head")
    }

    /// Adds a line; once this returns, it outlives a power cut.
    ///
    /// # Errors
    /// When it cannot be written; then the log is as it was.
    pub fn note(&self, event: &str, detail: Value) -> Result<(), RecordError> {
        let io = |error: std::io::Error| RecordError::Io {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(&self.path).map_err(io)?;
        // Two runs may end at once.
        file.lock().map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let last = self.last(&mut file, length).map_err(io)?;
        let event = Event {
            number: last.number + 1,
            time: now(),
            agent: Agent::of_process(),
            event: event.to_owned(),
            detail,
            previous: last.hash,
        };
        let head = Head { number: event.number, hash: event.hash() };
        let line = Line { event, hash: head.hash };
        let mut text = serde_json::to_string(&line).expect("a line is plain data");
        text.push('\n');
        let temporary = self.head_path().with_extension("head.tmp");
        let head = serde_json::to_string(&head).expect("a head is plain data");
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .and_then(|()| fs::write(&temporary, head))
            .and_then(|()| fs::rename(&temporary, self.head_path()));
        // Half a line would break the chain for good.
        written.inspect_err(|_| drop(file.set_len(length))).map_err(io)
    }

    /// The last line there is, or that there was.
    fn last(&self, file: &mut File, length: u64) -> std::io::Result<Head> {
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(length.saturating_sub(MAX_LINE)))?;
        file.read_to_end(&mut tail)?;
        let line = tail.strip_suffix(b"\n").unwrap_or(&tail).rsplit(|byte| *byte == b'\n').next();
        let line = line.and_then(|line| serde_json::from_slice::<Line>(line).ok());
        let seen = line.map_or(START, |line| Head { number: line.event.number, hash: line.hash });
        // A head that is ahead of the file tells of dropped lines: the chain shows the gap.
        let head = self.head().unwrap_or(START);
        Ok(if head.number > seen.number { head } else { seen })
    }

    fn head(&self) -> Option<Head> {
        serde_json::from_slice(&fs::read(self.head_path()).ok()?).ok()
    }

    /// Looks through the log, and at the records that it names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn verify(&self, runs: &Runs) -> Result<Audited, RecordError> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            other => other.map_err(|error| RecordError::Io {
                path: self.path.clone(),
                reason: error.to_string(),
            })?,
        };
        let mut faults = Vec::new();
        let mut last = START;
        let mut noted = std::collections::BTreeMap::new();
        for (index, text) in text.lines().enumerate() {
            let at = index + 1;
            let Ok(Line { event, hash }) = serde_json::from_str::<Line>(text) else {
                faults.push(format!("line {at} cannot be read: it was edited or cut short"));
                continue;
            };
            if event.hash() != hash {
                faults.push(format!("line {at} was edited: its hash is not of what it says"));
            } else if event.number != last.number + 1 || event.previous != last.hash {
                let (number, expected) = (event.number, last.number + 1);
                faults.push(match number.checked_sub(expected) {
                    Some(missing @ 1..) => {
                        format!("before line {at}, {missing} lines were dropped")
                    }
                    _ => format!("line {at} does not follow the line before it"),
                });
            }
            last = Head { number: event.number, hash };
            if event.event == "run-ended"
                && let (Some(run), Some(digest)) =
                    (event.detail["run"].as_str(), event.detail["record"].as_str())
            {
                noted.insert(run.to_owned(), digest.to_owned());
            }
        }
        match self.head() {
            Some(head) if head.number > last.number => {
                let missing = head.number - last.number;
                faults.push(format!("after the last line, {missing} lines were dropped"));
            }
            Some(head) if head.number == last.number && head.hash != last.hash => {
                faults.push("the last line is not the one that was written".to_owned());
            }
            None if last.number > 0 => {
                faults.push("the file that names the last line is gone".to_owned());
            }
            _ => {}
        }
        for run in runs.names() {
            match (noted.get(&run), runs.digest(&run)) {
                (None, _) => faults.push(format!("run {run} has a record, but no line")),
                (Some(digest), Some(found)) if *digest != found.to_string() => {
                    faults.push(format!("the record of run {run} was edited"));
                }
                _ => {}
            }
        }
        Ok(Audited { events: last.number, last: last.hash, faults })
    }
}

/// No line is longer.
const MAX_LINE: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn log(lines: usize) -> (tempfile::TempDir, Audit) {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::below(folder.path());
        for line in 0..lines {
            audit.note("run-began", json!({"run": format!("r{line}")})).unwrap();
        }
        (folder, audit)
    }

    fn faults(folder: &Path, audit: &Audit) -> Vec<String> {
        audit.verify(&Runs::below(folder)).unwrap().faults
    }

    #[test]
    fn an_honest_log_has_no_faults() {
        for lines in [0, 1, 5] {
            let (folder, audit) = log(lines);
            assert_eq!(faults(folder.path(), &audit), Vec::<String>::new());
        }
    }

    #[test]
    fn every_changed_byte_is_found() {
        let (folder, audit) = log(3);
        let text = fs::read(&audit.path).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            if String::from_utf8(changed.clone()).is_err() {
                continue;
            }
            fs::write(&audit.path, changed).unwrap();
            assert!(!faults(folder.path(), &audit).is_empty(), "byte {at}");
        }
    }

    #[test]
    fn every_dropped_line_is_found() {
        let (folder, audit) = log(4);
        let text = fs::read_to_string(&audit.path).unwrap();
        for dropped in 0..4 {
            let lines = text.lines().enumerate().filter(|(at, _)| *at != dropped);
            let left: String = lines.map(|(_, line)| format!("{line}\n")).collect();
            fs::write(&audit.path, left).unwrap();
            assert!(!faults(folder.path(), &audit).is_empty(), "line {dropped}");
        }
        // Nor does writing on heal it.
        let left: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
        fs::write(&audit.path, left).unwrap();
        audit.note("run-began", json!({})).unwrap();
        let found = faults(folder.path(), &audit);
        assert_eq!(found, ["before line 4, 1 lines were dropped"]);
    }

    #[test]
    fn lines_of_many_threads_form_one_chain() {
        let (folder, audit) = log(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let audit = &audit;
                scope.spawn(move || {
                    (0..10).for_each(|line| {
                        audit.note("run-began", json!({"run": [thread, line]})).unwrap();
                    });
                });
            }
        });
        let audited = audit.verify(&Runs::below(folder.path())).unwrap();
        assert_eq!((audited.events, audited.faults), (40, Vec::new()));
    }
}
