//! What every command starts from: the settings, and a way to ask the server as the right user.

use std::sync::Arc;

use scry_client::api::Api;
use scry_client::credentials::Credentials;
use scry_client::http::HttpClient;
use scry_command::exit::Exit;
use scry_config::client::{Overrides, Settings};
use scry_config::{EnvLookup, process_env};
use scry_scripting::command_exit::CommandExit;
use scry_scripting::correlation;
use scry_text as text;
use tracing_appender::non_blocking::WorkerGuard;

use super::args::CommonArgs;
use super::error::CliError;
use crate::log::{self, LogError};

/// The settings of one run.
#[derive(Debug, Clone)]
pub(super) struct CliContext {
    pub settings: Settings,
    /// Say nothing but errors.
    pub quiet: bool,
    /// Held until the program ends, or the log's last lines are lost.
    _log: Option<Arc<WorkerGuard>>,
}

impl CliContext {
    /// Reads the settings that the flags, the environment and the file amount to, and starts the log.
    ///
    /// # Errors
    /// [`CliError::Config`] with the place and the remedy.
    pub(super) fn start(common: &CommonArgs, env: EnvLookup) -> Result<Self, CliError> {
        Self::over(settings(common, env)?, common)
    }

    /// Starts the log that the settings ask for.
    ///
    /// A log that cannot be written is said once and done without: it is no reason to miss a session.
    ///
    /// # Errors
    /// [`CliError::Usage`] when its level cannot be read.
    pub(super) fn over(settings: Settings, common: &CommonArgs) -> Result<Self, CliError> {
        let log = match log::start(&settings.config.log, &settings.dirs.data, common.log_file.as_deref()) {
            Ok(guard) => Some(Arc::new(guard)),
            Err(error @ LogError::Level(_)) => return Err(CliError::Usage(error.to_string())),
            Err(error @ (LogError::Unwritable { .. } | LogError::Twice)) => {
                say(&error.to_string());
                None
            }
        };
        Ok(Self { settings, quiet: common.quiet, _log: log })
    }

    /// Returns the same for another profile; its address comes from the file alone.
    ///
    /// # Errors
    /// [`CliError::Config`] when there is no such profile any more.
    pub(super) fn with_profile(&self, profile: &str) -> Result<Self, CliError> {
        let flags = Overrides { profile: Some(profile.to_owned()), url: None, ..self.settings.flags.clone() };
        let from_file = |name: &str| if name == "SCRY_URL" { None } else { process_env(name) };
        Ok(Self { settings: Settings::load(&from_file, &flags)?, ..self.clone() })
    }

    /// Prepares requests to the server.
    ///
    /// # Errors
    /// [`CliError::Api`] when the profile's file of authorities cannot be used.
    pub(super) fn http(&self) -> Result<HttpClient, CliError> {
        Ok(HttpClient::new(&self.settings.server, self.settings.config.connection.request_timeout)?)
    }

    /// Returns the place where this server's login is kept.
    #[must_use]
    pub(super) fn credentials(&self) -> Credentials {
        Credentials::new(&self.settings.dirs.data, &self.settings.server)
    }

    /// Prepares requests as the logged-in user, or as the owner of `SCRY_TOKEN`, for output that programs read: texts
    /// come as they are stored, and changes carry the run's correlation id.
    ///
    /// # Errors
    /// [`CliError::Api`] when the profile's file of authorities cannot be used, [`CliError::Usage`] when
    /// `SCRY_CORRELATION_ID` is not an id.
    pub(super) fn api(&self) -> Result<Api, CliError> {
        Ok(Api::open(&self.settings, &process_env)?.as_stored().correlated(self.run()?.as_deref()))
    }

    /// Returns the id of the run that this program is part of.
    ///
    /// # Errors
    /// [`CliError::Usage`] when `SCRY_CORRELATION_ID` is not an id.
    pub(super) fn run(&self) -> Result<Option<String>, CliError> {
        correlation::from_env(&process_env).map_err(CliError::Usage)
    }

    /// Does the same for a dashboard: every text is safe to show, and each change carries its own key.
    ///
    /// # Errors
    /// [`CliError::Api`] when the profile's file of authorities cannot be used.
    pub(super) fn screen_api(&self) -> Result<Api, CliError> {
        Ok(Api::open(&self.settings, &process_env)?)
    }

    /// Prints how a command ended, even when told to be quiet: every code but 0 comes with a sentence.
    #[must_use]
    pub(super) fn end(ended: &CommandExit) -> Exit {
        if !ended.is_met() {
            say(&ended.why);
        }
        ended.exit
    }

    /// Says a sentence on stderr, unless told to be quiet.
    pub(super) fn say(&self, sentence: &str) {
        if !self.quiet {
            say(sentence);
        }
    }
}

/// Reads the settings that the flags, the environment and the file amount to.
///
/// # Errors
/// [`CliError::Config`] with the place and the remedy.
pub(super) fn settings(common: &CommonArgs, env: EnvLookup) -> Result<Settings, CliError> {
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
    Ok(Settings::load(env, &flags)?)
}

/// Says a sentence on stderr.
#[expect(clippy::print_stderr, reason = "stderr is where people are spoken to; stdout is data only")]
pub(super) fn say(sentence: &str) {
    // Some sentences quote what others wrote.
    eprintln!("scry: {}", text::block(sentence));
}
