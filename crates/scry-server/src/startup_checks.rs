//! Checks at startup, logged for the operator.

use std::net::SocketAddr;

use scry_world::World;
use sqlx::Row;

use super::auth::AuthService;
use super::db::DbError;
use super::error::ServerError;
use super::state::AppState;

/// Logs how to fill an empty database, and warns of known passwords on a public address.
pub(super) async fn run(state: &AppState, auth: &AuthService, listen: SocketAddr) -> Result<(), ServerError> {
    let row = sqlx::query("SELECT COUNT(*) FROM users").fetch_one(&state.db.reader).await.map_err(DbError::from)?;
    if row.try_get::<i64, _>(0).map_err(DbError::from)? == 0 {
        tracing::warn!(
            "there are no users yet; `scry-server seed` loads the bundled world, `scry-server user add` adds one"
        );
    }
    if !listen.ip().is_loopback() {
        warn_of_known_passwords(auth, listen).await;
    }
    if state.bus.cluster().is_none() {
        tracing::info!("this node is alone; several nodes need a shared database and --redis");
    }
    Ok(())
}

async fn warn_of_known_passwords(auth: &AuthService, listen: SocketAddr) {
    let mut known = Vec::new();
    for user in World::bundled().users {
        match auth.has_password(&user.name, user.password).await {
            Ok(true) => known.push(user.name),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, user = user.name, "could not check for a known password"),
        }
    }
    if !known.is_empty() {
        let users = known.join(", ");
        tracing::error!(
            %listen, %users,
            "ANYBODY CAN LOG IN: this address is reachable from other machines, and these users have the bundled \
             world's password, which is public; listen on 127.0.0.1 or use another database"
        );
    }
}
