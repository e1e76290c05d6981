//! A Socket.IO client made of bytes: it may say what no library would.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

pub use super::wait::WAIT_TIMEOUT;

const TEXT_OPCODE: u8 = 0x1;

/// One WebSocket, read frame by frame.
pub struct RawSocketClient {
    /// The connection.
    pub stream: TcpStream,
    unread: Vec<u8>,
    /// What came beside the answers, as `[name, payload]`.
    pub events: VecDeque<Value>,
    next_ack: u64,
}

/// Opens a TCP connection to a server named by its URL.
pub async fn dial(url: &str) -> TcpStream {
    dial_from(url, IpAddr::from([127, 0, 0, 1])).await.unwrap()
}

/// Opens a TCP connection from one of this machine's loopback addresses.
pub async fn dial_from(url: &str, from: IpAddr) -> std::io::Result<TcpStream> {
    let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends bytes on a new connection and returns all that comes back until the server closes it.
pub async fn exchange(url: &str, bytes: &[u8]) -> String {
    let mut stream = dial(url).await;
    // Who has heard enough may close before the end.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = timeout(WAIT_TIMEOUT, stream.read_to_end(&mut answer)).await;
    // A reset is an end as well.
    let _ = read.expect("the server should have closed the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Writes what begins a WebSocket on the gateway's path.
pub fn upgrade(query: &str) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nHost: scry\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Writes one frame as a client does; the mask is zero, so the payload stays as it is.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        medium @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

impl RawSocketClient {
    /// Opens a WebSocket up to the Engine.IO handshake; `query` begins with `&` where it is not empty.
    pub async fn open(url: &str, query: &str) -> Self {
        Self::over(dial(url).await, query).await.expect("the server should upgrade the connection")
    }

    /// Does the same over a connection; `None` if the server does not want it.
    pub async fn over(stream: TcpStream, query: &str) -> Option<Self> {
        Self::with(stream, &upgrade(query)).await
    }

    /// Does the same with a request of the caller's own.
    pub async fn with(mut stream: TcpStream, request: &str) -> Option<Self> {
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut raw = Self { stream, unread: Vec::new(), events: VecDeque::new(), next_ack: 0 };
        let end = loop {
            if let Some(end) = raw.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            if !raw.fill().await {
                return None;
            }
        };
        let head: Vec<u8> = raw.unread.drain(..end).collect();
        if !head.starts_with(b"HTTP/1.1 101") {
            return None;
        }
        raw.text().await.filter(|open| open.starts_with('0'))?;
        Some(raw)
    }

    /// Connects the namespace with a token in `auth`.
    ///
    /// # Errors
    /// The message of the `connect_error`.
    pub async fn connect(url: &str, token: &str) -> Result<Self, String> {
        let mut raw = Self::open(url, "").await;
        raw.greet(&json!({"token": token})).await?;
        Ok(raw)
    }

    /// Sends the CONNECT packet and waits for the answer to it.
    ///
    /// # Errors
    /// The message of the `connect_error`.
    pub async fn greet(&mut self, auth: &Value) -> Result<(), String> {
        self.send(&format!("40{auth}")).await;
        let answer = self.text().await.ok_or("the connection was closed")?;
        match answer.strip_prefix("44") {
            None if answer.starts_with("40") => Ok(()),
            None => Err(answer),
            Some(error) => {
                let error: Value = serde_json::from_str(error).unwrap();
                Err(error["message"].as_str().unwrap().to_owned())
            }
        }
    }

    /// Emits an event and waits for its acknowledgement; `None` if the connection ends before.
    pub async fn ask(&mut self, event: &str, payload: &Value) -> Option<Value> {
        let ack = self.emit(event, payload).await;
        self.answer(ack).await
    }

    /// Emits an event; returns the number that its acknowledgement will have.
    pub async fn emit(&mut self, event: &str, payload: &Value) -> u64 {
        self.next_ack += 1;
        let packet = format!("42{}{}", self.next_ack, json!([event, payload]));
        self.send(&packet).await;
        self.next_ack
    }

    /// Waits for an acknowledgement, keeping the events that come before it.
    pub async fn answer(&mut self, ack: u64) -> Option<Value> {
        let wanted = format!("43{ack}[");
        while let Some(text) = self.text().await {
            if text.starts_with(&wanted) {
                let answer: Value = serde_json::from_str(&text[wanted.len() - 1..]).unwrap();
                return Some(answer[0].clone());
            }
            if text.starts_with("41") {
                return None;
            }
            self.keep(&text);
        }
        None
    }

    /// Waits until an event has come that `wanted` accepts, or came before.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) {
        while !self.events.iter().any(&wanted) {
            let text = self.text().await.unwrap_or_else(|| panic!("the connection ended before {what}"));
            self.keep(&text);
        }
    }

    /// Waits until the namespace or the connection is closed, keeping the events that come before.
    pub async fn closed(&mut self) {
        let end = async {
            while let Some(text) = self.text().await {
                if text.starts_with("41") {
                    return;
                }
                self.keep(&text);
            }
        };
        timeout(WAIT_TIMEOUT, end).await.expect("the server should have closed the connection");
    }

    /// Returns the highest `seq` of the events seen so far.
    pub fn last_seq(&self) -> u64 {
        self.events.iter().filter_map(|event| event[1]["metadata"]["seq"].as_u64()).max().unwrap_or_default()
    }

    /// Sends a text message; a connection that has gone is no fault.
    pub async fn send(&mut self, text: &str) {
        self.send_bytes(&frame(0x80 | TEXT_OPCODE, text.as_bytes())).await;
    }

    /// Sends bytes as they are; a connection that has gone is no fault.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Returns the next text message, answering pings; `None` at the end.
    pub async fn text(&mut self) -> Option<String> {
        loop {
            let (opcode, payload) = timeout(WAIT_TIMEOUT, self.message()).await.expect("nothing came in time")?;
            if opcode == 0x8 {
                return None;
            }
            let text = String::from_utf8(payload).unwrap();
            if text == "2" {
                self.send("3").await;
            } else {
                return Some(text);
            }
        }
    }

    fn keep(&mut self, text: &str) {
        if let Some(event) = text.strip_prefix("42") {
            self.events.push_back(serde_json::from_str(event).unwrap());
        }
    }

    async fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((opcode, start, length)) = head(&self.unread)
                && self.unread.len() >= start + length
            {
                let payload = self.unread[start..start + length].to_vec();
                self.unread.drain(..start + length);
                return Some((opcode, payload));
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.unread).await, Ok(read) if read > 0)
    }
}

/// Reads a server's frame head: what it is, where its payload begins, and how long it is.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (opcode, short) = (bytes.first()? & 0xf, usize::from(bytes.get(1)? & 0x7f));
    match short {
        126 => Some((opcode, 4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())))),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap());
            Some((opcode, 10, usize::try_from(length).unwrap()))
        }
        _ => Some((opcode, 2, short)),
    }
}
