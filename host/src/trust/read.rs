//! Reading `trust.yaml`.

use std::fs;
use std::path::Path;

use chrono::{NaiveDate, Utc};
use indexmap::IndexMap;

use super::{Pattern, PublicKey, TRUST_FILE, Trust, TrustedKey};
use crate::fault::{At, Fault, Source, suggestion};
use crate::workflow::{Kind, Tree, read_tree};

impl Trust {
    /// What the project at `root` trusts. Without a file there are no keys; what is local may
    /// run, and what was pulled may not.
    ///
    /// # Errors
    /// Every mistake in the file, with its place.
    pub fn read(root: &Path) -> Result<Self, Vec<Fault>> {
        let path = root.join(TRUST_FILE);
        let today = Utc::now().date_naive();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::nothing(&path.display().to_string(), today));
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                return Err(vec![Fault::of_command("trust::file", message)]);
            }
        };
        let text = String::from_utf8(bytes).map_err(|_| {
            let message = format!("{} is not UTF-8", path.display());
            vec![Fault::of_command("trust::file", message)]
        })?;
        let name = path.display().to_string();
        Self::parse(&Source { name: name.into(), text: text.into() }, today)
    }

    fn nothing(file: &str, today: NaiveDate) -> Self {
        Self { file: file.to_owned(), keys: IndexMap::new(), unsigned: Vec::new(), today }
    }

    /// What the text of a `trust.yaml` says on the day `today`.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub(super) fn parse(source: &Source, today: NaiveDate) -> Result<Self, Vec<Fault>> {
        let tree = read_tree(source)?;
        let mut reader = Reader { source, faults: Vec::new() };
        let mut trust = Self::nothing(&source.name, today);
        for (key, value) in reader.entries(&tree, "the file", &["keys", "unsigned"]) {
            match key.value.as_str() {
                "keys" => trust.keys = reader.keys(value),
                _ => trust.unsigned = reader.unsigned(value),
            }
        }
        if reader.faults.is_empty() { Ok(trust) } else { Err(reader.faults) }
    }
}

