//! What can go wrong with a registry.

use std::path::PathBuf;

use super::Sha256;

/// Why a registry did not do what was asked, in words that end with what to do.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    #[error("`{}`: {reason}", text.escape_debug())]
    Name { text: String, reason: String },
    #[error("{}: {reason}", path.display())]
    DockerConfig { path: PathBuf, reason: String },
    #[error("cannot reach {host}: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("{host} does not let us {action}; `docker login {host}` keeps a password for it")]
    Denied { host: String, action: String },
    #[error("{host} answers {status} when we {action}{}", detail_of(detail))]
    Status { host: String, action: String, status: u16, detail: String },
    #[error("{host} has no {what}")]
    Missing { host: String, what: String },
    #[error("{host} does not answer as a registry does when we {action}: {reason}")]
    Answer { host: String, action: String, reason: String },
    #[error("{host} sends more than {limit} bytes when we {action}; that is the limit")]
    TooLarge { host: String, action: String, limit: u64 },
    #[error(
        "{host} sends other bytes than it names: {what} should be {expected}, and is {found}; \
         nothing was kept"
    )]
    Digest { host: String, what: String, expected: Sha256, found: Sha256 },
    #[error("{host} sends us on to {to} when we {action}, which is refused; {help}")]
    Redirect { host: String, action: String, to: String, help: String },
    #[error("{} is not a plugin: {reason}", place)]
    NotAPlugin { place: String, reason: String },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

fn detail_of(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}
