//! A text under edit: its cursor, its past, and how it lies on lines of a certain width.

use std::ops::Range;

use scry_text as text;
use unicode_segmentation::UnicodeSegmentation;

use super::command::Motion;
use crate::app::measure::width;

/// How many steps back are kept.
const MAX_UNDO_STEPS: usize = 200;

/// A text, the place of the cursor in it, and what it was before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TextBuffer {
    text: String,
    /// A byte index at the start of a character as people see one.
    cursor: usize,
    past: Vec<BufferState>,
    future: Vec<BufferState>,
    /// Letters typed in a row are taken back in one step.
    is_typing: bool,
    /// The column the cursor returns to after shorter lines.
    goal: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct BufferState {
    text: String,
    cursor: usize,
}

impl TextBuffer {
    /// Returns a buffer with this text; the cursor is at its end.
    #[must_use]
    pub(crate) fn block(text: &str) -> Self {
        let text = text::block(text).into_owned();
        Self { cursor: text.len(), text, ..Self::default() }
    }

    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Types one character.
    pub(crate) fn type_char(&mut self, c: char) {
        // A space ends a word: what comes after it is taken back by itself.
        if !self.is_typing || c.is_whitespace() {
            self.remember();
        }
        self.is_typing = !c.is_whitespace();
        self.put(c.encode_utf8(&mut [0; 4]));
    }

    /// Breaks the line at the cursor.
    pub(crate) fn break_line(&mut self) {
        self.remember();
        self.put("\n");
    }

    /// Inserts pasted text, made safe.
    pub(crate) fn paste(&mut self, pasted: &str) {
        let pasted = pasted.replace("\r\n", "\n").replace('\r', "\n");
        self.remember();
        self.put(&text::block(&pasted));
    }

    fn put(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
        // A mark that joins the character before or after it must not leave the cursor inside of one.
        self.cursor = self.boundary_from(self.cursor);
        self.goal = None;
    }

    /// Removes what lies between the cursor and where a motion leads.
    pub(crate) fn delete(&mut self, motion: Motion) {
        let to = self.target(motion);
        let range = self.cursor.min(to)..self.cursor.max(to);
        if range.is_empty() {
            return;
        }
        self.remember();
        self.cursor = range.start;
        self.text.replace_range(range, "");
        self.cursor = self.boundary_from(self.cursor);
        self.goal = None;
    }

    /// Moves the cursor; `columns` is the width the text is shown in.
    pub(crate) fn go(&mut self, motion: Motion, columns: usize) {
        self.is_typing = false;
        match motion {
            Motion::Up => self.go_by_line(-1, columns),
            Motion::Down => self.go_by_line(1, columns),
            Motion::Left | Motion::Right | Motion::WordLeft | Motion::WordRight | Motion::Home | Motion::End => {
                self.cursor = self.target(motion);
                self.goal = None;
            }
        }
    }

    fn go_by_line(&mut self, by: isize, columns: usize) {
        let lines = self.lines(columns);
        let (row, column) = self.place(columns);
        let goal = self.goal.unwrap_or(column);
        let Some(line) = row.checked_add_signed(by).and_then(|row| lines.get(row)) else { return };
        let mut used = 0;
        let shown = self.text.get(line.clone()).unwrap_or_default();
        let inside = shown.grapheme_indices(true).find_map(|(index, grapheme)| {
            used += width(grapheme);
            (used > goal).then_some(index)
        });
        // The end of a line that was only wrapped is the start of the next one.
        self.cursor = line.start + inside.unwrap_or(shown.len());
        self.goal = Some(goal);
    }

    /// Takes the last step back; tells whether there was one.
    pub(crate) fn undo(&mut self) -> bool {
        let Some(moment) = self.past.pop() else { return false };
        let now = self.exchange(moment);
        self.future.push(now);
        true
    }

    /// Takes the last undone step again; tells whether there was one.
    pub(crate) fn redo(&mut self) -> bool {
        let Some(moment) = self.future.pop() else { return false };
        let now = self.exchange(moment);
        self.past.push(now);
        true
    }

    fn exchange(&mut self, moment: BufferState) -> BufferState {
        self.is_typing = false;
        self.goal = None;
        let cursor = std::mem::replace(&mut self.cursor, moment.cursor);
        BufferState { text: std::mem::replace(&mut self.text, moment.text), cursor }
    }

