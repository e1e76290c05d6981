//! An evening of two people at one town, one of them on a bad line: both always know who does what, and what became
//! of every edit.

use std::time::Duration;

use serde_json::{Value, json};

use scry_testkit::e2e_session::{E2eSession, UserMachine, WIDE_TERMINAL};
use scry_testkit::emberfall::Emberfall;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::pty::Pty;

const TOWN: &str = "Cinderford";
const ENTER: &str = "\r";
const ERASE: &str = "\u{15}";

/// A number of the town by its label and its place among the fields.
type FieldRow = (&'static str, usize);

const LEVEL: FieldRow = ("Level", 1);
const POPULATION: FieldRow = ("Population", 2);
const TREASURY: FieldRow = ("Treasury", 4);
const TOWERS: FieldRow = ("Towers", 6);
const WALLS: FieldRow = ("Walls", 7);

fn sit_down(seat: &UserMachine) -> Pty {
    let mut dashboard = seat.dashboard(WIDE_TERMINAL);
    dashboard.type_keys("gjj");
    dashboard.wait_for("─ Cinderford ─");
    dashboard
}

/// Opens the editor of a field and empties it.
fn open(dashboard: &mut Pty, (label, place): FieldRow) {
    dashboard.type_keys("e");
    dashboard.wait_for("▌ Name");
    dashboard.type_keys(&"j".repeat(place));
    dashboard.wait_for(&format!("▌ {label}"));
    dashboard.type_keys(ENTER);
    dashboard.wait_for("⏎ accept");
    dashboard.type_keys(ERASE);
}

/// Writes a number into the open editor, saves it, and leaves the sheet.
fn write(dashboard: &mut Pty, number: i64) {
    dashboard.type_keys(&number.to_string());
    dashboard.type_keys(ENTER);
    dashboard.wait_for("esc close");
    leave(dashboard);
}

/// Leaves a sheet and waits until it has gone: a key right behind an escape would be read as one with Alt.
fn leave(dashboard: &mut Pty) {
    dashboard.type_keys("\u{1b}");
    dashboard.wait_until("the dashboard without a sheet", |pty| !pty.screen().contains("esc close"));
}

fn set(dashboard: &mut Pty, field: FieldRow, number: i64) {
    open(dashboard, field);
    write(dashboard, number);
}

/// Waits until every screen shows a number as the town's, with nothing on its way.
fn all_show(dashboards: &[&Pty], (label, _): FieldRow, number: &str) {
    for dashboard in dashboards {
        dashboard.wait_until(&format!("{label} {number}, settled"), |pty| {
            let screen = pty.screen();
            let line = screen.lines().find_map(|line| line.split_once(&format!("│ {label} "))).map(|(_, rest)| rest);
            let shown = line.is_some_and(|rest| rest.trim_start().starts_with(number) && !rest.contains('◌'));
            shown && !screen.contains("pending")
        });
    }
}

/// Returns what was changed in the town by people, in order: field and value.
async fn history(session: &E2eSession) -> Vec<(String, Value)> {
    let world = Emberfall::on(&session.server).await;
    let events = world.events(0).await;
    let api = events.into_iter().filter(|event| event["metadata"]["source"] == "api");
    let change = |change: &Value| (change["field"].as_str().unwrap().to_owned(), change["to"].clone());
    api.flat_map(|event| event["metadata"]["changes"].as_array().unwrap().iter().map(change).collect::<Vec<_>>())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_and_one_bad_line() {
    let session = E2eSession::begin().await;
    let proxy = FaultProxy::start(&session.server.url).await;
    let gm_seat = session.seat("gm").await;
    let player_seat = UserMachine::at(&proxy.url).with("SCRY_TOKEN", &session.server.login("player").await);
    let (mut gm, mut player) = (sit_down(&gm_seat), sit_down(&player_seat));
    gm.wait_for("player here");
    player.wait_for("gm here");

    // On a good line: each sees where the other writes, and two fields do not meet.
    open(&mut player, POPULATION);
    gm.wait_for("player is typing in population");
    open(&mut gm, TREASURY);
    player.wait_for("gm is typing in treasury");
    write(&mut player, 3000);
    write(&mut gm, 1500);
    all_show(&[&gm, &player], POPULATION, "3 000");
    all_show(&[&gm, &player], TREASURY, "1 500");

    // On a slow line: shown at once as pending, and saved all the same.
    proxy.delay(Duration::from_millis(300));
    set(&mut player, TOWERS, 5);
    player.wait_for("◌");
    all_show(&[&gm, &player], TOWERS, "5");
    proxy.pass();

    // The line dies one way: the server has the edit, the player cannot know it and is told so.
    proxy.mute();
    set(&mut player, WALLS, 8);
    all_show(&[&gm], WALLS, "8");
    assert!(player.screen().contains("sending"), "{}", player.screen());
    player.wait_for("Connecting");
    player.wait_for("gm was ");

    // Then it is gone: the game master goes on, and so does the player, on paper.
    proxy.refuse();
    proxy.cut();
    gm.wait_until("the player's leave", |pty| !pty.screen().contains("player here"));
    set(&mut gm, LEVEL, 6);
    set(&mut player, LEVEL, 9);
    set(&mut player, POPULATION, 2900);
    player.wait_for("3 pending");

    // It is back: what was applied is told so, what can be is saved, and what met another edit waits for a decision.
    proxy.pass();
    player.wait_for("1 refused");
    player.wait_for("not saved: Cinderford · level 4 → 9");
    gm.wait_for("player here");
    all_show(&[&gm, &player], LEVEL, "6");
    all_show(&[&gm, &player], POPULATION, "2 900");
    all_show(&[&gm, &player], WALLS, "8");

    // The player decides, and both see what came of it.
    player.type_keys("E");
    player.wait_for("conflict  Cinderford");
    player.wait_for("gm changed level meanwhile");
    player.type_keys(ENTER);
    player.wait_for("[9]");
    player.type_keys(ENTER);
    all_show(&[&gm, &player], LEVEL, "9");
    player.wait_until("nothing refused", |pty| !pty.screen().contains("refused"));
    let made = [
        ("variables.population", 3000),
        ("variables.treasury", 1500),
        ("variables.towers", 5),
        ("variables.walls", 8),
        ("level", 6),
        ("variables.population", 2900),
        ("level", 9),
    ];
    let mut told = history(&session).await;
    // The first two were saved at the same moment.
    told[..2].sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(told, made.map(|(field, value)| (field.to_owned(), json!(value))), "each edit once, in its order");
    assert_eq!(session.settlement(TOWN).await["level"], 9);
}
