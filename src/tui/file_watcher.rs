//! The configuration and the theme, read again when their files change.

use std::path::PathBuf;
use std::sync::mpsc as line;
use std::time::{Duration, SystemTime};

use scry_config::client::Settings;
use scry_config::{ConfigError, process_env};
use tokio::sync::mpsc;

use super::background::Background;
use super::preferences::{DashboardPreferences, theme_file};

/// How often the files are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// Watches the files until it is dropped.
#[derive(Debug)]
pub(super) struct FileWatcher {
    read: mpsc::Receiver<Result<DashboardPreferences, String>>,
    /// Ends the watch by being dropped.
    _watched: line::Sender<()>,
}

impl FileWatcher {
    /// Begins to watch the files that `settings` came from.
    #[must_use]
    pub(super) fn start(settings: Settings, background: Background) -> Self {
        let (sender, read) = mpsc::channel(1);
        let (watched, over) = line::channel();
        // A thread that sleeps is woken once for each look; a timer of the runtime wakes three.
        tokio::task::spawn_blocking(move || watch(settings, background, &sender, &over));
        Self { read, _watched: watched }
    }

    /// Waits for the next change: what the files say now, or one sentence about the mistake in them.
    pub(super) async fn next(&mut self) -> Result<DashboardPreferences, String> {
        match self.read.recv().await {
            Some(read) => read,
            None => std::future::pending().await,
        }
    }
}

fn watch(
    mut settings: Settings,
    background: Background,
    sender: &mpsc::Sender<Result<DashboardPreferences, String>>,
    over: &line::Receiver<()>,
) {
    let mut seen = stamps(&settings);
    while over.recv_timeout(WATCH_INTERVAL) == Err(line::RecvTimeoutError::Timeout) {
        if stamps(&settings) == seen {
            continue;
        }
        let read = Settings::load(&process_env, &settings.flags);
        let preferences = read.and_then(|read| {
            settings = read;
            DashboardPreferences::new(&settings, background)
        });
        // The theme may be another file now.
        seen = stamps(&settings);
        if sender.blocking_send(preferences.map_err(|error| briefly(&error, &settings))).is_err() {
            return;
        }
    }
}

/// Returns what is wrong; the directory, which the person knows, would take the room of the reason.
fn briefly(error: &ConfigError, settings: &Settings) -> String {
    let dir = settings.file.parent().map(|dir| format!("{}/", dir.display())).unwrap_or_default();
    if dir.is_empty() { error.to_string() } else { error.to_string().replace(&dir, "") }
}

/// Returns when each file was last written; `None` for one that does not exist.
fn stamps(settings: &Settings) -> Vec<(PathBuf, Option<SystemTime>)> {
    let files = [settings.file.clone(), theme_file(settings, &settings.config.ui.theme)];
    let stamp = |path: PathBuf| {
        let written = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        (path, written)
    };
    files.into_iter().map(stamp).collect()
}
