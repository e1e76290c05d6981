//! One session's decisions, without I/O and without a clock: what came and what time it is go in, what is to be
//! done comes out.
//!
//! [`ClientSession`] is the client's side. What the server's side shares with it — the handshake, the reasons for an
//! end, the offsets of Connection State Recovery — lies beside it.
//!
//! ```
//! use std::time::Instant;
//! use scry_wire::session::{ClientSession, Frame, Lane, SessionConfig, SessionInput, SessionOutput, TransportKind};
//!
//! let now = Instant::now();
//! let mut session = ClientSession::new(SessionConfig::default(), TransportKind::WebSocket, now);
//! let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
//! let outputs: Vec<_> = session.handle(SessionInput::Text(Lane::Main, open), now).collect();
//! assert_eq!(outputs, [SessionOutput::Send(Lane::Main, Frame::Text("40".into()))]);
//! ```

mod client;
mod close;
mod handshake;
mod offset;

pub use self::client::{
    ClientSession, Connected, Emission, EventAnswer, Frame, Lane, NotConnectedError, Recovery, ServerEvent,
    SessionConfig, SessionInput, SessionOutput, TransportKind,
};
pub use self::close::{CloseReason, NamespaceRefusal};
pub use self::handshake::Handshake;
pub use self::offset::is_offset;
