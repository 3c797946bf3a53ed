//! Bundles that are well, and every way of not being so.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};

use super::{ArchiveWriter, UnpackLimits, UnpackedEntry, unpack};
use crate::bundle::BundleError;
use crate::data::Digest;

/// Writes a bundle of `entries` and gives its bytes.
fn write(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("some.skyloom");
    let mut writer = ArchiveWriter::create(&path).unwrap();
    for (name, bytes) in entries {
        assert_eq!(writer.add_bytes(name, bytes).unwrap(), Digest::of(bytes));
    }
    let digest = writer.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(digest, Digest::of(&bytes));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no file is left over");
    bytes
}

/// Unpacks `bytes`. When they are refused, nothing may be left; when not, the folder is what
/// the answer says.
fn read(bytes: &[u8], limits: &UnpackLimits) -> Result<Vec<UnpackedEntry>, BundleError> {
    let folder = tempfile::tempdir().unwrap();
    let (path, below) = (folder.path().join("some.skyloom"), folder.path().join("below"));
    fs::write(&path, bytes).unwrap();
    fs::create_dir(&below).unwrap();
    let unpacked = unpack(&path, &below.join("into"), limits);
    let left = fs::read_dir(&below).unwrap().count();
    assert_eq!(left, usize::from(unpacked.is_ok()), "{unpacked:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is written elsewhere");
    for entry in unpacked.iter().flatten() {
        let content = fs::read(below.join("into").join(&entry.name)).unwrap();
        assert_eq!((entry.bytes, entry.digest), (content.len() as u64, Digest::of(&content)));
    }
    unpacked
}

fn small() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("ro-crate-metadata.json", b"{\"@context\": \"https://w3id.org/ro/crate/1.2/context\"}"),
        ("inputs/a/light-curve.csv", b"time_mjd,flux_njy\n58849.1,1203.5\n58849.2,1203.5\n"),
        ("outputs/classes.parquet", b"PAR1\x00\x01\x02PAR1"),
        ("\u{3b1} Ori.md", b""),
    ]
}

fn expected(entries: &[(&str, &[u8])]) -> Vec<UnpackedEntry> {
    let entries = entries.iter().map(|(name, bytes)| UnpackedEntry {
        name: (*name).to_owned(),
        bytes: bytes.len() as u64,
        digest: Digest::of(bytes),
    });
    entries.collect()
}

#[test]
fn what_is_written_is_read() {
    let bytes = write(&small());
    assert_eq!(read(&bytes, &UnpackLimits::default()).unwrap(), expected(&small()));
    assert_eq!(read(&write(&[]), &UnpackLimits::default()).unwrap(), []);
}

#[test]
fn equal_entries_give_equal_bytes() {
    assert_eq!(write(&small()), write(&small()));
    // From a file as from memory, over more than one piece.
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..40_000).map(|row| format!("{row},{}\n", row * row % 97)).collect();
    let (source, path) = (folder.path().join("rows"), folder.path().join("some.skyloom"));
    fs::write(&source, &rows).unwrap();
    let mut writer = ArchiveWriter::create(&path).unwrap();
    writer.add_file("rows.csv", &source).unwrap();
    writer.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes, write(&[("rows.csv", rows.as_bytes())]));
    assert!(bytes.len() < rows.len() / 2, "CSV is deflated");
}

#[test]
fn nothing_of_the_machine_is_written() {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(write(&small()))).unwrap();
    assert_eq!(zip.len(), small().len() + 1);
    for index in 0..zip.len() {
        let entry = zip.by_index(index).unwrap();
        assert_eq!(entry.last_modified(), Some(zip::DateTime::default()));
        assert_eq!(entry.external_attributes(), 0o100_644 << 16);
        assert_eq!(entry.system(), zip::System::Unix);
        assert_eq!(entry.extra_data(), None);
        assert_eq!(entry.comment_raw(), b"");
    }
}

