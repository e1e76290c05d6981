//! How much room text takes on a terminal: in columns, not in bytes or characters.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Counts the columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Cuts a text to at most `columns`, with `…` where something is missing; never splits a character.
#[must_use]
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (head, _) = split(text, columns.saturating_sub(1));
    if columns == 0 { String::new() } else { format!("{}…", head.trim_end()) }
}

/// Cuts or fills a text to exactly `columns`, the text on the left.
#[must_use]
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let text = fit(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text + &" ".repeat(missing)
}

/// Cuts or fills a text to exactly `columns`, the text on the right.
#[must_use]
pub(crate) fn pad_left(text: &str, columns: usize) -> String {
    let text = fit(text, columns);
    " ".repeat(columns.saturating_sub(width(&text))) + &text
}

/// Breaks prose into lines of at most `columns`, at spaces where there are any.
#[must_use]
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && width(&line) + 1 + width(word) > columns {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            while width(&line) > columns {
                let (head, tail) = split(&line, columns);
                let tail = if head.is_empty() { after_first(tail) } else { tail };
                let (head, tail) = (head.to_owned(), tail.to_owned());
                lines.push(if head.is_empty() { "…".to_owned() } else { head });
                line = tail;
            }
        }
        lines.push(line);
    }
    lines
}

/// Skips one character, which alone takes more room than a line has.
fn after_first(text: &str) -> &str {
    let mut graphemes = text.graphemes(true);
    graphemes.next();
    graphemes.as_str()
}

/// Splits a text after as many whole characters as fit into `columns`.
fn split(text: &str, columns: usize) -> (&str, &str) {
    let mut used = 0;
    let end = text.grapheme_indices(true).find_map(|(index, grapheme)| {
        used += grapheme.width();
        (used > columns).then_some(index)
    });
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wide_and_combined_characters_are_measured_whole() {
        assert_eq!((width("砦"), width("e\u{301}"), width("👩‍👩‍👧")), (2, 1, 2));
        assert_eq!(fit("砦の町", 5), "砦の…");
        assert_eq!(fit("砦の町", 4), "砦…");
        assert_eq!(pad("砦", 4), "砦  ");
        assert_eq!(pad_left("12", 4), "  12");
    }

    #[test]
    fn prose_breaks_at_spaces_and_keeps_its_paragraphs() {
        assert_eq!(wrap("one two three\n\nfour", 8), ["one two", "three", "", "four"]);
        assert_eq!(wrap("砦砦砦砦砦", 5), ["砦砦", "砦砦", "砦"]);
    }

    proptest! {
        #[test]
        fn fitted_text_never_exceeds_its_width(text in "\\PC{0,60}", columns in 0usize..40) {
            prop_assert!(width(&fit(&text, columns)) <= columns);
            prop_assert_eq!(width(&pad(&text, columns)), columns);
            prop_assert!(wrap(&text, columns.max(2)).iter().all(|line| width(line) <= columns.max(2)));
        }
    }
}
