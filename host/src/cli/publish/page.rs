//! The page of a bundle that people read.

use std::fmt::Write;

use super::super::graph::picture;
use super::super::text;
use crate::bundle::Contents;
use crate::lock::Lock;
use crate::plan::Plan;
use crate::provenance::RunRecord;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color:#1b1f24;background:#fff}table{border-collapse:collapse;width:100%;\
display:block;overflow-x:auto;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.25rem .75rem \
.25rem 0;border-bottom:1px solid #d8dee4;vertical-align:top}code,pre{font:13px/1.5 ui-monospace,\
monospace}pre{background:#f6f8fa;padding:.75rem;overflow-x:auto}svg{max-width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}\
th,td{border-color:#30363d}figure{background:#fff;padding:.5rem}}";

/// One page that needs nothing else: what was run, on what, and what came out.
pub(super) fn page(plan: &Plan, lock: &Lock, record: &RunRecord, contents: &Contents) -> String {
    let mut html = String::new();
    let name = escape(&lock.workflow);
    let mut add = |text: &str| html.push_str(text);
    add(&format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{name}</title><style>{STYLE}</style></head><body>\n<h1>{name}</h1>\n"
    ));
    if let Some(description) = &plan.workflow.description {
        add(&format!("<p>{}</p>\n", escape(description)));
    }
    add(&format!("<figure>{}</figure>\n", picture(plan)));
    add("<h2>Run it again</h2>\n<p>With Skyloom installed:</p>\n");
    let given: String = contents
        .inputs
        .keys()
        .filter(|input| contents.missing(input).next().is_some())
        .map(|input| format!(" --input {input}=PATH"))
        .collect();
    add(&format!("<pre>skyloom replay FILE.skyloom{}</pre>\n", escape(&given)));
    add(
        "<p>This runs everything from nothing and compares each table with the digests below.</p>\n",
    );
    add(&section("Inputs", &["input", "file", "size", "BLAKE3", "where"], &inputs(contents)));
    add(&section("Parameters", &["parameter", "value"], &params(lock)));
    add(&section("Plugins", &["plugin", "component"], &plugins(lock)));
    add(&section("Nodes", &["node", "plugin", "parameters"], &nodes(lock)));
    add(&section("Results", &["table", "rows", "digest"], &results(lock)));
    for (node, metrics) in &record.metrics {
        let rows: Vec<_> = metrics
            .iter()
            .map(|metric| {
                let number = |value: Option<f64>| {
                    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
                };
                let class = metric.class.clone().unwrap_or_else(|| "all".to_owned());
                let interval = format!("{} to {}", number(metric.low), number(metric.high));
                vec![metric.metric.clone(), class, number(metric.value), interval]
            })
            .collect();
        let title = format!("Scores of {node}");
        add(&section(&title, &["score", "class", "value", "95 % interval"], &rows));
    }
    add(&section("References", &["plugin", "reference"], &citations(record)));
    add(&section("The run", &["", ""], &facts(lock, record)));
    add("</body></html>\n");
    html
}

fn section(title: &str, header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut html = format!("<h2>{}</h2>\n<table><thead><tr>", escape(title));
    for name in header {
        let _infallible = write!(html, "<th>{}</th>", escape(name));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _infallible = write!(html, "<td>{}</td>", escape(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table>\n");
    html
}

fn inputs(contents: &Contents) -> Vec<Vec<String>> {
    let files = contents.inputs.iter().flat_map(|(name, files)| {
        files.iter().map(move |file| {
            let place = match (&file.entry, &file.uri) {
                (Some(entry), _) => entry.clone(),
                (None, Some(uri)) => uri.clone(),
                (None, None) => "not in this bundle".to_owned(),
            };
            let (size, digest) = (text::size(file.bytes), file.digest.to_string());
            vec![name.clone(), file.name.clone(), size, digest, place]
        })
    });
    files.collect()
}

fn params(lock: &Lock) -> Vec<Vec<String>> {
    lock.params.iter().map(|(name, value)| vec![name.clone(), value.to_string()]).collect()
}

fn plugins(lock: &Lock) -> Vec<Vec<String>> {
    let plugins = lock.plugins.iter();
    plugins.map(|(name, plugin)| vec![name.clone(), plugin.component.to_string()]).collect()
}

fn nodes(lock: &Lock) -> Vec<Vec<String>> {
    let nodes = lock.nodes.iter();
    nodes.map(|(id, node)| vec![id.clone(), node.plugin.clone(), node.params.to_string()]).collect()
}

fn results(lock: &Lock) -> Vec<Vec<String>> {
    let tables = lock.results.iter().flat_map(|(node, ports)| {
        ports.iter().map(move |(port, table)| {
            vec![format!("{node}.{port}"), table.rows.to_string(), table.digest.to_string()]
        })
    });
    tables.collect()
}

fn citations(record: &RunRecord) -> Vec<Vec<String>> {
    let cited = record
        .nodes
        .values()
        .flat_map(|node| node.citations.iter().map(|text| (node.plugin.clone(), text.clone())));
    let cited: std::collections::BTreeSet<_> = cited.collect();
    cited.into_iter().map(|(plugin, text)| vec![plugin, text]).collect()
}

fn facts(lock: &Lock, record: &RunRecord) -> Vec<Vec<String>> {
    let fact = |name: &str, value: String| vec![name.to_owned(), value];
    let who = match &record.agent.orcid {
        Some(orcid) => format!("{} (https://orcid.org/{orcid})", record.agent.name),
        None => record.agent.name.clone(),
    };
    vec![
        fact("run", record.run.clone()),
        fact("by", who),
        fact("from", record.started.clone()),
        fact("to", record.ended.clone()),
        fact("with", format!("skyloom {}, {}, {}", lock.skyloom, lock.engine, lock.contract)),
        fact("on", record.machine.clone()),
        fact("plan", lock.plan_digest().to_string()),
    ]
}

/// Text as HTML has it.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text::plain(text).chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_workflow_says_is_markup() {
        assert_eq!(
            escape("<script>\"a\" & 'b'\u{1b}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\\u{1b}"
        );
    }
}
