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

use super::frames::{Count, Intake};
use super::limits::Place;
use super::throttle::Throttle;
use crate::config::SocketConfig;
use crate::rate::TokenBucket;

/// How long a silent connection may be silent before the kernel asks whether the peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Bounds what the kernel takes in ahead of this program: what a flood leaves there is read before its end is seen.
const RECEIVE_BUFFER: usize = 128 * 1024;
/// How long to wait after an accept that failed for lack of resources.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections as [`Line`]s.
#[derive(Debug)]
pub struct Doorway {
    listener: TcpListener,
    /// How long sent bytes may stay unacknowledged, or a closed window closed, before the peer counts as dead.
    slow_reader_timeout: Duration,
    allowance: Allowance,
}

/// Says what one WebSocket may bring.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    bytes_per_second: u32,
    /// What a frame counts besides its bytes.
    bytes_per_frame: usize,
    max_fragments: u32,
    violations_per_minute: u32,
}

/// Names the peer of a connection and holds the switch to end it; use as `ConnectInfo<Peer>`.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: SocketAddr,
    pub switch: Switch,
}

/// Ends a connection from elsewhere; clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Switch {
    hung_up: CancellationToken,
    cut: CancellationToken,
    seen: Arc<Seen>,
}

/// Holds what is seen of a connection's incoming half.
#[derive(Debug)]
struct Seen {
    since: Instant,
    bytes: AtomicU64,
    /// When the last of them came, in milliseconds since then.
    heard: AtomicU64,
    /// Whether the peer ended the connection.
    ended: AtomicBool,
    /// Whether it did so in good order.
    left: AtomicBool,
    /// Whether the kernel gave the connection up, because the peer took nothing for too long.
    stuck: AtomicBool,
    /// Bytes that are to be counted besides those that came.
    extra: AtomicUsize,
    throttled: AtomicBool,
    /// Whether the connection was cut because it would not stop breaking the rules.
    flooded: AtomicBool,
    intake: Mutex<Intake>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            bytes: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            left: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            extra: AtomicUsize::new(0),
            throttled: AtomicBool::new(false),
            flooded: AtomicBool::new(false),
            intake: Mutex::default(),
        }
    }
}

/// Carries one connection's bytes until its switch is used.
pub struct Line {
    stream: TcpStream,
    hung_up: Pin<Box<WaitForCancellationFutureOwned>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    switch: Switch,
    throttle: Throttle,
    allowance: Allowance,
    offences: TokenBucket,
    /// What is given back when the connection has ended.
    _place: Option<Place>,
}

impl Switch {
    /// Lets the connection read its end: what waits is still sent, and the close is a clean one.
    pub fn hang_up(&self) {
        self.hung_up.cancel();
    }

    /// Slows the connection down to what one client may send: no proxy shares it among many.
    pub fn throttle(&self) {
        self.seen.throttled.store(true, Ordering::Relaxed);
    }

    /// Counts bytes against a slowed connection as if they had come.
    pub fn charge(&self, bytes: usize) {
        self.seen.extra.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts frames from now on; `false` if it is not known where they begin.
    #[must_use]
    pub fn upgrade(&self) -> bool {
        self.seen.intake().upgrade()
    }

    /// Ends a connection that would not stop breaking the rules.
    pub fn cut_off(&self) {
        self.seen.flooded.store(true, Ordering::Relaxed);
        self.cut();
    }

    /// Tells whether the connection was ended because it would not stop breaking the rules.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.seen.flooded.load(Ordering::Relaxed)
    }

    /// Returns how many bytes the peer has sent.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.seen.bytes.load(Ordering::Relaxed)
    }

    /// Returns when the peer last sent anything.
    #[must_use]
    pub fn heard(&self) -> Instant {
        self.seen.since + Duration::from_millis(self.seen.heard.load(Ordering::Relaxed))
    }

    /// Tells whether the connection came to a regular end: the peer closed it, or was hung up on.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.seen.left.load(Ordering::Relaxed) || self.hung_up.is_cancelled()
    }

    /// Tells whether the peer, or this switch, has ended the connection.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.seen.ended.load(Ordering::Relaxed) || self.hung_up.is_cancelled() || self.cut.is_cancelled()
    }

    /// Tells whether the peer took nothing of what was sent for too long.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.seen.stuck.load(Ordering::Relaxed)
    }

    /// Ends the connection at once, even if the peer does not read.
    pub fn cut(&self) {
        self.cut.cancel();
    }
}

impl Seen {
    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Allowance {
    fn of(config: &SocketConfig) -> Self {
        let &SocketConfig { bytes_per_second, max_fragments, violations_per_minute, .. } = config;
        Self { bytes_per_second, bytes_per_frame: config.bytes_per_frame(), max_fragments, violations_per_minute }
    }
}

impl Doorway {
    /// Wraps a listener.
    #[must_use]
    pub fn new(listener: TcpListener, config: &SocketConfig) -> Self {
        Self { listener, slow_reader_timeout: config.slow_reader_timeout, allowance: Allowance::of(config) }
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> (Line, Peer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = tune(&stream, self.slow_reader_timeout) {
                        tracing::debug!(%address, %error, "could not set the options of a connection");
                    }
                    let switch = Switch::default();
                    return (Line::new(stream, &switch, self.allowance), Peer { address, switch });
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
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(slow_reader_timeout))?;
    Ok(())
}

fn is_peers_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

impl Line {
    fn new(stream: TcpStream, switch: &Switch, allowance: Allowance) -> Self {
        Self {
            stream,
            switch: switch.clone(),
            throttle: Throttle::new(allowance.bytes_per_second),
            offences: TokenBucket::per_minute(allowance.violations_per_minute, Instant::now()),
            allowance,
            _place: None,
            hung_up: Box::pin(switch.hung_up.clone().cancelled_owned()),
            cut: Box::pin(switch.cut.clone().cancelled_owned()),
        }
    }