    fn remember(&mut self) {
        self.is_typing = false;
        self.future.clear();
        if self.past.len() == MAX_UNDO_STEPS {
            self.past.remove(0);
        }
        self.past.push(BufferState { text: self.text.clone(), cursor: self.cursor });
    }

    /// Divides the text into lines of at most `columns`, at spaces where there are any.
    ///
    /// Each is a range of bytes; together they hold everything but the line breaks. Spaces at which a line
    /// was broken stay at its end, and may lie beyond its width.
    #[must_use]
    pub(crate) fn lines(&self, columns: usize) -> Vec<Range<usize>> {
        let mut lines = Vec::new();
        let mut start = 0;
        for paragraph in self.text.split('\n') {
            wrap(paragraph, start, columns.max(2), &mut lines);
            start += paragraph.len() + 1;
        }
        lines
    }

    /// Returns the line and the column of the cursor in a width of `columns`.
    #[must_use]
    pub(crate) fn place(&self, columns: usize) -> (usize, usize) {
        let lines = self.lines(columns);
        let row = lines.iter().rposition(|line| line.start <= self.cursor).unwrap_or(0);
        let start = lines.get(row).map_or(0, |line| line.start);
        (row, width(self.text.get(start..self.cursor).unwrap_or_default()))
    }

    fn target(&self, motion: Motion) -> usize {
        let (before, after) = self.text.split_at(self.cursor);
        match motion {
            Motion::Left => before.grapheme_indices(true).next_back().map_or(0, |(index, _)| index),
            Motion::Right => self.cursor + after.graphemes(true).next().map_or(0, str::len),
            // A word may begin or end within what people see as one character.
            Motion::WordLeft => before
                .split_word_bound_indices()
                .rfind(|(_, word)| word.chars().any(char::is_alphanumeric))
                .map_or(0, |(index, _)| self.boundary_until(index)),
            Motion::WordRight => after
                .split_word_bound_indices()
                .find(|(_, word)| word.chars().any(char::is_alphanumeric))
                .map_or(self.text.len(), |(index, word)| self.boundary_from(self.cursor + index + word.len())),
            Motion::Home | Motion::Up => before.rfind('\n').map_or(0, |index| index + 1),
            Motion::End | Motion::Down => after.find('\n').map_or(self.text.len(), |index| self.cursor + index),
        }
    }

    /// Returns the last boundary between characters at or before a byte.
    fn boundary_until(&self, byte: usize) -> usize {
        let boundaries = self.text.grapheme_indices(true).map(|(index, _)| index);
        boundaries.take_while(|index| *index <= byte).last().unwrap_or(0)
    }

    /// Returns the first boundary between characters at or after a byte.
    fn boundary_from(&self, byte: usize) -> usize {
        self.text.grapheme_indices(true).map(|(index, _)| index).find(|index| *index >= byte).unwrap_or(self.text.len())
    }
}

