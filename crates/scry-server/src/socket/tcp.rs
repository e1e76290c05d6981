//! Accepted TCP connections: options that free a dead peer's resources, and a way to hang up.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::byte_rate_limiter::ByteRateLimiter;
use super::connection_limiter::ConnectionPermit;
use super::frames::{FrameCounts, UpgradeParser};
use crate::config::SocketConfig;
use crate::rate::TokenBucket;

/// How long a silent connection may be silent before the kernel asks whether the peer is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Bounds what the kernel takes in ahead of this program: what a flood leaves there is read before its end is seen.
const RECEIVE_BUFFER_BYTES: usize = 128 * 1024;
/// How long to wait after an accept that failed for lack of resources.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections as [`MeteredStream`]s.
#[derive(Debug)]
pub struct TcpAcceptor {
    listener: TcpListener,
    /// How long sent bytes may stay unacknowledged, or a closed window closed, before the peer counts as dead.
    slow_reader_timeout: Duration,
    limits: IngressLimits,
}

/// The limits on what one WebSocket may send.
#[derive(Debug, Clone, Copy)]
struct IngressLimits {
    bytes_per_second: u32,
    /// What a frame counts besides its bytes.
    bytes_per_frame: usize,
    max_fragments: u32,
    violations_per_minute: u32,
}

/// The peer of a connection, with the handle that can end it; use as `ConnectInfo<Peer>`.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address; behind a trusted proxy, the one that the proxy names.
    pub address: SocketAddr,
    /// What can end the connection.
    pub handle: ConnectionHandle,
}

/// A handle that can end a connection from elsewhere; clones end the same one.
#[derive(Debug, Clone, Default)]
pub struct ConnectionHandle {
    closing: CancellationToken,
    abort: CancellationToken,
    stats: Arc<StreamStats>,
}

/// Statistics of a connection's incoming half.
#[derive(Debug)]
struct StreamStats {
    started: Instant,
    bytes: AtomicU64,
    /// When the last of them came, in milliseconds since then.
    last_received: AtomicU64,
    /// Whether the peer ended the connection.
    ended: AtomicBool,
    /// Whether it did so in good order.
    closed_cleanly: AtomicBool,
    /// Whether the kernel gave the connection up, because the peer took nothing for too long.
    timed_out: AtomicBool,
    /// Bytes that are to be counted besides those that came.
    extra_bytes: AtomicUsize,
    throttled: AtomicBool,
    /// Whether the connection was aborted because its violations did not stop.
    abusive: AtomicBool,
    parser: Mutex<UpgradeParser>,
}

impl Default for StreamStats {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            bytes: AtomicU64::new(0),
            last_received: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            closed_cleanly: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            extra_bytes: AtomicUsize::new(0),
            throttled: AtomicBool::new(false),
            abusive: AtomicBool::new(false),
            parser: Mutex::default(),
        }
    }
}

/// A TCP stream whose bytes and frames are counted, and which its handle can end.
pub struct MeteredStream {
    stream: TcpStream,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    abort: Pin<Box<WaitForCancellationFutureOwned>>,
    handle: ConnectionHandle,
    throttle: ByteRateLimiter,
    limits: IngressLimits,
    violations: TokenBucket,
    /// Released when the connection has ended.
    _permit: Option<ConnectionPermit>,
}

impl ConnectionHandle {
    /// Lets the connection read its end: what waits is still sent, and the close is a clean one.
    pub fn close_gracefully(&self) {
        self.closing.cancel();
    }

    /// Slows the connection down to what one client may send: no proxy shares it among many.
    pub fn throttle(&self) {
        self.stats.throttled.store(true, Ordering::Relaxed);
    }

    /// Counts bytes against a slowed connection as if they had come.
    pub fn charge(&self, bytes: usize) {
        self.stats.extra_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts frames from now on; `false` if it is not known where they begin.
    #[must_use]
    pub fn begin_frames(&self) -> bool {
        self.stats.parser().upgrade()
    }

    /// Ends a connection whose violations did not stop.
    pub fn disconnect_abusive(&self) {
        self.stats.abusive.store(true, Ordering::Relaxed);
        self.abort();
    }

    /// Returns whether the connection was ended because its violations did not stop.
    #[must_use]
    pub fn is_abusive(&self) -> bool {
        self.stats.abusive.load(Ordering::Relaxed)
    }

    /// Returns how many bytes the peer has sent.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.stats.bytes.load(Ordering::Relaxed)
    }

