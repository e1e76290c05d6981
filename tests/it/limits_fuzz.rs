//! What comes from outside, varied at random for a few seconds, beginning with a corpus.
//!
//! A failure prints the seed and the input; put the input into `fuzz/corpus` with the mending.

#[path = "../../fuzz/entries.rs"]
mod entries;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::json;

use scry_testkit::gateway::TestGateway;
use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::server::TestServer;

/// How long each kind of input is varied.
const FUZZ_TIME: Duration = Duration::from_secs(2);
/// Bounds an input, as the limits of the server do.
const MAX_INPUT_BYTES: usize = 16 * 1024;

/// Makes inputs from a corpus: each as it is, then varied ones.
struct FuzzInputs {
    corpus: Vec<Vec<u8>>,
    next: usize,
    chance: Rng,
    until: Instant,
}

impl FuzzInputs {
    fn of(kind: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(kind);
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let corpus: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert!(!corpus.is_empty(), "there is something to vary");
        let seed = std::env::var("FUZZ_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
        println!("FUZZ_SEED={seed}");
        Self { corpus, next: 0, chance: Rng::with_seed(seed), until: Instant::now() + FUZZ_TIME }
    }

    fn vary(&mut self) -> Vec<u8> {
        let chance = &mut self.chance;
        let mut bytes = self.corpus[chance.usize(..self.corpus.len())].clone();
        for _ in 0..chance.usize(1..8) {
            let at = chance.usize(..=bytes.len());
            match chance.u8(..7) {
                0 if at < bytes.len() => bytes[at] = chance.u8(..),
                1 => bytes.truncate(at),
                2 => bytes.insert(at, *chance.choice(b"{}[]\"\\,:.0-e\n\0#=\xff\xed").unwrap()),
                3 if at < bytes.len() => {
                    bytes.remove(at);
                }
                4 => {
                    let end = (at + chance.usize(1..40)).min(bytes.len());
                    let piece = bytes[at..end].repeat(chance.usize(1..20));
                    bytes.splice(at..at, piece);
                }
                5 => {
                    let other = &self.corpus[chance.usize(..self.corpus.len())];
                    bytes.truncate(at);
                    bytes.extend(&other[chance.usize(..=other.len())..]);
                }
                _ => {
                    let word =
                        ["18446744073709551616", "-1", "1e999", "null", "\u{202e}", "\u{0}", "{{{{{{{{", "[[[[[["];
                    let word = chance.choice(word).unwrap();
                    bytes.splice(at..at, word.bytes());
                }
            }
            bytes.truncate(MAX_INPUT_BYTES);
        }
        bytes
    }
}

impl Iterator for FuzzInputs {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(input) = self.corpus.get(self.next) {
            self.next += 1;
            return Some(input.clone());
        }
        (Instant::now() < self.until).then(|| self.vary())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs an entry on an input and names the input if that panics.
fn survive(input: &str, work: impl FnOnce() + std::panic::UnwindSafe) {
    if std::panic::catch_unwind(work).is_err() {
        panic!("panicked on {input:?}");
    }
}

#[test]
fn world_files_are_read_or_refused_in_a_sentence() {
    for input in FuzzInputs::of("world") {
        let input = text(&input);
        survive(&input, || entries::world(&input));
    }
}

#[test]
fn catalogues_are_read_or_refused_in_a_sentence() {
    for input in FuzzInputs::of("catalogue") {
        let input = text(&input);
        survive(&input, || entries::catalogue(&input));
    }
}

#[test]
fn configuration_files_are_read_or_refused_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    for input in FuzzInputs::of("config") {
        let input = text(&input);
        survive(&input, || entries::config(dir.path(), &input));
    }
}

#[test]
fn wire_packets_read_as_they_are_written() {
    for input in FuzzInputs::of("wire") {
        let input = text(&input);
        survive(&input, || entries::wire(&input));
    }
}

#[test]
fn packets_are_requests_or_refused_in_a_sentence() {
    for input in FuzzInputs::of("packet") {
        let input = text(&input);
        survive(&input, || entries::packet(&input));
    }
}

#[test]
fn frames_are_the_same_however_they_are_cut() {
    for input in FuzzInputs::of("frames") {
        survive(&format!("{input:?}"), || entries::frames(&input));
    }
}

#[test]
fn queries_are_executed_or_refused() {
    let api = AssertUnwindSafe(entries::Api::open());
    for input in FuzzInputs::of("graphql") {
        let input = text(&input);
        survive(&input, || api.execute(&input));
    }
}

#[tokio::test]
async fn queries_never_make_the_server_fail() {
    let server = TestServer::start().await;
    let token = server.login("player").await;
    for input in FuzzInputs::of("graphql") {
        let input = text(&input);
        let answer = server.post_as(&token, "/graphql", &json!({"query": input})).await;
        assert!(answer.status.as_u16() < 500, "{input:?}: {answer:?}");
        let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
        for error in errors {
            let code = error["extensions"]["code"].as_str().unwrap_or_default();
            assert!(!code.is_empty() && code != "INTERNAL", "{input:?}: {error}");
        }
    }
    let query = json!({"query": "{ me { username } }"});
    assert_eq!(server.post_as(&token, "/graphql", &query).await.body["data"]["me"]["username"], "player");
}

#[tokio::test]
async fn packets_never_make_the_gateway_fail() {
    let server = TestGateway::start().await;
    let token = server.token("viewer");
    let mut honest = RawSocketClient::connect(&server.url, &server.token("gm")).await.unwrap();
    let mut raw = RawSocketClient::connect(&server.url, &token).await.unwrap();
    let mut sent = 0;
    for input in FuzzInputs::of("packet") {
        sent += 1;
        raw.send(&text(&input)).await;
        // Several on one connection, then another: most packets end it.
        if sent % 4 == 0 {
            raw = RawSocketClient::connect(&server.url, &token)
                .await
                .unwrap_or_else(|error| panic!("after {input:?}: {error}"));
        }
    }
    drop(raw);
    assert!(sent > 50, "{sent} packets");
    assert_eq!(honest.ask("latency", &json!({})).await.unwrap()["success"], true);
    server.connected(1).await;
}
