//! Accepted TCP connections: options that free a dead peer's resources, and a way to hang up.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long sent bytes may stay unacknowledged, or a closed window closed, before the peer counts as dead.
const USER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a silent connection may be silent before the kernel asks whether the peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long to wait after an accept that failed for lack of resources.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections as [`Line`]s; give it to `axum::serve`.
#[derive(Debug)]
pub struct Doorway(TcpListener);

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
}

/// Carries one connection's bytes until its switch is used.
pub struct Line {
    stream: TcpStream,
    hung_up: Pin<Box<WaitForCancellationFutureOwned>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Switch {
    /// Lets the connection read its end: what waits is still sent, and the close is a clean one.
    pub fn hang_up(&self) {
        self.hung_up.cancel();
    }

    /// Ends the connection at once, even if the peer does not read.
    pub fn cut(&self) {
        self.cut.cancel();
    }
}

impl Doorway {
    /// Wraps a listener.
    #[must_use]
    pub const fn new(listener: TcpListener) -> Self {
        Self(listener)
    }
}

impl Listener for Doorway {
    type Io = Line;
    type Addr = Peer;

    async fn accept(&mut self) -> (Line, Peer) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = tune(&stream) {
                        tracing::debug!(%address, %error, "could not set the options of a connection");
                    }
                    let switch = Switch::default();
                    return (Line::new(stream, &switch), Peer { address, switch });
                }
                Err(error) if is_peers_fault(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { address: self.0.local_addr()?, switch: Switch::default() })
    }
}

impl Connected<IncomingStream<'_, Doorway>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Doorway>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Sends small events at once, and finds out about peers that have silently gone.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

fn is_peers_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

impl Line {
    fn new(stream: TcpStream, switch: &Switch) -> Self {
        Self {
            stream,
            hung_up: Box::pin(switch.hung_up.clone().cancelled_owned()),
            cut: Box::pin(switch.cut.clone().cancelled_owned()),
        }
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
        Pin::new(&mut line.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        line.check(cx)?;
        Pin::new(&mut line.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        line.check(cx)?;
        Pin::new(&mut line.stream).poll_write_vectored(cx, bufs)
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
        let mut doorway = Doorway::new(listener);
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
}
