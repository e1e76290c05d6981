//! What the whole screen looks like, in each state of the connection, at each size.

use std::time::Duration;

use scry_dashboard::app::Msg;
use scry_dashboard::ui::Appearance;
use scry_model::event::{ClientEvent, Gap, Phase, Status};
use scry_protocol::Room;
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, clock_event, id, settlement_event, status};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

/// Plays a short evening: the clock moves, a settlement is raised, a structure is made, a value is awaited.
fn evening(dashboard: &mut DashboardFixture) {
    dashboard.event(1_201, clock_event("1207-09-14T15:20:00.000Z", "1207-09-14T18:20:00.000Z", 10_800));
    dashboard.wait(Duration::from_secs(33));
    dashboard.raise_settlement(1_202);
    dashboard.keys("j j j j");
    dashboard.server = None;
    dashboard
        .event(1_203, settlement_event("s2", json!([{"field": "variables.morale", "from": "steady", "to": "wary"}])));
    dashboard.wait(Duration::from_secs(5));
}

fn each_size(name: &str, play: impl Fn(&mut DashboardFixture)) {
    for (width, height) in SIZES {
        let mut dashboard = DashboardFixture::live(width, height);
        evening(&mut dashboard);
        play(&mut dashboard);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), dashboard.screen());
    }
}

#[test]
fn live() {
    each_size("live", |_| {});
}

#[test]
fn connecting() {
    each_size("connecting", |dashboard| {
        let lost_at = dashboard.now.wall;
        dashboard.wait(Duration::from_secs(40));
        dashboard.status(Status {
            attempt: 3,
            retry_in: Some(Duration::from_secs(4)),
            reason: Some("the server closed the connection".to_owned()),
            live_until: Some(lost_at),
            ..status(Phase::Backoff)
        });
    });
}

#[test]
fn circuit_open() {
    each_size("open", |dashboard| {
        let lost_at = dashboard.now.wall;
        dashboard.wait(Duration::from_secs(200));
        dashboard.status(Status {
            attempt: 10,
            reason: Some("http://127.0.0.1:4600 refused the connection".to_owned()),
            live_until: Some(lost_at),
            ..status(Phase::Open)
        });
    });
}

#[test]
fn catching_up() {
    each_size("catching_up", |dashboard| {
        dashboard.status(status(Phase::Resyncing));
        dashboard.client(ClientEvent::Gap(Gap {
            room: Room::Campaign(id("c")),
            from: 1_203,
            to: 1_207,
            recovered: false,
        }));
    });
}

#[test]
fn from_disk() {
    for (width, height) in SIZES {
        let mut dashboard = DashboardFixture::new(width, height);
        dashboard.find_on_disk(Duration::from_secs(190));
        dashboard.status(Status {
            attempt: 3,
            retry_in: Some(Duration::from_secs(4)),
            reason: Some("http://127.0.0.1:4600 refused the connection".to_owned()),
            ..status(Phase::Backoff)
        });
        insta::assert_snapshot!(format!("from_disk_{width}x{height}"), dashboard.screen());
    }
}

#[test]
fn empty() {
    for (width, height) in SIZES {
        let mut dashboard = DashboardFixture::new(width, height);
        dashboard.status(status(Phase::Connecting));
        insta::assert_snapshot!(format!("empty_{width}x{height}"), dashboard.screen());
    }
}

#[test]
fn paused() {
    each_size("paused", |dashboard| {
        dashboard.keys("3 k k");
        for seq in 1_204..1_216 {
            dashboard.event(seq, settlement_event("s1", json!([{"field": "level", "from": 4, "to": 5}])));
        }
    });
}

#[test]
fn help() {
    each_size("help", |dashboard| dashboard.keys("?"));
}

#[test]
fn health() {
    each_size("health", |dashboard| dashboard.keys("7"));
}

#[test]
fn detail_and_journal_where_there_is_one_pane_at_a_time() {
    let mut dashboard = DashboardFixture::live(60, 20);
    evening(&mut dashboard);
    dashboard.keys("2");
    insta::assert_snapshot!("detail_60x20", dashboard.screen());
    dashboard.keys("3");
    insta::assert_snapshot!("journal_60x20", dashboard.screen());
}

#[test]
fn login_required() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.status(Status { reason: Some("the token was revoked".to_owned()), ..status(Phase::LoginRequired) });
    insta::assert_snapshot!("login_required_80x24", dashboard.screen());
}

#[test]
fn plain_symbols() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.appearance = Appearance::new(false, true);
    evening(&mut dashboard);
    insta::assert_snapshot!("ascii_80x24", dashboard.screen());
}

#[test]
fn a_screen_too_small_says_so() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.send(Msg::Resize { width: 40, height: 10 });
    insta::assert_snapshot!("too_small_40x10", dashboard.screen());
}
