//! The help's content: every command that works in a place, its keys and its words, on lines of a given width.

use super::command::{Action, KeyContext};
use super::keymap::{BoundCommand, Keymap};
use super::measure::wrap;

/// Columns for the keys.
const KEY_COLUMNS: usize = 16;

/// A line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HelpLine {
    Blank,
    Heading(&'static str),
    /// A line of what is worth knowing first.
    First(String),
    /// A command's keys and words, or what did not fit on the line above.
    Command {
        keys: String,
        words: String,
    },
}

/// Lists the help for contexts that hold together, at `columns`; nothing is cut, long sentences go on below.
#[must_use]
pub(crate) fn lines(keymap: &Keymap, contexts: &[KeyContext], columns: usize, ascii: bool) -> Vec<HelpLine> {
    let mut lines: Vec<_> = first(keymap, contexts, columns, ascii).into_iter().map(HelpLine::First).collect();
    for context in contexts {
        let bound: Vec<_> = keymap.bindings(*context).filter(|bound| bound.binding.context == *context).collect();
        if bound.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Heading(context.title()));
        lines.extend(bound.iter().flat_map(|bound| command(bound, columns, ascii)));
    }
    lines
}

/// The questions of a newcomer: what changed, who did it and why, and how to be told next time.
fn first(keymap: &Keymap, contexts: &[KeyContext], columns: usize, ascii: bool) -> Vec<String> {
    if !contexts.contains(&KeyContext::Dashboard) {
        return Vec::new();
    }
    let key = |context, action| keymap.reach(context, action, ascii);
    let sentence = format!(
        "{} goes to the next change, {} explains a value, {} bookmarks it so that you are told of the next change.",
        key(KeyContext::Dashboard, Action::NextChange),
        key(KeyContext::Detail, Action::Activate),
        key(KeyContext::Dashboard, Action::Bookmark),
    );
    wrap(&sentence, columns.saturating_sub(2))
}

/// Returns the columns that keys take on every line.
#[must_use]
pub(crate) const fn key_columns() -> usize {
    KEY_COLUMNS
}

fn command(bound: &BoundCommand<'_>, columns: usize, ascii: bool) -> Vec<HelpLine> {
    let keys = bound.keys.iter().map(|key| key.label(ascii)).collect::<Vec<_>>().join(" ");
    let keys = if keys.is_empty() { vec!["(no key)".to_owned()] } else { wrap(&keys, KEY_COLUMNS) };
    let words = wrap(bound.binding.help, columns.saturating_sub(KEY_COLUMNS + 3));
    let count = keys.len().max(words.len());
    let line = |all: &[String], index: usize| all.get(index).cloned().unwrap_or_default();
    (0..count).map(|index| HelpLine::Command { keys: line(&keys, index), words: line(&words, index) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::BINDINGS;

    #[test]
    fn every_word_of_every_command_is_there_at_the_narrowest() {
        let keymap = Keymap::default();
        for context in BINDINGS.iter().map(|binding| binding.context) {
            let said: Vec<_> = lines(&keymap, context.chain(), 58, false)
                .into_iter()
                .filter_map(|line| match line {
                    HelpLine::Command { words, .. } => Some(words),
                    HelpLine::Blank | HelpLine::Heading(_) | HelpLine::First(_) => None,
                })
                .collect();
            let said = said.join(" ");
            for bound in keymap.bindings(context) {
                assert!(said.contains(bound.binding.help), "{}: {said}", bound.binding.help);
            }
        }
    }
}
