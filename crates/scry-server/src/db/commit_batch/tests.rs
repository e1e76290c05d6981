use sqlx::Row;

use super::*;
use crate::config::ServerConfig;
use crate::db::Db;

async fn database() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
    (dir, db)
}

async fn add(tx: &mut Tx, id: &str) {
    sqlx::query("INSERT INTO campaigns (id, epoch) VALUES ($1, 'e')").bind(id).execute(&mut **tx).await.unwrap();
}

async fn stored(db: &Db) -> Vec<String> {
    let rows = sqlx::query("SELECT id FROM campaigns ORDER BY id").fetch_all(&db.reader).await.unwrap();
    rows.iter().map(|row| row.try_get(0).unwrap()).collect()
}

/// Waits until so many changes wait for their turn.
async fn until_waiting(db: &Db, count: usize) {
    let reached = async {
        while db.waiting() != count {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), reached).await.unwrap();
}

#[tokio::test]
async fn waiting_changes_share_one_commit() {
    let (_dir, db) = database().await;
    let mut first = db.changes.begin().await.unwrap();
    add(&mut first, "first").await;
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { db.changes.begin().await.unwrap() }
    });
    until_waiting(&db, 1).await;
    let first = tokio::spawn(first.end(ChangeOutcome::Keep));
    let mut second = waiting.await.unwrap();
    add(&mut second, "second").await;
    assert!(!first.is_finished(), "nothing is on disk yet");
    assert!(stored(&db).await.is_empty());
    second.end(ChangeOutcome::Keep).await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(stored(&db).await, ["first", "second"]);
}

#[tokio::test]
async fn failed_change_rolls_back_only_itself() {
    let (_dir, db) = database().await;
    let mut first = db.changes.begin().await.unwrap();
    add(&mut first, "first").await;
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { db.changes.begin().await.unwrap() }
    });
    until_waiting(&db, 1).await;
    let first = tokio::spawn(first.end(ChangeOutcome::Keep));
    let mut second = waiting.await.unwrap();
    add(&mut second, "second").await;
    sqlx::query("INSERT INTO campaigns (id, epoch) VALUES ('first', 'e')").execute(&mut *second).await.unwrap_err();
    drop(second);
    first.await.unwrap().unwrap();
    assert_eq!(stored(&db).await, ["first"]);
}

#[tokio::test]
async fn cancelled_wait_does_not_block_the_writer() {
    let (_dir, db) = database().await;
    let mut first = db.changes.begin().await.unwrap();
    add(&mut first, "first").await;
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { db.changes.begin().await.map(drop) }
    });
    until_waiting(&db, 1).await;
    waiting.abort();
    timeout(Duration::from_secs(10), first.end(ChangeOutcome::Keep)).await.unwrap().unwrap();
    assert_eq!(stored(&db).await, ["first"]);
}

#[tokio::test]
async fn failed_commit_is_an_error_for_the_whole_batch() {
    let (_dir, db) = database().await;
    let mut first = db.changes.begin().await.unwrap();
    sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut *first).await.unwrap();
    add(&mut first, "first").await;
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { db.changes.begin().await.unwrap() }
    });
    until_waiting(&db, 1).await;
    let first = tokio::spawn(first.end(ChangeOutcome::Keep));
    let mut second = waiting.await.unwrap();
    let orphan = "INSERT INTO definitions (campaign_id, kind, slug, body) VALUES ('nowhere', 'rule', 'r', '{}')";
    sqlx::query(orphan).execute(&mut *second).await.unwrap();
    assert!(second.end(ChangeOutcome::Keep).await.is_err());
    assert!(first.await.unwrap().is_err());
    assert!(stored(&db).await.is_empty());
    let mut third = db.changes.begin().await.unwrap();
    add(&mut third, "third").await;
    third.end(ChangeOutcome::Keep).await.unwrap();
    assert_eq!(stored(&db).await, ["third"]);
}

#[tokio::test]
async fn answers_wait_for_the_commit_of_their_batch() {
    let (_dir, db) = database().await;
    let mut first = db.changes.begin().await.unwrap();
    // A foreign key that is broken until the end lets the commit of the whole group fail.
    sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut *first).await.unwrap();
    add(&mut first, "first").await;
    let reads = async |tx: &mut Tx| {
        let found = sqlx::query("SELECT id FROM campaigns").fetch_optional(&mut **tx).await?;
        Ok::<_, DbError>(found.is_some())
    };
    let refuses = async |tx: &mut Tx| {
        sqlx::query("SELECT id FROM campaigns").fetch_one(&mut **tx).await?;
        Err::<(), _>(DbError::corrupt("test", "a refusal"))
    };
    let answered = tokio::spawn({
        let db = db.clone();
        async move { db.write(reads).await }
    });
    until_waiting(&db, 1).await;
    let refused = tokio::spawn({
        let db = db.clone();
        async move { db.write(refuses).await }
    });
    until_waiting(&db, 2).await;
    let last = tokio::spawn({
        let db = db.clone();
        async move { db.changes.begin().await.unwrap() }
    });
    until_waiting(&db, 3).await;
    let first = tokio::spawn(first.end(ChangeOutcome::Keep));
    let mut last = last.await.unwrap();
    assert!(!answered.is_finished() && !refused.is_finished(), "what they have read is not on disk");
    let orphan = "INSERT INTO definitions (campaign_id, kind, slug, body) VALUES ('nowhere', 'rule', 'r', '{}')";
    sqlx::query(orphan).execute(&mut *last).await.unwrap();
    last.end(ChangeOutcome::Keep).await.unwrap_err();
    first.await.unwrap().unwrap_err();
    assert!(matches!(answered.await.unwrap(), Err(DbError::Commit(_))));
    assert!(matches!(refused.await.unwrap(), Err(DbError::Commit(_))), "a refusal may be as untrue as a result");
}

#[tokio::test]
async fn refusal_based_on_committed_state_does_not_wait() {
    let (_dir, db) = database().await;
    let refused = db.write(async |_: &mut Tx| Err::<(), _>(DbError::corrupt("test", "a refusal"))).await;
    assert!(matches!(refused, Err(DbError::Corrupt { .. })));
    assert!(db.changes.turn.lock().await.is_none(), "the group has ended");
}

#[tokio::test]
async fn many_changes_at_once_are_all_stored() {
    let (_dir, db) = database().await;
    let changes = (0..200).map(|index| {
        let db = db.clone();
        tokio::spawn(async move {
            let mut tx = db.changes.begin().await.unwrap();
            add(&mut tx, &format!("{index:03}")).await;
            // Every tenth is given up.
            if index % 10 == 0 { drop(tx) } else { tx.end(ChangeOutcome::Keep).await.unwrap() }
        })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap();
    }
    // Those given up may still be on their way out; the next change comes after them.
    db.changes.begin().await.unwrap().end(ChangeOutcome::Keep).await.unwrap();
    assert_eq!(stored(&db).await.len(), 180);
}
