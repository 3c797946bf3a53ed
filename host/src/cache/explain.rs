//! Why a unit is not served: what differs from the nearest earlier entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::entry::{Entry, from_sealed_text};
use super::key::{Head, Kernels, Key, PartitionKey, PortKey, UnitInput};
use super::{Cache, MANIFESTS, UnitKey, read};
use crate::data::{Digest, differences as differences_of};

/// How many earlier heads of a plugin are looked at.
const MOST_HEADS: usize = 64;

/// Why a unit is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// Its plugin has not run here before.
    First { plugin: String },
    /// Everything is computed anew, as the user asked.
    Asked,
    /// What differs from the nearest earlier entry, each in a few words.
    Changed(Vec<String>),
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::First { plugin } => write!(f, "{plugin} has not run here before"),
            Self::Asked => f.write_str("all is computed anew, as asked"),
            Self::Changed(differences) => f.write_str(&differences.join("; ")),
        }
    }
}

/// The head under which a node ran that was most like it is now.
pub(crate) struct Nearest {
    digest: Digest,
    /// What differs between heads; nothing where they are one.
    differences: Vec<String>,
}

impl Cache {
    /// The earlier head that is nearest to `head`; none if the plugin never ran here.
    pub(crate) fn nearest(&self, head: &Head) -> Option<Nearest> {
        let digest = head.digest();
        let heads = self.index.heads(&head.plugin).unwrap_or_else(|| self.heads_in_files(head));
        if heads.contains(&digest) {
            return Some(Nearest { digest, differences: Vec::new() });
        }
        let earlier = heads.into_iter().take(MOST_HEADS).filter_map(|digest| {
            let earlier = self.head(digest)?;
            Some(Nearest { digest, differences: differences(&earlier, head) })
        });
        // Of those that differ least, the latest.
        earlier.min_by_key(|nearest| nearest.differences.len())
    }

    /// The heads of the plugin's entries where no index tells, in no order of time.
    fn heads_in_files(&self, head: &Head) -> Vec<Digest> {
        let of_plugin = |digest: &Digest| {
            let earlier = self.head(*digest);
            earlier.is_some_and(|earlier| earlier.plugin == head.plugin)
        };
        crate::data::names_in(&self.root.join(MANIFESTS)).into_iter().filter(of_plugin).collect()
    }

    /// The head of this digest. Each is read once: every node of a workflow may ask for all.
    fn head(&self, digest: Digest) -> Option<Arc<Head>> {
        let known = self.heads.lock().expect("no holder panics").get(&digest).cloned();
        known.or_else(|| {
            let head = Arc::new(self.manifest(digest)?);
            self.remember_head(digest, Arc::clone(&head));
            Some(head)
        })
    }

    fn manifest<T: serde::de::DeserializeOwned>(&self, digest: Digest) -> Option<T> {
        from_sealed_text(&read(&self.path_of(MANIFESTS, digest))?)
    }

    /// Why `unit`, whose head is `head`, has no entry.
    pub(crate) fn because(
        &self,
        unit: &UnitKey,
        head: &Head,
        nearest: Option<&Nearest>,
    ) -> Because {
        let Some(nearest) = nearest else {
            return Because::First { plugin: head.plugin.clone() };
        };
        if !nearest.differences.is_empty() {
            return Because::Changed(nearest.differences.clone());
        }
        if let Some(entry) = self.read_entry(unit.key) {
            let known = entry.result.variants.iter().any(|v| v.passed == unit.passed);
            return Because::Changed(vec![match known {
                true => "its result is damaged or gone from the cache".to_owned(),
                false => "columns that it passes on changed".to_owned(),
            }]);
        }
        let slot = self.index.slot(nearest.digest, unit.ordinal);
        match slot.and_then(|key: Key| self.read_entry(key)) {
            Some(earlier) => Because::Changed(self.unit_differences(&earlier, unit, head)),
            None if self.index.len().is_none() => {
                Because::Changed(vec!["its input changed".to_owned()])
            }
            None => Because::Changed(vec![format!("there was no {} before", place(unit))]),
        }
    }

    fn unit_differences(&self, earlier: &Entry, unit: &UnitKey, head: &Head) -> Vec<String> {
        let mut found = Vec::new();
        if earlier.piece.1 != unit.piece.1 {
            found.push(format!("it is cut in {} pieces, not {}", unit.piece.1, earlier.piece.1));
        }
        let ports = head.inputs.iter().zip(earlier.inputs.iter().zip(&unit.inputs));
        for (port, (then, now)) in ports {
            match (then, &**now) {
                (UnitInput::File { digest: then, .. }, UnitInput::File { name, digest: now })
                    if then != now =>
                {
                    let (then, now) = (then.short(), now.short());
                    found.push(format!("file {name} changed ({then} → {now})"));
                }
                (UnitInput::File { name: then, .. }, UnitInput::File { name: now, .. })
                    if then != now =>
                {
                    found.push(format!("file {then} is now called {now}"));
                }
                (then, now) if then.digest() != now.digest() => {
                    self.table_differences(port, then, now, unit.ordinal, &mut found);
                }
                _ => {}
            }
        }
        if found.is_empty() {
            found.push("the entry of its key is gone from the cache".to_owned());
        }
        found
    }

