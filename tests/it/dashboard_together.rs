//! Two people at two dashboards change one campaign, the network between them good or gone.

use serde_json::{Value, json};

use scry_testkit::e2e_session::{E2eSession, UserMachine, WIDE_TERMINAL};
use scry_testkit::pty::Pty;

const TOWN: &str = "Cinderford";
const ENTER: &str = "\r";
const ERASE: &str = "\u{15}";

/// Opens somebody's dashboard on Cinderford.
fn sit_down(seat: &UserMachine) -> Pty {
    let mut dashboard = seat.dashboard(WIDE_TERMINAL);
    dashboard.type_keys("jj");
    dashboard.wait_for("─ Cinderford ─");
    dashboard
}

async fn level(session: &E2eSession) -> Value {
    session.settlement(TOWN).await["level"].take()
}

/// Opens the level's editor and empties it.
fn open_level(dashboard: &mut Pty) {
    dashboard.type_keys("ej");
    dashboard.wait_for("▌ Level");
    dashboard.type_keys(ENTER);
    dashboard.type_keys(ERASE);
}

/// Leaves the sheet and waits until it has gone: a key right behind an escape would be read as one with Alt.
fn close(dashboard: &mut Pty) {
    dashboard.type_keys("\u{1b}");
    dashboard.wait_until("the dashboard without a sheet", |pty| !pty.screen().contains("esc close"));
}

#[tokio::test(flavor = "multi_thread")]
async fn change_of_one_user_is_shown_to_the_other() {
    let session = E2eSession::begin().await;
    let gm_seat = session.seat("gm").await;
    let mut gm = sit_down(&gm_seat);
    let player_seat = session.seat("player").await;
    let player = sit_down(&player_seat);
    open_level(&mut gm);
    gm.type_keys("6");
    gm.type_keys(ENTER);
    player.wait_for("level 4 → 6");
    gm.wait_until("an edit that is over", |pty| {
        let screen = pty.screen();
        screen.contains("level 4 → 6") && !screen.contains("pending") && !screen.contains("sending")
    });
    assert_eq!(level(&session).await, json!(6));
    gm.type_keys("\u{1b}");
    gm.wait_for("▲ from 4");
    gm.type_keys("u");
    player.wait_for("level 6 → 4");
    assert_eq!(level(&session).await, json!(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_change_is_queued_and_sent_after_reconnect() {
    let mut session = E2eSession::begin().await;
    let gm_seat = session.seat("gm").await;
    let mut gm = sit_down(&gm_seat);
    session.server.stop().await;
    gm.wait_for("Connecting");
    open_level(&mut gm);
    gm.type_keys("9");
    gm.type_keys(ENTER);
    gm.wait_for("1 pending");
    close(&mut gm);
    gm.type_keys("E");
    gm.wait_for("kept on disk");
    gm.type_keys("\u{1b}");
    session.server.restart().await;
    gm.wait_for("level 4 → 9");
    gm.wait_until("nothing that waits", |pty| !pty.screen().contains("pending"));
    assert_eq!(level(&session).await, json!(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_resolved_by_hand() {
    let session = E2eSession::begin().await;
    let gm_seat = session.seat("gm").await;
    let mut gm = sit_down(&gm_seat);
    open_level(&mut gm);
    session.set_level(TOWN, 7).await;
    gm.wait_for("player has changed it to 7 meanwhile");
    gm.type_keys("5");
    gm.type_keys(ENTER);
    gm.wait_for("1 refused");
    close(&mut gm);
    gm.type_keys("E");
    gm.wait_for("player changed level meanwhile");
    gm.type_keys(ENTER);
    gm.wait_for("t theirs");
    gm.wait_for("[5]");
    assert_eq!(level(&session).await, json!(7));
    gm.type_keys(ENTER);
    gm.wait_for("level 7 → 5");
    gm.wait_until("nothing that waits", |pty| !pty.screen().contains("refused"));
    assert_eq!(level(&session).await, json!(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_is_offered_no_edit_commands() {
    let session = E2eSession::begin().await;
    let viewer_seat = session.seat("viewer").await;
    let mut viewer = sit_down(&viewer_seat);
    viewer.type_keys("ec");
    viewer.type_keys("?");
    viewer.wait_for("Help: World");
    let screen = viewer.screen();
    assert!(!screen.contains("edit the selected") && !screen.contains("move or set the clock"), "{screen}");
}
