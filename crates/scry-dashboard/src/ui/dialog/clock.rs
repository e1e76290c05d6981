//! Moving the clock: what is typed, where that leads, and what falls due on the way.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use scry_protocol::EntityRef;

use super::super::look::Look;
use super::super::prompt;
use super::super::row::Row;
use super::{frame, prose, write};
use crate::app::App;
use crate::app::edit::clock::{ClockDialog, DuePreview};
use crate::app::measure::pad;

pub(super) fn draw(app: &App, look: &Look, dialog: &ClockDialog, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let content = frame(look, "Move the clock", "advance or set", area, buffer);
    let now = app.clock().today().map(scry_calendar::WorldDate::long).unwrap_or_default();
    let rest = write([Row::new().left("Now    ", look.theme.muted).left(now, look.theme.text)], content, buffer);
    let cursor = prompt::draw(&dialog.prompt, "Go by  ", look, Rect { height: 1, ..rest }, buffer);
    let rest = Rect { y: rest.y + 1, height: rest.height.saturating_sub(1), ..rest };
    let rest = match &dialog.goal {
        Ok(_) => {
            let then = app.clock_goal().unwrap_or_default();
            write([Row::new().left("Then   ", look.theme.muted).left(then, look.theme.strong)], rest, buffer)
        }
        Err(fault) if dialog.is_tried || dialog.prompt.text().chars().count() > 4 => {
            write(prose(&format!("{} {fault}", look.symbols.notice), look.theme.bad, rest), rest, buffer)
        }
        Err(_) => {
            let hint = "3h · 2 days · 1 day 4 h · -30 min · a date of this world · 18:20";
            write(prose(hint, look.theme.muted, rest), rest, buffer)
        }
    };
    let rest = write([Row::new()], rest, buffer);
    due(app, look, &dialog.due, rest, buffer);
    Some(cursor)
}

fn due(app: &App, look: &Look, due: &DuePreview, area: Rect, buffer: &mut Buffer) {
    let sentence = match due {
        DuePreview::Nothing => return,
        DuePreview::Wanted(_) | DuePreview::Asked => "Looking up what falls due until then.",
        DuePreview::NotOffered => "This server cannot tell beforehand what falls due until then.",
        DuePreview::Failed => "What falls due until then could not be asked; the connection does not answer.",
        DuePreview::Known(list) if list.is_empty() => "Nothing falls due until then.",
        DuePreview::Known(list) => {
            let rest = write(
                [Row::new().left(format!("{} fall due until then", list.len()), look.theme.accent)],
                area,
                buffer,
            );
            let more = list.len().saturating_sub(usize::from(rest.height));
            let shown = if more > 0 { usize::from(rest.height).saturating_sub(1) } else { list.len() };
            let rows = list.iter().take(shown).map(|effect| {
                let key = EntityRef::new(effect.entity_type.clone(), effect.entity_id.clone());
                let subject = app.seen_entity(&key).map(|entity| entity.name.to_string()).unwrap_or_default();
                let when = app.clock().short(&effect.at);
                Row::new()
                    .left(format!("{} ", pad(&scry_text::line(&when), 22)), look.theme.muted)
                    .left(scry_text::line(&effect.name).into_owned(), look.theme.strong)
                    .left(format!("  {subject}"), look.theme.text)
                    .left(format!("  {}", scry_text::line(&effect.description)), look.theme.muted)
            });
            let rest = write(rows, rest, buffer);
            if more > 0 {
                write([Row::new().left(format!("and {} more", more + 1), look.theme.muted)], rest, buffer);
            }
            return;
        }
    };
    write(prose(sentence, look.theme.muted, area), area, buffer);
}
