//! Which plugins a rule is about.

use std::fmt;

use super::Subject;
use crate::oci::{Host, PluginName};

/// `local`, `bundle`, `*`, `NAMESPACE/*` or `NAMESPACE/NAME`; the last two also after
/// `oci://HOST/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// # Errors
    /// When `text` is no pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern = Self { text: text.to_owned() };
        if ["local", "bundle", "*"].contains(&text) {
            return Ok(pattern);
        }
        let name = match text.strip_prefix("oci://") {
            Some(rest) => {
                let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
                Host::parse(host)?;
                name
            }
            None => text,
        };
        match name.strip_suffix("/*") {
            // Any name will do to see whether the namespace is one.
            Some(namespace) => PluginName::new(namespace, "x")?,
            None => PluginName::parse(name).map_err(|reason| {
                format!("{reason}; a rule is for `local`, `bundle`, `*`, `NAMESPACE/*` or a plugin")
            })?,
        };
        Ok(pattern)
    }

    /// Whether a key that speaks for this may speak for `subject`.
    pub(super) fn covers(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Local | Subject::Bundled(None) => self.text == "local",
            Subject::Pulled { host, plugin } => self.matches(Some(host), plugin),
            // Where it was pulled from is not known any more.
            Subject::Bundled(Some(plugin)) => self.matches(None, plugin),
        }
    }

    /// Whether what this says about missing signatures is about `subject`.
    pub(super) fn may_be_unsigned(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Bundled(_) => self.text == "bundle",
            _ => self.covers(subject),
        }
    }

    fn matches(&self, host: Option<&Host>, plugin: &PluginName) -> bool {
        let name = plugin.to_string();
        let text = match self.text.strip_prefix("oci://") {
            None => self.text.as_str(),
            Some(rest) => match rest.split_once('/') {
                Some((wanted, text)) if host.is_none_or(|host| host.as_str() == wanted) => text,
                _ => return false,
            },
        };
        match text.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == text,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
