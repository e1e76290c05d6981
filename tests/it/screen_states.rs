//! What the whole screen looks like, in each state of the connection, at each size.

use std::time::Duration;

use scry_dashboard::app::Msg;
use scry_dashboard::ui::Appearance;
use scry_model::event::{ClientEvent, Gap, Phase, Status};
use scry_protocol::Room;
use serde_json::json;

use crate::support::table::{Table, clock_event, id, settlement_event, status};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

/// Plays a short evening: the clock moves, a settlement is raised, a structure is made, a value is awaited.
fn evening(table: &mut Table) {
    table.event(1_201, clock_event("1207-09-14T15:20:00.000Z", "1207-09-14T18:20:00.000Z", 10_800));
    table.wait(Duration::from_secs(33));
    table.raise_settlement(1_202);
    table.keys("j j j j");
    table.server = None;
    table.event(1_203, settlement_event("s2", json!([{"field": "variables.morale", "from": "steady", "to": "wary"}])));
    table.wait(Duration::from_secs(5));
}

fn each_size(name: &str, play: impl Fn(&mut Table)) {
    for (width, height) in SIZES {
        let mut table = Table::live(width, height);
        evening(&mut table);
        play(&mut table);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), table.screen());
    }
}

#[test]
fn live() {
    each_size("live", |_| {});
}

#[test]
fn connecting() {
    each_size("connecting", |table| {
        let lost_at = table.now.wall;
        table.wait(Duration::from_secs(40));
        table.status(Status {
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
    each_size("open", |table| {
        let lost_at = table.now.wall;
        table.wait(Duration::from_secs(200));
        table.status(Status {
            attempt: 10,
            reason: Some("http://127.0.0.1:4600 refused the connection".to_owned()),
            live_until: Some(lost_at),
            ..status(Phase::Open)
        });
    });
}

#[test]
fn catching_up() {
    each_size("catching_up", |table| {
        table.status(status(Phase::Resyncing));
        table.client(ClientEvent::Gap(Gap { room: Room::Campaign(id("c")), from: 1_203, to: 1_207, recovered: false }));
    });
}

#[test]
fn from_disk() {
    for (width, height) in SIZES {
        let mut table = Table::new(width, height);
        table.find_on_disk(Duration::from_secs(190));
        table.status(Status {
            attempt: 3,
            retry_in: Some(Duration::from_secs(4)),
            reason: Some("http://127.0.0.1:4600 refused the connection".to_owned()),
            ..status(Phase::Backoff)
        });
        insta::assert_snapshot!(format!("from_disk_{width}x{height}"), table.screen());
    }
}

#[test]
fn empty() {
    for (width, height) in SIZES {
        let mut table = Table::new(width, height);
        table.status(status(Phase::Connecting));
        insta::assert_snapshot!(format!("empty_{width}x{height}"), table.screen());
    }
}

#[test]
fn paused() {
    each_size("paused", |table| {
        table.keys("3 k k");
        for seq in 1_204..1_216 {
            table.event(seq, settlement_event("s1", json!([{"field": "level", "from": 4, "to": 5}])));
        }
    });
}

#[test]
fn help() {
    each_size("help", |table| table.keys("?"));
}

#[test]
fn health() {
    each_size("health", |table| table.keys("7"));
}

#[test]
fn detail_and_journal_where_there_is_one_pane_at_a_time() {
    let mut table = Table::live(60, 20);
    evening(&mut table);
    table.keys("2");
    insta::assert_snapshot!("detail_60x20", table.screen());
    table.keys("3");
    insta::assert_snapshot!("journal_60x20", table.screen());
}

#[test]
fn login_required() {
    let mut table = Table::live(80, 24);
    table.status(Status { reason: Some("the token was revoked".to_owned()), ..status(Phase::LoginRequired) });
    insta::assert_snapshot!("login_required_80x24", table.screen());
}

#[test]
fn plain_symbols() {
    let mut table = Table::live(80, 24);
    table.appearance = Appearance::new(false, true);
    evening(&mut table);
    insta::assert_snapshot!("ascii_80x24", table.screen());
}

#[test]
fn a_screen_too_small_says_so() {
    let mut table = Table::live(80, 24);
    table.send(Msg::Resize { width: 40, height: 10 });
    insta::assert_snapshot!("too_small_40x10", table.screen());
}
