//! How plugins are called in registries: `oci://HOST/NAMESPACE/NAME`.
//!
//! Names become parts of URLs and of paths, so what is not plainly a name is none.

use std::fmt;

use semver::{Version, VersionReq};

use super::{OciError, Sha256};

/// Registries allow 255 bytes for all of a repository's name.
const MAX_NAME: usize = 255;

/// A registry: a name or IPv4 address, and a port where it is not the usual one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// # Errors
    /// What is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        };
        let is_label = |label: &str| {
            let fits = (1..=63).contains(&label.len());
            let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            fits && plain && !label.starts_with('-') && !label.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(is_label) || name.contains(char::is_uppercase) {
            let name = text.escape_debug();
            return Err(format!("`{name}` is not a registry's name, such as `example.org:5000`"));
        }
        let is_port = |port: &str| {
            let digits = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
            digits && port.parse::<u16>().is_ok()
        };
        if port.is_some_and(|port| !is_port(port)) {
            return Err(format!("`{}` has no port from 1 to 65535", text.escape_debug()));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this machine, so that nobody can listen in.
    pub fn is_loopback(&self) -> bool {
        let name = self.0.split(':').next().unwrap_or_default();
        let address = name.parse::<std::net::Ipv4Addr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.is_loopback() { "http" } else { "https" }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A plugin's name with the namespace that it is published in: `survey/fit`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginName {
    /// One part or more, with `/` between them.
    pub namespace: String,
    /// The name in the plugin's descriptor.
    pub name: String,
}

impl PluginName {
    /// # Errors
    /// What is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (namespace, name) = text.rsplit_once('/').ok_or_else(|| {
            format!("`{}` has no namespace: write NAMESPACE/NAME", text.escape_debug())
        })?;
        Self::new(namespace, name)
    }

    /// # Errors
    /// What is wrong with one of them.
    pub fn new(namespace: &str, name: &str) -> Result<Self, String> {
        for part in namespace.split('/').chain([name]) {
            check_part(part)?;
        }
        if name.contains(['.', '_']) {
            return Err(format!("`{name}` is not a plugin's name: only a-z, 0-9 and hyphens are"));
        }
        if namespace.len() + 1 + name.len() > MAX_NAME {
            return Err(format!("the name has more than {MAX_NAME} characters"));
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One part of a name, as the distribution protocol has it: letters and digits, with `.`, `_`,
/// `__` or hyphens between them.
fn check_part(part: &str) -> Result<(), String> {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let mut gaps = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let gaps_fit =
        gaps.all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|b| b == b'-'));
    let ends_fit =
        bytes.first().is_some_and(|b| is_word(*b)) && bytes.last().is_some_and(|b| is_word(*b));
    // Components lie beside folders of this name.
    if !ends_fit || !gaps_fit || part.ends_with(".wasm") {
        let part = part.escape_debug();
        return Err(format!(
            "`{part}` is not a name: it is a-z and 0-9, with single `.`, `_` or hyphens between"
        ));
    }
    Ok(())
}

/// Where the versions of one plugin are published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    pub host: Host,
    pub plugin: PluginName,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.host, self.plugin)
    }
}

/// Which of a plugin's versions.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// The highest that is no pre-release.
    Any,
    /// `:1.2.3`, exactly this.
    Exactly(Version),
    /// `@^1.2`, the highest that matches.
    Matching(VersionReq),
    /// `@sha256:…`, what has this digest, whatever version that is.
    Digest(Sha256),
}

