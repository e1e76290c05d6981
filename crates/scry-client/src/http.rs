//! Plain HTTP to one server: time limits, trust, and errors in words.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::HeaderValue;
use scry_config::client::ServerAddress;
use scry_text as text;
use scry_text::json::{self, Json, TextHandling};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::error::ApiError;
use super::secret::Secret;

/// Bounds a whole campaign's state: 10,000 entities with long descriptions are about a third of it.
pub(super) const MAX_STATE_BYTES: usize = 128 << 20;
/// Bounds every other list. It takes many times its size in memory once it is read.
pub(super) const MAX_LIST_BYTES: usize = 16 << 20;
/// Bounds what logins and health reports may say.
const MAX_REPORT_BYTES: usize = 256 << 10;
/// How much room is made for an answer before it is there, whatever length it claims to have.
const MAX_PREALLOCATED_BYTES: usize = 64 << 20;

/// Sends requests to one server.
///
/// What it needs for that is made at the first request: a command that only listens to a socket makes none, and need
/// not read the system's authorities.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Arc<OnceLock<reqwest::Client>>,
    /// The profile's own authorities, checked at the start.
    tls: Option<native_tls::TlsConnector>,
    base: Url,
    timeout: Duration,
}

/// An answer, as its bytes came.
#[derive(Debug)]
pub(super) struct HttpReply {
    pub status: u16,
    bytes: Vec<u8>,
}

impl HttpReply {
    /// Returns the body; null when it is not JSON.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Returns the body in the form in which states are kept; null when it is not JSON.
    pub(crate) fn json(&self, texts: TextHandling) -> Json {
        json::read(&self.bytes, texts).unwrap_or_default()
    }
}

/// What is sent along with a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RequestOptions<'a> {
    pub bearer: Option<&'a Secret>,
    /// The id that the events of a change carry.
    pub correlation: Option<&'a str>,
    /// Bounds the answer; what a report may say where it is not given.
    pub max_bytes: Option<usize>,
}

impl HttpClient {
    /// Prepares requests to `server`, each of which may take `timeout`.
    ///
    /// # Errors
    /// [`ApiError::AuthorityFile`] when the profile's file of authorities cannot be used.
    pub fn new(server: &ServerAddress, timeout: Duration) -> Result<Self, ApiError> {
        let tls = tls(server.ca_file.as_deref())?;
        Ok(Self { client: Arc::default(), tls, base: server.url.clone(), timeout })
    }

    /// Returns the server's address.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the server's address as people write it.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Makes sure that there is somebody to talk to; any answer will do.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`], [`ApiError::Certificate`] or [`ApiError::Timeout`].
    pub async fn ping(&self) -> Result<(), ApiError> {
        let url = self.base.join("health").unwrap_or_else(|_| self.base.clone());
        self.client()?.get(url).send().await.map(|_| ()).map_err(|error| self.explain(&error))
    }

    /// Posts `body` and reads the answer.
    pub(super) async fn post(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
        terms: RequestOptions<'_>,
    ) -> Result<HttpReply, ApiError> {
        let url = self.base.join(path).unwrap_or_else(|_| self.base.clone());
        let mut request = self.client()?.post(url).json(body);
        if let Some(token) = terms.bearer {
            request = request.bearer_auth(token.expose());
        }
        // A key that no header may hold is not worth failing for.
        if let Some(id) = terms.correlation.and_then(|id| HeaderValue::from_str(id).ok()) {
            request = request.header("x-correlation-id", id);
        }
        self.send(request, terms.max_bytes.unwrap_or(MAX_REPORT_BYTES)).await
    }

    /// Asks for a path with GET, as nobody.
    pub(super) async fn get(&self, path: &str) -> Result<HttpReply, ApiError> {
        let url = self.base.join(path).unwrap_or_else(|_| self.base.clone());
        self.send(self.client()?.get(url), MAX_REPORT_BYTES).await
    }

    fn client(&self) -> Result<&reqwest::Client, ApiError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut builder = reqwest::Client::builder()
            .timeout(self.timeout)
            .user_agent(concat!("scry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(connector) = &self.tls {
            builder = builder.use_preconfigured_tls(connector.clone());
        }
        if is_loopback(&self.base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ApiError::Unreachable {
            url: self.base.to_string(),
            reason: text::line(&error.to_string()).into_owned(),
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Sends a request and reads at most `max_bytes` of its answer; the client's own time limit covers both.
    async fn send(&self, request: reqwest::RequestBuilder, max_bytes: usize) -> Result<HttpReply, ApiError> {
        let mut response = request.send().await.map_err(|error| self.explain(&error))?;
        let status = response.status().as_u16();
        let too_large = || ApiError::TooLarge { url: self.base.to_string(), max_bytes };
        // Piece by piece into the room it needs: a large answer is in memory once, not twice.
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if announced > max_bytes {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(announced.min(MAX_PREALLOCATED_BYTES));
        while let Some(piece) = response.chunk().await.map_err(|error| self.explain(&error))? {
            if bytes.len() + piece.len() > max_bytes {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(HttpReply { status, bytes })
    }

    fn explain(&self, error: &reqwest::Error) -> ApiError {
        let url = self.base.to_string();
        if error.is_timeout() {
            return ApiError::Timeout { url, seconds: self.timeout.as_secs().max(1) };
        }
        let mut deepest: &dyn std::error::Error = error;
        let mut certificate = false;
        while let Some(source) = deepest.source() {
            deepest = source;
            certificate |= is_certificate_problem(&deepest.to_string());
        }
        let reason = text::line(&deepest.to_string()).into_owned();
        if certificate { ApiError::Certificate { url, reason } } else { ApiError::Unreachable { url, reason } }
    }
}

/// Builds the trust a profile asks for: only the authorities in its file, or the system's (`None`).
///
/// # Errors
/// [`ApiError::AuthorityFile`] when the file cannot be read or holds no certificate.
pub fn tls(ca_file: Option<&Path>) -> Result<Option<native_tls::TlsConnector>, ApiError> {
    let Some(path) = ca_file else { return Ok(None) };
    let refuse = |reason: String| ApiError::AuthorityFile { path: path.to_path_buf(), reason };
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let authorities = native_tls::Certificate::stack_from_pem(&pem).map_err(|error| refuse(error.to_string()))?;
    if authorities.is_empty() {
        return Err(refuse("it holds no certificate in PEM form".to_owned()));
    }
    let mut builder = native_tls::TlsConnector::builder();
    builder.disable_built_in_roots(true);
    for authority in authorities {
        builder.add_root_certificate(authority);
    }
    builder.build().map(Some).map_err(|error| refuse(error.to_string()))
}

/// Returns whether the other side's certificate was the reason, judged by an error's text.
///
/// The TLS libraries of the three platforms have no error type in common, only this word.
#[must_use]
pub(crate) fn is_certificate_problem(message: &str) -> bool {
    message.to_ascii_lowercase().contains("certificate")
}

/// Returns whether an address leads to this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
