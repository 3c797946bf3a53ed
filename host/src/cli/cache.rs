//! `skyloom cache`: what is kept, whether it is whole, and what can go.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::runs::StateArgs;
use super::text::{self, Side, grid};
use super::{End, render};
use crate::cache::{Cache, IndexState, Policy};
use crate::provenance::{Audit, Runs};
use crate::registry::Project;
use crate::roots::{self, Locks};
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    verb: CacheVerb,
}

#[derive(Debug, Subcommand)]
enum CacheVerb {
    /// What it holds, by plugin.
    Stats(StateArgs),
    /// Read everything and find what is damaged.
    Verify(StateArgs),
    /// Show what could go, and with --delete remove it.
    Gc(GcArgs),
    /// Make the index anew from the files.
    Rebuild(StateArgs),
}

#[derive(Debug, Args)]
struct GcArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Keep what the last N runs of each workflow used.
    #[arg(long, value_name = "N")]
    keep_last: Option<usize>,
    /// Stop when no more than this is left, as 500M or 20G; the longest unused goes first.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Remove it, and do not only show it.
    #[arg(long)]
    delete: bool,
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write a size such as 500M, 20G or 1.5T".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_uppercase().trim_end_matches("IB") {
        "" | "B" => 1.0,
        "K" => 1024.0,
        "M" => 1024.0 * 1024.0,
        "G" => 1024.0 * 1024.0 * 1024.0,
        "T" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let bytes = number * factor;
    (0.0..1e18).contains(&bytes).then_some(bytes as u64).ok_or_else(wrong)
}

impl CacheArgs {
    fn state(&self) -> &StateArgs {
        match &self.verb {
            CacheVerb::Stats(args) | CacheVerb::Verify(args) | CacheVerb::Rebuild(args) => args,
            CacheVerb::Gc(args) => &args.state,
        }
    }

    pub(super) fn json(&self) -> bool {
        self.state().json
    }
}

pub(super) fn cache(args: &CacheArgs) -> Result<End, RunError> {
    let project = Project::around(&PathBuf::from("."));
    let state = args.state().state();
    let root = state.join("cache");
    if !root.is_dir() {
        let message = format!(
            "there is no cache in {}; go to the project's folder, or name another with --state-dir",
            state.display()
        );
        return Err(RunError::Usage(message));
    }
    let cache = Cache::open(&root)?;
    for notice in cache.notices() {
        render::note(&notice);
    }
    match &args.verb {
        CacheVerb::Stats(args) => {
            stats(&cache, args.json);
            Ok(End::Ok)
        }
        CacheVerb::Verify(args) => Ok(verify(&cache, args.json)),
        CacheVerb::Rebuild(args) => rebuild(&cache, args.json),
        CacheVerb::Gc(args) => gc(&cache, args, &project, &state),
    }
}

fn stats(cache: &Cache, as_json: bool) {
    let stats = cache.stats();
    let index = match cache.index_state() {
        IndexState::Open => "open",
        IndexState::Busy => "in use by a running job",
        IndexState::Broken => "broken, to be made anew",
        IndexState::Closed => "closed",
    };
    if as_json {
        let mut value = serde_json::to_value(&stats).expect("numbers are plain data");
        value["index"] = json!(index);
        render::json(&value);
        return;
    }
    let row = |what: &str, count: usize, bytes: Option<u64>| {
        let bytes = bytes.map(text::size).unwrap_or_default();
        vec![what.to_owned(), count.to_string(), bytes]
    };
    let sides = [Side::Left, Side::Right, Side::Right];
    let rows = [
        row("results", stats.entries, Some(stats.entry_bytes)),
        row("objects", stats.objects, Some(stats.object_bytes)),
        row("bindings", stats.bindings, None),
    ];
    render::out(&grid(&rows, &sides, 0));
    let mut rows = vec![["plugin", "results", "names"].map(str::to_owned).to_vec()];
    rows.extend(stats.plugins.iter().map(|(name, (count, bytes))| row(name, *count, Some(*bytes))));
    if rows.len() > 1 {
        render::out(&format!("\n{}", grid(&rows, &sides, 0)));
    }
    let jobs = text::count(stats.jobs, "running job");
    render::note(&format!("index {index}, {}; {jobs}", text::size(stats.index_bytes)));
}

fn verify(cache: &Cache, as_json: bool) -> End {
    let verified = cache.verify();
    if as_json {
        render::json(&serde_json::to_value(&verified).expect("it is plain data"));
    } else {
        for damage in &verified.damages {
            let (path, reason) = (damage.path.display(), &damage.reason);
            render::out(&text::plain(&format!("{path}: {reason}")));
        }
        let (entries, objects) =
            (text::count(verified.entries, "result"), text::count(verified.objects, "object"));
        let bytes = text::size(verified.bytes);
        let damages = match verified.damages.len() {
            0 => "all whole".to_owned(),
            count => format!(
                "{count} not whole: they count as missing, and are made again when they are needed"
            ),
        };
        render::note(&format!("{entries}, {objects}, {bytes}: {damages}"));
    }
    if verified.damages.is_empty() { End::Ok } else { End::CheckFailed }
}

fn rebuild(cache: &Cache, as_json: bool) -> Result<End, RunError> {
    let Some(entries) = cache.rebuild() else {
        return Err(RunError::Usage("a running job has the index; wait until it ends".to_owned()));
    };
    if as_json {
        render::json(&json!({"entries": entries}));
    } else {
        render::note(&format!("the index knows {}", text::count(entries, "result")));
    }
    Ok(End::Ok)
}

fn gc(
    cache: &Cache,
    args: &GcArgs,
    project: &Project,
    state: &std::path::Path,
) -> Result<End, RunError> {
    if args.keep_last.is_none() && args.max_size.is_none() {
        let message = "say what may stay: --keep-last N, --max-size SIZE, or both";
        return Err(RunError::Usage(message.to_owned()));
    }
    let (runs, locks) = (Runs::below(state), Locks::of(&project.root, state));
    let policy = Policy {
        needed: roots::needed(&runs, &locks, args.keep_last)?,
        max_bytes: args.max_size,
        dry_run: !args.delete,
    };
    let collected = cache.collect(&policy)?;
    if args.delete {
        let detail = json!({
            "entries": collected.entries, "objects": collected.objects, "bytes": collected.bytes,
        });
        Audit::below(state).note("cache-collected", detail)?;
    }
    if args.state.json {
        let mut value = serde_json::to_value(&collected).expect("it is plain data");
        value["deleted"] = json!(args.delete);
        render::json(&value);
        return Ok(End::Ok);
    }
    let verb = if args.delete { "removed" } else { "would remove" };
    let (entries, objects) =
        (text::count(collected.entries, "result"), text::count(collected.objects, "object"));
    let (bytes, left) = (text::size(collected.bytes), text::size(collected.kept_bytes));
    let kept = text::count(collected.kept_entries, "result");
    render::out(&format!("{verb} {entries}, {objects}, {bytes}; {kept}, {left} stay"));
    if collected.jobs > 0 {
        let jobs = text::count(collected.jobs, "running job");
        render::note(&format!("{jobs}: what it needs stays"));
    }
    if !args.delete {
        render::note("nothing was removed; --delete does it");
    }
    Ok(End::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("0", 0), ("1k", 1024), ("1.5M", 1_572_864), ("2GiB", 2 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "G", "-1", "1X", "1e99"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
