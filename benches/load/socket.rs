//! One Socket.IO connection over WebSocket, as light as counting needs: 10,000 of them fit one process.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// An open connection whose namespace is joined.
pub struct BenchSocket(WebSocketStream<TcpStream>);

/// What a subscription was answered with, and how many events came before the answer.
#[derive(Debug)]
pub struct JoinAnswer {
    pub ack: Value,
    pub replayed: Vec<u64>,
}

impl BenchSocket {
    /// Connects to `address` (`host:port`) and presents the token.
    pub async fn open(address: &str, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(2048).write_buffer_size(0);
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = client_async_with_config(url, stream, Some(config)).await.context("no upgrade")?;
        let mut socket = Self(stream);
        let open = socket.text().await?;
        if !open.starts_with('0') {
            bail!("expected an open packet, got {open}");
        }
        socket.say(format!("40{}", json!({"token": token}))).await?;
        let answer = socket.next().await?;
        if answer.starts_with("40") { Ok(socket) } else { bail!("refused: {answer}") }
    }

    /// Subscribes with `event` and collects what is replayed before the answer.
    pub async fn subscribe(&mut self, event: &str, payload: &Value) -> Result<JoinAnswer> {
        self.say(format!("420{}", json!([event, payload]))).await?;
        let mut replayed = Vec::new();
        loop {
            let text = self.next().await?;
            if let Some(ack) = text.strip_prefix("430") {
                let mut ack: Value = serde_json::from_str(ack)?;
                let ack = ack.get_mut(0).map(Value::take).unwrap_or_default();
                if ack["success"] != json!(true) {
                    bail!("{event} was refused: {ack}");
                }
                return Ok(JoinAnswer { ack, replayed });
            }
            if let Some(seq) = seq(&text) {
                replayed.push(seq);
            }
        }
    }

    /// Returns the next packet that carries something; answers pings meanwhile.
    pub async fn next(&mut self) -> Result<Utf8Bytes> {
        loop {
            let text = self.text().await?;
            if text.as_str() == "2" {
                self.say("3".to_owned()).await?;
            } else {
                return Ok(text);
            }
        }
    }

    async fn text(&mut self) -> Result<Utf8Bytes> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(_))) | None => bail!("the server closed the connection"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(anyhow!(error)),
            }
        }
    }

    async fn say(&mut self, text: String) -> Result<()> {
        Ok(self.0.send(Message::Text(text.into())).await?)
    }
}

/// Returns whether a packet is a durable event, and not presence or a message to the user.
pub fn is_event(text: &str) -> bool {
    seq(text).is_some()
}

/// Returns an event's number in its campaign; it stands in the metadata, at the end.
pub fn seq(text: &str) -> Option<u64> {
    number_after(text.get(text.len().saturating_sub(160)..)?, "\"seq\":")
}

/// Returns how long ago an event was asked for, in microseconds: the asker puts the time in its payload.
pub fn age(text: &str) -> Option<u64> {
    now_us().checked_sub(number_after(text, "\"t:")?)
}

/// Returns the time in microseconds.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = text.get(text.find(key)? + key.len()..)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}
