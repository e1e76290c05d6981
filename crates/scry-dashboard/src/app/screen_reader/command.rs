//! A typed line, taken as the command of the same name in the dashboard's one table.

use scry_protocol::Id;
use scry_text as text;
use scry_text::suggest::nearest;

use super::help::{is_spoken, usage};
use super::words;
use crate::app::command::{Action, KeyContext};
use crate::app::filter::Filter;
use crate::app::keymap::{BINDINGS, Binding};
use crate::app::palette::PaletteTarget;
use crate::app::pane::Pane;
use crate::app::{App, AppEffect, AppStage};

/// The commands that can be typed besides the table's.
pub(super) const CAMPAIGN_COMMAND: &str = "campaign";
pub(super) const PROFILE_COMMAND: &str = "profile";

impl App {
    /// Carries out a typed line; what is to be said about it waits in the answers.
    pub(in crate::app) fn command_line(&mut self, typed: &str) -> Vec<AppEffect> {
        let line = text::line(typed.trim()).into_owned();
        let (name, rest) = line.split_once(' ').map_or((line.as_str(), ""), |(name, rest)| (name, rest.trim()));
        match (name, &self.stage) {
            ("", _) => Vec::new(),
            (CAMPAIGN_COMMAND, _) => self.campaign_line(rest),
            (PROFILE_COMMAND, _) => self.profile_line(rest),
            (_, AppStage::Choosing { .. }) if command(name).is_none() => self.campaign_line(&line),
            _ => match command(name) {
                Some(binding) => self.execute(binding, rest),
                None => {
                    self.answer_unknown(name);
                    Vec::new()
                }
            },
        }
    }