#[test]
fn what_deflates_too_well_is_stored() {
    let zeros = vec![b'0'; 3 << 20];
    let entries: [(&str, &[u8]); 2] = [("zeros.csv", &zeros), ("some.arrow", &zeros[..1000])];
    let bytes = write(&entries);
    assert!(bytes.len() > zeros.len() + 1000);
    assert_eq!(read(&bytes, &UnpackLimits::default()).unwrap(), expected(&entries));
    // Not where it is only good.
    let rows: String = (0..400_000).map(|row| format!("{row},0\n")).collect();
    assert!(write(&[("rows.csv", rows.as_bytes())]).len() < rows.len() / 3);
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    fn check(names: &[&str], message: &str) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ArchiveWriter::create(&folder.path().join("some.skyloom")).unwrap();
        let (last, before) = names.split_last().unwrap();
        for name in before {
            writer.add_bytes(name, b"").unwrap();
        }
        let error = writer.add_bytes(last, b"").unwrap_err().to_string();
        assert!(error.contains(message), "{names:?}: {error}");
        // A refused name spoils nothing.
        writer.add_bytes("good.txt", b"").unwrap();
        writer.finish().unwrap();
    }
    check(&["../x"], "cannot put `../x` into a bundle: it has an empty part, `.` or `..`");
    check(&["x", "x"], "has a name that is there already; give it another name");
    check(&["manifest.json"], "has the name that Skyloom keeps");
    check(&["Manifest.json"], "differs from `manifest.json` only by letter case");
}

#[test]
fn a_bundle_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.skyloom");
    let mut writer = ArchiveWriter::create(&path).unwrap();
    let missing = writer.add_file("missing.csv", &folder.path().join("missing.csv"));
    assert!(matches!(missing, Err(BundleError::Io { .. })));
    let folder_error = writer.add_file("folder.csv", folder.path()).unwrap_err().to_string();
    assert!(folder_error.contains("not a regular file"), "{folder_error}");
    // As a file does that grows: this one says it has no bytes.
    let endless = writer.pour("endless.csv", 0, std::io::Cursor::new([0; 9]), Path::new("endless"));
    assert!(matches!(endless, Err(BundleError::Changed(_))));
    let error = writer.finish().unwrap_err().to_string();
    assert!(error.contains("`endless.csv` was not written to the end"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_full_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, into) = (folder.path().join("some.skyloom"), folder.path().join("into"));
    fs::write(&path, write(&small())).unwrap();
    let limits = UnpackLimits::default();
    // An empty one is as good as none.
    fs::create_dir(&into).unwrap();
    unpack(&path, &into, &limits).unwrap();
    assert!(matches!(unpack(&path, &into, &limits), Err(BundleError::Occupied(_))));
    // Nor is a link followed, though it leads to an empty folder.
    let (link, empty) = (folder.path().join("link"), folder.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    std::os::unix::fs::symlink(&empty, &link).unwrap();
    assert!(matches!(unpack(&path, &link, &limits), Err(BundleError::Occupied(_))));
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
}

/// An entry as it is laid down, byte for byte, whatever sense it makes.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    /// Where it differs in the entry's own header.
    local_name: Option<Vec<u8>>,
    flags: u16,
    method: u16,
    attributes: u32,
    extra: Vec<u8>,
    packed: Vec<u8>,
    /// What the headers say that `packed` unpacks to.
    size: u32,
    crc: u32,
    /// Of the directory's line, where it does not lead to this entry.
    offset: Option<u32>,
    /// What the manifest says.
    listed: Option<Value>,
}

fn stored(name: impl AsRef<[u8]>, content: &[u8]) -> Raw {
    let name = name.as_ref();
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let text = String::from_utf8_lossy(name);
    Raw {
        name: name.to_vec(),
        local_name: None,
        flags: 1 << 11,
        method: 0,
        attributes: 0o100_644 << 16,
        extra: Vec::new(),
        packed: content.to_vec(),
        size: content.len() as u32,
        crc: crc.sum(),
        offset: None,
        listed: Some(json!({"name": text, "bytes": content.len(), "digest": Digest::of(content)})),
    }
}

fn deflated(name: &str, content: &[u8]) -> Raw {
    let level = flate2::Compression::best();
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    Raw { method: 8, packed: encoder.finish().unwrap(), ..stored(name, content) }
}

/// The manifest of `entries`, changed by `change`.
fn manifest(entries: &[Raw], change: impl FnOnce(&mut Value)) -> Raw {
    let listed: Vec<_> = entries.iter().filter_map(|entry| entry.listed.clone()).collect();
    let mut value = json!({"version": 1, "entries": listed});
    change(&mut value);
    stored("manifest.json", value.to_string().as_bytes())
}

