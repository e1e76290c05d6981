//! What every command starts from: the settings, and a way to ask the server as the right user.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;

use crate::client::api::Api;
use crate::client::credentials::Credentials;
use crate::client::http::Http;
use crate::config::client::{Overrides, Settings};
use crate::config::{Env, process_env};
use crate::log::{self, LogError};

use super::args::Common;
use super::error::CliError;

/// Holds the settings of one run.
#[derive(Debug, Clone)]
pub struct Context {
    pub settings: Settings,
    /// Say nothing but errors.
    pub quiet: bool,
}

impl Context {
    /// Reads the settings that the flags, the environment and the file amount to.
    ///
    /// # Errors
    /// [`CliError::Config`] with the place and the remedy.
    pub fn new(common: &Common, env: Env) -> Result<Self, CliError> {
        let log_level = match common.verbose {
            0 => None,
            1 => Some("debug".to_owned()),
            _ => Some("trace".to_owned()),
        };
        let flags = Overrides {
            config_file: common.config.clone(),
            profile: common.profile.clone(),
            url: common.url.clone(),
            log_level,
            no_color: common.no_color,
        };
        Ok(Self { settings: Settings::load(env, &flags)?, quiet: common.quiet })
    }

    /// Prepares requests to the server.
    ///
    /// # Errors
    /// [`CliError::Api`] when the profile's file of authorities cannot be used.
    pub fn http(&self) -> Result<Http, CliError> {
        Ok(Http::new(&self.settings.server, self.settings.config.connection.request_timeout)?)
    }

    /// Returns the place where this server's login is kept.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials::new(&self.settings.dirs.data, &self.settings.server)
    }

    /// Prepares requests as the logged-in user, or as the owner of `SCRY_TOKEN`.
    ///
    /// # Errors
    /// [`CliError::Api`] when the profile's file of authorities cannot be used.
    pub fn api(&self) -> Result<Api, CliError> {
        Ok(Api::open(&self.settings, &process_env)?)
    }

    /// Starts to log to `file`, or to the rolling file in the data directory.
    ///
    /// A log that cannot be written is said once and done without: it is no reason to miss a session.
    ///
    /// # Errors
    /// [`CliError::Usage`] when the filter cannot be read.
    pub fn start_log(&self, file: Option<&Path>) -> Result<Option<WorkerGuard>, CliError> {
        match log::start(&self.settings.config.log, &self.settings.dirs.data, file) {
            Ok(guard) => Ok(Some(guard)),
            Err(error @ LogError::Level(_)) => Err(CliError::Usage(error.to_string())),
            Err(error) => {
                self.say(&error.to_string());
                Ok(None)
            }
        }
    }

    /// Says a sentence on stderr, unless told to be quiet.
    pub fn say(&self, sentence: &str) {
        if !self.quiet {
            say(sentence);
        }
    }
}

/// Says a sentence on stderr.
#[expect(clippy::print_stderr, reason = "stderr is where people are spoken to; stdout is data only")]
pub fn say(sentence: &str) {
    eprintln!("scry: {sentence}");
}
