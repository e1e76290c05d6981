//! A Socket.IO client on the caller's tokio runtime.
//!
//! ```no_run
//! use scry_wire::client::{Client, ClientOptions, Incoming};
//! use serde_json::json;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ClientOptions::new("https://gateway.example".parse()?))?;
//! let mut connection = client.connect(Some(json!({"token": "…"}))).await?;
//! let id = connection.ask("subscribe", json!({"room": "orders"}))?;
//! while let Some(incoming) = connection.next().await {
//!     match incoming {
//!         Incoming::Event(event) => println!("{}: {:?}", event.name, event.arguments),
//!         Incoming::Answer(answer) if answer.id == id => println!("joined: {:?}", answer.arguments),
//!         Incoming::Answer(_) | Incoming::Ping => {}
//!         Incoming::Closed(reason) => println!("over: {reason}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - A WebSocket is tried first. Where its handshake is refused, cut off, not answered, or answered and followed by
//!   silence, long-polling is used, from then on for every connection of the same [`Client`].
//! - All addresses of a host are tried as RFC 8305 has it; TCP sends small packets at once.
//! - Proxies: HTTP and HTTPS (`CONNECT`), SOCKS 5; see [`Proxies::from_env`].
//! - TLS is the system's (`native-tls`), with the system's authorities or those of [`ClientOptions::tls`].
//! - Redirects are never followed, answers and messages are bounded, cookies are kept.
//! - Where the server offers Connection State Recovery, the next connection goes on where the last one broke off.

mod connection;
mod dial;
mod endpoint;
mod error;
mod http;
mod polling;
mod proxy;
mod stream;
mod tunnel;
mod websocket;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::timeout;
pub use tokio_native_tls::native_tls;
use url::Url;

use self::connection::AnyTransport;
pub use self::connection::{Connection, Incoming};
use self::endpoint::Endpoint;
pub use self::error::ConnectError;
use self::polling::Polling;
pub use self::proxy::Proxies;
use self::stream::Connector;
use self::websocket::WebSocket;
use crate::codec::binary::AttachmentLimits;
use crate::codec::socket::ROOT_NAMESPACE;
use crate::session::{ClientSession, CloseReason, Recovery, SessionConfig, TransportKind};

/// What a time limit on a WebSocket's handshake calls it.
const WEBSOCKET_STAGE: &str = "opening a WebSocket";

/// Which transports a client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transports {
    /// A WebSocket, and long-polling where there is no way for one.
    #[default]
    WebSocketThenPolling,
    /// Only a WebSocket.
    WebSocket,
    /// Only long-polling.
    Polling,
    /// Long-polling, moved to a WebSocket once that has proved to work.
    PollingThenWebSocket,
}

/// Where and how to connect.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    server: Url,
    path: String,
    namespace: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    transports: Transports,
    tls: Option<native_tls::TlsConnector>,
    proxies: Proxies,
    dial_timeout: Duration,
    open_timeout: Duration,
    join_timeout: Duration,
    max_message: usize,
}

impl ClientOptions {
    /// Returns the options for a server: `http`, `https`, `ws` or `wss`, with the path it lies below, if any.
    #[must_use]
    pub fn new(server: Url) -> Self {
        Self {
            server,
            path: "socket.io/".to_owned(),
            namespace: ROOT_NAMESPACE.to_owned(),
            headers: Vec::new(),
            query: Vec::new(),
            transports: Transports::default(),
            tls: None,
            proxies: Proxies::none(),
            dial_timeout: Duration::from_secs(10),
            open_timeout: Duration::from_secs(3),
            join_timeout: Duration::from_secs(10),
            max_message: 64 << 20,
        }
    }

    /// Sets the handler's path: below the server's (`socket.io/`, the default), or with a slash in front instead of it.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the namespace; `/` is the default.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter to the query of every request.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Chooses the transports.
    #[must_use]
    pub const fn transports(mut self, transports: Transports) -> Self {
        self.transports = transports;
        self
    }

    /// Decides which certificates are trusted; the system's authorities without it.
    #[must_use]
    pub fn tls(mut self, connector: native_tls::TlsConnector) -> Self {
        self.tls = Some(connector);
        self
    }

    /// Names the proxies to go through; none without it.
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Bounds the way to the server: name, TCP, proxy, TLS.
    #[must_use]
    pub const fn dial_timeout(mut self, limit: Duration) -> Self {
        self.dial_timeout = limit;
        self
    }

    /// Bounds the wait for a WebSocket's handshake, and then for the server's first packet.
    #[must_use]
    pub const fn open_timeout(mut self, limit: Duration) -> Self {
        self.open_timeout = limit;
        self
    }

    /// Bounds the wait for the server to let the client into the namespace, and for its first packet over polling.
    #[must_use]
    pub const fn join_timeout(mut self, limit: Duration) -> Self {
        self.join_timeout = limit;
        self
    }

