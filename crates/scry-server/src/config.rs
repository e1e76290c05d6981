//! The server's settings.

mod auth;
mod catalogues;
mod http;
mod journal;
mod load;
mod presence;
mod quota;
mod secret;
mod setting;
mod socket;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use scry_catalogue::Catalogues;

pub use auth::{Argon2Config, AuthConfig};
pub use http::HttpConfig;
pub use journal::JournalConfig;
pub use load::{Flags, load};
pub use presence::PresenceConfig;
pub use quota::QuotaConfig;
pub use secret::ConfigSecret;
pub use setting::{SETTINGS, Setting};
pub use socket::SocketConfig;

/// Every setting of the server, complete and checked.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where the database and the signing key live.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; by default the file `scry.db` in `data_dir`.
    pub database: Option<String>,
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Serves a page to try queries on at `GET /graphql`; by default on loopback only.
    pub graphiql: Option<bool>,
    /// Bounds how long a shutdown may take.
    pub shutdown_timeout: Duration,
    /// Bounds an HTTP request's body, in bytes.
    pub max_body_bytes: usize,
    /// Bounds how many entities a campaign may come to have through the API.
    pub max_campaign_entities: u32,
    /// Logins and tokens.
    pub auth: AuthConfig,
    /// HTTP and GraphQL.
    pub http: HttpConfig,
    /// The gateway.
    pub socket: SocketConfig,
    /// How long events are kept.
    pub journal: JournalConfig,
    /// Presence and typing.
    pub presence: PresenceConfig,
    /// What one user may have and do.
    pub quota: QuotaConfig,
    /// The events of other applications that are served too.
    pub catalogues: Catalogues,
    /// `redis://…`; joins this node to the others that share its database.
    pub redis: Option<ConfigSecret>,
    /// Stands before every name in Redis; installations that share one Redis need different ones.
    pub redis_prefix: String,
}

/// Chooses how log lines are written to stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl ServerConfig {
    /// Builds the default settings around a data directory.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4600),
            log_format: LogFormat::default(),
            graphiql: None,
            shutdown_timeout: Duration::from_secs(10),
            max_body_bytes: 1024 * 1024,
            max_campaign_entities: 2_000,
            auth: AuthConfig::default(),
            http: HttpConfig::default(),
            socket: SocketConfig::default(),
            journal: JournalConfig::default(),
            presence: PresenceConfig::default(),
            quota: QuotaConfig::default(),
            catalogues: Catalogues::default(),
            redis: None,
            redis_prefix: String::new(),
        }
    }

    /// Returns whether the page to try queries on is served on `listen`.
    #[must_use]
    pub fn serves_graphiql(&self) -> bool {
        self.graphiql.unwrap_or_else(|| self.listen.ip().is_loopback())
    }
}