    fn answer_unknown(&mut self, name: &str) {
        let known = BINDINGS.iter().filter(|binding| is_spoken(binding)).map(|binding| binding.command);
        let near = nearest(name, known.chain([CAMPAIGN_COMMAND, PROFILE_COMMAND]));
        let remedy = near.map_or_else(
            || "“help” lists the commands".to_owned(),
            |near| format!("did you mean “{near}”? “help” lists all commands"),
        );
        self.reply(format!("There is no command “{name}”; {remedy}."));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what takes nothing behind its name is what it is on a screen")]
    fn execute(&mut self, binding: &'static Binding, rest: &str) -> Vec<AppEffect> {
        if matches!(self.stage, AppStage::Watching(_)) {
            self.stand_in(binding.context);
        }
        match binding.action {
            Action::Help => self.answer_help(rest),
            Action::Pane(pane @ (Pane::World | Pane::Detail)) if !rest.is_empty() => {
                if let Some(key) = self.find(rest) {
                    self.show_entity(&key);
                    self.go_to_pane(pane);
                    self.answer_pane(pane, rest);
                }
            }
            Action::Pane(pane) => {
                let effects = self.perform(binding.action);
                self.answer_pane(pane, rest);
                return effects;
            }
            Action::Filter => self.filter_line(rest),
            Action::Activate if self.focus == Pane::Journal && !rest.is_empty() => self.inspect_line(rest),
            Action::Edit(edit_command) => return self.command_line_edit(edit_command, rest),
            action => {
                let effects = self.perform(action);
                self.answer_after(action, &effects);
                return effects;
            }
        }
        Vec::new()
    }

    /// Goes to the pane that a command belongs to.
    fn stand_in(&mut self, context: KeyContext) {
        let pane = Pane::ALL.into_iter().find(|pane| pane.title().eq_ignore_ascii_case(context.name()));
        if let Some(pane) = pane.filter(|pane| *pane != self.focus) {
            self.go_to_pane(pane);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named here says all there is to say in the news")]
    fn answer_after(&mut self, action: Action, effects: &[AppEffect]) {
        match action {
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
                self.answer_place();
            }
            Action::Fold | Action::Unfold if self.focus != Pane::Detail => self.answer_place(),
            Action::NextChange | Action::PreviousChange if self.tree.fresh().is_empty() => {
                self.reply("Nothing has changed recently.");
            }
            Action::NextBookmark if self.tree.bookmarks().is_empty() => {
                self.reply("There is no bookmark; “bookmark” sets one on what is selected.");
            }
            Action::Activate if self.focus == Pane::World => self.answer_place(),
            Action::NextChange | Action::PreviousChange => {
                self.go_to_pane(Pane::Detail);
                self.answer_pane(Pane::Detail, "");
            }
            Action::Fold
            | Action::Unfold
            | Action::Activate
            | Action::ShowEntity
            | Action::NextBookmark
            | Action::GoBack
            | Action::GoForward
            | Action::NextPane
            | Action::PreviousPane
            | Action::Back
            | Action::NextMarker
            | Action::PreviousMarker => self.answer_pane(self.focus, ""),
            Action::Follow | Action::TogglePause => {
                let following = "Following: events are announced at once.";
                let paused = "Paused: events are counted, and announced when you type “follow”.";
                self.reply(if self.journal.is_following() { following } else { paused });
            }
            Action::Privacy => {
                let hides = "The players' view is on: secrets are hidden.";
                self.reply(if self.private { hides } else { "The players' view is off: secrets are shown." });
            }
            Action::Timestamps => {
                let whose = if self.world_times { "of the campaign's world" } else { "of this world" };
                self.reply(format!("Times in the journal are {whose}."));
            }
            Action::ClearFilter => self.reply("The filter is cleared."),
            Action::Retry if effects.is_empty() => self.reply("There is nothing to retry."),
            _ => {}
        }
    }

    /// Sets the filter of the World or the Journal: a word, `!word`, `~letters` or `=expression`.
    fn filter_line(&mut self, rest: &str) {
        let of_journal = self.focus == Pane::Journal;
        match Filter::parse(rest) {
            Err(fault) => {
                self.reply(format!("This filter cannot be used, at character {}: {}.", fault.column + 1, fault.message))
            }
            Ok(filter) if of_journal => {
                let whole = filter.is_none();
                self.filter_journal(filter);
                let (shown, all) = (self.journal.shown(), self.journal.len());
                let said = format!("The journal shows {shown} of {all} rows, and tells only what passes.");
                self.reply(if whole { "The journal shows everything.".to_owned() } else { said });
            }
            Ok(filter) => {
                self.filter_world(filter);
                let passing = self.tree.filter().map(|(_, passing)| passing);
                self.reply(passing.map_or_else(
                    || "The World shows everything.".to_owned(),
                    |passing| format!("{passing} entities of the World pass; “world” lists them."),
                ));
            }
        }
    }

    /// Inspects the event with a position, `1204` or `#1204`.
    fn inspect_line(&mut self, rest: &str) {
        let wanted: Option<u64> = rest.trim_start_matches('#').parse().ok();
        let found = self.journal.numbered().find(|(_, entry)| wanted.is_some() && entry.seq == wanted);
        let Some((number, _)) = found else {
            return self.reply(format!("The journal holds no event {rest}; each is told with its number."));
        };
        let rows = self.layout().rows(Pane::Journal);
        self.journal.pause(rows);
        self.journal.go_to(number, rows);
        self.inspect_selected();
        self.answer_pane(Pane::Inspector, "");
        // What happens is told on, whatever is looked at meanwhile.
        self.journal.follow();
    }

    fn campaign_line(&mut self, rest: &str) -> Vec<AppEffect> {
        let choices = match &self.stage {
            AppStage::Choosing { choices, .. } => choices.clone(),
            AppStage::Listing | AppStage::Stuck(_) | AppStage::Watching(_) => self.campaigns.clone(),
        };
        if choices.is_empty() {
            self.reply("Loading the campaigns; type “campaign” again in a moment.");
            return vec![AppEffect::LoadCampaigns];
        }
        if rest.is_empty() {
            words::choices(&choices).into_iter().for_each(|line| self.reply(line));
            return Vec::new();
        }
        let numbered = rest.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
        let wanted = rest.to_lowercase();
        let named = choices.iter().find(|choice| choice.name.to_lowercase().starts_with(&wanted));
        match numbered.or(named).map(|choice| (choice.id.clone(), text::line(&choice.name).into_owned())) {
            Some((id, name)) => self.go_to_campaign(id, &name),
            None => {
                self.reply(format!("No campaign is called “{rest}”; “campaign” lists them."));
                Vec::new()
            }
        }
    }

    fn go_to_campaign(&mut self, id: Id, name: &str) -> Vec<AppEffect> {
        self.reply(format!("Opening {name}."));
        match self.stage {
            AppStage::Watching(_) => self.go_to_target(PaletteTarget::Campaign(id)),
            AppStage::Listing | AppStage::Choosing { .. } | AppStage::Stuck(_) => self.watch(id),
        }
    }

    fn profile_line(&mut self, rest: &str) -> Vec<AppEffect> {
        if self.options.profiles.iter().any(|profile| profile == rest) {
            return vec![AppEffect::UseProfile(rest.to_owned())];
        }
        let known = self.options.profiles.join(", ");
        self.reply(if known.is_empty() {
            "The configuration has no other profile.".to_owned()
        } else {
            format!("Profiles are {known}; “profile NAME” switches to one.")
        });
        Vec::new()
    }
}

/// Finds a command that can be typed, by its name or by a beginning that no other has.
fn command(name: &str) -> Option<&'static Binding> {
    let name = name.to_lowercase();
    let known = || BINDINGS.iter().filter(|binding| is_spoken(binding));
    let mut begun = known().filter(|binding| binding.command.starts_with(&name));
    let whole = known().find(|binding| binding.command == name);
    whole.or_else(|| begun.next().filter(|_| begun.next().is_none()))
}

/// Returns how a command is typed where it takes an argument.
#[must_use]
pub(super) fn typed(binding: &Binding) -> String {
    usage(binding.command).map_or_else(|| binding.command.to_owned(), |more| format!("{} {more}", binding.command))
}