    /// Returns when the peer last sent anything.
    #[must_use]
    pub fn last_received(&self) -> Instant {
        self.stats.started + Duration::from_millis(self.stats.last_received.load(Ordering::Relaxed))
    }

    /// Returns whether the connection came to a regular end: the peer closed it, or was hung up on.
    #[must_use]
    pub fn has_closed_cleanly(&self) -> bool {
        self.stats.closed_cleanly.load(Ordering::Relaxed) || self.closing.is_cancelled()
    }

    /// Returns whether the peer, or this handle, has ended the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.stats.ended.load(Ordering::Relaxed) || self.closing.is_cancelled() || self.abort.is_cancelled()
    }

    /// Returns whether the peer took nothing of what was sent for too long.
    #[must_use]
    pub fn has_timed_out(&self) -> bool {
        self.stats.timed_out.load(Ordering::Relaxed)
    }

    /// Ends the connection at once, even if the peer does not read.
    pub fn abort(&self) {
        self.abort.cancel();
    }
}

impl StreamStats {
    fn parser(&self) -> MutexGuard<'_, UpgradeParser> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IngressLimits {
    fn of(config: &SocketConfig) -> Self {
        let &SocketConfig { bytes_per_second, max_fragments, violations_per_minute, .. } = config;
        Self { bytes_per_second, bytes_per_frame: config.bytes_per_frame(), max_fragments, violations_per_minute }
    }
}

impl TcpAcceptor {
    /// Wraps a listener.
    #[must_use]
    pub fn new(listener: TcpListener, config: &SocketConfig) -> Self {
        Self { listener, slow_reader_timeout: config.slow_reader_timeout, limits: IngressLimits::of(config) }
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> (MeteredStream, Peer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = tune(&stream, self.slow_reader_timeout) {
                        tracing::debug!(%address, %error, "could not set the options of a connection");
                    }
                    let handle = ConnectionHandle::default();
                    return (MeteredStream::new(stream, &handle, self.limits), Peer { address, handle });
                }
                Err(error) if is_peers_fault(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Sends small events at once, and finds out about peers that have silently gone.
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), expect(unused_variables, reason = "Linux has it"))]
fn tune(stream: &TcpStream, slow_reader_timeout: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_IDLE / 3))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(slow_reader_timeout))?;
    Ok(())
}

fn is_peers_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

impl MeteredStream {
    fn new(stream: TcpStream, handle: &ConnectionHandle, limits: IngressLimits) -> Self {
        Self {
            stream,
            handle: handle.clone(),
            throttle: ByteRateLimiter::new(limits.bytes_per_second),
            violations: TokenBucket::per_minute(limits.violations_per_minute, Instant::now()),
            limits,
            _permit: None,
            closing: Box::pin(handle.closing.clone().cancelled_owned()),
            abort: Box::pin(handle.abort.clone().cancelled_owned()),
        }
    }

    /// Holds a permit for as long as the connection lasts.
    #[must_use]
    pub fn with_permit(self, permit: Option<ConnectionPermit>) -> Self {
        Self { _permit: permit, ..self }
    }

    /// Records what a read brought; nothing, or a failure, is the end.
    fn record_read(&mut self, result: &io::Result<()>, bytes: &[u8]) {
        let stats = &self.handle.stats;
        if result.is_err() || bytes.is_empty() {
            stats.ended.store(true, Ordering::Relaxed);
            stats.closed_cleanly.store(result.is_ok(), Ordering::Relaxed);
        } else {
            let age = stats.started.elapsed().as_millis();
            stats.last_received.store(u64::try_from(age).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.record_failure(result.as_ref().err());
        stats.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let FrameCounts { frames, acks, fragments } = stats.parser().read(bytes);
        // However short a frame is, it costs what reading any frame does.
        let frames = usize::try_from(frames).unwrap_or(usize::MAX);
        self.throttle.spend(bytes.len().saturating_add(frames.saturating_mul(self.limits.bytes_per_frame)));
        let now = Instant::now();
        if fragments > self.limits.max_fragments || (0..acks).any(|_| self.violations.take(now).is_err()) {
            self.handle.disconnect_abusive();
        }
    }

    fn record_failure(&self, failure: Option<&io::Error>) {
        if failure.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            self.handle.stats.timed_out.store(true, Ordering::Relaxed);
        }
    }

    /// Records the result of a write.
    fn record_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.handle.stats.parser().answer();
        if let Poll::Ready(Err(error)) = &written {
            self.record_failure(Some(error));
        }
        written
    }

