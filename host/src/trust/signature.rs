//! Signatures of components.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minisign::SignatureBox;

use super::{PublicKey, SecretKey, TrustError};

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;
/// Longest text of a signature that is looked at.
const MAX_BYTES: usize = 4 << 10;

/// Where the signature of the component at `path` lies: beside it.
pub fn signature_path(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}

/// A signature that was read; nothing about it is checked yet.
#[derive(Debug, Clone)]
pub struct Signature {
    text: String,
    key_id: String,
    comment: String,
}

impl Signature {
    /// # Errors
    /// When `text` is not a signature as minisign writes them.
    pub fn read(text: &str) -> Result<Self, TrustError> {
        if text.len() > MAX_BYTES {
            return Err(TrustError::Malformed(format!("it has {} bytes", text.len())));
        }
        let signature = parse(text)?;
        if !signature.is_prehashed() {
            let reason = "it is of the old kind, without a hash".to_owned();
            return Err(TrustError::Malformed(reason));
        }
        let comment = signature.trusted_comment().map_err(malformed)?;
        let key_id = key_id(signature.keynum());
        Ok(Self { text: text.to_owned(), key_id, comment })
    }

    /// Signs `component`, which calls itself `name` and `version`, at `seconds` after 1970.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn make(
        key: &SecretKey,
        component: &[u8],
        name: &str,
        version: &str,
        seconds: u64,
    ) -> Result<Self, TrustError> {
        let comment = format!("timestamp:{seconds}\tplugin:{name}@{version}");
        let about = format!("signature of the Skyloom plugin {name} {version}");
        let public = key.public()?;
        let signed = minisign::sign(
            Some(&public.key),
            &key.key,
            Cursor::new(component),
            Some(&comment),
            Some(&about),
        );
        Self::read(&signed.map_err(|error| TrustError::Key(error.to_string()))?.into_string())
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sixteen digits that tell keys apart.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The day, in UTC, on which it says it was made: `2026-11-25`.
    pub fn day(&self) -> Option<String> {
        let seconds = self.said("timestamp:")?.parse().ok()?;
        let time = chrono::DateTime::from_timestamp(seconds, 0)?;
        Some(time.date_naive().to_string())
    }

    fn said(&self, key: &str) -> Option<&str> {
        self.comment.split('\t').find_map(|part| part.strip_prefix(key))
    }

    /// Whether `key` signed exactly `bytes`, and the comment.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self, key: &PublicKey, bytes: &[u8]) -> Result<(), TrustError> {
        let signature = parse(&self.text)?;
        let checked =
            minisign::verify(&key.key, &signature, Cursor::new(bytes), true, false, false);
        checked.map_err(|error| {
            // The crate tells the two apart in words only.
            if error.to_string().starts_with("Comment") {
                TrustError::OtherComment
            } else {
                TrustError::OtherBytes
            }
        })
    }

    /// Whether the comment, if it names a plugin, names this one. Other tools sign without
    /// naming one; the bytes, which have the name in them, are signed all the same.
    ///
    /// # Errors
    /// When it names another.
    pub fn check_names(&self, name: &str, version: &str) -> Result<(), TrustError> {
        let found = format!("{name}@{version}");
        match self.said("plugin:") {
            Some(signed) if signed != found => {
                Err(TrustError::OtherPlugin { signed: signed.escape_debug().to_string(), found })
            }
            _ => Ok(()),
        }
    }
}

fn parse(text: &str) -> Result<SignatureBox, TrustError> {
    let signature = SignatureBox::from_string(text).map_err(malformed)?;
    // The crate takes the length of the second signature on trust, and then a slice of it.
    let second = text.lines().nth(3).unwrap_or_default().trim();
    let second = BASE64_STANDARD.decode(second).map_err(|error| malformed(error.to_string()))?;
    if second.len() != SIGNATURE_BYTES {
        return Err(malformed("the signature of its comment is cut"));
    }
    Ok(signature)
}

fn malformed(reason: impl ToString) -> TrustError {
    TrustError::Malformed(reason.to_string().escape_debug().to_string())
}

/// A key's number as minisign shows it.
pub(super) fn key_id(number: &[u8]) -> String {
    number.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}
