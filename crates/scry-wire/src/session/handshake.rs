//! What the server says at the start of an Engine.IO session.

use std::time::Duration;

use serde_json::{Value, json};

use crate::codec::DecodeError;

/// The longest interval that is believed; a number beyond it is taken for this.
const MAX_PING_INTERVAL: Duration = Duration::from_secs(3600);

/// The server's handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The session's id, which polling requests and an upgrade carry.
    pub sid: String,
    /// The transports that the session may be moved to.
    pub upgrades: Vec<String>,
    /// How often the server sends a ping.
    pub ping_interval: Duration,
    /// How much later than that a ping may come.
    pub ping_timeout: Duration,
    /// How many bytes a polling request may have; `None` where the server does not say.
    pub max_payload: Option<usize>,
}

impl Handshake {
    /// Reads the JSON of an open packet.
    ///
    /// # Errors
    /// [`DecodeError::Json`], or [`DecodeError::Malformed`] when something is missing.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        let value: Value = serde_json::from_str(text).map_err(|error| DecodeError::Json(error.to_string()))?;
        let malformed = |problem| DecodeError::Malformed { kind: "OPEN", problem };
        let sid = value.get("sid").and_then(Value::as_str).filter(|sid| !sid.is_empty());
        let interval = |name| value.get(name).and_then(Value::as_u64).map(Duration::from_millis);
        let upgrades = value.get("upgrades").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            sid: sid.ok_or(malformed("has no sid"))?.to_owned(),
            upgrades: upgrades.filter_map(Value::as_str).map(str::to_owned).collect(),
            ping_interval: interval("pingInterval").ok_or(malformed("has no pingInterval"))?.min(MAX_PING_INTERVAL),
            ping_timeout: interval("pingTimeout").ok_or(malformed("has no pingTimeout"))?.min(MAX_PING_INTERVAL),
            max_payload: value.get("maxPayload").and_then(Value::as_u64).and_then(|bytes| usize::try_from(bytes).ok()),
        })
    }

    /// Returns the JSON of an open packet.
    #[must_use]
    pub fn to_json(&self) -> String {
        let millis = |interval: Duration| u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        json!({
            "sid": self.sid,
            "upgrades": self.upgrades,
            "pingInterval": millis(self.ping_interval),
            "pingTimeout": millis(self.ping_timeout),
            "maxPayload": self.max_payload,
        })
        .to_string()
    }

    /// Returns how long the server may be silent.
    #[must_use]
    pub fn max_silence(&self) -> Duration {
        self.ping_interval + self.ping_timeout
    }
}
