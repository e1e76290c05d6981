//! Bringing the schema up to date.

use sqlx::AnyPool;
use sqlx::migrate::{MigrateError, Migrator};

static MIGRATIONS: Migrator = sqlx::migrate!("src/db/migrations");

/// Runs the migrations that the database has not seen.
pub(super) async fn run(writer: &AnyPool) -> Result<(), MigrateError> {
    MIGRATIONS.run(writer).await
}
