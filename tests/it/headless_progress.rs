//! How far long work has come, on a terminal: a line that tells it while it lasts, and is gone afterwards.

use scry_testkit::programs::ProgramFixture;
use scry_testkit::pty::Pty;

/// Runs `scry` in a terminal, in the town's surroundings.
fn scry(programs: &ProgramFixture, args: &[&str]) -> Pty {
    let path = programs.dir.path().to_str().unwrap();
    let env = [
        ("SCRY_URL", &*programs.url),
        ("SCRY_TOKEN", &*programs.token),
        ("SCRY_CONFIG_DIR", path),
        ("SCRY_DATA_DIR", path),
    ];
    Pty::spawn(env!("CARGO_BIN_EXE_scry"), args, &env, (80, 24))
}

/// Waits for the end; the last word stands alone on the screen.
fn ends_with(program: &mut Pty, last: &str) {
    assert!(program.wait_for_exit().success(), "{}", program.screen());
    let screen = program.screen();
    assert_eq!(screen.lines().filter(|line| !line.trim().is_empty()).count(), 1, "{screen}");
    assert!(screen.contains(last), "{screen}");
}

#[test]
fn seeding_says_what_it_adds_until_it_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let env = [
        ("SCRY_SERVER_DATA_DIR", dir.path().to_str().unwrap()),
        ("SCRY_SERVER_ARGON2_MEMORY_KIB", "8"),
        ("SCRY_SERVER_ARGON2_ITERATIONS", "1"),
    ];
    let mut seeding = Pty::spawn(env!("CARGO_BIN_EXE_scry-server"), &["seed"], &env, (80, 24));
    seeding.wait_until("what is added", |pty| pty.output().contains("0:00  adding 5 users and "));
    ends_with(&mut seeding, "added 5 users");
}

#[test]
fn recording_and_replaying_say_how_far_they_are_until_they_are_done() {
    let programs = ProgramFixture::start();
    let file = |name: &str| programs.dir.path().join(name).to_str().unwrap().to_owned();
    let mut recording = scry(&programs, &["record", "--campaign", "Emberfall", "-o", &file("a.jsonl"), "--for", "8s"]);
    recording.wait_for("  recording");
    assert!(programs.run(&["advance-time", "Emberfall", "1m"]).status.success());
    recording.wait_until("how much there is", |pty| pty.output().contains(" events, "));
    ends_with(&mut recording, " events in ");

    let mut replaying = scry(&programs, &["replay", &file("a.jsonl"), "-o", &file("b.jsonl")]);
    replaying.wait_until("how far it is", |pty| pty.output().contains(" events, 0:00 of 0:0"));
    ends_with(&mut replaying, " events to ");
}
