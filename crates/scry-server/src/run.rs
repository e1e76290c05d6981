//! Running the server: from a bound listener to a clean drain.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::auth::AuthService;
use super::clock;
use super::domain::{Domain, maintenance};
use super::error::ServerError;
use super::http;
use super::inbox;
use super::limits::LimitMetrics;
use super::socket;
use super::startup_checks;
use super::state::AppState;
use crate::config::ServerConfig;

/// How long the database may take to close, once nobody is served any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A server that is ready to serve: settings checked, database open.
pub struct Server {
    state: AppState,
    auth: AuthService,
}

/// Serves until `shutdown`, then drains: sockets first, then open requests, then the database.
///
/// # Errors
/// [`ServerError`] when the configuration cannot be used or the listener fails.
pub async fn serve(
    config: ServerConfig,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), ServerError> {
    Server::open(config).await?.run(listener, shutdown).await
}

impl Server {
    /// Opens the database and everything else that may fail before the first request.
    ///
    /// # Errors
    /// [`ServerError`] naming the setting that does not work.
    pub async fn open(config: ServerConfig) -> Result<Self, ServerError> {
        let state = AppState::open(config).await?;
        let auth = AuthService::new(state.clone()).map_err(|error| ServerError::Config(error.to_string()))?;
        Ok(Self { state, auth })
    }

    /// Returns the counts of limits that were reached.
    #[must_use]
    pub fn limit_metrics(&self) -> LimitMetrics {
        self.state.limit_metrics.clone()
    }

    /// Serves until `shutdown`, then drains.
    ///
    /// # Errors
    /// [`ServerError`] when the listener fails.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken) -> Result<(), ServerError> {
        let Self { state, auth } = self;
        startup_checks::run(&state, &auth, listener.local_addr()?).await?;
        let app = http::router(state.clone(), auth)?;
        let stop = CancellationToken::new();
        let maintenance = tokio::spawn(maintain(state.clone(), stop.clone()));
        let served = socket::serve(state.clone(), app, listener, shutdown).await;
        stop.cancel();
        // A task or connection that does not let go must not hold up the end.
        let _ = timeout(CLOSE_TIMEOUT, async { tokio::join!(maintenance, state.db.close()) }).await;
        Ok(served?)
    }
}

/// Forgets what has become too old, at the journal's interval.
async fn maintain(state: AppState, stop: CancellationToken) {
    let mut ticks = interval(state.config.journal.trim_interval.max(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match state.journal.trim(&state.config.journal, clock::now()).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "trimmed the journal"),
            Err(error) => tracing::warn!(%error, "could not trim the journal"),
        }
        let dead = (state.config.socket.ping_interval + state.config.socket.ping_timeout) * 2;
        if let Err(error) =
            inbox::delete_expired(&state.db, clock::now(), state.config.presence.message_ttl, dead).await
        {
            tracing::warn!(%error, "could not delete expired messages");
        }
        if let Err(error) = maintenance::delete_old_requests(&state.db, clock::now()).await {
            tracing::warn!(%error, "could not delete old idempotency keys");
        }
        if let Err(error) = Domain::new(state.clone()).announce_invitations().await {
            tracing::warn!(%error, "announcing invitations failed");
        }
        if let Err(error) = maintenance::delete_expired(&state.db, &state.config, clock::now()).await {
            tracing::warn!(%error, "deleting old rows failed");
        }
    }
}
