//! A gateway in this process, over a journal that the test writes itself.
//!
//! It is the real gateway, relay, journal and TCP; what is missing is only the API that would make
//! the changes, so that a test says exactly which events happen, and when.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use scry_protocol::event::{EntityUpdated, SettlementUpdated, StateInvalidated, StructureUpdated, WorldTimeChanged};
use scry_protocol::messages::NotificationNew;
use scry_protocol::{EntityType, EphemeralEvent, Event, Id, InvalidationScope, Operation, Payload, Source};
use scry_server::AppState;
use scry_server::clock::now;
use scry_server::config::ServerConfig;
use scry_server::db::{DbError, Tx};
use scry_server::journal::{EventDraft, append};
use scry_server::socket::serve;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::wait::until;

/// The campaign of these tests; its settlements are `s1`, `s2`, its structures `t1` (in `s1`), `t2` (in `s2`).
pub const CAMPAIGN: &str = "c1";
/// Another campaign, without anything in it.
pub const OTHER_CAMPAIGN: &str = "c2";

/// Runs a gateway on a free port until it is dropped or shut down.
pub struct TestGateway {
    /// The server's state.
    pub core: AppState,
    /// Its address.
    pub url: String,
    shutdown: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    dir: Arc<TempDir>,
}

impl TestGateway {
    /// Starts one with the default settings.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts one with changed settings.
    pub async fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let core = core(dir.path(), change).await;
        people(&core).await;
        Self::run(core, dir).await
    }

    /// Starts another node over the same database.
    pub async fn beside(&self, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let database = self.core.config.database.clone();
        let same = |config: &mut ServerConfig| {
            config.database = database;
            change(config);
        };
        Self::run(core(self.dir.path(), same).await, self.dir.clone()).await
    }

    async fn run(core: AppState, dir: Arc<TempDir>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(core.clone(), Router::new(), listener, shutdown.clone()));
        Self { core, url, shutdown, serving, dir }
    }

    /// Issues an access token; sessions are named after their user.
    pub fn token(&self, user: &str) -> String {
        self.core.tokens.issue(&id(user), user, &id(&format!("session-of-{user}")), now()).unwrap().0
    }

    /// Issues an access token that is good for a while.
    pub fn token_for(&self, user: &str, ttl: Duration) -> String {
        let tokens = self.core.tokens.with_ttl(ttl);
        tokens.issue(&id(user), user, &id(&format!("session-of-{user}")), now()).unwrap().0
    }

    /// Commits one event and wakes the relay.
    pub async fn record(&self, payload: Payload) -> Event {
        self.record_all(vec![payload]).await.remove(0)
    }

    /// Writes a message to a user, as the API does.
    pub async fn tell(&self, user: &str, message: &EphemeralEvent) {
        let put = async |tx: &mut Tx| scry_server::inbox::enqueue(tx, &id(user), &id("gm"), message, now()).await;
        self.core.db.write(put).await.unwrap();
        self.core.bus.message_stored(&id(user));
    }

    /// Commits several events in one transaction and wakes the relay.
    pub async fn record_all(&self, payloads: Vec<Payload>) -> Vec<Event> {
        let record = async |tx: &mut Tx| {
            let mut events = Vec::new();
            for payload in payloads {
                events.push(append(tx, draft(payload, None)).await?);
            }
            Ok::<_, DbError>(events)
        };
        let events = self.core.db.write(record).await.unwrap();
        self.core.bus.committed(&id(CAMPAIGN));
        events
    }

    /// Ends a membership as the API does: the row and its event go in one transaction.
    pub async fn remove_member(&self, user: &str) -> Event {
        let remove = async |tx: &mut Tx| {
            sqlx::query("DELETE FROM memberships WHERE user_id = $1 AND campaign_id = $2")
                .bind(user)
                .bind(CAMPAIGN)
                .execute(&mut **tx)
                .await?;
            append(tx, draft(entity(EntityType::Member, user, Operation::Delete), Some(id(user)))).await
        };
        let event = self.core.db.write(remove).await.unwrap();
        self.core.bus.committed(&id(CAMPAIGN));
        event
    }

    /// Gives a member another role.
    pub async fn set_role(&self, user: &str, role: &str) {
        sqlx::query("UPDATE memberships SET role = $3 WHERE user_id = $1 AND campaign_id = $2")
            .bind(user)
            .bind(CAMPAIGN)
            .bind(role)
            .execute(&self.core.db.writer)
            .await
            .unwrap();
    }

    /// Makes a user a member again.
    pub async fn admit(&self, user: &str) {
        sqlx::query("INSERT INTO memberships VALUES ($1, $2, $3, 'VIEWER', 1, '', '')")
            .bind(format!("{user}-again"))
            .bind(CAMPAIGN)
            .bind(user)
            .execute(&self.core.db.writer)
            .await
            .unwrap();
    }

    /// Ends a session in the database and announces it, as a logout does.
    pub async fn log_out(&self, user: &str) {
        let sid = id(&format!("session-of-{user}"));
        sqlx::query("UPDATE sessions SET revoked_ms = $2 WHERE id = $1")
            .bind(sid.as_str())
            .bind(now().as_millisecond())
            .execute(&self.core.db.writer)
            .await
            .unwrap();
        self.core.bus.session_ended(scry_server::event_bus::SessionEnded { user_id: id(user), sid });
    }

    /// Shuts the server down and waits until it has ended.
    pub async fn shut_down(&mut self) {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), &mut self.serving).await;
        ended.expect("the server should end in time").unwrap().unwrap();
    }

    /// Waits until as many sockets are connected.
    pub async fn connected(&self, count: usize) {
        let connected = async || self.core.connected.load(std::sync::atomic::Ordering::Relaxed) == count;
        until(&format!("{count} connections"), connected).await;
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn core(dir: &Path, change: impl FnOnce(&mut ServerConfig)) -> AppState {
    let mut config = ServerConfig::new(dir);
    super::database::choose(&mut config).await;
    change(&mut config);
    AppState::open(config).await.unwrap()
}

/// Writes the users `gm`, `viewer` and `outsider`, of whom the last is not in the campaign, and what there is to see.
async fn people(core: &AppState) {
    let time = "2026-01-01T00:00:00.000Z";
    let mut sql = String::new();
    for user in ["gm", "viewer", "outsider"] {
        sql.push_str(&format!("INSERT INTO users (id, username, password_hash, is_service, created_at) VALUES ('{user}', '{user}', '', 0, '{time}');"));
        sql.push_str(&format!(
            "INSERT INTO sessions (id, user_id, created_ms) VALUES ('session-of-{user}', '{user}', 0);"
        ));
    }
    for campaign in [CAMPAIGN, OTHER_CAMPAIGN] {
        sql.push_str(&format!("INSERT INTO campaigns (id, epoch) VALUES ('{campaign}', 'first');"));
        sql.push_str(&row(campaign, campaign, "campaign", "NULL"));
    }
    for (user, campaign, role) in
        [("gm", CAMPAIGN, "OWNER"), ("viewer", CAMPAIGN, "VIEWER"), ("gm", OTHER_CAMPAIGN, "OWNER")]
    {
        sql.push_str(&format!(
            "INSERT INTO memberships VALUES ('{user}-{campaign}', '{campaign}', '{user}', '{role}', 1, '{time}', '{time}');"
        ));
    }
    for (entity, kind, parent) in
        [("s1", "settlement", "c1"), ("s2", "settlement", "c1"), ("t1", "structure", "s1"), ("t2", "structure", "s2")]
    {
        sql.push_str(&row(CAMPAIGN, entity, kind, &format!("'{parent}'")));
    }
    for statement in sql.split_inclusive(';') {
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&core.db.writer).await.unwrap();
    }
}

