//! Moving the clock, with a look at what falls due on the way.

use std::time::{Duration, Instant};

use scry_calendar::WorldTime;
use scry_model::event::DueEffect;
use scry_model::outbox::EditChange;
use serde_json::Value;

use super::Sheet;
use super::draft::Did;
use super::moment::{self, Goal};
use crate::app::command::{Action, Context, Line};
use crate::app::key::Key;
use crate::app::prompt::{Prompt, Typed};
use crate::app::{App, Effect, Stage, Unanswered};

/// How long the person pauses before the server is asked what falls due.
const PAUSE: Duration = Duration::from_millis(250);

/// Holds what is typed, and what it would lead to.
#[derive(Debug, Clone)]
pub struct ClockSheet {
    pub prompt: Prompt,
    /// Where the clock would go, or what is wrong with what is typed.
    pub goal: Result<Goal, String>,
    pub due: Due,
    /// Whether a fault is shown: not while the person has hardly begun.
    pub is_tried: bool,
}

/// Tells what falls due until the goal.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
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

impl ClockSheet {
    pub(super) fn paste(&mut self, pasted: &str) {
        self.prompt.insert(pasted.trim_end());
    }
}

impl App {
    pub(super) fn open_clock(&mut self) -> Vec<Effect> {
        if self.seen_world_time().is_none() {
            self.say("this campaign's clock is not known yet");
            return Vec::new();
        }
        let goal = Err(String::new());
        let sheet = ClockSheet { prompt: Prompt::default(), goal, due: Due::Nothing, is_tried: false };
        self.sheet = Some(Sheet::Clock(Box::new(sheet)));
        Vec::new()
    }

    pub(super) fn clock_key(&mut self, mut sheet: ClockSheet, key: Key) -> Vec<Effect> {
        let did = match self.keymap.action(Context::Prompt, key) {
            Some(Action::Line(Line::Complete)) => Did::Nothing,
            _ => match sheet.prompt.key(key, &self.keymap) {
                Typed::Changed => Did::Changed,
                Typed::Moved => Did::Nothing,
                Typed::Accepted => Did::Save,
                Typed::Cancelled => Did::Cancel,
                Typed::Beyond(action) => Did::Beyond(action),
            },
        };
        match did {
            Did::Cancel => return Vec::new(),
            Did::Save => {
                self.aim(&mut sheet);
                if let Ok(goal) = &sheet.goal {
                    return self.move_clock(goal);
                }
                sheet.is_tried = true;
            }
            Did::Changed => {
                sheet.is_tried = false;
                self.aim(&mut sheet);
            }
            Did::Beyond(action) => {
                self.sheet = Some(Sheet::Clock(Box::new(sheet)));
                return self.beyond(action);
            }
            Did::Nothing | Did::Go(_) => {}
        }
        self.sheet = Some(Sheet::Clock(Box::new(sheet)));
        Vec::new()
    }

    fn aim(&self, sheet: &mut ClockSheet) {
        let Some(now) = self.seen_world_time() else { return };
        sheet.goal = moment::read(sheet.prompt.text(), &self.clock.calendar(), &now);
        let forward = sheet.goal.as_ref().ok().and_then(|goal| goal.from(&now)).is_some_and(|to| to > now);
        sheet.due = if forward { Due::Wanted(self.now.mono + PAUSE) } else { Due::Nothing };
    }

    pub(super) fn move_clock(&mut self, goal: &Goal) -> Vec<Effect> {
        let base = self.seen_world_time().map(|time| ("worldTime".to_owned(), Value::from(time)));
        let change = match goal {
            Goal::By(seconds) => EditChange::AdvanceTime { seconds: *seconds },
            Goal::To(time) => EditChange::SetTime { time: time.clone(), rewind: false },
        };
        self.submit(change, base.into_iter().collect())
    }

    /// Says the date that the clock sheet leads to, and how far that is.
    #[must_use]
    pub fn clock_goal(&self) -> Option<String> {
        let Some(Sheet::Clock(sheet)) = &self.sheet else { return None };
        let now = self.seen_world_time()?;
        let then = sheet.goal.as_ref().ok()?.from(&now)?;
        let (from, to): (WorldTime, WorldTime) = (now.parse().ok()?, then.parse().ok()?);
        let far = crate::app::clock::elapsed(to.as_second() - from.as_second());
        Some(format!("{}   {far}", self.clock.long(&then)))
    }

    /// Returns when the server is to be asked what falls due.
    pub(in crate::app) fn due_deadline(&self) -> Option<Instant> {
        match &self.sheet {
            Some(Sheet::Clock(sheet)) => match sheet.due {
                Due::Wanted(at) => Some(at),
                Due::Nothing | Due::Asked | Due::Known(_) | Due::NotOffered | Due::Failed => None,
            },
            _ => None,
        }
    }

    /// Asks what falls due, once the person has paused.
    pub(in crate::app) fn ask_due(&mut self) -> Option<Effect> {
        let now = self.seen_world_time()?;
        let Stage::Watching(campaign) = &self.stage else { return None };
        let Some(Sheet::Clock(sheet)) = &mut self.sheet else { return None };
        let (Due::Wanted(at), Ok(goal)) = (&sheet.due, &sheet.goal) else { return None };
        let until = goal.from(&now).filter(|_| *at <= self.now.mono)?;
        sheet.due = Due::Asked;
        Some(Effect::AskDue { campaign: campaign.clone(), until })
    }

    /// Takes the answer, unless the person aims elsewhere by now.
    pub(in crate::app) fn due_told(&mut self, until: &str, result: Result<Vec<DueEffect>, Unanswered>) {
        let now = self.seen_world_time();
        let Some(Sheet::Clock(sheet)) = &mut self.sheet else { return };
        let aimed = sheet.goal.as_ref().ok().zip(now.as_deref()).and_then(|(goal, now)| goal.from(now));
        if aimed.as_deref() == Some(until) {
            sheet.due = match result {
                Ok(due) => Due::Known(due),
                Err(Unanswered::NotOffered) => Due::NotOffered,
                Err(Unanswered::Failed) => Due::Failed,
            };
            self.redraw = true;
        }
    }
}
