//! Talking to one registry.

mod link;
mod send;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use serde::Deserialize;
use ureq::Agent;
use ureq::http::Method;
use ureq::tls::{RootCerts, TlsConfig};

use super::auth::{Authorization, password_for};
use super::manifest::{Content, MANIFEST_TYPE};
use super::sha256::Hasher;
use super::{Host, OciError, PluginName, Sha256, version_of_tag};
use link::{Origin, next_page};
use send::header;

/// Largest manifest, and largest page of a list.
const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// Largest token or message of an error.
const MAX_WORDS_BYTES: u64 = 64 << 10;
/// Most pages of a list.
const MAX_PAGES: usize = 100;
/// Most bytes of all pages together.
const MAX_LIST_BYTES: usize = 16 << 20;
/// How many entries of a list are asked for at once.
const PAGE: usize = 1000;
/// How long one exchange may take in all.
const EXCHANGE: Duration = Duration::from_secs(600);
/// How often we are sent on before we give up.
const MAX_HOPS: usize = 3;

/// How a registry is talked to.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long it may be silent.
    pub timeout: Duration,
    /// Other hosts that it may send us on to for a component's bytes.
    pub blobs_from: Vec<Host>,
}

/// A connection to a registry: `https`, or `http` if it is this machine.
pub struct Client {
    host: Host,
    origin: Origin,
    agent: Agent,
    options: ClientOptions,
    password: Option<Authorization>,
    /// What the registry gave us to show, and what it is good for.
    token: RefCell<Option<(String, Authorization)>>,
}

/// A request, as it is sent again when the registry asks who we are.
#[derive(Clone)]
struct Ask<'a> {
    method: Method,
    /// Path and query.
    at: String,
    body: Option<(&'a str, &'a [u8])>,
    /// What a token must be good for.
    scope: String,
    /// For messages: `list the versions of survey/fit`.
    action: String,
}

impl Client {
    /// A client of the registry `host`. Nothing is sent yet.
    ///
    /// # Errors
    /// When Docker's configuration is there and cannot be read.
    pub fn new(host: Host, options: ClientOptions) -> Result<Self, OciError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // Where we are sent on to is looked at here.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(EXCHANGE))
            .timeout_connect(Some(options.timeout))
            .timeout_recv_response(Some(options.timeout))
            .timeout_per_read(Some(options.timeout))
            .timeout_per_write(Some(options.timeout))
            .user_agent(concat!("skyloom/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        if host.is_loopback() {
            config = config.proxy(None);
        }
        let password = password_for(&host)?;
        let (origin, agent) = (Origin::of(&host), config.build().new_agent());
        Ok(Self { host, origin, agent, options, password, token: RefCell::default() })
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The versions of a plugin, in no order; tags that are no versions are left out.
    ///
    /// # Errors
    /// When the registry has no such plugin or does not list its tags.
    pub fn versions(&self, plugin: &PluginName) -> Result<Vec<Version>, OciError> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let action = format!("list the versions of {plugin}");
        let first = format!("/v2/{plugin}/tags/list?n={PAGE}");
        let pages = self.pages::<Page>(first, scope(plugin, "pull"), &action)?;
        let pages = pages.ok_or_else(|| OciError::Missing {
            host: self.host.to_string(),
            what: format!("plugin {plugin}"),
        })?;
        let tags = pages.into_iter().flat_map(|page| page.tags.unwrap_or_default());
        Ok(tags.filter_map(|tag| version_of_tag(&tag)).collect())
    }

    /// All that the registry lists and that could be a plugin; none if it does not list.
    ///
    /// # Errors
    /// When it does not answer as a registry does.
    pub fn catalog(&self) -> Result<Option<Vec<PluginName>>, OciError> {
        #[derive(Deserialize)]
        struct Page {
            repositories: Option<Vec<String>>,
        }
        let first = format!("/v2/_catalog?n={PAGE}");
        let scope = "registry:catalog:*".to_owned();
        let pages = match self.pages::<Page>(first, scope, "list its plugins") {
            Ok(pages) => pages,
            // Large public registries do not list.
            Err(OciError::Denied { .. } | OciError::Status { .. }) => None,
            Err(error) => return Err(error),
        };
        let names = |pages: Vec<Page>| {
            let names = pages.into_iter().flat_map(|page| page.repositories.unwrap_or_default());
            names.filter_map(|name| PluginName::parse(&name).ok()).collect()
        };
        Ok(pages.map(names))
    }