    /// Bounds a message, or a polling answer, in bytes; 64 MiB without it.
    #[must_use]
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let mut endpoint = Endpoint::new(&self.server, &self.path)?;
        if !self.query.is_empty() {
            endpoint.url.query_pairs_mut().extend_pairs(&self.query);
        }
        for (name, value) in &self.headers {
            let invalid = |_| ConnectError::InvalidOption(format!("the header {name} cannot be sent"));
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ()).map_err(invalid)?;
            endpoint.headers.insert(parsed, HeaderValue::from_str(value).map_err(|_| ()).map_err(invalid)?);
        }
        if !self.namespace.starts_with('/') || self.namespace.contains([',', '?']) {
            let why = "a namespace begins with / and contains neither a comma nor a question mark";
            return Err(ConnectError::InvalidOption(why.to_owned()));
        }
        Ok(endpoint)
    }
}

/// Makes connections to one server, one at a time, and remembers between them what helps: cookies, which transport
/// works, and where the last one broke off.
#[derive(Debug)]
pub struct Client {
    options: ClientOptions,
    connector: Connector,
    memory: Arc<ClientMemory>,
}

/// What lasts from one connection to the next.
#[derive(Debug, Default)]
struct ClientMemory {
    inner: Mutex<RememberedSession>,
}

#[derive(Debug, Default)]
struct RememberedSession {
    prefers_polling: bool,
    recovery: Option<Recovery>,
}

impl ClientMemory {
    fn with<T>(&self, look: impl FnOnce(&mut RememberedSession) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep_session(&self, recovery: Recovery) {
        self.with(|inner| inner.recovery = Some(recovery));
    }

    fn forget_session(&self) {
        self.with(|inner| inner.recovery = None);
    }
}

impl Client {
    /// Returns a client that has not connected yet.
    ///
    /// # Errors
    /// [`ConnectError::InvalidOption`].
    pub fn new(options: ClientOptions) -> Result<Self, ConnectError> {
        let connector = Connector::new(options.endpoint()?, options.proxies.clone(), options.tls.clone());
        Ok(Self { options, connector, memory: Arc::default() })
    }

    /// Connects and joins the namespace, saying `auth`, an object.
    ///
    /// # Errors
    /// [`ConnectError`]; the reason of the last transport that was tried.
    pub async fn connect(&self, auth: Option<Value>) -> Result<Connection, ConnectError> {
        let outcome = match self.options.transports {
            Transports::WebSocket => self.over_websocket(auth).await,
            Transports::Polling => self.over_polling(auth, false).await,
            Transports::PollingThenWebSocket => self.over_polling(auth, true).await,
            Transports::WebSocketThenPolling => self.over_either(auth).await,
        };
        if let Err(ConnectError::Closed(CloseReason::Refused(_))) = &outcome {
            self.memory.forget_session();
        }
        outcome
    }

    /// Forgets where the last connection broke off, as after another login.
    pub fn forget_session(&self) {
        self.memory.forget_session();
    }

    async fn over_either(&self, auth: Option<Value>) -> Result<Connection, ConnectError> {
        if self.memory.with(|inner| inner.prefers_polling) {
            let outcome = self.over_polling(auth, false).await;
            self.memory.with(|inner| inner.prefers_polling = outcome.is_ok());
            return outcome;
        }
        match self.over_websocket(auth.clone()).await {
            Err(error) if error.concerns_websocket() => {
                let outcome = self.over_polling(auth, false).await;
                self.memory.with(|inner| inner.prefers_polling = outcome.is_ok());
                outcome
            }
            outcome => outcome,
        }
    }

    async fn over_websocket(&self, auth: Option<Value>) -> Result<Connection, ConnectError> {
        let options = &self.options;
        let late = |what, limit| move |_| ConnectError::TimedOut { what, limit };
        let dialled = timeout(options.dial_timeout, self.connector.tunnel()).await;
        let stream = dialled.map_err(late("connecting to the server", options.dial_timeout))??;
        let opened = WebSocket::open(stream, &self.connector, None, options.max_message);
        let opened = timeout(options.open_timeout, opened).await;
        let socket = opened.map_err(late(WEBSOCKET_STAGE, options.open_timeout))??;
        let main = AnyTransport::WebSocket(socket);
        self.connection(TransportKind::WebSocket, main, auth, options.open_timeout, false).joined().await
    }

    async fn over_polling(&self, auth: Option<Value>, upgrade: bool) -> Result<Connection, ConnectError> {
        let main = AnyTransport::Polling(Polling::new(&self.connector, self.options.max_message));
        let limit = self.options.dial_timeout.max(self.options.join_timeout);
        self.connection(TransportKind::Polling, main, auth, limit, upgrade).joined().await
    }

    fn connection(
        &self,
        kind: TransportKind,
        main: AnyTransport,
        auth: Option<Value>,
        open_timeout: Duration,
        upgrade: bool,
    ) -> Connection {
        let options = &self.options;
        let config = SessionConfig {
            namespace: options.namespace.clone(),
            auth,
            recovery: self.memory.with(|inner| inner.recovery.clone()),
            open_timeout,
            connect_timeout: options.join_timeout,
            limits: AttachmentLimits { bytes: options.max_message, ..AttachmentLimits::default() },
            upgrade,
        };
        let session = ClientSession::new(config, kind, tokio::time::Instant::now().into_std());
        let (connector, memory) = (self.connector.clone(), self.memory.clone());
        Connection::new(session, main, connector, options.max_message, options.open_timeout, memory)
    }
}