    fn check_aborted(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.abort.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server ended the connection")),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let metered = self.get_mut();
        metered.check_aborted(cx)?;
        if metered.closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        metered.throttle.spend(metered.handle.stats.extra_bytes.swap(0, Ordering::Relaxed));
        if metered.handle.stats.throttled.load(Ordering::Relaxed) && metered.throttle.poll_ready(cx).is_pending() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut metered.stream).poll_read(cx, buf);
        if let Poll::Ready(result) = &read {
            metered.record_read(result, buf.filled().get(before..).unwrap_or_default());
        }
        read
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let metered = self.get_mut();
        metered.check_aborted(cx)?;
        let written = Pin::new(&mut metered.stream).poll_write(cx, buf);
        metered.record_write(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let metered = self.get_mut();
        metered.check_aborted(cx)?;
        let written = Pin::new(&mut metered.stream).poll_write_vectored(cx, bufs);
        metered.record_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn pair() -> (MeteredStream, ConnectionHandle, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TcpAcceptor::new(listener, &SocketConfig::default());
        let (client, (metered, peer)) = tokio::join!(TcpStream::connect(address), acceptor.accept());
        (metered, peer.handle, client.unwrap())
    }

    #[tokio::test]
    async fn graceful_close_still_sends_pending_bytes() {
        let (mut metered, handle, mut client) = pair().await;
        handle.close_gracefully();
        assert_eq!(metered.read(&mut [0; 8]).await.unwrap(), 0, "the end of the stream");
        metered.write_all(b"bye").await.unwrap();
        metered.shutdown().await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "bye");
    }

    #[tokio::test]
    async fn abort_unblocks_a_writer_whose_peer_does_not_read() {
        let (mut metered, handle, _client) = pair().await;
        let writer = tokio::spawn(async move {
            loop {
                if let Err(error) = metered.write_all(&[0; 65_536]).await {
                    return error.kind();
                }
            }
        });
        handle.abort();
        let ended = tokio::time::timeout(Duration::from_secs(5), writer).await.unwrap();
        assert_eq!(ended.unwrap(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn tiny_frames_wait_in_the_kernel_like_large_ones() {
        let (mut metered, handle, mut client) = pair().await;
        handle.throttle();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        metered.read_exact(&mut [0; 18]).await.unwrap();
        assert!(handle.begin_frames());
        metered.write_all(b"HTTP/1.1 101").await.unwrap();
        let frames = [0x81, 0x81, 0, 0, 0, 0, b'x'].repeat(1_000);
        client.write_all(&frames).await.unwrap();
        let (mut read, mut buffer) = (0, [0; 512]);
        while let Ok(more) = tokio::time::timeout(Duration::from_millis(50), metered.read(&mut buffer)).await {
            read += more.unwrap();
        }
        assert!((256 * 7..600 * 7).contains(&read), "{read} of {} bytes came at once", frames.len());
    }

    #[tokio::test]
    async fn unsolicited_acknowledgements_disconnect_the_peer() {
        let (mut metered, handle, mut client) = pair().await;
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        metered.read_exact(&mut [0; 18]).await.unwrap();
        assert!(handle.begin_frames());
        let acks = [0x81, 0x82, 0, 0, 0, 0, b'4', b'3'].repeat(1_001);
        client.write_all(&acks).await.unwrap();
        let mut sink = tokio::io::sink();
        let ended = tokio::time::timeout(Duration::from_secs(5), tokio::io::copy(&mut metered, &mut sink)).await;
        assert_eq!(ended.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert!(handle.is_abusive());
    }

    #[tokio::test]
    async fn clean_close_is_told_from_a_reset() {
        let (mut metered, handle, mut client) = pair().await;
        client.write_all(b"hi").await.unwrap();
        assert_eq!(metered.read(&mut [0; 8]).await.unwrap(), 2);
        assert!(handle.last_received() <= Instant::now() && !handle.has_closed_cleanly());
        client.shutdown().await.unwrap();
        assert_eq!(metered.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(handle.has_closed_cleanly());
        let (mut metered, handle, client) = pair().await;
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        assert!(metered.read(&mut [0; 8]).await.is_err() && !handle.has_closed_cleanly(), "a reset is no leave");
    }
}