impl Wanted {
    /// Whether `version` will do. Pre-releases only do where one is asked for.
    pub fn accepts(&self, version: &Version) -> bool {
        match self {
            Self::Any => version.pre.is_empty(),
            Self::Exactly(wanted) => wanted == version,
            Self::Matching(wanted) => wanted.matches(version),
            Self::Digest(_) => true,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Exactly(version) => write!(f, ":{version}"),
            Self::Matching(wanted) => write!(f, "@{wanted}"),
            Self::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

/// What a user writes to say which plugin: `[oci://HOST/]NAMESPACE/NAME[:VERSION|@…]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Shelfmark {
    /// None where any registry will do.
    pub host: Option<Host>,
    pub plugin: PluginName,
    pub wanted: Wanted,
}

impl Shelfmark {
    /// # Errors
    /// What is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, OciError> {
        let wrong = |reason: String| OciError::Name { text: text.to_owned(), reason };
        let (host, rest) = match text.strip_prefix("oci://") {
            Some(rest) => {
                let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
                (Some(Host::parse(host).map_err(wrong)?), rest)
            }
            None => (None, text),
        };
        let (name, wanted) = match (rest.split_once('@'), rest.split_once(':')) {
            (Some((name, digest)), _) if digest.starts_with("sha256:") => {
                let digest = digest.parse().map_err(|error: &str| wrong(error.to_owned()))?;
                (name, Wanted::Digest(digest))
            }
            (Some((name, wanted)), _) => {
                let wanted = VersionReq::parse(wanted).map_err(|error| {
                    wrong(format!("`{}` asks for no version: {error}", wanted.escape_debug()))
                })?;
                (name, Wanted::Matching(wanted))
            }
            (None, Some((name, version))) => {
                let version = Version::parse(version).map_err(|error| {
                    wrong(format!("`{}` is not a version: {error}", version.escape_debug()))
                })?;
                (name, Wanted::Exactly(version))
            }
            (None, None) => (rest, Wanted::Any),
        };
        Ok(Self { host, plugin: PluginName::parse(name).map_err(wrong)?, wanted })
    }
}

impl fmt::Display for Shelfmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "oci://{host}/")?;
        }
        write!(f, "{}{}", self.plugin, self.wanted)
    }
}

impl Repository {
    /// Where `oci://HOST/NAMESPACE[/NAME]` puts the plugin called `name`. The last part is the
    /// plugin's name if it is equal to it and not all there is.
    ///
    /// # Errors
    /// What is wrong with `text`.
    pub fn for_plugin(text: &str, name: &str) -> Result<Self, OciError> {
        let wrong = |reason: String| OciError::Name { text: text.to_owned(), reason };
        let (host, path) = split(text)?;
        let path = path.ok_or_else(|| wrong("it has no namespace after the host".to_owned()))?;
        if path.contains(['@', ':']) {
            return Err(wrong("the version is the plugin's own; leave it out".to_owned()));
        }
        let plugin = match path.rsplit_once('/') {
            Some((namespace, last)) if last == name => PluginName::new(namespace, name),
            _ => PluginName::new(path, name),
        };
        Ok(Self { host, plugin: plugin.map_err(wrong)? })
    }
}

/// Host and path of `oci://HOST[/PATH]`; an empty path is none.
///
/// # Errors
/// When it does not begin so.
pub(super) fn split(text: &str) -> Result<(Host, Option<&str>), OciError> {
    let wrong = |reason: String| OciError::Name { text: text.to_owned(), reason };
    let rest = text
        .strip_prefix("oci://")
        .ok_or_else(|| wrong("a registry is written oci://HOST/NAMESPACE".to_owned()))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    Ok((Host::parse(host).map_err(wrong)?, (!path.is_empty()).then_some(path)))
}

impl Host {
    /// Host and namespace of `oci://HOST[/NAMESPACE]`.
    ///
    /// # Errors
    /// What is wrong with `text`.
    pub fn with_namespace(text: &str) -> Result<(Self, Option<String>), OciError> {
        let wrong = |reason: String| OciError::Name { text: text.to_owned(), reason };
        let (host, path) = split(text)?;
        let mut parts = path.into_iter().flat_map(|path| path.split('/'));
        parts.try_for_each(check_part).map_err(wrong)?;
        Ok((host, path.map(str::to_owned)))
    }
}

/// The tag of a version. Tags have no `+`, versions have no `_`.
pub fn tag_of(version: &Version) -> String {
    version.to_string().replace('+', "_")
}

