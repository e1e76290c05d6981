//! Choosing what one is told at once.

use scry_model::event::PushPreferences;

use super::{Dialog, EditCommand, moved};
use crate::app::command::{Action, KeyContext};
use crate::app::inbox::{KINDS, LEVELS};
use crate::app::key::Key;
use crate::app::{App, AppEffect};

/// A dialog that chooses which notifications are sent at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferencesDialog {
    pub(crate) chosen: PushPreferences,
    pub(crate) cursor: usize,
}

impl PreferencesDialog {
    #[must_use]
    pub(crate) const fn new(chosen: PushPreferences) -> Self {
        Self { chosen, cursor: 0 }
    }

    /// Lists the rows: what it is, a word about it, and whether it is chosen.
    #[must_use]
    pub(crate) fn rows(&self) -> Vec<(&'static str, &'static str, bool)> {
        let chosen = |list: &[String], word: &str| list.iter().any(|known| known == word);
        let levels = LEVELS.into_iter().map(|level| (level, "", chosen(&self.chosen.levels, level)));
        let kinds = KINDS.into_iter().map(|(kind, what)| (kind, what, chosen(&self.chosen.kinds, kind)));
        levels.chain(kinds).collect()
    }

    fn toggle(&mut self) {
        let Some((word, ..)) = self.rows().get(self.cursor).copied() else { return };
        let list = if self.cursor < LEVELS.len() { &mut self.chosen.levels } else { &mut self.chosen.kinds };
        let before = list.len();
        list.retain(|known| known != word);
        if list.len() == before {
            list.push(word.to_owned());
        }
    }
}

impl App {
    /// Answers which notifications are sent at once, or sets them to the levels and kinds that are named.
    pub(super) fn preferences_line(&mut self, rest: &str) -> Vec<AppEffect> {
        let Some(preferences) = self.inbox.preferences().cloned() else {
            self.reply("This server does not offer notification preferences.");
            return Vec::new();
        };
        let words: Vec<_> = rest.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        let known = |word: &String| LEVELS.contains(&word.as_str()) || KINDS.iter().any(|(kind, _)| kind == word);
        if let Some(strange) = words.iter().find(|word| !known(word)) {
            self.reply(format!("“{strange}” is neither a level nor a kind."));
        } else if !words.is_empty() {
            let chosen = |all: &[&str]| words.iter().filter(|word| all.contains(&word.as_str())).cloned().collect();
            let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
            return vec![AppEffect::SetPreferences(PushPreferences { levels: chosen(&LEVELS), kinds: chosen(&kinds) })];
        }
        let rows = PreferencesDialog::new(preferences).rows();
        for (word, what, chosen) in rows {
            let what = if what.is_empty() { String::new() } else { format!(", {what}") };
            self.reply(format!("{word}{what}: {}.", if chosen { "told at once" } else { "only listed" }));
        }
        self.reply("“preferences” with all that you want, such as “preferences warning error message”, changes it.");
        Vec::new()
    }

    pub(super) fn preferences_key(&mut self, mut dialog: PreferencesDialog, key: Key) -> Vec<AppEffect> {
        let action = self.keymap.action(KeyContext::Preferences, key);
        let count = dialog.rows().len();
        match action.map(|action| (moved(dialog.cursor, count, action), action)) {
            Some((Some(cursor), _)) => dialog.cursor = cursor,
            Some((None, Action::Edit(EditCommand::Next))) => dialog.toggle(),
            Some((None, Action::Edit(EditCommand::Save))) => return vec![AppEffect::SetPreferences(dialog.chosen)],
            Some((None, Action::Edit(EditCommand::Cancel))) => return Vec::new(),
            Some((None, other)) => {
                self.dialog = Some(Dialog::Preferences(dialog));
                return self.unhandled(other);
            }
            None => {}
        }
        self.dialog = Some(Dialog::Preferences(dialog));
        Vec::new()
    }
}
