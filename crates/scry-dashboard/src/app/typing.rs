//! What a line is typed for, and what becomes of it.

use crossterm::event::KeyEvent;

use super::command::{Action, LineCommand};
use super::filter::{Filter, FilterError};
use super::palette::Palette;
use super::pane::Pane;
use super::prompt::{Prompt, PromptOutcome};
use super::{App, AppEffect};

/// The line that is being typed, and its purpose.
#[derive(Debug)]
pub struct LineInput {
    pub(crate) prompt: Prompt,
    pub(crate) purpose: LinePurpose,
    /// What is wrong with the line so far.
    pub(crate) problem: Option<FilterError>,
}

/// The purpose of a line.
#[derive(Debug)]
pub(crate) enum LinePurpose {
    /// A filter over this pane; `before` returns if it is cancelled.
    Filter { pane: Pane, before: Option<Filter> },
    /// A command, a campaign or an entity, chosen from what fits.
    Palette(Palette),
}

/// The lines typed earlier, by purpose.
#[derive(Debug, Default)]
pub(super) struct LineHistories {
    pub filter: Vec<String>,
    pub palette: Vec<String>,
}

impl App {
    /// Returns the line that is being typed.
    #[must_use]
    pub const fn typing(&self) -> Option<&LineInput> {
        self.typing.as_ref()
    }

    /// Begins to type a filter for the focused pane, or for the World.
    pub(super) fn type_filter(&mut self) {
        let pane = if self.focus == Pane::Journal { Pane::Journal } else { Pane::World };
        self.go_to_pane(pane);
        let before = if pane == Pane::Journal {
            self.journal.filter().cloned()
        } else {
            self.tree.filter().map(|(filter, _)| filter.clone())
        };
        let text = before.as_ref().map(|filter| filter.source().to_owned()).unwrap_or_default();
        let prompt = Prompt::new(&text).with_history(self.histories.filter.clone());
        self.no_chrome = false;
        self.typing = Some(LineInput { prompt, purpose: LinePurpose::Filter { pane, before }, problem: None });
    }

    /// Begins to type a command.
    pub(super) fn type_command(&mut self) -> Vec<AppEffect> {
        let prompt = Prompt::default().with_history(self.histories.palette.clone());
        let palette = Palette::new(self, "");
        self.no_chrome = false;
        self.typing = Some(LineInput { prompt, purpose: LinePurpose::Palette(palette), problem: None });
        // What the person may watch can have changed since the last time.
        vec![AppEffect::LoadCampaigns]
    }

    /// Takes a key while a line is typed.
    pub(super) fn type_key(&mut self, mut typing: LineInput, key: KeyEvent) -> Vec<AppEffect> {
        let action = self.keymap.action(super::KeyContext::Prompt, key.into());
        if let (LinePurpose::Palette(palette), Some(Action::Line(line @ (LineCommand::Earlier | LineCommand::Later)))) =
            (&mut typing.purpose, action)
        {
            palette.step(if line == LineCommand::Earlier { -1 } else { 1 });
            self.typing = Some(typing);
            return Vec::new();
        }
        match typing.prompt.key(key.into(), &self.keymap) {
            PromptOutcome::Changed => self.line_changed(typing),
            PromptOutcome::Moved => self.typing = Some(typing),
            PromptOutcome::Accepted => return self.line_accepted(typing),
            PromptOutcome::Cancelled => self.line_cancelled(typing),
            PromptOutcome::Unhandled(Action::Suspend) => {
                self.typing = Some(typing);
                return vec![AppEffect::Suspend];
            }
            PromptOutcome::Unhandled(_) => {
                if let LinePurpose::Palette(palette) = &typing.purpose
                    && let Some(label) = palette.chosen().map(|candidate| candidate.label.clone())
                {
                    typing.prompt.set(&label);
                }
                self.line_changed(typing);
            }
        }
        Vec::new()
    }

    /// Takes pasted text: into the line that is typed, and nowhere else.
    pub(super) fn paste(&mut self, text: &str) {
        if let Some(mut typing) = self.typing.take() {
            typing.prompt.insert(text);
            self.line_changed(typing);
        } else {
            self.dialog_paste(text);
        }
    }

    pub(super) fn line_changed(&mut self, mut typing: LineInput) {
        typing.problem = None;
        match &mut typing.purpose {
            LinePurpose::Palette(_) => typing.purpose = LinePurpose::Palette(Palette::new(self, typing.prompt.text())),
            LinePurpose::Filter { pane, .. } => match Filter::parse(typing.prompt.text()) {
                Ok(filter) => self.set_filter(*pane, filter),
                Err(problem) => typing.problem = Some(problem),
            },
        }
        self.typing = Some(typing);
    }

    fn line_accepted(&mut self, typing: LineInput) -> Vec<AppEffect> {
        if typing.problem.is_some() {
            // What is wrong is on screen, and so is the line to mend it in.
            self.typing = Some(typing);
            return Vec::new();
        }
        match typing.purpose {
            LinePurpose::Filter { .. } => {
                (_, self.histories.filter) = typing.prompt.finish();
                Vec::new()
            }
            LinePurpose::Palette(palette) => {
                let Some(candidate) = palette.chosen().cloned() else {
                    self.typing = Some(LineInput { purpose: LinePurpose::Palette(palette), ..typing });
                    return Vec::new();
                };
                (_, self.histories.palette) = typing.prompt.finish();
                self.go_to_target(candidate.target)
            }
        }
    }

    fn line_cancelled(&mut self, typing: LineInput) {
        if let LinePurpose::Filter { pane, before } = typing.purpose {
            self.set_filter(pane, before);
        }
    }

    /// Takes the filter off the focused pane.
    pub(super) fn clear_filter(&mut self) {
        self.set_filter(self.focus, None);
    }

    fn set_filter(&mut self, pane: Pane, filter: Option<Filter>) {
        if pane == Pane::Journal { self.filter_journal(filter) } else { self.filter_world(filter) }
    }
}
