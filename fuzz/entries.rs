//! What is done with an input: by the fuzz targets, and by the bounded run in the test suite.
//!
//! Each entry panics where the program would be wrong, and returns otherwise, whatever the input.

use std::path::Path;
use std::time::{Duration, Instant};

use async_graphql::Request;
use scry_catalogue::Catalogue;
use scry_config::client::ClientConfig;
use scry_protocol::Id;
use scry_server::AppState;
use scry_server::auth::users::{self, UserRecord};
use scry_server::config::{Flags, ServerConfig, load};
use scry_server::db::Tx;
use scry_server::domain::{Caller, Domain};
use scry_server::graphql::{GraphqlApi as Graphql, GraphqlResponse, literals};
use scry_server::socket::frames::{FrameCounts, Frames};
use scry_server::socket::request::{EVENTS, parse};
use scry_wire::codec::binary::{self, Assembler, AttachmentLimits};
use scry_wire::codec::{engine, payload, socket};
use scry_world::World;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Reads what a client may send as an event, from the text of a packet to the request.
pub fn packet(text: &str) {
    // `42` is an event; a number behind it asks for an acknowledgement.
    let body = text.strip_prefix("42").unwrap_or(text).trim_start_matches(|digit: char| digit.is_ascii_digit());
    let Ok(Value::Array(parts)) = serde_json::from_str(body) else { return };
    let payload = parts.get(1).cloned().unwrap_or_default();
    let named = parts.first().and_then(Value::as_str).unwrap_or_default();
    for event in EVENTS.iter().copied().chain([named]) {
        if let Err(refusal) = parse(event, &payload) {
            assert!(!refusal.error.is_empty(), "{event} is refused without a word");
        }
    }
}

/// Reads a polling payload to the events in it, and writes each packet so that it reads the same.
pub fn wire(text: &str) {
    let mut assembler = Assembler::new(AttachmentLimits { count: 8, bytes: 4096 });
    for packet in payload::packets(text) {
        let Ok(packet) = packet else { return };
        let mut written = String::new();
        packet.write(&mut written);
        assert_eq!(engine::Packet::parse_part(&written).as_ref(), Ok(&packet));
        let assembled = match packet {
            engine::Packet::Message(text) => {
                let Ok(packet) = socket::Packet::parse(text) else { continue };
                let mut written = String::new();
                packet.write(&mut written);
                assert_eq!(socket::Packet::parse(&written), Ok(packet));
                assembler.packet(&packet)
            }
            engine::Packet::Binary(bytes) => assembler.attachment(bytes),
            engine::Packet::Open(_)
            | engine::Packet::Close
            | engine::Packet::Ping(_)
            | engine::Packet::Pong(_)
            | engine::Packet::Upgrade
            | engine::Packet::Noop => continue,
        };
        let Ok(Some(whole)) = assembled else { continue };
        let Ok(arguments) = binary::arguments(&whole.data) else { continue };
        let _ = binary::fill(&mut Value::Array(arguments), &whole.attachments, &mut |bytes| bytes.len().into());
    }
}

/// Counts the frames of a WebSocket's bytes, in pieces as long as the first byte says: they are the same in one piece.
pub fn frames(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else { return };
    let whole = Frames::default().read(bytes);
    let (mut frames, mut pieces) = (Frames::default(), FrameCounts::default());
    for piece in bytes.chunks(usize::from(*piece).max(1)) {
        pieces += frames.read(piece);
    }
    assert_eq!(pieces, whole, "it depends on how the bytes are cut");
    assert!(whole.acks <= whole.frames, "{whole:?}");
}

/// Reads a world file.
pub fn world(text: &str) {
    if let Err(error) = World::parse(text) {
        assert!(!error.to_string().is_empty(), "a world is refused without a word");
    }
}

