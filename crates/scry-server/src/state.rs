//! The state that HTTP, GraphQL and the gateway share.

use std::ops::Deref;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use scry_catalogue::Catalogues;
use tokio_util::sync::CancellationToken;

use super::auth::{Tokens, key, revoked};
use super::clock;
use super::cluster::{Cluster, MessageKey};
use super::db::{Db, DbError, Tx};
use super::domain::rule_cache::RuleCache;
use super::error::ServerError;
use super::event_bus::EventBus;
use super::journal::{self, Journal};
use super::limits::LimitMetrics;
use super::metrics::Metrics;
use super::quotas::Quotas;
use super::relay::RelayStats;
use crate::config::ServerConfig;

/// The state that every part of the server works with; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<AppStateInner>);

/// What every part of the server works with.
pub struct AppStateInner {
    /// The settings.
    pub config: Arc<ServerConfig>,
    /// The connections to the database.
    pub db: Db,
    /// Every durable event.
    pub journal: Journal,
    /// Signs and checks access tokens.
    pub tokens: Tokens,
    /// Announces what has been committed.
    pub bus: EventBus,
    /// The rules of each campaign, ready to run.
    pub rules: RuleCache,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// Who listens where; the gateway sets it when it is built.
    pub relay: Arc<OnceLock<RelayStats>>,
    /// Counts the limits that were reached.
    pub limit_metrics: LimitMetrics,
    /// Counts what each user does on this node.
    pub quotas: Quotas,
    /// Names this process among its peers.
    pub node: Arc<str>,
    /// Counts open sockets; the gateway keeps it, `/health/websocket` shows it.
    pub connected: Arc<AtomicUsize>,
    /// Cancelled when the server begins to drain.
    pub draining: CancellationToken,
}

impl AppState {
    /// Opens the database and the signing key of a configuration.
    ///
    /// # Errors
    /// [`ServerError`] naming the setting that does not work.
    pub async fn open(config: ServerConfig) -> Result<Self, ServerError> {
        key::prepare_data_dir(&config.data_dir)?;
        let signing_key = key::signing_key(&config)?;
        let tokens = Tokens::new(&signing_key, config.auth.access_ttl);
        let db = Db::open(&config).await?;
        open_catalogues(&db, &config.catalogues).await?;
        let ended = revoked::ended_since(&db, clock::now(), config.auth.access_ttl).await?;
        let node: Arc<str> = uuid::Uuid::now_v7().to_string().into();
        let metrics = Metrics::new(config.redis.is_some());
        let cluster = cluster(&config, &node, &signing_key, &metrics)?;
        let bus = EventBus::new(config.auth.access_ttl, cluster);
        ended.into_iter().for_each(|session| bus.session_ended_elsewhere(session));
        metrics.register_custom(&config.catalogues);
        Ok(Self(Arc::new(AppStateInner {
            limit_metrics: metrics.limit_metrics(),
            quotas: Quotas::new(&config.quota),
            journal: Journal::new(db.clone()),
            tokens,
            db,
            bus,
            rules: RuleCache::default(),
            metrics,
            relay: Arc::default(),
            node,
            connected: Arc::default(),
            draining: CancellationToken::new(),
            config: Arc::new(config),
        })))
    }
}

/// Builds the handle to the other nodes, where there may be some.
fn cluster(
    config: &ServerConfig,
    node: &Arc<str>,
    signing_key: &[u8],
    metrics: &Metrics,
) -> Result<Option<Cluster>, ServerError> {
    let Some(url) = &config.redis else { return Ok(None) };
    let unusable = || ServerError::Config("jwt_secret: cannot be used to sign messages between nodes".to_owned());
    let key = MessageKey::derive(signing_key).ok_or_else(unusable)?;
    let cluster = Cluster::new(node.clone(), url, &config.redis_prefix, key, metrics.refused_messages());
    cluster.map(Some).map_err(|error| ServerError::Config(format!("--redis: {error}")))
}

/// Makes sure that every catalogue has its journal.
async fn open_catalogues(db: &Db, catalogues: &Catalogues) -> Result<(), DbError> {
    if catalogues.iter().next().is_none() {
        return Ok(());
    }
    db.write(async |tx: &mut Tx| {
        for catalogue in catalogues.iter() {
            journal::open(tx, &catalogue.journal).await?;
        }
        Ok(())
    })
    .await
}

impl Deref for AppState {
    type Target = AppStateInner;

    fn deref(&self) -> &AppStateInner {
        &self.0
    }
}
