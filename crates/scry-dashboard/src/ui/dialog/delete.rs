//! The question before something is deleted, with what goes with it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::appearance::Appearance;
use super::super::line_builder::LineBuilder;
use super::{frame, prose, write};
use crate::app::App;
use crate::app::edit::delete::DeleteDialog;

pub(super) fn draw(app: &App, appearance: &Appearance, dialog: &DeleteDialog, area: Rect, buffer: &mut Buffer) {
    let name = app.seen_entity(&dialog.subject).map_or_else(String::new, |entity| entity.name.to_string());
    let content = frame(appearance, &format!("Delete {name}?"), dialog.subject.entity_type.as_str(), area, buffer);
    let losses = app.losses(&dialog.subject);
    let rest = write([LineBuilder::new()], content, buffer);
    let rest = if losses.is_empty() {
        write(prose("Nothing else is deleted with it.", appearance.theme.text, rest), rest, buffer)
    } else {
        let rest = write([LineBuilder::new().left("Also deletes:", appearance.theme.text)], rest, buffer);
        losses.iter().fold(rest, |rest, loss| {
            let line = format!("  {} {}: {}", loss.count, loss.what, loss.names);
            write(prose(&line, appearance.theme.warn, rest), rest, buffer)
        })
    };
    let company = app.company(&dialog.subject);
    let rest = company.iter().fold(rest, |rest, line| {
        write(prose(&format!("{} {line}", appearance.symbols.pencil), appearance.theme.warn, rest), rest, buffer)
    });
    let question = "y deletes it for everybody; this cannot be undone. n or esc keeps it.";
    let rest = write([LineBuilder::new()], rest, buffer);
    write(prose(question, appearance.theme.strong, rest), rest, buffer);
}
