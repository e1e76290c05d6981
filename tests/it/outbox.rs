//! Edits that wait on disk: sent in order, applied once, and never lost silently.

use scry_client::api::Api;
use scry_client::outbox::{OutboxStore, OutboxStores};
use scry_model::outbox::EditOutcome;
use scry_protocol::{ErrorCode, Id};
use serde_json::{Value, json};
use tempfile::TempDir;

use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::outbox_fixture::{OutboxFixture, tick, update};
use scry_testkit::people;
use scry_testkit::server::TestServer;

struct OutboxServer {
    server: TestServer,
    proxy: FaultProxy,
    api: Api,
    campaign: Id,
    store: OutboxStore,
    dir: TempDir,
}

impl OutboxServer {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let proxy = FaultProxy::start(&server.url).await;
        let api = people::api(&proxy.url, "gm").await;
        let campaign = people::emberfall(&api).await;
        let dir = tempfile::tempdir().unwrap();
        let store = OutboxStores::of(dir.path(), &people::server(&proxy.url), None).campaign(&campaign);
        Self { server, proxy, api, campaign, store, dir }
    }

    fn ticks(&self, range: std::ops::Range<usize>) -> Vec<scry_model::outbox::Edit> {
        range.map(|index| tick(&self.campaign, &format!("k{index}"))).collect()
    }

    /// Returns every event after the seed's, as the server's journal has them.
    async fn journal(&self) -> Vec<Value> {
        let api = people::api(&self.server.url, "gm").await;
        let entries = api.events(&self.campaign, Some(0), Some(1000)).await.unwrap();
        entries.into_iter().map(|entry| entry.event).filter(|event| event["metadata"]["userId"].is_string()).collect()
    }

    /// Counts how often the clock was moved.
    async fn moves(&self) -> usize {
        self.journal().await.iter().filter(|event| event["type"] == "world_time_changed").count()
    }

    async fn settlement(&self) -> Value {
        let nodes = people::api(&self.server.url, "gm").await.snapshot(&self.campaign).await.unwrap().values();
        nodes.into_iter().find(|node| node["name"] == "Harrow's Rest").unwrap()
    }
}

