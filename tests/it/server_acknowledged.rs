//! Nothing is acknowledged, and nothing is refused, on the strength of a change that is not on disk.
//!
//! Changes that wait for the writer at the same time share a commit. Here a request and its repeat are put into one
//! such group, and the group is made to fail: neither may have been answered.

use std::future::Future;
use std::sync::Arc;

use scry_protocol::Role;
use scry_server::db::{Db, DbError, Tx};
use scry_server::domain::{Caller, DomainError, EditPrecondition, EntityKind};
use serde_json::json;
use sqlx::Row;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use scry_testkit::domain::{DomainFixture, fields, id};
use scry_testkit::wait::until;

/// Lets two requests run in one group of changes whose commit fails; returns what they were answered.
async fn lose<A, B>(fixture: &DomainFixture, first: A, repeat: B) -> (A::Output, B::Output)
where
    A: Future<Output: Send> + Send + 'static,
    B: Future<Output: Send> + Send + 'static,
{
    let db = &fixture.core.db;
    let gate = Arc::new(Notify::new());
    let holder = hold(fixture, Arc::clone(&gate));
    until("the writer to be held", async || db.pools()[1].1 == 0).await;
    let first = queue(fixture, first).await;
    let repeat = queue(fixture, repeat).await;
    let (reached, broken) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let breaker = queue(fixture, break_commit(db.clone(), Arc::clone(&reached), Arc::clone(&broken))).await;
    gate.notify_one();
    reached.notified().await;
    assert!(!first.is_finished(), "acknowledged before it is on disk");
    assert!(!repeat.is_finished(), "acknowledged on the strength of what is not on disk");
    broken.notify_one();
    breaker.await.unwrap().unwrap_err();
    holder.await.unwrap().unwrap_err();
    (first.await.unwrap(), repeat.await.unwrap())
}

fn hold(fixture: &DomainFixture, gate: Arc<Notify>) -> JoinHandle<Result<(), DbError>> {
    let db = fixture.core.db.clone();
    tokio::spawn(async move {
        db.write(async |_: &mut Tx| {
            gate.notified().await;
            Ok(())
        })
        .await
    })
}

/// Starts something and waits until it has asked for its turn.
async fn queue<F: Future<Output: Send> + Send + 'static>(fixture: &DomainFixture, task: F) -> JoinHandle<F::Output> {
    let before = fixture.core.db.waiting();
    let task = tokio::spawn(task);
    until("another change to wait", async || fixture.core.db.waiting() > before).await;
    task
}

/// Says when its turn has come, and then makes the commit of its group impossible.
async fn break_commit(db: Db, reached: Arc<Notify>, go: Arc<Notify>) -> Result<(), DbError> {
    db.write(async |tx: &mut Tx| {
        reached.notify_one();
        go.notified().await;
        // SQLite finds the broken reference at the commit; Postgres loses the connection.
        let orphan = "INSERT INTO definitions (campaign_id, kind, slug, body) VALUES ('nowhere', 'rule', 'r', '{}')";
        if sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut **tx).await.is_ok() {
            sqlx::query(orphan).execute(&mut **tx).await?;
        } else {
            let _ = sqlx::query("ROLLBACK TO SAVEPOINT change").execute(&mut **tx).await;
            let _ = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut **tx).await;
        }
        Ok(())
    })
    .await
}

fn assert_lost<T: std::fmt::Debug>(answer: &Result<T, DomainError>) {
    assert!(matches!(answer, Err(DomainError::Database(_))), "{answer:?}");
}

#[tokio::test]
async fn repeated_edit_is_not_acknowledged_when_its_group_is_lost() {
    let fixture = DomainFixture::new().await;
    let settlement = fixture.settlement().await;
    let edit = |key: &'static str| {
        let (domain, gm, settlement) = (fixture.domain.clone(), fixture.gm.clone(), settlement.clone());
        let input = fields(json!({"level": 9}));
        async move {
            domain
                .update(&gm, EntityKind::Settlement, &settlement, &input, EditPrecondition::default(), Some(key))
                .await
        }
    };
    let (first, repeat) = lose(&fixture, edit("k"), edit("k")).await;
    assert_lost(&first);
    assert_lost(&repeat);
    let stored = fixture.domain.entity(&fixture.gm, EntityKind::Settlement, &settlement).await.unwrap().unwrap();
    assert_eq!(stored.version, 1);
    let again = edit("k").await.unwrap();
    assert_eq!((again.version, again.json("level")), (2, json!(9)), "the key is free again");
    assert_eq!(edit("k").await.unwrap().version, 2, "and now it is taken");
}

#[tokio::test]
async fn repeated_creation_is_not_acknowledged_when_its_group_is_lost() {
    let fixture = DomainFixture::new().await;
    let create = || {
        let (domain, gm) = (fixture.domain.clone(), fixture.gm.clone());
        async move { domain.create(&gm, EntityKind::Campaign, &fields(json!({"name": "New"})), Some("k")).await }
    };
    let (first, repeat) = lose(&fixture, create(), create()).await;
    assert_lost(&first);
    assert_lost(&repeat);
    create().await.unwrap();
}

