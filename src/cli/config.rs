//! `scry config`: where the configuration is, what it amounts to, whether it is right, and a first one.

use std::io::Write;
use std::path::PathBuf;

use scry_command::exit::Exit;
use scry_config::EnvLookup;
use scry_config::client::Settings;
use scry_config::files;
use scry_config::paths::Dirs;
use scry_dashboard::app::keymap::BoundCommand;

use super::args::{CommonArgs, ConfigAction};
use super::context::{say, settings};
use super::error::CliError;
use crate::tui::Background;
use crate::tui::preferences::{self, DashboardPreferences};

/// The example, with every key and its default; a test holds it equal to the defaults.
const CONFIG_EXAMPLE: &str = include_str!("../../config.example.toml");

/// Carries out one `scry config` command.
///
/// # Errors
/// [`CliError`] when the configuration is wrong, or a file cannot be read or written.
pub(super) fn run(action: ConfigAction, common: &CommonArgs, env: EnvLookup) -> Result<Exit, CliError> {
    match action {
        // These two must work while the file is broken or missing.
        ConfigAction::Path => print(&format!("{}\n", path(common, env)?.display())),
        ConfigAction::Init => init(common, env),
        ConfigAction::Show => show(&settings(common, env)?),
        ConfigAction::Check => check(&settings(common, env)?),
        ConfigAction::Keys => keys(&settings(common, env)?),
    }
}

fn path(common: &CommonArgs, env: EnvLookup) -> Result<PathBuf, CliError> {
    match &common.config {
        Some(path) => Ok(path.clone()),
        None => Ok(Dirs::from_env(env)?.config_file()),
    }
}

fn init(common: &CommonArgs, env: EnvLookup) -> Result<Exit, CliError> {
    let path = path(common, env)?;
    if path.exists() {
        return Err(CliError::Usage(format!("{} exists already; edit it, or move it away first", path.display())));
    }
    files::write_private(&path, |file| file.write_all(CONFIG_EXAMPLE.as_bytes()))
        .map_err(CliError::io(format!("cannot write {}", path.display())))?;
    say(&format!("wrote {}; every line in it states the default", path.display()));
    Ok(Exit::Met)
}

fn show(settings: &Settings) -> Result<Exit, CliError> {
    let source = if settings.file_found { "from" } else { "defaults; there is no" };
    let body = toml::to_string(&settings.config).map_err(|error| CliError::Internal(error.to_string()))?;
    print(&format!(
        "# {source} {}\n# server of profile “{}”: {}\n\n{body}",
        settings.file.display(),
        settings.server.profile,
        settings.server.url
    ))
}

fn check(settings: &Settings) -> Result<Exit, CliError> {
    // The file may be well-formed and still name a key or a theme that does not exist.
    DashboardPreferences::new(settings, Background::Unknown)?;
    let verdict = if settings.file_found { "is valid" } else { "does not exist; the defaults hold" };
    print(&format!("{} {verdict}\n", settings.file.display()))
}

/// Returns every command of the dashboard as the configuration writes it, with what it does.
fn keys(settings: &Settings) -> Result<Exit, CliError> {
    let keymap = preferences::keymap(settings)?;
    let line = |bound: BoundCommand<'_>| {
        let keys: Vec<_> = bound.keys.iter().map(|key| format!("\"{key}\"")).collect();
        let name = format!("{}.{}", bound.binding.context.name(), bound.binding.command);
        format!("{name:<28} = [{}]  # {}\n", keys.join(", "), bound.binding.help)
    };
    print(&format!("[keys]\n{}", keymap.all().map(line).collect::<String>()))
}

fn print(text: &str) -> Result<Exit, CliError> {
    std::io::stdout().write_all(text.as_bytes()).map_err(CliError::io("cannot write to stdout"))?;
    Ok(Exit::Met)
}
