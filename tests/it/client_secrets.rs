//! What the client keeps is its user's alone, and its secrets stay where they are.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use scry_testkit::programs::{ProgramFixture, told};

const PASSWORD: &str = "emberfall";

/// Returns everything below a directory, itself included.
fn everything(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| if path.is_dir() { everything(&path) } else { vec![path] });
    [dir.to_path_buf()].into_iter().chain(below).collect()
}

/// Runs a script as a user whose files others may read unless a program sees to it.
fn run(programs: &ProgramFixture, script: &str) -> Output {
    programs
        .program("sh")
        .env_remove("SCRY_TOKEN")
        .env("SCRY_PASSWORD", PASSWORD)
        .args(["-e", "-c", script])
        .output()
        .unwrap()
}

fn log_in(programs: &ProgramFixture) {
    let (code, _, stderr) = told(&run(programs, "umask 022; scry login --username gm --store file"));
    assert_eq!(code, Some(0), "{stderr}");
}

/// Returns the tokens of the login that is kept.
fn tokens(programs: &ProgramFixture) -> Vec<String> {
    let logins = everything(&programs.dir.path().join("data/logins"));
    let file = logins.iter().find(|path| path.is_file()).expect("a login is kept");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut found = Vec::new();
    strings(&kept, &mut found);
    found.retain(|text| text.len() > 30);
    assert!(found.len() >= 2, "an access token and a refresh token: {kept}");
    found
}

fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        serde_json::Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[test]
fn everything_that_the_client_writes_is_closed_to_others() {
    let programs = ProgramFixture::start();
    log_in(&programs);
    let script = "umask 022; export SCRY_LOG=trace
        scry record --campaign Emberfall -o r.jsonl --count 1 --for 20s --log-file logged/l.log &
        pid=$!
        scry record --campaign Emberfall -o packed.jsonl.zst --count 1 --for 20s &
        other=$!
        for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; scry advance-time Emberfall 1m >/dev/null; \
            if [ -s r.jsonl ] && ! kill -0 $pid 2>/dev/null && ! kill -0 $other 2>/dev/null; then break; fi; done
        wait $pid; wait $other";
    let (code, _, stderr) = told(&run(&programs, script));
    assert_eq!(code, Some(0), "{stderr}");
    let home = programs.dir.path();
    for name in ["r.jsonl", "packed.jsonl.zst", "logged/l.log"] {
        let mode = std::fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    let data = everything(&home.join("data"));
    assert!(data.iter().any(|path| path.starts_with(home.join("data/logins"))), "{data:?}");
    for path in data {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        // A day's log has the mode that every log has; its directory is closed.
        let is_log = path.parent() == Some(&home.join("data/logs"));
        let closed = if path.is_dir() { 0o700 } else { 0o600 };
        assert!(mode == closed || is_log, "{}: {mode:o}", path.display());
    }
}

#[test]
fn secrets_are_in_no_log_no_output_and_no_command_line() {
    let programs = ProgramFixture::with(&[("SCRY_SERVER_LOG", "trace")]);
    log_in(&programs);
    let script = "export SCRY_LOG=trace
        cat > e.toml <<'X'
timeout = \"20s\"
settle = \"100ms\"
[rooms]
campaign = \"Emberfall\"
[[expect]]
event = 'type == \"world_time_changed\"'
X
        scry expect e.toml --log-file l.log -- sh -c 'env > environment; tr \"\\0\" \"\\n\" < /proc/$PPID/cmdline > line; \
            cat /proc/$PPID/comm > title; unset SCRY_PASSWORD; scry advance-time Emberfall 1m --log-file m.log' > out 2> err
        scry whoami --log-file n.log > who 2>&1
        scry doctor --log-file d.log > doctor 2>&1 || true
        scry logout --log-file o.log > logout 2>&1";
    let secrets = [tokens(&programs), vec![PASSWORD.to_owned()]].concat();
    let (code, _, stderr) = told(&run(&programs, script));
    assert_eq!(code, Some(0), "{stderr}{}", std::fs::read_to_string(programs.dir.path().join("err")).unwrap());
    let written = std::fs::read_dir(programs.dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let written: Vec<PathBuf> = written.filter(|path| path.is_file()).collect();
    for name in ["environment", "line", "title", "out", "err", "l.log", "m.log", "n.log", "o.log", "who"] {
        assert!(written.contains(&programs.dir.path().join(name)), "{name}: {written:?}");
    }
    for path in &written {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        // The password was given in the environment, which a command inherits.
        let is_environment = path.file_name().unwrap() == "environment";
        for secret in secrets.iter().filter(|secret| !is_environment || *secret != PASSWORD) {
            assert!(!text.contains(secret.as_str()), "{}: {text}", path.display());
        }
    }
    assert!(
        std::fs::read_to_string(programs.dir.path().join("l.log")).unwrap().len() > 500,
        "the log has something in it"
    );
    let logs = everything(&programs.dir.path().join("data")).into_iter().filter(|path| path.is_file());
    for path in logs {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{}", path.display());
    }
}
