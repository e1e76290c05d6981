//! A value under edit: a line, a text of several lines, or one of several values.

use serde_json::Value;

use super::buffer::Buffer;
use super::command::{Deed, Motion, TextDeed};
use super::field::{Field, Kind};
use crate::app::command::{Action, Context, Line};
use crate::app::key::Key;
use crate::app::keymap::Keymap;
use crate::app::prompt::{Prompt, Typed};

/// Holds a value as it is being written.
#[derive(Debug, Clone, PartialEq)]
pub enum Draft {
    Line(Prompt),
    Block(Buffer),
    Options { values: Vec<String>, selected: usize },
}

/// Tells what a key did to a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    Changed,
    Nothing,
    /// Take it as it is.
    Save,
    /// Leave everything as it was.
    Cancel,
    /// To the next place, or the one before.
    Go(isize),
    /// The owner decides what this means.
    Beyond(Action),
}

impl Draft {
    /// Begins with a value of a field.
    #[must_use]
    pub fn of(kind: &Kind, value: &Value) -> Self {
        let written = kind.write(value);
        match kind {
            Kind::Name | Kind::Line | Kind::Level | Kind::Number(_) => Self::Line(Prompt::new(&written)),
            Kind::Prose | Kind::List => Self::Block(Buffer::block(&written)),
            Kind::Choice(values) => Self::options(values.clone(), &written),
            Kind::Flag => Self::options(vec!["yes".to_owned(), "no".to_owned()], &written),
        }
    }

    fn options(values: Vec<String>, written: &str) -> Self {
        let selected = values.iter().position(|value| value == written).unwrap_or(0);
        Self::Options { values, selected }
    }

    /// Returns what is written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Line(prompt) => prompt.text(),
            Self::Block(buffer) => buffer.text(),
            Self::Options { values, selected } => values.get(*selected).map_or("", String::as_str),
        }
    }

    /// Names what the keys mean while this is written.
    #[must_use]
    pub const fn context(&self) -> Context {
        match self {
            Self::Line(_) => Context::Prompt,
            Self::Block(_) => Context::Block,
            Self::Options { .. } => Context::Options,
        }
    }

    /// Types what was pasted.
    pub fn paste(&mut self, pasted: &str) {
        match self {
            Self::Line(prompt) => prompt.insert(pasted.trim_end_matches(['\n', '\r'])),
            Self::Block(buffer) => buffer.paste(pasted),
            Self::Options { .. } => {}
        }
    }

    /// Takes a key; `columns` is the width in which a text of several lines is shown.
    pub fn key(&mut self, key: Key, field: &Field, keymap: &Keymap, columns: usize) -> Did {
        match self {
            Self::Line(prompt) => line_key(prompt, key, field, keymap),
            Self::Block(buffer) => block_key(buffer, key, keymap, columns),
            Self::Options { values, selected } => options_key(values, selected, key, keymap),
        }
    }
}

fn line_key(prompt: &mut Prompt, key: Key, field: &Field, keymap: &Keymap) -> Did {
    let step = match keymap.action(Context::Prompt, key) {
        Some(Action::Line(Line::Earlier)) => 1,
        Some(Action::Line(Line::Later)) => -1,
        Some(Action::Line(Line::Complete)) => return Did::Go(1),
        _ => 0,
    };
    if step != 0 {
        return stepped(prompt, field, step).unwrap_or(Did::Go(if step > 0 { -1 } else { 1 }));
    }
    match prompt.key(key, keymap) {
        Typed::Changed => Did::Changed,
        Typed::Moved => Did::Nothing,
        Typed::Accepted => Did::Save,
        Typed::Cancelled => Did::Cancel,
        Typed::Beyond(action) => Did::Beyond(action),
    }
}

/// Raises or lowers a number by one, as far as it may go.
fn stepped(prompt: &mut Prompt, field: &Field, step: i64) -> Option<Did> {
    if !matches!(field.kind, Kind::Level | Kind::Number(_)) {
        return None;
    }
    let number = field.kind.read(prompt.text(), &field.unit).ok()?;
    let next = match number.as_i64() {
        Some(whole) => whole.checked_add(step)?.to_string(),
        None => (number.as_f64()? + if step > 0 { 1.0 } else { -1.0 }).to_string(),
    };
    if field.kind.read(&next, &field.unit).is_ok() {
        prompt.set(&next);
        Some(Did::Changed)
    } else {
        Some(Did::Nothing)
    }
}

fn block_key(buffer: &mut Buffer, key: Key, keymap: &Keymap, columns: usize) -> Did {
    let deed = match (keymap.action(Context::Block, key), key.character()) {
        (Some(Action::Edit(Deed::Text(deed))), _) => deed,
        (Some(Action::Edit(Deed::Save)), _) => return Did::Save,
        (Some(Action::Edit(Deed::Cancel)), _) => return Did::Cancel,
        (Some(action), _) => return Did::Beyond(action),
        (None, Some(c)) => {
            buffer.type_char(c);
            return Did::Changed;
        }
        (None, None) => return Did::Nothing,
    };
    if let TextDeed::Go(motion) = deed {
        buffer.go(motion, columns);
        return Did::Nothing;
    }
    change_block(buffer, deed);
    Did::Changed
}

fn change_block(buffer: &mut Buffer, deed: TextDeed) {
    match deed {
        TextDeed::Break => buffer.break_line(),
        TextDeed::Back => buffer.delete(Motion::Left),
        TextDeed::Delete => buffer.delete(Motion::Right),
        TextDeed::BackWord => buffer.delete(Motion::WordLeft),
        TextDeed::BackAll => buffer.delete(Motion::Home),
        TextDeed::Rest => buffer.delete(Motion::End),
        TextDeed::Undo => {
            buffer.undo();
        }
        TextDeed::Redo => {
            buffer.redo();
        }
        TextDeed::Go(_) => {}
    }
}

fn options_key(values: &[String], selected: &mut usize, key: Key, keymap: &Keymap) -> Did {
    let last = values.len().saturating_sub(1);
    let before = *selected;
    match keymap.action(Context::Options, key) {
        Some(Action::Edit(Deed::Previous)) => *selected = selected.checked_sub(1).unwrap_or(last),
        Some(Action::Edit(Deed::Next)) => *selected = if *selected >= last { 0 } else { *selected + 1 },
        Some(Action::Edit(Deed::Save)) => return Did::Save,
        Some(Action::Edit(Deed::Cancel)) => return Did::Cancel,
        Some(action) => return Did::Beyond(action),
        None => {
            // A letter leads to the next value that begins with it.
            let Some(letter) = key.character() else { return Did::Nothing };
            let order = (1..=values.len()).map(|step| (before + step) % values.len().max(1));
            let begins = |index: &usize| values.get(*index).is_some_and(|value| value.starts_with(letter));
            *selected = order.into_iter().find(begins).unwrap_or(before);
        }
    }
    if *selected == before { Did::Nothing } else { Did::Changed }
}
