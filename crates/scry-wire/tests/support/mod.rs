//! Servers and proxies that do one thing each, in this process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use scry_wire::client::{Client, ClientOptions, Connection, Incoming};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

pub const OPEN: &str = r#"0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// What a server does with the wish for a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUpgrade {
    Accept,
    Refuse,
    Reset,
    Hang,
    SilentAfter101,
}

/// What a server answers to every request.
#[derive(Debug, Clone, Copy)]
pub struct Canned {
    pub head: &'static str,
    pub body: &'static str,
}

/// How a server answers.
#[derive(Debug, Clone)]
pub struct Behaviour {
    pub on_upgrade: OnUpgrade,
    /// Sends bodies in chunks of so many bytes, with a pause between them.
    pub chunk: Option<(usize, Duration)>,
    /// What is answered in place of everything else.
    pub canned: Option<Canned>,
    /// The event that follows the welcome, as a packet.
    pub event: String,
}

impl Behaviour {
    pub fn new(on_upgrade: OnUpgrade) -> Self {
        Self { on_upgrade, chunk: None, canned: None, event: r#"42["hello",1]"#.to_owned() }
    }
}

/// A server or proxy, with what it was asked.
pub struct TestPeer {
    pub port: u16,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl TestPeer {
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn options(&self) -> ClientOptions {
        ClientOptions::new(self.url().parse().unwrap()).open_timeout(Duration::from_millis(300))
    }

    pub fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Counts the requests whose first line or headers contain a text.
    pub fn count(&self, text: &str) -> usize {
        self.asked().iter().filter(|request| request.contains(text)).count()
    }
}

/// A request: its head as text, and its body.
struct Request {
    head: String,
    body: String,
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { head, body: String::from_utf8(body).unwrap() })
}

async fn answer(stream: &mut BufReader<TcpStream>, body: &str, chunk: Option<(usize, Duration)>) {
    let Some((size, pause)) = chunk else {
        let head = format!("HTTP/1.1 200 OK\r\nSet-Cookie: node=n1; Path=/\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        return;
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    for piece in body.as_bytes().chunks(size) {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        stream.write_all(piece).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
        tokio::time::sleep(pause).await;
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
}

/// Starts a server that welcomes a client, sends one event and waits.
pub async fn server(behaviour: Behaviour) -> TestPeer {
    let state = Arc::new(Mutex::new(0_usize));
    listen(move |stream, asked| serve(stream, asked, behaviour.clone(), state.clone())).await
}

/// Listens, and hands each connection on with the list of what was asked.
pub async fn listen<F>(handle: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static) -> TestPeer
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let list = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(handle(stream, list.clone()));
        }
    });
    TestPeer { port, asked }
}

async fn serve(stream: TcpStream, asked: Arc<Mutex<Vec<String>>>, behaviour: Behaviour, polls: Arc<Mutex<usize>>) {
    let mut beginning = [0; 256];
    let peeked = stream.peek(&mut beginning).await.unwrap_or(0);
    if String::from_utf8_lossy(&beginning[..peeked]).contains("transport=websocket")
        && behaviour.canned.is_none()
        && matches!(behaviour.on_upgrade, OnUpgrade::Accept | OnUpgrade::SilentAfter101)
    {
        asked.lock().unwrap().push("upgrade".to_owned());
        return websocket(stream, &behaviour).await;
    }
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        asked.lock().unwrap().push(format!("{}{}", request.head, request.body));
        if let Some(canned) = behaviour.canned {
            let length = canned.body.len();
            let text = format!("HTTP/1.1 {}\r\nContent-Length: {length}\r\n\r\n{}", canned.head, canned.body);
            stream.write_all(text.as_bytes()).await.unwrap();
            continue;
        }
        if request.head.contains("transport=websocket") {
            match behaviour.on_upgrade {
                OnUpgrade::Refuse => {
                    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
                    continue;
                }
                OnUpgrade::Hang => std::future::pending().await,
                OnUpgrade::Reset | OnUpgrade::Accept | OnUpgrade::SilentAfter101 => return,
            }
        }
        if request.head.starts_with("POST") {
            answer(&mut stream, "ok", None).await;
            continue;
        }
        let poll = if request.head.contains("sid=") {
            let mut polls = polls.lock().unwrap();
            *polls += 1;
            *polls
        } else {
            *polls.lock().unwrap() = 0;
            0
        };
        match poll {
            0 => answer(&mut stream, OPEN, behaviour.chunk).await,
            1 => answer(&mut stream, r#"40{"sid":"s1"}"#, behaviour.chunk).await,
            2 => answer(&mut stream, &format!("2\u{1e}{}", behaviour.event), behaviour.chunk).await,
            _ => std::future::pending().await,
        }
    }
}

async fn websocket(stream: TcpStream, behaviour: &Behaviour) {
    use futures_util::{SinkExt, StreamExt};
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    if behaviour.on_upgrade == OnUpgrade::SilentAfter101 {
        std::future::pending::<()>().await;
    }
    socket.send(Message::text(OPEN)).await.unwrap();
    let _ = socket.next().await;
    socket.send(Message::text(r#"40{"sid":"s1"}"#)).await.unwrap();
    socket.send(Message::text(behaviour.event.clone())).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

/// Starts an HTTP proxy that tunnels, if `lets_through`, and hands on plain requests.
pub async fn http_proxy(lets_through: bool, target: u16) -> TestPeer {
    listen(move |stream, asked| async move {
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        asked.lock().unwrap().push(head.clone());
        let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
        if !head.starts_with("CONNECT") {
            server.write_all(head.as_bytes()).await.unwrap();
        } else if lets_through {
            stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").await.unwrap();
        } else {
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            return;
        }
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    })
    .await
}

/// Starts a SOCKS 5 proxy that wants a name and a password, and notes where it is asked to go.
pub async fn socks_proxy(target: u16) -> TestPeer {
    listen(move |mut stream, asked| async move {
        let mut greeting = [0; 2];
        stream.read_exact(&mut greeting).await.unwrap();
        let mut methods = vec![0; usize::from(greeting[1])];
        stream.read_exact(&mut methods).await.unwrap();
        if !methods.contains(&2) {
            let _ = stream.write_all(&[5, 255]).await;
            return;
        }
        stream.write_all(&[5, 2]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
        let mut credentials = Vec::new();
        for _ in 0..2 {
            let mut text = vec![0; usize::from(stream.read_u8().await.unwrap())];
            stream.read_exact(&mut text).await.unwrap();
            credentials.push(String::from_utf8(text).unwrap());
        }
        stream.write_all(&[1, u8::from(credentials != ["me", "secret"])]).await.unwrap();
        let mut head = [0; 4];
        if stream.read_exact(&mut head).await.is_err() {
            return;
        }
        let mut place = match head[3] {
            1 => vec![0; 4],
            3 => vec![0; usize::from(stream.read_u8().await.unwrap())],
            _ => vec![0; 16],
        };
        stream.read_exact(&mut place).await.unwrap();
        let port = stream.read_u16().await.unwrap();
        asked.lock().unwrap().push(format!("{}:{port}", String::from_utf8_lossy(&place)));
        let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    })
    .await
}

/// Reads the next thing that comes, in time, but for pings.
pub async fn next(connection: &mut Connection) -> Incoming {
    loop {
        let incoming = tokio::time::timeout(LIMIT, connection.next()).await.expect("something comes");
        let incoming = incoming.expect("the connection goes on");
        if !matches!(incoming, Incoming::Ping) {
            return incoming;
        }
    }
}