    /// Keeps a place in a count for as long as the connection lasts.
    #[must_use]
    pub fn keep(self, place: Option<Place>) -> Self {
        Self { _place: place, ..self }
    }

    /// Notes what a read brought; nothing, or a failure, is the end.
    fn note(&mut self, result: &io::Result<()>, bytes: &[u8]) {
        let seen = &self.switch.seen;
        if result.is_err() || bytes.is_empty() {
            seen.ended.store(true, Ordering::Relaxed);
            seen.left.store(result.is_ok(), Ordering::Relaxed);
        } else {
            let age = seen.since.elapsed().as_millis();
            seen.heard.store(u64::try_from(age).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.note_failure(result.as_ref().err());
        seen.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let Count { frames, acks, parts } = seen.intake().read(bytes);
        // However short a frame is, it costs what reading any frame does.
        let frames = usize::try_from(frames).unwrap_or(usize::MAX);
        self.throttle.spend(bytes.len().saturating_add(frames.saturating_mul(self.allowance.bytes_per_frame)));
        let now = Instant::now();
        if parts > self.allowance.max_fragments || (0..acks).any(|_| self.offences.take(now).is_err()) {
            self.switch.cut_off();
        }
    }

    fn note_failure(&self, failure: Option<&io::Error>) {
        if failure.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            self.switch.seen.stuck.store(true, Ordering::Relaxed);
        }
    }

    /// Passes on what came of a write.
    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.switch.seen.intake().answer();
        if let Poll::Ready(Err(error)) = &written {
            self.note_failure(Some(error));
        }
        written
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server ended the connection")),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        line.check(cx)?;
        if line.hung_up.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        line.throttle.spend(line.switch.seen.extra.swap(0, Ordering::Relaxed));
        if line.switch.seen.throttled.load(Ordering::Relaxed) && line.throttle.poll_ready(cx).is_pending() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut line.stream).poll_read(cx, buf);
        if let Poll::Ready(result) = &read {
            line.note(result, buf.filled().get(before..).unwrap_or_default());
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        line.check(cx)?;
        let written = Pin::new(&mut line.stream).poll_write(cx, buf);
        line.written(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        line.check(cx)?;
        let written = Pin::new(&mut line.stream).poll_write_vectored(cx, bufs);
        line.written(written)
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

    async fn pair() -> (Line, Switch, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let doorway = Doorway::new(listener, &SocketConfig::default());
        let (client, (line, peer)) = tokio::join!(TcpStream::connect(address), doorway.accept());
        (line, peer.switch, client.unwrap())
    }

    #[tokio::test]
    async fn who_hangs_up_still_says_goodbye() {
        let (mut line, switch, mut client) = pair().await;
        switch.hang_up();
        assert_eq!(line.read(&mut [0; 8]).await.unwrap(), 0, "the end of the stream");
        line.write_all(b"bye").await.unwrap();
        line.shutdown().await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "bye");
    }

    #[tokio::test]
    async fn a_cut_frees_a_writer_whose_peer_does_not_read() {
        let (mut line, switch, _client) = pair().await;
        let writer = tokio::spawn(async move {
            loop {
                if let Err(error) = line.write_all(&[0; 65_536]).await {
                    return error.kind();
                }
            }
        });
        switch.cut();
        let ended = tokio::time::timeout(Duration::from_secs(5), writer).await.unwrap();
        assert_eq!(ended.unwrap(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn tiny_frames_wait_in_the_kernel_like_large_ones() {
        let (mut line, switch, mut client) = pair().await;
        switch.throttle();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        line.read_exact(&mut [0; 18]).await.unwrap();
        assert!(switch.upgrade());
        line.write_all(b"HTTP/1.1 101").await.unwrap();
        let frames = [0x81, 0x81, 0, 0, 0, 0, b'x'].repeat(1_000);
        client.write_all(&frames).await.unwrap();
        let (mut read, mut buffer) = (0, [0; 512]);
        while let Ok(more) = tokio::time::timeout(Duration::from_millis(50), line.read(&mut buffer)).await {
            read += more.unwrap();
        }
        assert!((256 * 7..600 * 7).contains(&read), "{read} of {} bytes came at once", frames.len());
    }

    #[tokio::test]
    async fn who_answers_questions_that_nobody_asked_is_cut_off() {
        let (mut line, switch, mut client) = pair().await;
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        line.read_exact(&mut [0; 18]).await.unwrap();
        assert!(switch.upgrade());
        let acks = [0x81, 0x82, 0, 0, 0, 0, b'4', b'3'].repeat(1_001);
        client.write_all(&acks).await.unwrap();
        let mut sink = tokio::io::sink();
        let ended = tokio::time::timeout(Duration::from_secs(5), tokio::io::copy(&mut line, &mut sink)).await;
        assert_eq!(ended.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert!(switch.is_cut_off());
    }

    #[tokio::test]
    async fn a_peer_is_heard_and_its_leave_told_from_its_loss() {
        let (mut line, switch, mut client) = pair().await;
        client.write_all(b"hi").await.unwrap();
        assert_eq!(line.read(&mut [0; 8]).await.unwrap(), 2);
        assert!(switch.heard() <= Instant::now() && !switch.has_left());
        client.shutdown().await.unwrap();
        assert_eq!(line.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(switch.has_left());
        let (mut line, switch, client) = pair().await;
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        assert!(line.read(&mut [0; 8]).await.is_err() && !switch.has_left(), "a reset is no leave");
    }
}
