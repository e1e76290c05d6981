//! The journal: every durable event, numbered per campaign, in the transaction that made the change.

mod custom;
mod read;
mod trim;
mod write;

use scry_protocol::{Id, Room};

use super::db::Db;

pub use custom::{CustomEvent, append_custom, append_removal, open};
pub(crate) use read::after;
pub use write::{EventDraft, append, append_all};

/// Reads the journal; clones are cheap.
#[derive(Debug, Clone)]
pub struct Journal {
    db: Db,
}

/// One event as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Its number in its journal, counted from 1.
    pub seq: u64,
    /// The journal that `seq` counts in.
    pub epoch: String,
    /// The event's name.
    pub event_type: String,
    /// The event as sent: JSON `{type, payload, metadata}`.
    pub body: String,
    /// The settlement whose room gets the event.
    pub settlement_id: Option<Id>,
    /// The structure whose room gets the event.
    pub structure_id: Option<Id>,
    /// The user whom this event ended a membership of: their sockets leave the campaign's rooms
    /// before anything later is sent.
    pub revoked_user: Option<Id>,
    /// When the change began, in Unix milliseconds.
    pub created_ms: i64,
    /// The rooms that get an event of a catalogue; `None` for a campaign's.
    pub rooms: Option<Vec<Room>>,
}

impl Journal {
    /// Builds the journal over a database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scry_protocol::event::{EntityUpdated, StructureUpdated};
    use scry_protocol::{EntityType, Event, Operation, Payload, Prev, Source};

    use super::*;
    use crate::clock;
    use crate::config::{JournalConfig, ServerConfig};
    use crate::db::{DbError, Tx};

    async fn journal(dir: &std::path::Path) -> Journal {
        let db = Db::open(&ServerConfig::new(dir)).await.unwrap();
        sqlx::query("INSERT INTO campaigns (id, epoch) VALUES ('c', 'first')").execute(&db.writer).await.unwrap();
        Journal::new(db)
    }

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    fn kingdom_event() -> Payload {
        Payload::EntityUpdated(EntityUpdated {
            entity_type: EntityType::Kingdom,
            entity_id: id("k"),
            campaign_id: id("c"),
            operation: Operation::Update,
            changed_fields: vec!["name".to_owned()],
        })
    }

    fn structure_event(structure: &str) -> Payload {
        Payload::StructureUpdated(StructureUpdated {
            structure_id: id(structure),
            settlement_id: id("s"),
            operation: Operation::Update,
            campaign_id: id("c"),
            changed_fields: vec![],
        })
    }

    fn draft(payload: Payload) -> EventDraft {
        EventDraft {
            payload,
            user_id: Some(id("u")),
            source: Source::Api,
            correlation_id: "test".to_owned(),
            caused_by: None,
            version: Some(2),
            changes: vec![],
            revoked_user: None,
            effect: None,
            now: clock::now(),
        }
    }

    async fn record(journal: &Journal, payload: Payload) -> Event {
        journal.db.write(async |tx: &mut Tx| append(tx, draft(payload)).await).await.unwrap()
    }

    #[tokio::test]
    async fn events_are_numbered_and_stored() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path()).await;
        let first = record(&journal, kingdom_event()).await;
        record(&journal, kingdom_event()).await;
        assert_eq!(journal.head(&id("c")).await.unwrap().unwrap().seq, 2);
        assert_eq!(journal.head(&id("nowhere")).await.unwrap(), None);
        let rows = journal.after(&id("c"), 0, 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(serde_json::from_str::<Event>(&rows[0].body).unwrap(), first);
    }

    #[tokio::test]
    async fn a_narrow_room_knows_its_previous_event() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path()).await;
        record(&journal, kingdom_event()).await;
        let first = record(&journal, structure_event("t")).await;
        record(&journal, kingdom_event()).await;
        record(&journal, structure_event("other")).await;
        let last = record(&journal, structure_event("t")).await;
        assert_eq!(first.metadata.prev, Some(Prev { settlement: Some(0), structure: Some(0) }));
        assert_eq!(last.metadata.prev, Some(Prev { settlement: Some(4), structure: Some(2) }));
        let rows = journal.replay(&Room::Structure(id("t")), 0, 9).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [2, 5]);
        let rows = journal.replay(&Room::Settlement(id("s")), 2, 4).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [4]);
    }

    #[tokio::test]
    async fn many_events_are_stored_as_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path()).await;
        let payloads = || {
            let structures = (0..300).map(|index| structure_event(&format!("t{}", index % 7)));
            structures.chain([kingdom_event()]).collect::<Vec<_>>()
        };
        record(&journal, structure_event("t3")).await;
        let drafts = || payloads().into_iter().map(draft).collect();
        let together = journal.db.write(async |tx: &mut Tx| append_all(tx, &id("c"), drafts()).await).await.unwrap();
        let mut each = Vec::new();
        for payload in payloads() {
            each.push(record(&journal, payload).await);
        }
        // The second time every room has 301 events more before it, and t0 to t6 have been there.
        let places = |events: &[Event]| {
            let place = |event: &Event| (event.metadata.seq.unwrap(), event.metadata.prev);
            events.iter().map(place).collect::<Vec<_>>()
        };
        let (together, each) = (places(&together), places(&each));
        let (offset, repeat) = (together[0].0, each[0].0);
        assert_eq!((offset, repeat), (2, 303));
        for (index, (one, other)) in together.iter().zip(&each).enumerate().skip(7) {
            let moved = one.1.map(|prev| Prev {
                settlement: prev.settlement.map(|seq| seq + 301),
                structure: prev.structure.map(|seq| seq + 301),
            });
            assert_eq!((one.0 + 301, moved), *other, "{index}");
        }
        assert_eq!(together[0].1, Some(Prev { settlement: Some(1), structure: Some(0) }));
        assert_eq!(together[3].1, Some(Prev { settlement: Some(4), structure: Some(1) }));
        assert_eq!(each[0].1, Some(Prev { settlement: Some(301), structure: Some(296) }));
        let rows = journal.replay(&Room::Structure(id("t3")), 0, 302).await.unwrap();
        assert_eq!(rows.len(), 1 + 43);
    }

    #[tokio::test]
    async fn a_change_that_is_rolled_back_takes_no_number() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path()).await;
        let given_up = async |tx: &mut Tx| {
            append(tx, draft(kingdom_event())).await?;
            Err::<(), _>(DbError::corrupt("test", "given up"))
        };
        journal.db.write(given_up).await.unwrap_err();
        assert_eq!(record(&journal, kingdom_event()).await.metadata.seq, Some(1));
    }

    #[tokio::test]
    async fn old_and_excess_events_are_trimmed_and_raise_the_floor() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path()).await;
        for _ in 0..5 {
            record(&journal, kingdom_event()).await;
        }
        let few = JournalConfig { max_events: 2, ..JournalConfig::default() };
        assert_eq!(journal.trim(&few, clock::now()).await.unwrap(), 3);
        assert_eq!(journal.floor(&id("c")).await.unwrap(), 3);
        let tomorrow = clock::now().checked_add(Duration::from_secs(25 * 3600)).unwrap();
        assert_eq!(journal.trim(&JournalConfig::default(), tomorrow).await.unwrap(), 2);
        assert_eq!(journal.floor(&id("c")).await.unwrap(), 5);
        assert_eq!(record(&journal, kingdom_event()).await.metadata.seq, Some(6), "numbers go on");
    }
}
