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

/// The reason why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file exists and cannot be read.
    #[error("cannot read the configuration file {path}: {source}", path = path.display())]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The error that the operating system gave.
        source: std::io::Error,
    },
    /// A line of the file is not valid.
    #[error("{path}:{line}: {message}", path = path.display())]
    Invalid {
        /// The path of the file.
        path: PathBuf,
        /// The number of the line, counted from 1.
        line: usize,
        /// What is wrong with the line and what to do, in one sentence.
        message: String,
    },
    /// The chosen profile is not in the file.
    #[error("no profile is named “{name}”; {remedy}")]
    UnknownProfile {
        /// The name that was asked for.
        name: String,
        /// The names that exist, or the most similar one.
        remedy: String,
    },
    /// A setting has a value that cannot be used.
    #[error("{setting}: {problem}")]
    Setting {
        /// The key, the variable or the option.
        setting: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The operating system names no home directory.
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
