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
    deliveries: Vec<EventDelivery<'a>>,
    /// For each socket the deliveries that it gets, in order.
    shares: HashMap<Sid, Vec<usize>>,
}

/// One event and how many sockets it goes to.
pub(super) struct EventDelivery<'a> {
    pub row: &'a JournalRow,
    pub sockets: usize,
    /// As it is stored: it is not parsed only to be written again.
    body: Option<&'a RawValue>,
}

impl<'a> Batch<'a> {
    /// Adds the event that follows those already in the batch.
    pub(super) fn add(&mut self, row: &'a JournalRow, recipients: &[Sid]) {
        for sid in recipients {
            self.shares.entry(*sid).or_default().push(self.deliveries.len());
        }
        let body = serde_json::from_str(&row.body)
            .inspect_err(|error| tracing::error!(%error, seq = row.seq, "an event in the journal is not JSON"))
            .ok();
        self.deliveries.push(EventDelivery { row, sockets: recipients.len(), body });
    }

    /// Hands every socket what it gets, and empties the batch; returns what was in it.
    pub(super) fn deliver(&mut self, connections: &Connections) -> Vec<EventDelivery<'a>> {
        let shares = std::mem::take(&mut self.shares);
        let deliveries = std::mem::take(&mut self.deliveries);
        for (sid, share) in &shares {
            let Some(connection) = connections.find(*sid) else { continue };
            for delivery in share.iter().filter_map(|index| deliveries.get(*index)) {
                if let Some(body) = delivery.body {
                    connection.send(&delivery.row.event_type, body);
                }
            }
        }
        deliveries
    }
}