/// Reads a catalogue, and where it can be served, checks payloads by it: what it admits names rooms that can be read back.
pub fn catalogue(text: &str) {
    let catalogue = match Catalogue::parse(text) {
        Ok(catalogue) => catalogue,
        Err(error) => return assert!(!error.to_string().is_empty(), "a catalogue is refused without a word"),
    };
    // What the file itself holds is as likely as anything to look like what it asks for.
    let whole = toml::from_str::<Value>(text).unwrap_or_default();
    let ids = serde_json::json!({"companyId": "acme", "userId": 7, "projectId": "p", "divisionId": "", "title": "x"});
    for event in &catalogue.events {
        for payload in [&whole, &ids, &Value::Null] {
            match event.admit(payload) {
                Ok(rooms) => rooms.iter().for_each(|room| assert_eq!(room.to_string().parse().as_ref(), Ok(room))),
                Err(fault) => assert!(fault.path.starts_with("payload") && !fault.problem.is_empty(), "{fault:?}"),
            }
            let _ = event.summary.fill(payload);
        }
        let summary = event.summary.to_string();
        assert_eq!(summary.parse().as_ref(), Ok(&event.summary), "{summary:?} is read as it is written");
    }
}

/// Reads the configuration files of both programs; the server's is written into `dir`.
pub fn config(dir: &Path, text: &str) {
    let (path, home) = (dir.join("server.toml"), dir.display().to_string());
    std::fs::write(&path, text).expect("the directory can be written");
    let env = |name: &str| (name == "SCRY_SERVER_DATA_DIR").then(|| home.clone());
    if let Err(error) = load(Some(&path), &env, &Flags::new()) {
        assert!(error.to_string().contains("server.toml"), "{error}");
    }
    // The client's reader names the line by itself.
    let _ = toml::from_str::<ClientConfig>(text);
}

/// The longest that a query may take: far above what any needs, and far below what one without limits takes.
const MAX_QUERY_TIME: Duration = Duration::from_secs(9);
/// The most bytes that a database with nothing in it may answer with.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Holds the API over a database with nothing in it.
pub struct Api {
    // Before the runtime: what still takes back a change then ends within it.
    api: Graphql,
    runtime: Runtime,
    _dir: TempDir,
}

impl Api {
    /// Opens one in a directory of its own.
    pub fn open() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let dir = tempfile::tempdir().expect("a directory");
        let config = ServerConfig::new(dir.path());
        let limits = config.http.clone();
        let core = runtime.block_on(async {
            let core = AppState::open(config).await.expect("a database");
            core.db.write(async |tx: &mut Tx| users::insert(tx, &nobody()).await).await.expect("a user");
            core
        });
        let api = Graphql::new(Domain::new(core), &limits).expect("threads for queries");
        Self { api, runtime, _dir: dir }
    }

    /// Executes a query or mutation of somebody who has a login and nothing else.
    pub fn execute(&self, query: &str) {
        // As the route does: the library's parser panics at some of what this refuses.
        let Ok(query) = literals::check(query) else { return };
        let UserRecord { id: user_id, username: name, .. } = nobody();
        let caller = Caller { user_id, name, correlation_id: "fuzz".to_owned() };
        let began = Instant::now();
        let GraphqlResponse { json, .. } =
            self.runtime.block_on(self.api.execute(Request::new(query.as_ref()), caller));
        assert!(began.elapsed() < MAX_QUERY_TIME, "it took {:?}", began.elapsed());
        assert!(json.len() < MAX_ANSWER_BYTES, "{} bytes were answered", json.len());
        let answer: Value = serde_json::from_slice(&json).expect("an answer is JSON");
        for error in answer["errors"].as_array().into_iter().flatten() {
            let code = error["extensions"]["code"].as_str().unwrap_or_default();
            assert!(!code.is_empty() && code != "INTERNAL", "{error}");
        }
    }
}

fn nobody() -> UserRecord {
    let id = Id::parse("nobody").expect("an id");
    UserRecord {
        id,
        username: "nobody".to_owned(),
        password_hash: String::new(),
        is_service: false,
        is_disabled: false,
    }
}
