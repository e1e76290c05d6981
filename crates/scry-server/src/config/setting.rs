//! The table of settings: the one place behind file, environment and flags.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use scry_config::duration;

use super::{ConfigSecret, LogFormat, ServerConfig, catalogues};

/// One setting.
pub struct Setting {
    /// The key in the file; the environment calls it `SCRY_SERVER_` and the key in capitals.
    pub key: &'static str,
    /// A second name in the environment, and how its value is written there.
    pub alias: Option<Alias>,
    /// Writes a value into a configuration, or says in one clause what is wrong with it.
    pub set: fn(&mut ServerConfig, &str) -> Result<(), String>,
}

/// A variable whose value is a plain number of a unit.
pub struct Alias {
    pub variable: &'static str,
    /// What to put after the number to make it a value of the setting.
    pub unit: &'static str,
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    plain("data_dir", |config, value| assign(&mut config.data_dir, Ok(value.into()))),
    plain("database", |config, value| assign(&mut config.database, Ok(Some(value.to_owned())))),
    plain("listen", |config, value| {
        let example = "must be an address and a port, such as 127.0.0.1:4600";
        assign(&mut config.listen, value.parse().map_err(|_| example.to_owned()))
    }),
    plain("log_format", |config, value| {
        assign(
            &mut config.log_format,
            match value {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err("must be text or json".to_owned()),
            },
        )
    }),
    plain("graphiql", |config, value| assign(&mut config.graphiql, truth(value).map(Some))),
    plain("shutdown_timeout", |config, value| assign(&mut config.shutdown_timeout, span(value))),
    plain("max_body_bytes", |config, value| assign(&mut config.max_body_bytes, number(value))),
    plain("max_campaign_entities", |config, value| assign(&mut config.max_campaign_entities, number(value))),
    plain("access_token_ttl", |config, value| assign(&mut config.auth.access_ttl, span(value))),
    plain("refresh_token_ttl", |config, value| assign(&mut config.auth.refresh_ttl, span(value))),
    plain("refresh_grace", |config, value| assign(&mut config.auth.refresh_grace, span(value))),
    plain("session_lifetime", |config, value| assign(&mut config.auth.session_lifetime, span(value))),
    plain("login_attempts_per_minute", |config, value| {
        assign(&mut config.auth.login_attempts_per_minute, number(value))
    }),
    plain("login_attempts_per_address", |config, value| {
        assign(&mut config.auth.login_attempts_per_address, number(value))
    }),
    plain("login_attempts_per_name", |config, value| assign(&mut config.auth.login_attempts_per_name, number(value))),
    plain("header_timeout", |config, value| assign(&mut config.http.header_timeout, span(value))),
    plain("body_timeout", |config, value| assign(&mut config.http.body_timeout, span(value))),
    plain("max_lines_per_ip", |config, value| {
        assign(&mut config.http.max_tcp_connections_per_ip, number(value).map(Some))
    }),
    plain("trusted_proxies", |config, value| assign(&mut config.http.trusted_proxies, networks(value))),
    plain("query_depth", |config, value| assign(&mut config.http.query_depth, number(value))),
    plain("query_complexity", |config, value| assign(&mut config.http.query_complexity, number(value))),
    plain("query_timeout", |config, value| assign(&mut config.http.query_timeout, span(value))),
    plain("queries_per_user", |config, value| assign(&mut config.http.queries_per_user, number(value))),
    plain("max_answer_bytes", |config, value| assign(&mut config.http.max_answer_bytes, number(value))),
    plain("jwt_secret", |config, value| assign(&mut config.auth.jwt_secret, Ok(Some(ConfigSecret::new(value))))),
    plain("jwt_secret_file", |config, value| {
        let secret = std::fs::read_to_string(value).map_err(|error| format!("cannot read {value}: {error}"))?;
        assign(&mut config.auth.jwt_secret, Ok(Some(ConfigSecret::new(secret.trim()))))
    }),
    plain("admin_token", |config, value| {
        let problem = "must have at least 16 characters, for example from `openssl rand -hex 32`";
        let token = Some(value.trim()).filter(|token| token.len() >= 16).ok_or_else(|| problem.to_owned());
        assign(&mut config.auth.admin_token, token.map(|token| Some(ConfigSecret::new(token))))
    }),
    plain("argon2_memory_kib", |config, value| assign(&mut config.auth.argon2.memory_kib, number(value))),
    plain("argon2_iterations", |config, value| assign(&mut config.auth.argon2.iterations, number(value))),
    plain("argon2_parallelism", |config, value| assign(&mut config.auth.argon2.parallelism, number(value))),
    also("ws_ping_interval", "WS_PING_INTERVAL", "ms", |config, value| {
        assign(&mut config.socket.ping_interval, span(value))
    }),
    also("ws_ping_timeout", "WS_PING_TIMEOUT", "ms", |config, value| {
        assign(&mut config.socket.ping_timeout, span(value))
    }),
    also("ws_max_connections_per_ip", "WS_MAX_CONNECTIONS_PER_IP", "", |config, value| {
        assign(&mut config.socket.max_connections_per_ip, number(value).map(Some))
    }),
    plain("ws_connect_timeout", |config, value| assign(&mut config.socket.connect_timeout, span(value))),
    plain("ws_allowed_origins", |config, value| {
        let origins = value.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        assign(&mut config.socket.allowed_origins, Ok(origins.map(str::to_owned).collect()))
    }),
    also("ws_presence_ttl", "WS_PRESENCE_TTL", "s", |config, value| assign(&mut config.presence.ttl, span(value))),
    plain("presence_idle_after", |config, value| assign(&mut config.presence.idle_after, span(value))),
    also("ws_message_queue_ttl", "WS_MESSAGE_QUEUE_TTL", "s", |config, value| {
        assign(&mut config.presence.message_ttl, span(value))
    }),
    plain("redis", |config, value| assign(&mut config.redis, redis(value).map(Some))),
    plain("redis_prefix", |config, value| assign(&mut config.redis_prefix, redis_prefix(value))),
    plain("catalogues", |config, value| assign(&mut config.catalogues, catalogues::read(value))),
    plain("ws_max_payload", |config, value| assign(&mut config.socket.max_payload, number(value))),
    plain("ws_max_rooms", |config, value| assign(&mut config.socket.max_rooms, number(value))),
    plain("ws_buffer", |config, value| assign(&mut config.socket.buffer, number(value))),
    plain("ws_requests_per_minute", |config, value| assign(&mut config.socket.requests_per_minute, number(value))),
    plain("ws_slow_reader_timeout", |config, value| assign(&mut config.socket.slow_reader_timeout, span(value))),
    plain("ws_bytes_per_second", |config, value| assign(&mut config.socket.bytes_per_second, number(value))),
    plain("ws_frames_per_second", |config, value| assign(&mut config.socket.frames_per_second, number(value))),
    plain("ws_max_fragments", |config, value| assign(&mut config.socket.max_fragments, number(value))),
    plain("ws_offences_per_minute", |config, value| assign(&mut config.socket.violations_per_minute, number(value))),
    plain("ws_handshakes_per_minute", |config, value| {
        assign(&mut config.socket.handshakes_per_minute, number(value).map(Some))
    }),
    plain("api_requests_per_minute", |config, value| assign(&mut config.quota.api_requests_per_minute, number(value))),
    plain("auth_requests_per_minute", |config, value| {
        assign(&mut config.quota.auth_requests_per_minute, number(value))
    }),
    plain("max_campaigns_per_user", |config, value| assign(&mut config.quota.max_campaigns_per_user, number(value))),
    plain("max_bytes_per_campaign", |config, value| assign(&mut config.quota.max_bytes_per_campaign, number(value))),
    plain("max_members_per_campaign", |config, value| {
        assign(&mut config.quota.max_members_per_campaign, number(value))
    }),
    plain("max_open_invitations", |config, value| assign(&mut config.quota.max_open_invitations, number(value))),
    plain("max_invitations_received", |config, value| {
        assign(&mut config.quota.max_invitations_received, number(value))
    }),
    plain("invitations_per_minute", |config, value| assign(&mut config.quota.invitations_per_minute, number(value))),
    plain("invitation_ttl", |config, value| assign(&mut config.quota.invitation_ttl, span(value))),
    plain("notifications_per_minute", |config, value| {
        assign(&mut config.quota.notifications_per_minute, number(value))
    }),
    plain("notifications_per_pair", |config, value| assign(&mut config.quota.notifications_per_pair, number(value))),
    plain("notifications_kept", |config, value| assign(&mut config.quota.notifications_kept, number(value))),
    plain("notification_keep", |config, value| assign(&mut config.quota.notification_keep, span(value))),
    plain("session_keep", |config, value| assign(&mut config.quota.session_keep, span(value))),
    plain("deleted_campaign_keep", |config, value| assign(&mut config.quota.deleted_campaign_keep, span(value))),
    plain("journal_keep", |config, value| assign(&mut config.journal.keep, span(value))),
    plain("journal_max_events", |config, value| assign(&mut config.journal.max_events, number(value))),
    plain("journal_trim_interval", |config, value| assign(&mut config.journal.trim_interval, span(value))),
];

