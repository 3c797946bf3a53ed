//! What a result rests on, in a small file beside the workflow.
//!
//! A [`Lock`] names component digests, resolved parameters, input digests and versions; and,
//! once the workflow has run, the digests of its results. It is sorted and holds no line for a
//! partition, so that a version-control system shows what moved. [`Lock::drift`] compares it
//! with a plan.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cache::{CONTRACT, KEY_VERSION};
use crate::data::{BlobFile, Digest, Table, differences, publish};
use crate::instance::Engine;
use crate::plan::{Plan, source_name};
use crate::registry::Pin;
use crate::workflow::{Node, Workflow, from_yaml, to_yaml};

/// The format of lock files.
const FORMAT: &str = "v1";
/// A lock file is small; what is larger is none.
const MAX_BYTES: u64 = 4 << 20;

/// What a lock file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    lock: String,
    /// The workflow's name, and its file in the same folder.
    pub workflow: String,
    pub file: String,
    pub skyloom: String,
    pub engine: String,
    pub contract: String,
    pub key_version: u32,
    pub params: BTreeMap<String, Value>,
    pub inputs: BTreeMap<String, LockedInput>,
    pub plugins: BTreeMap<String, LockedPlugin>,
    pub nodes: BTreeMap<String, LockedNode>,
    /// By node and output port; empty until the workflow has run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub results: BTreeMap<String, BTreeMap<String, LockedTable>>,
}

/// The files of an input: their number and bytes, and one digest of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedInput {
    pub files: usize,
    pub bytes: u64,
    pub digest: Digest,
}

/// A component, and what it can see beside its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    pub component: Digest,
    pub imports: Vec<String>,
    /// Where it was pulled from, if it was. Results do not rest on that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
}

/// A plugin at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedNode {
    /// A name in `plugins`.
    pub plugin: String,
    /// By input port: a workflow input, or `node.port`.
    #[serde(rename = "in")]
    pub inputs: BTreeMap<String, String>,
    pub params: Value,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedTable {
    pub rows: u64,
    pub digest: Digest,
}

/// Something that is not as it was locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// `inputs.catalogue.digest`, `nodes.model.params.trees`.
    pub what: String,
    pub locked: String,
    pub now: String,
}

/// Why there is no lock to go by.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("there is no lock file {}; `skyloom lock` writes it", .0.display())]
    Missing(PathBuf),
    #[error("{} is not a lock file: {reason}; `skyloom lock --update` writes it anew", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("cannot write {}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
    #[error("the lock has no node `{node}`; {help}")]
    UnknownNode { node: String, help: String },
}

impl Lock {
    /// Where the lock of the workflow at `path` lies.
    pub fn beside(path: &Path) -> PathBuf {
        path.with_extension("lock")
    }

    /// What `plan` rests on; without results.
    pub fn of(plan: &Plan) -> Self {
        let mut plugins = BTreeMap::new();
        let mut nodes = BTreeMap::new();
        for node in &plan.nodes {
            let descriptor = node.component.descriptor();
            let plugin = LockedPlugin {
                component: node.component.digest,
                imports: node.component.imports.clone(),
                from: node.origin.clone(),
            };
            let mut name = format!("{}@{}", descriptor.name, descriptor.version);
            // Two builds of one version may be at work in one workflow.
            let other = |other: &LockedPlugin| other.component != plugin.component;
            if plugins.get(&name).is_some_and(other) {
                name = format!("{name}+{}", node.component.digest.short());
            }
            plugins.insert(name.clone(), plugin);
            let inputs = node.inputs.iter();
            let inputs = inputs
                .map(|input| (input.port.clone(), source_name(plan, &input.source)))
                .collect();
            let params = node.params.clone();
            nodes.insert(node.id.clone(), LockedNode { plugin: name, inputs, params });
        }
        let path = Path::new(&*plan.workflow.source.name);
        let inputs = plan.inputs.iter().map(|(name, files)| (name.clone(), LockedInput::of(files)));
        Self {
            lock: FORMAT.to_owned(),
            workflow: plan.workflow.name.value.clone(),
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            skyloom: env!("CARGO_PKG_VERSION").to_owned(),
            engine: Engine::version().to_owned(),
            contract: CONTRACT.to_owned(),
            key_version: KEY_VERSION,
            params: plan.workflow.params.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            inputs: inputs.collect(),
            plugins,
            nodes,
            results: BTreeMap::new(),
        }
    }

    /// The digest of all that results rest on: two runs with the same one must agree.
    pub fn plan_digest(&self) -> Digest {
        Digest::of(self.rests_on().to_string().as_bytes())
    }

    fn rests_on(&self) -> Value {
        let plugins = self.plugins.iter().map(|(name, plugin)| {
            (name, json!({"component": plugin.component, "imports": plugin.imports}))
        });
        json!({
            "contract": self.contract,
            "params": self.params,
            "inputs": self.inputs,
            "plugins": plugins.collect::<BTreeMap<_, _>>(),
            "nodes": self.nodes,
        })
    }

