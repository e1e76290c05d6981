//! One port for HTTP and sockets, from the first connection to a clean end.

use std::io;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Gateway;
use super::guard;
use super::handshake_limiter::HandshakeLimiter;
use super::http_server::HttpServer;
use super::tcp::TcpAcceptor;
use crate::state::AppState;

/// Serves `app` with the gateway before it until `shutdown`, then drains within the configured time.
///
/// Handlers find the caller's address in `ConnectInfo<Peer>`.
///
/// # Errors
/// The listener's, when it cannot go on.
pub async fn serve(state: AppState, app: Router, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
    let (layer, gateway) = Gateway::new(state.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(gateway.clone().run(stop.clone()));
    let handshakes = HandshakeLimiter::default();
    let app = guard::wrap(app.layer(layer), &state, &handshakes);
    let closing = CancellationToken::new();
    let acceptor = TcpAcceptor::new(listener, &state.config.socket);
    let server = HttpServer::new(state.config.clone(), state.limit_metrics.clone(), handshakes, app);
    let mut serving = std::pin::pin!(server.run(acceptor, closing.clone()));
    let third = state.config.shutdown_timeout / 3;
    let drained = async {
        shutdown.cancelled().await;
        state.draining.cancel();
        // Who polls needs the listener to be told; who comes anew is refused with the reason.
        gateway.drain(third).await;
    };
    tokio::select! {
        () = &mut serving => {}
        () = drained => {
            closing.cancel();
            let ((), ended) = tokio::join!(gateway.close(third), timeout(third, serving));
            if ended.is_err() {
                tracing::warn!("shutdown timeout reached with requests still open");
            }
        }
    }
    stop.cancel();
    running.await.map_err(io::Error::other)
}
