//! Whatever happens in whatever order at whatever size: nothing makes the dashboard fail or show what is hostile.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use scry_catalogue::EventDisplays;
use scry_dashboard::app::keymap::BINDINGS;
use scry_dashboard::app::screen_reader::Announcer;
use scry_dashboard::app::{AppEffect, Msg};
use scry_model::event::{ClientEvent, Phase, Status};
use scry_protocol::catalogue::{EventDisplay, Severity};
use serde_json::{Value, json};

use scry_testkit::dashboard_fixture::{
    DashboardFixture, clock_event, delivery, key_event, nodes, settlement_event, status,
};
use scry_testkit::hostile::HOSTILE_TEXT;
use scry_testkit::terminal::is_hostile;

/// Returns events as a hostile or confused gateway might send them.
fn foreign_events() -> Vec<Value> {
    let hostile = HOSTILE_TEXT;
    vec![
        settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])),
        settlement_event("s1", json!([{"field": hostile, "from": hostile, "to": [hostile, {"x": hostile}]}])),
        settlement_event("nowhere", json!([])),
        clock_event("1207-09-14T15:20:00.000Z", "1207-09-15T18:20:00.000Z", 97_200),
        clock_event(hostile, "", i64::MIN),
        json!({"type": "entity_updated", "metadata": {"seq": 5}, "payload": {"entityType": hostile, "entityId": "q",
               "campaignId": "c", "operation": "create", "changedFields": []}}),
        json!({"type": "settlement_updated", "metadata": {}, "payload": {"settlementId": "s1", "campaignId": "c",
               "operation": "delete", "changedFields": []}}),
        json!({"type": "state_invalidated", "metadata": {}, "payload": {"scope": "campaign", "campaignId": "c"}}),
        json!({"type": hostile, "payload": hostile}),
        json!({"type": "alert:new", "message": hostile, hostile: [hostile], "metadata": {"v": 1, "catalogue": hostile,
               "eventId": "e", "timestamp": hostile, "rooms": ["company:acme"], "epoch": hostile, "prev": {"company:acme": 1}}}),
        json!(null),
    ]
}

/// Returns how an event is said, or has a hostile server say it.
fn looks(hostile: bool) -> EventDisplays {
    let summary = if hostile { format!("{HOSTILE_TEXT} {{message}} {{metadata}}") } else { "{message}".to_owned() };
    EventDisplays::new(vec![EventDisplay { name: "alert:new".to_owned(), summary, severity: Severity::Warning }])
}

/// Writes something hostile into every text of an entity, and leaves alone what makes it an entity.
fn deface(node: &mut Value) {
    let kept = ["__typename", "id", "campaignId", "kingdomId", "settlementId", "locationId", "userId"];
    for (name, value) in node.as_object_mut().unwrap() {
        if !kept.contains(&name.as_str()) {
            *value = match value {
                Value::String(_) => json!(HOSTILE_TEXT),
                Value::Object(_) => json!({HOSTILE_TEXT: HOSTILE_TEXT, "secret": true}),
                Value::Array(_) => json!([HOSTILE_TEXT, {"name": HOSTILE_TEXT, "because": HOSTILE_TEXT}]),
                Value::Null | Value::Bool(_) | Value::Number(_) => json!(i64::MIN),
            };
        }
    }
}

/// Returns what is not in the journal: people, typing, notifications, conflicts.
fn passing(which: usize) -> (&'static str, Value) {
    let user = json!({"userId": HOSTILE_TEXT, "name": HOSTILE_TEXT, "status": "online", "since": HOSTILE_TEXT,
        "resources": [{"type": "settlement", "id": "s1", "state": "editing"}]});
    let all = [
        ("presence:state", json!({"campaignId": "c", "users": [user]})),
        ("presence:change", json!({"campaignId": "c", "userId": "u2", "name": HOSTILE_TEXT, "status": "offline"})),
        (
            "user:typing",
            json!({"campaignId": "c", "userId": HOSTILE_TEXT, "name": HOSTILE_TEXT, "entityType": "settlement", "entityId": "s1",
            "field": HOSTILE_TEXT, "typing": true}),
        ),
        (
            "notification:new",
            json!({"id": "n", "title": HOSTILE_TEXT, "body": HOSTILE_TEXT, "level": HOSTILE_TEXT, "createdAt": ""}),
        ),
        (
            "document:conflict",
            json!({"entityType": "settlement", "entityId": "s1", "strategy": "LAST_WRITE_WINS", "conflictedFields":
            [HOSTILE_TEXT], "originalValue": {}, "incomingValue": {}, "resolvedValue": {HOSTILE_TEXT: [HOSTILE_TEXT]}, "by": HOSTILE_TEXT}),
        ),
        ("conflict:resolved", json!({"entityType": HOSTILE_TEXT, "entityId": HOSTILE_TEXT, "fields": [HOSTILE_TEXT]})),
        ("user:offline", json!({"userId": HOSTILE_TEXT, "name": HOSTILE_TEXT})),
    ];
    all[which % all.len()].clone()
}

