//! A small run for tests: one node was cached, one failed, one never began.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::json;

use super::{
    Agent, ColumnRecord, InputRecord, NodeRecord, Outcome, OutputRecord, RunOptions, RunRecord,
    Served, TableRecord, UnitRecord,
};
use crate::data::Digest;
use crate::instance::Role;
use crate::output::Written;

pub(super) const WORKFLOW: &str = "\
skyloom: v1
name: stars
description: Which stars are which
inputs:
  catalogue: {path: /data/jo/a.csv, description: The stars}
params:
  seed: {type: integer, default: 1, description: Draws the trees}
nodes:
  classes: {plugin: forest-classifier, in: {data: stars, model: model}}
  stars: {plugin: csv-ingester, from: catalogue}
  model: {plugin: forest-trainer, in: stars, with: {seed: \"${params.seed}\"}}
outputs:
  table: {from: stars, path: table.parquet}
";

pub(super) fn record() -> RunRecord {
    let stars = NodeRecord {
        inputs: edges(&[("file", "catalogue")]),
        outputs: IndexMap::from([("table".to_owned(), table())]),
        cached_units: 1,
        ..node("csv-ingester", Role::Ingester)
    };
    let model = NodeRecord {
        citations: vec!["doi:10.1023/A:1010933404324".to_owned(), "RFC 4180".to_owned()],
        inputs: edges(&[("data", "stars.table")]),
        reads: IndexMap::from([("data".to_owned(), vec!["P".to_owned()])]),
        params: json!({"seed": 7, "features": ["P"], "depth": null, "rate": 0.5, "fast": true}),
        state: "failed".to_owned(),
        error: Some("all rows: no label".to_owned()),
        because: Some("forest-trainer has not run here before".to_owned()),
        ..node("forest-trainer", Role::Trainer)
    };
    let classes = NodeRecord {
        inputs: edges(&[("data", "stars.table"), ("model", "model.model")]),
        state: "skipped".to_owned(),
        error: Some("node `model` gave nothing".to_owned()),
        units: 0,
        started: None,
        ended: None,
        ..node("forest-classifier", Role::Classifier)
    };
    let nodes = [("classes", classes), ("stars", stars), ("model", model)];
    RunRecord {
        run: "20260102T030405-stars".to_owned(),
        workflow: "stars".to_owned(),
        workflow_file: "/data/jo/stars.yaml".to_owned(),
        workflow_digest: Digest::of(WORKFLOW.as_bytes()),
        plan: Digest::of(b"plan"),
        agent: Agent { name: "Jo Doe".to_owned(), orcid: Some("0000-0002-1825-0097".to_owned()) },
        skyloom: "0.1.0".to_owned(),
        engine: "wasmtime 48".to_owned(),
        contract: "skyloom:plugin@0.1.0".to_owned(),
        machine: "x86_64 linux".to_owned(),
        started: "2026-01-02T03:04:05Z".to_owned(),
        ended: "2026-01-02T03:04:09Z".to_owned(),
        wall_seconds: 4.25,
        peak_rss_bytes: 1 << 24,
        outcome: Outcome::Failed,
        options: RunOptions { jobs: 2, batch_rows: 65536, recompute: false },
        params: IndexMap::from([("seed".to_owned(), json!(7))]),
        inputs: IndexMap::from([(
            "catalogue".to_owned(),
            vec![InputRecord {
                path: PathBuf::from("/data/jo/a \"b\", c.csv"),
                bytes: 12,
                digest: Digest::of(b"catalogue"),
            }],
        )]),
        nodes: nodes.into_iter().map(|(id, node)| (id.to_owned(), node)).collect(),
        outputs: IndexMap::from([(
            "table".to_owned(),
            OutputRecord {
                from: "stars.table".to_owned(),
                file: Written {
                    path: PathBuf::from("/data/jo/results/table.parquet"),
                    rows: 3,
                    digest: Digest::of(b"table"),
                    file_digest: Digest::of(b"file"),
                },
            },
        )]),
        metrics: IndexMap::new(),
        warnings: vec!["cannot read /data/jo/.skyloom/cache/ab".to_owned()],
    }
}

pub(super) fn units() -> Vec<UnitRecord> {
    let unit = |node: &str, unit: &str, served: Served| UnitRecord {
        node: node.to_owned(),
        unit: unit.to_owned(),
        key: Digest::of(node.as_bytes()),
        served,
        seconds: 0.5,
        peak_memory_bytes: 1 << 20,
        outputs: IndexMap::new(),
    };
    let mut stars = unit("stars", "file a \"b\", c.csv", Served::Cached);
    stars.outputs.insert("table".to_owned(), vec![Digest::of(b"part")]);
    vec![stars, unit("model", "all rows", Served::Run)]
}

fn edges(edges: &[(&str, &str)]) -> IndexMap<String, String> {
    edges.iter().map(|(port, from)| ((*port).to_owned(), (*from).to_owned())).collect()
}

fn table() -> TableRecord {
    let period = ColumnRecord {
        digest: Digest::of(b"P"),
        data_type: "Float64".to_owned(),
        unit: Some("d".to_owned()),
        ucd: Some("src.var.period".to_owned()),
        passed: None,
    };
    TableRecord {
        rows: 3,
        digest: Digest::of(b"partitions"),
        partitions: vec![Digest::of(b"part")],
        columns: IndexMap::from([("P".to_owned(), period)]),
    }
}

fn node(plugin: &str, role: Role) -> NodeRecord {
    NodeRecord {
        plugin: plugin.to_owned(),
        version: "0.1.0".to_owned(),
        description: format!("What {plugin} does"),
        role,
        citations: Vec::new(),
        component: Digest::of(plugin.as_bytes()),
        params: json!({}),
        inputs: IndexMap::new(),
        reads: IndexMap::new(),
        outputs: IndexMap::new(),
        state: "finished".to_owned(),
        error: None,
        units: 1,
        cached_units: 0,
        spliced_units: 0,
        repaired_units: 0,
        because: None,
        rows: 3,
        started: Some("2026-01-02T03:04:05Z".to_owned()),
        ended: Some("2026-01-02T03:04:06Z".to_owned()),
        wall_seconds: 0.5,
        peak_memory_bytes: 1 << 20,
        log: Vec::new(),
    }
}