/// The walk through the file, with the mistakes met so far.
struct Reader<'s> {
    source: &'s Source,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, at: &At<impl Sized>, message: String, help: &str) {
        let fault = Fault::new(self.source, "trust::file", at.span.clone(), message);
        self.faults.push(fault.help(help));
    }

    /// The entries of a mapping; with `known` empty, under any key.
    fn entries<'t>(
        &mut self,
        tree: &'t Tree,
        what: &str,
        known: &[&str],
    ) -> Vec<(&'t At<String>, &'t Tree)> {
        let entries = match &tree.value {
            Kind::Map(entries) => entries,
            Kind::Null => return Vec::new(),
            other => {
                let message = format!("{what} is {}, and should be a mapping", other.name());
                self.fault(tree, message, "docs/trust.md shows a whole file");
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (key, value) in entries {
            if known.is_empty() || known.contains(&key.value.as_str()) {
                found.push((key, value));
            } else {
                let help = suggestion(&key.value, known.iter().copied());
                self.fault(key, format!("{what} has no `{}`", key.value.escape_debug()), &help);
            }
        }
        found
    }

    fn text(&mut self, tree: &Tree, what: &str) -> Option<String> {
        match &tree.value {
            Kind::Text(text) => Some(text.clone()),
            other => {
                let message = format!("{what} is {}, and should be text", other.name());
                self.fault(tree, message, "put it into quotes");
                None
            }
        }
    }

    fn keys(&mut self, tree: &Tree) -> IndexMap<String, TrustedKey> {
        let mut keys = IndexMap::new();
        for (name, tree) in self.entries(tree, "`keys`", &[]) {
            if let Some(key) = self.key(name, tree) {
                let same = keys.iter().find(|(_, other): &(&String, &TrustedKey)| {
                    other.public.id() == key.public.id()
                });
                if let Some((other, _)) = same {
                    let message = format!("this is the same key as `{other}`");
                    self.fault(name, message, "write each key once, with all it may speak for");
                    continue;
                }
                keys.insert(name.value.clone(), key);
            }
        }
        keys
    }

    fn key(&mut self, name: &At<String>, tree: &Tree) -> Option<TrustedKey> {
        let (mut public, mut speaks_for, mut expires, mut revoked) = (None, None, None, None);
        let what = format!("key `{}`", name.value.escape_debug());
        let before = self.faults.len();
        for (entry, value) in self.entries(tree, &what, &["key", "for", "expires", "revoked"]) {
            match entry.value.as_str() {
                "key" => public = self.public(value),
                "for" => speaks_for = Some(self.patterns(value)),
                "expires" => expires = self.date(value),
                _ => revoked = self.text(value, "why it is revoked"),
            }
        }
        if self.faults.len() > before {
            return None;
        }
        let Some(public) = public else {
            self.fault(name, format!("{what} has no `key`"), "write the line of its .pub file");
            return None;
        };
        let Some(speaks_for) = speaks_for.filter(|list| !list.is_empty()) else {
            let help = "write `for: [NAMESPACE/*]`, or `for: [local]`";
            self.fault(name, format!("{what} may speak for nobody"), help);
            return None;
        };
        Some(TrustedKey { public, speaks_for, expires, revoked })
    }

    fn public(&mut self, tree: &Tree) -> Option<PublicKey> {
        let text = self.text(tree, "a key")?;
        match PublicKey::parse(&text) {
            Ok(key) => Some(key),
            Err(error) => {
                let help = "it is the second line of the file that `skyloom plugin keygen` or \
                            `minisign -G` writes";
                self.fault(tree, error.to_string(), help);
                None
            }
        }
    }

    fn date(&mut self, tree: &Tree) -> Option<NaiveDate> {
        let text = self.text(tree, "a date")?;
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        if date.is_none() {
            let message = format!("`{}` is not a date", text.escape_debug());
            self.fault(tree, message, "write it as 2027-12-31");
        }
        date
    }

    fn patterns(&mut self, tree: &Tree) -> Vec<Pattern> {
        let Kind::List(items) = &tree.value else {
            let message = format!("`for` is {}, and should be a list", tree.value.name());
            self.fault(tree, message, "write `for: [NAMESPACE/*]`");
            return Vec::new();
        };
        let mut patterns = Vec::new();
        for item in items {
            let Some(text) = self.text(item, "what a key may speak for") else { continue };
            patterns.extend(self.pattern(&text, item));
        }
        patterns
    }

    fn pattern(&mut self, text: &str, at: &At<impl Sized>) -> Option<Pattern> {
        match Pattern::parse(text) {
            Ok(pattern) => Some(pattern),
            Err(reason) => {
                self.fault(at, reason, "docs/trust.md lists what can be written here");
                None
            }
        }
    }

    fn unsigned(&mut self, tree: &Tree) -> Vec<(Pattern, bool)> {
        if let Kind::Text(_) = tree.value {
            // One word is about everything.
            let allowed = self.allowed(tree);
            let everything = ["local", "bundle", "*"].map(Pattern::parse).into_iter().flatten();
            return everything.zip(std::iter::repeat(allowed)).collect();
        }
        let mut rules = Vec::new();
        for (key, value) in self.entries(tree, "`unsigned`", &[]) {
            let pattern = self.pattern(&key.value, key);
            rules.extend(pattern.map(|pattern| (pattern, self.allowed(value))));
        }
        rules
    }

    fn allowed(&mut self, tree: &Tree) -> bool {
        match &tree.value {
            Kind::Text(word) if word == "allow" => return true,
            Kind::Text(word) if word == "refuse" => return false,
            _ => {}
        }
        let message = "this says neither `allow` nor `refuse`".to_owned();
        self.fault(tree, message, "write one of these words");
        false
    }
}