#[tokio::test]
async fn repeated_deletion_is_neither_acknowledged_nor_refused_when_its_group_is_lost() {
    let fixture = DomainFixture::new().await;
    let settlement = fixture.settlement().await;
    let delete = |key: &'static str| {
        let (domain, gm, settlement) = (fixture.domain.clone(), fixture.gm.clone(), settlement.clone());
        async move { domain.delete(&gm, EntityKind::Settlement, &settlement, None, Some(key)).await }
    };
    let (first, repeat) = lose(&fixture, delete("k"), delete("k")).await;
    assert_lost(&first);
    assert_lost(&repeat);
    // With another key it would be “there is no such settlement”, which is not true either.
    let (first, other) = lose(&fixture, delete("k"), delete("other")).await;
    assert_lost(&first);
    assert_lost(&other);
    delete("k").await.unwrap();
}

#[tokio::test]
async fn repeated_clock_move_is_not_acknowledged_when_its_group_is_lost() {
    let fixture = DomainFixture::new().await;
    let campaign = fixture.campaign().await;
    let advance = || {
        let (domain, gm, campaign) = (fixture.domain.clone(), fixture.gm.clone(), campaign.clone());
        async move { domain.advance_world_time(&gm, &campaign, 60, false, Some("k")).await }
    };
    let (first, repeat) = lose(&fixture, advance(), advance()).await;
    assert_lost(&first);
    assert_lost(&repeat);
    advance().await.unwrap();
}

#[tokio::test]
async fn role_that_is_not_on_disk_is_not_acknowledged() {
    let fixture = DomainFixture::new().await;
    let campaign = fixture.campaign().await;
    let viewer = id(&fixture.core.db, "SELECT id FROM users WHERE username = 'viewer'").await;
    let promote = || {
        let (domain, gm) = (fixture.domain.clone(), fixture.gm.clone());
        let (campaign, viewer) = (campaign.clone(), viewer.clone());
        async move { domain.set_member_role(&gm, &campaign, &viewer, Role::Editor, None).await }
    };
    let (first, repeat) = lose(&fixture, promote(), promote()).await;
    assert_lost(&first);
    assert_lost(&repeat);
}

#[tokio::test]
async fn repeated_notification_is_not_acknowledged_when_its_group_is_lost() {
    let fixture = DomainFixture::new().await;
    let player = id(&fixture.core.db, "SELECT id FROM users WHERE username = 'player'").await;
    let notify = || {
        let (domain, gm, player) = (fixture.domain.clone(), fixture.gm.clone(), player.clone());
        async move { domain.notify(&gm, &[player], "Come", "", "info", Some("k")).await }
    };
    let (first, repeat) = lose(&fixture, notify(), notify()).await;
    assert_lost(&first);
    assert_lost(&repeat);
    assert_eq!((notify().await.unwrap(), notify().await.unwrap()), (1, 1));
    let stored = sqlx::query("SELECT COUNT(*) FROM notifications").fetch_one(&fixture.core.db.reader).await.unwrap();
    assert_eq!(stored.get::<i64, _>(0), 1, "the repeat changes nothing");
}

#[tokio::test]
async fn repeated_member_changes_return_the_first_result() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, campaign) = (&fixture.domain, &fixture.gm, fixture.campaign().await);
    let outsider = id(&fixture.core.db, "SELECT id FROM users WHERE username = 'outsider'").await;
    let invite = || domain.invite(gm, &campaign, "outsider", Role::Viewer, Some("add"));
    let invited = invite().await.unwrap();
    assert_eq!(invite().await.unwrap(), invited);
    let invitee = Caller { user_id: outsider.clone(), name: "outsider".to_owned(), ..gm.clone() };
    domain.enrol(&invitee, &campaign, Role::Viewer).await.unwrap();
    assert_eq!(invite().await.unwrap(), invited, "without a key it would be refused as a member already");
    let promote = || domain.set_member_role(gm, &campaign, &outsider, Role::Editor, Some("promote"));
    let promoted = promote().await.unwrap();
    let demoted = domain.set_member_role(gm, &campaign, &outsider, Role::Viewer, None).await.unwrap();
    assert_eq!(promote().await.unwrap(), promoted);
    assert_eq!((promoted.version, demoted.version), (2, 3));
    let remove = || domain.remove_member(gm, &campaign, &outsider, Some("remove"));
    remove().await.unwrap();
    remove().await.unwrap();
    let other = domain.remove_member(gm, &campaign, &fixture.gm.user_id, Some("remove")).await.unwrap_err();
    assert!(other.to_string().contains("idempotencyKey"), "{other}");
}

#[tokio::test]
async fn refreshed_pair_that_is_not_on_disk_is_not_given_out() {
    let fixture = DomainFixture::new().await;
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let pair = fixture.auth.login(address, "gm", "emberfall".to_owned()).await.unwrap();
    let refresh = || {
        let (auth, token) = (fixture.auth.clone(), pair.refresh_token.clone());
        async move { auth.refresh(&token).await }
    };
    let (first, repeat) = lose(&fixture, refresh(), refresh()).await;
    assert!(first.is_err() && repeat.is_err(), "nobody may hold a pair that is not stored");
    refresh().await.unwrap();
}
