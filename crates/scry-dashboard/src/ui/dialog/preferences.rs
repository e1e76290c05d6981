//! What one is told at once.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::look::Look;
use super::super::row::Row;
use super::{frame, pointer, prose, write};
use crate::app::edit::preferences::PreferencesDialog;
use crate::app::inbox::LEVELS;
use crate::app::measure::pad;

/// How wide the names of levels and kinds are, at most.
const MAX_NAME_COLUMNS: usize = 10;

pub(super) fn draw(look: &Look, dialog: &PreferencesDialog, area: Rect, buffer: &mut Buffer) {
    let content = frame(look, "Tell me at once", "notifications", area, buffer);
    let said = "What is not chosen waits in the list, and makes no noise.";
    let mut rest = write(prose(said, look.theme.muted, content), content, buffer);
    for (index, (word, about, chosen)) in dialog.rows().into_iter().enumerate() {
        let heading = match index {
            0 => Some("How much it matters"),
            index if index == LEVELS.len() => Some("Who speaks"),
            _ => None,
        };
        if let Some(heading) = heading {
            rest = write([Row::new().left(heading, look.theme.accent)], rest, buffer);
        }
        let here = index == dialog.cursor;
        let mark = if chosen { "[x] " } else { "[ ] " };
        let row = Row::new()
            .left(pointer(look, here), look.theme.focused)
            .left(mark, if chosen { look.theme.good } else { look.theme.muted })
            .left(pad(word, MAX_NAME_COLUMNS), if here { look.theme.strong } else { look.theme.text })
            .left(format!("  {about}"), look.theme.muted);
        rest = write([row], rest, buffer);
    }
}
