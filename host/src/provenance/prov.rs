//! A run as W3C PROV-JSON, in the terms of the IVOA Provenance Data Model.
//!
//! IVOA's descriptions and parameters are entities here, and their relations are influences,
//! each typed with its `voprov` name: so any reader of PROV reads the file. What no model has
//! a word for is in the namespace `skyloom`.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::export::{
    address, began, encoded, failure, how_it_went, published, value_text, without_folders,
};
use super::{NodeRecord, RunRecord, UnitRecord};

const RUN: &str = "run:run";
const WORKFLOW: &str = "run:workflow";
const SKYLOOM: &str = "run:skyloom";

/// The PROV-JSON of a run. Equal arguments give equal values. Files are told of by their
/// names: no folder of the machine is in it.
///
/// Tables of nodes are collections; their members are the partitions that units gave.
pub fn prov_json(record: &RunRecord, units: &[UnitRecord]) -> Value {
    let record = published(record);
    let mut document = Document::default();
    let agent = describe_agents(&mut document, &record);
    describe_run(&mut document, &record, &agent);
    for (id, node) in &record.nodes {
        describe_plugin(&mut document, node);
        if began(node) {
            describe_node(&mut document, &record, id, node);
        }
    }
    describe_outputs(&mut document, &record, &agent);
    describe_partitions(&mut document, &record, units);
    document.into_value(&record)
}

/// Statements by their PROV-JSON kind, then by their identifier.
#[derive(Default)]
struct Document {
    statements: IndexMap<&'static str, Map<String, Value>>,
}

impl Document {
    /// States an element: `types` are qualified names; null and empty attributes are
    /// left out.
    fn element(&mut self, kind: &'static str, id: &str, types: &[&str], attributes: Value) {
        let mut attributes = attributes;
        let types: Vec<_> = types.iter().map(|name| qualified(name)).collect();
        attributes["prov:type"] = Value::Array(types);
        self.state(kind, id.to_owned(), attributes);
    }

    /// States a relation, which has no name of its own.
    fn relation(&mut self, kind: &'static str, attributes: Value) {
        let number = self.statements.get(kind).map_or(0, Map::len) + 1;
        self.state(kind, format!("_:{kind}{number}"), attributes);
    }

    /// States that `influencee` has the relation `name` of IVOA's model to `influencer`.
    fn voprov(&mut self, name: &str, influencee: &str, influencer: &str, attributes: Value) {
        let mut attributes = attributes;
        attributes["prov:influencee"] = json!(influencee);
        attributes["prov:influencer"] = json!(influencer);
        attributes["prov:type"] = qualified(name);
        self.relation("wasInfluencedBy", attributes);
    }

    fn state(&mut self, kind: &'static str, id: String, attributes: Value) {
        let Value::Object(attributes) = attributes else { unreachable!("attributes are named") };
        let is_told = |value: &Value| !value.is_null() && value != &json!([]);
        let attributes = attributes.into_iter().filter(|(_, value)| is_told(value));
        self.statements.entry(kind).or_default().insert(id, Value::Object(attributes.collect()));
    }

    fn into_value(self, record: &RunRecord) -> Value {
        let prefixes = json!({
            "voprov": "http://www.ivoa.net/documents/ProvenanceDM/index.html#",
            "orcid": "https://orcid.org/",
            "skyloom": "urn:x-skyloom:terms:",
            "run": format!("urn:x-skyloom:run:{}:", encoded(&record.run)),
        });
        let mut document = Map::from_iter([("prefix".to_owned(), prefixes)]);
        let statements = self.statements.into_iter();
        document.extend(statements.map(|(kind, all)| (kind.to_owned(), Value::Object(all))));
        Value::Object(document)
    }
}

fn qualified(name: &str) -> Value {
    json!({"$": name, "type": "prov:QUALIFIED_NAME"})
}

fn time(text: &str) -> Value {
    json!({"$": text, "type": "xsd:dateTime"})
}

fn node_of(id: &str) -> String {
    format!("run:node/{}", encoded(id))
}

fn plugin_of(node: &NodeRecord) -> String {
    let version = encoded(&node.version);
    format!("run:plugin/{}-{version}-{}", encoded(&node.plugin), node.component.short())
}

fn table_of(node: &str, port: &str) -> String {
    format!("run:table/{}/{}", encoded(node), encoded(port))
}

fn input_of(name: &str, index: usize) -> String {
    format!("run:input/{}/{}", encoded(name), index + 1)
}

