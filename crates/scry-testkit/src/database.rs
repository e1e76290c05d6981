//! The database of a test: a file, or a fresh one on the Postgres that `tests/postgres.sh` runs.

use scry_server::config::{ConfigSecret, ServerConfig};
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use url::Url;

/// The Postgres that the tests may use.
const POSTGRES_VARIABLE: &str = "SCRY_TEST_POSTGRES";

/// Points a configuration at a database of its own, if the tests run on Postgres.
pub async fn choose(config: &mut ServerConfig) {
    let Ok(url) = std::env::var(POSTGRES_VARIABLE) else { return };
    config.database = Some(create(&url).await);
    config.auth.jwt_secret = Some(ConfigSecret::new("a secret that every node of this test knows"));
}

async fn create(url: &str) -> String {
    install_default_drivers();
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    let pool = AnyPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    let create = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
    pool.close().await;
    let mut own = Url::parse(url).unwrap();
    own.set_path(&name);
    own.into()
}

/// Cuts every connection to a configuration's database, as a restart of the database server does.
///
/// Nothing can cut a connection to a file.
pub async fn cut_connections(config: &ServerConfig) {
    let Some(url) = &config.database else { return };
    install_default_drivers();
    let pool = AnyPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    let cut = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::query(cut).execute(&pool).await.unwrap();
    pool.close().await;
}
