//! `skyloom publish`: a locked workflow and all that it needs, in one file.

mod page;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::lock::tell_drift;
use super::{End, WorkflowArgs, render, text};
use crate::bundle::{ArchiveWriter, BundledFile, CONTENTS, Contents};
use crate::data::{Digest, ObjectStore};
use crate::instance::Watch;
use crate::lock::Lock;
use crate::plan::Plan;
use crate::provenance::{Audit, RecordError, RunRecord, Runs, write_crate};
use crate::roots::{self, Locks};
use crate::run::{self, Place, RunError};
use crate::trust::signature_path;

#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    #[command(flatten)]
    pub(super) workflow: WorkflowArgs,
    /// The file to write [default: NAME.skyloom].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Largest input file to put in; larger ones are named by digest and URI.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = super::cache::size)]
    max_input: u64,
    /// Most bytes of results to put in, smallest tables first, so that a replay that differs
    /// can say by how much.
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = super::cache::size)]
    max_results: u64,
}

pub(super) fn publish(args: &PublishArgs, watch: &Arc<Watch>) -> Result<End, RunError> {
    let mut request = args.workflow.request();
    let place = Place::of(&request.workflow, request.state_dir.as_deref());
    let lock_path = Lock::beside(&request.workflow);
    let lock = Lock::read(&lock_path)?;
    request.locked = Some(lock.clone());
    let (engine, cache) = (run::engine()?, place.cache()?);
    let plan = run::make_plan(&request, &place, &engine, &cache, watch)?;
    let moved = lock.drift(&Lock::of(&plan));
    if !moved.is_empty() {
        tell_drift(&lock_path.display().to_string(), &moved, args.workflow.json);
        render::note("nothing was published; `skyloom lock --update` moves the lock");
        return Ok(End::Moved);
    }
    let runs = Runs::below(&place.state);
    let record = roots::run_of(&lock, &runs).filter(|_| !lock.results.is_empty());
    let Some(record) = record else {
        return Err(RunError::Usage(format!(
            "no run here gave what {} names: `skyloom run --locked` it, then lock it again",
            lock_path.display()
        )));
    };
    let default = || PathBuf::from(format!("{}.skyloom", lock.workflow));
    let output = args.output.clone().unwrap_or_else(default);
    let published = write(args, &plan, &lock, &record, &runs, &cache.objects, &output)?;
    Locks::of(&place.project.root, &place.state).note(&lock_path)?;
    let file = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let detail = json!({"file": file, "digest": published.digest, "plan": lock.plan_digest()});
    Audit::below(&place.state).note("published", detail)?;
    if args.workflow.json {
        render::json(&json!({
            "file": output, "digest": published.digest, "bytes": published.bytes,
            "left-out": published.left_out,
        }));
        return Ok(End::Ok);
    }
    for name in &published.left_out {
        render::note(&format!("left out, and named by digest: {name}"));
    }
    let (size, digest) = (text::size(published.bytes), published.digest.short());
    render::out(&format!("{}: {size} ({digest})", output.display()));
    Ok(End::Ok)
}

/// Entries, named as a crate names them.
const WORKFLOW: &str = "workflow.yaml";
const RECORD: &str = "record.json";
const LOCK: &str = "workflow.lock";

struct Published {
    digest: Digest,
    bytes: u64,
    /// Inputs that whoever replays must get elsewhere.
    left_out: Vec<String>,
}

fn write(
    args: &PublishArgs,
    plan: &Plan,
    lock: &Lock,
    record: &RunRecord,
    runs: &Runs,
    objects: &ObjectStore,
    output: &Path,
) -> Result<Published, RunError> {
    let io = |error: std::io::Error| RecordError::Io {
        path: output.to_owned(),
        reason: error.to_string(),
    };
    // The crate has workflow and record as others may see them: without anybody's folders.
    let staging = tempfile::tempdir().map_err(io)?;
    let folder = staging.path().join("crate");
    let units = runs.units(&record.run)?;
    write_crate(&folder, record, &units, &plan.workflow.source.text, &[])?;
    let mut archive = ArchiveWriter::create(output)?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(io)?;
    files.sort();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        archive.add_file(&name, &file)?;
    }
    archive.add_bytes(LOCK, lock.to_text().as_bytes())?;
    let mut contents = Contents::new(WORKFLOW.to_owned(), LOCK.to_owned(), RECORD.to_owned());
    let mut components = BTreeMap::new();
    for node in &plan.nodes {
        let descriptor = node.component.descriptor();
        let (name, version) = (&descriptor.name, &descriptor.version);
        let digest = node.component.digest;
        let entry = format!("components/{name}-{version}-{}.wasm", digest.short());
        if components.insert(digest, entry.clone()).is_none() {
            archive.add_bytes(&entry, node.component.bytes())?;
            if let Some(signature) = &node.signature {
                let beside = signature_path(Path::new(&entry));
                archive.add_bytes(&beside.to_string_lossy(), signature.as_bytes())?;
            }
        }
        let reference = &plan.workflow.nodes[&node.id].plugin.value;
        contents.plugins.insert(reference.clone(), entry);
    }
    let mut left_out = Vec::new();
    for (input, files) in &plan.inputs {
        let uri = plan.workflow.inputs[input].uri.clone();
        let mut bundled = Vec::with_capacity(files.len());
        for (index, file) in files.iter().enumerate() {
            let name = file.name();
            let fits = file.size <= args.max_input;
            let entry = fits.then(|| format!("inputs/{input}/{index:06}/{name}"));
            if let Some(entry) = &entry {
                archive.add_file(entry, &file.path)?;
            } else {
                left_out.push(format!("{name} of input `{input}`, {}", text::size(file.size)));
            }
            let (bytes, digest, uri) = (file.size, file.digest, uri.clone());
            bundled.push(BundledFile { name, bytes, digest, entry, uri });
        }
        contents.inputs.insert(input.clone(), bundled);
    }
    for digest in small_results(record, objects, args.max_results) {
        let name = digest.to_string();
        let entry = format!("objects/{}/{name}.arrow", &name[..2]);
        archive.add_file(&entry, &objects.path_of(digest))?;
    }
    archive.add_bytes("index.html", page::page(plan, lock, record, &contents).as_bytes())?;
    archive.add_bytes(CONTENTS, contents.to_text().as_bytes())?;
    let digest = archive.finish()?;
    let bytes = std::fs::metadata(output).map_or(0, |metadata| metadata.len());
    Ok(Published { digest, bytes, left_out })
}

/// The objects of whole tables, smallest tables first, as long as they fit.
fn small_results(record: &RunRecord, objects: &ObjectStore, most: u64) -> Vec<Digest> {
    let size = |digest: &Digest| std::fs::metadata(objects.path_of(*digest)).map(|m| m.len());
    let mut tables: Vec<(u64, &Vec<Digest>)> = record
        .nodes
        .values()
        .flat_map(|node| node.outputs.values())
        .filter_map(|table| {
            let sizes: Result<Vec<u64>, _> = table.partitions.iter().map(size).collect();
            Some((sizes.ok()?.iter().sum(), &table.partitions))
        })
        .collect();
    tables.sort();
    let mut left = most;
    let mut fitting = std::collections::BTreeSet::new();
    for (bytes, partitions) in tables {
        if bytes > left {
            break;
        }
        left -= bytes;
        fitting.extend(partitions.iter().copied());
    }
    fitting.into_iter().collect()
}
