//! What becomes of the person's edits, and what they are told about it.

use std::time::Duration;

use super::command::Action;
use super::edit::command::Deed;
use super::pending::{Held, News};
use super::{App, Effect};
use crate::client::outbox::Outcome;
use crate::config::alerts::Level;
use crate::protocol::Event;

/// An edit that took longer than this was waited for, and the person is told that it went well; so are they of one
/// that was on disk when they came.
const LONG: Duration = Duration::from_secs(3);

impl App {
    /// Takes in what became of an edit; a refusal is worth an alert.
    pub(super) fn outcome(&mut self, outcome: Outcome) -> Option<Effect> {
        self.redraw = true;
        let news = self.pending.outcome(outcome);
        let alert = match &news {
            Some(News::Refused(held)) => self.alert(Level::Trouble, &format!("not saved: {}", self.sentence(held))),
            Some(News::Applied(_) | News::Notice(_)) | None => None,
        };
        self.told(news);
        alert
    }

    /// Takes in an event that may be the person's own.
    pub(super) fn own_event(&mut self, event: &Event) {
        if self.pending.all().is_empty() {
            return;
        }
        let news = self.pending.event(event, self.options.me.as_ref());
        self.told(news);
    }

    fn told(&mut self, news: Option<News>) {
        match news {
            Some(News::Applied(held)) => {
                self.undo.applied(&held);
                if held.was_found || self.now.since(held.edit.at) > LONG {
                    self.say(&format!("saved: {}", self.sentence(&held)));
                }
            }
            Some(News::Refused(held)) => self.say_refused(&held),
            Some(News::Notice(sentence)) => self.say(&sentence),
            None => {}
        }
        self.after_edits();
    }

    fn say_refused(&mut self, held: &Held) {
        let reason = self.edit_reason(held).filter(|_| !self.sets_secret(held));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let key = self.keymap.label(Action::Edit(Deed::Edits));
        let key = key.map(|key| format!(" ({key} opens it)")).unwrap_or_default();
        self.say(&format!("not saved: {}{reason}{key}", self.sentence(held)));
    }

    /// Lets go of what the cache now holds; a created row becomes its entity, the selection with it.
    pub(super) fn after_edits(&mut self) {
        let here = self.tree.entity().cloned();
        let became = self.pending.settle(&self.cache);
        self.rebuild_tree();
        for (row, made) in became {
            self.undo.became(&row, &made);
            if here.as_ref() == Some(&row) {
                self.reveal(&made);
            }
        }
        self.read_clock();
    }
}