/// Does one arbitrary thing to the dashboard.
#[derive(Debug, Clone)]
enum RandomInput {
    Key(usize),
    Event(usize),
    Resize(u16, u16),
    Phase(usize),
    Wait(u64),
    Snapshot(usize, bool),
    /// Any character with any modifiers, whatever it means.
    Char(char, u8),
    /// The key of any command there is.
    Command(usize),
    Line(usize, String),
    Mouse(usize, u16, u16),
    Paste(String),
    Passing(usize),
    /// An event of any shape: a known type or none, known keys where nobody expects them, any values.
    Any(Value),
    /// The same as something in passing.
    AnyPassing(usize, Value),
    Attention(bool),
}

/// Makes JSON of any shape, out of the words the wire knows and of others.
fn any_json() -> impl Strategy<Value = Value> {
    const SAMPLE_WORDS: [&str; 33] = [
        "type",
        "payload",
        "metadata",
        "v",
        "seq",
        "epoch",
        "timestamp",
        "userId",
        "source",
        "changes",
        "field",
        "from",
        "to",
        "eventId",
        "causedBy",
        "version",
        "replayed",
        "settlementId",
        "structureId",
        "campaignId",
        "entityType",
        "entityId",
        "operation",
        "changedFields",
        "affectedFields",
        "scope",
        "previousTime",
        "newTime",
        "elapsedSeconds",
        "users",
        "resources",
        "name",
        "id",
    ];
    const SAMPLE_VALUES: [&str; 16] = [
        "settlement_updated",
        "structure_updated",
        "entity_updated",
        "state_invalidated",
        "world_time_changed",
        "settlement",
        "create",
        "update",
        "delete",
        "entity",
        "campaign",
        "c",
        "s1",
        "t1",
        "level",
        "1207-09-14T15:20:00.000Z",
    ];
    let word = || {
        prop_oneof![
            any::<usize>().prop_map(|n| SAMPLE_WORDS[n % SAMPLE_WORDS.len()].to_owned()),
            ".{0,6}",
            Just(HOSTILE_TEXT.to_owned())
        ]
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<usize>().prop_map(|n| json!(SAMPLE_VALUES[n % SAMPLE_VALUES.len()])),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..8).prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

/// Puts any values into an event that has what every event has.
fn any_event() -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((any_json(), any_json(), any_json()), 0..4);
    (any::<usize>(), any_json(), any_json(), changes).prop_map(|(which, payload, metadata, changes)| {
        let events = foreign_events();
        let mut event = events[which % events.len()].clone();
        let told = changes.iter().map(|(field, from, to)| json!({"field": field, "from": from, "to": to}));
        if let (Some(payload), Some(known)) = (payload.as_object(), event["payload"].as_object_mut()) {
            known.extend(payload.clone());
        }
        if let Some(known) = event["metadata"].as_object_mut() {
            known.extend(metadata.as_object().cloned().unwrap_or_default());
            known.insert("changes".to_owned(), told.collect());
        }
        event
    })
}

fn input() -> impl Strategy<Value = RandomInput> {
    prop_oneof![
        8 => any::<usize>().prop_map(RandomInput::Key),
        4 => any::<usize>().prop_map(RandomInput::Event),
        2 => (0u16..230, 0u16..70).prop_map(|(width, height)| RandomInput::Resize(width, height)),
        1 => any::<usize>().prop_map(RandomInput::Phase),
        1 => (0u64..200_000).prop_map(RandomInput::Wait),
        1 => (0usize..20, any::<bool>()).prop_map(|(count, hostile)| RandomInput::Snapshot(count, hostile)),
        2 => (any::<char>(), 0u8..16).prop_map(|(c, modifiers)| RandomInput::Char(c, modifiers)),
        6 => any::<usize>().prop_map(RandomInput::Command),
        3 => (any::<usize>(), ".{0,12}").prop_map(|(which, rest)| RandomInput::Line(which, rest)),
        2 => (any::<usize>(), 0u16..240, 0u16..80).prop_map(|(kind, column, row)| RandomInput::Mouse(kind, column, row)),
        1 => ".{0,40}".prop_map(RandomInput::Paste),
        2 => any::<usize>().prop_map(RandomInput::Passing),
        2 => prop_oneof![any_event(), any_json()].prop_map(RandomInput::Any),
        1 => (any::<usize>(), any_json()).prop_map(|(which, payload)| RandomInput::AnyPassing(which, payload)),
        1 => any::<bool>().prop_map(RandomInput::Attention),
    ]
}

const SAMPLE_KEYS: [&str; 52] = [
    "4",
    "y",
    "Y",
    "P",
    "ctrl-o",
    "v",
    "ctrl-s",
    "z",
    "7",
    "8",
    "/",
    "=",
    "~",
    "!",
    "[",
    "]",
    "b",
    "'",
    "m",
    "{",
    "w",
    "t",
    "o",
    "backspace",
    "j",
    "k",
    "h",
    "l",
    "g",
    "G",
    "n",
    "N",
    "f",
    "p",
    "r",
    "1",
    "2",
    "3",
    "?",
    "q",
    "tab",
    "enter",
    "space",
    "esc",
    "pgup",
    "pgdn",
    "ctrl-d",
    "ctrl-u",
    "ctrl-z",
    "x",
    ":",
    "ctrl-c",
];
const PHASES: [Phase; 8] = [
    Phase::Disconnected,
    Phase::Connecting,
    Phase::Resyncing,
    Phase::Live,
    Phase::Backoff,
    Phase::Open,
    Phase::LoginRequired,
    Phase::Closed,
];

