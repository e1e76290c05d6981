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
    let closing = CancellationToken::new();
    let server = axum::serve(Doorway::new(listener), app).with_graceful_shutdown(closing.clone().cancelled_owned());
    let mut serving = std::pin::pin!(server.into_future());
    let third = core.config.shutdown_timeout / 3;
    let drained = async {
        shutdown.cancelled().await;
        core.draining.cancel();
        // Who polls needs the listener to be told; who comes anew is refused with the reason.
        gateway.drain(third).await;
    };
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = drained => {
            closing.cancel();
            let ((), ended) = tokio::join!(gateway.close(third), timeout(third, serving));
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
