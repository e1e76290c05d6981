//! Running the server: from a bound listener to a clean drain.

use std::future::IntoFuture;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::auth::AuthService;
use super::clock;
use super::core::Core;
use super::domain::maintenance;
use super::error::ServerError;
use super::http;
use super::socket::Gateway;
use super::socket::tcp::{Doorway, Peer};
use crate::config::server::ServerConfig;

/// How much of the shutdown the sockets may take; the rest is for open requests.
const DRAIN_SHARE: u32 = 2;

/// Serves until `shutdown`, then drains: sockets first, then open requests, then the database.
///
/// # Errors
/// [`ServerError`] when the configuration cannot be used or the listener fails.
pub async fn serve(
    config: ServerConfig,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), ServerError> {
    let patience = config.shutdown_timeout;
    let core = Core::open(config).await?;
    let auth = AuthService::new(core.clone()).map_err(|error| ServerError::Config(error.to_string()))?;
    let (layer, gateway) = Gateway::new(core.clone());
    let router = http::router(core.clone(), auth.clone()).layer(layer);

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(gateway.clone().run(stop.clone()));
    tasks.spawn(maintain(core.clone(), auth, stop.clone()));
    tasks.close();

    let closing = CancellationToken::new();
    let server = axum::serve(Doorway::new(listener), router.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(closing.clone().cancelled_owned());
    let server = tokio::spawn(server.into_future());
    shutdown.cancelled().await;

    let deadline = Instant::now() + patience;
    core.draining.cancel();
    gateway.drain(patience / DRAIN_SHARE).await;
    closing.cancel();
    match timeout_at(deadline, server).await {
        Ok(ended) => ended.map_err(std::io::Error::other)??,
        Err(_) => tracing::warn!("some requests were still open when the time for the shutdown was over"),
    }
    stop.cancel();
    if timeout_at(deadline, tasks.wait()).await.is_err() {
        tracing::warn!("some tasks were still at work when the time for the shutdown was over");
    }
    core.db.close().await;
    Ok(())
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
