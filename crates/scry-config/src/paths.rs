//! Where files live.

use std::path::PathBuf;

use super::{ConfigError, EnvLookup};

/// The two directories that the client uses; neither is created here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// The directory of `config.toml`.
    pub config: PathBuf,
    /// The directory of logins, logs and cached campaigns.
    pub data: PathBuf,
}

impl Dirs {
    /// Chooses `SCRY_CONFIG_DIR` and `SCRY_DATA_DIR`, else the platform's own places.
    ///
    /// # Errors
    /// [`ConfigError::NoHome`] when neither is known.
    pub fn from_env(env: EnvLookup) -> Result<Self, ConfigError> {
        let platform = directories::ProjectDirs::from("", "", "scry");
        let choose = |name: &str, place: fn(&directories::ProjectDirs) -> PathBuf| {
            env(name).map(PathBuf::from).or_else(|| platform.as_ref().map(place)).ok_or(ConfigError::NoHome)
        };
        Ok(Self {
            config: choose("SCRY_CONFIG_DIR", |dirs| dirs.config_dir().to_path_buf())?,
            data: choose("SCRY_DATA_DIR", |dirs| dirs.data_local_dir().to_path_buf())?,
        })
    }

    /// Returns the place of the configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }
}
