//! Configuration: defaults < file < environment < flags, one struct per concern.
//!
//! Every mistake is one sentence that names the place, the key and the remedy.

pub mod alerts;
pub mod client;
pub mod duration;
pub mod file;
pub mod files;
pub mod paths;

use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}: {message}", path = path.display())]
    Invalid { path: PathBuf, line: usize, message: String },
    #[error("no profile is named “{name}”; {remedy}")]
    UnknownProfile { name: String, remedy: String },
    #[error("{setting}: {problem}")]
    Setting { setting: String, problem: String },
    #[error("no home directory was found; set SCRY_CONFIG_DIR and SCRY_DATA_DIR")]
    NoHome,
}

/// Looks up environment variables; an argument, so that reading a configuration stays testable.
pub type EnvLookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a variable of this process; an empty one counts as not set.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
