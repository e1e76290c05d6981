//! A value under edit: a line, a text of several lines, or one of several values.

use serde_json::Value;

use super::buffer::TextBuffer;
use super::command::{EditCommand, Motion, TextCommand};
use super::field::{EditField, FieldKind};
use crate::app::command::{Action, KeyContext, LineCommand};
use crate::app::key::Key;
use crate::app::keymap::Keymap;
use crate::app::prompt::{Prompt, PromptOutcome};

/// A value as it is being written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldInput {
    Line(Prompt),
    Block(TextBuffer),
    Options { values: Vec<String>, selected: usize },
}

/// The effect of a key on a field's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyOutcome {
    Changed,
    Nothing,
    /// Take it as it is.
    Save,
    /// Leave everything as it was.
    Cancel,
    /// To the next place, or the one before.
    Go(isize),
    /// The owner decides what this means.
    Unhandled(Action),
}

impl FieldInput {
    /// Begins with a value of a field.
    #[must_use]
    pub(crate) fn from_value(kind: &FieldKind, value: &Value) -> Self {
        let written = kind.write(value);
        match kind {
            FieldKind::Name | FieldKind::Line | FieldKind::Level | FieldKind::Number(_) => {
                Self::Line(Prompt::new(&written))
            }
            FieldKind::Prose | FieldKind::List => Self::Block(TextBuffer::block(&written)),
            FieldKind::Choice(values) => Self::options(values.clone(), &written),
            FieldKind::Flag => Self::options(vec!["yes".to_owned(), "no".to_owned()], &written),
        }
    }

    fn options(values: Vec<String>, written: &str) -> Self {
        let selected = values.iter().position(|value| value == written).unwrap_or(0);
        Self::Options { values, selected }
    }

    /// Returns what is written.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Line(prompt) => prompt.text(),
            Self::Block(buffer) => buffer.text(),
            Self::Options { values, selected } => values.get(*selected).map_or("", String::as_str),
        }
    }

    /// Returns the key context while this is written.
    #[must_use]
    pub(crate) const fn context(&self) -> KeyContext {
        match self {
            Self::Line(_) => KeyContext::Prompt,
            Self::Block(_) => KeyContext::Block,
            Self::Options { .. } => KeyContext::Options,
        }
    }

    /// Types what was pasted.
    pub(crate) fn paste(&mut self, pasted: &str) {
        match self {
            Self::Line(prompt) => prompt.insert(pasted.trim_end_matches(['\n', '\r'])),
            Self::Block(buffer) => buffer.paste(pasted),
            Self::Options { .. } => {}
        }
    }

    /// Takes a key; `columns` is the width in which a text of several lines is shown.
    pub(crate) fn key(&mut self, key: Key, field: &EditField, keymap: &Keymap, columns: usize) -> KeyOutcome {
        match self {
            Self::Line(prompt) => line_key(prompt, key, field, keymap),
            Self::Block(buffer) => block_key(buffer, key, keymap, columns),
            Self::Options { values, selected } => options_key(values, selected, key, keymap),
        }
    }
}

fn line_key(prompt: &mut Prompt, key: Key, field: &EditField, keymap: &Keymap) -> KeyOutcome {
    let step = match keymap.action(KeyContext::Prompt, key) {
        Some(Action::Line(LineCommand::Earlier)) => 1,
        Some(Action::Line(LineCommand::Later)) => -1,
        Some(Action::Line(LineCommand::Complete)) => return KeyOutcome::Go(1),
        _ => 0,
    };
    if step != 0 {
        return stepped(prompt, field, step).unwrap_or(KeyOutcome::Go(if step > 0 { -1 } else { 1 }));
    }
    match prompt.key(key, keymap) {
        PromptOutcome::Changed => KeyOutcome::Changed,
        PromptOutcome::Moved => KeyOutcome::Nothing,
        PromptOutcome::Accepted => KeyOutcome::Save,
        PromptOutcome::Cancelled => KeyOutcome::Cancel,
        PromptOutcome::Unhandled(action) => KeyOutcome::Unhandled(action),
    }
}

/// Raises or lowers a number by one, as far as it may go.
fn stepped(prompt: &mut Prompt, field: &EditField, step: i64) -> Option<KeyOutcome> {
    if !matches!(field.kind, FieldKind::Level | FieldKind::Number(_)) {
        return None;
    }
    let number = field.kind.read(prompt.text(), &field.unit).ok()?;
    let next = match number.as_i64() {
        Some(whole) => whole.checked_add(step)?.to_string(),
        None => (number.as_f64()? + if step > 0 { 1.0 } else { -1.0 }).to_string(),
    };
    if field.kind.read(&next, &field.unit).is_ok() {
        prompt.set(&next);
        Some(KeyOutcome::Changed)
    } else {
        Some(KeyOutcome::Nothing)
    }
}

fn block_key(buffer: &mut TextBuffer, key: Key, keymap: &Keymap, columns: usize) -> KeyOutcome {
    let edit_command = match (keymap.action(KeyContext::Block, key), key.character()) {
        (Some(Action::Edit(EditCommand::Text(edit_command))), _) => edit_command,
        (Some(Action::Edit(EditCommand::Save)), _) => return KeyOutcome::Save,
        (Some(Action::Edit(EditCommand::Cancel)), _) => return KeyOutcome::Cancel,
        (Some(action), _) => return KeyOutcome::Unhandled(action),
        (None, Some(c)) => {
            buffer.type_char(c);
            return KeyOutcome::Changed;
        }
        (None, None) => return KeyOutcome::Nothing,
    };
    if let TextCommand::Go(motion) = edit_command {
        buffer.go(motion, columns);
        return KeyOutcome::Nothing;
    }
    change_block(buffer, edit_command);
    KeyOutcome::Changed
}

fn change_block(buffer: &mut TextBuffer, edit_command: TextCommand) {
    match edit_command {
        TextCommand::Break => buffer.break_line(),
        TextCommand::Back => buffer.delete(Motion::Left),
        TextCommand::Delete => buffer.delete(Motion::Right),
        TextCommand::BackWord => buffer.delete(Motion::WordLeft),
        TextCommand::BackAll => buffer.delete(Motion::Home),
        TextCommand::Rest => buffer.delete(Motion::End),
        TextCommand::Undo => {
            buffer.undo();
        }
        TextCommand::Redo => {
            buffer.redo();
        }
        TextCommand::Go(_) => {}
    }
}

fn options_key(values: &[String], selected: &mut usize, key: Key, keymap: &Keymap) -> KeyOutcome {
    let last = values.len().saturating_sub(1);
    let before = *selected;
    match keymap.action(KeyContext::Options, key) {
        Some(Action::Edit(EditCommand::Previous)) => *selected = selected.checked_sub(1).unwrap_or(last),
        Some(Action::Edit(EditCommand::Next)) => *selected = if *selected >= last { 0 } else { *selected + 1 },
        Some(Action::Edit(EditCommand::Save)) => return KeyOutcome::Save,
        Some(Action::Edit(EditCommand::Cancel)) => return KeyOutcome::Cancel,
        Some(action) => return KeyOutcome::Unhandled(action),
        None => {
            // A letter leads to the next value that begins with it.
            let Some(letter) = key.character() else { return KeyOutcome::Nothing };
            let order = (1..=values.len()).map(|step| (before + step) % values.len().max(1));
            let begins = |index: &usize| values.get(*index).is_some_and(|value| value.starts_with(letter));
            *selected = order.into_iter().find(begins).unwrap_or(before);
        }
    }
    if *selected == before { KeyOutcome::Nothing } else { KeyOutcome::Changed }
}
