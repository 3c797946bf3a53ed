//! Why a plugin is not trusted.

use std::path::PathBuf;

/// A reason; [`TrustError::remedy`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error("it has no signature, and `{subject}` needs one")]
    Unsigned { subject: String, file: String },
    #[error("it is signed by the key {id}, which nobody here knows")]
    UnknownKey { id: String, subject: String, file: String },
    #[error("it is signed by `{key}`, which is revoked: {reason}")]
    Revoked { key: String, reason: String, file: String },
    #[error("it is signed by `{key}`, which expired on {expires}")]
    Expired { key: String, expires: String, file: String },
    #[error("it is signed by `{key}`, which may not speak for `{subject}`, only for {}", speaks_for.join(", "))]
    OtherNamespace { key: String, subject: String, speaks_for: Vec<String>, file: String },
    #[error("its signature is not of these bytes: the component was changed after it was signed")]
    OtherBytes,
    #[error("its signature's own comment was changed after it was signed")]
    OtherComment,
    #[error("its signature is for {signed}, but it calls itself {found}")]
    OtherPlugin { signed: String, found: String },
    #[error("its signature is not one of minisign's: {0}")]
    Malformed(String),
    #[error("the key cannot be used: {0}")]
    Key(String),
    #[error("the password is not the key's")]
    Password,
    #[error("{} is there already", .0.display())]
    KeyExists(PathBuf),
}

impl TrustError {
    /// What the user can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unsigned { subject, file } => format!(
                "get a signed release; or, if you trust it, write `unsigned: {{{subject}: allow}}` \
                 into {file}"
            ),
            Self::UnknownKey { subject, file, .. } => format!(
                "if you know whose key it is, put it under `keys` of {file}, with \
                 `for: [{subject}]`"
            ),
            Self::Revoked { .. } => "get a release that was signed with another key".to_owned(),
            Self::Expired { file, .. } => format!(
                "get a newer release; or, if its owner still stands by the key, move `expires` in \
                 {file}"
            ),
            Self::OtherNamespace { subject, file, .. } => {
                format!("if the key may speak for it, add `{subject}` to its `for` in {file}")
            }
            Self::OtherBytes | Self::OtherComment => {
                "get it again from where it was published; if you built it, sign it again with \
                 `skyloom plugin sign`"
                    .to_owned()
            }
            Self::OtherPlugin { .. } => {
                "get the signature that belongs to it, or sign it with `skyloom plugin sign`"
                    .to_owned()
            }
            Self::Malformed(_) => {
                "take the signature's file away, or sign with `skyloom plugin sign`".to_owned()
            }
            Self::Key(_) => "`skyloom plugin keygen` and `minisign -G` make keys".to_owned(),
            Self::Password => "try again".to_owned(),
            Self::KeyExists(_) => "name another file with `--out`".to_owned(),
        }
    }
}
