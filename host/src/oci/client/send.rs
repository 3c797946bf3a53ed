//! One request and its answer: who we are, where we are sent on to, how much is read.

use std::io::Read;

use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Request, Response, Uri};

use super::{Ask, Client, MAX_WORDS_BYTES};
use crate::oci::auth::{Authorization, Challenge};
use crate::oci::{OciError, Sha256};

impl Client {
    /// Goes where a registry says that a component's bytes are: to itself, or to a host that
    /// the user named. Nobody but the registry is told who we are.
    pub(super) fn follow(
        &self,
        to: &str,
        ask: &Ask<'_>,
        too_often: bool,
    ) -> Result<Response<Body>, OciError> {
        let refused = |to: String, help: String| OciError::Redirect {
            host: self.host.to_string(),
            action: ask.action.clone(),
            to,
            help,
        };
        let short = to.chars().take(100).collect::<String>().escape_debug().to_string();
        if too_often {
            return Err(refused(short, "it does so again and again".to_owned()));
        }
        let (origin, at) = self.origin.resolve(to).map_err(|help| refused(short, help))?;
        if origin == self.origin {
            return self.send(&Ask { at, ..ask.clone() }, &[]);
        }
        let host = origin.host.as_str();
        let known = self.options.blobs_from.iter().any(|known| known.as_str() == host);
        if !known {
            let help = format!("if that is where it keeps plugins, say `--blobs-from {host}`");
            return Err(refused(origin.to_string(), help));
        }
        if origin.scheme != origin.host.scheme() {
            let help = "only https is spoken, but to this machine".to_owned();
            return Err(refused(origin.to_string(), help));
        }
        let request = Request::get(format!("{origin}{at}")).body(());
        let request = request.map_err(|error| self.answer(&ask.action, error.to_string()))?;
        self.agent.run(request).map_err(|error| self.unreachable(host, &error))
    }

