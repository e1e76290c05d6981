//! The dashboard without its terminal: what an event costs it, and what a frame does.

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use scry_dashboard::app::entry::JournalItem;
use scry_dashboard::app::{self, App, Clock, JournalView, Msg, Now};
use scry_dashboard::ui::{self, Appearance};
use scry_model::cache::Cache;
use scry_model::event::{ClientEvent, Delivery, Phase, Status};
use serde_json::json;

use super::campaign::{CampaignSize, EVENTS_PER_RUN, HUGE_CAMPAIGN, USUAL_CAMPAIGN, delivery, message};

/// How many entries a journal keeps.
const FULL_JOURNAL_ROWS: usize = 100_000;
/// Each pane with the keys that open it.
const PANE_KEYS: [(&str, &str); 8] = [
    ("world", "1"),
    ("detail", "1jjj2"),
    ("journal", "3"),
    ("clock", "4"),
    ("people", "5"),
    ("notifications", "6"),
    ("health", "7"),
    ("inspector", "3\r"),
];

/// Opens a dashboard on a campaign, with somebody else there and something to read.
fn dashboard(size: (u16, u16), campaign: CampaignSize) -> (App, Now) {
    let now = Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH };
    let mut app =
        App::new(app::AppOptions { journal_limit: FULL_JOURNAL_ROWS, ..app::AppOptions::default() }, size, now);
    app.start(Some("c".parse().unwrap()));
    let live = Status { phase: Phase::Live, ..Status::disconnected() };
    app.update(now, Msg::Client(ClientEvent::Status(live)));
    app.update(now, Msg::Client(ClientEvent::Snapshot(Box::new(campaign.snapshot()))));
    let place = json!([{"resource": {"entityType": "settlement", "id": "s1"}, "state": "editing"}]);
    let users: Vec<_> = (0..8)
        .map(|n| {
            json!({"userId": format!("u{n}"), "name": format!("Player {n}"), "status": "online", "resources": place,
            "since": "2026-01-01T00:00:00.000Z"})
        })
        .collect();
    let here = message("presence:state", json!({"campaignId": "c", "users": users}));
    app.update(now, Msg::Client(ClientEvent::Delivered(here)));
    for n in 0..100 {
        let told = json!({"id": format!("n{n}"), "campaignId": "c", "kind": "rule", "level": "warning", "title": "Upkeep",
            "body": "The walls of a market town cost more than it has.", "createdAt": "2026-01-01T00:00:00.000Z"});
        app.update(now, Msg::Client(ClientEvent::Delivered(message("notification:new", told))));
    }
    (app, now)
}

fn deliveries(campaign: CampaignSize) -> Vec<Delivery> {
    campaign.journal().iter().map(|text| delivery(text)).collect()
}

/// Takes events in as the terminal's loop does when they arrive together.
fn take_in(app: &mut App, now: Now, deliveries: &[Delivery]) {
    for delivery in deliveries {
        app.take(now, Msg::Client(ClientEvent::Delivered(delivery.clone())));
    }
    app.settle(now);
}

fn fill(app: &mut App, now: Now, deliveries: &[Delivery]) {
    (0..FULL_JOURNAL_ROWS / deliveries.len()).for_each(|_| take_in(app, now, deliveries));
}

/// Draws each pane with the whole screen around it; the journal is full.
pub fn frames(criterion: &mut Criterion) {
    let appearance = Appearance::new(true, false);
    for (name, campaign) in [("800 entities", USUAL_CAMPAIGN), ("10,000 entities", HUGE_CAMPAIGN)] {
        let deliveries = deliveries(campaign);
        let mut group = criterion.benchmark_group(format!("frame, {name}"));
        for size in [(120, 40), (200, 60)] {
            let (mut app, now) = dashboard(size, campaign);
            fill(&mut app, now, &deliveries);
            for (pane, keys) in PANE_KEYS {
                for key in keys.chars() {
                    let code = if key == '\r' { KeyCode::Enter } else { KeyCode::Char(key) };
                    app.update(now, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
                }
                assert!(black_box(ui::picture(&app, &appearance)).area.width == size.0);
                let id = BenchmarkId::new(pane, format!("{}x{}", size.0, size.1));
                group.bench_function(id, |bencher| bencher.iter(|| ui::picture(black_box(&app), &appearance)));
            }
        }
        group.finish();
    }
}

/// Appends to a journal alone, and takes events into a whole dashboard.
pub fn intake(criterion: &mut Criterion) {
    let received = deliveries(USUAL_CAMPAIGN);
    let (cache, clock) = (Cache::default(), Clock::default());
    let entries: Vec<_> = received.iter().map(|delivery| JournalItem::delivered(delivery, &cache, &clock)).collect();
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(EVENTS_PER_RUN.into()));
    for (name, held) in [("append", 0), ("append to a full one", FULL_JOURNAL_ROWS)] {
        let mut journal = JournalView::new(FULL_JOURNAL_ROWS);
        entries.iter().cycle().take(held).for_each(|entry| journal.push(entry.clone(), true));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || entries.clone(),
                |entries| {
                    if held == 0 {
                        journal = JournalView::new(FULL_JOURNAL_ROWS);
                    }
                    entries.into_iter().for_each(|entry| journal.push(entry, true));
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("dashboard");
    group.throughput(Throughput::Elements(EVENTS_PER_RUN.into()));
    for (name, campaign) in [("800 entities", USUAL_CAMPAIGN), ("10,000 entities", HUGE_CAMPAIGN)] {
        let received = deliveries(campaign);
        let (mut app, now) = dashboard((120, 40), campaign);
        fill(&mut app, now, &received);
        group.bench_function(BenchmarkId::new("take events in", name), |bencher| {
            bencher.iter(|| take_in(&mut app, now, black_box(&received)));
        });
    }
    group.finish();
}
