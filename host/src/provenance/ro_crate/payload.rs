//! The files of a crate beside its metadata.

use serde_json::json;

use super::graph::Graph;
use super::{METADATA, README, RECORD, ROOT, UNITS, WORKFLOW, file_entity};
use crate::data::Digest;
use crate::provenance::export::without_folders;
use crate::provenance::{RunRecord, UnitRecord};

/// Columns of the partition table, and what they hold.
const COLUMNS: [(&str, &str); 7] = [
    ("node", "The node that the unit is of"),
    ("unit", "The file, partition or piece that the unit worked on"),
    ("key", "BLAKE3 name of the unit's entry in the cache"),
    (
        "served",
        "Where the result came from: run (the plugin ran), cached (an earlier result), spliced (an \
         earlier result with other columns passed on), repaired (the plugin ran once more)",
    ),
    (
        "seconds",
        "Wall time, in seconds, of the run that gave the result, which may be an earlier one",
    ),
    ("peak_memory_bytes", "Most memory, in bytes, that the plugin held in that run"),
    ("outputs", "The partitions that it gave, in order: port:BLAKE3, with spaces between"),
];

/// Files that come with every crate: name, media type, what it is, and content; `summary`
/// tells of the run.
pub(super) fn payload(
    record: &RunRecord,
    units: &[UnitRecord],
    workflow: &str,
    summary: &str,
) -> [(&'static str, &'static str, &'static str, String); 4] {
    let text = serde_json::to_string_pretty(record).expect("a record is plain data") + "\n";
    let files = [
        (WORKFLOW, "application/yaml", "The workflow that ran", workflow.to_owned()),
        (RECORD, "application/json", "The run record, with files by their names only", text),
        (UNITS, "text/csv", "The partition table: what each unit of each node did", table(units)),
    ];
    let lines = files.iter().map(|(name, _, about, _)| format!("- `{name}`: {about}\n"));
    let text = format!(
        "# Run {} of the workflow {}\n\n{summary}\n\n{}- `{METADATA}`: All of it, as a \
         [Provenance Run Crate](https://w3id.org/ro/wfrun/provenance/0.5)\n\nInputs and tables \
         that are not here are named by their BLAKE3 digests.\n",
        record.run,
        record.workflow,
        lines.collect::<String>()
    );
    let [workflow, record, units] = files;
    [workflow, record, units, (README, "text/markdown", "What this folder is", text)]
}

/// Tells of the partition table, whose rows are about the steps' actions.
pub(super) fn describe_units(graph: &mut Graph, actions: &[String]) {
    for (name, description) in COLUMNS {
        let id = format!("#units/{name}");
        let properties = json!({"name": name, "description": description});
        graph.add(&id, json!("PropertyValue"), properties);
        graph.link(UNITS, "variableMeasured", &id);
    }
    for action in actions {
        graph.link(UNITS, "about", action);
        graph.link(action, "subjectOf", UNITS);
    }
}

/// Tells of the files of [`payload`].
pub(super) fn describe_files(graph: &mut Graph, files: &[(&str, &str, &str, String)]) {
    for (name, format, description, text) in files {
        file_entity(graph, name, name, format, Digest::of(text.as_bytes()));
        let kind = if *name == WORKFLOW {
            json!(["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"])
        } else {
            json!("File")
        };
        let size = text.len().to_string();
        graph.add(name, kind, json!({"description": description, "contentSize": size}));
        graph.link(ROOT, "hasPart", name);
    }
    graph.link(README, "about", ROOT);
}

/// The partition table as RFC 4180 has it: a header, CRLF, and quotes where they are needed.
fn table(units: &[UnitRecord]) -> String {
    let mut text = line(COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    for unit in units {
        let outputs = unit.outputs.iter().flat_map(|(port, partitions)| {
            partitions.iter().map(move |partition| format!("{port}:{partition}"))
        });
        let served = serde_json::to_value(unit.served).expect("a word");
        text += &line(
            [
                unit.node.clone(),
                without_folders(&unit.unit, &[]),
                unit.key.to_string(),
                served.as_str().unwrap_or_default().to_owned(),
                unit.seconds.to_string(),
                unit.peak_memory_bytes.to_string(),
                outputs.collect::<Vec<_>>().join(" "),
            ]
            .into_iter(),
        );
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells = cells.map(|cell| {
        if cell.contains(['"', ',', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::sample;

    #[test]
    fn cells_are_quoted_as_rfc_4180_says() {
        let check = |cell: &str, expected: &str| {
            assert_eq!(
                line([cell.to_owned(), "x".to_owned()].into_iter()),
                format!("{expected},x\r\n")
            );
        };
        check("plain", "plain");
        check("", "");
        check("a, b", "\"a, b\"");
        check("say \"so\"", "\"say \"\"so\"\"\"");
        check("two\nlines", "\"two\nlines\"");
    }

    #[test]
    fn units_have_a_row_each() {
        let units = sample::units();
        let text = table(&units);
        let rows: Vec<_> = text.split_terminator("\r\n").collect();
        assert_eq!(rows.len(), 1 + units.len());
        assert_eq!(rows[0], "node,unit,key,served,seconds,peak_memory_bytes,outputs");
        let (key, part) = (units[0].key, units[0].outputs["table"][0]);
        let expected =
            format!("stars,\"file a \"\"b\"\", c.csv\",{key},cached,0.5,1048576,table:{part}");
        assert_eq!(rows[1], expected);
    }
}
