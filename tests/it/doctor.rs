//! `scry doctor`, the real program, before healthy, sick and foreign servers.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;

use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::server::TestServer;
use scry_testkit::tls::TlsFront;

const CAMPAIGN: &str = "01970000-0000-7000-8000-000000000000";

/// The directory of one person's settings.
struct HomeDir(TempDir);

impl HomeDir {
    /// Writes a profile for an address, and what else the file should say.
    fn with(url: &str, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), format!("{more}\n[profiles.local]\nurl = \"{url}\"\n")).unwrap();
        Self(dir)
    }

    async fn run(&self, args: &[&str], token: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scry"));
        command.arg("doctor").args(args).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        command.env("SCRY_CONFIG_DIR", self.0.path()).env("SCRY_DATA_DIR", self.0.path());
        command.envs(token.map(|token| ("SCRY_TOKEN", token)));
        tokio::time::timeout(Duration::from_secs(30), command.output()).await.unwrap().unwrap()
    }

    /// Returns the report; its own exit code has to be that of the program.
    async fn report(&self, args: &[&str], token: Option<&str>) -> Value {
        let output = self.run(&[&["--json"], args].concat(), token).await;
        let said = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said} {output:?}"));
        assert_eq!(report["exit"], json!(output.status.code()), "{report}");
        assert_eq!(said.lines().count(), 1, "one object");
        report
    }
}

fn step<'a>(report: &'a Value, key: &str) -> &'a Value {
    let steps = report["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == key).unwrap_or_else(|| panic!("{key}: {report}"))
}

/// Returns the steps with this verdict.
fn with<'a>(report: &'a Value, verdict: &str) -> Vec<&'a str> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps.filter(|step| step["verdict"] == verdict).map(|step| step["step"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn everything_is_well_with_our_own_server() {
    let server = TestServer::start().await;
    let token = server.login("gm").await;
    let home = HomeDir::with(&server.url, "");
    let report = home.report(&[], Some(&token)).await;
    assert_eq!((&report["ok"], &report["exit"]), (&json!(true), &json!(0)), "{report}");
    assert_eq!(with(&report, "skipped"), ["tls"], "this machine needs none: {report}");
    assert_eq!(with(&report, "ok").len(), 11, "{report}");
    assert!(step(&report, "round-trip")["ms"].as_f64().unwrap() > 0.0);
    assert!(step(&report, "login")["detail"].as_str().unwrap().ends_with("as gm"));

    let output = home.run(&["--campaign", "emberfall"], Some(&token)).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("✓ ok       resume") && said.ends_with("everything works\n"), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains(&token), "no terminal, no colour; never a token");

    let report = home.report(&["--campaign", "Nowhere"], Some(&token)).await;
    assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["subscribe"], &json!(2)), "{report}");
    assert_eq!(step(&report, "resume")["detail"], "needs subscribe");
    let report = home.report(&["--campaign", CAMPAIGN], Some(&token)).await;
    assert!(step(&report, "subscribe")["detail"].as_str().unwrap().contains("was refused"), "{report}");
}

#[tokio::test]
async fn a_server_that_is_down_is_told_from_one_that_is_up() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let report = HomeDir::with(&format!("http://{port}"), "").report(&[], None).await;
    assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["tcp"], &json!(5)), "{report}");
    assert_eq!(with(&report, "ok"), ["config", "dns"]);
    assert_eq!(with(&report, "skipped").len(), 8, "all that need it: {report}");
    assert_eq!(step(&report, "resume")["detail"], "needs tcp");
    assert!(step(&report, "tcp")["remedy"].as_str().unwrap().starts_with("start the server"));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_found_out() {
    let report = HomeDir::with("http://nowhere.invalid:4600", "").report(&[], None).await;
    assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["dns"], &json!(5)), "{report}");
}

