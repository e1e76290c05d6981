//! The way to a server: TCP, through a proxy where one is named, encrypted where the address says so.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_native_tls::native_tls;

use super::dial::dial;
use super::endpoint::Endpoint;
use super::error::ConnectError;
use super::proxy::{Proxies, Proxy, ProxyKind};
use super::tunnel;

/// Something to read from and write to.
pub(super) trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

/// A stream of any kind.
pub(super) type Stream = Box<dyn ReadWrite>;

/// How a stream reaches the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Nothing in between takes notice.
    Direct,
    /// A proxy reads the requests and wants whole addresses in them.
    ThroughProxy { authorization: Option<String> },
}

/// Makes streams to one server.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub endpoint: Arc<Endpoint>,
    proxies: Proxies,
    tls: Arc<OnceLock<native_tls::TlsConnector>>,
    /// Counts the bytes that have come, so that a slow large message is not taken for silence.
    pub received: Arc<AtomicU64>,
}

impl Connector {
    /// Returns a connector; without `tls` the system's authorities are trusted.
    pub(super) fn new(endpoint: Endpoint, proxies: Proxies, tls: Option<native_tls::TlsConnector>) -> Self {
        let tls = Arc::new(tls.map_or_else(OnceLock::new, OnceLock::from));
        Self { endpoint: Arc::new(endpoint), proxies, tls, received: Arc::default() }
    }

    /// Makes a stream that nothing in between reads.
    pub(super) async fn tunnel(&self) -> Result<Stream, ConnectError> {
        self.stream(true).await.map(|(stream, _)| stream)
    }

    /// Makes a stream for HTTP requests.
    pub(super) async fn for_requests(&self) -> Result<(Stream, Route), ConnectError> {
        self.stream(self.endpoint.secure).await
    }

    async fn stream(&self, tunnelled: bool) -> Result<(Stream, Route), ConnectError> {
        let endpoint = &self.endpoint;
        let (stream, route) = match self.proxies.on_the_way(endpoint.secure, &endpoint.host)? {
            None => (Box::new(dial(&endpoint.host, endpoint.port).await?) as Stream, Route::Direct),
            Some(proxy) => self.through(&proxy, tunnelled).await?,
        };
        let stream = if endpoint.secure { self.encrypt(&endpoint.host, stream).await? } else { stream };
        let counted = CountedStream { stream, received: self.received.clone() };
        Ok((Box::new(counted), route))
    }

    async fn through(&self, proxy: &Proxy, tunnelled: bool) -> Result<(Stream, Route), ConnectError> {
        let stream: Stream = Box::new(dial(&proxy.host, proxy.port).await?);
        let stream = match proxy.kind {
            ProxyKind::Https => self.encrypt(&proxy.host, stream).await?,
            ProxyKind::Http | ProxyKind::Socks5 | ProxyKind::Socks5WithNames => stream,
        };
        if proxy.takes_requests() && !tunnelled {
            return Ok((stream, Route::ThroughProxy { authorization: proxy.authorization() }));
        }
        let stream = tunnel::open(stream, proxy, &self.endpoint.host, self.endpoint.port).await?;
        Ok((stream, Route::Direct))
    }

    async fn encrypt(&self, host: &str, stream: Stream) -> Result<Stream, ConnectError> {
        let failed = |error: native_tls::Error| ConnectError::Tls(error.to_string());
        let connector = match self.tls.get() {
            Some(connector) => connector.clone(),
            None => {
                // Reads the system's authorities from the disk.
                let built = tokio::task::spawn_blocking(native_tls::TlsConnector::new).await;
                let built = built.map_err(|error| ConnectError::Tls(error.to_string()))?.map_err(failed)?;
                self.tls.get_or_init(|| built).clone()
            }
        };
        let connector = tokio_native_tls::TlsConnector::from(connector);
        Ok(Box::new(connector.connect(host, stream).await.map_err(failed)?))
    }
}

/// A stream whose incoming bytes are counted.
struct CountedStream {
    stream: Stream,
    received: Arc<AtomicU64>,
}

impl AsyncRead for CountedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let count = u64::try_from(buffer.filled().len() - before).unwrap_or(u64::MAX);
        self.received.fetch_add(count, Ordering::Relaxed);
        outcome
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
