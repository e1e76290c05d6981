//! A dashboard killed in the middle of an edit, at each step of its way: applied once or not at all, and its author,
//! back at the table, sees which.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use scry_testkit::e2e_session::{E2eSession, UserMachine, WIDE_TERMINAL};
use scry_testkit::emberfall::Emberfall;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::pty::Pty;
use scry_testkit::wait::until;

const TOWN: &str = "Cinderford";
const ENTER: &str = "\r";
const ERASE: &str = "\u{15}";

/// A person at a dashboard whose line to the server can be broken.
struct ProxiedAuthor {
    session: E2eSession,
    proxy: FaultProxy,
    seat: UserMachine,
    version: i64,
}

impl ProxiedAuthor {
    async fn begin() -> Self {
        let session = E2eSession::begin().await;
        let proxy = FaultProxy::start(&session.server.url).await;
        let token = session.server.login("gm").await;
        let seat = UserMachine::at(&proxy.url).with("SCRY_TOKEN", &token);
        let version = session.settlement(TOWN).await["version"].as_i64().unwrap();
        Self { session, proxy, seat, version }
    }

    /// Opens the dashboard on the town.
    fn sit_down(&self) -> Pty {
        let mut dashboard = self.seat.dashboard(WIDE_TERMINAL);
        go_to_town(&mut dashboard);
        dashboard
    }

    /// Returns the level that the server has, and how often it was changed.
    async fn stored(&self) -> (Value, i64) {
        let town = self.session.settlement(TOWN).await;
        (town["level"].clone(), town["version"].as_i64().unwrap() - self.version)
    }