    /// The components that this lock names for the plugins of `workflow`, by the names that
    /// are written there.
    pub fn pins(&self, workflow: &Workflow) -> Vec<(String, Pin)> {
        let pin = |(id, node): (&String, &Node)| {
            let name = &self.nodes.get(id)?.plugin;
            let locked = self.plugins.get(name)?;
            let (component, from) = (locked.component, locked.from.clone());
            Some((node.plugin.value.clone(), Pin { name: name.clone(), component, from }))
        };
        workflow.nodes.iter().filter_map(pin).collect()
    }

    /// Notes what a node gave.
    pub fn add_result(&mut self, node: &str, port: &str, table: &Table) {
        let result = LockedTable { rows: table.rows(), digest: table.digest() };
        self.results.entry(node.to_owned()).or_default().insert(port.to_owned(), result);
    }

    /// Reads the lock file at `path`.
    ///
    /// # Errors
    /// When there is none, or it is none.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let unreadable = |reason: String| LockError::Unreadable { path: path.to_owned(), reason };
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(LockError::Missing(path.to_owned()));
            }
            other => other.map_err(|error| unreadable(error.to_string()))?,
        };
        if metadata.len() > MAX_BYTES {
            return Err(unreadable(format!("it has {} bytes", metadata.len())));
        }
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        let lock: Self = from_yaml(&text).map_err(unreadable)?;
        if lock.lock != FORMAT {
            return Err(unreadable(format!(
                "it is of format `{}`, and this Skyloom knows {FORMAT}",
                lock.lock.escape_debug()
            )));
        }
        Ok(lock)
    }

    /// Writes the lock file at `path`: whole, or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let io = |reason: String| LockError::Io { path: path.to_owned(), reason };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let write = || -> std::io::Result<tempfile::NamedTempFile> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(self.to_text().as_bytes())?;
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
            Ok(file)
        };
        let file = write().map_err(|error| io(error.to_string()))?;
        publish(file, &folder.join(path.file_name().unwrap_or_default()))
            .map_err(|error| io(error.to_string()))
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        format!("# Written by `skyloom lock`, which also updates it.\n{}", to_yaml(self))
    }

    /// What is not as this lock says, if `now` is what there is; results aside. Each place is
    /// named as it stands in the file.
    pub fn drift(&self, now: &Self) -> Vec<Moved> {
        let made_with = |lock: &Self| {
            json!({
                "skyloom": lock.skyloom, "engine": lock.engine, "key-version": lock.key_version,
            })
        };
        let mut moved = moved(&made_with(self), &made_with(now));
        moved.extend(self.plan_drift(now));
        moved
    }

    /// What results rest on that is not as this lock says. Versions of Skyloom and its engine
    /// are not among it: a replay is to show that they do not matter.
    pub fn plan_drift(&self, now: &Self) -> Vec<Moved> {
        moved(&self.rests_on(), &now.rests_on())
    }

    /// What results are not as this lock says; none where one of the two knows no results.
    pub fn result_drift(&self, now: &Self) -> Vec<Moved> {
        if self.results.is_empty() || now.results.is_empty() {
            return Vec::new();
        }
        moved(&json!({"results": self.results}), &json!({"results": now.results}))
    }

    /// This lock, with `node` as it is `now`: its plugin, parameters and edges. Results of
    /// what comes after are no longer known, so there are none.
    ///
    /// # Errors
    /// When there is no such node now.
    pub fn update(&mut self, node: &str, now: &Self) -> Result<(), LockError> {
        let Some(fresh) = now.nodes.get(node) else {
            let names = now.nodes.keys().map(String::as_str);
            let help = crate::fault::suggestion(node, names);
            return Err(LockError::UnknownNode { node: node.to_owned(), help });
        };
        self.nodes.insert(node.to_owned(), fresh.clone());
        self.plugins.insert(fresh.plugin.clone(), now.plugins[&fresh.plugin].clone());
        self.plugins.retain(|name, _| self.nodes.values().any(|node| node.plugin == *name));
        self.results.clear();
        Ok(())
    }
}

impl LockedInput {
    fn of(files: &[std::sync::Arc<BlobFile>]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("skyloom input v1");
        for file in files {
            let name = file.name();
            hasher.update(file.digest.as_bytes());
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        }
        Self {
            files: files.len(),
            bytes: files.iter().map(|file| file.size).sum(),
            digest: Digest::from(hasher.finalize()),
        }
    }
}

fn moved(locked: &Value, now: &Value) -> Vec<Moved> {
    let differences = differences("", locked, now).into_iter();
    let moved = differences.map(|found| Moved {
        what: found.path,
        locked: shown(found.then),
        now: shown(found.now),
    });
    moved.collect()
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "–".to_owned(),
        Some(Value::String(text)) if text.parse::<Digest>().is_ok() => text[..12].to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(fields)) => match fields.get("component").or(fields.get("digest")) {
            Some(digest) => shown(Some(digest)),
            None => fields.get("plugin").map_or_else(|| "…".to_owned(), |name| shown(Some(name))),
        },
        Some(other) => other.to_string(),
    }
}
