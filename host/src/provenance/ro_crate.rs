//! A run as a Provenance Run Crate.
//!
//! The crate follows [Provenance Run Crate 0.5](https://w3id.org/ro/wfrun/provenance/0.5), on
//! RO-Crate 1.1: nodes are steps, plugins their tools, tables and files what went in and out.
//! Tables stay in the cache; their digests name them.

mod graph;
mod payload;
mod steps;

use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Value, json};

use self::graph::Graph;
use self::steps::{connect, formal, parameter, port_of};
use super::export::{began, encoded, failure, published, value_text};
use super::{InputRecord, Outcome, RecordError, RunRecord, UnitRecord};
use crate::data::Digest;
use crate::workflow::from_yaml;

const METADATA: &str = "ro-crate-metadata.json";
const WORKFLOW: &str = "workflow.yaml";
const RECORD: &str = "record.json";
const UNITS: &str = "units.csv";
/// Where copies of outputs lie.
const OUTPUTS: &str = "outputs";
const README: &str = "README.md";

const ROOT: &str = "./";
const RUN: &str = "#run";
const ENGINE_RUN: &str = "#orchestration";
const SKYLOOM: &str = "#skyloom";
const ENGINE: &str = "#engine";
const LANGUAGE: &str = "#workflow-format";
const LICENCE: &str = "#licence";

/// How digests are told apart: of a file's bytes, or of a table's schema and values.
const BLAKE3: (&str, &str) = ("blake3", "BLAKE3 of the bytes");
const TABLE_BLAKE3: (&str, &str) = ("skyloom:table-blake3", "BLAKE3 of the schema and the values");

const PROFILES: [(&str, &str, &str); 4] = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
];

/// The `ro-crate-metadata.json` of a run, without its output files. Equal arguments give
/// equal values. Files are told of by their names: no folder of the machine is in it.
pub fn ro_crate(record: &RunRecord, units: &[UnitRecord], workflow: &str) -> Value {
    let record = published(record);
    let written = from_yaml(workflow).unwrap_or_default();
    let files = payload::payload(&record, units, workflow, &summary(&record, &written));
    metadata(&record, &files, &written, &IndexMap::new())
}

/// Writes a crate to `folder`: the metadata, the workflow, the record, what each unit did as
/// `units.csv`, and copies of the output files that `outputs` names. The folder appears
/// whole or not at all.
///
/// # Errors
/// [`RecordError::Occupied`] if something lies at `folder` already, other than an empty folder;
/// [`RecordError::Changed`] if an output file is not as the run left it;
/// [`RecordError::Nothing`] if no node began; and when a file cannot be read or written.
pub fn write_crate(
    folder: &Path,
    record: &RunRecord,
    units: &[UnitRecord],
    workflow: &str,
    outputs: &[&str],
) -> Result<(), RecordError> {
    let io = |path: &Path, error: &std::io::Error| RecordError::Io {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => fs::symlink_metadata(folder).is_err(),
    };
    if !is_free {
        return Err(RecordError::Occupied(folder.to_owned()));
    }
    if !record.nodes.values().any(began) {
        return Err(RecordError::Nothing(record.run.clone()));
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| io(parent, &error))?;
    let staging = tempfile::tempdir_in(parent).map_err(|error| io(parent, &error))?;
    // A temporary folder is the owner's alone; a crate is a folder like any other.
    let inner = staging.path().join("crate");
    fs::create_dir(&inner).map_err(|error| io(&inner, &error))?;

    let shown = published(record);
    let names = names_of_copies(&shown, outputs);
    let mut copies = IndexMap::new();
    for (output, name) in names {
        let (from, to) = (&record.outputs[&output].file, inner.join(&name));
        let folder = to.parent().expect("copies lie in a folder");
        let bytes = fs::create_dir_all(folder)
            .and_then(|()| fs::copy(&from.path, &to))
            .map_err(|error| io(&from.path, &error))?;
        let mut hasher = blake3::Hasher::new();
        let hashed = fs::File::open(&to).and_then(|file| hasher.update_reader(file).map(drop));
        hashed.map_err(|error| io(&to, &error))?;
        if Digest::from(hasher.finalize()) != from.file_digest {
            return Err(RecordError::Changed(from.path.clone()));
        }
        copies.insert(output, (name, bytes));
    }
    let written = from_yaml(workflow).unwrap_or_default();
    let files = payload::payload(&shown, units, workflow, &summary(&shown, &written));
    let value = metadata(&shown, &files, &written, &copies);
    let text = serde_json::to_string_pretty(&value).expect("plain data") + "\n";
    let files = files.into_iter().map(|(name, _, _, text)| (name, text));
    for (name, text) in files.chain([(METADATA, text)]) {
        let path = inner.join(name);
        fs::write(&path, text).map_err(|error| io(&path, &error))?;
    }
    fs::rename(&inner, folder).map_err(|error| io(folder, &error))
}

