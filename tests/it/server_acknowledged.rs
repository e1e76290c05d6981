//! Nothing is acknowledged, and nothing is refused, on the strength of a change that is not on disk.
//!
//! Changes that wait for the writer at the same time share a commit. Here a request and its repeat are put into one
//! such group, and the group is made to fail: neither may have been answered.

use std::future::Future;
use std::sync::Arc;

use scry::config::server::{Argon2Config, ServerConfig};
use scry::protocol::{Id, Role};
use scry::server::auth::AuthService;
use scry::server::db::{Db, DbError, Tx};
use scry::server::domain::{Caller, Domain, DomainError, Expectation, Fields, Kind};
use scry::server::{Core, seed};
use scry::world::World;
use serde_json::json;
use sqlx::Row;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::wait::until;

/// A domain over a seeded database, without a server around it.
struct Fixture {
    domain: Domain,
    auth: AuthService,
    core: Core,
    gm: Caller,
    _dir: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(dir.path());
        config.auth.argon2 = Argon2Config { memory_kib: 8, iterations: 1, parallelism: 1 };
        crate::support::database::choose(&mut config).await;
        seed(&config, &World::bundled()).await.unwrap();
        let core = Core::open(config).await.unwrap();
        let gm = Caller {
            user_id: id(&core.db, "SELECT id FROM users WHERE username = 'gm'").await,
            name: "gm".to_owned(),
            correlation_id: "test".to_owned(),
        };
        Self { domain: Domain::new(core.clone()), auth: AuthService::new(core.clone()).unwrap(), core, gm, _dir: dir }
    }

    async fn campaign(&self) -> Id {
        id(&self.core.db, "SELECT id FROM entities WHERE kind = 'campaign' AND name = 'Emberfall'").await
    }

    async fn settlement(&self) -> Id {
        id(&self.core.db, "SELECT id FROM entities WHERE kind = 'settlement' ORDER BY name LIMIT 1").await
    }

    /// Lets two requests run in one group of changes whose commit fails; returns what they were answered.
    async fn lose<A, B>(&self, first: A, repeat: B) -> (A::Output, B::Output)
    where
        A: Future<Output: Send> + Send + 'static,
        B: Future<Output: Send> + Send + 'static,
    {
        let db = &self.core.db;
        let gate = Arc::new(Notify::new());
        let holder = self.hold(Arc::clone(&gate));
        until("the writer to be held", async || db.pools()[1].1 == 0).await;
        let first = self.queue(first).await;
        let repeat = self.queue(repeat).await;
        let (reached, broken) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let breaker = self.queue(break_commit(db.clone(), Arc::clone(&reached), Arc::clone(&broken))).await;
        gate.notify_one();
        reached.notified().await;
        assert!(!first.is_finished(), "acknowledged before it is on disk");
        assert!(!repeat.is_finished(), "acknowledged on the strength of what is not on disk");
        broken.notify_one();
        breaker.await.unwrap().unwrap_err();
        holder.await.unwrap().unwrap_err();
        (first.await.unwrap(), repeat.await.unwrap())
    }

    fn hold(&self, gate: Arc<Notify>) -> JoinHandle<Result<(), DbError>> {
        let db = self.core.db.clone();
        tokio::spawn(async move {
            db.write(async |_: &mut Tx| {
                gate.notified().await;
                Ok(())
            })
            .await
        })
    }

    /// Starts something and waits until it has asked for its turn.
    async fn queue<F: Future<Output: Send> + Send + 'static>(&self, task: F) -> JoinHandle<F::Output> {
        let before = self.core.db.waiting();
        let task = tokio::spawn(task);
        until("another change to wait", async || self.core.db.waiting() > before).await;
        task
    }
}

