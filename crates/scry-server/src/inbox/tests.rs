use scry_protocol::messages::NotificationNew;

use super::*;
use crate::clock;
use crate::config::ServerConfig;
use crate::db::Tx;

const TTL: Duration = Duration::from_secs(3600);

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// Does what a socket does that comes.
async fn open(db: &Db, now: Timestamp) -> (Cursor, Vec<QueuedMessage>) {
    let cursor = cursor_at_end(db, &id("u")).await.unwrap();
    take(db, &id("u"), cursor, now, TTL).await.unwrap()
}

async fn post(db: &Db, title: &str, now: Timestamp) {
    post_from(db, "gm", title, now).await;
}

async fn post_from(db: &Db, sender: &str, title: &str, now: Timestamp) {
    let message = EphemeralEvent::NotificationNew(NotificationNew {
        id: id(title),
        title: title.to_owned(),
        body: String::new(),
        level: "info".to_owned(),
        created_at: clock::format_time(now),
        kind: None,
        entity_type: None,
        entity_id: None,
    });
    db.write(async |tx: &mut Tx| enqueue(tx, &id("u"), &id(sender), &message, now).await).await.unwrap();
}

fn titles(messages: &[QueuedMessage]) -> Vec<String> {
    let title = |message: &QueuedMessage| {
        let body: serde_json::Value = serde_json::from_str(message.body.get()).unwrap();
        body["title"].as_str().unwrap().to_owned()
    };
    messages.iter().map(title).collect()
}

#[tokio::test]
async fn waiting_message_is_claimed_once_and_later_one_reaches_every_socket() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
    let now = clock::now();
    post(&db, "a", now).await;
    post(&db, "b", now).await;
    let (first, messages) = open(&db, now).await;
    assert_eq!(titles(&messages), ["a", "b"]);
    let (second, messages) = open(&db, now).await;
    assert_eq!(titles(&messages), Vec::<String>::new());
    post(&db, "c", now).await;
    for cursor in [first, second] {
        let (cursor, messages) = take(&db, &id("u"), cursor, now, TTL).await.unwrap();
        assert_eq!(titles(&messages), ["c"]);
        assert!(take(&db, &id("u"), cursor, now, TTL).await.unwrap().1.is_empty());
    }
    assert!(open(&db, now).await.1.is_empty(), "it was delivered");
    assert_eq!(recent_recipients(&db, now).await.unwrap(), [id("u")]);
    let stranger = cursor_at_end(&db, &id("stranger")).await.unwrap();
    assert!(take(&db, &id("stranger"), stranger, now, TTL).await.unwrap().1.is_empty());
}

#[tokio::test]
async fn concurrent_sockets_share_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (Db::open(&ServerConfig::new(dir.path())).await.unwrap(), dir.path());
    let there = Db::open(&ServerConfig::new(there)).await.unwrap();
    let now = clock::now();
    for round in 0..20 {
        let wanted: Vec<String> = (0..5).map(|number| format!("{round}-{number}")).collect();
        for title in &wanted {
            post(&here, title, now).await;
        }
        let (a, b, c) = tokio::join!(open(&here, now), open(&there, now), open(&here, now),);
        let got = [titles(&a.1), titles(&b.1), titles(&c.1)];
        assert_eq!(got.concat(), wanted, "one of them gets all, in order");
    }
}

#[tokio::test]
async fn expired_and_excess_messages_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
    let now = clock::now();
    let later = now.checked_add(TTL).unwrap();
    post(&db, "old", now).await;
    post(&db, "new", later).await;
    assert_eq!(delete_expired(&db, later, TTL, Duration::ZERO).await.unwrap(), 1);
    assert_eq!(titles(&open(&db, later).await.1), ["new"]);
    post(&db, "older", now).await;
    assert!(open(&db, later).await.1.is_empty(), "not swept yet, but too old");
    for number in 0..MAX_QUEUED_MESSAGES + 3 {
        post(&db, &number.to_string(), later).await;
    }
    let messages = open(&db, later).await.1;
    assert_eq!((messages.len(), titles(&messages)[0].as_str()), (500, "3"));
}

#[tokio::test]
async fn a_senders_overflow_drops_only_that_senders_oldest_messages() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
    let now = clock::now();
    post_from(&db, "player", "important", now).await;
    for number in 0..520 {
        post_from(&db, "viewer", &number.to_string(), now).await;
    }
    post_from(&db, "player", "second", now).await;
    let titles = titles(&open(&db, now).await.1);
    assert_eq!(titles.len(), 500);
    assert_eq!((&*titles[0], &*titles[1], &*titles[499]), ("important", "22", "second"));
}

#[tokio::test]
async fn message_between_handshake_and_first_take_is_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
    let now = clock::now();
    post(&db, "a", now).await;
    let (first, _) = open(&db, now).await;
    let second = cursor_at_end(&db, &id("u")).await.unwrap();
    post(&db, "b", now).await;
    assert_eq!(titles(&take(&db, &id("u"), first, now, TTL).await.unwrap().1), ["b"]);
    assert_eq!(
        titles(&take(&db, &id("u"), second, now, TTL).await.unwrap().1),
        ["b"],
        "the other one took it, for itself"
    );
}

#[tokio::test]
async fn nacked_message_is_delivered_to_one_socket_unless_received() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
    let now = clock::now();
    let (dead, _) = open(&db, now).await;
    let (witness, _) = open(&db, now).await;
    post(&db, "a", now).await;
    let (dead, messages) = take(&db, &id("u"), dead, now, TTL).await.unwrap();
    assert_eq!(titles(&messages), ["a"]);
    take(&db, &id("u"), witness, now, TTL).await.unwrap();
    nack(&db, &id("u"), &[messages[0].seq]).await.unwrap();
    let (living, messages) = open(&db, now).await;
    assert!(messages.is_empty(), "another socket has it");
    post(&db, "b", now).await;
    let (_, messages) = take(&db, &id("u"), dead, now, TTL).await.unwrap();
    nack(&db, &id("u"), &[messages[0].seq]).await.unwrap();
    post(&db, "c", now).await;
    let (living, messages) = take(&db, &id("u"), living, now, TTL).await.unwrap();
    assert_eq!(titles(&messages), ["b", "c"], "what was given back comes along, in order");
    assert!(take(&db, &id("u"), living, now, TTL).await.unwrap().1.is_empty());
    nack(&db, &id("u"), &[messages[0].seq]).await.unwrap();
    assert_eq!(titles(&take(&db, &id("u"), living, now, TTL).await.unwrap().1), ["b"], "even behind the cursor");
}