    /// All pages of a list; none if there is no such list.
    fn pages<T: for<'de> Deserialize<'de>>(
        &self,
        first: String,
        scope: String,
        action: &str,
    ) -> Result<Option<Vec<T>>, OciError> {
        let (mut pages, mut bytes) = (Vec::new(), 0);
        let mut next = Some(first);
        while let Some(at) = next {
            if pages.len() == MAX_PAGES {
                return Err(
                    self.answer(action, format!("its list has more than {MAX_PAGES} pages"))
                );
            }
            let ask = Ask {
                method: Method::GET,
                at,
                body: None,
                scope: scope.clone(),
                action: action.to_owned(),
            };
            let response = self.send(&ask, &[("accept", "application/json")])?;
            match response.status().as_u16() {
                200 => {}
                404 => return Ok(None),
                _ => return Err(self.status(action, response)),
            }
            let link = header(&response, "link").map(str::to_owned);
            next =
                link.map(|link| next_page(&self.origin, &link)).transpose().map_err(|reason| {
                    self.answer(action, format!("its list goes on where it should not: {reason}"))
                })?;
            let body = self.body(response, MAX_ANSWER_BYTES, action)?;
            bytes += body.len();
            if bytes > MAX_LIST_BYTES {
                return Err(
                    self.answer(action, format!("its list has over {MAX_LIST_BYTES} bytes"))
                );
            }
            let page = serde_json::from_slice(&body).map_err(|error| {
                self.answer(action, format!("its list is not the JSON it should be: {error}"))
            })?;
            pages.push(page);
        }
        Ok(Some(pages))
    }

