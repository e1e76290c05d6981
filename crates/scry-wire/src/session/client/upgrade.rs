//! Moving a session from polling to WebSocket: probe, pause, switch.

use std::time::Instant;

use super::{ClientSession, Frame, Lane, SessionOutput, TransportKind};
use crate::codec::engine::Packet;
use crate::session::CloseReason;

/// How far a session is on its way to another transport.
#[derive(Debug, Default)]
pub(super) enum Upgrade {
    #[default]
    None,
    /// The second transport is being opened, or has not answered the probe.
    Probing { until: Instant },
    /// The second transport works; the first finishes what it has under way.
    Pausing { until: Instant, held: Vec<Frame> },
}

impl Upgrade {
    pub(super) fn begin(&mut self, until: Instant) {
        *self = Self::Probing { until };
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Probing { until } | Self::Pausing { until, .. } => Some(*until),
            Self::None => None,
        }
    }

    /// Returns the frame if it is to be sent now, and keeps it if it is to be sent later.
    pub(super) fn hold(&mut self, frame: Frame) -> Option<Frame> {
        match self {
            Self::Pausing { held, .. } => {
                held.push(frame);
                None
            }
            Self::None | Self::Probing { .. } => Some(frame),
        }
    }
}

impl ClientSession {
    pub(super) fn probe(&mut self) {
        if matches!(self.upgrade, Upgrade::Probing { .. }) {
            self.send_probe(&Packet::Ping("probe"));
        }
    }

    pub(super) fn probe_answered(&mut self, text: &str) {
        match (Packet::parse(text), &self.upgrade) {
            (Ok(Packet::Pong("probe")), Upgrade::Probing { until }) => {
                self.upgrade = Upgrade::Pausing { until: *until, held: Vec::new() };
                self.outputs.push(SessionOutput::Pause);
            }
            (Ok(Packet::Noop), _) => {}
            _ => self.abandon_upgrade(),
        }
    }

    pub(super) fn switch(&mut self) {
        let Upgrade::Pausing { held, .. } = std::mem::take(&mut self.upgrade) else { return };
        self.send_probe(&Packet::Upgrade);
        self.transport = TransportKind::WebSocket;
        self.outputs.push(SessionOutput::Switch);
        self.outputs.extend(held.into_iter().map(|frame| SessionOutput::Send(Lane::Main, frame)));
    }

    /// Stays with the first transport, or ends the session where that has been given up already: the server may
    /// have moved on.
    pub(super) fn abandon_upgrade(&mut self) {
        match self.upgrade {
            Upgrade::Probing { .. } => {
                self.upgrade = Upgrade::None;
                self.outputs.push(SessionOutput::DropProbe);
            }
            Upgrade::Pausing { .. } => {
                self.end(CloseReason::TransportFailed("the move to another transport did not finish".to_owned()));
            }
            Upgrade::None => {}
        }
    }

    fn send_probe(&mut self, packet: &Packet<'_>) {
        let mut text = String::new();
        packet.write(&mut text);
        self.outputs.push(SessionOutput::Send(Lane::Probe, Frame::Text(text)));
    }
}
