//! Where the person was, on disk: one small file for each profile and server.

use std::path::{Path, PathBuf};

use scry_config::client::ServerAddress;
use scry_config::files;
use scry_dashboard::app::UiState;

/// The stored dashboard state of one profile.
#[derive(Debug)]
pub(super) struct UiStateStore {
    path: PathBuf,
}

impl UiStateStore {
    /// Keeps it below the client's data directory.
    #[must_use]
    pub(super) fn of(data: &Path, server: &ServerAddress) -> Self {
        Self { path: data.join("sittings").join(format!("{}.json", server.file_name())) }
    }

    /// Reads what the last start left; a missing or damaged file counts as none.
    #[must_use]
    pub(super) fn load(&self) -> Option<UiState> {
        serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()
    }

    /// Stores the state for the next start.
    pub(super) fn save(&self, state: &UiState) {
        if state.campaign.is_none() {
            return;
        }
        let written = files::write_private(&self.path, |file| Ok(serde_json::to_writer(file, state)?));
        if let Err(error) = written {
            // Not worth a sentence on the way out: the next start begins at the top.
            tracing::warn!(%error, path = %self.path.display(), "the dashboard's state cannot be saved");
        }
    }
}
