//! The client's configuration file, and what environment and flags make of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scry_protocol::Room;
use scry_text::suggest::nearest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::alerts::AlertConfig;
use super::paths::Dirs;
use super::{ConfigError, EnvLookup, duration, file};

/// The content of `config.toml`; `Default` gives the values without a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientConfig {
    /// The profile used when nothing else names one.
    pub profile: String,
    /// The table `[connection]`: time limits and retries.
    pub connection: ConnectionConfig,
    /// The table `[ui]`: how the dashboard looks and behaves.
    pub ui: UiConfig,
    /// The table `[alerts]`: calls for attention outside the screen.
    pub alerts: AlertConfig,
    /// Keys that differ from the usual ones: for each place and command the keys that lead to it.
    pub keys: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// The table `[log]`: the program's own log file.
    pub log: LogConfig,
    /// The tables `[profiles.NAME]`: one server each.
    pub profiles: BTreeMap<String, Profile>,
}

/// A server, as a profile describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `http`, `https`, `ws` or `wss`.
    pub url: String,
    /// PEM file with the only authorities trusted for this server; the system's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Rooms that a catalogue of this server declares, which the dashboard listens to beside its campaign.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<Room>,
}

/// Bounds how long the connection waits for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionConfig {
    /// The time limit of one attempt to connect.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// The time limit of one request to the gateway.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// The time from one measurement of the round trip to the next.
    #[serde(with = "duration")]
    pub latency_interval: Duration,
    /// The time limit of one such measurement.
    #[serde(with = "duration")]
    pub latency_timeout: Duration,
    /// Shortens each delay by up to a fifth, so that many clients do not return at the same moment.
    pub jitter: bool,
    /// Which Socket.IO client makes the connection.
    pub link: LinkKind,
    /// The table `[connection.circuit]`: what happens once attempts have stopped.
    pub circuit: CircuitConfig,
}

/// A Socket.IO client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// The program's own.
    #[default]
    Wire,
    /// The library of that name.
    RustSocketio,
}

/// The behaviour after ten failed attempts to connect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitConfig {
    /// The time between attempts; `off` waits for a user.
    #[serde(with = "duration::or_off")]
    pub probe_interval: Option<Duration>,
}

/// The appearance and behaviour of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UiConfig {
    /// A bundled theme, one of the person's own, or `auto`: dark or light, as the terminal is.
    pub theme: String,
    /// When colours are used.
    pub color: ColorMode,
    /// Uses plain ASCII in place of symbols.
    pub ascii: bool,
    /// How long a changed value stays marked.
    #[serde(with = "duration")]
    pub mark_fade: Duration,
    /// How many events the journal pane keeps.
    pub journal_limit: usize,
    /// Whether marks fade, and a sign turns while the connection is being made.
    pub motion: bool,
    /// Whether the mouse selects and scrolls from the start.
    pub mouse: bool,
    /// Whether the dashboard opens where it was left.
    pub restore: bool,
    /// Whether everything is told in sentences, as with `--plain`.
    pub plain: bool,
}

/// The use of colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorMode {
    /// In a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The log, which goes to a file and never to the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// A level, or a filter such as `info,scry_client=debug`.
    pub level: String,
    /// How many daily files are kept.
    pub max_files: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        let local = Profile { url: "http://127.0.0.1:4600".to_owned(), ca_file: None, rooms: Vec::new() };
        Self {
            profile: "local".to_owned(),
            connection: ConnectionConfig::default(),
            ui: UiConfig::default(),
            alerts: AlertConfig::default(),
            keys: BTreeMap::new(),
            log: LogConfig::default(),
            profiles: BTreeMap::from([("local".to_owned(), local)]),
        }
    }
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            latency_interval: Duration::from_secs(5),
            latency_timeout: Duration::from_secs(5),
            jitter: true,
            link: LinkKind::default(),
            circuit: CircuitConfig::default(),
        }
    }
}

impl Default for UiConfig {
    fn default() -> Self {
        Self {
            theme: "auto".to_owned(),
            color: ColorMode::Auto,
            ascii: false,
            mark_fade: Duration::from_secs(8),
            journal_limit: 5_000,
            motion: true,
            mouse: false,
            restore: true,
            plain: false,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), max_files: 7 }
    }
}

/// The settings of the command line; `None` leaves the choice to environment, file and defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The path of the configuration file.
    pub config_file: Option<PathBuf>,
    /// The name of the profile.
    pub profile: Option<String>,
    /// The address of the server, in place of the profile's.
    pub url: Option<String>,
    /// The filter of the log, for example `debug`.
    pub log_level: Option<String>,
    /// Whether colours are off, whatever the configuration says.
    pub no_color: bool,
}

/// The configuration with every layer applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The configuration file with the environment and the command line applied.
    pub config: ClientConfig,
    /// The server of the chosen profile.
    pub server: ServerAddress,
    /// The directories for configuration and data.
    pub dirs: Dirs,
    /// The file that was looked for, and whether it was there.
    pub file: PathBuf,
    /// Whether `file` existed.
    pub file_found: bool,
    /// What the command line said, for reading everything again.
    pub flags: Overrides,
}

