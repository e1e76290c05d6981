//! The right to change the campaign.

use scry_protocol::Role;
use scry_text::json::Json;

use crate::app::App;

/// Proves that the person may change the campaign: only [`App`] makes one, and nothing is submitted without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditRights(());

impl App {
    /// Returns the right to edit: the person's role gives it, and reading only takes it away.
    #[must_use]
    pub fn rights(&self) -> Option<EditRights> {
        let role = self.cache.campaign()?.field("myRole").and_then(Json::as_str)?;
        let role: Role = role.parse().ok()?;
        (role >= Role::Editor && !self.options.read_only).then_some(EditRights(()))
    }

    /// Returns why the user may not edit.
    pub(super) const fn why_not(&self) -> &'static str {
        if self.options.read_only {
            "this dashboard is read-only; start it without --read-only to make changes"
        } else {
            "you may view this campaign but not change it; its owner can make you an editor"
        }
    }
}
