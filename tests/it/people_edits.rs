//! Many editors of one settlement: what was accepted, refused and overwritten adds up, for everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use scry_testkit::edit_fixture::EditFixture;
use scry_testkit::node::NodeDriver;
use scry_testkit::user_pool::TestUser;

const UPDATE: &str = "mutation($id: ID!, $input: UpdateSettlementInput!, $version: Int, $policy: OnConflict!) {
    updateSettlement(id: $id, input: $input, expectedVersion: $version, onConflict: $policy) { version } }";
/// How many edits each editor makes, one after the other.
const EDITS_PER_EDITOR: usize = 8;

/// One edit and what became of it.
#[derive(Debug, Clone)]
struct EditAttempt {
    author: String,
    expected: i64,
    values: BTreeMap<String, Value>,
    /// The version it made, or the conflict it met.
    outcome: Result<i64, Value>,
}

/// One change as the journal has it.
#[derive(Debug, Clone)]
struct StoredChange {
    author: String,
    /// Field → (before, after).
    changes: BTreeMap<String, (Value, Value)>,
}

/// Makes one edit of one or two variables; every value is new to the world.
async fn attempt(fixture: &EditFixture, editor: &TestUser, number: usize, policy: &str) -> EditAttempt {
    let expected = fixture.version().await;
    let unique = editor.id.rsplit('-').next().unwrap().parse::<usize>().unwrap() * 1000 + number + 1;
    let all = ["a", "b", "c"];
    let chosen = [all[(unique * 7 + number) % 3], all[(unique * 5 + number * 2) % 3]];
    let variables: BTreeMap<&str, usize> = chosen.iter().map(|name| (*name, unique)).collect();
    let asked =
        json!({"id": fixture.settlement, "input": {"variables": variables}, "version": expected, "policy": policy});
    let answer = fixture.server.execute(&editor.token, UPDATE, asked).await;
    let outcome = match answer["data"]["updateSettlement"]["version"].as_i64() {
        Some(version) => Ok(version),
        None => {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT", "{answer}");
            Err(answer["errors"][0]["extensions"]["conflict"].clone())
        }
    };
    let values = variables.iter().map(|(name, value)| (format!("variables.{name}"), json!(value))).collect();
    EditAttempt { author: editor.id.clone(), expected, values, outcome }
}

/// Reads the settlement's changes from the journal, by the version each made.
async fn stored(fixture: &EditFixture) -> BTreeMap<i64, StoredChange> {
    let query = "query($id: ID!, $since: Int) { events(campaignId: $id, since: $since, limit: 1000) { event } }";
    let events = fixture.server.graphql(&fixture.gm, query, json!({"id": fixture.campaign, "since": 0})).await;
    let events = events["events"].as_array().unwrap().clone();
    let ours =
        events.iter().map(|row| &row["event"]).filter(|event| event["payload"]["settlementId"] == *fixture.settlement);
    ours.map(|event| {
        let metadata = &event["metadata"];
        let changes = metadata["changes"].as_array().unwrap().iter();
        let changes = changes.map(|change| {
            (change["field"].as_str().unwrap().to_owned(), (change["from"].clone(), change["to"].clone()))
        });
        let author = metadata["userId"].as_str().unwrap().to_owned();
        (metadata["version"].as_i64().unwrap(), StoredChange { author, changes: changes.collect() })
    })
    .collect()
}

/// Returns a field's value after a version.
fn value_at(stored: &BTreeMap<i64, StoredChange>, field: &str, version: i64) -> Value {
    let past = stored.range(..=version).rev().find_map(|(_, change)| Some(change.changes.get(field)?.1.clone()));
    past.unwrap_or_default()
}

/// Returns who changed a field last, after one version and up to another.
fn last_author<'a>(stored: &'a BTreeMap<i64, StoredChange>, field: &str, after: i64, upto: i64) -> Option<&'a str> {
    let between = stored.range(after + 1..(upto + 1).max(after + 1)).rev();
    between.filter(|(_, change)| change.changes.contains_key(field)).map(|(_, change)| change.author.as_str()).next()
}

