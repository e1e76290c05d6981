//! What several nodes share: a database on a Postgres, and a Redis of their own.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use url::Url;

/// The Postgres to measure on; `tests/postgres.sh` sets it.
const POSTGRES_VARIABLE: &str = "SCRY_TEST_POSTGRES";
const REDIS_TIMEOUT: Duration = Duration::from_secs(20);

/// What the nodes of one server share.
#[derive(Debug, Clone, Default)]
pub struct SharedServices {
    /// Where the database is; a file of the node's own by default.
    pub database: Option<String>,
    /// The socket file of a Redis.
    pub redis: Option<String>,
}

/// Runs a Redis that keeps nothing on disk until dropped.
pub struct BenchRedis {
    dir: TempDir,
    _child: Child,
}

impl BenchRedis {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let dir = TempDir::new()?;
        let redis = Self {
            _child: Command::new("redis-server")
                .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
                .arg(dir.path().join("redis.sock"))
                .arg("--dir")
                .arg(dir.path())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .context("redis-server is not there; tests/setup.sh servers installs it")?,
            dir,
        };
        let accepts = async {
            while UnixStream::connect(redis.socket()).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(REDIS_TIMEOUT, accepts).await.context("redis-server does not accept connections")?;
        Ok(redis)
    }

    /// Returns its socket file.
    pub fn socket(&self) -> String {
        self.dir.path().join("redis.sock").display().to_string()
    }
}

/// Creates an empty database; `None` where there is no Postgres.
pub async fn database() -> Result<Option<String>> {
    let Ok(url) = std::env::var(POSTGRES_VARIABLE) else { return Ok(None) };
    install_default_drivers();
    let name = format!("load{}", uuid::Uuid::now_v7().simple());
    let pool = AnyPoolOptions::new().max_connections(1).connect(&url).await?;
    let create = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await?;
    pool.close().await;
    let mut own = Url::parse(&url)?;
    own.set_path(&name);
    Ok(Some(own.into()))
}
