//! What one is told at once.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::appearance::Appearance;
use super::super::line_builder::LineBuilder;
use super::{frame, pointer, prose, write};
use crate::app::edit::preferences::PreferencesDialog;
use crate::app::inbox::LEVELS;
use crate::app::measure::pad;

/// How wide the names of levels and kinds are, at most.
const MAX_NAME_COLUMNS: usize = 10;

pub(super) fn draw(appearance: &Appearance, dialog: &PreferencesDialog, area: Rect, buffer: &mut Buffer) {
    let content = frame(appearance, "Notify me at once", "notifications", area, buffer);
    let said = "Everything else only appears in the list.";
    let mut rest = write(prose(said, appearance.theme.muted, content), content, buffer);
    for (index, (word, about, chosen)) in dialog.rows().into_iter().enumerate() {
        let heading = match index {
            0 => Some("Severity"),
            index if index == LEVELS.len() => Some("Who speaks"),
            _ => None,
        };
        if let Some(heading) = heading {
            rest = write([LineBuilder::new().left(heading, appearance.theme.accent)], rest, buffer);
        }
        let here = index == dialog.cursor;
        let mark = if chosen { "[x] " } else { "[ ] " };
        let row = LineBuilder::new()
            .left(pointer(appearance, here), appearance.theme.focused)
            .left(mark, if chosen { appearance.theme.good } else { appearance.theme.muted })
            .left(pad(word, MAX_NAME_COLUMNS), if here { appearance.theme.strong } else { appearance.theme.text })
            .left(format!("  {about}"), appearance.theme.muted);
        rest = write([row], rest, buffer);
    }
}
