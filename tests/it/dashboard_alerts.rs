//! How the real dashboard calls somebody who looks elsewhere.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use scry_testkit::e2e_session::{E2eSession, WIDE_TERMINAL};
use scry_testkit::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn the_desktop_is_told_what_has_changed_as_one_argument() {
    let session = E2eSession::begin().await;
    let seat = session.seat("gm").await;
    let bin = seat.home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let told = seat.home.path().join("told");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" >>'{}'\n", told.display());
    std::fs::write(bin.join("notify-send"), script).unwrap();
    std::fs::set_permissions(bin.join("notify-send"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(seat.home.path().join("config.toml"), "[alerts]\nlevel = \"all\"\nmeans = [\"desktop\"]\n").unwrap();
    let seat = seat.with("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    let dashboard = seat.dashboard(WIDE_TERMINAL);
    session.set_level("Harrow's Rest", 4).await;
    dashboard.wait_for("level 3 → 4");
    let expected = "3\n--app-name=scry\n--\nHarrow's Rest has changed\n";
    until("a call", async || std::fs::read_to_string(&told).is_ok_and(|told| told.starts_with(expected))).await;
    dashboard.wait_for_silence(Duration::from_millis(500));
    assert!(!dashboard.bytes().contains(&7), "the bell was not asked for");
}
