//! Every pane says how fresh it is, at every size and in every state.

use std::time::Duration;

use scry_dashboard::app::keymap::Pane;
use scry_model::event::{ClientEvent, Gap, Phase, Status};
use scry_protocol::Room;

use scry_testkit::dashboard_fixture::{DashboardFixture, id, status};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

/// Brings each pane to the front in turn and expects the words on its screen.
fn every_pane_says(words: &str, play: impl Fn(&mut DashboardFixture)) {
    for (width, height) in SIZES {
        for pane in Pane::ALL {
            let mut dashboard = DashboardFixture::live(width, height);
            play(&mut dashboard);
            dashboard.keys(&pane.number().to_string());
            let screen = dashboard.screen();
            assert!(screen.contains(words), "{pane:?} at {width}x{height} does not say “{words}”:\n{screen}");
        }
    }
}

#[test]
fn live() {
    every_pane_says("live", |_| {});
}

#[test]
fn catching_up_with_how_much_is_missing() {
    every_pane_says("catching up (3)", |dashboard| {
        dashboard.status(status(Phase::Resyncing));
        dashboard.client(ClientEvent::Gap(Gap { room: Room::Campaign(id("c")), from: 5, to: 9, recovered: false }));
    });
}

#[test]
fn stale_with_since_when() {
    every_pane_says("stale since", |dashboard| {
        let lost_at = dashboard.now.wall;
        dashboard.wait(Duration::from_secs(40));
        dashboard.status(Status { live_until: Some(lost_at), ..status(Phase::Backoff) });
    });
}

#[test]
fn from_disk_with_its_age() {
    for (width, height) in SIZES {
        for pane in Pane::ALL {
            let mut dashboard = DashboardFixture::new(width, height);
            dashboard.find_on_disk(Duration::from_secs(190));
            dashboard.status(status(Phase::Backoff));
            dashboard.keys(&pane.number().to_string());
            let screen = dashboard.screen();
            assert!(screen.contains("from disk, 3 min old"), "{pane:?} at {width}x{height}:\n{screen}");
        }
    }
}

#[test]
fn a_folded_row_shows_that_something_under_it_has_changed_until_that_fades() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("g j j j h");
    let is_marked = |dashboard: &DashboardFixture| {
        let screen = dashboard.screen();
        let row = screen.lines().find(|line| line.contains("▸ Kingdom of Vael"));
        row.unwrap_or_else(|| panic!("{screen}")).chars().take(50).any(|sign| sign == '●')
    };
    assert!(!is_marked(&dashboard), "{}", dashboard.screen());
    dashboard.raise_settlement(1_201);
    assert!(is_marked(&dashboard), "{}", dashboard.screen());
    dashboard.wait(Duration::from_secs(300));
    assert!(!is_marked(&dashboard), "{}", dashboard.screen());
}
