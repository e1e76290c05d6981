//! The frames of the real `scry`: how many there are, and that the terminal shows each as a whole.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use scry_testkit::e2e_session::{UserMachine, WIDE_TERMINAL};
use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::pty::Pty;

const CAMPAIGN: &str = "01970000-0000-7000-8000-000000000001";
const BEGIN: &str = "\u{1b}[?2026h";
const END: &str = "\u{1b}[?2026l";

fn level(number: u32) -> Value {
    json!([{
        "type": "settlement_updated",
        "payload": {"settlementId": "harrow", "campaignId": CAMPAIGN, "operation": "update", "changedFields": ["level"]},
        "metadata": {"changes": [{"field": "level", "from": number - 1, "to": number}]},
    }])
}

async fn open() -> (FakeGateway, Pty) {
    let gateway = FakeGateway::start(json!({})).await;
    let dashboard =
        UserMachine::at(&gateway.url).with("SCRY_TOKEN", "any").scry(&["--campaign", CAMPAIGN], WIDE_TERMINAL);
    dashboard.wait_until("a live connection", |pty| pty.screen().contains("● "));
    (gateway, dashboard)
}

/// Sends changes all at once, and waits until the last is on the screen; returns how long it took.
async fn pour(gateway: &mut FakeGateway, dashboard: &Pty, numbers: std::ops::Range<u32>) -> Duration {
    let (began, last) = (Instant::now(), numbers.end - 1);
    gateway.emit_all(&format!("campaign:{CAMPAIGN}"), "settlement_updated", numbers.map(level).collect()).await;
    dashboard.wait_for(&format!("level {} → {last}", last - 1));
    began.elapsed()
}

fn frames(output: &str) -> u32 {
    u32::try_from(output.matches(BEGIN).count()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_drawn_in_few_frames_each_shown_as_a_whole() {
    let (mut gateway, dashboard) = open().await;
    let before = frames(&dashboard.output());
    let took = pour(&mut gateway, &dashboard, 100..900).await;
    let output = dashboard.output();
    let drawn = frames(&output) - before;
    assert!(f64::from(drawn) <= took.as_secs_f64().mul_add(60.0, 61.0), "{drawn} frames in {took:?}");
    assert!(drawn < 400, "each stands for more than one event: {drawn}");
    let (_, from_first) = output.split_once(BEGIN).unwrap();
    for frame in from_first.split(BEGIN) {
        let (inside, outside) = frame.split_once(END).unwrap_or((frame, ""));
        assert!(!inside.contains(END) && outside.is_empty(), "written outside a frame: {outside:?}");
    }
    dashboard.wait_for("skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_nobody_looks_at_is_drawn_rarely() {
    let (mut gateway, mut dashboard) = open().await;
    pour(&mut gateway, &dashboard, 100..101).await;
    assert!(dashboard.output().contains("\u{1b}[?1004h"), "the terminal is asked to tell who looks");
    dashboard.type_keys("\u{1b}[O");
    // What is typed behind it is taken in behind it.
    dashboard.type_keys("?");
    dashboard.wait_for("Help: World");
    dashboard.type_keys("?");
    let before = frames(&dashboard.output());
    let began = Instant::now();
    let mut number = 101;
    while began.elapsed() < Duration::from_secs(2) {
        number += 20;
        pour(&mut gateway, &dashboard, number - 20..number).await;
    }
    let drawn = frames(&dashboard.output()) - before;
    assert!(f64::from(drawn) <= began.elapsed().as_secs_f64().mul_add(4.0, 2.0), "{drawn} in {:?}", began.elapsed());
    dashboard.type_keys("\u{1b}[I");
    pour(&mut gateway, &dashboard, number..number + 1).await;
}
