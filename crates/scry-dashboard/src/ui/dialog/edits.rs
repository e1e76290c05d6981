//! The person's edits that wait, are on their way, or were refused.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::look::Look;
use super::super::row::Row;
use super::{frame, pointer, prose, write};
use crate::app::App;
use crate::app::edit::edits::EditsDialog;
use crate::app::measure::pad;
use crate::app::pending::{State, words};

pub(super) fn draw(app: &App, look: &Look, dialog: &EditsDialog, area: Rect, buffer: &mut Buffer) {
    let count = app.pending().unsettled().count();
    let content = frame(look, "Your edits", &format!("{count} not saved yet"), area, buffer);
    let mut rest = content;
    let first = (dialog.cursor + 3).saturating_sub(usize::from(content.height) / 2);
    for (index, held) in app.pending().unsettled().enumerate().skip(first) {
        let here = index == dialog.cursor;
        let style = match held.state {
            State::Refused(_) | State::Lost(_) => look.theme.bad,
            State::Submitted | State::Waiting | State::Sending | State::Applied { .. } => look.theme.warn,
        };
        let time = held.edit.at.to_zoned(app.zone().clone()).strftime("%H:%M:%S").to_string();
        let row = Row::new()
            .left(pointer(look, here), look.theme.focused)
            .left(format!("{time}  "), look.theme.muted)
            .left(format!("{} ", pad(words::state(&held.state), 9)), style)
            .left(words::subject(held, app.cache()), look.theme.strong)
            .left(format!(" {} {}", look.symbols.dot, app.edit_words(held)), look.theme.text);
        rest = write([row], rest, buffer);
        if let Some(reason) = app.edit_reason(held).filter(|_| here) {
            let place = Rect { x: rest.x + 4, width: rest.width.saturating_sub(4), ..rest };
            let below = write(prose(&reason, look.theme.muted, place), place, buffer);
            rest = Rect { y: below.y, height: below.height, ..rest };
        }
    }
    if !app.connection().is_live() {
        let sentence = "There is no connection: what waits is kept on disk and sent by itself once there is one.";
        write(std::iter::once(Row::new()).chain(prose(sentence, look.theme.muted, rest)), rest, buffer);
    }
}