/// Lays `entries` down as a zip file.
fn lay(entries: &[Raw]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.offset.unwrap_or(file.len() as u32);
        let common = |name: &[u8]| {
            let mut bytes = Vec::new();
            bytes.extend_from_slice(&20_u16.to_le_bytes());
            bytes.extend_from_slice(&entry.flags.to_le_bytes());
            bytes.extend_from_slice(&entry.method.to_le_bytes());
            bytes.extend_from_slice(&[0, 0, 0x21, 0]);
            bytes.extend_from_slice(&entry.crc.to_le_bytes());
            bytes.extend_from_slice(&(entry.packed.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&entry.size.to_le_bytes());
            bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
            bytes.extend_from_slice(&(entry.extra.len() as u16).to_le_bytes());
            bytes
        };
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        file.extend_from_slice(b"PK\x03\x04");
        file.extend(common(local_name));
        for part in [local_name, &entry.extra, &entry.packed] {
            file.extend_from_slice(part);
        }
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend(common(&entry.name));
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&entry.attributes.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&entry.name);
        directory.extend_from_slice(&entry.extra);
    }
    let start = file.len() as u32;
    file.extend(&directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    file.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    file.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    file.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    file.extend_from_slice(&start.to_le_bytes());
    file.extend_from_slice(&[0, 0]);
    file
}

/// `entries` with their manifest.
fn bundle(entries: &[Raw]) -> Vec<u8> {
    listed_by(entries, |_| {})
}

/// `entries` with their manifest, changed.
fn listed_by(entries: &[Raw], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    lay(&[entries, &[manifest(entries, change)]].concat())
}

/// An extra field.
fn field(id: u16, content: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &(content.len() as u16).to_le_bytes(), content].concat()
}

/// The bytes of the end, and of the directory, of a zip file without ZIP64.
fn places(file: &[u8]) -> (Range<usize>, Range<usize>) {
    let end = file.len() - 22;
    let start = u32::from_le_bytes(file[end + 16..end + 20].try_into().unwrap()) as usize;
    (start..end, end..file.len())
}

/// `file` with a ZIP64 end, as archives beyond 4 GiB have.
fn widened(file: &[u8]) -> Vec<u8> {
    let (directory, end) = places(file);
    let entries = u64::from(file[end.start + 8]);
    let mut wide = file[..end.start].to_vec();
    wide.extend_from_slice(b"PK\x06\x06");
    wide.extend_from_slice(&44_u64.to_le_bytes());
    wide.extend_from_slice(&[45, 3, 45, 0]);
    wide.extend_from_slice(&[0; 8]);
    for number in [entries, entries, directory.len() as u64, directory.start as u64] {
        wide.extend_from_slice(&number.to_le_bytes());
    }
    wide.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    wide.extend_from_slice(&(end.start as u64).to_le_bytes());
    wide.extend_from_slice(&1_u32.to_le_bytes());
    wide.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    wide.extend_from_slice(&[0xff; 12]);
    wide.extend_from_slice(&[0, 0]);
    wide
}

#[test]
fn bundles_laid_by_hand_are_read() {
    fn check(what: &str, file: &[u8], entries: &[(&str, &[u8])]) {
        let unpacked = read(file, &UnpackLimits::default());
        assert_eq!(unpacked.unwrap_or_else(|error| panic!("{what}: {error}")), expected(entries));
    }
    let megabyte = vec![0; 1 << 20];
    let long = format!("{}/x", "n".repeat(255));
    let plain = [stored("a.txt", b"a"), deflated("b/c.txt", b"bbbbbbbbb")];
    let two: [(&str, &[u8]); 2] = [("a.txt", b"a"), ("b/c.txt", b"bbbbbbbbb")];
    check("plain", &bundle(&plain), &two);
    check("a ZIP64 end", &widened(&bundle(&plain)), &two);
    check("a floor for expansion", &bundle(&[deflated("z", &megabyte)]), &[("z", &megabyte)]);
    check("parts of 255 bytes", &bundle(&[stored(&long, b"a")]), &[(&long, b"a")]);
    check(
        "eight levels",
        &bundle(&[stored("1/2/3/4/5/6/7/8", b"a")]),
        &[("1/2/3/4/5/6/7/8", b"a")],
    );
    let no_type = Raw { attributes: 0, ..stored("a", b"a") };
    check("no type", &bundle(&[no_type]), &[("a", b"a")]);
    let times = Raw { extra: field(0x5455, &[1, 0, 0, 0, 0]), ..stored("a", b"a") };
    check("other extra fields", &bundle(&[times]), &[("a", b"a")]);
    let first = manifest(&plain, |_| {});
    check("the manifest first", &lay(&[&[first][..], &plain].concat()), &two);
}

