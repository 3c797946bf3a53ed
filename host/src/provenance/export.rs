//! What both exports tell in the same words, and what neither tells.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{NodeRecord, Outcome, RunRecord};

/// The record as others may see it: files by their names, without the folders they lay in.
pub(super) fn published(record: &RunRecord) -> RunRecord {
    let folders = folders_of(record);
    let mut value = serde_json::to_value(record).expect("a record is plain data");
    each_text(&mut value, &|text| *text = without_folders(text, &folders));
    let mut published: RunRecord =
        serde_json::from_value(value).expect("only the wording of texts changed");
    published.workflow_file = file_name(Path::new(&record.workflow_file));
    for (name, files) in &mut published.inputs {
        for (file, read) in files.iter_mut().zip(&record.inputs[name]) {
            file.path = file_name(&read.path).into();
        }
    }
    for (name, output) in &mut published.outputs {
        output.file.path = file_name(&record.outputs[name].file.path).into();
    }
    published
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The absolute folders of a record's files, longest first.
fn folders_of(record: &RunRecord) -> Vec<String> {
    let inputs = record.inputs.values().flatten().map(|file| file.path.clone());
    let outputs = record.outputs.values().map(|output| output.file.path.clone());
    let files = [PathBuf::from(&record.workflow_file)].into_iter().chain(inputs).chain(outputs);
    let folders = files.filter(|path| path.is_absolute()).filter_map(|path| {
        let folder = path.parent().filter(|folder| folder.parent().is_some())?;
        Some(format!("{}/", folder.display()))
    });
    let mut folders: Vec<_> = folders.collect();
    folders.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    folders.dedup();
    folders
}

/// `text` with absolute paths cut to their last part. Folders whose names hold spaces are
/// known where they are in `folders`.
pub(super) fn without_folders(text: &str, folders: &[String]) -> String {
    let mut text = text.to_owned();
    for folder in folders {
        text = text.replace(folder, "");
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'' | ',' | ';' | '(' | ')');
    let words = text.split_inclusive(ends).map(|word| {
        let path = word.trim_end_matches(ends);
        let last = path.trim_end_matches(':').trim_end_matches('/').rfind('/').unwrap_or(0);
        if path.starts_with('/') && last > 0 { &word[last + 1..] } else { word }
    });
    words.collect()
}

fn each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(values) => values.iter_mut().for_each(|value| each_text(value, change)),
        Value::Object(entries) => {
            entries.values_mut().for_each(|value| each_text(value, change));
        }
        _ => {}
    }
}

/// Whether a node did any work, or had an earlier result served; the others only stand in
/// the plan.
pub(super) fn began(node: &NodeRecord) -> bool {
    matches!(node.state.as_str(), "finished" | "failed") || node.started.is_some()
}

/// What became of a node's units, in a sentence or more.
pub(super) fn how_it_went(node: &NodeRecord) -> String {
    let (units, cached) = (node.units, node.cached_units);
    let plural = if units == 1 { "unit" } else { "units" };
    let mut text = match (node.state.as_str(), cached) {
        ("finished", _) if cached == units && units > 0 => {
            format!("Served from the cache, and nothing ran: {units} {plural}.")
        }
        ("finished", 0) => format!("Ran: {units} {plural}, none of them served from the cache."),
        ("finished", _) => {
            format!("Ran in part: of its {units} {plural}, {cached} served from the cache.")
        }
        (state, _) => {
            format!("Its state is {state}: {cached} of {units} {plural} served from the cache.")
        }
    };
    if node.spliced_units > 0 {
        text += &format!(
            " For {} of these the host put new passed columns beside earlier results.",
            node.spliced_units
        );
    }
    if node.repaired_units > 0 {
        text += &format!(
            " Ran once more because an earlier result was damaged: {} units.",
            node.repaired_units
        );
    }
    if let Some(because) = &node.because {
        text += &format!(" Why it ran: {because}.");
    }
    let reads = node.reads.iter().filter(|(_, columns)| !columns.is_empty());
    for (port, columns) in reads {
        text += &format!(" Columns read of `{port}`: {}.", columns.join(", "));
    }
    text
}

/// Why a run did not end well; none if it did.
pub(super) fn failure(record: &RunRecord) -> Option<String> {
    let errors = record
        .nodes
        .iter()
        .filter(|(_, node)| node.state == "failed")
        .map(|(id, node)| format!("{id}: {}", node.error.as_deref().unwrap_or("it failed")));
    let errors = errors.collect::<Vec<_>>().join("; ");
    match record.outcome {
        Outcome::Ok => None,
        Outcome::Interrupted if errors.is_empty() => Some("interrupted".to_owned()),
        Outcome::Interrupted => Some(format!("interrupted; {errors}")),
        Outcome::Failed => Some(errors),
    }
}

/// A parameter's value as text: plain where it is a text, number or truth value, else JSON.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `text` as part of an identifier: what URIs reserve is percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

/// The address of a work that is cited as `doi:…` or `arXiv:…`.
pub(super) fn address(citation: &str) -> Option<String> {
    let doi = citation.strip_prefix("doi:").map(|name| ("https://doi.org/", name));
    let arxiv = citation.strip_prefix("arXiv:").map(|name| ("https://arxiv.org/abs/", name));
    let (site, name) = doi.or(arxiv)?;
    let parts: Vec<_> = name.split('/').map(encoded).collect();
    Some(format!("{site}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::sample;

    #[test]
    fn paths_lose_their_folders() {
        let check = |text: &str, expected: &str| {
            let folders = ["/data/jo doe/data/".to_owned()];
            assert_eq!(without_folders(text, &folders), expected, "{text}");
        };
        check("nothing to lose", "nothing to lose");
        check("cannot read /data/jo/a.csv: gone", "cannot read a.csv: gone");
        check("`/data/jo/a.csv`, and /b/c.csv", "`a.csv`, and c.csv");
        check("file /data/jo doe/data/a b.csv", "file a b.csv");
        check("km/s, 1/d, / and /sky", "km/s, 1/d, / and /sky");
        check("/state/cache/", "cache/");
        check("", "");
    }

    #[test]
    fn published_records_name_files_only() {
        let record = published(&sample::record());
        let text = serde_json::to_string(&record).unwrap();
        assert!(!text.contains("/home"), "{text}");
        assert_eq!(record.workflow_file, "stars.yaml");
        assert_eq!(record.inputs["catalogue"][0].path, Path::new("a \"b\", c.csv"));
        assert_eq!(record.outputs["table"].file.path, Path::new("table.parquet"));
    }

    #[test]
    fn works_have_addresses() {
        let check = |citation: &str, expected: Option<&str>| {
            assert_eq!(address(citation).as_deref(), expected);
        };
        check("doi:10.1086/301004", Some("https://doi.org/10.1086/301004"));
        check("doi:10.1175/a(b)<1>2", Some("https://doi.org/10.1175/a%28b%29%3C1%3E2"));
        check("arXiv:2209.08192", Some("https://arxiv.org/abs/2209.08192"));
        check("RFC 4180", None);
    }
}
