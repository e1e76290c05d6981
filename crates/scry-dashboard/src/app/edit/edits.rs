//! The list of edits that are not over: to look at, send again, or give up.

use scry_model::outbox::EditChange;

use super::{Deed, Sheet, moved};
use crate::app::command::{Action, Context};
use crate::app::key::Key;
use crate::app::pending::{Held, State, patch};
use crate::app::{App, Effect};

/// Holds the place in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EditsSheet {
    pub cursor: usize,
}

impl App {
    pub(super) fn open_edits(&mut self) {
        if self.pending.unsettled().next().is_none() {
            return self.say("every change of yours has been saved; nothing waits");
        }
        // What needs the person is what they came for.
        let cursor = self.pending.unsettled().position(|held| held.state.is_refused()).unwrap_or(0);
        self.sheet = Some(Sheet::Edits(EditsSheet { cursor }));
    }

    pub(super) fn edits_key(&mut self, mut sheet: EditsSheet, key: Key) -> Vec<Effect> {
        let Some(action) = self.keymap.action(Context::Edits, key) else {
            self.sheet = Some(Sheet::Edits(sheet));
            return Vec::new();
        };
        let chosen = self.pending.unsettled().nth(sheet.cursor).cloned();
        let count = self.pending.unsettled().count();
        let effects = match (moved(sheet.cursor, count, action), action, chosen) {
            (Some(cursor), ..) => {
                sheet.cursor = cursor;
                Vec::new()
            }
            (None, Action::Edit(Deed::Cancel), _) => return Vec::new(),
            (None, Action::Edit(Deed::Open), Some(held)) => return self.open_held(sheet, &held),
            (None, Action::Edit(Deed::Again), Some(held)) => self.send_again(&held),
            (None, Action::Edit(Deed::Discard), Some(held)) => self.give_up(&held),
            (None, other, _) => {
                self.sheet = Some(Sheet::Edits(sheet));
                return self.beyond(other);
            }
        };
        let left = self.pending.unsettled().count();
        sheet.cursor = sheet.cursor.min(left.saturating_sub(1));
        self.sheet = (left > 0).then_some(Sheet::Edits(sheet));
        effects
    }

    /// Opens what a refused edit needs: the conflict, or its text for another try.
    fn open_held(&mut self, sheet: EditsSheet, held: &Held) -> Vec<Effect> {
        self.sheet = Some(Sheet::Edits(sheet));
        if self.hides_edit(held) {
            self.say("this is hidden from players; leave the players' view first");
            return Vec::new();
        }
        match (&held.state, held.edit.change.entity()) {
            (State::Refused(refusal), Some(_)) if refusal.conflict.is_some() => self.open_resolve(&held.edit.key),
            (State::Refused(_) | State::Lost(_), Some(subject)) => {
                let fields = patch(&held.edit.change);
                match fields.as_slice() {
                    [(name, value)] => {
                        self.open_field(subject, name, Some(value), Some(held.edit.key.clone()));
                    }
                    _ => self.say("this can be sent again as it is, or given up"),
                }
            }
            (State::Refused(_) | State::Lost(_), None) => self.say("this can be sent again as it is, or given up"),
            (State::Submitted | State::Waiting | State::Sending | State::Applied { .. }, subject) => {
                if subject.is_some_and(|subject| self.reveal(&subject)) {
                    self.sheet = None;
                }
            }
        }
        Vec::new()
    }

    pub(super) fn send_again(&mut self, held: &Held) -> Vec<Effect> {
        let key = held.edit.key.clone();
        match &held.state {
            State::Refused(_) => match self.rights() {
                Some(rights) => vec![Effect::RetryEdit { rights, key }],
                None => {
                    self.say(self.why_not());
                    Vec::new()
                }
            },
            // It never reached the disk: it is submitted anew.
            State::Lost(_) => {
                self.pending.forget(&key);
                self.submit(held.edit.change.clone(), held.base.clone())
            }
            State::Submitted | State::Waiting | State::Sending | State::Applied { .. } => {
                self.say("this is sent by itself as soon as its turn comes");
                Vec::new()
            }
        }
    }

    pub(super) fn give_up(&mut self, held: &Held) -> Vec<Effect> {
        if matches!(held.state, State::Sending) {
            self.say("this is on its way already; undo it once it is saved");
            return Vec::new();
        }
        let said = self.sentence(held);
        let is_lost = matches!(held.state, State::Lost(_));
        self.pending.forget(&held.edit.key);
        self.say(&format!("given up: {said}"));
        if matches!(held.edit.change, EditChange::Create { .. } | EditChange::Delete { .. }) {
            self.rebuild_tree();
        }
        if is_lost { Vec::new() } else { vec![Effect::DiscardEdit(held.edit.key.clone())] }
    }
}
