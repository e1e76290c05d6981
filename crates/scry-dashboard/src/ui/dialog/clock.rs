//! Moving the clock: what is typed, where that leads, and what falls due on the way.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use scry_protocol::EntityRef;

use super::super::appearance::Appearance;
use super::super::line_builder::LineBuilder;
use super::super::prompt;
use super::{frame, prose, write};
use crate::app::App;
use crate::app::edit::clock::{ClockDialog, DuePreview};
use crate::app::measure::pad;

pub(super) fn draw(
    app: &App,
    appearance: &Appearance,
    dialog: &ClockDialog,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let content = frame(appearance, "Move the clock", "advance or set", area, buffer);
    let now = app.clock().today().map(scry_calendar::WorldDate::long).unwrap_or_default();
    let rest = write(
        [LineBuilder::new().left("Now    ", appearance.theme.muted).left(now, appearance.theme.text)],
        content,
        buffer,
    );
    let cursor = prompt::draw(&dialog.prompt, "Go by  ", appearance, Rect { height: 1, ..rest }, buffer);
    let rest = Rect { y: rest.y + 1, height: rest.height.saturating_sub(1), ..rest };
    let rest = match &dialog.goal {
        Ok(_) => {
            let then = app.clock_goal().unwrap_or_default();
            write(
                [LineBuilder::new().left("Then   ", appearance.theme.muted).left(then, appearance.theme.strong)],
                rest,
                buffer,
            )
        }
        Err(fault) if dialog.is_tried || dialog.prompt.text().chars().count() > 4 => {
            write(prose(&format!("{} {fault}", appearance.symbols.notice), appearance.theme.bad, rest), rest, buffer)
        }
        Err(_) => {
            let hint = "3h · 2 days · 1 day 4 h · -30 min · a date of this world · 18:20";
            write(prose(hint, appearance.theme.muted, rest), rest, buffer)
        }
    };
    let rest = write([LineBuilder::new()], rest, buffer);
    due(app, appearance, &dialog.due, rest, buffer);
    Some(cursor)
}

fn due(app: &App, appearance: &Appearance, due: &DuePreview, area: Rect, buffer: &mut Buffer) {
    let sentence = match due {
        DuePreview::Nothing => return,
        DuePreview::Wanted(_) | DuePreview::Asked => "Looking up due effects.",
        DuePreview::NotOffered => "This server cannot list due effects.",
        DuePreview::Failed => "Due effects could not be looked up; the connection does not answer.",
        DuePreview::Known(list) if list.is_empty() => "No effects fall due until then.",
        DuePreview::Known(list) => {
            let rest = write(
                [LineBuilder::new().left(format!("{} fall due until then", list.len()), appearance.theme.accent)],
                area,
                buffer,
            );
            let more = list.len().saturating_sub(usize::from(rest.height));
            let shown = if more > 0 { usize::from(rest.height).saturating_sub(1) } else { list.len() };
            let rows = list.iter().take(shown).map(|effect| {
                let key = EntityRef::new(effect.entity_type.clone(), effect.entity_id.clone());
                let subject = app.seen_entity(&key).map(|entity| entity.name.to_string()).unwrap_or_default();
                let when = app.clock().short(&effect.at);
                LineBuilder::new()
                    .left(format!("{} ", pad(&scry_text::line(&when), 22)), appearance.theme.muted)
                    .left(scry_text::line(&effect.name).into_owned(), appearance.theme.strong)
                    .left(format!("  {subject}"), appearance.theme.text)
                    .left(format!("  {}", scry_text::line(&effect.description)), appearance.theme.muted)
            });
            let rest = write(rows, rest, buffer);
            if more > 0 {
                write(
                    [LineBuilder::new().left(format!("and {} more", more + 1), appearance.theme.muted)],
                    rest,
                    buffer,
                );
            }
            return;
        }
    };
    write(prose(sentence, appearance.theme.muted, area), area, buffer);
}
