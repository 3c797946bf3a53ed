//! Where a registry sends us on to.

use std::fmt;

use ureq::http::Uri;

use crate::oci::Host;

/// A scheme and a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: String,
    pub(super) host: Host,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)
    }
}

impl Origin {
    pub(super) fn of(host: &Host) -> Self {
        Self { scheme: host.scheme().to_owned(), host: host.clone() }
    }

    /// Origin, and path with query, of a location: a whole URL, or a path on this origin.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn resolve(&self, location: &str) -> Result<(Self, String), String> {
        let none = || "it names no place".to_owned();
        if location.starts_with('/') && !location.starts_with("//") {
            let uri: Uri = location.parse().map_err(|_| none())?;
            let at = uri.path_and_query().ok_or_else(none)?;
            return Ok((self.clone(), at.to_string()));
        }
        let scheme = location.split_once("://").ok_or_else(none)?.0.to_ascii_lowercase();
        if scheme != "https" && scheme != "http" {
            return Err("only https is spoken".to_owned());
        }
        let uri: Uri = location.parse().map_err(|_| none())?;
        let authority = uri.authority().ok_or_else(none)?.as_str().to_ascii_lowercase();
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(usual).unwrap_or(&authority);
        let host = Host::parse(authority)?;
        let at = uri.path_and_query().map_or("/", |at| at.as_str()).to_owned();
        Ok((Self { scheme, host }, at))
    }
}

/// Where a list goes on, by its `Link` header.
///
/// # Errors
/// When that is not a list of the same registry.
pub(super) fn next_page(origin: &Origin, link: &str) -> Result<String, String> {
    let (target, rest) = link
        .trim()
        .strip_prefix('<')
        .and_then(|link| link.split_once('>'))
        .ok_or_else(|| "its link cannot be read".to_owned())?;
    if !rest.contains("rel=\"next\"") && !rest.contains("rel=next") {
        return Err("its link is not to the next page".to_owned());
    }
    let (found, at) = origin.resolve(target)?;
    if found != *origin {
        return Err(format!("at {found}"));
    }
    if !at.starts_with("/v2/") {
        return Err("outside its lists".to_owned());
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::of(&Host::parse("example.org").unwrap())
    }

    #[test]
    fn locations_are_resolved() {
        let check = |location: &str, expected: Option<&str>| {
            let found = origin().resolve(location).ok().map(|(origin, at)| format!("{origin}{at}"));
            assert_eq!(found.as_deref(), expected, "{location}");
        };
        check("/v2/a/b?x=1", Some("https://example.org/v2/a/b?x=1"));
        check("https://example.org/v2/a", Some("https://example.org/v2/a"));
        check("https://EXAMPLE.org:443/v2/a", Some("https://example.org/v2/a"));
        check("http://example.org/v2/a", Some("http://example.org/v2/a"));
        check("https://other.org", Some("https://other.org/"));
        check("//other.org/v2/a", None);
        check("https://user:word@example.org/v2/a", None);
        check("file:///etc/passwd", None);
        check("v2/a", None);
        check("", None);
        check("/a b", None);
    }

    #[test]
    fn lists_go_on_where_they_began() {
        let check = |link: &str, expected: Option<&str>| {
            assert_eq!(next_page(&origin(), link).ok().as_deref(), expected, "{link}");
        };
        let next = "/v2/_catalog?last=a&n=10";
        check(&format!("<{next}>; rel=\"next\""), Some(next));
        check(&format!("<https://example.org{next}>; rel=\"next\""), Some(next));
        check(&format!("<https://other.org{next}>; rel=\"next\""), None);
        check(&format!("<http://example.org{next}>; rel=\"next\""), None);
        check("</other>; rel=\"next\"", None);
        check(&format!("<{next}>; rel=\"prev\""), None);
        check(next, None);
    }
}
