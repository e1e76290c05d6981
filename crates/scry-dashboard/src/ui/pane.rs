//! What every pane has: a rule with its title, how old its content is, and a sentence when it is empty.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use crate::app::keymap::Pane;
use crate::app::measure::{fit, width, wrap};
use crate::app::{App, Layout, StateFreshness};

/// Draws a pane's rule and returns the place below it.
pub(super) fn frame(
    app: &App,
    appearance: &Appearance,
    pane: Pane,
    title: &str,
    notes: &str,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    let focused = app.focus() == pane;
    let (line, rule) = if focused {
        (appearance.symbols.rule_focused, appearance.theme.focused)
    } else {
        (appearance.symbols.rule, appearance.theme.rule)
    };
    let columns = usize::from(area.width);
    // The age is what must be read; what else there is to say gives way to it, and so does the title.
    let room = columns.saturating_sub(16);
    let all = [standing(app), Some(notes.to_owned()).filter(|note| !note.is_empty())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    let joined = all.join(&format!(" {} ", appearance.symbols.dot));
    let notes = if width(&joined) > room { fit(all.first().map_or("", |first| first), room) } else { joined };
    let title = fit(title, columns.saturating_sub(width(&notes) + 8).max(4));
    let tail = if notes.is_empty() { String::new() } else { format!(" {notes} {line}") };
    let fill = columns.saturating_sub(width(&title) + 3 + width(&tail));
    let title_style = if focused { appearance.theme.focused } else { appearance.theme.strong };
    let age_style = match app.freshness_of_state() {
        StateFreshness::Live | StateFreshness::Recorded => appearance.theme.muted,
        StateFreshness::Refused => appearance.theme.bad,
        StateFreshness::Unknown
        | StateFreshness::CatchingUp(_)
        | StateFreshness::StaleSince(_)
        | StateFreshness::FromDisk(_) => appearance.theme.warn,
    };
    LineBuilder::new()
        .left(format!("{line} "), rule)
        .left(format!("{title} "), title_style)
        .left(line.repeat(fill), rule)
        .left(tail, age_style)
        .draw(Rect { height: 1, ..area }, buffer);
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// Returns how current everything on screen is.
fn standing(app: &App) -> Option<String> {
    let age = |then| app.now().age(then);
    match app.freshness_of_state() {
        StateFreshness::Unknown => None,
        StateFreshness::Live => Some("live".to_owned()),
        StateFreshness::Refused => Some("access removed".to_owned()),
        StateFreshness::Recorded => Some("recorded".to_owned()),
        StateFreshness::CatchingUp(0) => Some("catching up".to_owned()),
        StateFreshness::CatchingUp(missing) => Some(format!("catching up ({missing})")),
        StateFreshness::StaleSince(then) => {
            let clock = then.to_zoned(app.zone().clone()).strftime("%H:%M:%S");
            Some(format!("stale since {clock}, {} old", age(then)))
        }
        StateFreshness::FromDisk(then) => Some(format!("from disk, {} old", age(then))),
    }
}

/// Draws the rows of a pane that only scrolls, as far as they fit, and says how many are below.
pub(super) fn scrolled(
    app: &App,
    appearance: &Appearance,
    pane: Pane,
    rows: Vec<LineBuilder>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let offset = app.scrolled_to(pane).min(rows.len().saturating_sub(usize::from(area.height)));
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let shown = more_below(app, appearance, pane, rows.len().saturating_sub(offset), inner, buffer);
    for (row, y) in rows.into_iter().skip(offset).zip(0..shown) {
        row.draw(line(area, y), buffer);
    }
}

/// Writes into an area's last line how many of `left` rows do not fit, and which keys lead to them.
///
/// Returns the number of lines that are there for rows.
pub(super) fn more_below(
    app: &App,
    appearance: &Appearance,
    pane: Pane,
    left: usize,
    area: Rect,
    buffer: &mut Buffer,
) -> u16 {
    if left <= usize::from(area.height) || area.height < 2 {
        return area.height;
    }
    let shown = area.height - 1;
    let said = format!("{} more, {}", left - usize::from(shown), app.keys_below(pane, appearance.symbols.ascii));
    LineBuilder::new().left(said, appearance.theme.muted).draw(line(area, shown), buffer);
    shown
}

/// Draws what an empty pane has to say, in its upper part.
pub(super) fn empty(sentence: &str, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let lines = wrap(sentence, usize::from(area.width).saturating_sub(4));
    for (line, y) in lines.into_iter().zip((area.y + u16::from(area.height > 3))..area.bottom()) {
        LineBuilder::new()
            .left("  ", appearance.theme.muted)
            .left(line, appearance.theme.muted)
            .draw(Rect { y, height: 1, ..area }, buffer);
    }
}

/// Returns the place of one line of an area.
pub(super) const fn line(area: Rect, index: u16) -> Rect {
    Rect { x: area.x, y: area.y + index, width: area.width, height: 1 }
}

/// Draws the lines between panes that stand side by side, joined to the rules above and below.
pub(super) fn joints(layout: &Layout, appearance: &Appearance, buffer: &mut Buffer) {
    for (_, area) in layout.panes().filter(|(_, area)| area.x > 0) {
        for y in area.y..=area.bottom() {
            let symbol = match y {
                y if y == area.y => appearance.symbols.tee,
                y if y == area.bottom() => appearance.symbols.foot,
                _ => appearance.symbols.wall,
            };
            if y < layout.keys.y {
                buffer.set_stringn(area.x - 1, y, symbol, 1, appearance.theme.rule);
            }
        }
    }
}