/// The address of the server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// The profile's name; it separates logins and cached campaigns.
    pub profile: String,
    /// Always `http` or `https`, with a path that ends in `/`.
    pub url: Url,
    /// A PEM file with the only authorities that are trusted; the system's when `None`.
    pub ca_file: Option<PathBuf>,
    /// Rooms that the dashboard listens to beside its campaign.
    pub rooms: Vec<Room>,
}

impl Settings {
    /// Combines defaults, file, environment and flags.
    ///
    /// # Errors
    /// [`ConfigError`], one sentence that names the place and the remedy.
    pub fn load(env: EnvLookup, flags: &Overrides) -> Result<Self, ConfigError> {
        let dirs = Dirs::from_env(env)?;
        let file = flags.config_file.clone().unwrap_or_else(|| dirs.config_file());
        let found = file::read::<ClientConfig>(&file)?;
        if found.is_none() && flags.config_file.is_some() {
            let problem = format!("there is no file {}", file.display());
            return Err(ConfigError::Setting { setting: "--config".to_owned(), problem });
        }
        let file_found = found.is_some();
        let mut config = found.unwrap_or_default();
        if let Some(level) = flags.log_level.clone().or_else(|| env("SCRY_LOG")) {
            config.log.level = level;
        }
        if flags.no_color || env("NO_COLOR").is_some() {
            config.ui.color = ColorMode::Never;
        }
        let server = choose_server(&config, env, flags, file.parent())?;
        Ok(Self { config, server, dirs, file, file_found, flags: flags.clone() })
    }
}

impl ServerAddress {
    /// Checks an address.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] that names `setting`.
    pub fn new(profile: &str, url: &str, setting: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: String| ConfigError::Setting { setting: setting.to_owned(), problem };
        let example = "write for example http://127.0.0.1:4600";
        let safe = scry_text::line(url);
        let mut parsed =
            Url::parse(url).map_err(|error| refuse(format!("“{safe}” is not an address ({error}); {example}")))?;
        let scheme = match parsed.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            other => return Err(refuse(format!("cannot use “{other}:”; use http, https, ws or wss"))),
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(refuse("an address must not hold a name or password; use scry login".to_owned()));
        }
        // ws → http and wss → https stay within the special schemes, which the url crate allows.
        if parsed.set_scheme(scheme).is_err() || parsed.host_str().is_none() {
            return Err(refuse(format!("“{safe}” names no host; {example}")));
        }
        parsed.set_query(None);
        parsed.set_fragment(None);
        if !parsed.path().ends_with('/') {
            parsed.set_path(&format!("{}/", parsed.path()));
        }
        Ok(Self { profile: profile.to_owned(), url: parsed, ca_file: None, rooms: Vec::new() })
    }

    /// Returns a file name that no other profile or address shares.
    #[must_use]
    pub fn file_name(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.profile, self.url));
        let tag: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let name: String = self.profile.chars().filter(|c| c.is_ascii_alphanumeric()).take(24).collect();
        format!("{name}-{tag}")
    }
}

fn choose_server(
    config: &ClientConfig,
    env: EnvLookup,
    flags: &Overrides,
    base: Option<&Path>,
) -> Result<ServerAddress, ConfigError> {
    let name = flags.profile.clone().or_else(|| env("SCRY_PROFILE")).unwrap_or_else(|| config.profile.clone());
    let profile = config.profiles.get(&name).ok_or_else(|| unknown_profile(&name, config))?;
    let (url, setting) = match (&flags.url, env("SCRY_URL")) {
        (Some(url), _) => (url.clone(), "--url".to_owned()),
        (None, Some(url)) => (url, "SCRY_URL".to_owned()),
        (None, None) => (profile.url.clone(), format!("profiles.{name}.url")),
    };
    let mut server = ServerAddress::new(&name, &url, &setting)?;
    // A relative path is meant relative to the file it is written in.
    server.ca_file = profile.ca_file.as_ref().map(|path| base.map_or_else(|| path.clone(), |dir| dir.join(path)));
    if let Some(room) = profile.rooms.iter().find(|room| !matches!(room, Room::Custom(..))) {
        let problem = format!("{room} is not a room of a catalogue; campaigns need no room here");
        return Err(ConfigError::Setting { setting: format!("profiles.{name}.rooms"), problem });
    }
    server.rooms.clone_from(&profile.rooms);
    Ok(server)
}

fn unknown_profile(name: &str, config: &ClientConfig) -> ConfigError {
    let known: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
    let remedy = nearest(name, known.iter().copied()).map_or_else(
        || format!("add [profiles.{name}] with its url, or use one of: {}", known.join(", ")),
        |near| format!("did you mean “{near}”?"),
    );
    ConfigError::UnknownProfile { name: name.to_owned(), remedy }
}

#[cfg(test)]
mod tests;