fn perform(dashboard: &mut DashboardFixture, input: &RandomInput, seq: u64) {
    match input {
        RandomInput::Key(key) => dashboard.send(Msg::Key(key_event(SAMPLE_KEYS[key % SAMPLE_KEYS.len()]))),
        RandomInput::Event(which) => {
            let events = foreign_events();
            let mut event = events[which % events.len()].clone();
            if let Some(metadata) = event.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("seq".to_owned(), json!(seq));
            }
            dashboard.client(ClientEvent::Delivered(delivery(dashboard.now.wall, event)));
        }
        RandomInput::Resize(width, height) => dashboard.send(Msg::Resize { width: *width, height: *height }),
        RandomInput::Phase(phase) => {
            let live_until = Some(dashboard.now.wall);
            let retry_in = Some(Duration::from_millis(2_500));
            let reason = Some("砦 was closed".to_owned());
            let phase = PHASES[phase % PHASES.len()];
            dashboard.status(Status { attempt: 3, retry_in, live_until, reason, ..status(phase) });
        }
        RandomInput::Wait(millis) => {
            dashboard.wait(Duration::from_millis(*millis));
        }
        RandomInput::Snapshot(count, hostile) => {
            dashboard.send(Msg::EventDisplays(looks(*hostile)));
            let mut nodes: Vec<_> = nodes().into_iter().take(*count).collect();
            if *hostile {
                nodes.iter_mut().for_each(deface);
            }
            dashboard.snapshot(nodes);
        }
        RandomInput::Char(c, modifiers) => {
            dashboard.send(Msg::Key(KeyEvent::new(KeyCode::Char(*c), KeyModifiers::from_bits_truncate(*modifiers))));
        }
        RandomInput::Command(which) => {
            let keys: Vec<_> = BINDINGS.iter().flat_map(|binding| binding.keys).collect();
            dashboard.send(Msg::Key(key_event(keys[which % keys.len()])));
        }
        RandomInput::Line(which, rest) => {
            dashboard.send(Msg::Line(format!("{} {rest}", BINDINGS[which % BINDINGS.len()].command)));
            let said = dashboard.app.take_answers();
            assert!(said.iter().all(|line| !line.contains(is_hostile)), "{said:?}");
        }
        RandomInput::Mouse(kind, column, row) => {
            let kinds = [
                MouseEventKind::Down(MouseButton::Left),
                MouseEventKind::Down(MouseButton::Right),
                MouseEventKind::ScrollUp,
                MouseEventKind::ScrollDown,
                MouseEventKind::Drag(MouseButton::Left),
            ];
            let kind = kinds[kind % kinds.len()];
            dashboard.send(Msg::Mouse(MouseEvent { kind, column: *column, row: *row, modifiers: KeyModifiers::NONE }));
        }
        RandomInput::Paste(text) => dashboard.send(Msg::Paste(text.clone())),
        RandomInput::Passing(which) => {
            let (name, payload) = passing(*which);
            dashboard.ephemeral(name, payload);
        }
        RandomInput::Any(event) => {
            dashboard.client(ClientEvent::Delivered(delivery(dashboard.now.wall, event.clone())))
        }
        RandomInput::AnyPassing(which, payload) => dashboard.ephemeral(passing(*which).0, payload.clone()),
        RandomInput::Attention(looking) => dashboard.send(Msg::Attention(*looking)),
    }
}

/// Returns the text of an effect that leaves the dashboard: for the clipboard, a file, or a call.
fn taken_out(effect: AppEffect) -> Option<String> {
    if let AppEffect::Copy { text, .. } | AppEffect::Export { content: Some(text), .. } | AppEffect::Alert(text) =
        effect
    {
        Some(text)
    } else {
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_input_never_panics_and_terminal_output_stays_safe(inputs in prop::collection::vec(input(), 1..80)) {
        let (mut dashboard, mut announcer) = (DashboardFixture::live(80, 24), Announcer::default());
        for (input, seq) in inputs.iter().zip(1_201..) {
            perform(&mut dashboard, input, seq);
            let screen = dashboard.screen();
            prop_assert!(!screen.contains(|c| c != '\n' && is_hostile(c)), "{input:?}: {screen}");
            for text in dashboard.effects.drain(..).filter_map(taken_out) {
                prop_assert!(!text.contains(|c| !matches!(c, '\n' | '\t') && is_hostile(c)), "{input:?}: {text:?}");
            }
            let news = announcer.news(&dashboard.app);
            prop_assert!(!news.iter().any(|line| line.contains(|c| c != '\n' && is_hostile(c))), "{input:?}: {news:?}");
        }
    }
}
