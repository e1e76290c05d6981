//! Edits that wait, are on their way, or were refused.

use super::App;
use crate::client::outbox::{Outbox, Outcome};

impl App {
    /// Returns the edits that no server has applied yet.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Takes in what became of an edit, and says what the person has to know.
    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        self.redraw = true;
        self.outbox.take(outcome);
        match outcome {
            Outcome::Refused { refusal, .. } => self.say(&format!("an edit was refused: {}", refusal.message)),
            Outcome::NotStored { reason, .. } => self.say(reason),
            Outcome::Notice(sentence) => self.say(sentence),
            Outcome::Stored(_)
            | Outcome::Sending { .. }
            | Outcome::Waiting { .. }
            | Outcome::Applied { .. }
            | Outcome::Discarded { .. }
            | Outcome::Gone { .. } => {}
        }
    }
}
