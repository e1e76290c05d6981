//! Which commands can be typed, how, and what they do.

use super::command::{CAMPAIGN_COMMAND, PROFILE_COMMAND, typed};
use crate::app::App;
use crate::app::command::{Action, KeyContext};
use crate::app::copy::Export;
use crate::app::edit::command::EditCommand;
use crate::app::keymap::{BINDINGS, Binding};

/// The arguments that are typed after a command's name.
const USAGE: [(&str, &str); 16] = [
    ("help", "[COMMAND]"),
    ("world", "[NAME]"),
    ("detail", "[NAME]"),
    ("journal", "[HOW MANY]"),
    ("inspect", "[NUMBER]"),
    ("filter", "[WORD | !WORD | ~LETTERS | =EXPRESSION]"),
    ("edit", "[FIELD VALUE]"),
    ("create", "[TYPE NAME]"),
    ("delete", "NAME"),
    ("advance-time", "3h | 2 days | DATE"),
    ("try-again", "NUMBER"),
    ("discard-edit", "NUMBER"),
    ("take-mine", "NUMBER"),
    ("take-theirs", "NUMBER"),
    ("take-base", "NUMBER"),
    ("preferences", "[LEVELS AND KINDS]"),
];

/// Returns what is typed behind a command's name.
#[must_use]
pub(super) fn usage(command: &str) -> Option<&'static str> {
    USAGE.iter().find(|(name, _)| *name == command).map(|(_, usage)| *usage)
}

/// Returns whether a command means anything where there is no screen.
#[must_use]
pub(super) fn is_spoken(binding: &Binding) -> bool {
    let is_edit = |commands: &[EditCommand]| matches!(binding.action, Action::Edit(edit_command) if commands.contains(&edit_command));
    match binding.context {
        KeyContext::Edits => is_edit(&[EditCommand::Again, EditCommand::Discard]),
        KeyContext::Resolve => is_edit(&[EditCommand::Mine, EditCommand::Theirs, EditCommand::Base]),
        KeyContext::Prompt
        | KeyContext::Sheet
        | KeyContext::Fields
        | KeyContext::Options
        | KeyContext::Block
        | KeyContext::Confirm
        | KeyContext::Preferences
        | KeyContext::Replay
        | KeyContext::Picker
        | KeyContext::Help => false,
        KeyContext::Everywhere
        | KeyContext::Dashboard
        | KeyContext::Further
        | KeyContext::World
        | KeyContext::Detail
        | KeyContext::Journal
        | KeyContext::Clock
        | KeyContext::Health
        | KeyContext::Inspector
        | KeyContext::People
        | KeyContext::Notifications => !is_of_the_screen(binding.action),
    }
}

/// Returns whether a command is about how things look, or has a plainer twin.
const fn is_of_the_screen(action: Action) -> bool {
    matches!(
        action,
        Action::Zoom
            | Action::HideChrome
            | Action::Mouse
            | Action::Wrap
            | Action::Command
            | Action::Suspend
            | Action::Export(Export::Text | Export::Ansi | Export::Svg)
    )
}

impl App {
    /// Explains one command, or lists all that work for this person.
    pub(super) fn answer_help(&mut self, wanted: &str) {
        let known = || BINDINGS.iter().filter(|binding| is_spoken(binding));
        if !wanted.is_empty() {
            let found = known().find(|binding| binding.command == wanted.to_lowercase());
            return match found {
                Some(binding) => self.reply(sentence(binding)),
                None => self.reply(format!("There is no command “{wanted}”; “help” lists them.")),
            };
        }
        self.reply("Each line is a command. Names may be shortened; parts in brackets are optional.");
        let changes = self.rights().is_some();
        let offered = |binding: &&Binding| {
            changes || !matches!(binding.action, Action::Edit(edit_command) if edit_command.changes_campaign())
        };
        let mut places: Vec<KeyContext> = Vec::new();
        known().for_each(|binding| {
            if !places.contains(&binding.context) {
                places.push(binding.context);
            }
        });
        for place in places {
            self.reply(format!("{}:", place.title()));
            known().filter(offered).filter(|binding| binding.context == place).for_each(|binding| {
                self.reply(sentence(binding));
            });
        }
        self.reply(format!("{CAMPAIGN_COMMAND} [NAME]: switch to another campaign."));
        self.reply(format!("{PROFILE_COMMAND} [NAME]: switch to another server."));
    }
}

fn sentence(binding: &Binding) -> String {
    format!("{}: {}.", typed(binding), binding.help)
}
