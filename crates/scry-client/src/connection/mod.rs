//! The connection to a gateway.
//!
//! | module | what it is |
//! |---|---|
//! | `state_machine` | every decision: states, transitions, deadlines (pure) |
//! | `backoff`, `breaker` | when to try again, and when to stop (pure) |
//! | `subscriptions`, `gap_detector` | which rooms are held, and what was missed in them (pure) |
//! | `network` | whether the computer has another route to the network than before |
//! | `actor` | carries out what the connection state decides; the only reader of clock and randomness |
//! | `link` | a Socket.IO client, our own or a library, behind five kinds of event |

mod actor;
mod backoff;
mod breaker;
mod gap_detector;
mod link;
mod network;
mod state_machine;
mod subscriptions;

use std::time::Duration;

use serde_json::Value;

pub(super) use self::actor::{ActorConfig, ConnectionActor, ConnectionCommand};
pub use self::backoff::{BACKOFF_STEPS, delay};
pub use self::subscriptions::StartPosition;

use scry_config::client::ConnectionConfig;
use scry_model::event::Transport;

/// With the answer's time limit this makes half a minute, as long as a missing ping is waited for.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(20);

/// Bounds how long the connection waits for what.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    /// One attempt, from the first packet to the gateway's welcome.
    pub connect: Duration,
    /// One request; events that arrive meanwhile prove life and start it anew.
    pub request: Duration,
    /// The time from one measurement of the round trip to the next.
    pub latency_interval: Duration,
    /// The time limit of one such measurement.
    pub latency_timeout: Duration,
    /// How long a gateway without a pulse may be silent before the server is asked over another connection.
    pub silence: Duration,
    /// The first delay; the others are its multiples.
    pub backoff_unit: Duration,
    /// Whether each delay is shortened by up to a fifth at random, so that clients do not return together.
    pub jitter: bool,
    /// The time between attempts while the circuit is open; `None` makes none.
    pub probe: Option<Duration>,
    /// How long before its end a token is renewed (sooner for short-lived ones).
    pub renew_ahead: Duration,
    /// How often to look for a login made by another program, while one is needed.
    pub login_check: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self::from(&ConnectionConfig::default())
    }
}

impl From<&ConnectionConfig> for Timings {
    fn from(config: &ConnectionConfig) -> Self {
        Self {
            connect: config.connect_timeout,
            request: config.request_timeout,
            latency_interval: config.latency_interval,
            latency_timeout: config.latency_timeout,
            silence: SILENCE_TIMEOUT,
            backoff_unit: Duration::from_secs(1),
            jitter: config.jitter,
            probe: config.circuit.probe_interval,
            renew_ahead: Duration::from_secs(60),
            login_check: Duration::from_secs(2),
        }
    }
}

/// Counts connections; what an older one says is ignored.
type Generation = u64;

/// Reports what one connection did.
#[derive(Debug, Clone, PartialEq)]
enum LinkEvent {
    /// The gateway welcomed us, and says how often it will send a ping, where the library tells.
    Connected { transport: Transport, ping_interval: Option<Duration> },
    /// The gateway turned us away, with this message.
    Refused { message: String },
    /// An event came; several arguments are an array, none is null.
    Message { name: String, body: Value },
    /// The answer to the request with this id.
    Answer { id: u64, body: Value },
    /// The gateway has sent a ping.
    Ping,
    /// It is over. `certificate` says that the other side could not prove who it is.
    Ended { reason: String, certificate: bool },
}

/// Asks the gateway for something it answers.
#[derive(Debug, Clone, PartialEq)]
struct GatewayRequest {
    id: u64,
    name: &'static str,
    body: RequestBody,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
enum RequestBody {
    Json(Value),
    /// The current access token, which only the actor knows.
    Token,
}