/// The person, and the software that acted for them.
fn describe_agents(document: &mut Document, record: &RunRecord) -> String {
    let id = match &record.agent.orcid {
        Some(orcid) => format!("orcid:{}", encoded(orcid)),
        None => "run:agent".to_owned(),
    };
    let url = record.agent.orcid.as_ref().map(|orcid| format!("https://orcid.org/{orcid}"));
    let attributes = json!({
        "prov:label": record.agent.name,
        "voprov:name": record.agent.name,
        "voprov:type": "Person",
        "voprov:url": url,
    });
    document.element("agent", &id, &["prov:Person", "voprov:Agent"], attributes);
    let attributes = json!({
        "prov:label": format!("Skyloom {}", record.skyloom),
        "voprov:name": "Skyloom",
        "voprov:type": "SoftwareAgent",
        "voprov:version": record.skyloom,
        "skyloom:engine": record.engine,
        "skyloom:contract": record.contract,
    });
    document.element("agent", SKYLOOM, &["prov:SoftwareAgent", "voprov:Agent"], attributes);
    document.relation(
        "actedOnBehalfOf",
        json!({"prov:delegate": SKYLOOM, "prov:responsible": id, "prov:activity": RUN}),
    );
    id
}

fn describe_run(document: &mut Document, record: &RunRecord, agent: &str) {
    let attributes = json!({
        "prov:label": format!("Run {}", record.run),
        "prov:startTime": record.started,
        "prov:endTime": record.ended,
        "voprov:name": record.run,
        "voprov:comment": record.warnings,
        "skyloom:outcome": record.outcome,
        "skyloom:error": failure(record),
        "skyloom:plan-blake3": record.plan,
        "skyloom:machine": record.machine,
        "skyloom:wall-seconds": record.wall_seconds,
        "skyloom:peak-memory-bytes": record.peak_rss_bytes,
    });
    document.element("activity", RUN, &["voprov:Activity"], attributes);
    let attributes = json!({
        "prov:label": record.workflow_file,
        "voprov:name": record.workflow,
        "prov:location": record.workflow_file,
        "skyloom:blake3": record.workflow_digest,
    });
    document.element("entity", WORKFLOW, &["prov:Plan", "voprov:ConfigFile"], attributes);
    let artefact = json!({"voprov:artefactType": "ConfigFile"});
    document.voprov("voprov:ConfigurationRelation", RUN, WORKFLOW, artefact);
    for (who, role) in [(agent, "Operator"), (SKYLOOM, "Engine")] {
        document.relation(
            "wasAssociatedWith",
            json!({
                "prov:activity": RUN,
                "prov:agent": who,
                "prov:plan": WORKFLOW,
                "prov:role": role,
            }),
        );
    }
    for (name, files) in &record.inputs {
        for (index, file) in files.iter().enumerate() {
            let id = input_of(name, index);
            let path = file.path.display().to_string();
            let attributes = json!({
                "prov:label": path,
                "voprov:name": path,
                "prov:location": path,
                "skyloom:bytes": file.bytes,
                "skyloom:blake3": file.digest,
            });
            document.element("entity", &id, &["voprov:DatasetEntity"], attributes);
            used(document, RUN, &id, name);
        }
    }
    for (name, value) in &record.params {
        describe_parameter(document, RUN, &format!("run:param/{}", encoded(name)), name, value);
    }
}

fn used(document: &mut Document, activity: &str, entity: &str, role: &str) {
    document.relation(
        "used",
        json!({"prov:activity": activity, "prov:entity": entity, "prov:role": role}),
    );
}

fn generated(document: &mut Document, entity: &str, activity: &str, role: &str, when: &str) {
    document.relation(
        "wasGeneratedBy",
        json!({
            "prov:entity": entity,
            "prov:activity": activity,
            "prov:time": when,
            "prov:role": role,
        }),
    );
}

fn describe_parameter(
    document: &mut Document,
    activity: &str,
    id: &str,
    name: &str,
    value: &Value,
) {
    let text = value_text(value);
    let attributes = json!({"voprov:name": name, "prov:label": name, "prov:value": text});
    document.element("entity", id, &["voprov:Parameter"], attributes);
    let artefact = json!({"voprov:artefactType": "Parameter"});
    document.voprov("voprov:ConfigurationRelation", activity, id, artefact);
}