    /// Returns the edits on disk.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.seat.home.path().join("outbox"), &mut files);
        files
    }

    /// Returns what `scry outbox` says waits: a line for each edit.
    fn listed(&self) -> Vec<Value> {
        let mut scry = Command::new(env!("CARGO_BIN_EXE_scry"));
        let output = scry.arg("outbox").env_clear().envs(self.seat.env()).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks that the level came out like this, after so many changes, and that nothing waits any more.
    async fn check(&self, dashboard: &Pty, level: i64, changes: i64) {
        dashboard.wait_until("nothing that waits", |pty| !pty.screen().contains("pending"));
        let shown = format!("Level {level:>11}");
        dashboard.wait_for(&shown);
        assert_eq!(self.stored().await, (json!(level), changes));
        until("an empty outbox", async || self.files().is_empty()).await;
        assert!(self.listed().is_empty());
    }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

fn go_to_town(dashboard: &mut Pty) {
    dashboard.type_keys("gjj");
    dashboard.wait_for("─ Cinderford ─");
}

/// Writes a level, up to the key that submits it.
fn write_level(dashboard: &mut Pty, level: i64) {
    dashboard.type_keys("ej");
    dashboard.wait_for("▌ Level");
    dashboard.type_keys(ENTER);
    dashboard.type_keys(ERASE);
    dashboard.type_keys(&level.to_string());
    dashboard.wait_for(&format!("▌ Level        {level}"));
}

fn kill(mut dashboard: Pty) {
    let killed = Command::new("kill").args(["-KILL", &dashboard.pid().to_string()]).status().unwrap();
    assert!(killed.success());
    dashboard.wait_for_exit();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_is_stored_nothing_has_happened() {
    let author = ProxiedAuthor::begin().await;
    let mut dashboard = author.sit_down();
    write_level(&mut dashboard, 7);
    kill(dashboard);
    assert!(author.files().is_empty());
    let dashboard = author.sit_down();
    author.check(&dashboard, 4, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_it_is_stored_it_waits_and_is_sent_by_the_next_one() {
    let author = ProxiedAuthor::begin().await;
    let mut dashboard = author.sit_down();
    author.proxy.refuse();
    author.proxy.cut();
    dashboard.wait_for("Connecting");
    write_level(&mut dashboard, 7);
    dashboard.type_keys(ENTER);
    until("an edit on disk", async || author.files().len() == 1).await;
    kill(dashboard);
    assert_eq!((author.stored().await, author.listed().len()), ((json!(4), 0), 1));
    let mut dashboard = author.seat.scry(&["--campaign", "Emberfall"], WIDE_TERMINAL);
    dashboard.wait_for("Free Marches");
    go_to_town(&mut dashboard);
    dashboard.wait_for("1 pending");
    author.proxy.pass();
    dashboard.wait_for("saved: Cinderford");
    author.check(&dashboard, 7, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_the_way_to_the_server_it_is_sent_again() {
    let author = ProxiedAuthor::begin().await;
    let mut dashboard = author.sit_down();
    author.proxy.stall();
    write_level(&mut dashboard, 7);
    dashboard.type_keys(ENTER);
    dashboard.wait_for("sending");
    kill(dashboard);
    assert_eq!((author.stored().await, author.files().len()), ((json!(4), 0), 1));
    author.proxy.cut();
    author.proxy.pass();
    let dashboard = author.sit_down();
    dashboard.wait_for("saved: Cinderford");
    author.check(&dashboard, 7, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_server_has_it_and_before_the_answer_it_is_applied_once() {
    let author = ProxiedAuthor::begin().await;
    let mut dashboard = author.sit_down();
    author.proxy.mute();
    write_level(&mut dashboard, 7);
    dashboard.type_keys(ENTER);
    until("the change", async || author.stored().await == (json!(7), 1)).await;
    assert!(dashboard.screen().contains("sending"), "{}", dashboard.screen());
    kill(dashboard);
    assert_eq!(author.files().len(), 1);
    author.proxy.pass();
    let dashboard = author.sit_down();
    dashboard.wait_for("saved: Cinderford");
    author.check(&dashboard, 7, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_answer_and_before_it_is_taken_off_the_disk_it_is_applied_once() {
    let author = ProxiedAuthor::begin().await;
    let mut dashboard = author.sit_down();
    author.proxy.mute();
    write_level(&mut dashboard, 7);
    dashboard.type_keys(ENTER);
    until("the change", async || author.stored().await == (json!(7), 1)).await;
    // The file as it lies there when the answer comes; the instant between the two is too short to be met.
    let file = author.files().remove(0);
    let sent = fs::read(&file).unwrap();
    author.proxy.pass();
    until("an empty outbox", async || author.files().is_empty()).await;
    kill(dashboard);
    fs::write(&file, sent).unwrap();
    let dashboard = author.sit_down();
    dashboard.wait_for("saved: Cinderford");
    author.check(&dashboard, 7, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_another_overtook_while_its_author_was_dead_is_refused_to_the_next_one() {
    let author = ProxiedAuthor::begin().await;
    let mut dashboard = author.sit_down();
    author.proxy.stall();
    write_level(&mut dashboard, 7);
    dashboard.type_keys(ENTER);
    dashboard.wait_for("sending");
    kill(dashboard);
    author.session.set_level(TOWN, 9).await;
    author.proxy.cut();
    author.proxy.pass();
    let mut dashboard = author.sit_down();
    dashboard.wait_for("not saved: Cinderford");
    dashboard.type_keys("E");
    dashboard.wait_for("conflict  Cinderford");
    assert_eq!(author.stored().await, (json!(9), 1));
}

/// Kills it at whatever instant: after so many bytes of what it writes to the terminal once the edit is submitted.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_it_is_applied_once_or_not_at_all() {
    let author = ProxiedAuthor::begin().await;
    let mut random = fastrand::Rng::with_seed(17);
    let (mut level, mut changes) = (4, 0);
    for round in 0..8 {
        let mut dashboard = author.sit_down();
        let wanted = 20 + round;
        write_level(&mut dashboard, wanted);
        let bytes = dashboard.written() + random.usize(0..900);
        dashboard.type_keys(ENTER);
        let is_over = |pty: &Pty| pty.screen().contains(&format!("→ {wanted}"));
        dashboard.wait_until("enough on the screen", |pty| pty.written() >= bytes || is_over(pty));
        kill(dashboard);
        let was_stored = !author.files().is_empty();
        let dashboard = author.sit_down();
        if was_stored {
            dashboard.wait_for("saved: Cinderford");
        }
        let is_applied = author.stored().await.0 == json!(wanted);
        assert!(is_applied || !was_stored, "round {round}: what was stored is not lost");
        if is_applied {
            (level, changes) = (wanted, changes + 1);
        }
        author.check(&dashboard, level, changes).await;
        eprintln!("round {round}: stored {was_stored}, applied {is_applied}");
        kill(dashboard);
    }
    let world = Emberfall::on(&author.session.server).await;
    let made = world.events(0).await.into_iter().filter(|event| {
        let levels = |change: &Value| change["field"] == "level";
        event["metadata"]["changes"].as_array().is_some_and(|changes| changes.iter().any(levels))
    });
    assert_eq!(i64::try_from(made.count()).unwrap(), changes, "each is one event");
}
