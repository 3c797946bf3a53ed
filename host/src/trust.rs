//! Whose plugins may run.
//!
//! [`Trust`] is what `trust.yaml` says: which keys may speak for which namespace, until when,
//! and where plugins without a signature may run. It judges the very bytes that are loaded.
//! Keys and signatures are minisign's.
//!
//! It does not know where components come from; it is told, as a [`Subject`].

mod error;
mod key;
mod pattern;
mod read;
mod signature;

pub use error::TrustError;
pub use key::{PublicKey, SecretKey, make_keys};
pub use pattern::Pattern;
pub use signature::{Signature, signature_path};

use std::fmt;

use chrono::NaiveDate;
use indexmap::IndexMap;

use crate::oci::{Host, PluginName};

/// The file at a project's root.
pub const TRUST_FILE: &str = "trust.yaml";

/// What a project trusts.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The file that says so; for messages.
    file: String,
    keys: IndexMap<String, TrustedKey>,
    /// Whether plugins without a signature may run; the longest pattern that covers one counts.
    unsigned: Vec<(Pattern, bool)>,
    today: NaiveDate,
}

/// A key that may speak for somebody.
#[derive(Debug, Clone)]
struct TrustedKey {
    public: PublicKey,
    speaks_for: Vec<Pattern>,
    /// The last day on which it counts.
    expires: Option<NaiveDate>,
    /// Why it does not count any more.
    revoked: Option<String>,
}

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// It was built here, or is a file that somebody put here.
    Local,
    /// It was pulled from a registry.
    Pulled { host: Host, plugin: PluginName },
    /// It came in a bundle, for a plugin that was pulled where the bundle was made.
    Bundled(Option<PluginName>),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Pulled { host, plugin } => write!(f, "oci://{host}/{plugin}"),
            Self::Bundled(_) => f.write_str("bundle"),
        }
    }
}

/// Why a component may run.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// A key that may speak for it signed these bytes.
    Signed { by: String, signature: Signature },
    /// Nobody did who may speak for it, and nobody need have done.
    Unsigned { other: Option<Signature> },
}

impl Verdict {
    /// Holds what the signature says against what the component says.
    ///
    /// # Errors
    /// When the signature is for another name or version.
    pub fn check_names(&self, name: &str, version: &str) -> Result<(), TrustError> {
        match self {
            Self::Signed { signature, .. } => signature.check_names(name, version),
            Self::Unsigned { .. } => Ok(()),
        }
    }
}

impl Trust {
    /// Whether a component with these bytes and this signature may run.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(
        &self,
        subject: &Subject,
        bytes: &[u8],
        signature: Option<&str>,
    ) -> Result<Verdict, TrustError> {
        let Some(text) = signature else {
            return self.without_signature(subject, None);
        };
        let signature = Signature::read(text)?;
        let mut keys = self.keys.iter();
        let Some((name, key)) = keys.find(|(_, key)| key.public.id() == signature.key_id()) else {
            // Whoever may leave a signature away may as well put one of his own there.
            return self.without_signature(subject, Some(signature));
        };
        let (file, name) = (self.file.clone(), name.clone());
        if let Some(reason) = &key.revoked {
            return Err(TrustError::Revoked { key: name, reason: reason.clone(), file });
        }
        if let Some(expires) = key.expires.filter(|expires| *expires < self.today) {
            return Err(TrustError::Expired { key: name, expires: expires.to_string(), file });
        }
        signature.check(&key.public, bytes)?;
        if !key.speaks_for.iter().any(|pattern| pattern.covers(subject)) {
            if self.allows_unsigned(subject) {
                return Ok(Verdict::Unsigned { other: Some(signature) });
            }
            let speaks_for = key.speaks_for.iter().map(ToString::to_string).collect();
            let subject = subject_name(subject);
            return Err(TrustError::OtherNamespace { key: name, subject, speaks_for, file });
        }
        Ok(Verdict::Signed { by: name, signature })
    }

    fn without_signature(
        &self,
        subject: &Subject,
        other: Option<Signature>,
    ) -> Result<Verdict, TrustError> {
        if self.allows_unsigned(subject) {
            return Ok(Verdict::Unsigned { other });
        }
        let (file, subject) = (self.file.clone(), subject_name(subject));
        Err(match other {
            Some(signature) => {
                TrustError::UnknownKey { id: signature.key_id().to_owned(), subject, file }
            }
            None => TrustError::Unsigned { subject, file },
        })
    }

    fn allows_unsigned(&self, subject: &Subject) -> bool {
        let covering = self.unsigned.iter().filter(|(pattern, _)| pattern.may_be_unsigned(subject));
        let longest = covering.max_by_key(|(pattern, _)| pattern.to_string().len());
        match longest {
            Some((_, allowed)) => *allowed,
            None => !matches!(subject, Subject::Pulled { .. }),
        }
    }
}

/// The pattern that covers the subject and nothing else.
fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Pulled { plugin, .. } | Subject::Bundled(Some(plugin)) => plugin.to_string(),
        Subject::Local | Subject::Bundled(None) => "local".to_owned(),
    }
}

#[cfg(test)]
mod tests;
