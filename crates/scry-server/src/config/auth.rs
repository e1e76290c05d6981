//! Settings of logins and tokens.

use std::time::Duration;

use super::ConfigSecret;

/// The settings of logins and tokens.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// How long an access token is good for.
    pub access_ttl: Duration,
    /// How long a refresh token is good for.
    pub refresh_ttl: Duration,
    /// How long a repeated refresh gets the same pair again: the answer to the first may have been lost.
    pub refresh_grace: Duration,
    /// How long a login lasts at most, however often it is refreshed.
    pub session_lifetime: Duration,
    /// Bounds login attempts per minute, address and name.
    pub login_attempts_per_minute: u32,
    /// Bounds login attempts per minute and address, whatever the name.
    pub login_attempts_per_address: u32,
    /// Bounds login attempts per minute and name, whatever the address; more of them are slowed down.
    pub login_attempts_per_name: u32,
    /// Signs access tokens; by default a key generated into the data directory.
    pub jwt_secret: Option<ConfigSecret>,
    /// Opens `/socket-stats`; closed to everybody by default.
    pub admin_token: Option<ConfigSecret>,
    /// What a password hash costs.
    pub argon2: Argon2Config,
}

/// What a password hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Config {
    /// The memory of one hash, in KiB.
    pub memory_kib: u32,
    /// How many times the memory is gone over.
    pub iterations: u32,
    /// How many lanes the memory has.
    pub parallelism: u32,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_secs(15 * 60),
            refresh_ttl: Duration::from_secs(30 * 24 * 3600),
            refresh_grace: Duration::from_secs(10),
            session_lifetime: Duration::from_secs(90 * 24 * 3600),
            login_attempts_per_minute: 10,
            login_attempts_per_address: 100,
            login_attempts_per_name: 30,
            jwt_secret: None,
            admin_token: None,
            argon2: Argon2Config::default(),
        }
    }
}

impl Default for Argon2Config {
    /// Returns the parameters that OWASP recommends for Argon2id.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}
