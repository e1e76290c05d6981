//! What happens between the socket and the screen, without either: decoding events, keeping the cache,
//! counting in a world's calendar.

#![expect(clippy::unwrap_used, reason = "what is benched is made here")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use scry::app::{self, App, Msg, Now};
use scry::calendar::Calendar;
use scry::client::cache::Cache;
use scry::client::event::{ClientEvent, Delivery, Phase, Snapshot, Status};
use scry::protocol::{Event, Position};
use scry::text;
use scry::ui::{self, Look};
use serde_json::{Value, json};

/// How many settlements the benched campaign has; each has as many structures as a real one.
const SETTLEMENTS: u32 = 200;
const STRUCTURES_EACH: u32 = 3;
const EVENTS: u32 = 1_000;

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

fn snapshot() -> Snapshot {
    let mut nodes = vec![
        json!({"__typename": "Campaign", "id": "c", "campaignId": "c", "name": "Bench", "version": 1,
            "worldTime": "1207-09-14T18:20:00.000Z"}),
        json!({"__typename": "Kingdom", "id": "k", "campaignId": "c", "name": "Vael", "version": 1}),
    ];
    for settlement in 0..SETTLEMENTS {
        let id = format!("s{settlement}");
        nodes.push(entity("Settlement", &id, ("kingdomId", "k")));
        let structure = |number| entity("Structure", &format!("{id}-{number}"), ("settlementId", &id));
        nodes.extend((0..STRUCTURES_EACH).map(structure));
    }
    Snapshot { campaign_id: "c".parse().unwrap(), position: Some(Position::new("e", 0)), nodes }
}

/// A journal as a busy table writes it, as text off the wire.
fn journal() -> Vec<String> {
    let event = |seq: u32| {
        let settlement = format!("s{}", seq % SETTLEMENTS);
        let structure = format!("{settlement}-{}", seq % STRUCTURES_EACH);
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
            "v": 1, "timestamp": "2026-01-01T00:00:00.000Z", "userId": "u", "source": "api", "version": 2,
            "eventId": format!("event-{seq}"), "epoch": "e", "seq": seq, "correlationId": "bench",
            "changes": [{"field": "level", "from": 3, "to": 4}]}})
        .to_string()
    };
    (1..=EVENTS).map(event).collect()
}

fn decode(text: &str) -> Event {
    let value = text::json(serde_json::from_str(text).unwrap());
    Event::from_value(&value).unwrap()
}

/// Opens a dashboard on the benched campaign, its journal filled.
fn dashboard(size: (u16, u16), snapshot: &Snapshot, journal: &[String]) -> (App, Now) {
    let now = Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH };
    let mut app = App::new(app::Options::default(), size, now);
    app.start(Some("c".parse().unwrap()));
    let live = Status { phase: Phase::Live, ..Status::disconnected() };
    app.update(now, Msg::Client(ClientEvent::Status(live)));
    app.update(now, Msg::Client(ClientEvent::Snapshot(Box::new(snapshot.clone()))));
    for text in journal {
        app.update(now, Msg::Client(ClientEvent::Delivered(delivery(text))));
    }
    (app, now)
}

fn delivery(text: &str) -> Delivery {
    let raw: Value = serde_json::from_str(text).unwrap();
    Delivery {
        received_at: Timestamp::UNIX_EPOCH,
        room: None,
        name: raw["type"].as_str().unwrap().into(),
        event: Event::from_value(&raw).map(Arc::new),
        raw: Arc::new(raw),
    }
}

fn screens(criterion: &mut Criterion) {
    let (snapshot, journal) = (snapshot(), journal());
    let look = Look::new(true, false);
    let mut group = criterion.benchmark_group("render");
    for (pane, keys) in
        [("world", "1"), ("detail", "2"), ("journal", "3"), ("clock", "4"), ("health", "7"), ("inspector", "3\r")]
    {
        let (mut app, now) = dashboard((120, 40), &snapshot, &journal);
        for key in keys.chars() {
            let code = if key == '\r' { KeyCode::Enter } else { KeyCode::Char(key) };
            app.update(now, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        group.bench_function(pane, |bencher| bencher.iter(|| ui::picture(black_box(&app), &look)));
    }
    group.finish();

    let mut group = criterion.benchmark_group("dashboard");
    group.throughput(Throughput::Elements(EVENTS.into()));
    group.bench_function("take events in", |bencher| {
        bencher.iter_batched(
            || dashboard((120, 40), &snapshot, &[]),
            |(mut app, now)| {
                for text in &journal {
                    app.update(now, Msg::Client(ClientEvent::Delivered(delivery(text))));
                }
                app
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn bench(criterion: &mut Criterion) {
    let journal = journal();
    let events: Vec<Event> = journal.iter().map(|text| decode(text)).collect();
    let snapshot = snapshot();
    let filled = || {
        let mut cache = Cache::default();
        cache.snapshot(snapshot.clone(), Timestamp::UNIX_EPOCH);
        cache
    };

    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(EVENTS.into()));
    group.bench_function("decode and make safe", |bencher| {
        bencher.iter(|| {
            journal.iter().map(|text| decode(black_box(text))).filter(|event| event.position().is_some()).count()
        });
    });
    group.bench_function("apply to the cache", |bencher| {
        let now = Instant::now();
        bencher.iter_batched_ref(
            filled,
            |cache| events.iter().for_each(|event| cache.event(black_box(event), now, Timestamp::UNIX_EPOCH)),
            BatchSize::LargeInput,
        );
    });
    group.finish();

    let mut group = criterion.benchmark_group("snapshot");
    group.throughput(Throughput::Elements(u64::try_from(snapshot.nodes.len()).unwrap()));
    group.bench_function("take a campaign in", |bencher| {
        bencher.iter_batched(
            || (Cache::default(), snapshot.clone()),
            |(mut cache, snapshot)| {
                cache.snapshot(snapshot, Timestamp::UNIX_EPOCH);
                cache
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();

    let calendar = Calendar::gregorian();
    criterion.bench_function("calendar date", |bencher| {
        let instant: Timestamp = "1207-09-14T18:20:00Z".parse().unwrap();
        bencher.iter(|| calendar.date_of(black_box(instant)));
    });
}

criterion_group!(benches, bench, screens);
criterion_main!(benches);