/// Where the copy of each named output lies in the crate.
fn names_of_copies(record: &RunRecord, outputs: &[&str]) -> Vec<(String, String)> {
    let named = record.outputs.iter().filter(|(name, _)| outputs.contains(&name.as_str()));
    let named = named.map(|(name, output)| {
        let file = output.file.path.display();
        let alike = record.outputs.values().filter(|other| other.file.path == output.file.path);
        // Outputs in different folders may bear one name.
        let path = match alike.count() {
            1 => format!("{OUTPUTS}/{file}"),
            _ => format!("{OUTPUTS}/{name}/{file}"),
        };
        (name.clone(), path)
    });
    named.collect()
}

/// What steps need to know of the run around them.
struct RunEntities<'r> {
    record: &'r RunRecord,
    /// The workflow file as plain data; null if it cannot be read.
    written: &'r Value,
    agent: String,
    skyloom: &'static str,
    orchestration: &'static str,
}

fn metadata(
    record: &RunRecord,
    files: &[(&str, &str, &str, String)],
    written: &Value,
    copies: &IndexMap<String, (String, u64)>,
) -> Value {
    let mut graph = Graph::default();
    describe_root(&mut graph, record, written);
    let agent = describe_agent(&mut graph, record);
    payload::describe_files(&mut graph, files);
    describe_workflow(&mut graph, record, written);
    describe_engine(&mut graph, record, &agent);
    let run = RunEntities { record, written, agent, skyloom: SKYLOOM, orchestration: ENGINE_RUN };
    describe_run(&mut graph, &run);
    describe_inputs(&mut graph, &run);
    let actions = steps::describe_steps(&mut graph, &run);
    describe_outputs(&mut graph, &run, copies);
    payload::describe_units(&mut graph, &actions);
    json!({
        "@context": [
            "https://w3id.org/ro/crate/1.1/context",
            "https://w3id.org/ro/terms/workflow-run/context",
        ],
        "@graph": graph.into_value(),
    })
}

fn describe_root(graph: &mut Graph, record: &RunRecord, written: &Value) {
    let workflow_crate = PROFILES[3].0;
    graph.add(METADATA, json!("CreativeWork"), json!({}));
    graph.link(METADATA, "about", ROOT);
    graph.link(METADATA, "conformsTo", "https://w3id.org/ro/crate/1.1");
    graph.link(METADATA, "conformsTo", workflow_crate);
    let properties = json!({
        "name": format!("Run {} of the workflow {}", record.run, record.workflow),
        "description": summary(record, written),
        "identifier": record.run,
        "dateCreated": record.ended,
        "datePublished": record.ended,
    });
    graph.add(ROOT, json!("Dataset"), properties);
    graph.link(ROOT, "license", LICENCE);
    graph.link(ROOT, "mainEntity", WORKFLOW);
    graph.link(ROOT, "mentions", RUN);
    graph.add(
        LICENCE,
        json!("CreativeWork"),
        json!({
            "name": "No licence is stated",
            "description": "Whoever ran the workflow has not said on which terms its results may \
                            be used. Terms of the inputs hold on; ask before you use them.",
        }),
    );
    for (profile, name, version) in PROFILES {
        graph.add(profile, json!("CreativeWork"), json!({"name": name, "version": version}));
        graph.link(ROOT, "conformsTo", profile);
    }
}

/// What the workflow is for, and how the run ended.
fn summary(record: &RunRecord, written: &Value) -> String {
    let about = written["description"].as_str().unwrap_or(&record.workflow);
    let outcome = match record.outcome {
        Outcome::Ok => "finished",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "was interrupted",
    };
    let about = about.trim_end_matches('.');
    format!("{about}. The run {outcome} at {}. Made by Skyloom {}.", record.ended, record.skyloom)
}

