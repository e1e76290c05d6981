//! Hostile text in every field of everything: what reaches the terminal, the clipboard, the log and files.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use scry_testkit::e2e_session::UserMachine;
use scry_testkit::hostile::{CAMPAIGN, HostileGateway, MAX_BUSY_TIME};
use scry_testkit::pty::Pty;
use scry_testkit::terminal::{copied, is_hostile, strange};
use scry_testkit::wait::{becomes_true, until};

/// Keys that lead through every pane and sheet, and to everything that can be copied.
const TOUR_KEYS: [&str; 22] = [
    "1", "jjj", "2", "jj", "\r", "yY\u{19}", "3", "k", "y", "Y", "\r", "y", "4", "5", "6", "7", "?", "?", ":", "Settl",
    "\u{1b}", "/",
];

fn seat(gateway: &HostileGateway) -> UserMachine {
    let seat = UserMachine::at(&gateway.gateway.url).with("SCRY_TOKEN", "any").with("SCRY_LOG", "debug");
    let config = "[alerts]\nlevel = \"all\"\nmeans = [\"osc9\", \"osc777\"]\n";
    std::fs::write(seat.home.path().join("config.toml"), config).unwrap();
    seat
}

async fn seats_taken(gateway: &mut HostileGateway) -> usize {
    gateway.gateway.ask("subscriptions").await.as_array().unwrap().len()
}

async fn walk(dashboard: &mut Pty) {
    for keys in TOUR_KEYS {
        let before = dashboard.written();
        dashboard.type_keys(keys);
        // A key that changes nothing on the screen is as good as one that does.
        becomes_true(Duration::from_millis(300), async || dashboard.written() > before).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_never_reaches_terminal_clipboard_log_or_file() {
    let mut gateway = HostileGateway::start().await;
    let seat = seat(&gateway);
    for size in [(120, 40), (60, 20)] {
        let known = seats_taken(&mut gateway).await;
        let mut dashboard = seat.scry(&["--campaign", CAMPAIGN], size);
        // The second one opens where the first was left, once it has read what was kept.
        let is_open = |pty: &Pty| ["from disk", "catching up", "live"].iter().any(|word| pty.screen().contains(word));
        dashboard.wait_until("an open campaign", is_open);
        dashboard.type_keys("1");
        dashboard.wait_for("Settlement");
        until("a seat in the room", async || seats_taken(&mut gateway).await > known).await;
        // This gateway repeats nothing, so the second one asks for its seat again, with a snapshot.
        dashboard.wait_until("a snapshot", |pty| pty.screen().contains(" live "));
        dashboard.type_keys("3");
        gateway.say_everything("marked").await;
        dashboard.wait_for("marked");
        walk(&mut dashboard).await;
        gateway.say_everything("again").await;
        dashboard.type_keys("\u{1b}");
        dashboard.wait_for_silence(Duration::from_millis(500));
        dashboard.type_keys("\u{3}");
        dashboard.wait_for_exit();
        let written = dashboard.bytes();
        assert_eq!(strange(&written), [""; 0]);
        let copies = copied(&written);
        assert!(!copies.is_empty(), "something was copied");
        for copy in copies {
            let copy = String::from_utf8(BASE64_STANDARD.decode(copy).unwrap()).unwrap();
            assert!(!copy.contains(|c| c != '\n' && c != '\t' && is_hostile(c)), "{copy:?}");
        }
    }
    files_are_clean(seat.home.path());
}

/// Looks at everything that was left on disk for people to read.
fn files_are_clean(home: &Path) {
    let mut looked_at = 0;
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                looked_at += 1;
                let bad = text.chars().find(|c| !matches!(c, '\n' | '\t') && is_hostile(*c));
                assert_eq!(bad, None, "{}", path.display());
            }
        }
    }
    assert!(looked_at > 1, "there is a log and a saved state");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_do_not_end_the_session() {
    let mut gateway = HostileGateway::start().await;
    let seat = seat(&gateway);
    let mut dashboard = seat.scry(&["--campaign", CAMPAIGN], (120, 40));
    dashboard.wait_for("Settlement");
    dashboard.wait_until("a live connection", |pty| pty.screen().contains("● "));
    gateway.say_the_impossible().await;
    // Whoever sends what is no text is left, and tried again.
    until("a second connection", async || seats_taken(&mut gateway).await > 1).await;
    let deadline = Instant::now() + MAX_BUSY_TIME;
    let mut is_heard = false;
    while !is_heard {
        assert!(Instant::now() < deadline, "it never hears again:\n{}", dashboard.screen());
        gateway.say("still here").await;
        is_heard = becomes_true(Duration::from_secs(2), async || dashboard.screen().contains("still here")).await;
    }
    dashboard.type_keys("q");
    assert!(dashboard.wait_for_exit().success());
    assert_eq!(strange(&dashboard.bytes()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_text_and_nothing_else() {
    let mut gateway = HostileGateway::start().await;
    let seat = seat(&gateway);
    let plain = ["--plain", "--campaign", CAMPAIGN];
    let watch = ["watch", "--campaign", CAMPAIGN, "--format", "text"];
    for args in [&plain[..], &watch[..]] {
        let known = seats_taken(&mut gateway).await;
        let mut child = Command::new(env!("CARGO_BIN_EXE_scry"))
            .env_clear()
            .envs(seat.env())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        until("a seat in the room", async || seats_taken(&mut gateway).await > known).await;
        gateway.say_everything("everything").await;
        let mut commands = child.stdin.take().unwrap();
        let (mut out, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let tour =
            "world\ndetail settl\njournal 50\npeople\nnotifications\nclock\nhealth\ninspect 11\nedit\nedits\nhelp\n";
        // `watch` reads no input.
        let _ = commands.write_all(tour.as_bytes()).await;
        let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
        let deadline = Instant::now() + MAX_BUSY_TIME;
        while !String::from_utf8_lossy(&said).contains("finished") {
            assert!(Instant::now() < deadline, "it never says what it was told: {}", String::from_utf8_lossy(&said));
            gateway.say("finished").await;
            // What was told before somebody listened is not said.
            if let Ok(read) = timeout(Duration::from_secs(1), out.read(&mut buffer)).await {
                let read = read.unwrap();
                assert!(read > 0, "it goes on");
                said.extend_from_slice(&buffer[..read]);
            }
        }
        drop(commands);
        child.kill().await.unwrap();
        errors.read_to_end(&mut said).await.unwrap();
        let said = String::from_utf8(said).expect("what it says is text");
        let bad = said.lines().find(|line| line.contains(is_hostile));
        assert_eq!(bad, None, "{args:?}");
    }
}
