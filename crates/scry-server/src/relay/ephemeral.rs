//! Ephemeral events of a catalogue: sent to the sockets that are in its rooms at that moment.

use std::collections::{BTreeMap, HashSet};
use std::sync::PoisonError;

use scry_protocol::{Id, Room};
use serde_json::value::RawValue;
use socketioxide::socket::Sid;

use super::Relay;

impl Relay {
    /// Sends an event to the sockets in any of `rooms`, each once; returns which got it.
    ///
    /// What is journaled goes out before it, and takes out those who were removed; the channel is locked meanwhile.
    pub async fn broadcast(&self, rooms: &[Room], event: &str, body: &RawValue) -> HashSet<Sid> {
        let mut got = HashSet::new();
        for (journal, rooms) in self.by_journal(rooms) {
            let open = self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(&journal).cloned();
            let Some(channel) = open else { continue };
            let mut channel = channel.lock().await;
            if let Err(error) = self.advance(&journal, &mut channel).await {
                tracing::error!(%error, event, "cannot read the journal; an event was dropped");
                continue;
            }
            let recipients = channel.recipients(&rooms).into_iter().filter(|sid| got.insert(*sid)).collect::<Vec<_>>();
            for connection in self.connections.get(&recipients) {
                connection.send(event, body);
            }
        }
        got
    }

    fn by_journal(&self, rooms: &[Room]) -> BTreeMap<Id, Vec<Room>> {
        let mut by_journal: BTreeMap<Id, Vec<Room>> = BTreeMap::new();
        for room in rooms {
            if let Room::Custom(kind, _) = room
                && let Some((catalogue, _)) = self.state.config.catalogues.rooms(kind)
            {
                by_journal.entry(catalogue.journal.clone()).or_default().push(room.clone());
            }
        }
        by_journal
    }
}