impl Setting {
    /// Finds a setting by its key.
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Returns the name that the environment has for this setting.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SCRY_SERVER_{}", self.key.to_uppercase())
    }
}

const fn plain(key: &'static str, set: fn(&mut ServerConfig, &str) -> Result<(), String>) -> Setting {
    Setting { key, alias: None, set }
}

const fn also(
    key: &'static str,
    variable: &'static str,
    unit: &'static str,
    set: fn(&mut ServerConfig, &str) -> Result<(), String>,
) -> Setting {
    Setting { key, alias: Some(Alias { variable, unit }), set }
}

fn assign<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

/// Bounds every duration: times that far ahead can still be counted in milliseconds and written as RFC 3339.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

fn span(value: &str) -> Result<Duration, String> {
    let span = duration::parse(value)?;
    if span.is_zero() || span > MAX_DURATION {
        return Err("must be greater than zero and at most ten years (87600h)".to_owned());
    }
    Ok(span)
}

fn number<T: FromStr + PartialEq + Default>(value: &str) -> Result<T, String> {
    let number = value.parse().ok().filter(|number| *number != T::default());
    number.ok_or_else(|| format!("“{value}” is not a whole number above 0"))
}

/// Takes a URL of Redis, whose password must never be shown.
fn redis(value: &str) -> Result<ConfigSecret, String> {
    let known = ["redis://", "rediss://", "redis+unix://"].iter().any(|scheme| value.starts_with(scheme));
    if known { Ok(ConfigSecret::new(value)) } else { Err("must be a URL such as redis://127.0.0.1:6379".to_owned()) }
}

fn redis_prefix(value: &str) -> Result<String, String> {
    let is_plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    let problem = "must be at most 64 letters, digits, -, _, . or :, such as table-two:";
    if is_plain && value.len() <= 64 { Ok(value.to_owned()) } else { Err(problem.to_owned()) }
}

fn networks(value: &str) -> Result<Vec<IpNet>, String> {
    let network = |text: &str| {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| format!("“{text}” is not an address or network, such as 10.0.0.7 or 10.0.0.0/8"))
    };
    value.split(',').map(str::trim).filter(|text| !text.is_empty()).map(network).collect()
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}
