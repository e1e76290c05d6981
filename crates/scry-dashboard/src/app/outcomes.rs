//! What becomes of the person's edits, and what they are told about it.

use std::time::Duration;

use scry_config::alerts::AlertLevel;
use scry_model::outbox::EditOutcome;
use scry_protocol::Event;

use super::App;
use super::command::Action;
use super::edit::command::EditCommand;
use super::pending::{PendingChange, PendingEdit};

/// An edit that took longer than this was waited for, and the person is told that it went well; so are they of one
/// that was on disk when they came.
const SLOW_EDIT: Duration = Duration::from_secs(3);

impl App {
    /// Takes in what became of an edit.
    pub(super) fn outcome(&mut self, outcome: EditOutcome) {
        self.redraw = true;
        let news = self.pending.outcome(outcome);
        self.told(news);
    }

    /// Takes in an event that may be the person's own.
    pub(super) fn own_event(&mut self, event: &Event) {
        if self.pending.all().is_empty() {
            return;
        }
        let news = self.pending.event(event, self.options.me.as_ref());
        self.told(news);
    }

    fn told(&mut self, news: Option<PendingChange>) {
        match news {
            Some(PendingChange::Applied(held)) => {
                self.undo.applied(&held);
                if held.was_found || self.options.screen_reader || self.now.since(held.edit.at) > SLOW_EDIT {
                    self.say(&format!("saved: {}", self.sentence(&held)));
                }
            }
            Some(PendingChange::Refused(held)) => self.say_refused(&held),
            Some(PendingChange::Notice(sentence)) => self.say(&sentence),
            None => {}
        }
        self.after_edits();
    }

    fn say_refused(&mut self, held: &PendingEdit) {
        let reason = self.edit_reason(held).filter(|_| !self.sets_secret(held));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let key = self.keymap.label(Action::Edit(EditCommand::Edits));
        let key = key.map(|key| format!(" ({key} opens it)")).unwrap_or_default();
        let sentence = self.sentence(held);
        self.say(&format!("not saved: {sentence}{reason}{key}"));
        self.queue_alert(AlertLevel::Trouble, &format!("not saved: {sentence}"));
    }

    /// Lets go of what the cache now holds; a created row becomes its entity, the selection with it.
    pub(super) fn after_edits(&mut self) {
        let here = self.tree.entity().cloned();
        let became = self.pending.settle(&self.cache);
        self.changed.world = true;
        for (row, made) in became {
            self.undo.became(&row, &made);
            if here.as_ref() == Some(&row) {
                self.reveal(&made);
            }
        }
        self.read_clock();
    }
}
