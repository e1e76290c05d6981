//! The list of edits that are not over: to look at, send again, or give up.

use scry_model::outbox::EditChange;

use super::{Dialog, EditCommand, moved};
use crate::app::command::{Action, KeyContext};
use crate::app::key::Key;
use crate::app::pending::{PendingEdit, PendingState, patch};
use crate::app::{App, AppEffect};

/// A dialog with the list of edits, and the place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EditsDialog {
    pub(crate) cursor: usize,
}

impl App {
    pub(super) fn open_edits(&mut self) {
        if self.pending.unsettled().next().is_none() {
            return self.say("all your changes are saved");
        }
        // What needs the person is what they came for.
        let cursor = self.pending.unsettled().position(|held| held.state.is_refused()).unwrap_or(0);
        self.dialog = Some(Dialog::Edits(EditsDialog { cursor }));
    }

    pub(super) fn edits_key(&mut self, mut dialog: EditsDialog, key: Key) -> Vec<AppEffect> {
        let Some(action) = self.keymap.action(KeyContext::Edits, key) else {
            self.dialog = Some(Dialog::Edits(dialog));
            return Vec::new();
        };
        let chosen = self.pending.unsettled().nth(dialog.cursor).cloned();
        let count = self.pending.unsettled().count();
        let effects = match (moved(dialog.cursor, count, action), action, chosen) {
            (Some(cursor), ..) => {
                dialog.cursor = cursor;
                Vec::new()
            }
            (None, Action::Edit(EditCommand::Cancel), _) => return Vec::new(),
            (None, Action::Edit(EditCommand::Open), Some(held)) => return self.open_held(dialog, &held),
            (None, Action::Edit(EditCommand::Again), Some(held)) => self.send_again(&held),
            (None, Action::Edit(EditCommand::Discard), Some(held)) => self.discard_edit(&held),
            (None, other, _) => {
                self.dialog = Some(Dialog::Edits(dialog));
                return self.unhandled(other);
            }
        };
        let left = self.pending.unsettled().count();
        dialog.cursor = dialog.cursor.min(left.saturating_sub(1));
        self.dialog = (left > 0).then_some(Dialog::Edits(dialog));
        effects
    }

    /// Opens what a refused edit needs: the conflict, or its text for another try.
    fn open_held(&mut self, dialog: EditsDialog, held: &PendingEdit) -> Vec<AppEffect> {
        self.dialog = Some(Dialog::Edits(dialog));
        if self.hides_edit(held) {
            self.say("this is hidden in the players' view; leave that first");
            return Vec::new();
        }
        match (&held.state, held.edit.change.entity()) {
            (PendingState::Refused(refusal), Some(_)) if refusal.conflict.is_some() => {
                self.open_resolve(&held.edit.key)
            }
            (PendingState::Refused(_) | PendingState::Lost(_), Some(subject)) => {
                let fields = patch(&held.edit.change);
                match fields.as_slice() {
                    [(name, value)] => {
                        self.open_field(subject, name, Some(value), Some(held.edit.key.clone()));
                    }
                    _ => self.say("this can be sent again as it is, or discarded"),
                }
            }
            (PendingState::Refused(_) | PendingState::Lost(_), None) => {
                self.say("this can be sent again as it is, or discarded")
            }
            (
                PendingState::Submitted | PendingState::Waiting | PendingState::Sending | PendingState::Applied { .. },
                subject,
            ) => {
                if subject.is_some_and(|subject| self.reveal(&subject)) {
                    self.dialog = None;
                }
            }
        }
        Vec::new()
    }

    pub(super) fn send_again(&mut self, held: &PendingEdit) -> Vec<AppEffect> {
        let key = held.edit.key.clone();
        match &held.state {
            PendingState::Refused(_) => match self.rights() {
                Some(rights) => vec![AppEffect::RetryEdit { rights, key }],
                None => {
                    self.say(self.why_not());
                    Vec::new()
                }
            },
            // It never reached the disk: it is submitted anew.
            PendingState::Lost(_) => {
                self.pending.forget(&key);
                self.submit(held.edit.change.clone(), held.base.clone())
            }
            PendingState::Submitted | PendingState::Waiting | PendingState::Sending | PendingState::Applied { .. } => {
                self.say("this is sent automatically when its turn comes");
                Vec::new()
            }
        }
    }

    pub(super) fn discard_edit(&mut self, held: &PendingEdit) -> Vec<AppEffect> {
        if matches!(held.state, PendingState::Sending) {
            self.say("this has been sent already; undo it once it is saved");
            return Vec::new();
        }
        let said = self.sentence(held);
        let is_lost = matches!(held.state, PendingState::Lost(_));
        self.pending.forget(&held.edit.key);
        self.say(&format!("discarded: {said}"));
        if matches!(held.edit.change, EditChange::Create { .. } | EditChange::Delete { .. }) {
            self.rebuild_tree();
        }
        if is_lost { Vec::new() } else { vec![AppEffect::DiscardEdit(held.edit.key.clone())] }
    }
}
