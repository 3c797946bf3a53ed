//! Keys to sign with and keys to check with.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minisign::{KeyPair, PublicKeyBox, SecretKeyBox};

use super::TrustError;
use super::signature::key_id;

/// Bytes of a secret key: its kind, how it is locked, its number, both halves, a checksum.
const SECRET_BYTES: usize = 158;

/// A key that checks signatures.
#[derive(Clone)]
pub struct PublicKey {
    pub(super) key: minisign::PublicKey,
    id: String,
}

impl PublicKey {
    /// Reads the one line of a key, or the two lines of its file.
    ///
    /// # Errors
    /// When it is no key.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let text = text.trim();
        let key = match text.lines().count() {
            1 => minisign::PublicKey::from_base64(text),
            _ => PublicKeyBox::from_string(text).and_then(PublicKeyBox::into_public_key),
        };
        let wrong = || {
            TrustError::Key("a public key is 56 letters and digits that begin with RW".to_owned())
        };
        let key = key.map_err(|_| wrong())?;
        // `Ed` is the only kind there is.
        if !key.to_base64().starts_with("RW") {
            return Err(wrong());
        }
        let id = key_id(key.keynum());
        Ok(Self { key, id })
    }

    /// Sixteen digits that tell keys apart.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key.to_base64())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key that signs. It cannot be printed.
pub struct SecretKey {
    pub(super) key: minisign::SecretKey,
}

impl SecretKey {
    /// Reads the text of a key's file; `password` is asked only if there is one.
    ///
    /// # Errors
    /// When it is no key, or the password is another.
    pub fn read(
        text: &str,
        password: impl FnOnce() -> Result<String, TrustError>,
    ) -> Result<Self, TrustError> {
        let wrong = |error: minisign::PError| TrustError::Key(error.to_string());
        let encoded = text.lines().nth(1).unwrap_or_default().trim();
        let bytes = BASE64_STANDARD.decode(encoded).unwrap_or_default();
        if bytes.len() != SECRET_BYTES {
            let reason = "its file does not hold a secret key as minisign writes them";
            return Err(TrustError::Key(reason.to_owned()));
        }
        // Without a password, minisign leaves the checksum out, which the crate asks for. A
        // damaged key is found all the same: what it signs is checked with its public half.
        let key = match &bytes[2..4] {
            [0, 0] => minisign::SecretKey::from_bytes(&bytes),
            _ => {
                let password = password()?;
                SecretKeyBox::from_string(text).and_then(|key| key.into_secret_key(Some(password)))
            }
        };
        let key = key.map_err(|error| match error.kind() {
            minisign::ErrorKind::Verify => TrustError::Password,
            _ => wrong(error),
        });
        Ok(Self { key: key? })
    }

    /// The key that checks what this one signs.
    ///
    /// # Errors
    /// When the file was cut.
    pub fn public(&self) -> Result<PublicKey, TrustError> {
        let key = minisign::PublicKey::from_secret_key(&self.key);
        let key = key.map_err(|error| TrustError::Key(error.to_string()))?;
        PublicKey::parse(&key.to_base64())
    }
}

/// Makes a pair of keys: the secret one at `path`, readable by its owner alone, and the public
/// one in the `.pub` file beside it. Replaces nothing.
///
/// # Errors
/// When one of the files is there already or cannot be written.
pub fn make_keys(
    path: &Path,
    password: Option<String>,
) -> Result<(PublicKey, PathBuf), TrustError> {
    let beside = path.with_extension("pub");
    let key_error = |error: minisign::PError| TrustError::Key(error.to_string());
    for path in [path, &beside] {
        if path.exists() {
            return Err(TrustError::KeyExists(path.to_owned()));
        }
    }
    let (pair, about) = match password {
        Some(password) => {
            (KeyPair::generate_encrypted_keypair(Some(password)), "minisign encrypted secret key")
        }
        None => (KeyPair::generate_unencrypted_keypair(), "minisign secret key, without password"),
    };
    let pair = pair.map_err(key_error)?;
    let secret = pair.sk.to_box(Some(about)).map_err(key_error)?;
    let public = pair.pk.to_box().map_err(key_error)?;
    write_new(path, 0o600, &secret.to_bytes())?;
    write_new(&beside, 0o644, &public.to_bytes())?;
    Ok((PublicKey::parse(&pair.pk.to_base64())?, beside))
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), TrustError> {
    let open = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = open.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| TrustError::Key(format!("{}: {error}", path.display())))
}
