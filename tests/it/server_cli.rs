//! The real `scry-server` program: what it prints, how it ends.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use sqlx::{Column, Row};
use tempfile::TempDir;

pub fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scry-server"));
    command.env_clear().env("SCRY_SERVER_DATA_DIR", dir).env("SCRY_SERVER_ARGON2_MEMORY_KIB", "8");
    command.env("SCRY_SERVER_ARGON2_ITERATIONS", "1").stdin(Stdio::null());
    command
}

pub fn run(dir: &Path, args: &[&str]) -> Output {
    program(dir).args(args).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn serve(dir: &Path) -> (Child, String) {
    let mut child = program(dir)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
    (child, url)
}

/// Writes down every row of every table.
async fn dump(dir: &Path) -> String {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&format!("sqlite:{}", dir.join("scry.db").display())).await.unwrap();
    let mut dump = String::new();
    for (query, name) in [
        ("SELECT * FROM users ORDER BY 1", "users"),
        ("SELECT * FROM campaigns ORDER BY 1", "campaigns"),
        ("SELECT * FROM entities ORDER BY 1", "entities"),
        ("SELECT * FROM memberships ORDER BY 1", "memberships"),
        ("SELECT * FROM definitions ORDER BY 1, 2, 3", "definitions"),
        ("SELECT * FROM journal ORDER BY 1, 2", "journal"),
    ] {
        for row in sqlx::query(query).fetch_all(&pool).await.unwrap() {
            let cell = |i: usize| {
                row.try_get::<Option<String>, _>(i)
                    .ok()
                    .flatten()
                    .or_else(|| row.try_get::<i64, _>(i).ok().map(|number| number.to_string()))
            };
            let cells: Vec<_> = row.columns().iter().map(|column| cell(column.ordinal())).collect();
            dump.push_str(&format!("{name} {cells:?}\n"));
        }
    }
    dump
}

#[tokio::test]
async fn seeding_twice_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let first = run(dir.path(), &["seed"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let before = dump(dir.path()).await;
    assert!(before.contains("Emberfall") && before.contains("definitions"), "{before}");
    let second = run(dir.path(), &["seed"]);
    assert!(second.status.success());
    assert!(text(&second.stdout).starts_with("nothing to add"), "{}", text(&second.stdout));
    assert_eq!(dump(dir.path()).await, before);
}

#[tokio::test]
async fn server_runs_until_sigterm() {
    let dir = TempDir::new().unwrap();
    let (mut child, url) = serve(dir.path());
    let health: serde_json::Value = reqwest::get(format!("{url}/health")).await.unwrap().json().await.unwrap();
    assert_eq!(health["status"], "ok");
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn a_user_and_a_token_made_here_work_there() {
    let dir = TempDir::new().unwrap();
    let mut child = program(dir.path())
        .args(["user", "add", "ada", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let token = text(&run(dir.path(), &["token", "ada", "--ttl", "1m"]).stdout);
    let (mut server, url) = serve(dir.path());
    let request = reqwest::Client::new().post(format!("{url}/graphql")).bearer_auth(token.trim());
    let body = serde_json::json!({"query": "{ me { username } }"});
    let answer: serde_json::Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"]["me"]["username"], "ada");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_failed_start_is_one_line_with_the_right_code() {
    let dir = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\nws_ping_intervall = \"5s\"\n").unwrap();
    let file = file.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["--listen", &address], 1, "choose another address with --listen"),
        (&["--listen", "nowhere"], 2, "--listen: must be an address and a port"),
        (&["--database", "mysql://u:hunter2@h/d", "--listen", "127.0.0.1:0"], 2, "sqlite:PATH"),
        (&["--database", "sqlite:/proc/none/x.db", "--listen", "127.0.0.1:0"], 1, "check --database"),
        (&["--config", file, "check-config"], 2, "server.toml:2: ws_ping_intervall"),
        (&["token", "nobody"], 1, "there is no user nobody"),
        (&["seed", "--world", "/nowhere.toml"], 2, "cannot read /nowhere.toml"),
    ];
    for (args, code, sentence) in cases {
        let output = run(dir.path(), args);
        let stderr = text(&output.stderr);
        let said = stderr.lines().filter(|line| line.starts_with("scry-server: ")).collect::<Vec<_>>();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(said.len() == 1 && said[0].contains(sentence), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty() && !stderr.contains("hunter2"), "{args:?}: {stderr}");
    }
    assert!(run(dir.path(), &["check-config"]).status.success());
    assert_eq!(run(dir.path(), &["--no-such-flag"]).status.code(), Some(2));
}

#[test]
fn the_operator_adds_members_without_asking_them() {
    let dir = TempDir::new().unwrap();
    assert!(run(dir.path(), &["seed"]).status.success());
    let told = |args: &[&str]| {
        let output = run(dir.path(), args);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let added = told(&["member", "add", "Emberfall", "outsider", "--role", "editor"]);
    assert_eq!((added.0, &*added.1), (Some(0), "outsider is a member with the role editor\n"), "{}", added.2);
    told(&["member", "add", "Emberfall", "outsider", "--role", "viewer"]);
    let listed = told(&["member", "list", "Emberfall"]).1;
    assert!(listed.contains("outsider VIEWER\n") && listed.contains("gm OWNER\n"), "{listed}");
    for (args, problem) in [
        (["Nowhere", "outsider", "VIEWER"], "there is no campaign Nowhere"),
        (["Emberfall", "nobody", "VIEWER"], "there is no user nobody"),
        (["Emberfall", "outsider", "KING"], "--role: must be OWNER, EDITOR or VIEWER"),
        (["Emberfall", "gm", "VIEWER"], "is the only owner"),
    ] {
        let (code, _, stderr) = told(&["member", "add", args[0], args[1], "--role", args[2]]);
        assert!(code != Some(0) && stderr.contains(problem), "{args:?}: {stderr}");
    }
}
