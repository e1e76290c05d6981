//! What an operator does to users and sessions, with the real program beside a running server.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use scry_server::AppState;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server_cli::{program, run, serve, text};
use scry_testkit::raw_socket::RawSocketClient;

/// A running server and the directory that both programs work on.
struct UsersFixture {
    dir: TempDir,
    server: std::process::Child,
    url: String,
}

impl UsersFixture {
    /// Starts a server with two users, `ada` and `ben`.
    fn open() -> Self {
        let dir = TempDir::new().unwrap();
        for name in ["ada", "ben"] {
            assert!(
                with_password(dir.path(), &["user", "add", name, "--password-stdin"], "correct horse").status.success()
            );
        }
        let (server, url) = serve(dir.path());
        Self { dir, server, url }
    }

    /// Runs a command that must succeed; returns what it prints.
    fn run(&self, args: &[&str]) -> String {
        let output = run(self.dir.path(), args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command that must fail; returns its code and its last line on stderr.
    fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = run(self.dir.path(), args);
        assert!(output.stdout.is_empty(), "{args:?}: {}", text(&output.stdout));
        let stderr = text(&output.stderr);
        (output.status.code().unwrap(), stderr.lines().last().unwrap_or_default().to_owned())
    }

    async fn login(&self, name: &str, password: &str) -> Result<Value, u16> {
        let body = json!({"username": name, "password": password});
        let answer = reqwest::Client::new().post(format!("{}/auth/login", self.url)).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 200 { Ok(answer.json().await.unwrap()) } else { Err(status) }
    }

    /// Asks who a token belongs to.
    async fn whoami(&self, token: &str) -> Result<Value, u16> {
        self.graphql(token, "{ me { username } }").await.map(|data| data["me"]["username"].clone())
    }

    async fn graphql(&self, token: &str, query: &str) -> Result<Value, u16> {
        let request = reqwest::Client::new().post(format!("{}/graphql", self.url)).bearer_auth(token);
        let answer = request.json(&json!({"query": query})).send().await.unwrap();
        let status = answer.status().as_u16();
        let mut body: Value = answer.json().await.unwrap();
        if status == 200 { Ok(body["data"].take()) } else { Err(status) }
    }
}

impl Drop for UsersFixture {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn with_password(dir: &Path, args: &[&str], password: &str) -> Output {
    let mut command = program(dir);
    let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn token_of(login: &Value) -> &str {
    login["accessToken"].as_str().unwrap()
}

#[tokio::test]
async fn printed_token_is_listed_and_worthless_once_its_session_is_ended() {
    let fixture = UsersFixture::open();
    let token = fixture.run(&["token", "ada", "--ttl", "2160h"]);
    let token = token.trim();
    assert_eq!(fixture.whoami(token).await, Ok(json!("ada")));
    let mut socket = RawSocketClient::connect(&fixture.url, token).await.unwrap();
    let login = fixture.login("ben", "correct horse").await.unwrap();
    let listed = fixture.run(&["session", "list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("ada  token  since ") && lines[1].starts_with("ben  login"),
        "{listed}"
    );
    assert_eq!(fixture.run(&["session", "list", "--user", "ada"]).lines().collect::<Vec<_>>(), lines[..1]);

    let id = lines[0].rsplit(' ').next().unwrap();
    assert_eq!(fixture.run(&["session", "end", id]), "the session has ended\n");
    assert_eq!(fixture.whoami(token).await, Err(401));
    socket.closed().await;
    assert_eq!(fixture.whoami(token_of(&login)).await, Ok(json!("ben")), "another's session goes on");
    let (code, line) = fixture.refused(&["session", "end", id]);
    assert_eq!(code, 1);
    assert!(line.contains(&format!("no session {id} is open")), "{line}");
    assert_eq!(fixture.run(&["session", "end", "--user", "ben"]), "1 session of ben ended\n");
    assert_eq!(fixture.whoami(token_of(&login)).await, Err(401));
    assert_eq!(fixture.run(&["session", "list"]), "");
}

#[tokio::test]
async fn printed_token_has_a_bounded_life_and_a_user_who_may_log_in() {
    let fixture = UsersFixture::open();
    for ttl in ["0s", "500ms", "2161h", "87600h", "99999999h"] {
        let (code, line) = fixture.refused(&["token", "ada", "--ttl", ttl]);
        assert_eq!(code, 2, "{ttl}");
        assert!(line.contains("--ttl: a token lasts from 1s to 2160h"), "{line}");
    }
    assert!(fixture.refused(&["token", "ada", "--ttl", "soon"]).1.contains("--ttl: “soon” is not a duration"));
    assert_eq!(fixture.refused(&["token", "nobody"]).0, 1);
    fixture.run(&["user", "disable", "ada"]);
    assert!(fixture.refused(&["token", "ada"]).1.contains("ada is disabled"));
    assert_eq!(fixture.run(&["session", "list"]), "", "a refused token leaves no session");
}

#[tokio::test]
async fn token_signed_with_the_key_needs_a_user_and_no_session_of_another() {
    let fixture = UsersFixture::open();
    let login = fixture.login("ada", "correct horse").await.unwrap();
    let core = AppState::open(scry_server::config::ServerConfig::new(fixture.dir.path())).await.unwrap();
    let id = |text: &str| scry_protocol::Id::parse(text).unwrap();
    let user = id(login["user"]["id"].as_str().unwrap());
    let claims = core.tokens.verify(token_of(&login), scry_server::clock::now()).unwrap();
    let ben = fixture.login("ben", "correct horse").await.unwrap();
    let bens = core.tokens.verify(token_of(&ben), scry_server::clock::now()).unwrap();
    for (what, sub, sid) in [
        ("a user who does not exist", id("ghost"), claims.sid.clone()),
        ("neither user nor session", id("ghost"), id("no-session")),
        ("somebody else's session", user.clone(), bens.sid.clone()),
    ] {
        let (token, _) = core.tokens.issue(&sub, "ada", &sid, scry_server::clock::now()).unwrap();
        assert_eq!(fixture.whoami(&token).await, Err(401), "{what}");
        let refusal = RawSocketClient::connect(&fixture.url, &token).await.err().unwrap_or_default();
        assert!(refusal.starts_with("TOKEN_INVALID"), "{what}: {refusal}");
    }
    // Another application that signs with our key opens sessions of its own; its tokens end with their user.
    let (token, _) = core.tokens.issue(&user, "ada", &id("no-session"), scry_server::clock::now()).unwrap();
    assert_eq!(fixture.whoami(&token).await, Ok(json!("ada")));
    let mut socket = RawSocketClient::connect(&fixture.url, &token).await.unwrap();
    fixture.run(&["user", "disable", "ada"]);
    socket.closed().await;
    assert_eq!(fixture.whoami(&token).await, Err(401));
    core.db.close().await;
}

#[tokio::test]
async fn new_password_ends_every_session_and_the_old_one_opens_nothing() {
    let fixture = UsersFixture::open();
    let login = fixture.login("ada", "correct horse").await.unwrap();
    let mut socket = RawSocketClient::connect(&fixture.url, token_of(&login)).await.unwrap();
    let changed = with_password(fixture.dir.path(), &["user", "passwd", "ada", "--password-stdin"], "battery staple");
    assert_eq!(text(&changed.stdout), "ada has a new password; 1 session ended\n");
    socket.closed().await;
    assert_eq!(fixture.whoami(token_of(&login)).await, Err(401));
    assert_eq!(fixture.login("ada", "correct horse").await, Err(401));
    assert!(fixture.login("ada", "battery staple").await.is_ok());
    let short = with_password(fixture.dir.path(), &["user", "passwd", "ada", "--password-stdin"], "short");
    assert_eq!(short.status.code(), Some(2));
}

#[tokio::test]
async fn disabled_user_is_out_until_enabled_again() {
    let fixture = UsersFixture::open();
    let login = fixture.login("ada", "correct horse").await.unwrap();
    let mut socket = RawSocketClient::connect(&fixture.url, token_of(&login)).await.unwrap();
    assert_eq!(fixture.run(&["user", "disable", "ada"]), "ada cannot log in any more; 1 session ended\n");
    socket.closed().await;
    assert_eq!(fixture.whoami(token_of(&login)).await, Err(401));
    assert_eq!(fixture.login("ada", "correct horse").await, Err(401));
    assert!(fixture.run(&["user", "list"]).lines().any(|line| line.starts_with("ada") && line.contains("disabled")));
    fixture.run(&["user", "enable", "ada"]);
    assert!(fixture.login("ada", "correct horse").await.is_ok());
    assert_eq!(fixture.whoami(token_of(&login)).await, Err(401), "what was ended stays so");
}

#[tokio::test]
async fn deleted_user_leaves_what_they_have_written_and_frees_the_name() {
    let fixture = UsersFixture::open();
    let login = fixture.login("ada", "correct horse").await.unwrap();
    let ada = token_of(&login);
    let made = fixture.graphql(ada, "mutation { createCampaign(input: {name: \"Hill\"}) { id } }").await.unwrap();
    let campaign = made["createCampaign"]["id"].as_str().unwrap().to_owned();
    let kingdom =
        format!("mutation {{ createKingdom(input: {{campaignId: \"{campaign}\", name: \"North\"}}) {{ id }} }}");
    fixture.graphql(ada, &kingdom).await.unwrap();
    let (code, line) = fixture.refused(&["user", "delete", "ada"]);
    assert_eq!(code, 1);
    assert!(line.contains("Hill would be left without an owner"), "{line}");
    assert_eq!(fixture.whoami(ada).await, Ok(json!("ada")), "a refused deletion changes nothing");

    // Ben becomes an owner in the database itself, so that this does not depend on how people are invited.
    let core = AppState::open(scry_server::config::ServerConfig::new(fixture.dir.path())).await.unwrap();
    let ben = fixture.login("ben", "correct horse").await.unwrap();
    sqlx::query("INSERT INTO memberships VALUES ('m-ben', $1, $2, 'OWNER', 1, '', '')")
        .bind(campaign.as_str())
        .bind(ben["user"]["id"].as_str().unwrap())
        .execute(&core.db.writer)
        .await
        .unwrap();
    let ids = (login["user"]["id"].as_str().unwrap(), ben["user"]["id"].as_str().unwrap());
    invite_and_block(&core, &campaign, ids).await;
    assert_eq!(fixture.run(&["user", "delete", "ada"]), "deleted ada; their contributions are kept\n");
    assert_eq!(rows(&core, "SELECT id FROM invitations").await, ["of-others"]);
    assert_eq!(rows(&core, "SELECT blocked FROM blocks").await, ["somebody"]);
    assert_eq!(fixture.whoami(ada).await, Err(401));
    assert_eq!(fixture.login("ada", "correct horse").await, Err(401));
    assert_eq!(fixture.refused(&["user", "delete", "ada"]).0, 1);
    assert!(!fixture.run(&["user", "list"]).contains("ada"));

    let query = format!(
        "{{ snapshot(campaignId: \"{campaign}\") {{ kingdoms {{ name }} members {{ name }} }}
        events(campaignId: \"{campaign}\") {{ event }} }}"
    );
    let seen = fixture.graphql(token_of(&ben), &query).await.unwrap();
    assert_eq!(seen["snapshot"]["kingdoms"], json!([{"name": "North"}]));
    assert_eq!(seen["snapshot"]["members"], json!([{"name": "ben"}]));
    let last = seen["events"].as_array().unwrap().last().unwrap()["event"].clone();
    assert_eq!((&last["payload"]["entityType"], &last["payload"]["operation"]), (&json!("member"), &json!("delete")));
    let again = with_password(fixture.dir.path(), &["user", "add", "ada", "--password-stdin"], "correct horse");
    assert!(again.status.success());
    let again = fixture.login("ada", "correct horse").await.unwrap();
    assert_ne!(again["user"]["id"], login["user"]["id"]);
    core.db.close().await;
}

/// Stores invitations of and to one user, by id and by name, and blocks of theirs and of them; and others beside these.
async fn invite_and_block(core: &AppState, campaign: &str, (user, other): (&str, &str)) {
    let invitation = |id: &str, inviter: &str, invitee: &str, reaches: &str| {
        format!(
            "INSERT INTO invitations (id, campaign_id, inviter_id, invitee, user_id, role, created_ms, expires_ms) \
             VALUES ('{id}', '{campaign}', '{inviter}', '{invitee}', {reaches}, 'VIEWER', 0, 9999999999999)"
        )
    };
    let block = |of: &str, blocked: &str| format!("INSERT INTO blocks VALUES ('{of}', '{blocked}', 0)");
    for statement in [
        invitation("by-them", user, "somebody", "NULL"),
        invitation("to-them", other, "ADA", &format!("'{user}'")),
        invitation("to-their-id", other, user, "NULL"),
        invitation("to-their-name", other, "ada", "NULL"),
        invitation("of-others", other, "nobody", "NULL"),
        block(user, "ben"),
        block(other, "ada"),
        block(other, user),
        block(other, "somebody"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&core.db.writer).await.unwrap();
    }
}

async fn rows(core: &AppState, query: &'static str) -> Vec<String> {
    let rows = sqlx::query(query).fetch_all(&core.db.reader).await.unwrap();
    rows.iter().map(|row| sqlx::Row::try_get(row, 0).unwrap()).collect()
}

#[test]
fn name_of_a_user_has_one_form() {
    let dir = TempDir::new().unwrap();
    for name in ["", "a b", "a\u{301}", "\u{430}da", &"x".repeat(65)] {
        let output = with_password(dir.path(), &["user", "add", name, "--password-stdin"], "correct horse");
        assert_eq!(output.status.code(), Some(2), "{name:?}");
    }
}