#[tokio::test]
async fn a_wrong_token_and_a_missing_login_ask_for_one() {
    let server = TestServer::start().await;
    let home = HomeDir::with(&server.url, "");
    for token in [Some("not-a-token"), None] {
        let report = home.report(&[], token).await;
        assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["login"], &json!(4)), "{report}");
        assert_eq!(step(&report, "login")["remedy"], "run `scry login`");
        assert_eq!(step(&report, "handshake")["detail"], "needs login");
        assert_eq!(step(&report, "credentials")["verdict"], if token.is_some() { "ok" } else { "warn" });
        assert!(!report.to_string().contains("not-a-token"));
    }
}

#[tokio::test]
async fn a_foreign_gateway_works_and_what_it_lacks_is_a_warning() {
    let quick = "[connection]\nlatency_timeout = \"300ms\"";
    let gateway = FakeGateway::start(json!({})).await;
    let home = HomeDir::with(&gateway.url, quick);
    let report = home.report(&["--campaign", CAMPAIGN], None).await;
    assert_eq!(report["exit"], 0, "{report}");
    assert_eq!(with(&report, "ok"), ["config", "dns", "tcp", "handshake", "transport", "subscribe"]);
    assert_eq!(with(&report, "warn"), ["credentials", "health", "login", "round-trip", "resume"]);

    let report = home.report(&[], None).await;
    assert_eq!(step(&report, "subscribe")["verdict"], "warn", "there is no list to choose from: {report}");
    assert_eq!(step(&report, "resume")["verdict"], "skipped");

    let polling = FakeGateway::start(json!({"server": {"transports": ["polling"]}})).await;
    let report = HomeDir::with(&polling.url, quick).report(&["--campaign", CAMPAIGN], None).await;
    assert_eq!((step(&report, "transport")["verdict"].as_str(), &report["exit"]), (Some("warn"), &json!(0)));

    let closed = FakeGateway::start(json!({"refuse": "the inn is full"})).await;
    let report = HomeDir::with(&closed.url, quick).report(&["--campaign", CAMPAIGN], None).await;
    assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["handshake"], &json!(5)), "{report}");
    assert_eq!(step(&report, "handshake")["detail"], "the inn is full");
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_the_first_failure() {
    let gateway = FakeGateway::start(json!({})).await;
    let front = TlsFront::start(&gateway.url, "IP:127.0.0.1").await;
    let report = HomeDir::with(&front.url, "").report(&["--campaign", CAMPAIGN], None).await;
    assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["tls"], &json!(5)), "{report}");
    assert!(step(&report, "tls")["remedy"].as_str().unwrap().contains("ca_file"));

    let home = HomeDir::with(&front.url, "");
    let file = home.0.path().join("config.toml");
    let authority = format!("{}ca_file = \"ca.pem\"\n", std::fs::read_to_string(&file).unwrap());
    std::fs::write(&file, authority).unwrap();
    let report = home.report(&["--campaign", CAMPAIGN], None).await;
    assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["tls"], &json!(2)), "no such file: {report}");
    std::fs::copy(front.ca_file(), home.0.path().join("ca.pem")).unwrap();
    let report = home.report(&["--campaign", CAMPAIGN], None).await;
    assert_eq!((step(&report, "tls")["verdict"].as_str(), &report["exit"]), (Some("ok"), &json!(0)), "{report}");
}

#[tokio::test]
async fn a_broken_line_of_the_configuration_is_a_finding() {
    let home = HomeDir::with("http://127.0.0.1:1", "profil = \"local\"");
    let report = home.report(&[], None).await;
    assert_eq!((with(&report, "fail"), &report["exit"]), (vec!["config"], &json!(2)), "{report}");
    let detail = step(&report, "config")["detail"].as_str().unwrap();
    assert!(detail.contains("config.toml:1") && detail.contains("profil"), "{detail}");
    assert_eq!((with(&report, "skipped").len(), &report["server"]), (11, &Value::Null));
}
