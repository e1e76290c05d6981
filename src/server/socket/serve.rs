//! The accept loop: one port for HTTP and sockets, from the first connection to a clean end.

use std::future::IntoFuture;
use std::io;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Gateway;
use super::tcp::{Doorway, Peer};
use crate::server::core::Core;

/// Serves `app` with the gateway before it until `shutdown`, then drains within the configured time.
///
/// Handlers find the caller's address in `ConnectInfo<Peer>`.
///
/// # Errors
/// The listener's, when it cannot go on.
pub async fn serve(core: Core, app: Router, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
    let (layer, gateway) = Gateway::new(core.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(gateway.clone().run(stop.clone()));
    let app = app.layer(layer).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(Doorway::new(listener), app).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let mut serving = std::pin::pin!(server.into_future());
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = shutdown.cancelled() => {
            core.draining.cancel();
            let patience = core.config.shutdown_timeout;
            // Open requests are finished meanwhile; half of the time is theirs alone.
            let (ended, ()) = tokio::join!(timeout(patience, serving), gateway.drain(patience / 2));
            ended.unwrap_or_else(|_| {
                tracing::warn!("some requests were still open when the time to shut down had passed");
                Ok(())
            })
        }
    };
    stop.cancel();
    running.await.map_err(io::Error::other)?;
    ended
}
