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
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file has a mistake.
    #[error("{path}:{line}: {message}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong, and what to write instead.
        message: String,
    },
    /// There is no such profile.
    #[error("no profile is named “{name}”; {remedy}")]
    UnknownProfile {
        /// The name that was given.
        name: String,
        /// The profiles that there are.
        remedy: String,
    },
    /// A setting from elsewhere has a mistake.
    #[error("{setting}: {problem}")]
    Setting {
        /// The variable or option.
        setting: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// There is no home directory to keep files in.
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
