//! Events that were read from the journal together and go out together: to each socket in one go.
//!
//! What a delivery costs is above all the system call that writes it. A socket that is handed several
//! events at once wakes once and writes them at once.

use std::collections::HashMap;

use serde_json::value::RawValue;
use socketioxide::socket::Sid;

use crate::journal::JournalRow;
use crate::socket::Connections;

/// Collects events in the journal's order, each with who gets it.
#[derive(Default)]
pub(super) struct Batch<'a> {
    letters: Vec<Letter<'a>>,
    /// For each socket the letters that it gets, in order.
    shares: HashMap<Sid, Vec<usize>>,
}

/// Holds one event and how many sockets it goes to.
pub(super) struct Letter<'a> {
    pub row: &'a JournalRow,
    pub sockets: usize,
    /// As it is stored: it is not parsed only to be written again.
    body: Option<&'a RawValue>,
}

impl<'a> Batch<'a> {
    /// Adds the event that follows those already in the batch.
    pub(super) fn add(&mut self, row: &'a JournalRow, audience: &[Sid]) {
        for sid in audience {
            self.shares.entry(*sid).or_default().push(self.letters.len());
        }
        let body = serde_json::from_str(&row.body)
            .inspect_err(|error| tracing::error!(%error, seq = row.seq, "an event in the journal is not JSON"))
            .ok();
        self.letters.push(Letter { row, sockets: audience.len(), body });
    }

    /// Hands every socket what it gets, and empties the batch; returns what was in it.
    pub(super) fn deliver(&mut self, connections: &Connections) -> Vec<Letter<'a>> {
        let shares = std::mem::take(&mut self.shares);
        let letters = std::mem::take(&mut self.letters);
        for (sid, share) in &shares {
            let Some(connection) = connections.find(*sid) else { continue };
            for letter in share.iter().filter_map(|index| letters.get(*index)) {
                if let Some(body) = letter.body {
                    connection.send(&letter.row.event_type, body);
                }
            }
        }
        letters
    }
}