#[test]
fn hostile_bundles_are_refused() {
    fn check(what: &str, file: &[u8], message: &str) {
        let error = read(file, &UnpackLimits::default()).expect_err(what).to_string();
        assert!(error.contains(message), "{what}: {error}");
        assert!(error.contains("some.skyloom") && error.contains("; "), "{what}: {error}");
        assert!(!error.chars().any(char::is_control), "{what}: {error:?}");
    }
    let good = || stored("good.txt", b"good");

    // Names.
    let component = "has an empty part, `.` or `..` in its name";
    let names: [(&[u8], &str); 24] = [
        (b"", "has no name"),
        (b"/etc/passwd", "has an absolute path"),
        (b"//server/share", "has an absolute path"),
        (b"..", component),
        (b"../x", "entry `../x` has an empty part"),
        (b"a/../../x", component),
        (b"a/..", component),
        (b"./x", component),
        (b"a/./x", component),
        (b"a//x", component),
        (b"a\\x", "has a backslash"),
        (b"..\\x", "has a backslash"),
        (b"\\\\server\\x", "has a backslash"),
        (b"C:/x", "begins with a drive letter"),
        (b"c:x", "begins with a drive letter"),
        (b"a\0b", "entry `a\\0b` has a control character"),
        (b"a\x1b[2Jb", "has a control character"),
        (b"a\nb", "has a control character"),
        (b"a\x7fb", "has a control character"),
        ("a\u{85}b".as_bytes(), "has a control character"),
        (b"a\xff", "is not UTF-8"),
        (b"a/", "has the name of a folder"),
        (b"1/2/3/4/5/6/7/8/9", "lies more than 8 folders deep"),
        (&[b'n'; 256], "has a part of more than 255 bytes"),
    ];
    for (name, message) in names {
        check(&name.escape_ascii().to_string(), &bundle(&[good(), stored(name, b"x")]), message);
    }
    let unmarked = Raw { flags: 0, ..stored("\u{3b1}", b"x") };
    check("UTF-8, not marked", &bundle(&[unmarked]), "not marked as UTF-8");
    let pairs = [
        ("a", "a", "has a name that is there already"),
        ("a.txt", "A.TXT", "differs from `a.txt` only by letter case"),
        ("\u{e9}", "\u{c9}", "only by letter case"),
        ("d/a", "D/b", "entry `D/b` differs from `d` only by letter case"),
        ("d", "d/a", "would be both a file and a folder"),
        ("d/a", "d", "would be both a file and a folder"),
        ("a", "MANIFEST.JSON", "only by letter case"),
    ];
    for (one, other, message) in pairs {
        let entries = [stored(one, b"x"), stored(other, b"y")];
        check(other, &bundle(&entries), message);
    }
    let twice = [manifest(&[good()], |_| {}), good(), manifest(&[good()], |_| {})];
    check("two manifests", &lay(&twice), "has a name that is there already");
    let mut crc = flate2::Crc::new();
    crc.update(b"good.txt");
    let renamed = [&[1][..], &crc.sum().to_le_bytes(), b"evil.txt"].concat();
    let renamed = Raw { extra: field(0x7075, &renamed), ..good() };
    check("a second name", &bundle(&[renamed]), "has a second name in an extra field");

    // Kinds of entries.
    let kinds = [0o120_777, 0o040_755, 0o020_644, 0o060_644, 0o010_644, 0o140_644, 0o170_644];
    for kind in kinds {
        let entry = Raw { attributes: kind << 16, ..stored("link", b"/etc/passwd") };
        check(&format!("{kind:o}"), &bundle(&[entry]), "`link` is a link, a folder or a device");
    }
    let folder = Raw { attributes: 1 << 4, ..stored("folder", b"") };
    check("a folder of DOS", &bundle(&[folder]), "is a link, a folder or a device");
    for flags in [1, 1 | 1 << 6, 1 << 6, 1 << 13] {
        let entry = Raw { flags, ..stored("secret", b"x") };
        check(&format!("{flags:b}"), &bundle(&[entry]), "`secret` is encrypted");
    }
    for flags in [1 << 3, 1 << 4, 1 << 5, 1 << 7, 1 << 12, 1 << 15] {
        let entry = Raw { flags, ..good() };
        check(&format!("{flags:b}"), &bundle(&[entry]), "which a bundle does not use");
    }
    for method in [1, 6, 9, 12, 14, 93, 95, 98, 99, 1234] {
        let entry = Raw { method, ..good() };
        check(&format!("{method}"), &bundle(&[entry]), "only stored and deflated are known");
    }

    // Sizes.
    let zeros = vec![0; 2 << 20];
    check("a bomb", &bundle(&[deflated("z", &zeros)]), "more than 100 times");
    let lying = Raw { size: 4, ..deflated("z", &zeros) };
    let lying = listed_by(&[lying], |value| value["entries"][0]["bytes"] = json!(4));
    check("a bomb that says it is small", &lying, "larger than its declared");
    let lying = Raw { size: u32::MAX - 1, ..good() };
    check("a size that is not there", &bundle(&[lying]), "more than 100 times");
    let short = Raw { size: 5, ..deflated("z", b"good") };
    let short = listed_by(&[short], |value| value["entries"][0]["bytes"] = json!(5));
    check("shorter than it says", &short, "has 4 bytes, and manifest.json says 5");
    let packed = Raw { packed: vec![0xff; 9], ..deflated("z", b"good") };
    check("not deflated", &bundle(&[packed]), "`z` cannot be read");
    let crc = Raw { crc: 1, ..good() };
    check("a wrong CRC", &bundle(&[crc]), "`good.txt` cannot be read");

    // The manifest.
    check("no manifest", &lay(&[good()]), "manifest.json is not there");
    check("nothing", &lay(&[]), "manifest.json is not there");
    let elsewhere = Raw { name: b"d/manifest.json".to_vec(), ..manifest(&[], |_| {}) };
    check("a manifest elsewhere", &lay(&[elsewhere]), "manifest.json is not there");
    let unlisted = Raw { listed: None, ..stored("more", b"x") };
    check("unlisted", &bundle(&[good(), unlisted]), "`more` is not named by manifest.json");
    let file = lay(&[manifest(&[good()], |_| {})]);
    check("missing", &file, "`good.txt` is named by manifest.json, but is not there");
    let itself = |value: &mut Value| {
        let entry = json!({"name": "manifest.json", "bytes": 1, "digest": Digest::of(b"")});
        value["entries"] = json!([entry]);
    };
    check("lists itself", &listed_by(&[], itself), "is named by manifest.json, but is not there");
    let twice = |value: &mut Value| {
        let first = value["entries"][0].clone();
        value["entries"] = json!([first, first]);
    };
    check("listed twice", &listed_by(&[good()], twice), "is named twice");
    let size = |value: &mut Value| value["entries"][0]["bytes"] = json!(5);
    check("size", &listed_by(&[good()], size), "has 4 bytes, and manifest.json says 5");
    let digest = |value: &mut Value| value["entries"][0]["digest"] = json!(Digest::of(b"evil"));
    check("digest", &listed_by(&[good()], digest), "`good.txt` has BLAKE3 ");
    let version = |value: &mut Value| *value = json!({"version": 2, "of": "another form"});
    check("version", &listed_by(&[], version), "version 2, and this Skyloom reads version 1");
    let other = |value: &mut Value| value["more"] = json!(1);
    check("another field", &listed_by(&[], other), "unknown field `more`");
    let escape = |value: &mut Value| value["\u{1b}[2J"] = json!(1);
    check("an escape sequence", &listed_by(&[], escape), "unknown field `\\u{1b}[2J`");
    for text in ["", "[]", "{}", "null", "{\"version\": 1}", "{\"version\": 1, \"version\": 1}"] {
        let file = lay(&[stored("manifest.json", text.as_bytes())]);
        check(text, &file, "manifest.json cannot be read");
    }
    let deep = format!("{{\"version\": {}", "[".repeat(100_000));
    check("deep", &lay(&[stored("manifest.json", deep.as_bytes())]), "cannot be read");
    let large = vec![b' '; (16 << 20) + 1];
    let large = lay(&[stored("manifest.json", &large)]);
    check("a large manifest", &large, "has 16777217 bytes, more than 16777216");

    // The form.
    let file = bundle(&[good(), deflated("z", b"zzzzzzz")]);
    check("empty", b"", "too short");
    check("not a zip", &[b'x'; 4096], "does not end as a bundle does");
    check("something after", &[&file[..], b"x"].concat(), "does not end as a bundle does");
    check("another zip after", &[&file[..], &file].concat(), "is not where its end says");
    check("a stub before", &[&b"#!/bin/sh\n"[..], &file].concat(), "is not where its end says");
    let comment = [&file[..file.len() - 2], &[2, 0, b'h', b'i']].concat();
    check("a comment", &comment, "does not end as a bundle does");
    let overlap = [good(), Raw { offset: Some(0), ..stored("twin.txt", b"good") }];
    check("one entry in another", &bundle(&overlap), "`twin.txt` does not begin where");
    let swapped = Raw { local_name: Some(b"evil.txt".to_vec()), ..good() };
    check("two names", &bundle(&[swapped]), "`good.txt` has two headers that disagree");
    let beyond = Raw { offset: Some(u32::MAX - 1), ..good() };
    check("beyond the end", &bundle(&[beyond]), "`good.txt` does not begin where");

    let (directory, end) = places(&file);
    let mut gap = file.clone();
    gap.splice(directory.start..directory.start, *b"hidden");
    let place = end.start + 6 + 16;
    gap[place] += 6;
    check("a gap before the directory", &gap, "between its entries and its directory");
    let mut hidden = file.clone();
    hidden.splice(end.start..end.start, *b"hidden");
    let place = end.start + 6 + 12;
    hidden[place] += 6;
    check("something in the directory", &hidden, "its directory is damaged");
    let mut fewer = file.clone();
    fewer[end.start + 8] -= 1;
    fewer[end.start + 10] -= 1;
    check("fewer entries than there are", &fewer, "its directory is damaged");
    let mut parts = file.clone();
    parts[end.start + 4] = 1;
    check("a part of several", &parts, "is one part of several");
    // The sizes in the entry's own header, then its method, flags and CRC.
    for place in [18, 22, 8, 6, 14] {
        let mut differs = file.clone();
        differs[place] ^= 1;
        check(&format!("byte {place}"), &differs, "`good.txt` has two headers that disagree");
    }
    let wide = widened(&file);
    let record = wide.len() - 22 - 20 - 56;
    for place in [record, record + 4, record + 16, record + 24, record + 56, record + 56 + 8] {
        let mut damaged = wide.clone();
        damaged[place] ^= 1;
        check(&format!("byte {place} of ZIP64"), &damaged, "its ZIP64 end is damaged");
    }
    for place in [record + 40, record + 48] {
        let mut damaged = wide.clone();
        damaged[place] ^= 1;
        check(&format!("byte {place} of ZIP64"), &damaged, "is not where its end says");
    }
    let mut lost = wide.clone();
    lost.drain(record..record + 76);
    check("a ZIP64 end that is not there", &lost, "ZIP64 end is damaged");
}