async fn id(db: &Db, query: &'static str) -> Id {
    let row = sqlx::query(query).fetch_one(&db.reader).await.unwrap();
    Id::parse(row.get::<&str, _>(0)).unwrap()
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

fn fields(value: serde_json::Value) -> Fields {
    value.as_object().cloned().unwrap()
}

fn assert_lost<T: std::fmt::Debug>(answer: &Result<T, DomainError>) {
    assert!(matches!(answer, Err(DomainError::Database(_))), "{answer:?}");
}

#[tokio::test]
async fn repeated_edit_is_not_acknowledged_when_its_group_is_lost() {
    let fixture = Fixture::new().await;
    let settlement = fixture.settlement().await;
    let edit = |key: &'static str| {
        let (domain, gm, settlement) = (fixture.domain.clone(), fixture.gm.clone(), settlement.clone());
        let input = fields(json!({"level": 9}));
        async move { domain.update(&gm, Kind::Settlement, &settlement, &input, Expectation::default(), Some(key)).await }
    };
    let (first, repeat) = fixture.lose(edit("k"), edit("k")).await;
    assert_lost(&first);
    assert_lost(&repeat);
    let stored = fixture.domain.entity(&fixture.gm, Kind::Settlement, &settlement).await.unwrap().unwrap();
    assert_eq!(stored.version, 1);
    let again = edit("k").await.unwrap();
    assert_eq!((again.version, again.json("level")), (2, json!(9)), "the key is free again");
    assert_eq!(edit("k").await.unwrap().version, 2, "and now it is taken");
}

#[tokio::test]
async fn repeated_creation_is_not_acknowledged_when_its_group_is_lost() {
    let fixture = Fixture::new().await;
    let create = || {
        let (domain, gm) = (fixture.domain.clone(), fixture.gm.clone());
        async move { domain.create(&gm, Kind::Campaign, &fields(json!({"name": "New"})), Some("k")).await }
    };
    let (first, repeat) = fixture.lose(create(), create()).await;
    assert_lost(&first);
    assert_lost(&repeat);
    create().await.unwrap();
}

#[tokio::test]
async fn repeated_deletion_is_neither_acknowledged_nor_refused_when_its_group_is_lost() {
    let fixture = Fixture::new().await;
    let settlement = fixture.settlement().await;
    let delete = |key: &'static str| {
        let (domain, gm, settlement) = (fixture.domain.clone(), fixture.gm.clone(), settlement.clone());
        async move { domain.delete(&gm, Kind::Settlement, &settlement, None, Some(key)).await }
    };
    let (first, repeat) = fixture.lose(delete("k"), delete("k")).await;
    assert_lost(&first);
    assert_lost(&repeat);
    // With another key it would be “there is no such settlement”, which is not true either.
    let (first, other) = fixture.lose(delete("k"), delete("other")).await;
    assert_lost(&first);
    assert_lost(&other);
    delete("k").await.unwrap();
}

#[tokio::test]
async fn repeated_clock_move_is_not_acknowledged_when_its_group_is_lost() {
    let fixture = Fixture::new().await;
    let campaign = fixture.campaign().await;
    let advance = || {
        let (domain, gm, campaign) = (fixture.domain.clone(), fixture.gm.clone(), campaign.clone());
        async move { domain.advance_world_time(&gm, &campaign, 60, Some("k")).await }
    };
    let (first, repeat) = fixture.lose(advance(), advance()).await;
    assert_lost(&first);
    assert_lost(&repeat);
    advance().await.unwrap();
}

#[tokio::test]
async fn role_that_is_not_on_disk_is_not_acknowledged() {
    let fixture = Fixture::new().await;
    let campaign = fixture.campaign().await;
    let viewer = id(&fixture.core.db, "SELECT id FROM users WHERE username = 'viewer'").await;
    let promote = || {
        let (domain, gm) = (fixture.domain.clone(), fixture.gm.clone());
        let (campaign, viewer) = (campaign.clone(), viewer.clone());
        async move { domain.set_member_role(&gm, &campaign, &viewer, Role::Editor).await }
    };
    let (first, repeat) = fixture.lose(promote(), promote()).await;
    assert_lost(&first);
    assert_lost(&repeat);
}

#[tokio::test]
async fn refreshed_pair_that_is_not_on_disk_is_not_given_out() {
    let fixture = Fixture::new().await;
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let pair = fixture.auth.login(address, "gm", "emberfall".to_owned()).await.unwrap();
    let refresh = || {
        let (auth, token) = (fixture.auth.clone(), pair.refresh_token.clone());
        async move { auth.refresh(&token).await }
    };
    let (first, repeat) = fixture.lose(refresh(), refresh()).await;
    assert!(first.is_err() && repeat.is_err(), "nobody may hold a pair that is not stored");
    refresh().await.unwrap();
}