    /// Sends a request; once more with what the registry wants to know, if it asks.
    pub(super) fn send(
        &self,
        ask: &Ask<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>, OciError> {
        let known = self.token.borrow().clone();
        let token = known.filter(|(scope, _)| *scope == ask.scope).map(|(_, token)| token);
        let response = self.send_as(ask, headers, token.as_ref())?;
        if response.status().as_u16() != 401 {
            return self.not_sent_on(ask, response);
        }
        let denied =
            || OciError::Denied { host: self.host.to_string(), action: ask.action.clone() };
        let challenge = header(&response, "www-authenticate").and_then(Challenge::read);
        let authorization = match challenge.ok_or_else(denied)? {
            Challenge::Basic => self.password.clone().ok_or_else(denied)?,
            Challenge::Bearer { realm, service } => {
                let token = self.token(&realm, service.as_deref(), ask)?;
                *self.token.borrow_mut() = Some((ask.scope.clone(), token.clone()));
                token
            }
        };
        let response = self.send_as(ask, headers, Some(&authorization))?;
        match response.status().as_u16() {
            401 | 403 => Err(denied()),
            _ => self.not_sent_on(ask, response),
        }
    }

    /// Only bytes of components may lie elsewhere.
    fn not_sent_on(
        &self,
        ask: &Ask<'_>,
        response: Response<Body>,
    ) -> Result<Response<Body>, OciError> {
        let is_blob = ask.method == Method::GET && ask.at.contains("/blobs/");
        if !response.status().is_redirection() || is_blob {
            return Ok(response);
        }
        let to = header(&response, "location").unwrap_or_default();
        Err(OciError::Redirect {
            host: self.host.to_string(),
            action: ask.action.clone(),
            to: to.chars().take(100).collect::<String>().escape_debug().to_string(),
            help: "name the registry that has the plugin".to_owned(),
        })
    }

    fn send_as(
        &self,
        ask: &Ask<'_>,
        headers: &[(&str, &str)],
        authorization: Option<&Authorization>,
    ) -> Result<Response<Body>, OciError> {
        let mut request =
            Request::builder().method(&ask.method).uri(format!("{}{}", self.origin, ask.at));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization.header());
        }
        let wrong = |error: ureq::http::Error| self.answer(&ask.action, error.to_string());
        let sent = match ask.body {
            Some((kind, bytes)) => {
                self.agent.run(request.header("content-type", kind).body(bytes).map_err(wrong)?)
            }
            // The length of nothing is said, or some registries wait for more.
            None if ask.method == Method::POST => {
                self.agent.run(request.body(&[][..]).map_err(wrong)?)
            }
            None => self.agent.run(request.body(()).map_err(wrong)?),
        };
        sent.map_err(|error| self.unreachable(self.host.as_str(), &error))
    }

    /// Asks the place that the registry names for a token.
    fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        ask: &Ask<'_>,
    ) -> Result<Authorization, OciError> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let answer = |reason: String| self.answer(&ask.action, reason);
        let (origin, at) = self.origin.resolve(realm).map_err(answer)?;
        let here = self.host.is_loopback() && origin.host.is_loopback();
        let private = here || origin.scheme == "https";
        if !private {
            let reason = format!("it asks for passwords to be sent to {origin}, in clear");
            return Err(answer(reason));
        }
        let join = if at.contains('?') { '&' } else { '?' };
        let mut url = format!("{origin}{at}{join}scope={}", encoded(&ask.scope));
        if let Some(service) = service {
            url.push_str(&format!("&service={}", encoded(service)));
        }
        let url: Uri = url.parse().map_err(|_| answer("its realm is not a URL".to_owned()))?;
        let mut request = Request::get(url);
        if let Some(password) = &self.password {
            request = request.header("authorization", password.header());
        }
        let request = request.body(()).map_err(|error| answer(error.to_string()))?;
        let response = self
            .agent
            .run(request)
            .map_err(|error| self.unreachable(origin.host.as_str(), &error))?;
        if response.status().as_u16() != 200 {
            let (host, action) = (self.host.to_string(), ask.action.clone());
            return Err(OciError::Denied { host, action });
        }
        let body = self.body(response, MAX_WORDS_BYTES, &ask.action)?;
        // Neither this error nor any other holds what was sent.
        let unreadable = || self.answer(&ask.action, "its token cannot be read".to_owned());
        let given: Answer = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        let token = given.token.or(given.access_token).ok_or_else(unreadable)?;
        Authorization::bearer(&token).ok_or_else(unreadable)
    }

    /// All of an answer, if it is not too long.
    pub(super) fn body(
        &self,
        response: Response<Body>,
        limit: u64,
        action: &str,
    ) -> Result<Vec<u8>, OciError> {
        let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut bytes = Vec::new();
        let read = reader.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.answer(action, format!("it stops before the end: {error}")))?;
        if bytes.len() as u64 > limit {
            let (host, action) = (self.host.to_string(), action.to_owned());
            return Err(OciError::TooLarge { host, action, limit });
        }
        Ok(bytes)
    }

    pub(super) fn check_digest(
        &self,
        what: &str,
        expected: Sha256,
        found: Sha256,
    ) -> Result<(), OciError> {
        if expected == found {
            return Ok(());
        }
        let (host, what) = (self.host.to_string(), what.to_owned());
        Err(OciError::Digest { host, what, expected, found })
    }

    pub(super) fn answer(&self, action: &str, reason: String) -> OciError {
        OciError::Answer { host: self.host.to_string(), action: action.to_owned(), reason }
    }

    fn unreachable(&self, host: &str, error: &ureq::Error) -> OciError {
        OciError::Unreachable { host: host.to_owned(), reason: error.to_string() }
    }

    /// The error that a status means, with what the registry says about it.
    pub(super) fn status(&self, action: &str, response: Response<Body>) -> OciError {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<Said>,
        }
        #[derive(Deserialize)]
        struct Said {
            code: Option<String>,
            message: Option<String>,
        }
        let status = response.status().as_u16();
        let (host, action) = (self.host.to_string(), action.to_owned());
        if matches!(status, 401 | 403) {
            return OciError::Denied { host, action };
        }
        let body = self.body(response, MAX_WORDS_BYTES, &action).unwrap_or_default();
        let said = serde_json::from_slice::<Errors>(&body).map(|errors| errors.errors);
        let first = said.unwrap_or_default().into_iter().next();
        let detail = first.and_then(|said| said.message.or(said.code)).unwrap_or_default();
        let detail: String = detail.chars().take(200).flat_map(char::escape_debug).collect();
        OciError::Status { host, action, status, detail }
    }
}

pub(super) fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

/// `text` as part of a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~:/".contains(&b) => encoded.push(b.into()),
            b => encoded.push_str(&format!("%{b:02X}")),
        }
    }
    encoded
}
