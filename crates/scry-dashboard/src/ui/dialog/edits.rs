//! The person's edits that wait, are on their way, or were refused.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::appearance::Appearance;
use super::super::line_builder::LineBuilder;
use super::{frame, pointer, prose, write};
use crate::app::App;
use crate::app::edit::edits::EditsDialog;
use crate::app::measure::pad;
use crate::app::pending::{PendingState, words};

pub(super) fn draw(app: &App, appearance: &Appearance, dialog: &EditsDialog, area: Rect, buffer: &mut Buffer) {
    let count = app.pending().unsettled().count();
    let content = frame(appearance, "Your edits", &format!("{count} not saved yet"), area, buffer);
    let mut rest = content;
    let first = (dialog.cursor + 3).saturating_sub(usize::from(content.height) / 2);
    for (index, held) in app.pending().unsettled().enumerate().skip(first) {
        let here = index == dialog.cursor;
        let style = match held.state {
            PendingState::Refused(_) | PendingState::Lost(_) => appearance.theme.bad,
            PendingState::Submitted | PendingState::Waiting | PendingState::Sending | PendingState::Applied { .. } => {
                appearance.theme.warn
            }
        };
        let time = held.edit.at.to_zoned(app.zone().clone()).strftime("%H:%M:%S").to_string();
        let row = LineBuilder::new()
            .left(pointer(appearance, here), appearance.theme.focused)
            .left(format!("{time}  "), appearance.theme.muted)
            .left(format!("{} ", pad(words::state(&held.state), 9)), style)
            .left(words::subject(held, app.cache()), appearance.theme.strong)
            .left(format!(" {} {}", appearance.symbols.dot, app.edit_words(held)), appearance.theme.text);
        rest = write([row], rest, buffer);
        if let Some(reason) = app.edit_reason(held).filter(|_| here) {
            let place = Rect { x: rest.x + 4, width: rest.width.saturating_sub(4), ..rest };
            let below = write(prose(&reason, appearance.theme.muted, place), place, buffer);
            rest = Rect { y: below.y, height: below.height, ..rest };
        }
    }
    if !app.connection().is_live() {
        let sentence = "Not connected: pending edits are kept on disk and sent after the connection is back.";
        write(std::iter::once(LineBuilder::new()).chain(prose(sentence, appearance.theme.muted, rest)), rest, buffer);
    }
}