/// A plugin as the description of what its nodes do.
fn describe_plugin(document: &mut Document, node: &NodeRecord) {
    let documents: Vec<_> = node
        .citations
        .iter()
        .map(|citation| address(citation).unwrap_or_else(|| citation.clone()))
        .collect();
    let attributes = json!({
        "prov:label": format!("{}@{}", node.plugin, node.version),
        "voprov:name": node.plugin,
        "voprov:version": node.version,
        "voprov:description": node.description,
        "voprov:type": node.role,
        "voprov:docurl": documents,
        "skyloom:blake3": node.component,
    });
    let types = ["voprov:ActivityDescription"];
    document.element("entity", &plugin_of(node), &types, attributes);
}

fn describe_node(document: &mut Document, record: &RunRecord, id: &str, node: &NodeRecord) {
    let activity = node_of(id);
    // A node that a kill left open ended with the run at the latest.
    let ended = node.ended.as_ref().unwrap_or(&record.ended);
    let attributes = json!({
        "prov:label": id,
        "prov:startTime": node.started,
        "prov:endTime": ended,
        "voprov:name": id,
        "voprov:comment": how_it_went(node),
        "skyloom:state": node.state,
        "skyloom:error": node.error,
        "skyloom:units": node.units,
        "skyloom:cached-units": node.cached_units,
        "skyloom:rows": node.rows,
        "skyloom:wall-seconds": node.wall_seconds,
        "skyloom:peak-memory-bytes": node.peak_memory_bytes,
    });
    document.element("activity", &activity, &["voprov:Activity"], attributes);
    document.voprov("voprov:DescriptionRelation", &activity, &plugin_of(node), json!({}));
    document.relation(
        "wasStartedBy",
        json!({
            "prov:activity": activity,
            "prov:trigger": WORKFLOW,
            "prov:starter": RUN,
            "prov:time": node.started,
        }),
    );
    document.relation(
        "wasAssociatedWith",
        json!({"prov:activity": activity, "prov:agent": SKYLOOM, "prov:role": "Engine"}),
    );
    for (port, source) in &node.inputs {
        match source.split_once('.') {
            Some((from, output)) => {
                let gave = record.nodes.get(from).is_some_and(|n| n.outputs.contains_key(output));
                if gave {
                    used(document, &activity, &table_of(from, output), port);
                }
            }
            None => {
                let files = record.inputs.get(source).map_or(0, Vec::len);
                for index in 0..files {
                    used(document, &activity, &input_of(source, index), port);
                }
            }
        }
    }
    for (name, value) in node.params.as_object().into_iter().flatten() {
        let parameter = format!("{activity}/with/{}", encoded(name));
        describe_parameter(document, &activity, &parameter, name, value);
    }
    for (port, table) in &node.outputs {
        let entity = table_of(id, port);
        let attributes = json!({
            "prov:label": format!("{id}.{port}"),
            "voprov:name": format!("{id}.{port}"),
            "skyloom:rows": table.rows,
            "skyloom:table-blake3": table.digest,
        });
        let types = ["voprov:DatasetEntity", "prov:Collection"];
        document.element("entity", &entity, &types, attributes);
        generated(document, &entity, &activity, port, ended);
    }
}

fn describe_outputs(document: &mut Document, record: &RunRecord, agent: &str) {
    for (name, output) in &record.outputs {
        let id = format!("run:output/{}", encoded(name));
        let path = output.file.path.display().to_string();
        let attributes = json!({
            "prov:label": path,
            "voprov:name": name,
            "prov:location": path,
            "voprov:generatedAtTime": time(&record.ended),
            "skyloom:rows": output.file.rows,
            "skyloom:blake3": output.file.file_digest,
            "skyloom:table-blake3": output.file.digest,
        });
        document.element("entity", &id, &["voprov:DatasetEntity"], attributes);
        generated(document, &id, RUN, name, &record.ended);
        document.relation("wasAttributedTo", json!({"prov:entity": id, "prov:agent": agent}));
        if let Some((node, port)) = output.from.split_once('.') {
            let table = table_of(node, port);
            document.relation(
                "wasDerivedFrom",
                json!({
                    "prov:generatedEntity": id,
                    "prov:usedEntity": table,
                    "prov:activity": RUN,
                }),
            );
        }
    }
}

