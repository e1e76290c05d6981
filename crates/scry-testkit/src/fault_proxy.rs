//! A TCP proxy that breaks what passes through it, on command.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const BUFFER_BYTES: usize = 16 * 1024;
/// A throttled line carries so many portions a second.
const SLICES_PER_SECOND: usize = 20;
const SLICE_INTERVAL: Duration = Duration::from_millis(50);

/// Stands between a client and a server until dropped.
pub struct FaultProxy {
    /// Its address.
    pub url: String,
    state: Arc<ProxyState>,
    accepting: tokio::task::JoinHandle<()>,
}

struct ProxyState {
    upstream: Mutex<SocketAddr>,
    /// What happens to the bytes of connections that are open.
    flow: watch::Sender<ProxyFlow>,
    /// What happens to connections that are opened.
    refusing: watch::Sender<bool>,
    accepted: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum ProxyFlow {
    Pass,
    /// Nothing moves, and nobody is told.
    Stall,
    /// What the client says arrives; what the server says does not.
    Mute,
    Delay(Duration),
    /// The client gets this many bytes a second.
    Throttle(usize),
    /// Both sides get a reset. The number tells one command from the next.
    Cut(usize),
    /// Both sides get an ordinary end.
    Close(usize),
    /// The client gets this many bytes more, then a reset.
    CutAfter(usize),
}

impl FaultProxy {
    /// Starts one before a server such as `http://127.0.0.1:4600`.
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(ProxyState {
            upstream: Mutex::new(address(upstream)),
            flow: watch::Sender::new(ProxyFlow::Pass),
            refusing: watch::Sender::new(false),
            accepted: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, state.clone()));
        Self { url, state, accepting }
    }

    /// Passes everything on again; what is stalled goes on.
    pub fn pass(&self) {
        self.state.flow.send_replace(ProxyFlow::Pass);
        self.state.refusing.send_replace(false);
    }

    /// Holds everything back without closing anything, new connections included.
    pub fn stall(&self) {
        self.state.flow.send_replace(ProxyFlow::Stall);
    }

    /// Holds back what the server says; what the client says arrives.
    pub fn mute(&self) {
        self.state.flow.send_replace(ProxyFlow::Mute);
    }

    /// Holds each piece back for a while.
    pub fn delay(&self, by: Duration) {
        self.state.flow.send_replace(ProxyFlow::Delay(by));
    }

    /// Lets this many bytes a second through to the client.
    pub fn throttle(&self, bytes_per_second: usize) {
        self.state.flow.send_replace(ProxyFlow::Throttle(bytes_per_second));
    }

    /// Resets every open connection.
    pub fn cut(&self) {
        self.state.flow.send_replace(ProxyFlow::Cut(self.accepted()));
    }

    /// Closes every open connection in good order.
    pub fn close(&self) {
        self.state.flow.send_replace(ProxyFlow::Close(self.accepted()));
    }

    /// Lets this many bytes more through to the client, then resets: the cut falls inside a frame.
    pub fn cut_after(&self, bytes: usize) {
        self.state.flow.send_replace(ProxyFlow::CutAfter(bytes));
    }

    /// Turns new connections away with a reset.
    pub fn refuse(&self) {
        self.state.refusing.send_replace(true);
    }

    /// Leads new connections to another server.
    pub fn lead_to(&self, upstream: &str) {
        *self.state.upstream.lock().unwrap() = address(upstream);
    }

    /// Counts the connections opened so far, refused ones included.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<ProxyState>) {
    while let Ok((client, _)) = listener.accept().await {
        state.accepted.fetch_add(1, Ordering::SeqCst);
        if *state.refusing.borrow() {
            reset(client);
            continue;
        }
        let state = state.clone();
        tokio::spawn(async move {
            let upstream = *state.upstream.lock().unwrap();
            let Ok(server) = TcpStream::connect(upstream).await else { return reset(client) };
            carry(client, server, state.flow.subscribe()).await;
        });
    }
}

/// Carries bytes both ways until either side, or a fault, ends it.
async fn carry(mut client: TcpStream, mut server: TcpStream, mut flow: watch::Receiver<ProxyFlow>) {
    let (mut up, mut down) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    let mut passed = 0;
    loop {
        let now = *flow.borrow_and_update();
        let stalled = now == ProxyFlow::Stall;
        tokio::select! {
            biased;
            changed = flow.changed() => {
                if changed.is_err() {
                    return;
                }
                match *flow.borrow() {
                    ProxyFlow::Cut(_) => return reset_both(client, server),
                    ProxyFlow::Close(_) => return,
                    ProxyFlow::CutAfter(_) => passed = 0,
                    ProxyFlow::Pass | ProxyFlow::Stall | ProxyFlow::Mute | ProxyFlow::Delay(_) | ProxyFlow::Throttle(_) => {}
                }
            }
            read = client.read(&mut up), if !stalled => match read {
                Ok(count @ 1..) if server.write_all(&up[..count]).await.is_ok() => {}
                _ => return,
            },
            read = server.read(&mut down[..portion(now)]), if !stalled && now != ProxyFlow::Mute => {
                let Ok(count @ 1..) = read else { return };
                match now {
                    ProxyFlow::Delay(by) => tokio::time::sleep(by).await,
                    ProxyFlow::Throttle(_) => tokio::time::sleep(SLICE_INTERVAL).await,
                    ProxyFlow::Pass | ProxyFlow::Stall | ProxyFlow::Mute | ProxyFlow::Cut(_) | ProxyFlow::Close(_) | ProxyFlow::CutAfter(_) => {}
                }
                let allowed = if let ProxyFlow::CutAfter(limit) = now { count.min(limit - passed) } else { count };
                passed += allowed;
                if client.write_all(&down[..allowed]).await.is_err() {
                    return;
                }
                if allowed < count || now == ProxyFlow::CutAfter(passed) {
                    return reset_both(client, server);
                }
            }
        }
    }
}

/// Returns how much is carried at a time.
fn portion(flow: ProxyFlow) -> usize {
    if let ProxyFlow::Throttle(rate) = flow { (rate / SLICES_PER_SECOND).clamp(1, BUFFER_BYTES) } else { BUFFER_BYTES }
}

fn reset_both(client: TcpStream, server: TcpStream) {
    reset(client);
    reset(server);
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}
