//! Who we are to a registry.
//!
//! Passwords come from `auths` of Docker's `config.json` and nowhere else. Nothing here can be
//! printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::{Host, OciError};

/// Docker's file is small; what is larger is another.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// What `Authorization` says.
#[derive(Clone)]
pub(super) struct Authorization(String);

impl Authorization {
    pub(super) fn bearer(token: &str) -> Option<Self> {
        // Anything else could not be sent in a header.
        let plain = token.bytes().all(|b| b.is_ascii_graphic());
        (plain && !token.is_empty()).then(|| Self(format!("Bearer {token}")))
    }

    pub(super) fn header(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize)]
struct DockerAuth {
    auth: Option<String>,
}

/// The user's name and password for `host`, if Docker's configuration keeps them.
///
/// # Errors
/// When the file is there and cannot be read.
pub(super) fn password_for(host: &Host) -> Result<Option<Authorization>, OciError> {
    let Some(path) = config_path() else { return Ok(None) };
    let wrong = |reason: String| OciError::DockerConfig { path: path.clone(), reason };
    match fs::metadata(&path) {
        Err(_) => return Ok(None),
        Ok(metadata) if metadata.len() > MAX_CONFIG_BYTES => {
            return Err(wrong(format!("it has more than {MAX_CONFIG_BYTES} bytes")));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    find(&text, host).map_err(wrong)
}

fn config_path() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".docker")));
    Some(folder?.join("config.json"))
}

/// Looks for `host` in the text of the file. Its errors never quote the text.
fn find(text: &str, host: &Host) -> Result<Option<Authorization>, String> {
    let config: DockerConfig = serde_json::from_str(text)
        .map_err(|error| format!("it is not Docker's configuration (line {})", error.line()))?;
    let names = [
        host.to_string(),
        format!("https://{host}"),
        format!("http://{host}"),
        format!("https://{host}/v1/"),
        format!("https://{host}/v2/"),
    ];
    let found = names.iter().find_map(|name| config.auths.get(name));
    let Some(encoded) = found.and_then(|found| found.auth.as_deref()).filter(|a| !a.is_empty())
    else {
        return Ok(None);
    };
    let unreadable = || format!("the entry of {host} is not name and password; log in again");
    let decoded = BASE64_STANDARD.decode(encoded).map_err(|_| unreadable())?;
    if !decoded.contains(&b':') {
        return Err(unreadable());
    }
    Ok(Some(Authorization(format!("Basic {}", BASE64_STANDARD.encode(decoded)))))
}

/// What a registry asks for when it answers 401.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// Reads `WWW-Authenticate`.
    pub(super) fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut fields = BTreeMap::new();
        let mut rest = rest.trim();
        while let Some((key, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"')?;
            fields.insert(key.trim_matches([' ', ',']).to_ascii_lowercase(), value.to_owned());
            rest = after;
        }
        Some(Self::Bearer { realm: fields.remove("realm")?, service: fields.remove("service") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_by_host() {
        // "name:secret"
        let auth = "bmFtZTpzZWNyZXQ=";
        let check = |key: &str, host: &str, found: bool| {
            let text = format!(r#"{{"auths": {{"{key}": {{"auth": "{auth}"}}}}, "x": 1}}"#);
            let password = find(&text, &Host::parse(host).unwrap()).unwrap();
            assert_eq!(password.is_some(), found, "{key} {host}");
            let header = password.map(|password| password.header().to_owned());
            assert!(header.is_none_or(|header| header == format!("Basic {auth}")));
        };
        check("example.org", "example.org", true);
        check("https://example.org", "example.org", true);
        check("https://example.org/v1/", "example.org", true);
        check("example.org:5000", "example.org:5000", true);
        check("example.org:5000", "example.org", false);
        check("example.org", "example.org:5000", false);
        check("an.example.org", "example.org", false);
    }

    #[test]
    fn a_broken_file_does_not_tell_its_secrets() {
        let check = |text: &str, reason: &str| {
            let host = Host::parse("example.org").unwrap();
            let Err(error) = find(text, &host) else { panic!("{text} is believed") };
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("c2VjcmV0"), "{error}");
        };
        check(r#"{"auths": {"example.org": {"auth": "c2VjcmV0"}}}"#, "not name and password");
        check(r#"{"auths": {"example.org": {"auth": "c2VjcmV0!"}}}"#, "not name and password");
        check("{\"auths\":\n {\"c2VjcmV0\"", "line 2");
        let none = find(r#"{"credsStore": "desktop"}"#, &Host::parse("example.org").unwrap());
        assert!(none.is_ok_and(|none| none.is_none()));
    }

    #[test]
    fn challenges_are_read() {
        let check = |header: &str, expected: Option<(&str, Option<&str>)>| {
            let found = Challenge::read(header);
            let expected = expected.map(|(realm, service)| Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            });
            assert_eq!(found, expected, "{header}");
        };
        let realm = "https://auth.example.org/token";
        check(
            &format!(r#"Bearer realm="{realm}",service="example.org",scope="x""#),
            Some((realm, Some("example.org"))),
        );
        check(&format!(r#"bearer Realm="{realm}""#), Some((realm, None)));
        check("Bearer", None);
        check(r#"Bearer service="x""#, None);
        check(r#"Bearer realm="unclosed"#, None);
        check("Digest x", None);
        check("", None);
        assert_eq!(Challenge::read(r#"Basic realm="x""#), Some(Challenge::Basic));
    }
}
