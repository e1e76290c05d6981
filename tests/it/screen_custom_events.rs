//! Events of other applications in the dashboard: said as their catalogue says them.

use std::sync::Arc;

use scry_catalogue::EventDisplays;
use scry_dashboard::app::{AppEffect, Msg};
use scry_model::event::{ClientEvent, Delivery};
use scry_protocol::catalogue::{EventDisplay, Severity};
use serde_json::{Value, json};

use scry_testkit::dashboard_fixture::DashboardFixture;

fn looks() -> EventDisplays {
    let look = |name: &str, summary: &str, severity| EventDisplay {
        name: name.to_owned(),
        summary: summary.to_owned(),
        severity,
    };
    EventDisplays::new(vec![
        look("invoice:paid", "invoice {number} is paid: {amount} {currency}", Severity::Success),
        look("reorder:triggered", "{sku} runs low: {quantity} left", Severity::Warning),
    ])
}

fn deliver(dashboard: &mut DashboardFixture, name: &str, payload: Value) {
    let mut payload = payload;
    payload["metadata"] = json!({"v": 1, "catalogue": "erp", "eventId": format!("e-{name}"), "userId": "u2",
        "timestamp": "2026-03-01T18:19:00.000Z", "rooms": ["company:acme"], "epoch": "x", "seq": 7,
        "prev": {"company:acme": 3}});
    dashboard.client(ClientEvent::Delivered(Delivery {
        received_at: dashboard.now.wall,
        room: Some("company:acme".parse().unwrap()),
        name: name.into(),
        raw: Arc::new(payload),
        event: None,
    }));
}

fn paid(number: &str) -> Value {
    json!({"companyId": "acme", "number": number, "amount": 12.5, "currency": "EUR"})
}

fn row<'a>(screen: &'a str, name: &str) -> &'a str {
    screen.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} is not on the screen:\n{screen}"))
}

#[test]
fn an_event_is_said_in_its_catalogues_words_also_one_that_came_before_them() {
    let mut dashboard = DashboardFixture::live(120, 40);
    deliver(&mut dashboard, "invoice:paid", paid("17"));
    assert!(row(&dashboard.screen(), "invoice:paid").contains("number"), "as it came");
    dashboard.send(Msg::EventDisplays(looks()));
    deliver(&mut dashboard, "invoice:paid", paid("18\u{1b}[2J"));
    deliver(&mut dashboard, "stock:updated", json!({"sku": "bolt"}));
    let screen = dashboard.screen();
    assert!(
        row(&screen, "17 is paid").contains("✓ event        invoice:paid            invoice 17 is paid: 12.5 EUR"),
        "{screen}"
    );
    assert!(screen.contains("invoice 18\u{fffd}[2J is paid"), "{screen}");
    assert!(row(&screen, "stock:updated").contains("bolt"), "what no catalogue declares is shown as it came: {screen}");
    // It was done by somebody, at a time of its own.
    assert!(row(&screen, "17 is paid").contains("18:19:00"), "{screen}");
}

#[test]
fn a_warning_is_said_at_once_and_rings_and_the_rest_only_where_all_is_wanted() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.send(Msg::EventDisplays(looks()));
    dashboard.send(Msg::Attention(false));
    deliver(&mut dashboard, "invoice:paid", paid("17"));
    let rings = |dashboard: &DashboardFixture| {
        dashboard.effects.iter().filter(|effect| matches!(effect, AppEffect::Alert(_))).count()
    };
    assert_eq!(rings(&dashboard), 0);
    deliver(&mut dashboard, "reorder:triggered", json!({"sku": "bolt", "quantity": 3}));
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::Alert("bolt runs low: 3 left".to_owned())));
    let toast = dashboard.screen().lines().filter(|line| line.contains("! bolt runs low: 3 left")).count();
    assert_eq!(toast, 1, "beside the journal's row: {}", dashboard.screen());
}

#[test]
fn custom_event_can_be_filtered_inspected_and_watched() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.send(Msg::EventDisplays(looks()));
    deliver(&mut dashboard, "invoice:paid", paid("17"));
    deliver(&mut dashboard, "reorder:triggered", json!({"sku": "bolt", "quantity": 3}));
    dashboard.keys("3 /");
    dashboard.write("=type == \"invoice:paid\" && payload.amount > 10.0 && metadata.catalogue == \"erp\"");
    dashboard.keys("enter");
    assert!(dashboard.screen().contains("17 is paid"), "{}", dashboard.screen());
    dashboard.keys("k enter");
    let screen = dashboard.screen();
    assert!(screen.contains("Inspector: invoice:paid") && screen.contains("\"currency\": \"EUR\""), "{screen}");
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.send(Msg::EventDisplays(looks()));
    deliver(&mut dashboard, "invoice:paid", paid("17"));
    dashboard.keys("3 k ctrl-y");
    let Some(AppEffect::Copy { text, .. }) = dashboard.effects.last() else { panic!("nothing is copied") };
    assert!(text.starts_with("scry watch --room company:acme --filter 'type == \"invoice:paid\"'"), "{text}");
}

#[test]
fn without_a_screen_it_is_a_sentence() {
    let mut dashboard = DashboardFixture::screen_reader();
    dashboard.send(Msg::EventDisplays(looks()));
    deliver(&mut dashboard, "reorder:triggered", json!({"sku": "bolt", "quantity": 3}));
    let said = dashboard.line("journal 5").join("\n");
    assert!(said.contains("Warning, reorder:triggered: bolt runs low: 3 left."), "{said}");
}
