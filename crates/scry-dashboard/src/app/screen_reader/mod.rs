//! The dashboard for somebody who hears it: commands typed as lines, answers and news as sentences.
//!
//! The state, the commands and their names are those of the screen; only the way in and out differs.

mod announcer;
mod command;
mod find;
mod help;
mod panes;
mod words;

pub use announcer::Announcer;
pub(super) use words::{sentence, spelt};

use super::App;

impl App {
    /// Takes the answers to what was typed; each is one line and safe to print.
    pub fn take_answers(&mut self) -> Vec<String> {
        std::mem::take(&mut self.answers)
    }

    /// Returns whether commands can be answered: there is a campaign, a question, or a reason why there is none.
    #[must_use]
    pub fn can_answer(&self) -> bool {
        use scry_model::event::Phase;
        match self.stage {
            super::AppStage::Listing => false,
            super::AppStage::Choosing { .. } | super::AppStage::Stuck(_) => true,
            super::AppStage::Watching(_) => {
                let gave_up = matches!(self.connection.phase(), Phase::Backoff | Phase::Open | Phase::LoginRequired);
                gave_up || self.cache.campaign().is_some()
            }
        }
    }

    pub(super) fn reply(&mut self, sentence: impl AsRef<str>) {
        self.answers.push(scry_text::line(sentence.as_ref()).into_owned());
    }
}
