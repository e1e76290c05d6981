//! TLS against a real listener: whom the client trusts, and what it says when it does not.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use scry_client::api::Api;
use scry_client::auth::{self, Auth};
use scry_client::connection::StartPosition;
use scry_client::error::ApiError;
use scry_client::http::HttpClient;
use scry_client::secret::Secret;
use scry_client::session::SessionOptions;
use scry_command::exit::Exit;
use scry_config::client::ServerAddress;
use scry_model::event::{Phase, Transport};
use serde_json::json;
use tokio::process::Command;

use scry_testkit::client::{TestClient, options};
use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::people::emberfall;
use scry_testkit::server::{BUNDLED_PASSWORD, TestServer};
use scry_testkit::tls::TlsFront;

const HERE: &str = "IP:127.0.0.1,DNS:localhost";
const STRUCTURE: &str = "structure:01970000-0000-7000-8000-000000000000";

fn server(url: &str, ca_file: Option<PathBuf>) -> ServerAddress {
    ServerAddress { ca_file, ..ServerAddress::new("test", url, "--url").unwrap() }
}

fn http(server: &ServerAddress) -> HttpClient {
    HttpClient::new(server, Duration::from_secs(10)).unwrap()
}

/// Prepares a session as nobody that knows the authority in `ca_file`, or only the system's.
fn nobody(url: &str, ca_file: Option<PathBuf>) -> SessionOptions {
    let server = server(url, ca_file);
    let api = Api::new(http(&server), Auth::anonymous());
    SessionOptions { server, api, ..options(url, "", &[(STRUCTURE, StartPosition::Now)]) }
}

#[tokio::test]
async fn the_profiles_authority_is_trusted_over_https_and_wss() {
    let plain = TestServer::start().await;
    let front = TlsFront::start(&plain.url, HERE).await;
    // `wss` in a profile means the same server.
    let server = server(&front.url.replace("https", "wss"), Some(front.ca_file()));
    let login = auth::login(&http(&server), "gm", &Secret::new(BUNDLED_PASSWORD)).await.unwrap();
    let api = Api::new(http(&server), Auth::in_memory(http(&server), login));
    let room = format!("campaign:{}", emberfall(&api).await);
    let options = SessionOptions { server, api, ..options(&front.url, "", &[(&room, StartPosition::Snapshot)]) };
    let client = TestClient::live(options).await;
    assert_eq!(client.session.status.borrow().transport, Transport::WebSocket);
}

#[tokio::test]
async fn long_polling_trusts_the_profiles_authority_too() {
    let plain = FakeGateway::start(json!({"server": {"transports": ["polling"]}})).await;
    let front = TlsFront::start(&plain.url, HERE).await;
    let client = TestClient::live(nobody(&front.url, Some(front.ca_file()))).await;
    assert_eq!(client.session.status.borrow().transport, Transport::Polling);
}

#[tokio::test]
async fn a_strange_certificate_is_named_and_never_tried_again() {
    let plain = FakeGateway::start(json!({})).await;
    let front = TlsFront::start(&plain.url, HERE).await;
    let error = auth::login(&http(&server(&front.url, None)), "gm", &Secret::new("x")).await.unwrap_err();
    assert!(matches!(&error, ApiError::Certificate { .. }), "{error}");
    assert_eq!((error.exit(), error.is_passing()), (Exit::Connection, false));

    let before = front.accepted();
    let mut client = TestClient::start(nobody(&front.url, None));
    let status = client.until_phase(Phase::Open).await;
    assert_eq!((status.attempt, status.retry_in), (0, None), "that is no failure of the network");
    let reason = status.reason.unwrap();
    assert!(reason.starts_with(&format!("the certificate of {}", front.url)), "{reason}");
    assert!(reason.contains("ca_file"), "the remedy is named: {reason}");
    assert_eq!(front.accepted() - before, 1, "not tried again, neither over polling");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_even_by_a_trusted_authority() {
    let plain = FakeGateway::start(json!({})).await;
    let front = TlsFront::start(&plain.url, "DNS:elsewhere.example").await;
    let mut client = TestClient::start(nobody(&front.url, Some(front.ca_file())));
    let reason = client.until_phase(Phase::Open).await.reason.unwrap();
    assert!(reason.starts_with("the certificate of "), "{reason}");
    let server = server(&front.url, Some(front.ca_file()));
    let error = auth::login(&http(&server), "gm", &Secret::new("x")).await.unwrap_err();
    assert!(matches!(&error, ApiError::Certificate { .. }), "{error}");
}

#[tokio::test]
async fn the_program_reads_the_authority_from_its_profile_and_ends_with_5_without_it() {
    let plain = FakeGateway::start(json!({})).await;
    let front = TlsFront::start(&plain.url, HERE).await;
    let home = tempfile::tempdir().unwrap();
    let profile = format!("[profiles.local]\nurl = \"{}\"\n", front.url);

    std::fs::write(home.path().join("config.toml"), &profile).unwrap();
    let before = front.accepted();
    let (code, said) = watch(home.path()).await;
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains(&format!("the certificate of {}", front.url)), "{said}");
    assert_eq!(front.accepted() - before, 1);

    // Relative to the file it is written in.
    std::fs::copy(front.ca_file(), home.path().join("ca.pem")).unwrap();
    std::fs::write(home.path().join("config.toml"), format!("{profile}ca_file = \"ca.pem\"\n")).unwrap();
    let (code, said) = watch(home.path()).await;
    // It was connected until its time was up.
    assert_eq!(code, Some(0), "{said}");
}

/// Watches a room for a while; returns the exit code and what was said.
async fn watch(home: &Path) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_scry"))
        .args(["watch", "--room", STRUCTURE, "--for", "4s"])
        .env_clear()
        .env("SCRY_CONFIG_DIR", home)
        .env("SCRY_DATA_DIR", home)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(30), run).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}
