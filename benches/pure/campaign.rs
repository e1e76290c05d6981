//! The campaigns that are benched, and what happens in them.

use std::sync::Arc;

use jiff::Timestamp;
use scry_model::event::{Delivery, Snapshot};
use scry_protocol::{Event, Position};
use scry_text as text;
use serde_json::{Value, json};

/// How many structures a settlement has; a real one has as many.
const STRUCTURES_PER_SETTLEMENT: u32 = 3;
/// How many events one go takes.
pub const EVENTS_PER_RUN: u32 = 1_000;

/// A campaign by its settlements.
#[derive(Clone, Copy)]
pub struct CampaignSize {
    pub settlements: u32,
}

/// As a table has it, and one of 10,000 entities.
pub const USUAL_CAMPAIGN: CampaignSize = CampaignSize { settlements: 200 };
pub const HUGE_CAMPAIGN: CampaignSize = CampaignSize { settlements: 2_500 };

fn entity(kind: &str, id: &str, parent: (&str, &str)) -> Value {
    json!({
        "__typename": kind, "id": id, "campaignId": "c", "name": format!("{kind} {id}"), "version": 1,
        "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z", parent.0: parent.1,
        "description": "A walled market town where the road meets the river.", "level": 3,
        "variables": {"population": 1248, "morale": "steady", "treasury": 640, "trade": ["barley", "wool"]},
        "variableSchemas": {"population": {"type": "number", "unit": "souls", "min": 0, "max": 20000}},
        "computed": {"defence": {"value": 12, "formula": "towers * 4 + walls"}},
        "conditions": [{"name": "defended", "holds": true, "expression": "defence >= 9", "because": "Defence is 12."}],
    })
}

impl CampaignSize {
    /// Returns everything in it.
    pub fn snapshot(self) -> Snapshot {
        let member = |n: u32| {
            json!({"__typename": "Member", "id": format!("m{n}"), "campaignId": "c", "userId": format!("u{n}"),
                "name": format!("Player {n}"), "role": "EDITOR", "version": 1})
        };
        let mut nodes = vec![
            json!({"__typename": "Campaign", "id": "c", "campaignId": "c", "name": "Bench", "version": 1,
                "worldTime": "1207-09-14T18:20:00.000Z", "myRole": "OWNER"}),
            json!({"__typename": "Kingdom", "id": "k", "campaignId": "c", "name": "Vael", "version": 1}),
        ];
        nodes.extend((0..8).map(member));
        for settlement in 0..self.settlements {
            let id = format!("s{settlement}");
            nodes.push(entity("Settlement", &id, ("kingdomId", "k")));
            let structure = |number| entity("Structure", &format!("{id}-{number}"), ("settlementId", &id));
            nodes.extend((0..STRUCTURES_PER_SETTLEMENT).map(structure));
        }
        Snapshot {
            campaign_id: "c".parse().unwrap(),
            position: Some(Position::new("e", 0)),
            nodes: scry_text::json::intern_all(&nodes),
        }
    }

    /// Returns a journal as a busy table writes it, as text off the wire.
    pub fn journal(self) -> Vec<String> {
        let event = |seq: u32| {
            let settlement = format!("s{}", seq * 7 % self.settlements);
            let structure = format!("{settlement}-{}", seq % STRUCTURES_PER_SETTLEMENT);
            let (kind, payload) = match seq % 10 {
                0 => (
                    "world_time_changed",
                    json!({"campaignId": "c", "previousTime": "1207-09-14T18:20:00.000Z",
                        "newTime": "1207-09-14T19:20:00.000Z", "elapsedSeconds": 3600}),
                ),
                1..=5 => (
                    "settlement_updated",
                    json!({"settlementId": settlement, "operation": "update", "campaignId": "c",
                        "changedFields": ["variables.population"]}),
                ),
                _ => (
                    "structure_updated",
                    json!({"structureId": structure, "settlementId": settlement, "operation": "update",
                        "campaignId": "c", "changedFields": ["level"]}),
                ),
            };
            json!({"type": kind, "payload": payload, "metadata": {
                "v": 1, "timestamp": "2026-01-01T00:00:00.000Z", "userId": format!("u{}", seq % 8), "source": "api",
                "version": 2, "eventId": format!("event-{seq}"), "epoch": "e", "seq": seq, "correlationId": "bench",
                "changes": [{"field": "level", "from": 3, "to": 4}]}})
            .to_string()
        };
        (1..=EVENTS_PER_RUN).map(event).collect()
    }
}

/// Reads an event off the wire and makes it safe.
pub fn decode(text: &str) -> Event {
    let value = text::json(serde_json::from_str(text).unwrap());
    Event::from_value(&value).unwrap()
}

/// Reads an event off the wire as the connection hands it on.
pub fn delivery(text: &str) -> Delivery {
    let raw: Value = serde_json::from_str(text).unwrap();
    Delivery {
        received_at: Timestamp::UNIX_EPOCH,
        room: None,
        name: raw["type"].as_str().unwrap().into(),
        event: Event::from_value(&raw).map(Arc::new),
        raw: Arc::new(raw),
    }
}

/// Returns a message of the gateway that is no event of the campaign.
pub fn message(name: &str, payload: Value) -> Delivery {
    Delivery {
        received_at: Timestamp::UNIX_EPOCH,
        room: None,
        name: name.into(),
        event: None,
        raw: Arc::new(json!({"type": name, "payload": payload})),
    }
}