fn wrap(paragraph: &str, offset: usize, columns: usize, lines: &mut Vec<Range<usize>>) {
    let (mut start, mut used, mut after_space) = (0, 0, None);
    for (index, grapheme) in paragraph.grapheme_indices(true) {
        let is_space = grapheme.chars().all(char::is_whitespace);
        let wide = width(grapheme);
        if used + wide > columns && !is_space && index > start {
            let at = after_space.filter(|at| *at > start).unwrap_or(index);
            lines.push(offset + start..offset + at);
            start = at;
            used = width(paragraph.get(at..index).unwrap_or_default());
        }
        used += wide;
        if is_space {
            after_space = Some(index + grapheme.len());
        }
    }
    lines.push(offset + start..offset + paragraph.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str) -> TextBuffer {
        let mut buffer = TextBuffer::block("");
        text.chars().for_each(|c| if c == '\n' { buffer.break_line() } else { buffer.type_char(c) });
        buffer
    }

    fn shown(buffer: &TextBuffer, columns: usize) -> Vec<&str> {
        buffer.lines(columns).into_iter().map(|line| buffer.text[line].trim_end()).collect()
    }

    #[test]
    fn words_are_wrapped_whole_and_what_is_too_long_is_cut() {
        assert_eq!(shown(&typed("one two three\n\nfour"), 8), ["one two", "three", "", "four"]);
        assert_eq!(shown(&typed("砦砦砦砦砦"), 5), ["砦砦", "砦砦", "砦"]);
    }

    #[test]
    fn the_cursor_moves_by_what_people_see_as_characters() {
        let mut buffer = typed("a👩‍👩‍👧e\u{301}");
        for expected in ["a👩‍👩‍👧", "a", ""] {
            buffer.delete(Motion::Left);
            assert_eq!(buffer.text(), expected);
        }
    }

    #[test]
    fn up_and_down_follow_the_lines_on_screen_and_return_to_their_column() {
        let mut buffer = typed("aaaa\nb\ncccc");
        buffer.go(Motion::Up, 20);
        assert_eq!(buffer.place(20), (1, 1));
        buffer.go(Motion::Up, 20);
        assert_eq!(buffer.place(20), (0, 4));
        buffer.go(Motion::Up, 20);
        assert_eq!(buffer.place(20), (0, 4));
    }

    #[test]
    fn words_are_jumped_over_and_removed() {
        let mut buffer = TextBuffer::block("Old  Bridge, north");
        buffer.delete(Motion::WordLeft);
        assert_eq!(buffer.text(), "Old  Bridge, ");
        buffer.go(Motion::WordLeft, 80);
        buffer.delete(Motion::Home);
        assert_eq!(buffer.text(), "Bridge, ");
    }

    #[test]
    fn undo_takes_back_a_word_at_a_time_and_redo_brings_it_again() {
        let mut buffer = typed("one two");
        assert!(buffer.undo());
        assert_eq!(buffer.text(), "one ");
        assert!(buffer.redo());
        assert_eq!(buffer.text(), "one two");
        while buffer.undo() {}
        assert_eq!(buffer.text(), "");
    }

    #[test]
    fn pasted_text_is_tamed_and_fits_where_it_goes() {
        let mut block = TextBuffer::block("");
        block.paste("a\u{1b}[2J\r\nb\n");
        assert_eq!(block.text(), "a\u{fffd}[2J\nb\n");
    }

    #[test]
    fn a_word_that_ends_within_a_character_is_passed_whole() {
        let mut buffer = TextBuffer::block("");
        buffer.paste("\u{11f02} ");
        buffer.go(Motion::WordLeft, 2);
        buffer.go(Motion::WordRight, 2);
        assert_eq!(buffer.place(20), (0, width(buffer.text())));
    }

    #[derive(Debug, Clone)]
    enum BufferStep {
        Type(char),
        Break,
        Paste(String),
        Go(Motion),
        Delete(Motion),
        Undo,
        Redo,
    }

    fn edit_command() -> impl Strategy<Value = BufferStep> {
        let motion = prop::sample::select(vec![
            Motion::Left,
            Motion::Right,
            Motion::WordLeft,
            Motion::WordRight,
            Motion::Home,
            Motion::End,
            Motion::Up,
            Motion::Down,
        ]);
        let signs = vec!['a', ' ', '砦', '\u{301}', '👩', '\u{200d}', '🇩', '🇪', '-'];
        prop_oneof![
            4 => prop::sample::select(signs).prop_map(BufferStep::Type),
            1 => Just(BufferStep::Break),
            1 => "\\PC{0,8}".prop_map(BufferStep::Paste),
            3 => motion.clone().prop_map(BufferStep::Go),
            1 => motion.prop_map(BufferStep::Delete),
            1 => Just(BufferStep::Undo),
            1 => Just(BufferStep::Redo),
        ]
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_between_characters_and_on_a_line(
            commands in prop::collection::vec(edit_command(), 0..60), columns in 2usize..20,
        ) {
            let mut buffer = TextBuffer::block("");
            for edit_command in commands {
                match edit_command {
                    BufferStep::Type(c) => buffer.type_char(c),
                    BufferStep::Break => buffer.break_line(),
                    BufferStep::Paste(text) => buffer.paste(&text),
                    BufferStep::Go(motion) => buffer.go(motion, columns),
                    BufferStep::Delete(motion) => buffer.delete(motion),
                    BufferStep::Undo => { buffer.undo(); }
                    BufferStep::Redo => { buffer.redo(); }
                }
                let at = buffer.cursor;
                let boundaries = buffer.text.grapheme_indices(true).map(|(index, _)| index);
                prop_assert!(at == buffer.text.len() || boundaries.into_iter().any(|index| index == at));
                let lines = buffer.lines(columns);
                let (row, _) = buffer.place(columns);
                prop_assert!(row < lines.len());
                let joined: usize = lines.iter().map(ExactSizeIterator::len).sum();
                prop_assert_eq!(joined, buffer.text.replace('\n', "").len());
            }
        }
    }
}