/// Who ran it, by ORCID where there is one.
fn describe_agent(graph: &mut Graph, record: &RunRecord) -> String {
    let id = match &record.agent.orcid {
        Some(orcid) => format!("https://orcid.org/{}", encoded(orcid)),
        None => "#agent".to_owned(),
    };
    graph.add(&id, json!("Person"), json!({"name": record.agent.name}));
    graph.link(ROOT, "author", &id);
    id
}

fn describe_workflow(graph: &mut Graph, record: &RunRecord, written: &Value) {
    let format = written["skyloom"].as_str().unwrap_or("v1");
    let properties = json!({
        "name": record.workflow,
        "alternateName": record.workflow_file,
        // It has no other version than what it says.
        "version": record.workflow_digest,
        "description": written["description"].as_str().unwrap_or("The workflow that ran"),
    });
    let kind = json!(["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]);
    graph.add(WORKFLOW, kind, properties);
    graph.link(WORKFLOW, "programmingLanguage", LANGUAGE);
    let properties = json!({"name": "Skyloom workflow", "version": format});
    graph.add(LANGUAGE, json!("ComputerLanguage"), properties);
    let plan = digest_entity(
        graph,
        ("skyloom:plan", "BLAKE3 of components, parameters and inputs"),
        record.plan,
    );
    graph.link(RUN, "identifier", &plan);
}

fn describe_engine(graph: &mut Graph, record: &RunRecord, agent: &str) {
    let (engine, version) = record.engine.split_once(' ').unwrap_or((&record.engine, ""));
    let version = Some(version).filter(|version| !version.is_empty());
    let url = (engine == "wasmtime").then_some("https://wasmtime.dev/");
    let properties = json!({
        "name": engine,
        "description": "The WebAssembly engine that plugins run in",
        "version": version,
        "url": url,
    });
    graph.add(ENGINE, json!("SoftwareApplication"), properties);
    let properties = json!({
        "name": "Skyloom",
        "description": format!("The workflow engine; its plugins keep the contract {}", record.contract),
        "version": record.skyloom,
    });
    graph.add(SKYLOOM, json!("SoftwareApplication"), properties);
    graph.link(SKYLOOM, "softwareRequirements", ENGINE);
    let error = failure(record);
    let options = &record.options;
    let recompute = if options.recompute { ", the cache not read" } else { "" };
    let properties = json!({
        "name": format!("Skyloom {} at run {}", record.skyloom, record.run),
        "description": format!(
            "{} plugin instances at once, batches of {} rows{recompute}, on {}",
            options.jobs, options.batch_rows, record.machine
        ),
        "startTime": instant(&record.started),
        "endTime": instant(&record.ended),
        "actionStatus": status(error.as_ref()),
        "error": error,
    });
    graph.add(ENGINE_RUN, json!("OrganizeAction"), properties);
    graph.link(ENGINE_RUN, "agent", agent);
    graph.link(ENGINE_RUN, "instrument", SKYLOOM);
    graph.link(ENGINE_RUN, "result", RUN);
}

fn describe_run(graph: &mut Graph, run: &RunEntities<'_>) {
    let record = run.record;
    let error = failure(record);
    let warnings = record.warnings.iter().map(|warning| format!(" Warning: {warning}."));
    let properties = json!({
        "name": format!("Run {}", record.run),
        "description": format!(
            "A run of {} with {} nodes.{}",
            record.workflow,
            record.nodes.len(),
            warnings.collect::<String>()
        ),
        "startTime": instant(&record.started),
        "endTime": instant(&record.ended),
        "actionStatus": status(error.as_ref()),
        "error": error,
    });
    graph.add(RUN, json!("CreateAction"), properties);
    graph.link(RUN, "agent", &run.agent);
    graph.link(RUN, "instrument", WORKFLOW);
    quantity(graph, RUN, "wall-seconds", "SEC", json!(record.wall_seconds));
    quantity(graph, RUN, "peak-memory-bytes", "BYTE", json!(record.peak_rss_bytes));
    graph.link(RECORD, "about", RUN);
    graph.link(RUN, "subjectOf", RECORD);
}

/// The workflow's inputs and parameters, and what they were in this run.
fn describe_inputs(graph: &mut Graph, run: &RunEntities<'_>) {
    for (name, files) in &run.record.inputs {
        let id = format!("{WORKFLOW}#/inputs/{}", encoded(name));
        formal(graph, &id, name, "File");
        let description = run.written["inputs"][name]["description"].as_str();
        graph.add(&id, json!("FormalParameter"), json!({"description": description}));
        graph.link(WORKFLOW, "input", &id);
        for file in files {
            let entity = file_of(file);
            let name = file.path.display().to_string();
            file_entity(graph, &entity, &name, media_type(&name), file.digest);
            graph.add(
                &entity,
                json!("File"),
                json!({
                    "description": "An input, which is named by its digest and is not in this crate",
                    "contentSize": file.bytes.to_string(),
                }),
            );
            graph.link(&entity, "exampleOfWork", &id);
            graph.link(RUN, "object", &entity);
        }
    }
    for (name, value) in &run.record.params {
        let id = format!("{WORKFLOW}#/params/{}", encoded(name));
        formal(graph, &id, name, literal_type(value));
        let declared = &run.written["params"][name];
        let default = declared.get("default").map(value_text);
        let properties =
            json!({"description": declared["description"].as_str(), "defaultValue": default});
        graph.add(&id, json!("FormalParameter"), properties);
        graph.link(WORKFLOW, "input", &id);
        let object = format!("#value/params/{}", encoded(name));
        let properties = json!({"name": name, "value": value_text(value)});
        graph.add(&object, json!("PropertyValue"), properties);
        graph.link(&object, "exampleOfWork", &id);
        graph.link(RUN, "object", &object);
    }
}

/// The workflow's outputs; those in `copies` lie in the crate, with so many bytes.
fn describe_outputs(
    graph: &mut Graph,
    run: &RunEntities<'_>,
    copies: &IndexMap<String, (String, u64)>,
) {
    for (name, output) in &run.record.outputs {
        let id = format!("{WORKFLOW}#/outputs/{}", encoded(name));
        formal(graph, &id, name, "File");
        graph.link(WORKFLOW, "output", &id);
        if let Some((node, port)) = port_of(&output.from) {
            connect(graph, WORKFLOW, &parameter(node, "out", port), &id);
        }
        let copy = copies.get(name);
        let entity = match copy {
            Some((path, _)) => path.split('/').map(encoded).collect::<Vec<_>>().join("/"),
            None => format!("#file-{}", output.file.file_digest),
        };
        let file = output.file.path.display().to_string();
        file_entity(graph, &entity, &file, media_type(&file), output.file.file_digest);
        let where_ = if copy.is_some() { "" } else { "; it is not in this crate" };
        let (rows, from) = (output.file.rows, &output.from);
        let properties = json!({
            "description": format!("The table {from}, {rows} rows, as a file{where_}"),
            "contentSize": copy.map(|(_, bytes)| bytes.to_string()),
            "dateCreated": run.record.ended,
        });
        graph.add(&entity, json!("File"), properties);
        let digest = digest_entity(graph, TABLE_BLAKE3, output.file.digest);
        graph.link(&entity, "identifier", &digest);
        graph.link(&entity, "exampleOfWork", &id);
        graph.link(RUN, "result", &entity);
        if copy.is_some() {
            graph.link(ROOT, "hasPart", &entity);
        }
    }
}

/// An input file's name in the crate, where it does not lie.
fn file_of(file: &InputRecord) -> String {
    format!("#file-{}", file.digest)
}

fn file_entity(graph: &mut Graph, id: &str, name: &str, format: &str, digest: Digest) {
    graph.add(id, json!("File"), json!({"name": name, "encodingFormat": format}));
    let digest = digest_entity(graph, BLAKE3, digest);
    graph.link(id, "identifier", &digest);
}

/// A digest as an identifier: what it is of is in its `propertyID`.
fn digest_entity(graph: &mut Graph, (property, name): (&str, &str), digest: Digest) -> String {
    let id = format!("#{}-{digest}", property.trim_start_matches("skyloom:"));
    let properties = json!({"name": name, "propertyID": property, "value": digest});
    graph.add(&id, json!("PropertyValue"), properties);
    id
}

/// Tells that `action` used so much; `unit` is one of QUDT's.
fn quantity(graph: &mut Graph, action: &str, name: &str, unit: &str, value: Value) {
    let id = format!("{action}/usage/{name}");
    let properties = json!({
        "name": name,
        "propertyID": format!("skyloom:{name}"),
        "unitCode": format!("https://qudt.org/vocab/unit/{unit}"),
        "value": value,
    });
    graph.add(&id, json!("PropertyValue"), properties);
    graph.link(action, "resourceUsage", &id);
}

fn status(error: Option<&String>) -> &'static str {
    match error {
        None => "http://schema.org/CompletedActionStatus",
        Some(_) => "http://schema.org/FailedActionStatus",
    }
}

/// A time with the offset that the profile asks for, where the record writes `Z`.
fn instant(time: &str) -> String {
    match time.strip_suffix('Z') {
        Some(time) => format!("{time}+00:00"),
        None => time.to_owned(),
    }
}

/// The schema.org name of a parameter's type.
fn literal_type(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Float",
        Value::Number(_) => "Integer",
        Value::Object(_) => "PropertyValue",
        // A list is JSON in a text: the values of a JSON-LD property have no order.
        Value::Null | Value::String(_) | Value::Array(_) => "Text",
    }
}

fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("parquet") => "application/vnd.apache.parquet",
        Some("arrow" | "arrows" | "ipc") => "application/vnd.apache.arrow.stream",
        Some("csv") => "text/csv",
        Some("json") => "application/json",
        Some("gz") => "application/gzip",
        Some("fits" | "fit") => "application/fits",
        Some("vot" | "xml") => "application/x-votable+xml",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::sample;

    fn entities() -> IndexMap<String, Value> {
        by_id(&ro_crate(&sample::record(), &sample::units(), sample::WORKFLOW))
    }

    fn by_id(value: &Value) -> IndexMap<String, Value> {
        let graph = value["@graph"].as_array().unwrap();
        let entities =
            graph.iter().map(|entity| (entity["@id"].as_str().unwrap().to_owned(), entity.clone()));
        entities.collect()
    }

    /// What `@id`s a property holds.
    fn links(value: &Value) -> Vec<&str> {
        let one = std::slice::from_ref(value);
        let values = value.as_array().map_or(one, Vec::as_slice);
        values.iter().filter_map(|value| value["@id"].as_str()).collect()
    }

    #[test]
    fn actions_tell_what_became_of_their_nodes() {
        let entities = entities();
        let check = |id: &str, status: &str, error: Option<&str>, description: &str| {
            let action = &entities[id];
            assert_eq!(action["actionStatus"], format!("http://schema.org/{status}"), "{id}");
            assert_eq!(action["error"].as_str(), error, "{id}");
            let text = action["description"].as_str().unwrap();
            assert!(text.contains(description), "{id}: {text}");
        };
        check("#run/stars", "CompletedActionStatus", None, "Served from the cache");
        check(
            "#run/model",
            "FailedActionStatus",
            Some("all rows: no label"),
            "Its state is failed",
        );
        check("#run", "FailedActionStatus", Some("model: all rows: no label"), "with 3 nodes");
        assert_eq!(entities["#run/stars"]["startTime"], "2026-01-02T03:04:05+00:00");
        let cached = &entities["#run/stars/usage/cached-units"];
        assert_eq!(
            (&cached["value"], &cached["propertyID"]),
            (&json!(1), &json!("skyloom:cached-units"))
        );
    }

    #[test]
    fn a_node_that_never_began_has_a_step_and_no_action() {
        let entities = entities();
        assert_eq!(entities["workflow.yaml#/nodes/classes"]["@type"], "HowToStep");
        assert!(!entities.contains_key("#run/classes"));
        assert_eq!(links(&entities[WORKFLOW]["hasPart"]), ["#plugin/stars", "#plugin/model"]);
    }

    #[test]
    fn steps_stand_behind_those_that_feed_them() {
        let entities = entities();
        let check = |node: &str, position: u64| {
            assert_eq!(entities[&format!("workflow.yaml#/nodes/{node}")]["position"], position);
        };
        // `classes` comes first in the record.
        check("classes", 3);
        check("stars", 1);
        check("model", 2);
    }

    #[test]
    fn values_flow_along_connections() {
        let entities = entities();
        let check = |owner: &str, id: &str, source: &str, target: &str| {
            assert!(links(&entities[owner]["connection"]).contains(&id), "{owner} lacks {id}");
            let connection = &entities[id];
            assert_eq!(links(&connection["sourceParameter"]), [format!("workflow.yaml#/{source}")]);
            assert_eq!(links(&connection["targetParameter"]), [format!("workflow.yaml#/{target}")]);
        };
        check(
            "workflow.yaml#/nodes/model",
            "#connection/nodes/stars/out/table/nodes/model/in/data",
            "nodes/stars/out/table",
            "nodes/model/in/data",
        );
        check(
            "workflow.yaml#/nodes/model",
            "#connection/params/seed/nodes/model/with/seed",
            "params/seed",
            "nodes/model/with/seed",
        );
        check(
            WORKFLOW,
            "#connection/nodes/stars/out/table/outputs/table",
            "nodes/stars/out/table",
            "outputs/table",
        );
    }

    #[test]
    fn every_link_has_an_end() {
        let entities = entities();
        for (id, entity) in &entities {
            assert!(entity["@type"].is_string() || entity["@type"].is_array(), "{id} has no type");
            for (property, value) in entity.as_object().unwrap() {
                for link in links(value).into_iter().filter(|_| property != "@id") {
                    let is_there =
                        entities.contains_key(link) || link == "https://w3id.org/ro/crate/1.1";
                    assert!(is_there, "{id} {property}: {link}");
                }
            }
        }
    }

    #[test]
    fn people_are_named_by_their_orcid() {
        let entities = entities();
        let person = "https://orcid.org/0000-0002-1825-0097";
        assert_eq!(entities[person]["@type"], "Person");
        assert_eq!(links(&entities["#run"]["agent"]), [person]);
        let mut record = sample::record();
        record.agent.orcid = None;
        let entities = by_id(&ro_crate(&record, &[], sample::WORKFLOW));
        assert_eq!(links(&entities["#run"]["agent"]), ["#agent"]);
    }

    #[test]
    fn equal_records_give_equal_bytes_without_folders() {
        let text = || ro_crate(&sample::record(), &sample::units(), sample::WORKFLOW).to_string();
        assert_eq!(text(), text());
        assert!(!text().contains("/home"), "{}", text());
    }

    #[test]
    fn a_workflow_that_cannot_be_read_still_gives_a_crate() {
        let entities = by_id(&ro_crate(&sample::record(), &[], "{"));
        assert_eq!(entities[WORKFLOW]["description"], "The workflow that ran");
    }

    #[test]
    fn crates_are_whole_and_replace_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = sample::record();
        let file = folder.path().join("table.parquet");
        fs::write(&file, "rows").unwrap();
        record.outputs[0].file.path = file.clone();
        record.outputs[0].file.file_digest = Digest::of(b"rows");
        let place = folder.path().join("a.crate");
        let write = |record: &RunRecord| {
            write_crate(&place, record, &sample::units(), sample::WORKFLOW, &["table"])
        };
        write(&record).unwrap();
        for name in [METADATA, WORKFLOW, RECORD, UNITS, README] {
            assert!(place.join(name).is_file(), "{name}");
        }
        assert_eq!(fs::read(place.join("outputs/table.parquet")).unwrap(), b"rows");
        let text = fs::read_to_string(place.join(METADATA)).unwrap();
        let entities = by_id(&serde_json::from_str(&text).unwrap());
        assert_eq!(entities["outputs/table.parquet"]["contentSize"], "4");
        assert!(links(&entities[ROOT]["hasPart"]).contains(&"outputs/table.parquet"));
        let kept: RunRecord =
            serde_json::from_str(&fs::read_to_string(place.join(RECORD)).unwrap()).unwrap();
        assert_eq!(kept.outputs[0].file.path, Path::new("table.parquet"));

        let error = write(&record).unwrap_err();
        assert!(matches!(error, RecordError::Occupied(_)), "{error}");
        fs::remove_dir_all(&place).unwrap();
        fs::write(&file, "others").unwrap();
        let error = write(&record).unwrap_err();
        assert!(matches!(error, RecordError::Changed(_)), "{error}");
        assert!(!place.exists());
        record.nodes.retain(|id, _| id == "classes");
        let error = write(&record).unwrap_err();
        assert!(matches!(error, RecordError::Nothing(_)), "{error}");
    }
}
