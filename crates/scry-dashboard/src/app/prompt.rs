//! A line that is being typed (pure): a cursor between whole characters, words, what was removed, a history.

use std::ops::Range;

use scry_text as text;
use unicode_segmentation::UnicodeSegmentation;

use super::command::LineCommand;
use super::key::Key;
use super::keymap::{Action, KeyContext, Keymap};

/// How many bytes a line may take; what is pasted beyond is left out.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// How many earlier lines are remembered.
const MAX_HISTORY_LINES: usize = 100;

/// A line, the cursor in it, and the lines typed before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    text: String,
    /// The byte before which the next character goes; always between two characters.
    cursor: usize,
    removed: String,
    history: Vec<String>,
    /// Which line of the history is shown, and what had been typed before it was.
    recalled: Option<(usize, String)>,
}

/// The effect of a key on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PromptOutcome {
    /// The text differs now.
    Changed,
    /// The cursor moved, or nothing happened.
    Moved,
    /// The line is as it is meant.
    Accepted,
    /// Nothing is to come of it.
    Cancelled,
    /// The owner decides what this means: completion, or a command beyond the line.
    Unhandled(Action),
}

impl Prompt {
    /// Begins with a text, the cursor behind it.
    #[must_use]
    pub(crate) fn new(text: &str) -> Self {
        let mut prompt = Self::default();
        prompt.insert(text);
        prompt
    }

    /// Gives the line a history to walk through, the oldest line first.
    #[must_use]
    pub(crate) fn with_history(mut self, history: Vec<String>) -> Self {
        self.history = history;
        self
    }

    /// Returns what is typed.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns what stands before the cursor, and what behind it.
    #[must_use]
    pub(crate) fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Puts another text in place of the line, the cursor behind it.
    pub(crate) fn set(&mut self, text: &str) {
        self.text.clear();
        self.cursor = 0;
        self.insert(text);
    }

    /// Types a text, a pasted one too: it is made safe and put on one line.
    pub(crate) fn insert(&mut self, foreign: &str) {
        let mut safe = text::line(foreign).into_owned();
        let mut room = MAX_LINE_BYTES.saturating_sub(self.text.len()).min(safe.len());
        while !safe.is_char_boundary(room) {
            room -= 1;
        }
        safe.truncate(room);
        self.text.insert_str(self.cursor, &safe);
        self.cursor = self.boundary_from(self.cursor + safe.len());
        self.recalled = None;
    }

