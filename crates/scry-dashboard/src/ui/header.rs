//! The header: which campaign, its date, and how the connection is.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use scry_model::event::RoundTripQuality;
use scry_protocol::presence::{Activity, Presence};

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use crate::app::columns;
use crate::app::keymap::Pane;
use crate::app::measure::{fit, width};
use crate::app::{App, AppStage, Layout};

/// Draws the header, the line that explains trouble, and the tabs where there are any.
pub(super) fn draw(app: &App, appearance: &Appearance, layout: &Layout, buffer: &mut Buffer) {
    let indicator = || appearance.turning(app.connection().indicator(), app.turn());
    let (symbol, style) = app.replay().map_or_else(indicator, |_| (">", appearance.theme.accent));
    let state = state(app, appearance);
    let name = app.cache().campaign().map_or_else(|| "scry".to_owned(), |campaign| campaign.name.to_string());
    let mut row = LineBuilder::new()
        .left(format!(" {} ", appearance.symbols.campaign), appearance.theme.accent)
        .left(name, appearance.theme.strong);
    if matches!(app.stage(), AppStage::Watching(_)) {
        let (waiting, width_before) = (waiting(app, appearance), row.left_width());
        let private = if app.is_private() { 16 } else { 0 };
        let news = waiting.as_ref().map_or(0, |(words, _)| width(words) + 2);
        let taken = row.left_width() + width(&state) + 6 + private + news;
        let room = usize::from(layout.header.width).saturating_sub(taken);
        if let Some(date) = dates(app, appearance).into_iter().find(|date| width(date) + 2 <= room) {
            row = row.left("   ", appearance.theme.text).left(date, appearance.theme.text);
        }
        let room = usize::from(layout.header.width).saturating_sub(taken - width_before + row.left_width() + 4);
        for (words, style) in people(app, appearance, room) {
            row = row.right(words, style);
        }
        if let Some((words, style)) = waiting {
            row = row.right(format!("{words}  "), style);
        }
        if app.is_private() {
            row = row.right("players' view   ", appearance.theme.warn);
        }
        row = row.right(format!("{symbol} "), style).right(format!("{state} "), style);
    }
    row.draw(layout.header, buffer);
    if let (Some(area), Some(playback)) = (layout.trouble, app.replay()) {
        super::replay::draw(app, playback, appearance, area, buffer);
    } else if let (Some(area), Some(sentence)) = (layout.trouble, app.connection().trouble()) {
        LineBuilder::new().left(format!("   {sentence}"), style).draw(area, buffer);
    }
    if let Some(area) = layout.tabs.filter(|_| matches!(app.stage(), AppStage::Watching(_))) {
        tabs(app.focus(), area.width, appearance).draw(area, buffer);
    }
}

/// Returns the state of the user's edits, as long as one is not over.
fn waiting(app: &App, appearance: &Appearance) -> Option<(String, Style)> {
    let refused = app.pending().unsettled().filter(|held| held.state.is_refused()).count();
    let open = app.pending().unsettled().count() - refused;
    match (refused, open) {
        (0, 0) => match app.inbox().unread() {
            0 => None,
            unread => Some((format!("{unread} unread"), appearance.theme.accent)),
        },
        (0, open) => Some((format!("{} {open} pending", appearance.symbols.pending), appearance.theme.warn)),
        (refused, 0) => Some((format!("{} {refused} refused", appearance.symbols.notice), appearance.theme.bad)),
        (refused, open) => {
            Some((format!("{} {refused} refused, {open} pending", appearance.symbols.notice), appearance.theme.bad))
        }
    }
}

/// Returns the other users who are here and where they are, as far as there is room.
fn people(app: &App, appearance: &Appearance, room: usize) -> Vec<(String, Style)> {
    let mut left = room;
    let mut parts = Vec::new();
    let others = app.people().others(app.me());
    for person in &others {
        let busy = person.places.first().filter(|(_, activity)| *activity == Activity::Editing);
        let at = busy.and_then(|(key, _)| app.cache().get(key)).map(|entity| format!(" {}", fit(&entity.name, 18)));
        let sign = if busy.is_some() { appearance.symbols.pencil } else { appearance.symbols.eye };
        let words = format!("{} {sign}{}   ", fit(&person.name, 14), at.unwrap_or_default());
        if width(&words) > left {
            break;
        }
        left -= width(&words);
        let style = match (busy.is_some(), person.status) {
            (true, _) => appearance.theme.warn,
            (false, Presence::Online) => appearance.theme.text,
            (false, Presence::Idle | Presence::Offline) => appearance.theme.muted,
        };
        parts.push((words, style));
    }
    let missing = others.len() - parts.len();
    if missing > 0 {
        let words = format!("+{missing}   ");
        if width(&words) <= left {
            parts.push((words, appearance.theme.muted));
        }
    }
    parts
}

/// Lists the panes; those far from the focus keep only their number where there is no room for all names.
fn tabs(focus: Pane, columns: u16, appearance: &Appearance) -> LineBuilder {
    columns::tabs(focus, columns).into_iter().fold(
        LineBuilder::new().left(" ", appearance.theme.muted),
        |row, (pane, named)| {
            let style = if pane == focus { appearance.theme.focused } else { appearance.theme.muted };
            let (open, close) = if pane == focus { ("[", "]") } else { (" ", " ") };
            let number = pane.number();
            row.left(
                if named { format!("{open}{number} {}{close}", pane.title()) } else { format!(" {number} ") },
                style,
            )
        },
    )
}

/// Returns the connection's state: in words while it is news, as a round trip alone once it is not.
fn state(app: &App, appearance: &Appearance) -> String {
    if let Some(playback) = app.replay() {
        return super::replay::words(playback);
    }
    let connection = app.connection();
    // That it is good goes without saying.
    let quality = connection.quality().filter(|quality| *quality != RoundTripQuality::Good);
    let word = quality.map_or_else(String::new, |quality| format!(" {}", quality.as_str()));
    let trip = connection.round_trip().filter(|_| connection.is_live()).map(|trip| match trip.as_millis() {
        0 => format!("<1 ms{word}"),
        millis => format!("{millis} ms{word}"),
    });
    match (connection.is_settled(app.now().mono), trip) {
        (true, Some(trip)) => trip,
        (_, None) => app.connection_words(appearance.symbols.ascii),
        (false, Some(trip)) => format!("{} {trip}", app.connection_words(appearance.symbols.ascii)),
    }
}

/// Lists ways to say the date, the fullest first.
fn dates(app: &App, appearance: &Appearance) -> Vec<String> {
    let Some(today) = app.clock().today() else { return Vec::new() };
    let dot = format!(" {} ", appearance.symbols.dot);
    let moons: String = today.moons.iter().map(|(_, phase)| phase.glyph()).collect();
    let moons = Some(moons).filter(|moons| !moons.is_empty() && !appearance.symbols.ascii);
    let feast = today.festival.clone();
    let full = [Some(today.long()), feast, today.season.clone(), moons];
    let full = full.into_iter().flatten().collect::<Vec<_>>().join(&dot);
    let seasonal = [Some(today.long()), today.season.clone()].into_iter().flatten().collect::<Vec<_>>().join(&dot);
    vec![full, seasonal, today.long(), today.short()]
}
