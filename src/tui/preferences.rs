//! What a person prefers, read from the settings: behaviour, keys and look; read again while running.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use scry_config::client::{ColorMode, ServerAddress, Settings};
use scry_config::{ConfigError, file, process_env};
use scry_dashboard::app::{self, Keymap};
use scry_dashboard::ui::Appearance;
use scry_dashboard::ui::theme::{self, ColourDepth, Theme};
use scry_text::suggest::nearest;

use super::background::Background;

/// The theme that goes with the terminal.
const AUTO_THEME: &str = "auto";

/// Everything that can change while the dashboard runs.
#[derive(Debug)]
pub struct DashboardPreferences {
    /// What concerns the dashboard's state.
    pub app: app::AppOptions,
    /// The keys.
    pub keymap: Keymap,
    /// The looks.
    pub appearance: Appearance,
}

impl DashboardPreferences {
    /// Reads them.
    ///
    /// # Errors
    /// [`ConfigError`] that names the file, the line and the remedy.
    pub fn new(settings: &Settings, background: Background) -> Result<Self, ConfigError> {
        let ui = &settings.config.ui;
        let app = app::AppOptions {
            mark_fade: ui.mark_fade,
            journal_limit: ui.journal_limit,
            zone: TimeZone::system(),
            themes: theme_names(settings),
            profiles: settings.config.profiles.keys().cloned().collect(),
            profile: settings.server.profile.clone(),
            address: other_address(settings),
            alerts: settings.config.alerts.clone(),
            motion: ui.motion,
            mouse: ui.mouse,
            ..app::AppOptions::default()
        };
        Ok(Self { app, keymap: keymap(settings)?, appearance: appearance(settings, &ui.theme, background)? })
    }
}

/// Returns the server's address, unless the profile leads there by itself.
fn other_address(settings: &Settings) -> Option<String> {
    let ServerAddress { profile, url, .. } = &settings.server;
    let own = settings.config.profiles.get(profile).and_then(|own| ServerAddress::new(profile, &own.url, "url").ok());
    own.is_none_or(|own| own.url != *url).then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// Reads the keys a person wants.
///
/// # Errors
/// [`ConfigError::Invalid`] with the line of the first wish that cannot be fulfilled.
pub fn keymap(settings: &Settings) -> Result<Keymap, ConfigError> {
    Keymap::rebound(&settings.config.keys).map_err(|fault| {
        let text = std::fs::read_to_string(&settings.file).unwrap_or_default();
        let path: Vec<_> = ["keys", &fault.context].into_iter().chain(fault.command.as_deref()).collect();
        let message = format!("{}: {}", path.join("."), fault.message);
        ConfigError::Invalid { path: settings.file.clone(), line: file::line_of(&text, &path), message }
    })
}

/// Makes the look of a theme by its name, as this terminal can show it.
///
/// # Errors
/// [`ConfigError`] when there is no such theme, or its file cannot be understood.
pub fn appearance(settings: &Settings, name: &str, background: Background) -> Result<Appearance, ConfigError> {
    let ui = &settings.config.ui;
    let depth = match ui.color {
        ColorMode::Never => ColourDepth::None,
        ColorMode::Auto | ColorMode::Always => depth(),
    };
    let name = if name == AUTO_THEME { fitting(background, depth) } else { name };
    Ok(Appearance::of(theme(settings, name)?.at(depth), ui.ascii))
}

/// Returns whether the look depends on what the terminal's background is.
#[must_use]
pub fn wants_background(settings: &Settings) -> bool {
    let ui = &settings.config.ui;
    ui.theme == AUTO_THEME
        && ui.color != ColorMode::Never
        && matches!(depth(), ColourDepth::True | ColourDepth::Ansi256)
}

/// Returns the file of a theme of the person's own.
#[must_use]
pub fn theme_file(settings: &Settings, name: &str) -> PathBuf {
    themes_dir(settings).join(format!("{name}.toml"))
}

fn depth() -> ColourDepth {
    ColourDepth::of(process_env("COLORTERM").as_deref(), process_env("TERM").as_deref())
}

/// Sixteen colours are the terminal's own, and fit its background.
const fn fitting(background: Background, depth: ColourDepth) -> &'static str {
    match (background, depth) {
        (Background::Dark, ColourDepth::True | ColourDepth::Ansi256) => "dark",
        (Background::Light, ColourDepth::True | ColourDepth::Ansi256) => "light",
        (Background::Dark | Background::Light | Background::Unknown, _) => "terminal",
    }
}

fn theme(settings: &Settings, name: &str) -> Result<Theme, ConfigError> {
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    let own = if is_name { file::read::<Theme>(&theme_file(settings, name))? } else { None };
    own.or_else(|| Theme::named(name)).ok_or_else(|| {
        let known = theme_names(settings);
        let remedy = nearest(name, known.iter().map(String::as_str))
            .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean “{near}”?"));
        let problem = format!("there is no theme “{}”; {remedy}", scry_text::line(name));
        ConfigError::Setting { setting: "ui.theme".to_owned(), problem }
    })
}

/// Returns the themes one can choose: the bundled ones and the person's own.
fn theme_names(settings: &Settings) -> Vec<String> {
    let bundled =
        [AUTO_THEME].into_iter().chain(theme::BUNDLED_THEMES.iter().map(|(name, _)| *name)).map(ToOwned::to_owned);
    let mut names: Vec<String> = bundled.collect();
    // A directory that is not there holds no themes.
    let files = std::fs::read_dir(themes_dir(settings)).into_iter().flatten().flatten();
    let own =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    names.extend(own.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).filter(|name| !name.is_empty()));
    names.dedup();
    names
}

fn themes_dir(settings: &Settings) -> PathBuf {
    settings.file.parent().unwrap_or(Path::new(".")).join("themes")
}
