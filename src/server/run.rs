//! Running the server: from a bound listener to a clean drain.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::auth::AuthService;
use super::clock;
use super::core::Core;
use super::domain::maintenance;
use super::error::ServerError;
use super::{http, socket};
use crate::config::server::ServerConfig;

/// Serves until `shutdown`, then drains: sockets first, then open requests, then the database.
///
/// # Errors
/// [`ServerError`] when the configuration cannot be used or the listener fails.
pub async fn serve(
    config: ServerConfig,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), ServerError> {
    let core = Core::open(config).await?;
    let auth = AuthService::new(core.clone()).map_err(|error| ServerError::Config(error.to_string()))?;
    let stop = CancellationToken::new();
    let maintenance = tokio::spawn(maintain(core.clone(), auth.clone(), stop.clone()));
    let served = socket::serve(core.clone(), http::router(core.clone(), auth), listener, shutdown).await;
    stop.cancel();
    maintenance.await.map_err(std::io::Error::other)?;
    core.db.close().await;
    Ok(served?)
}

/// Forgets what has become too old, at the journal's interval.
async fn maintain(core: Core, auth: AuthService, stop: CancellationToken) {
    let mut ticks = interval(core.config.journal.trim_interval.max(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        auth.forget_recent();
        match core.journal.trim(&core.config.journal, clock::now()).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "trimmed the journal"),
            Err(error) => tracing::warn!(%error, "could not trim the journal"),
        }
        if let Err(error) = maintenance::forget_requests(&core.db, clock::now()).await {
            tracing::warn!(%error, "could not forget old requests");
        }
    }
}
