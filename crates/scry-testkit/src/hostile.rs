//! A gateway that says hostile things in every field it has.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake_gateway::FakeGateway;

/// The campaign that the gateway pretends to have.
pub const CAMPAIGN: &str = "01970000-0000-7000-8000-000000000001";
const ROOM: &str = "campaign:01970000-0000-7000-8000-000000000001";

/// Clears the screen, sets the title, writes the clipboard, moves the cursor, rings, turns the direction, hides letters.
pub const HOSTILE_TEXT: &str = "\u{1b}[2J\u{1b}]0;pwned\u{7}\u{1b}]52;c;cHduZWQ=\u{7}\u{9b}31m\u{9d}0;pwned\u{9c}\u{1b}P1$r\u{1b}\\\
    \u{1b}[6n\u{7}\u{8}\r\n\u{202e}evil\u{2066}\u{200b}\u{feff}\u{e0041}砦e\u{301}👩‍👩‍👧";

/// How many characters a name has that nobody gives to anything.
const HUGE_NAME_CHARS: usize = 10_000_000;

/// Returns a hostile text that begins with a word to look for.
pub fn hostile(word: &str) -> String {
    format!("{word}{HOSTILE_TEXT}")
}

/// Runs the gateway.
pub struct HostileGateway {
    /// The gateway.
    pub gateway: FakeGateway,
    seq: u64,
}

impl HostileGateway {
    /// Starts it.
    pub async fn start() -> Self {
        let position = json!({"epoch": "x", "seq": 10});
        let options = json!({
            "api": api(),
            "joined": {"room": ROOM, "position": position, "recovered": false, "replayed": 0},
            "server": {"maxHttpBufferSize": 100_000_000},
        });
        Self { gateway: FakeGateway::start(options).await, seq: 10 }
    }

    /// Sends every kind of message there is, hostile in every field; the last one is about `word`.
    pub async fn say_everything(&mut self, word: &str) {
        for event in self.durable() {
            let name = event["type"].as_str().unwrap().to_owned();
            self.gateway.emit(ROOM, &name, json!([event])).await;
        }
        for (name, payload) in passing() {
            self.gateway.emit(ROOM, name, json!([payload])).await;
        }
        self.gateway
            .emit(
                ROOM,
                &hostile("event"),
                json!([{HOSTILE_TEXT: [HOSTILE_TEXT, {"x": HOSTILE_TEXT}], "x": HOSTILE_TEXT}]),
            )
            .await;
        self.say(&hostile(word)).await;
    }

    /// Sends what no reader is made for: a huge name, nested lists without end, bytes that are no text.
    pub async fn say_the_impossible(&mut self) {
        self.say(&"x".repeat(HUGE_NAME_CHARS)).await;
        let name = "n".repeat(HUGE_NAME_CHARS);
        let person = json!({"campaignId": CAMPAIGN, "userId": "u8", "name": name, "status": "online", "resources": []});
        self.gateway.emit(ROOM, "presence:change", json!([person])).await;
        let told = json!({"id": "n8", "title": name, "body": name, "level": "info", "createdAt": ""});
        self.gateway.emit(ROOM, "notification:new", json!([told])).await;
        self.gateway.deep(100_000).await;
        self.gateway.frame(b"42[\"settlement_updated\",{\"type\":\"\xff\xfe\x1b]0;pwned\x07\"}]").await;
    }

    /// Tells that a settlement was given a value.
    pub async fn say(&mut self, value: &str) {
        let changes = json!([{"field": "description", "from": value, "to": value}]);
        let event = self.event(
            "settlement_updated",
            json!({"settlementId": "s1", "operation": "update", "changedFields": [value]}),
            changes,
        );
        self.gateway.emit(ROOM, "settlement_updated", json!([event])).await;
    }

    fn event(&mut self, kind: &str, mut payload: Value, changes: Value) -> Value {
        self.seq += 1;
        payload["campaignId"] = json!(CAMPAIGN);
        json!({"type": kind, "payload": payload, "metadata": {"v": 1, "timestamp": "2026-03-01T18:20:00.000Z", "userId": "u1",
            "source": HOSTILE_TEXT, "correlationId": HOSTILE_TEXT, "causedBy": "event-1", "eventId": format!("event-{}", self.seq),
            "epoch": "x", "seq": self.seq, "changes": changes, HOSTILE_TEXT: HOSTILE_TEXT}})
    }

    fn durable(&mut self) -> Vec<Value> {
        let field = hostile("field");
        let changes =
            json!([{"field": field, "from": HOSTILE_TEXT, "to": [HOSTILE_TEXT, {HOSTILE_TEXT: HOSTILE_TEXT}]}]);
        vec![
            self.event("settlement_updated", json!({"settlementId": "s1", "operation": "update", "changedFields": [field]}), changes.clone()),
            self.event("structure_updated", json!({"structureId": "t1", "settlementId": "s1", "operation": "create", "changedFields": [field]}), changes.clone()),
            self.event("entity_updated", json!({"entityType": hostile("type"), "entityId": "e1", "operation": "update", "changedFields": [field]}), changes),
            self.event("state_invalidated", json!({"scope": "entity", "entityType": "settlement", "entityId": "s1", "affectedFields": [field]}), json!([])),
            self.event("world_time_changed", json!({"previousTime": "1207-09-14T18:20:00.000Z", "newTime": "1207-09-14T19:20:00.000Z",
                "elapsedSeconds": 3_600, HOSTILE_TEXT: HOSTILE_TEXT}), json!([])),
        ]
    }
}

/// Waits as long as a hostile gateway may keep a reader busy.
pub const MAX_BUSY_TIME: Duration = Duration::from_secs(60);

