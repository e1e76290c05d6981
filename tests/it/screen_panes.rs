//! Every pane at every size in every state of the connection.

use std::fmt::Write as _;
use std::time::Duration;

use scry_model::event::{ClientEvent, Gap, Phase, Status};
use scry_protocol::Room;
use serde_json::json;

use crate::screen_people::{company, inbox};
use scry_testkit::dashboard_fixture::{DashboardFixture, clock_event, id, settlement_event, status};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];
/// Each pane with the keys that lead to it from the World.
const PANES: [(&str, &str); 8] = [
    ("world", "1"),
    ("detail", "2"),
    ("journal", "3"),
    ("clock", "4"),
    ("people", "5"),
    ("notifications", "6"),
    ("health", "7"),
    ("inspector", "3 k enter"),
];

/// Plays a short evening with a cause and what it led to.
fn evening(dashboard: &mut DashboardFixture) {
    let mut jump = clock_event("1207-09-14T15:20:00.000Z", "1207-09-14T18:20:00.000Z", 10_800);
    jump["metadata"]["eventId"] = json!("jump");
    dashboard.event(1_201, jump);
    let mut effect = settlement_event("s1", json!([{"field": "variables.population", "from": 1_260, "to": 1_272}]));
    effect["metadata"]["causedBy"] = json!("jump");
    effect["metadata"]["source"] = json!("scheduler");
    dashboard.event(1_202, effect);
    for (seq, people) in [(1_203, 1_275), (1_204, 1_284)] {
        let from = people - 5;
        dashboard
            .event(seq, settlement_event("s1", json!([{"field": "variables.population", "from": from, "to": people}])));
    }
    dashboard.wait(Duration::from_secs(4));
    dashboard.raise_settlement(1_205);
    dashboard.keys("j j j j");
}

fn each_pane(state: &str, set: impl Fn(&mut DashboardFixture)) {
    for (pane, keys) in PANES {
        let mut screens = String::new();
        for (width, height) in SIZES {
            let mut dashboard = DashboardFixture::live(width, height);
            evening(&mut dashboard);
            if matches!(pane, "people" | "notifications") {
                company(&mut dashboard);
                inbox(&mut dashboard);
            }
            dashboard.keys(keys);
            set(&mut dashboard);
            let _ = write!(screens, "{width}x{height}\n{}\n", dashboard.screen());
        }
        insta::assert_snapshot!(format!("{pane}_{state}"), screens);
    }
}

#[test]
fn live() {
    each_pane("live", |_| {});
}

#[test]
fn connecting() {
    each_pane("connecting", |dashboard| {
        let lost_at = dashboard.now.wall;
        dashboard.wait(Duration::from_secs(40));
        let reason = Some("the server closed the connection".to_owned());
        let retry_in = Some(Duration::from_secs(4));
        dashboard.status(Status { attempt: 3, retry_in, reason, live_until: Some(lost_at), ..status(Phase::Backoff) });
    });
}

#[test]
fn given_up() {
    each_pane("open", |dashboard| {
        let lost_at = dashboard.now.wall;
        dashboard.wait(Duration::from_secs(200));
        let reason = Some("http://127.0.0.1:4600 refused the connection".to_owned());
        dashboard.status(Status { attempt: 10, reason, live_until: Some(lost_at), ..status(Phase::Open) });
    });
}

#[test]
fn catching_up() {
    each_pane("catching_up", |dashboard| {
        dashboard.status(status(Phase::Resyncing));
        dashboard.client(ClientEvent::Gap(Gap {
            room: Room::Campaign(id("c")),
            from: 1_205,
            to: 1_209,
            recovered: false,
        }));
    });
}

#[test]
fn disconnected() {
    each_pane("disconnected", |dashboard| {
        let lost_at = dashboard.now.wall;
        dashboard.wait(Duration::from_secs(12));
        let reason = Some("signed out".to_owned());
        dashboard.status(Status { reason, live_until: Some(lost_at), ..status(Phase::Closed) });
    });
}

#[test]
fn login_required() {
    each_pane("login_required", |dashboard| {
        let lost_at = dashboard.now.wall;
        dashboard.wait(Duration::from_secs(90));
        let reason = Some("the token was revoked; run `scry login` in another terminal".to_owned());
        dashboard.status(Status { reason, live_until: Some(lost_at), ..status(Phase::LoginRequired) });
    });
}

#[test]
fn before_anything_is_known() {
    for (pane, keys) in PANES {
        let mut screens = String::new();
        for (width, height) in SIZES {
            let mut dashboard = DashboardFixture::new(width, height);
            dashboard.status(status(Phase::Connecting));
            dashboard.keys(keys);
            let _ = write!(screens, "{width}x{height}\n{}\n", dashboard.screen());
        }
        insta::assert_snapshot!(format!("{pane}_empty"), screens);
    }
}
