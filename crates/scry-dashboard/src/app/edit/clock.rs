//! Moving the clock, with a look at what falls due on the way.

use std::time::{Duration, Instant};

use scry_calendar::WorldTime;
use scry_model::event::DueEffect;
use scry_model::outbox::EditChange;
use serde_json::Value;

use super::Dialog;
use super::field_input::KeyOutcome;
use super::moment::{self, ClockGoal};
use crate::app::command::{Action, KeyContext, LineCommand};
use crate::app::key::Key;
use crate::app::prompt::{Prompt, PromptOutcome};
use crate::app::{App, AppEffect, AppStage, RefetchError};

/// How long the person pauses before the server is asked what falls due.
const PREVIEW_DELAY: Duration = Duration::from_millis(250);

/// A dialog that moves the clock: what is typed, and what it would lead to.
#[derive(Debug, Clone)]
pub struct ClockDialog {
    pub(crate) prompt: Prompt,
    /// Where the clock would go, or what is wrong with what is typed.
    pub(crate) goal: Result<ClockGoal, String>,
    pub(crate) due: DuePreview,
    /// Whether a fault is shown: not while the person has hardly begun.
    pub(crate) is_tried: bool,
}

/// The effects that fall due until the goal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DuePreview {
    /// Nothing is asked: the clock goes back, or nowhere yet.
    Nothing,
    /// Asked once the person pauses.
    Wanted(Instant),
    Asked,
    Known(Vec<DueEffect>),
    /// The server cannot tell.
    NotOffered,
    /// It did not answer.
    Failed,
}

impl ClockDialog {
    pub(super) fn paste(&mut self, pasted: &str) {
        self.prompt.insert(pasted.trim_end());
    }
}

impl App {
    pub(super) fn open_clock(&mut self) -> Vec<AppEffect> {
        if self.seen_world_time().is_none() {
            self.say("this campaign's clock has not been loaded yet");
            return Vec::new();
        }
        let goal = Err(String::new());
        let dialog = ClockDialog { prompt: Prompt::default(), goal, due: DuePreview::Nothing, is_tried: false };
        self.dialog = Some(Dialog::Clock(Box::new(dialog)));
        Vec::new()
    }

    pub(super) fn clock_key(&mut self, mut dialog: ClockDialog, key: Key) -> Vec<AppEffect> {
        let outcome = match self.keymap.action(KeyContext::Prompt, key) {
            Some(Action::Line(LineCommand::Complete)) => KeyOutcome::Nothing,
            _ => match dialog.prompt.key(key, &self.keymap) {
                PromptOutcome::Changed => KeyOutcome::Changed,
                PromptOutcome::Moved => KeyOutcome::Nothing,
                PromptOutcome::Accepted => KeyOutcome::Save,
                PromptOutcome::Cancelled => KeyOutcome::Cancel,
                PromptOutcome::Unhandled(action) => KeyOutcome::Unhandled(action),
            },
        };
        match outcome {
            KeyOutcome::Cancel => return Vec::new(),
            KeyOutcome::Save => {
                self.aim(&mut dialog);
                if let Ok(goal) = &dialog.goal {
                    return self.move_clock(goal);
                }
                dialog.is_tried = true;
            }
            KeyOutcome::Changed => {
                dialog.is_tried = false;
                self.aim(&mut dialog);
            }
            KeyOutcome::Unhandled(action) => {
                self.dialog = Some(Dialog::Clock(Box::new(dialog)));
                return self.unhandled(action);
            }
            KeyOutcome::Nothing | KeyOutcome::Go(_) => {}
        }
        self.dialog = Some(Dialog::Clock(Box::new(dialog)));
        Vec::new()
    }

    fn aim(&self, dialog: &mut ClockDialog) {
        let Some(now) = self.seen_world_time() else { return };
        dialog.goal = moment::read(dialog.prompt.text(), &self.clock.calendar(), &now);
        let forward = dialog.goal.as_ref().ok().and_then(|goal| goal.from(&now)).is_some_and(|to| to > now);
        dialog.due = if forward { DuePreview::Wanted(self.now.mono + PREVIEW_DELAY) } else { DuePreview::Nothing };
    }

    pub(super) fn move_clock(&mut self, goal: &ClockGoal) -> Vec<AppEffect> {
        let base = self.seen_world_time().map(|time| ("worldTime".to_owned(), Value::from(time)));
        let change = match goal {
            ClockGoal::By(seconds) => EditChange::AdvanceTime { seconds: *seconds },
            ClockGoal::To(time) => EditChange::SetTime { time: time.clone(), rewind: false },
        };
        self.submit(change, base.into_iter().collect())
    }

    /// Returns the date that the clock dialog leads to, and how far that is.
    #[must_use]
    pub(crate) fn clock_goal(&self) -> Option<String> {
        let Some(Dialog::Clock(dialog)) = &self.dialog else { return None };
        let now = self.seen_world_time()?;
        let then = dialog.goal.as_ref().ok()?.from(&now)?;
        let (from, to): (WorldTime, WorldTime) = (now.parse().ok()?, then.parse().ok()?);
        let far = crate::app::clock::elapsed(to.as_second() - from.as_second());
        Some(format!("{}   {far}", self.clock.long(&then)))
    }

    /// Returns when the server is to be asked what falls due.
    pub(in crate::app) fn due_deadline(&self) -> Option<Instant> {
        match &self.dialog {
            Some(Dialog::Clock(dialog)) => match dialog.due {
                DuePreview::Wanted(at) => Some(at),
                DuePreview::Nothing
                | DuePreview::Asked
                | DuePreview::Known(_)
                | DuePreview::NotOffered
                | DuePreview::Failed => None,
            },
            _ => None,
        }
    }

    /// Asks what falls due, once the person has paused.
    pub(in crate::app) fn ask_due(&mut self) -> Option<AppEffect> {
        let now = self.seen_world_time()?;
        let AppStage::Watching(campaign) = &self.stage else { return None };
        let Some(Dialog::Clock(dialog)) = &mut self.dialog else { return None };
        let (DuePreview::Wanted(at), Ok(goal)) = (&dialog.due, &dialog.goal) else { return None };
        let until = goal.from(&now).filter(|_| *at <= self.now.mono)?;
        dialog.due = DuePreview::Asked;
        Some(AppEffect::PreviewDue { campaign: campaign.clone(), until })
    }

    /// Takes the answer, unless the person aims elsewhere by now.
    pub(in crate::app) fn due_told(&mut self, until: &str, result: Result<Vec<DueEffect>, RefetchError>) {
        let now = self.seen_world_time();
        let Some(Dialog::Clock(dialog)) = &mut self.dialog else { return };
        let aimed = dialog.goal.as_ref().ok().zip(now.as_deref()).and_then(|(goal, now)| goal.from(now));
        if aimed.as_deref() == Some(until) {
            dialog.due = match result {
                Ok(due) => DuePreview::Known(due),
                Err(RefetchError::NotOffered) => DuePreview::NotOffered,
                Err(RefetchError::Failed) => DuePreview::Failed,
            };
            self.redraw = true;
        }
    }
}