#[test]
fn limits_hold() {
    fn check(limits: UnpackLimits, file: &[u8], message: &str) {
        let result = read(file, &limits);
        let error = result.map_or_else(|error| error.to_string(), |_| "unpacked".to_owned());
        assert!(error.contains(message), "{limits:?}: {error}");
    }
    let entries = [stored("a", &[7; 1000]), deflated("b", &[7; 1000])];
    let file = bundle(&entries);
    let total = 2000 + u64::from(manifest(&entries, |_| {}).size);
    let limits = |total_bytes, entries| UnpackLimits { total_bytes, entries };
    check(limits(total, 3), &file, "unpacked");
    check(limits(total - 1, 3), &file, &format!("to {total} bytes, more than the limit of "));
    check(limits(total, 2), &file, "has 3 entries, and a bundle has at most 2");
    // By default.
    let names = (0..10_000).map(|number| format!("{number}"));
    let many: Vec<_> = names.map(|name| stored(name, b"")).collect();
    check(UnpackLimits::default(), &bundle(&many), "has 10001 entries, and a bundle has at most");
}

#[test]
fn a_truncated_bundle_is_refused() {
    for file in [write(&small()), widened(&write(&small()))] {
        for length in 0..file.len() {
            let unpacked = read(&file[..length], &UnpackLimits::default());
            assert!(matches!(unpacked, Err(BundleError::NotWhole { .. })), "{length}");
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_or_harmless() {
    let file = write(&small());
    let entries = expected(&small());
    let mut harmless = 0;
    for (place, bit) in (0..file.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
        let mut flipped = file.clone();
        flipped[place] ^= 1 << bit;
        if let Ok(unpacked) = read(&flipped, &UnpackLimits::default()) {
            assert_eq!(unpacked, entries, "bit {bit} of byte {place}");
            harmless += 1;
        }
    }
    // Versions, permissions and such, which nothing depends on. Everything else is checked.
    assert!(harmless < file.len(), "{harmless} of {} bits", 8 * file.len());
}