async fn hammer(count: usize, policy: &str) {
    let (shop, node) = (Arc::new(EditFixture::open(count).await), NodeDriver::start().await);
    let sockets =
        join_all(shop.editors.iter().map(|editor| node.enter(&editor.id, &shop.server.url, &editor.token))).await;
    let first = shop.version().await;
    let work = shop.editors.iter().map(|editor| async {
        let mut attempts = Vec::new();
        for number in 0..EDITS_PER_EDITOR {
            attempts.push(attempt(&shop, editor, number, policy).await);
        }
        attempts
    });
    let attempts: Vec<EditAttempt> = join_all(work).await.into_iter().flatten().collect();
    let stored = stored(&shop).await;

    let accepted: BTreeMap<i64, &EditAttempt> =
        attempts.iter().filter_map(|attempt| Some((*attempt.outcome.as_ref().ok()?, attempt))).collect();
    let versions: Vec<i64> = stored.keys().copied().filter(|version| *version > first).collect();
    assert_eq!(accepted.keys().copied().collect::<Vec<_>>(), versions, "versions count exactly the accepted edits");
    assert_eq!(shop.version().await, first + i64::try_from(accepted.len()).unwrap());
    // user → what they must be told: field and the value of theirs that was replaced, by whom.
    let mut losses: BTreeMap<&str, Vec<(String, Value, Value, &str)>> = BTreeMap::new();
    for (version, attempt) in &accepted {
        let change = &stored[version];
        assert_eq!(change.author, attempt.author);
        for (field, value) in &attempt.values {
            assert_eq!(&change.changes[field].1, value, "an accepted edit is in the database");
            if let Some(loser) = last_author(&stored, field, attempt.expected, version - 1) {
                assert_eq!(policy, "LAST_WRITE_WINS", "nothing unseen is replaced under {policy}");
                if loser != attempt.author {
                    let lost =
                        (field.clone(), value_at(&stored, field, version - 1), value.clone(), attempt.author.as_str());
                    losses.entry(loser).or_default().push(lost);
                }
            }
        }
    }
    for attempt in &attempts {
        let Err(conflict) = &attempt.outcome else { continue };
        let current = conflict["currentVersion"].as_i64().unwrap();
        assert!(current > attempt.expected);
        let overlapping = |field: &&String| last_author(&stored, field, attempt.expected, current).is_some();
        let mut told: Vec<&str> = Vec::new();
        for field in conflict["fields"].as_array().unwrap() {
            let name = field["field"].as_str().unwrap();
            assert_eq!(field["mine"], attempt.values[name]);
            assert_eq!(field["base"], value_at(&stored, name, attempt.expected), "the value that the author had seen");
            assert_eq!(field["theirs"], value_at(&stored, name, current), "the value that stands");
            told.push(name);
        }
        assert_eq!(told, attempt.values.keys().filter(overlapping).collect::<Vec<_>>());
        assert!(policy == "REJECT" || !told.is_empty(), "a merge is refused for a reason");
    }
    assert!(policy != "LAST_WRITE_WINS" || attempts.iter().all(|attempt| attempt.outcome.is_ok()));
    for (socket, editor) in sockets.iter().zip(&shop.editors) {
        let mut expected = losses.remove(editor.id.as_str()).unwrap_or_default();
        let mut told: Vec<(String, Value, Value, String)> = Vec::new();
        let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while told.len() < expected.len() && tokio::time::Instant::now() < patience {
            told.clear();
            for (_, body) in socket.seen().await.into_iter().filter(|(name, _)| name == "document:conflict") {
                for field in body["conflictedFields"].as_array().unwrap() {
                    let name = field.as_str().unwrap();
                    let by = body["by"].as_str().unwrap().to_owned();
                    told.push((
                        name.to_owned(),
                        body["originalValue"][name].clone(),
                        body["incomingValue"][name].clone(),
                        by,
                    ));
                }
            }
        }
        let key = |lost: &(String, Value, Value, String)| format!("{lost:?}");
        let mut expected: Vec<_> =
            expected.drain(..).map(|(field, was, is, by)| (field, was, is, by.to_owned())).collect();
        expected.sort_by_key(key);
        told.sort_by_key(key);
        assert_eq!(told, expected, "{} hears of every value that was replaced, and of nothing else", editor.id);
    }
    let refused = attempts.len() - accepted.len();
    eprintln!("{count} editors, {policy}: {} accepted, {refused} refused", accepted.len());
}

#[tokio::test]
async fn two_editors_add_up_under_every_policy() {
    for policy in ["REJECT", "MERGE", "LAST_WRITE_WINS"] {
        hammer(2, policy).await;
    }
}

#[tokio::test]
async fn five_editors_add_up_under_every_policy() {
    for policy in ["REJECT", "MERGE", "LAST_WRITE_WINS"] {
        hammer(5, policy).await;
    }
}

#[tokio::test]
async fn twenty_editors_add_up_when_they_reject() {
    hammer(20, "REJECT").await;
}

#[tokio::test]
async fn twenty_editors_add_up_when_they_merge() {
    hammer(20, "MERGE").await;
}

#[tokio::test]
async fn twenty_editors_add_up_when_the_last_one_wins() {
    hammer(20, "LAST_WRITE_WINS").await;
}

/// A client that dies anywhere in its request, and asks again with the same key, has changed the world once.
#[tokio::test]
async fn an_edit_cut_off_at_any_byte_is_applied_once_by_its_repeat() {
    let shop = EditFixture::open(1).await;
    let editor = shop.editors[0].clone();
    let query = "mutation($id: ID!, $input: UpdateSettlementInput!, $key: String) {
        updateSettlement(id: $id, input: $input, idempotencyKey: $key) { version } }";
    let host = shop.server.url.trim_start_matches("http://").to_owned();
    let mut version = shop.version().await;
    for step in 0..24_usize {
        let variables =
            json!({"id": shop.settlement, "input": {"variables": {"a": step + 1}}, "key": format!("key-{step}")});
        let body = json!({"query": query, "variables": variables}).to_string();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            editor.token,
            body.len()
        );
        let bytes = format!("{head}{body}").into_bytes();
        // From nothing at all to the whole request, whose answer is read only at the very last step.
        let cut = bytes.len() * step.min(20) / 20;
        let mut line = TcpStream::connect(&host).await.unwrap();
        line.write_all(&bytes[..cut]).await.unwrap();
        if step == 23 {
            let mut answer = [0; 64];
            assert!(line.read(&mut answer).await.unwrap() > 0);
        }
        drop(line);
        let repeats = join_all((0..3).map(|_| shop.server.execute(&editor.token, query, variables.clone()))).await;
        version += 1;
        for repeat in repeats {
            assert_eq!(repeat["data"]["updateSettlement"]["version"], version, "cut at byte {cut}: {repeat}");
        }
        assert_eq!(shop.version().await, version, "applied once");
    }
}
