//! Where a Socket.IO server is, and what each request to it says.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{COOKIE, HOST, HeaderMap, HeaderValue, SET_COOKIE, USER_AGENT};
use url::{Host, Url};

use super::error::ConnectError;

/// The most cookies that are kept.
const MAX_COOKIES: usize = 32;
/// The longest cookie that is kept.
const MAX_COOKIE_BYTES: usize = 4096;

/// A server's address, with what is added to each request.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// The address of the Socket.IO handler, as `http` or `https`, with the caller's query.
    pub url: Url,
    pub host: String,
    pub port: u16,
    pub secure: bool,
    pub headers: HeaderMap,
    pub cookies: Cookies,
}

impl Endpoint {
    /// Finds the handler at `path` below a server's address.
    pub(super) fn new(server: &Url, path: &str) -> Result<Self, ConnectError> {
        let invalid = |why: &str| ConnectError::InvalidOption(format!("the server's address {why}"));
        let mut base = server.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let query = base.query().map(str::to_owned);
        let mut url = base.join(path).map_err(|error| invalid(&format!("and its path do not fit: {error}")))?;
        if url.query().is_none() {
            url.set_query(query.as_deref());
        }
        url.set_fragment(None);
        let secure = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return Err(invalid("begins with neither http:// nor https:// nor ws:// nor wss://")),
        };
        // Cannot fail: all four schemes are of the same kind.
        let _ = url.set_scheme(if secure { "https" } else { "http" });
        let _ = (url.set_username(""), url.set_password(None));
        let host = host_of(&url).ok_or_else(|| invalid("names no host"))?;
        let port = url.port_or_known_default().ok_or_else(|| invalid("names no port"))?;
        Ok(Self { url, host, port, secure, headers: HeaderMap::new(), cookies: Cookies::default() })
    }

    /// Returns the address of a request over this transport, in a session if there is one.
    pub(super) fn request_url(&self, transport: &str, sid: Option<&str>) -> Url {
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("EIO", "4").append_pair("transport", transport);
            if let Some(sid) = sid {
                query.append_pair("sid", sid);
            }
        }
        url
    }

    /// Returns the address of a WebSocket.
    pub(super) fn websocket_url(&self, sid: Option<&str>) -> Url {
        let mut url = self.request_url("websocket", sid);
        // Cannot fail: all four schemes are of the same kind.
        let _ = url.set_scheme(if self.secure { "wss" } else { "ws" });
        url
    }

    /// Adds to a request what each has: host, cookies, the caller's own headers.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("scry-wire/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let own = self.headers.get(COOKIE).and_then(|value| value.to_str().ok());
        if let Some(value) = self.cookies.header(own) {
            headers.insert(COOKIE, value);
        }
    }

    /// Adds the host that the address names.
    pub(super) fn add_host(&self, headers: &mut HeaderMap) {
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        if let Ok(value) = HeaderValue::from_str(host) {
            headers.insert(HOST, value);
        }
    }
}

/// Returns the host as resolvers and certificates write it: an IPv6 address without brackets.
pub(super) fn host_of(url: &Url) -> Option<String> {
    match url.host() {
        Some(Host::Ipv6(ip)) => Some(ip.to_string()),
        Some(Host::Ipv4(ip)) => Some(ip.to_string()),
        Some(Host::Domain(name)) if !name.is_empty() => Some(name.to_owned()),
        // Schemes that are not the web's keep what they have as text.
        Some(Host::Domain(_)) | None => None,
    }
}

/// The cookies of one server. Load balancers use them to lead all requests of a session to one node.
#[derive(Debug, Clone, Default)]
pub(super) struct Cookies {
    kept: Arc<Mutex<Vec<(String, String)>>>,
}

impl Cookies {
    /// Takes in the cookies of an answer.
    pub(super) fn keep(&self, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            self.keep_one(value);
        }
    }

    fn keep_one(&self, text: &str) {
        let mut parts = text.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        if name.is_empty() || text.len() > MAX_COOKIE_BYTES {
            return;
        }
        let is_removal = parts.any(|attribute| {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            key.eq_ignore_ascii_case("max-age") && value.parse::<i64>().is_ok_and(|seconds| seconds <= 0)
        });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known != name);
        if !is_removal && kept.len() < MAX_COOKIES {
            kept.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Returns the header, the caller's own cookies first.
    fn header(&self, own: Option<&str>) -> Option<HeaderValue> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = kept.iter().map(|(name, value)| format!("{name}={value}"));
        let all: Vec<String> = own.map(str::to_owned).into_iter().chain(pairs).collect();
        if all.is_empty() { None } else { HeaderValue::from_str(&all.join("; ")).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(server: &str, path: &str) -> Endpoint {
        Endpoint::new(&server.parse().unwrap(), path).unwrap()
    }

    #[test]
    fn handler_is_found_below_or_instead_of_the_servers_path() {
        let found = |server, path| endpoint(server, path).url.to_string();
        assert_eq!(found("https://host", "socket.io/"), "https://host/socket.io/");
        assert_eq!(found("https://host/campaigns", "socket.io/"), "https://host/campaigns/socket.io/");
        assert_eq!(found("wss://host/a/", "/b/"), "https://host/b/");
        assert_eq!(found("http://me:pw@host?key=1", "socket.io/"), "http://host/socket.io/?key=1");
        assert!(Endpoint::new(&"ftp://host".parse().unwrap(), "socket.io/").is_err());
    }

    #[test]
    fn requests_name_protocol_transport_and_session() {
        let endpoint = endpoint("https://[::1]:8443/?token=x", "socket.io/");
        let url = endpoint.websocket_url(Some("a b"));
        assert_eq!(url.as_str(), "wss://[::1]:8443/socket.io/?token=x&EIO=4&transport=websocket&sid=a+b");
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.secure), ("::1", 8443, true));
        let mut headers = HeaderMap::new();
        endpoint.add_host(&mut headers);
        assert_eq!(headers[HOST], "[::1]:8443");
    }

    #[test]
    fn cookies_are_kept_replaced_and_removed() {
        let cookies = Cookies::default();
        cookies.keep_one("node=a; Path=/; HttpOnly");
        cookies.keep_one("other=1");
        cookies.keep_one("node=b");
        assert_eq!(cookies.header(Some("mine=0")).unwrap(), "mine=0; other=1; node=b");
        cookies.keep_one("node=; Max-Age=0");
        assert_eq!(cookies.header(None).unwrap(), "other=1");
    }
}
