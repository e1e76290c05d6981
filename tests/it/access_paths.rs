//! Nothing outside its directory is read or written, whatever a request, a file or a gateway calls things.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::raw_socket::exchange;
use scry_testkit::server::TestServer;
use scry_testkit::wait::until;

/// Names that lead elsewhere where somebody makes a path of them.
const WAYS_OUT: [&str; 7] = [
    "../../outside",
    "/tmp/scry-outside",
    "..\\..\\outside",
    "%2e%2e%2foutside",
    "....//outside",
    "a/../../../outside",
    "~/outside",
];

/// Returns all files below a directory.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { BTreeSet::from([path]) }).collect()
}

#[tokio::test]
async fn paths_of_requests_lead_to_no_file() {
    let server = TestServer::start().await;
    let dir = &server.config.data_dir;
    let key_file = dir.join("jwt.key");
    if !key_file.exists() {
        // With Postgres the key is a setting; a file of that name must not be served either.
        std::fs::write(&key_file, "a key that nobody but its owner may see").unwrap();
    }
    let key = std::fs::read(key_file).unwrap();
    let known = files(dir.parent().unwrap());
    for root in ["/", "/graphql/", "/socket.io/", "/events/", "/metrics/", "/health/", "/console/", "/assets/"] {
        for up in ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..%252f", "....//", "./../", "//", "%00"] {
            for file in ["jwt.key", "etc/passwd", "scry.db"] {
                let path = format!("{root}{}{file}", up.repeat(8));
                let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                let answer = exchange(&server.url, request.as_bytes()).await;
                let refused = ["HTTP/1.1 404 ", "HTTP/1.1 400 ", "HTTP/1.1 405 ", "HTTP/1.1 401 "];
                assert!(refused.iter().any(|status| answer.starts_with(status)), "{path}: {answer}");
                assert!(!answer.contains("root:") && !answer.contains("SQLite format"), "{path}: {answer}");
                assert!(!answer.as_bytes().windows(key.len()).any(|part| part == key), "{path}: {answer}");
            }
        }
    }
    assert_eq!(files(dir.parent().unwrap()), known, "no request makes a file");
}

#[tokio::test]
async fn names_in_requests_are_only_text() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let dir = server.config.data_dir.parent().unwrap().to_owned();
    let known = files(&dir);
    let town = world.entity("Cinderford").await["id"].clone();
    let edit = "mutation ($id: ID!, $d: String!, $k: String) { updateSettlement(id: $id, input: {description: $d, name: $d}, \
                idempotencyKey: $k) { description } }";
    for name in WAYS_OUT {
        let edited = server.graphql(&world.gm, edit, json!({"id": town, "d": name, "k": name})).await;
        assert_eq!(edited["updateSettlement"]["description"], name);
        let again = server.graphql(&world.gm, edit, json!({"id": town, "d": name, "k": name})).await;
        assert_eq!(again, edited, "the key is the same key");
        for query in ["campaign(id: $id)", "settlement(id: $id)", "structure(id: $id)"] {
            let query = format!("query ($id: ID!) {{ it: {query} {{ id }} }}");
            let answer = server.execute(&world.gm, &query, json!({"id": name})).await;
            assert!(answer["data"]["it"].is_null(), "{name}: {answer}");
        }
        server.post("/auth/login", &json!({"username": name, "password": name})).await;
        server.post("/auth/refresh", &json!({"refreshToken": name})).await;
    }
    // The database's own files may come and go.
    let is_other = |path: &&PathBuf| !path.file_name().unwrap().to_string_lossy().starts_with("scry.db");
    let now = files(&dir);
    assert_eq!(now.iter().filter(is_other).collect::<Vec<_>>(), known.iter().filter(is_other).collect::<Vec<_>>());
    assert!(!Path::new("/tmp/scry-outside").exists());
}

#[test]
fn names_of_catalogues_and_rooms_are_plain_words() {
    for name in WAYS_OUT {
        let quoted = Value::from(name);
        for text in [format!("name = {quoted}\n"), format!("name = \"shop\"\n[rooms.{quoted}]\nmembers = true\n")] {
            let error = scry_catalogue::Catalogue::parse(&text).expect_err(name).to_string();
            assert!(error.starts_with("line "), "{name}: {error}");
        }
    }
}

fn scry(dir: &Path, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scry"));
    command
        .env_clear()
        .envs([("SCRY_URL", url), ("SCRY_TOKEN", "any")])
        .envs([("SCRY_CONFIG_DIR", dir.join("home")), ("SCRY_DATA_DIR", dir.join("home"))])
        .env("HOME", dir.join("home"))
        .current_dir(dir.join("home"))
        .args(args)
        .stdin(std::process::Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_name_no_file_of_the_clients() {
    let outer = tempfile::tempdir().unwrap();
    // Deep enough that a few steps up stay inside of what is looked at.
    let dir = outer.path().join("a/b/c/d");
    std::fs::create_dir_all(dir.join("home")).unwrap();
    for name in WAYS_OUT {
        let campaign = json!({"id": name, "name": name, "__typename": "Campaign", "role": "OWNER"});
        let api = json!({"campaigns": [campaign], "campaign": campaign, "node": campaign, "me": {"id": name, "username": name}});
        let mut gateway = FakeGateway::start(json!({"api": api})).await;
        let room = "structure:t1";
        let record = ["record", "--room", room, "-o", "r.jsonl", "--force", "--count", "1", "--for", "8s"];
        let mut child = scry(&dir, &gateway.url, &record).spawn().unwrap();
        until("a subscription", async || {
            gateway.ask("subscriptions").await.as_array().is_some_and(|it| !it.is_empty())
        })
        .await;
        gateway.emit(room, name, json!([{"id": name, "campaignId": name}])).await;
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
        for command in [&["get", "campaign", name][..], &["outbox"], &["login", "--username", name, "--store", "file"]]
        {
            // What comes of it is another matter.
            let _ = scry(&dir, &gateway.url, command).env("SCRY_PASSWORD", name).output().unwrap();
        }
    }
    let home = dir.join("home");
    let strange: Vec<_> = files(outer.path()).into_iter().filter(|path| !path.starts_with(&home)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(files(&home).contains(&home.join("r.jsonl")));
    assert!(!Path::new("/tmp/scry-outside").exists());
}
