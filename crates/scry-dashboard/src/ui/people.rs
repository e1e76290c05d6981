//! The People pane: who is here, where they are, and what they do there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scry_protocol::EntityType;
use scry_protocol::presence::{Activity, Presence};
use scry_text::json::Json;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{empty, frame, scrolled};
use crate::app::App;
use crate::app::command::Action;
use crate::app::edit::command::EditCommand;
use crate::app::keymap::Pane;
use crate::app::measure::{fit, pad, width};
use crate::app::people::Person;
use crate::app::value::field_name;

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let here = app.people().all().iter().filter(|person| person.status != Presence::Offline).count();
    let notes = if here > 0 { format!("{here} here") } else { String::new() };
    let content = frame(app, appearance, Pane::People, "People", &notes, area, buffer);
    let rows = rows(app, appearance);
    if rows.is_empty() {
        let sentence = if app.connection().is_live() {
            "This server does not tell who is online."
        } else {
            "People appear here once the server is reached."
        };
        return empty(sentence, appearance, content, buffer);
    }
    scrolled(app, appearance, Pane::People, rows, content, buffer);
}

fn rows(app: &App, appearance: &Appearance) -> Vec<LineBuilder> {
    let all = app.people().all();
    let absent = app.absent();
    let names = all.iter().map(|person| width(&person.name) + 6).chain(absent.iter().map(|(name, _)| width(name)));
    let names = names.max().unwrap_or(0).clamp(8, 24);
    let mut rows: Vec<_> = all.iter().map(|person| person_row(app, appearance, person, names)).collect();
    rows.extend(absent.into_iter().map(|(name, role)| {
        LineBuilder::new()
            .left(format!(" {} {}  ", appearance.symbols.disconnected, pad(&name, names)), appearance.theme.muted)
            .left(format!("{}  not here", pad(&role, 7)), appearance.theme.muted)
    }));
    rows.extend(app.inbox().open_invitations().map(|notice| {
        LineBuilder::new()
            .left(format!(" {} {}  ", appearance.symbols.changed, notice.title), appearance.theme.strong)
            .left(answers(app), appearance.theme.muted)
    }));
    rows
}

/// Returns the keys that answer an invitation.
pub(super) fn answers(app: &App) -> String {
    let key = |edit_command| app.keymap().label(Action::Edit(edit_command)).unwrap_or_default();
    format!("{} accepts, {} declines", key(EditCommand::AcceptInvitation), key(EditCommand::DeclineInvitation))
}

fn person_row(app: &App, appearance: &Appearance, person: &Person, names: usize) -> LineBuilder {
    let (symbol, style, word) = match person.status {
        Presence::Online => (appearance.symbols.connected, appearance.theme.good, ""),
        Presence::Idle => (appearance.symbols.connecting, appearance.theme.muted, "idle, "),
        Presence::Offline => (appearance.symbols.disconnected, appearance.theme.muted, "left"),
    };
    let is_me = Some(&person.id) == app.me();
    let name = if is_me { format!("{} (you)", person.name) } else { person.name.clone() };
    let name_style = if person.status == Presence::Online { appearance.theme.strong } else { appearance.theme.muted };
    let since = person.since.map(|since| app.now().age(since)).unwrap_or_default();
    let row = LineBuilder::new()
        .left(format!(" {symbol} "), style)
        .left(format!("{}  ", pad(&fit(&name, names), names)), name_style)
        .left(format!("{} ", pad(&role(app, person), 7)), appearance.theme.muted);
    if person.status == Presence::Offline {
        row.left(format!("{word} {since} ago"), appearance.theme.muted)
    } else {
        place(app, appearance, person, row).right(format!("{word}{since} "), appearance.theme.muted)
    }
}

/// Adds where a user is and what they do there.
fn place(app: &App, appearance: &Appearance, person: &Person, row: LineBuilder) -> LineBuilder {
    let Some((key, activity)) = person.places.first() else {
        return row.left("in the campaign", appearance.theme.muted);
    };
    let name = app.seen_entity(key).map_or_else(|| key.entity_type.to_string(), |entity| entity.name.to_string());
    let typed = app.people().typed_field(&person.id, key);
    let known = person.field.as_ref().filter(|(at, _)| at == key).map(|(_, field)| field.as_str());
    match (activity, typed.or(known)) {
        (Activity::Editing, Some(field)) => {
            let verb = if typed.is_some() { "types in" } else { "edits" };
            row.left(
                format!("{} {verb} {name} {} {}", appearance.symbols.pencil, appearance.symbols.dot, field_name(field)),
                appearance.theme.warn,
            )
        }
        (Activity::Editing, None) => {
            row.left(format!("{} edits {name}", appearance.symbols.pencil), appearance.theme.warn)
        }
        (Activity::Viewing, _) => {
            row.left(format!("{} looks at {name}", appearance.symbols.eye), appearance.theme.text)
        }
        (Activity::Idle, _) => row.left(format!("{} was at {name}", appearance.symbols.eye), appearance.theme.muted),
    }
}

fn role(app: &App, person: &Person) -> String {
    let members = app.cache().of_type(&EntityType::Member);
    let mut own = members.filter(|member| member.field("userId").and_then(Json::as_str) == Some(person.id.as_str()));
    own.next().and_then(|member| member.field("role")).and_then(Json::as_str).unwrap_or_default().to_lowercase()
}