/// The partitions that units gave, as members of their tables.
fn describe_partitions(document: &mut Document, record: &RunRecord, units: &[UnitRecord]) {
    let mut counts: IndexMap<String, usize> = IndexMap::new();
    for unit in units {
        let node = record.nodes.get(&unit.node).filter(|node| began(node));
        for (port, partitions) in &unit.outputs {
            // A node that failed gave no table, whatever single units of it gave.
            if node.is_none_or(|node| !node.outputs.contains_key(port)) {
                continue;
            }
            let table = table_of(&unit.node, port);
            for partition in partitions {
                let count = counts.entry(table.clone()).or_default();
                *count += 1;
                let id = format!("{table}/{count}");
                let attributes = json!({
                    "prov:label": format!("{}.{port}, partition {count}", unit.node),
                    "voprov:name": format!("{}.{port}/{count}", unit.node),
                    "skyloom:unit": without_folders(&unit.unit, &[]),
                    "skyloom:served": unit.served,
                    "skyloom:seconds": unit.seconds,
                    "skyloom:key-blake3": unit.key,
                    "skyloom:partition-blake3": partition,
                });
                document.element("entity", &id, &["voprov:DatasetEntity"], attributes);
                document
                    .relation("hadMember", json!({"prov:collection": table, "prov:entity": id}));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::sample;

    fn document() -> Value {
        prov_json(&sample::record(), &sample::units())
    }

    #[test]
    fn statements_are_there() {
        let document = document();
        let check = |kind: &str, expected: Value| {
            let statements = document[kind].as_object().unwrap();
            let wanted = expected.as_object().unwrap();
            let found = statements.values().any(|statement| {
                wanted.iter().all(|(name, value)| statement.get(name) == Some(value))
            });
            assert!(found, "no {kind} {expected} in {:#}", document[kind]);
        };
        let (stars, model) = ("run:node/stars", "run:node/model");
        check(
            "used",
            json!({"prov:activity": model, "prov:entity": "run:table/stars/table", "prov:role": "data"}),
        );
        check(
            "wasGeneratedBy",
            json!({"prov:activity": stars, "prov:entity": "run:table/stars/table"}),
        );
        check(
            "wasInfluencedBy",
            json!({
                "prov:influencee": model,
                "prov:influencer": "run:node/model/with/seed",
                "prov:type": qualified("voprov:ConfigurationRelation"),
            }),
        );
        let component = sample::record().nodes["model"].component.short();
        check(
            "wasInfluencedBy",
            json!({
                "prov:influencee": model,
                "prov:influencer": format!("run:plugin/forest-trainer-0.1.0-{component}"),
                "prov:type": qualified("voprov:DescriptionRelation"),
            }),
        );
        check(
            "wasAssociatedWith",
            json!({"prov:agent": "orcid:0000-0002-1825-0097", "prov:role": "Operator"}),
        );
        check(
            "wasAttributedTo",
            json!({"prov:agent": "orcid:0000-0002-1825-0097", "prov:entity": "run:output/table"}),
        );
        check(
            "wasDerivedFrom",
            json!({"prov:generatedEntity": "run:output/table", "prov:usedEntity": "run:table/stars/table"}),
        );
        check("hadMember", json!({"prov:entity": "run:table/stars/table/1"}));
        check("entity", json!({"skyloom:served": "cached", "skyloom:unit": "file a \"b\", c.csv"}));
        check(
            "activity",
            json!({"skyloom:state": "failed", "skyloom:error": "all rows: no label"}),
        );
        check(
            "activity",
            json!({"skyloom:cached-units": 1, "prov:startTime": "2026-01-02T03:04:05Z"}),
        );
    }

    #[test]
    fn a_node_that_never_began_is_no_activity() {
        let document = document();
        let activities: Vec<_> = document["activity"].as_object().unwrap().keys().collect();
        assert_eq!(activities, ["run:run", "run:node/stars", "run:node/model"]);
    }

    #[test]
    fn relations_name_what_is_stated() {
        let document = document();
        let kinds = ["entity", "activity", "agent"];
        let stated: Vec<_> =
            kinds.iter().flat_map(|kind| document[kind].as_object().unwrap().keys()).collect();
        for (kind, statements) in document.as_object().unwrap() {
            if kinds.contains(&kind.as_str()) || kind == "prefix" {
                continue;
            }
            for statement in statements.as_object().unwrap().values() {
                let ends = statement.as_object().unwrap().iter().filter(|(name, value)| {
                    let word = ["prov:role", "prov:time", "prov:type"].contains(&name.as_str());
                    name.starts_with("prov:") && !word && value.is_string()
                });
                for (name, end) in ends {
                    let end = end.as_str().unwrap().to_owned();
                    assert!(stated.contains(&&end), "{kind} {name}: {end}");
                }
            }
        }
    }

    #[test]
    fn equal_records_give_equal_bytes_without_folders() {
        assert_eq!(document().to_string(), document().to_string());
        assert!(!document().to_string().contains("/home"));
    }
}
