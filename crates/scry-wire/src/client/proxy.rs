//! Which proxy a connection goes through.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ipnet::IpNet;
use url::Url;

use super::error::ConnectError;

/// The proxies to use, as the environment or the caller names them.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    exceptions: Vec<ProxyException>,
}

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub kind: ProxyKind,
    pub host: String,
    pub port: u16,
    /// Name and password.
    pub credentials: Option<(String, String)>,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyKind {
    /// `CONNECT`, or a whole address in place of a path.
    Http,
    /// The same, encrypted.
    Https,
    /// SOCKS 5; names are resolved here.
    Socks5,
    /// SOCKS 5; names are resolved by the proxy.
    Socks5WithNames,
}

/// What is reached without a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ProxyException {
    All,
    /// A name and everything below it.
    Domain(String),
    Network(IpNet),
}

impl Proxies {
    /// Returns no proxy for anything.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; the names in small letters come first.
    ///
    /// `HTTP_PROXY` in capitals is not believed where `REQUEST_METHOD` is set: there a web server's client could have
    /// set it.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Reads the variables from wherever the caller has them.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let named = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let either = |name: &str| named(&name.to_ascii_lowercase()).or_else(|| named(name));
        let all = either("ALL_PROXY");
        let in_cgi = variable("REQUEST_METHOD").is_some();
        let http = if in_cgi { named("http_proxy") } else { either("HTTP_PROXY") };
        let exceptions = either("NO_PROXY").unwrap_or_default();
        let exceptions = exceptions.split(',').filter_map(|entry| ProxyException::parse(entry.trim())).collect();
        Self { http: http.or_else(|| all.clone()), https: either("HTTPS_PROXY").or(all), exceptions }
    }

    /// Returns the proxy on the way to a host, if any. This machine is never reached through one.
    pub(super) fn on_the_way(&self, secure: bool, host: &str) -> Result<Option<Proxy>, ConnectError> {
        let address = host.parse::<IpAddr>().ok();
        if host == "localhost" || address.is_some_and(|ip| ip.is_loopback()) {
            return Ok(None);
        }
        if self.exceptions.iter().any(|exception| exception.covers(host, address)) {
            return Ok(None);
        }
        let named = if secure { &self.https } else { &self.http };
        named.as_deref().map(Proxy::parse).transpose()
    }
}

/// Without the addresses, which may hold passwords.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (http, https) = (self.http.is_some(), self.https.is_some());
        f.debug_struct("Proxies").field("http", &http).field("https", &https).finish_non_exhaustive()
    }
}

impl ProxyException {
    fn parse(entry: &str) -> Option<Self> {
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Self::All);
        }
        if let Ok(network) = entry.parse::<IpNet>() {
            return Some(Self::Network(network));
        }
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some(Self::Network(ip.into()));
        }
        Some(Self::Domain(entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase()))
    }

    fn covers(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Self::All => true,
            Self::Network(network) => address.is_some_and(|ip| network.contains(&ip)),
            Self::Domain(domain) => {
                let host = host.to_ascii_lowercase();
                host.strip_suffix(domain.as_str()).is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
        }
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, ConnectError> {
        let address = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // The address may hold a password, so it is not quoted.
        let invalid = |what: &str| ConnectError::InvalidOption(format!("the proxy's address {what}"));
        let url = Url::parse(&address).map_err(|error| invalid(&format!("cannot be read: {error}")))?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks" => (ProxyKind::Socks5, 1080),
            "socks5h" => (ProxyKind::Socks5WithNames, 1080),
            other => return Err(invalid(&format!("begins with {other}://; use http, https, socks5 or socks5h"))),
        };
        let host = super::endpoint::host_of(&url).ok_or_else(|| invalid("names no host"))?;
        let decode = |text: &str| percent_decode(text);
        let credentials =
            (!url.username().is_empty()).then(|| (decode(url.username()), decode(url.password().unwrap_or_default())));
        Ok(Self { kind, host, port: url.port().unwrap_or(port), credentials })
    }

    /// Returns whether plain requests can be handed to the proxy as they are.
    pub(super) const fn takes_requests(&self) -> bool {
        matches!(self.kind, ProxyKind::Http | ProxyKind::Https)
    }

    /// Returns the value of `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Option<String> {
        let (name, password) = self.credentials.as_ref()?;
        Some(format!("Basic {}", BASE64.encode(format!("{name}:{password}"))))
    }
}

/// Without the credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = (first == b'%').then(|| behind.get(..2)).flatten();
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Proxies::from_variables(|name| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    fn way(proxies: &Proxies, secure: bool, host: &str) -> Option<String> {
        proxies.on_the_way(secure, host).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn variables_name_the_proxy_of_each_scheme() {
        let named = proxies(&[("HTTPS_PROXY", "http://s:8080"), ("http_proxy", "p:3128"), ("HTTP_PROXY", "q:1")]);
        assert_eq!(way(&named, true, "example.org").as_deref(), Some("s:8080"));
        assert_eq!(way(&named, false, "example.org").as_deref(), Some("p:3128"));
        let all = proxies(&[("ALL_PROXY", "socks5h://a"), ("HTTPS_PROXY", "")]);
        assert_eq!(way(&all, true, "example.org").as_deref(), Some("a:1080"));
        let cgi = proxies(&[("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(way(&cgi, false, "example.org"), None);
    }

    #[test]
    fn exceptions_and_this_machine_are_reached_directly() {
        let named = proxies(&[("ALL_PROXY", "http://p"), ("NO_PROXY", "example.org, .corp,10.0.0.0/8,::1,192.0.2.7")]);
        for host in ["example.org", "a.example.org", "x.corp", "10.9.8.7", "192.0.2.7", "localhost", "127.0.0.1", "::1"]
        {
            assert_eq!(way(&named, true, host), None, "{host}");
        }
        for host in ["notexample.org", "11.0.0.1", "192.0.2.8"] {
            assert!(way(&named, true, host).is_some(), "{host}");
        }
        assert_eq!(way(&proxies(&[("ALL_PROXY", "http://p"), ("no_proxy", "*")]), true, "example.org"), None);
    }

    #[test]
    fn credentials_are_used_and_never_shown() {
        let named = proxies(&[("HTTPS_PROXY", "http://me:s%20cret@p:1")]);
        let proxy = named.on_the_way(true, "example.org").unwrap().unwrap();
        assert_eq!(proxy.credentials, Some(("me".to_owned(), "s cret".to_owned())));
        assert_eq!(proxy.authorization().as_deref(), Some("Basic bWU6cyBjcmV0"));
        assert!(!format!("{proxy} {proxy:?} {named:?}").contains("cret"));
        let wrong = proxies(&[("HTTPS_PROXY", "ftp://me:cret@p")]);
        let error = wrong.on_the_way(true, "example.org").unwrap_err().to_string();
        assert!(error.contains("ftp://") && !error.contains("cret"), "{error}");
    }
}