/// The version that a tag stands for; none for tags that are no versions.
pub fn version_of_tag(tag: &str) -> Option<Version> {
    let version = Version::parse(&tag.replacen('_', "+", 1)).ok()?;
    (tag_of(&version) == tag).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_ports() {
        let check = |text: &str, loopback: Option<bool>| {
            let host = Host::parse(text).ok();
            assert_eq!(host.map(|host| host.is_loopback()), loopback, "{text}");
        };
        check("example.org", Some(false));
        check("example.org:5000", Some(false));
        check("localhost:5000", Some(true));
        check("127.0.0.1", Some(true));
        check("127.1.2.3:80", Some(true));
        check("128.0.0.1", Some(false));
        check("localhost.example.org", Some(false));
        check("", None);
        check("Example.org", None);
        check("example..org", None);
        check("-a.org", None);
        check("user@example.org", None);
        check("example.org:", None);
        check("example.org:0", None);
        check("example.org:70000", None);
        check("example.org:5000:1", None);
        check("..", None);
        check("[::1]:5000", None);
        check("a b", None);
    }

    #[test]
    fn names_lead_nowhere_else() {
        let check = |text: &str, good: bool| {
            assert_eq!(PluginName::parse(text).is_ok(), good, "{text:?}");
        };
        check("survey/fit", true);
        check("org/team.x/fit-2", true);
        check("a__b/fit", true);
        check("fit", false);
        check("survey/", false);
        check("/fit", false);
        check("survey//fit", false);
        check("../fit", false);
        check("survey/..", false);
        check("a/../fit", false);
        check("./fit", false);
        check("a..b/fit", false);
        check("Survey/fit", false);
        check("survey/fit.wasm", false);
        check("1.0.0.wasm/fit", false);
        check("survey/fi t", false);
        check("survey/fit?x", false);
        check("survey/fit%2e", false);
        check("survey/fit\u{0}", false);
        check("survey\\fit/x", false);
        check(&format!("{}/fit", "a".repeat(300)), false);
    }

    #[test]
    fn shelfmarks_say_which_version() {
        let check = |text: &str, expected: &str| {
            let shown = match Shelfmark::parse(text) {
                Ok(mark) => mark.to_string(),
                Err(OciError::Name { reason, .. }) => reason,
                Err(other) => panic!("{other}"),
            };
            assert!(shown.contains(expected), "{text}: {shown}");
        };
        check("survey/fit", "survey/fit");
        check("survey/fit@^1.2", "survey/fit@^1.2");
        check("survey/fit:1.2.3", "survey/fit:1.2.3");
        check("oci://localhost:5000/survey/fit@1", "oci://localhost:5000/survey/fit@^1");
        let digest = Sha256::of(b"x");
        check(&format!("oci://example.org/survey/fit@{digest}"), &digest.to_string());
        check("oci://example.org/fit", "no namespace");
        check("oci://example.org", "no namespace");
        check("oci://exa mple/a/b", "not a registry's name");
        check("survey/fit@what", "asks for no version");
        check("survey/fit:1", "not a version");
        check("survey/fit@sha256:12", "64 digits");
    }

    #[test]
    fn a_plugin_is_published_below_its_namespace() {
        let check = |text: &str, expected: Option<&str>| {
            let found = Repository::for_plugin(text, "fit").ok().map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("oci://example.org/survey", Some("oci://example.org/survey/fit"));
        check("oci://example.org/survey/", Some("oci://example.org/survey/fit"));
        check("oci://example.org/survey/fit", Some("oci://example.org/survey/fit"));
        check("oci://example.org/survey/team", Some("oci://example.org/survey/team/fit"));
        check("oci://example.org/fit", Some("oci://example.org/fit/fit"));
        check("oci://example.org", None);
        check("oci://example.org/survey/fit:1.0.0", None);
        check("https://example.org/survey", None);
        check("example.org/survey", None);
    }

    #[test]
    fn tags_and_versions_are_one_to_one() {
        let check = |tag: &str, version: Option<&str>| {
            let found = version_of_tag(tag);
            assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), version, "{tag}");
            if let Some(found) = found {
                assert_eq!(tag_of(&found), tag);
            }
        };
        check("1.2.3", Some("1.2.3"));
        check("1.2.3-rc.1", Some("1.2.3-rc.1"));
        check("1.2.3_build.5", Some("1.2.3+build.5"));
        check("1.2.3+build.5", None);
        check("1.2", None);
        check("v1.2.3", None);
        check("latest", None);
        check("../1.2.3", None);
        check("1.2.3/..", None);
    }

    #[test]
    fn what_is_wanted_accepts_versions() {
        let check = |mark: &str, version: &str, accepts: bool| {
            let mark = Shelfmark::parse(mark).unwrap();
            let version = Version::parse(version).unwrap();
            assert_eq!(mark.wanted.accepts(&version), accepts, "{mark} {version}");
        };
        check("a/b", "2.0.0", true);
        check("a/b", "2.0.0-rc.1", false);
        check("a/b@^1.2", "1.9.0", true);
        check("a/b@^1.2", "2.0.0", false);
        check("a/b@^1.2", "1.3.0-rc.1", false);
        check("a/b@^1.3.0-rc.1", "1.3.0-rc.2", true);
        check("a/b@~0.1.2", "0.1.9", true);
        check("a/b:1.2.3", "1.2.4", false);
    }
}