    /// Takes a key: a command of the prompt, or a character.
    pub(crate) fn key(&mut self, key: Key, keymap: &Keymap) -> PromptOutcome {
        match (keymap.action(KeyContext::Prompt, key), key.character()) {
            (Some(Action::Line(line)), _) => self.edit(line),
            (Some(action), _) => PromptOutcome::Unhandled(action),
            (None, Some(c)) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
                PromptOutcome::Changed
            }
            (None, None) => PromptOutcome::Moved,
        }
    }

    /// Carries out one command.
    pub(crate) fn edit(&mut self, line: LineCommand) -> PromptOutcome {
        match line {
            LineCommand::Accept => return PromptOutcome::Accepted,
            LineCommand::Cancel => return PromptOutcome::Cancelled,
            LineCommand::Complete => return PromptOutcome::Unhandled(Action::Line(line)),
            LineCommand::Left => self.cursor = self.before(),
            LineCommand::Right => self.cursor = self.after(),
            LineCommand::WordLeft => self.cursor = self.word_before(),
            LineCommand::WordRight => self.cursor = self.word_after(),
            LineCommand::Start => self.cursor = 0,
            LineCommand::End => self.cursor = self.text.len(),
            LineCommand::Back => return self.drop_range(self.before()..self.cursor),
            LineCommand::Delete => return self.drop_range(self.cursor..self.after()),
            LineCommand::BackWord => return self.cut(self.word_before()..self.cursor),
            LineCommand::BackAll => return self.cut(0..self.cursor),
            LineCommand::Rest => return self.cut(self.cursor..self.text.len()),
            LineCommand::Yank => {
                let removed = self.removed.clone();
                self.insert(&removed);
                return PromptOutcome::Changed;
            }
            LineCommand::Earlier => return self.recall(true),
            LineCommand::Later => return self.recall(false),
        }
        PromptOutcome::Moved
    }

    /// Ends the line and returns it with the history it now belongs to.
    #[must_use]
    pub(crate) fn finish(mut self) -> (String, Vec<String>) {
        if !self.text.is_empty() {
            self.history.retain(|line| *line != self.text);
            self.history.push(self.text.clone());
            let surplus = self.history.len().saturating_sub(MAX_HISTORY_LINES);
            self.history.drain(..surplus);
        }
        (self.text, self.history)
    }

    fn recall(&mut self, earlier: bool) -> PromptOutcome {
        let (index, typed) = match (self.recalled.take(), earlier) {
            (None, true) => (self.history.len().checked_sub(1), self.text.clone()),
            (None, false) => return PromptOutcome::Moved,
            (Some((index, typed)), true) => (Some(index.saturating_sub(1)), typed),
            (Some((index, typed)), false) => (Some(index + 1).filter(|next| *next < self.history.len()), typed),
        };
        let line = index.and_then(|index| self.history.get(index)).unwrap_or(&typed).clone();
        self.set(&line);
        self.recalled = index.map(|index| (index, typed));
        PromptOutcome::Changed
    }

    fn cut(&mut self, range: Range<usize>) -> PromptOutcome {
        if let Some(cut) = self.text.get(range.clone()).filter(|cut| !cut.is_empty()) {
            self.removed = cut.to_owned();
        }
        self.drop_range(range)
    }

    fn drop_range(&mut self, range: Range<usize>) -> PromptOutcome {
        if range.is_empty() {
            return PromptOutcome::Moved;
        }
        self.cursor = range.start;
        self.text.replace_range(range, "");
        // What stood around the gap may have become one character.
        self.cursor = self.boundary_from(self.cursor);
        self.recalled = None;
        PromptOutcome::Changed
    }

    fn before(&self) -> usize {
        let (head, _) = self.halves();
        head.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let (_, tail) = self.halves();
        self.cursor + tail.graphemes(true).next().map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let (head, _) = self.halves();
        let start = head.unicode_word_indices().next_back().map_or(0, |(at, _)| at);
        // A word may begin or end within what is one character to a reader.
        self.text.grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= start).last().unwrap_or(0)
    }

    fn word_after(&self) -> usize {
        let (_, tail) = self.halves();
        let end =
            tail.unicode_word_indices().next().map_or(self.text.len(), |(at, word)| self.cursor + at + word.len());
        self.boundary_from(end)
    }

    /// Returns the first place between two characters at or behind a byte.
    fn boundary_from(&self, byte: usize) -> usize {
        let starts = self.text.grapheme_indices(true).map(|(at, _)| at);
        starts.chain([self.text.len()]).find(|at| *at >= byte).unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(keys: &str) -> Prompt {
        let (mut prompt, keymap) = (Prompt::default(), Keymap::default());
        for key in keys.split_whitespace() {
            prompt.key(key.parse().unwrap(), &keymap);
        }
        prompt
    }

    #[test]
    fn words_are_walked_over_cut_and_put_back() {
        let mut prompt = Prompt::new("raise the tower");
        prompt.edit(LineCommand::BackWord);
        assert_eq!(prompt.halves(), ("raise the ", ""));
        prompt.edit(LineCommand::WordLeft);
        prompt.edit(LineCommand::Yank);
        assert_eq!(prompt.halves(), ("raise tower", "the "));
        prompt.edit(LineCommand::WordRight);
        assert_eq!(prompt.halves(), ("raise towerthe", " "));
        prompt.edit(LineCommand::BackAll);
        assert_eq!((prompt.edit(LineCommand::BackAll), prompt.text()), (PromptOutcome::Moved, " "));
    }

    #[test]
    fn a_character_is_removed_whole() {
        let mut prompt = Prompt::new("e\u{301}👩‍👩‍👧砦");
        for left in ["e\u{301}👩‍👩‍👧", "e\u{301}", ""] {
            prompt.edit(LineCommand::Back);
            assert_eq!(prompt.text(), left);
        }
    }

    #[test]
    fn a_word_that_ends_within_a_character_is_left_behind_it() {
        let mut prompt = Prompt::new("\u{d4e}:");
        prompt.edit(LineCommand::WordLeft);
        prompt.edit(LineCommand::WordRight);
        assert_eq!(prompt.halves(), ("\u{d4e}:", ""));
    }

    #[test]
    fn pasted_text_becomes_one_safe_line() {
        assert_eq!(Prompt::new("a\nb\u{1b}[2J\u{202e}c").text(), "a b�[2Jc");
        assert!(Prompt::new(&"x".repeat(100_000)).text().len() <= MAX_LINE_BYTES);
    }

    #[test]
    fn keys_write_their_characters_unless_they_mean_something() {
        assert_eq!(typed("j space q ctrl-h Q ctrl-x").text(), "j Q");
    }

    #[test]
    fn the_history_is_walked_and_left_again() {
        let mut prompt = Prompt::new("typ").with_history(vec!["one".to_owned(), "two".to_owned()]);
        let mut seen = Vec::new();
        for line in [
            LineCommand::Earlier,
            LineCommand::Earlier,
            LineCommand::Earlier,
            LineCommand::Later,
            LineCommand::Later,
            LineCommand::Later,
        ] {
            prompt.edit(line);
            seen.push(prompt.text().to_owned());
        }
        assert_eq!(seen, ["two", "one", "one", "two", "typ", "typ"]);
        prompt.set("one");
        assert_eq!(prompt.finish().1, ["two", "one"]);
    }

    proptest! {
        #[test]
        fn the_cursor_always_stands_between_characters(
            actions in prop::collection::vec((0usize..19, "\\PC{0,4}"), 1..60)
        ) {
            let lines = [
                LineCommand::Left, LineCommand::Right, LineCommand::WordLeft, LineCommand::WordRight, LineCommand::Start, LineCommand::End, LineCommand::Back, LineCommand::Delete,
                LineCommand::BackWord, LineCommand::BackAll, LineCommand::Rest, LineCommand::Yank, LineCommand::Earlier, LineCommand::Later,
            ];
            let mut prompt = Prompt::default().with_history(vec!["e\u{301}".to_owned()]);
            for (action, text) in actions {
                match lines.get(action) {
                    Some(line) => _ = prompt.edit(*line),
                    None => prompt.insert(&text),
                }
                let mut boundaries = prompt.text().grapheme_indices(true).map(|(at, _)| at).chain([prompt.text().len()]);
                prop_assert!(boundaries.any(|at| at == prompt.halves().0.len()));
            }
        }
    }
}