fn passing() -> Vec<(&'static str, Value)> {
    let name = hostile("Nobody");
    let resource = json!({"type": "settlement", "id": "s1", "state": "editing"});
    vec![
        (
            "presence:state",
            json!({"campaignId": CAMPAIGN, "users": [{"userId": "u9", "name": name, "status": "online",
            "resources": [resource], "since": HOSTILE_TEXT}]}),
        ),
        (
            "presence:change",
            json!({"campaignId": CAMPAIGN, "userId": "u9", "name": name, "status": "online",
            "resource": {"type": "settlement", "id": "s1"}, "state": "editing", "resources": [resource]}),
        ),
        (
            "user:typing",
            json!({"campaignId": CAMPAIGN, "userId": "u9", "name": name, "entityType": "settlement", "entityId": "s1",
            "field": hostile("variables.x"), "typing": true}),
        ),
        (
            "notification:new",
            json!({"id": "n7", "title": hostile("title"), "body": HOSTILE_TEXT, "level": HOSTILE_TEXT,
            "kind": HOSTILE_TEXT, "createdAt": HOSTILE_TEXT}),
        ),
        (
            "document:conflict",
            json!({"entityType": "settlement", "entityId": "s1", "strategy": HOSTILE_TEXT,
            "conflictedFields": [hostile("lost")], "originalValue": {hostile("lost"): HOSTILE_TEXT}, "incomingValue": {},
            "resolvedValue": {hostile("lost"): HOSTILE_TEXT}, "by": "u9"}),
        ),
        ("conflict:resolved", json!({"entityType": HOSTILE_TEXT, "entityId": HOSTILE_TEXT, "fields": [HOSTILE_TEXT]})),
        ("access:revoked", json!({"room": HOSTILE_TEXT})),
        (
            "world_time_changed",
            json!({"type": "world_time_changed", "metadata": {}, "payload": {"campaignId": CAMPAIGN,
            "previousTime": HOSTILE_TEXT, "newTime": hostile("time"), "elapsedSeconds": i64::MAX}}),
        ),
        // An id that is none makes the whole event one that is not understood.
        (
            "entity_updated",
            json!({"type": "entity_updated", "metadata": {}, "payload": {"entityType": HOSTILE_TEXT,
            "entityId": hostile("id"), "campaignId": CAMPAIGN, "operation": "update", "changedFields": [HOSTILE_TEXT]}}),
        ),
    ]
}

/// Answers every question to the API: a small world, hostile in every text of it.
fn api() -> Value {
    let entity = |kind: &str, id: &str, more: Value| {
        let mut node = json!({"__typename": kind, "id": id, "campaignId": CAMPAIGN, "name": hostile(kind), "version": 1,
            "description": HOSTILE_TEXT, "createdAt": HOSTILE_TEXT, "updatedAt": HOSTILE_TEXT, "type": HOSTILE_TEXT, HOSTILE_TEXT: HOSTILE_TEXT});
        node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        node
    };
    let rules = json!({"level": 3, "variables": {hostile("plain"): HOSTILE_TEXT, "grain": 12, "status": HOSTILE_TEXT},
        "variableSchemas": {"grain": {"type": "number", "label": hostile("Grain"), "unit": HOSTILE_TEXT, "description": HOSTILE_TEXT, "min": 0},
            HOSTILE_TEXT: {"type": HOSTILE_TEXT, "values": [HOSTILE_TEXT]}},
        "computed": {hostile("defence"): {"value": HOSTILE_TEXT, "formula": HOSTILE_TEXT, "unit": HOSTILE_TEXT, "reason": HOSTILE_TEXT}},
        "conditions": [{"name": hostile("safe"), "holds": true, "expression": HOSTILE_TEXT, "because": HOSTILE_TEXT}]});
    let with = |rules: &Value, more: Value| {
        let mut all = rules.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let position = json!({"epoch": "x", "seq": 10});
    let campaign = entity(
        "Campaign",
        CAMPAIGN,
        json!({"worldTime": "1207-09-14T18:20:00.000Z", "calendar": {"name": HOSTILE_TEXT}, "myRole": "OWNER", "position": position}),
    );
    let settlement = entity("Settlement", "s1", with(&rules, json!({"kingdomId": "k1"})));
    let member = entity("Member", "m1", json!({"userId": "u1", "role": HOSTILE_TEXT}));
    json!({
        "me": {"id": "u1", "username": HOSTILE_TEXT},
        "campaigns": [campaign],
        "snapshot": {
            "position": position, "campaign": campaign, "kingdoms": [entity("Kingdom", "k1", json!({}))], "settlements": [settlement],
            "structures": [entity("Structure", "t1", with(&rules, json!({"settlementId": "s1"})))],
            "locations": [entity("Location", "l1", json!({"kingdomId": null, "settlementId": null}))],
            "encounters": [entity("Encounter", "e1", json!({"status": HOSTILE_TEXT, "locationId": "l1"}))], "members": [member],
        },
        "nodes": [settlement],
        "events": [],
        "notifications": [{"id": "n1", "title": hostile("told"), "body": HOSTILE_TEXT, "level": HOSTILE_TEXT, "createdAt": HOSTILE_TEXT, "read": false}],
        "catalogueEvents": [{"name": hostile("event"), "summary": format!("{}{{{{{{x}}: {{x}}", hostile("summary")), "severity": "warning"}],
        "notificationPreferences": {"levels": [HOSTILE_TEXT], "kinds": [HOSTILE_TEXT]},
        "dueEffects": [{"at": HOSTILE_TEXT, "name": HOSTILE_TEXT, "description": HOSTILE_TEXT, "entityType": "settlement", "entityId": "s1"}],
    })
}