    /// The manifest that a tag or digest names, with its digest; none if there is none.
    ///
    /// # Errors
    /// When what comes is not what was asked for.
    pub fn manifest(
        &self,
        plugin: &PluginName,
        reference: &str,
    ) -> Result<Option<(Sha256, Vec<u8>)>, OciError> {
        let action = format!("ask for {plugin} {reference}");
        let ask = Ask {
            method: Method::GET,
            at: format!("/v2/{plugin}/manifests/{reference}"),
            body: None,
            scope: scope(plugin, "pull"),
            action: action.clone(),
        };
        let response = self.send(&ask, &[("accept", MANIFEST_TYPE)])?;
        match response.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.status(&action, response)),
        }
        let named = header(&response, "docker-content-digest").map(str::to_owned);
        let body = self.body(response, MAX_ANSWER_BYTES, &action)?;
        let found = Sha256::of(&body);
        let expected = [reference.parse().ok(), named.and_then(|named| named.parse().ok())];
        for expected in expected.into_iter().flatten() {
            self.check_digest("the manifest", expected, found)?;
        }
        Ok(Some((found, body)))
    }

    /// Writes the bytes of `content` to `file`, checking size and digest on the way.
    ///
    /// # Errors
    /// When other bytes come, more, or fewer; what `file` holds is then worth nothing.
    pub fn blob(
        &self,
        plugin: &PluginName,
        content: Content,
        file: &mut std::fs::File,
        path: &Path,
    ) -> Result<(), OciError> {
        let action = format!("ask for the bytes of {plugin}");
        let ask = Ask {
            method: Method::GET,
            at: format!("/v2/{plugin}/blobs/{}", content.digest),
            body: None,
            scope: scope(plugin, "pull"),
            action: action.clone(),
        };
        let mut response = self.send(&ask, &[])?;
        let mut hops = 0;
        while response.status().is_redirection() {
            hops += 1;
            let to = header(&response, "location").unwrap_or_default().to_owned();
            response = self.follow(&to, &ask, hops > MAX_HOPS)?;
        }
        match response.status().as_u16() {
            200 => {}
            404 => {
                let what = format!("bytes for {plugin}, although it names them");
                return Err(OciError::Missing { host: self.host.to_string(), what });
            }
            _ => return Err(self.status(&action, response)),
        }
        let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut hasher = Hasher::default();
        let (mut left, mut chunk) = (content.bytes, vec![0; 1 << 16]);
        loop {
            let length = reader.read(&mut chunk).map_err(|error| {
                self.answer(&action, format!("it stops before the end: {error}"))
            })?;
            if length == 0 {
                break;
            }
            left = left.checked_sub(length as u64).ok_or_else(|| OciError::TooLarge {
                host: self.host.to_string(),
                action: action.clone(),
                limit: content.bytes,
            })?;
            hasher.update(&chunk[..length]);
            let written = file.write_all(&chunk[..length]);
            written.map_err(|source| OciError::Io { path: path.to_owned(), source })?;
        }
        if left > 0 {
            let sent = content.bytes - left;
            let reason = format!("it sends {sent} of {} bytes", content.bytes);
            return Err(self.answer(&action, reason));
        }
        self.check_digest("the component", content.digest, hasher.finish())
    }

    /// Puts `bytes` where manifests can name them.
    ///
    /// # Errors
    /// When the registry does not take them.
    pub fn push_blob(&self, plugin: &PluginName, bytes: &[u8]) -> Result<(), OciError> {
        let digest = Sha256::of(bytes);
        let action = format!("send the bytes of {plugin}");
        let ask = |method: Method, at: String, body| Ask {
            method,
            at,
            body,
            scope: scope(plugin, "pull,push"),
            action: action.clone(),
        };
        let there =
            self.send(&ask(Method::HEAD, format!("/v2/{plugin}/blobs/{digest}"), None), &[])?;
        if there.status().as_u16() == 200 {
            return Ok(());
        }
        let begin = ask(Method::POST, format!("/v2/{plugin}/blobs/uploads/"), None);
        let begun = self.send(&begin, &[])?;
        if begun.status().as_u16() != 202 {
            return Err(self.status(&action, begun));
        }
        let to = header(&begun, "location").unwrap_or_default();
        let resolved = self.origin.resolve(to);
        let (origin, at) = resolved.map_err(|reason| self.answer(&action, reason))?;
        if origin != self.origin {
            let (host, to) = (self.host.to_string(), origin.to_string());
            let help = "plugins are sent to the registry itself and nowhere else".to_owned();
            return Err(OciError::Redirect { host, action, to, help });
        }
        let join = if at.contains('?') { '&' } else { '?' };
        let body = Some(("application/octet-stream", bytes));
        let put = ask(Method::PUT, format!("{at}{join}digest={digest}"), body);
        let put = self.send(&put, &[])?;
        if put.status().as_u16() == 201 { Ok(()) } else { Err(self.status(&action, put)) }
    }

    /// Puts a manifest at a tag; gives its digest.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub fn push_manifest(
        &self,
        plugin: &PluginName,
        tag: &str,
        manifest: &[u8],
    ) -> Result<Sha256, OciError> {
        let action = format!("publish {plugin} {tag}");
        let ask = Ask {
            method: Method::PUT,
            at: format!("/v2/{plugin}/manifests/{tag}"),
            body: Some((MANIFEST_TYPE, manifest)),
            scope: scope(plugin, "pull,push"),
            action: action.clone(),
        };
        let response = self.send(&ask, &[])?;
        if response.status().as_u16() != 201 {
            return Err(self.status(&action, response));
        }
        let digest = Sha256::of(manifest);
        let named = header(&response, "docker-content-digest").and_then(|named| named.parse().ok());
        self.check_digest("the manifest it keeps", digest, named.unwrap_or(digest))?;
        Ok(digest)
    }
}

fn scope(plugin: &PluginName, actions: &str) -> String {
    format!("repository:{plugin}:{actions}")
}
