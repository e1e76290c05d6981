//! Logins, refreshes, logouts, and what every route refuses.

use std::time::Duration;

use scry_protocol::Id;
use scry_server::AppState;
use scry_server::auth::{AuthError, lifecycle, users};
use scry_server::db::{Db, DbError, Tx, is_shared};
use serde_json::{Value, json};

use scry_testkit::domain::DomainFixture;
use scry_testkit::server::{BUNDLED_PASSWORD, HttpAnswer, TestServer};
use scry_testkit::wait::until;

async fn log_in(server: &TestServer, username: &str, password: &str) -> HttpAnswer {
    server.post("/auth/login", &json!({"username": username, "password": password})).await
}

async fn refresh(server: &TestServer, token: &Value) -> HttpAnswer {
    server.post("/auth/refresh", &json!({"refreshToken": token})).await
}

#[tokio::test]
async fn a_login_says_who_it_is_and_for_how_long() {
    let server = TestServer::start().await;
    let answer = log_in(&server, "gm", BUNDLED_PASSWORD).await;
    assert_eq!((answer.status.as_u16(), &answer.body["expiresIn"]), (200, &json!(900)));
    assert_eq!(answer.body["user"]["username"], "gm");
    let token = answer.body["accessToken"].as_str().unwrap();
    let me = server.graphql(token, "{ me { id username } }", json!({})).await;
    assert_eq!(me["me"], answer.body["user"]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_answered_alike() {
    let server = TestServer::start().await;
    let wrong = log_in(&server, "gm", "wrong").await;
    let unknown = log_in(&server, "nobody", "wrong").await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (401, "INVALID_CREDENTIALS"));
    assert_eq!((unknown.status, unknown.body), (wrong.status, wrong.body));
}

#[tokio::test]
async fn refused_logins_take_the_same_work_whatever_is_wrong_with_them() {
    let fixture = DomainFixture::new().await;
    let (auth, core) = (&fixture.auth, &fixture.core);
    let mut db = core.db.read().await.unwrap();
    let deleted = users::by_name(&mut db, "viewer").await.unwrap().unwrap();
    let disabled = users::by_name(&mut db, "player").await.unwrap().unwrap();
    drop(db);
    lifecycle::delete(core, &deleted).await.unwrap();
    lifecycle::disable(&core.db, &disabled.id).await.unwrap();
    let grave = format!("deleted user {}", &deleted.id.as_str()[deleted.id.as_str().len() - 12..]);
    let long = "x".repeat(900);
    for (number, (name, password)) in (1..).zip([
        ("gm", "wrong"),
        ("nobody", "wrong"),
        ("nobody", BUNDLED_PASSWORD),
        ("player", BUNDLED_PASSWORD),
        ("player", "wrong"),
        ("viewer", BUNDLED_PASSWORD),
        (&grave, BUNDLED_PASSWORD),
        (&grave, ""),
        ("", ""),
        (&long, "wrong"),
    ]) {
        let refused = auth.login([127, 0, 0, number].into(), name, password.to_owned()).await.err();
        assert!(matches!(refused, Some(AuthError::InvalidCredentials)), "{name}: {refused:?}");
        assert_eq!(auth.hashes_computed(), u64::from(number), "{name}: one hash for each attempt");
    }
}

/// Logs in with a password that is verified before a change of the user is committed, and opens its session after it.
async fn login_overtaken_by(change: impl AsyncFnOnce(&Db, &Id)) -> Result<(), AuthError> {
    let fixture = DomainFixture::new().await;
    let (auth, core, user) = (&fixture.auth, &fixture.core, &fixture.gm.user_id);
    // With a shared database the login itself counts its attempt by the writer, so the change comes from another node.
    let shared = is_shared(&core.config);
    let other = if shared { AppState::open((*core.config).clone()).await.unwrap() } else { core.clone() };
    let db = &other.db;
    let (release, released) = tokio::sync::oneshot::channel();
    let hold = db.write(async |_: &mut Tx| {
        released.await.unwrap();
        Ok::<_, DbError>(())
    });
    let waits = |count: usize| until("a change that waits for its turn", async move || db.waiting() == count);
    let login = async {
        waits(1).await;
        auth.login([127, 0, 0, 1].into(), "gm", BUNDLED_PASSWORD.to_owned()).await.map(|_| ())
    };
    let overtake = async {
        until("a password that is verified", async || auth.hashes_computed() == 1).await;
        waits(if shared { 1 } else { 2 }).await;
        release.send(()).unwrap();
    };
    let (held, (), login, ()) = tokio::join!(hold, change(db, user), login, overtake);
    held.unwrap();
    login
}

#[tokio::test]
async fn login_that_is_overtaken_by_a_new_password_or_a_disabled_user_is_refused() {
    let new_password = login_overtaken_by(async |db, user| {
        lifecycle::set_password(db, user, "another hash").await.unwrap();
    });
    assert!(matches!(new_password.await, Err(AuthError::InvalidCredentials)));
    let disabled = login_overtaken_by(async |db, user| {
        lifecycle::disable(db, user).await.unwrap();
    });
    assert!(matches!(disabled.await, Err(AuthError::InvalidCredentials)));
}

#[tokio::test]
async fn too_many_attempts_wait() {
    let server = TestServer::with(|config| config.auth.login_attempts_per_minute = 3).await;
    for _ in 0..3 {
        assert_eq!(log_in(&server, "gm", "wrong").await.status, 401);
    }
    let answer = log_in(&server, "gm", BUNDLED_PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (429, "RATE_LIMITED"));
    assert!((1..=60).contains(&answer.retry_after.unwrap().parse::<u64>().unwrap()));
    assert_eq!(log_in(&server, "player", BUNDLED_PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_refresh_rotates_and_its_repeat_gets_the_same_pair() {
    let server = TestServer::start().await;
    let first = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    let second = refresh(&server, &first["refreshToken"]).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.body["refreshToken"], first["refreshToken"]);
    let repeat = refresh(&server, &first["refreshToken"]).await;
    assert_same_pair(&repeat, &second);
    assert_eq!(refresh(&server, &second.body["refreshToken"]).await.status, 200);
}

/// Fails unless two answers are the same pair; the time that is left may have become less meanwhile.
fn assert_same_pair(one: &HttpAnswer, other: &HttpAnswer) {
    for token in ["accessToken", "refreshToken"] {
        assert!(one.body[token].is_string() && one.body[token] == other.body[token], "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn repeat_gets_the_same_pair_after_a_restart() {
    let mut server = TestServer::start().await;
    let first = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    let second = refresh(&server, &first["refreshToken"]).await;
    server.restart().await;
    assert_same_pair(&refresh(&server, &first["refreshToken"]).await, &second);
}

#[tokio::test]
async fn repeat_gets_the_same_pair_from_another_node() {
    let here = TestServer::start().await;
    let there = TestServer::beside(&here).await;
    let first = log_in(&here, "gm", BUNDLED_PASSWORD).await.body;
    let (one, other) = tokio::join!(refresh(&here, &first["refreshToken"]), refresh(&there, &first["refreshToken"]));
    assert_same_pair(&one, &other);
    let next = refresh(&there, &one.body["refreshToken"]).await;
    assert_same_pair(&refresh(&here, &one.body["refreshToken"]).await, &next);
}

#[tokio::test]
async fn second_successor_of_a_token_is_refused_and_ends_the_family() {
    let server = TestServer::start().await;
    let first = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    let second = refresh(&server, &first["refreshToken"]).await;
    // As if another node had another key: what it would derive is not what was given out.
    let core = AppState::open(server.config.clone()).await.unwrap();
    sqlx::query("UPDATE refresh_tokens SET successor = 'other' WHERE used_ms IS NOT NULL")
        .execute(&core.db.writer)
        .await
        .unwrap();
    assert_eq!(refresh(&server, &first["refreshToken"]).await.code(), "TOKEN_REUSED");
    assert_eq!(refresh(&server, &second.body["refreshToken"]).await.status, 401);
}

#[tokio::test]
async fn login_ends_at_its_longest_lifetime_however_often_it_is_refreshed() {
    let mut server = TestServer::start().await;
    let first = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    server.config.auth.session_lifetime = Duration::from_secs(60);
    server.restart().await;
    let second = refresh(&server, &first["refreshToken"]).await.body;
    assert!((1..=60).contains(&second["expiresIn"].as_u64().unwrap()), "no token outlives the login: {second}");
    server.config.auth.session_lifetime = Duration::from_millis(1);
    server.restart().await;
    let over = refresh(&server, &second["refreshToken"]).await;
    assert_eq!((over.status.as_u16(), over.code()), (401, "TOKEN_EXPIRED"));
    assert_eq!(log_in(&server, "gm", BUNDLED_PASSWORD).await.status, 200);
}

#[tokio::test]
async fn refused_tokens_never_wait_for_the_writer() {
    let server = TestServer::start().await;
    let core = AppState::open(server.config.clone()).await.unwrap();
    let pair = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    let second = refresh(&server, &pair["refreshToken"]).await;
    let held = async |_: &mut scry_server::db::Tx| {
        assert_eq!(refresh(&server, &json!("made-up")).await.code(), "TOKEN_INVALID");
        assert_eq!(server.post("/auth/logout", &json!({"refreshToken": "made-up"})).await.status, 204);
        assert_same_pair(&refresh(&server, &pair["refreshToken"]).await, &second);
        Ok::<_, scry_server::db::DbError>(())
    };
    core.db.write(held).await.unwrap();
}

#[tokio::test]
async fn a_token_used_later_again_ends_the_whole_family() {
    let server = TestServer::with(|config| config.auth.refresh_grace = Duration::from_nanos(1)).await;
    let first = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    let second = refresh(&server, &first["refreshToken"]).await.body;
    let used = jiff::Timestamp::now().as_millisecond();
    while jiff::Timestamp::now().as_millisecond() <= used {
        tokio::task::yield_now().await;
    }
    let reused = refresh(&server, &first["refreshToken"]).await;
    assert_eq!((reused.status.as_u16(), reused.code()), (401, "TOKEN_REUSED"));
    assert_eq!(refresh(&server, &second["refreshToken"]).await.status, 401, "the thief's is worth nothing either");
    assert_eq!(log_in(&server, "gm", BUNDLED_PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_logout_ends_the_family() {
    let server = TestServer::start().await;
    let pair = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    let gone = server.post("/auth/logout", &json!({"refreshToken": pair["refreshToken"]})).await;
    assert_eq!(gone.status, 204);
    let refused = refresh(&server, &pair["refreshToken"]).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (401, "TOKEN_INVALID"));
}

#[tokio::test]
async fn an_expired_refresh_token_says_so() {
    let server = TestServer::with(|config| config.auth.refresh_ttl = Duration::from_nanos(1)).await;
    let pair = log_in(&server, "gm", BUNDLED_PASSWORD).await.body;
    assert_eq!(refresh(&server, &pair["refreshToken"]).await.code(), "TOKEN_EXPIRED");
    assert_eq!(refresh(&server, &json!("made-up")).await.code(), "TOKEN_INVALID");
}

#[tokio::test]
async fn every_refusal_has_the_same_form() {
    let server = TestServer::with(|config| config.max_body_bytes = 2_000).await;
    let query = json!({"query": "{ me { id } }"});
    let refusals = [
        (server.post("/graphql", &query).await, 401, "TOKEN_MISSING"),
        (server.post_as("forged", "/graphql", &query).await, 401, "TOKEN_INVALID"),
        (server.post_text("/auth/login", "{broken").await, 400, "INVALID_PAYLOAD"),
        (server.post("/auth/login", &json!({"username": "gm"})).await, 422, "INVALID_PAYLOAD"),
        (server.post("/auth/login", &json!({"username": "x".repeat(3_000)})).await, 413, "INVALID_PAYLOAD"),
        (server.get("/nowhere").await, 404, "NOT_FOUND"),
        (server.get("/auth/login").await, 405, "INVALID_PAYLOAD"),
    ];
    for (answer, status, code) in refusals {
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{answer:?}");
        assert!(answer.body["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn health_asks_the_database() {
    let server = TestServer::start().await;
    let health = server.get("/health").await;
    assert_eq!(health.status, 200);
    assert_eq!((&health.body["status"], &health.body["database"]), (&json!("ok"), &json!("ok")));
    let websocket = server.get("/health/websocket").await.body;
    assert_eq!(websocket, json!({"status": "ok", "service": "websocket", "connectedClients": 0}));
}