#[tokio::test]
async fn edits_made_offline_go_out_in_order_once_the_connection_is_live() {
    let mut table = OutboxServer::start().await;
    table.proxy.refuse();
    table.proxy.cut();
    let mut outbox_fixture = OutboxFixture::open(&table.api, &table.store);
    outbox_fixture.store(table.ticks(0..5)).await;
    assert!(outbox_fixture.applied().is_empty());
    // The program ends; another finds what waits, and the server has been started again meanwhile.
    drop(outbox_fixture);
    table.server.restart().await;
    let mut outbox_fixture = OutboxFixture::open(&table.api, &table.store);
    outbox_fixture.until(|outcome| matches!(outcome, EditOutcome::Stored(edit) if edit.key == "k4")).await;
    table.proxy.pass();
    outbox_fixture.handle.set_live(true);
    outbox_fixture.until_applied("k4").await;
    assert_eq!(outbox_fixture.applied(), ["k0", "k1", "k2", "k3", "k4"]);
    assert_eq!(table.moves().await, 5);
    assert!(table.store.load().unwrap().entries.is_empty());
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_apply_an_edit_twice() {
    let table = OutboxServer::start().await;
    let mut outbox_fixture = OutboxFixture::live(&table.api, &table.store);
    outbox_fixture.store(table.ticks(0..1)).await;
    outbox_fixture.until_applied("k0").await;
    // The request passes; the first byte of its answer is where the line breaks.
    table.proxy.cut_after(0);
    outbox_fixture.store(table.ticks(1..2)).await;
    outbox_fixture.until(|outcome| matches!(outcome, EditOutcome::Waiting { key } if key == "k1")).await;
    assert_eq!(table.moves().await, 2, "it was applied, and nobody knows");
    table.proxy.pass();
    outbox_fixture.until_applied("k1").await;
    assert_eq!(table.moves().await, 2);
}

#[tokio::test]
async fn a_refused_edit_is_kept_with_its_reason_and_the_others_go_on() {
    let table = OutboxServer::start().await;
    let town = table.settlement().await;
    let id = town["id"].as_str().unwrap();
    let bad = update(&table.campaign, "bad", id, json!({"level": -7}), None);
    let mut outbox_fixture = OutboxFixture::live(&table.api, &table.store);
    outbox_fixture.store([bad.clone()]).await;
    outbox_fixture.store(table.ticks(0..1)).await;
    let refusal = outbox_fixture.until_refused("bad").await;
    assert_eq!(refusal.code, ErrorCode::InvalidPayload);
    assert!(refusal.message.contains("level"), "{}", refusal.message);
    outbox_fixture.until_applied("k0").await;
    drop(outbox_fixture);
    // It is still there, and still refused, for the next program; nobody sends it by itself.
    let mut outbox_fixture = OutboxFixture::live(&table.api, &table.store);
    assert_eq!(outbox_fixture.until_refused("bad").await, refusal);
    outbox_fixture.handle.retry("bad");
    outbox_fixture.until(|outcome| matches!(outcome, EditOutcome::Waiting { key } if key == "bad")).await;
    assert_eq!(outbox_fixture.until_refused("bad").await, refusal);
    outbox_fixture.handle.discard("bad");
    outbox_fixture.until(|outcome| matches!(outcome, EditOutcome::Discarded { key } if key == "bad")).await;
    assert!(table.store.load().unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_conflict_is_told_with_both_values() {
    let table = OutboxServer::start().await;
    let town = table.settlement().await;
    let (id, version) = (town["id"].as_str().unwrap(), town["version"].as_i64());
    let api = people::api(&table.server.url, "player").await;
    let theirs = json!({"id": id});
    api.graphql("mutation ($id: ID!) { updateSettlement(id: $id, input: {level: 9}) { id } }", theirs).await.unwrap();
    let mut outbox_fixture = OutboxFixture::live(&table.api, &table.store);
    outbox_fixture.store([update(&table.campaign, "mine", id, json!({"level": 5}), version)]).await;
    let refusal = outbox_fixture.until_refused("mine").await;
    let conflict = refusal.conflict.unwrap();
    let field = &conflict.fields[0];
    assert_eq!((refusal.code, Some(conflict.current_version)), (ErrorCode::Conflict, version.map(|v| v + 1)));
    assert_eq!((&field.field, &field.mine, &field.theirs), (&"level".to_owned(), &json!(5), &json!(9)));
}

#[tokio::test]
async fn edits_of_one_thing_made_offline_do_not_meet_themselves() {
    let table = OutboxServer::start().await;
    let town = table.settlement().await;
    let (id, version) = (town["id"].as_str().unwrap(), town["version"].as_i64());
    let mut outbox_fixture = OutboxFixture::open(&table.api, &table.store);
    for (key, level) in [("a", 4), ("b", 5), ("c", 6)] {
        outbox_fixture.store([update(&table.campaign, key, id, json!({"level": level}), version)]).await;
    }
    outbox_fixture.handle.set_live(true);
    outbox_fixture.until_applied("c").await;
    assert_eq!(table.settlement().await["level"], 6);
}

#[tokio::test]
async fn two_programs_with_one_outbox_send_each_edit_once_and_in_order() {
    let table = OutboxServer::start().await;
    let mut first = OutboxFixture::live(&table.api, &table.store);
    let mut second = OutboxFixture::live(&table.api, &table.store);
    for index in 0..20 {
        let outbox_fixture = if index % 2 == 0 { &first } else { &second };
        outbox_fixture.handle.submit(tick(&table.campaign, &format!("k{index}"))).unwrap();
    }
    let is_left = |wanted: &str, outcome: &EditOutcome| matches!(outcome, EditOutcome::Applied { key, .. } | EditOutcome::Gone { key } if key == wanted);
    for index in [18, 19] {
        let key = format!("k{index}");
        let outbox_fixture = if index % 2 == 0 { &mut first } else { &mut second };
        outbox_fixture.until(|outcome| is_left(&key, outcome)).await;
    }
    assert_eq!(table.moves().await, 20);
    assert!(table.store.load().unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_damaged_edit_is_set_aside_with_a_notice_and_the_others_go_out() {
    let table = OutboxServer::start().await;
    let mut outbox_fixture = OutboxFixture::open(&table.api, &table.store);
    outbox_fixture.store(table.ticks(0..3)).await;
    drop(outbox_fixture);
    let files = walk(table.dir.path());
    let second = files.iter().find(|path| path.ends_with("000000000002.json")).unwrap();
    let whole = std::fs::read(second).unwrap();
    std::fs::write(second, &whole[..whole.len() / 2]).unwrap();
    let mut outbox_fixture = OutboxFixture::live(&table.api, &table.store);
    let notice = outbox_fixture.until(|outcome| matches!(outcome, EditOutcome::Notice(_))).await;
    assert!(format!("{notice:?}").contains("000000000002.damaged"), "{notice:?}");
    outbox_fixture.until_applied("k2").await;
    assert_eq!(outbox_fixture.applied(), ["k0", "k2"]);
    assert_eq!(std::fs::read(second.with_extension("damaged")).unwrap(), &whole[..whole.len() / 2]);
}

#[cfg(unix)]
#[tokio::test]
async fn outbox_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let table = OutboxServer::start().await;
    OutboxFixture::open(&table.api, &table.store).store(table.ticks(0..1)).await;
    for path in walk(table.dir.path()).iter().filter(|path| path.extension().is_some_and(|kind| kind == "json")) {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
