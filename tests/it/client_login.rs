//! Logins: tokens that end, tokens that are refused, logins made elsewhere.

use std::time::Duration;

use jiff::Timestamp;
use scry_client::api::Api;
use scry_client::auth::{self, Auth};
use scry_client::connection::StartPosition;
use scry_client::credentials::{CredentialStore, Credentials};
use scry_client::error::ApiError;
use scry_client::secret::Secret;
use scry_command::exit::Exit;
use scry_model::event::Phase;
use scry_protocol::ErrorCode;
use tokio::net::TcpListener;

use scry_testkit::client::TestClient;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::people::{advance, api, emberfall, http, login, server, watching};
use scry_testkit::server::TestServer;

#[tokio::test]
async fn a_token_is_renewed_within_the_connection() {
    // Three seconds, so a session that lasts longer has renewed it.
    let server = TestServer::with(|config| config.auth.access_ttl = Duration::from_secs(3)).await;
    let api = api(&server.url, "gm").await;
    let campaign = emberfall(&api).await;
    let mut client = TestClient::live(watching(&server.url, api.clone(), &campaign, StartPosition::Now)).await;
    let mut changes = client.session.status.clone();
    let left = tokio::time::timeout(Duration::from_secs(5), changes.wait_for(|status| status.phase != Phase::Live));
    assert!(left.await.is_err(), "it must stay live: {:?}", client.session.status.borrow());
    advance(&api, &campaign).await;
    client.until(|event| matches!(event, scry_model::event::ClientEvent::Delivered(_))).await;
}

#[tokio::test]
async fn an_expired_token_is_refreshed_before_the_next_attempt() {
    let server = TestServer::with(|config| config.auth.access_ttl = Duration::from_secs(1)).await;
    let mut login = login(&server.url, "gm").await;
    // Our clock is wrong: we believe that the token is good for another hour.
    login.access_expires_at = Timestamp::now() + Duration::from_secs(3600);
    let campaign = emberfall(&api(&server.url, "gm").await).await;
    tokio::time::timeout(Duration::from_secs(10), refused_by_now(&server.url, &login.access)).await.unwrap();
    let api = Api::new(http(&server.url), Auth::in_memory(http(&server.url), login));
    let mut client = TestClient::start(watching(&server.url, api, &campaign, StartPosition::Now));
    let status = client.until_phase(Phase::Live).await;
    assert_eq!(status.attempt, 0, "that is no failure of the network");
    assert!(!client.told.iter().any(|event| matches!(event, scry_model::event::ClientEvent::Status(status)
        if status.phase == Phase::Backoff || status.phase == Phase::LoginRequired)));
}

/// Asks until the server says that the token has ended.
async fn refused_by_now(url: &str, token: &Secret) {
    let api = Api::new(http(url), Auth::with_token(token.clone()));
    while !matches!(api.me().await, Err(ApiError::LoginRequired { .. })) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_login_that_ended_is_asked_for_and_one_made_elsewhere_picked_up() {
    let server_ = TestServer::start().await;
    let data = tempfile::tempdir().unwrap();
    let proxy = FaultProxy::start(&server_.url).await;
    let credentials = Credentials::new(data.path(), &server(&proxy.url));
    credentials.save(&login(&server_.url, "gm").await, Some(CredentialStore::File)).await.unwrap();
    let campaign = emberfall(&api(&server_.url, "gm").await).await;

    let stored = || Auth::stored(http(&proxy.url), credentials.clone());
    let options = watching(&proxy.url, Api::new(http(&proxy.url), stored()), &campaign, StartPosition::Now);
    let mut client = TestClient::live(options).await;
    // Another terminal logs out: the server ends the sockets of that login.
    assert!(stored().logout().await.unwrap());
    client.until_phase(Phase::LoginRequired).await;
    let detour = |event: &scry_model::event::ClientEvent| matches!(event, scry_model::event::ClientEvent::Status(status) if status.phase == Phase::Backoff);
    assert!(!client.told.iter().any(detour), "a logout is no failure of the network");
    // And logs in again.
    credentials.save(&login(&server_.url, "gm").await, Some(CredentialStore::File)).await.unwrap();
    client.until_phase(Phase::Live).await;
}

#[tokio::test]
async fn programs_that_refresh_at_the_same_time_do_not_end_the_login() {
    let server_ = TestServer::start().await;
    let data = tempfile::tempdir().unwrap();
    let credentials = Credentials::new(data.path(), &server(&server_.url));
    let first = login(&server_.url, "gm").await;
    credentials.save(&first, Some(CredentialStore::File)).await.unwrap();
    let programs: Vec<_> = (0..6).map(|_| Auth::stored(http(&server_.url), credentials.clone())).collect();
    let renewals = programs.iter().map(|program| program.renew(Some(&first.access)));
    let renewed = futures_util::future::join_all(renewals).await;
    let tokens: Vec<_> = renewed.into_iter().map(|access| access.unwrap().token).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "one of them refreshed, the others took it over");
    // The family lives: the next refresh is granted.
    programs[0].renew(Some(&tokens[0])).await.unwrap();
}

#[tokio::test]
async fn failed_login_prints_one_sentence_with_its_exit_code() {
    let server_ = TestServer::start().await;
    let wrong = auth::login(&http(&server_.url), "gm", &Secret::new("wrong")).await.unwrap_err();
    assert!(matches!(&wrong, ApiError::Refused { code: ErrorCode::InvalidCredentials, .. }), "{wrong}");
    assert_eq!(wrong.exit(), Exit::Authentication);

    let nobody = Api::new(http(&server_.url), Auth::with_token(Secret::new("nonsense"))).me().await.unwrap_err();
    assert_eq!(nobody.exit(), Exit::Authentication);
    assert!(!nobody.to_string().contains("nonsense"));

    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = auth::login(&http(&format!("http://{port}")), "gm", &Secret::new("x")).await.unwrap_err();
    assert_eq!(away.to_string(), format!("cannot reach http://{port}/: Connection refused (os error 111)"));
    assert_eq!(away.exit(), Exit::Connection);
}

#[tokio::test]
async fn a_place_without_our_api_is_named_as_such() {
    let plain = scry_testkit::fake_gateway::FakeGateway::start(serde_json::json!({})).await;
    let error = Api::new(http(&plain.url), Auth::anonymous()).campaigns().await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}/ does not offer GraphQL", plain.url));
}