    fn table_differences(
        &self,
        port: &PortKey,
        then: &UnitInput,
        now: &UnitInput,
        ordinal: u32,
        found: &mut Vec<String>,
    ) {
        let name = &port.port;
        let (Some(then), Some(now)) = (self.partitions(then), self.partitions(now)) else {
            found.push(format!("input {name} changed"));
            return;
        };
        if then.len() != now.len() {
            found.push(format!("input {name} has {} partitions, not {}", now.len(), then.len()));
        }
        // Column → partitions that it changed in.
        let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut rows = Vec::new();
        for (index, (then, now)) in then.iter().zip(&now).enumerate() {
            if then.rows != now.rows {
                rows.push((index, then.rows, now.rows));
                continue;
            }
            for (column, (then, now)) in then.columns.iter().zip(&now.columns).enumerate() {
                if then != now {
                    columns.entry(column).or_default().push(index);
                }
            }
        }
        // A unit of one partition is named by its own number.
        let one = then.len() == 1 && now.len() == 1;
        let number = |partition: usize| match one {
            true => ordinal as usize + 1,
            false => partition + 1,
        };
        for (partition, then, now) in rows.iter().take(3) {
            let partition = number(*partition);
            found
                .push(format!("input {name} has {now} rows, not {then}, in partition {partition}"));
        }
        if rows.len() > 3 {
            found.push(format!("and in {} more partitions", rows.len() - 3));
        }
        for (column, partitions) in columns {
            let column = port.columns.get(column).map_or("?", |(name, _)| name.as_str());
            let places = match partitions.as_slice() {
                [partition] => format!("partition {}", number(*partition)),
                many => format!("{} partitions, the first {}", many.len(), number(many[0])),
            };
            found.push(format!("input {name}: column {column} changed in {places}"));
        }
    }

    fn partitions(&self, input: &UnitInput) -> Option<Vec<PartitionKey>> {
        match input {
            UnitInput::File { .. } => None,
            UnitInput::Table { partitions } => Some(partitions.clone()),
            UnitInput::Shared { digest, .. } => self.manifest(*digest),
        }
    }
}

fn place(unit: &UnitKey) -> String {
    match unit.piece {
        (_, 1) => format!("partition {}", unit.ordinal + 1),
        (piece, count) => format!("piece {} of {count}", piece + 1),
    }
}

/// What differs between two heads, each in a few words.
fn differences(then: &Head, now: &Head) -> Vec<String> {
    let mut found = Vec::new();
    if then.component != now.component {
        let versions = match then.version == now.version {
            true => format!(
                "{}@{} was built anew ({} → {})",
                now.plugin,
                now.version,
                then.component.short(),
                now.component.short()
            ),
            false => format!("component {} {} → {}", now.plugin, then.version, now.version),
        };
        found.push(versions);
    }
    if then.contract != now.contract {
        found.push(format!("contract {} → {}", then.contract, now.contract));
    }
    if then.kernels != now.kernels {
        let words = |kernels: &Option<Kernels>| match kernels {
            Some(kernels) => format!("version {} on {}", kernels.version, kernels.device),
            None => "none".to_owned(),
        };
        found.push(format!("kernels {} → {}", words(&then.kernels), words(&now.kernels)));
    }
    if then.key_version != now.key_version {
        found.push(format!("key version {} → {}", then.key_version, now.key_version));
    }
    found.extend(
        differences_of("params", &then.params, &now.params)
            .into_iter()
            .map(|moved| format!("{} {} → {}", moved.path, short(moved.then), short(moved.now))),
    );
    port_differences("input", &then.inputs, &now.inputs, &mut found);
    // What comes out follows from the rest; alone, it tells that a file has other columns.
    if found.is_empty() {
        port_differences("output", &then.outputs, &now.outputs, &mut found);
    }
    found
}

fn short(value: Option<&Value>) -> String {
    let text = value.unwrap_or(&Value::Null).to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn port_differences(what: &str, then: &[PortKey], now: &[PortKey], found: &mut Vec<String>) {
    for now in now {
        let port = &now.port;
        let Some(then) = then.iter().find(|then| then.port == *port) else {
            found.push(format!("{what} {port} is connected, which was not"));
            continue;
        };
        let known = |columns: &[(String, Digest)], name: &str| {
            columns.iter().find(|(other, _)| other == name).map(|(_, digest)| *digest)
        };
        for (name, digest) in &now.columns {
            match known(&then.columns, name) {
                None => found.push(format!("{what} {port}: column {name} is new")),
                Some(other) if other != *digest => found.push(format!(
                    "{what} {port}: column {name} has another type, unit or meaning"
                )),
                Some(_) => {}
            }
        }
        for (name, _) in &then.columns {
            if known(&now.columns, name).is_none() {
                found.push(format!("{what} {port}: column {name} is no longer there"));
            }
        }
        let names = |columns: &[(String, Digest)]| -> Vec<String> {
            columns.iter().map(|(name, _)| name.clone()).collect()
        };
        let (mut before, mut after) = (names(&then.columns), names(&now.columns));
        if before != after {
            before.sort();
            after.sort();
            if before == after {
                found.push(format!("{what} {port}: its columns are in another order"));
            }
        }
    }
    for then in then {
        if !now.iter().any(|now| now.port == then.port) {
            found.push(format!("{what} {} is no longer connected", then.port));
        }
    }
}