fn row(campaign: &str, entity: &str, kind: &str, parent: &str) -> String {
    format!(
        "INSERT INTO entities (id, campaign_id, kind, parent_id, name, version, created_at, updated_at, fields) \
         VALUES ('{entity}', '{campaign}', '{kind}', {parent}, '{entity}', 1, '', '', '{{}}');"
    )
}

fn draft(payload: Payload, revoked_user: Option<Id>) -> EventDraft {
    EventDraft {
        payload,
        user_id: Some(id("gm")),
        source: Source::Api,
        correlation_id: "test".to_owned(),
        caused_by: None,
        version: Some(2),
        changes: Vec::new(),
        revoked_user,
        effect: None,
        now: now(),
    }
}

/// Reads an id.
pub fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// Builds a notification.
pub fn notification(name: &str) -> EphemeralEvent {
    EphemeralEvent::NotificationNew(NotificationNew {
        id: id(name),
        title: "Harvest".to_owned(),
        body: "The mill is idle.".to_owned(),
        level: "warning".to_owned(),
        created_at: "2026-01-01T00:00:00.000Z".to_owned(),
        kind: Some("message".to_owned()),
        entity_type: None,
        entity_id: None,
    })
}

/// Builds an `entity_updated`.
pub fn entity(entity_type: EntityType, entity: &str, operation: Operation) -> Payload {
    Payload::EntityUpdated(EntityUpdated {
        entity_type,
        entity_id: id(entity),
        campaign_id: id(CAMPAIGN),
        operation,
        changed_fields: vec!["name".to_owned()],
    })
}

/// Builds an update of a kingdom, which goes to the campaign's room only.
pub fn kingdom() -> Payload {
    entity(EntityType::Kingdom, "k1", Operation::Update)
}

/// Builds a `settlement_updated`.
pub fn settlement(settlement: &str) -> Payload {
    Payload::SettlementUpdated(SettlementUpdated {
        settlement_id: id(settlement),
        operation: Operation::Update,
        campaign_id: id(CAMPAIGN),
        changed_fields: vec!["variables.population".to_owned()],
    })
}

/// Builds a `structure_updated`.
pub fn structure(structure: &str, settlement: &str) -> Payload {
    Payload::StructureUpdated(StructureUpdated {
        structure_id: id(structure),
        settlement_id: id(settlement),
        operation: Operation::Update,
        campaign_id: id(CAMPAIGN),
        changed_fields: vec!["level".to_owned()],
    })
}

/// Builds a `state_invalidated` of the whole campaign.
pub fn invalidation() -> Payload {
    Payload::StateInvalidated(StateInvalidated {
        scope: InvalidationScope::Campaign,
        campaign_id: id(CAMPAIGN),
        entity_type: None,
        entity_id: None,
        affected_fields: vec!["defense".to_owned()],
    })
}

/// Builds a `world_time_changed`.
pub fn clock_moved() -> Payload {
    Payload::WorldTimeChanged(WorldTimeChanged {
        campaign_id: id(CAMPAIGN),
        previous_time: "1207-09-14T18:20:00.000Z".to_owned(),
        new_time: "1207-09-14T19:20:00.000Z".to_owned(),
        elapsed_seconds: 3600,
    })
}
