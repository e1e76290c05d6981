//! The World pane: the tree of everything in the campaign.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use scry_model::cache::Entity;
use scry_protocol::presence::Activity;
use scry_protocol::{EntityRef, EntityType};
use scry_text::json::Json;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{empty, frame, line};
use crate::app::detail::plural;
use crate::app::keymap::{Action, KeyContext, Pane};
use crate::app::measure::{fit, pad, pad_left, width};
use crate::app::pending::PendingMark;
use crate::app::tree::{self, TreeNode};
use crate::app::value::{direction, say};
use crate::app::{App, Freshness};

/// Columns right of the name: level, mark, status.
const LEVEL_COLUMNS: usize = 3;
const STATUS_COLUMNS: usize = 10;
/// Columns for who is at an entity.
const PEOPLE_COLUMNS: usize = 9;

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let fresh = app.tree().fresh().len();
    let filter =
        app.tree().filter().map(|(filter, passing)| format!("/{} ({passing})", fit(filter.source().trim(), 18)));
    let fresh = (fresh > 0).then(|| format!("{fresh} fresh"));
    let notes =
        [filter, fresh].into_iter().flatten().collect::<Vec<_>>().join(&format!(" {} ", appearance.symbols.dot));
    let content = frame(app, appearance, Pane::World, "World", &notes, area, buffer);
    if app.tree().filter().is_some_and(|(_, passing)| passing == 0) {
        let clear = app.keymap().reach(KeyContext::World, Action::ClearFilter, appearance.symbols.ascii);
        let sentence = format!("Nothing matches the filter; {clear} clears it.");
        return empty(&sentence, appearance, content, buffer);
    }
    if app.tree().rows().is_empty() {
        let retry = app.keymap().reach(KeyContext::World, Action::Retry, appearance.symbols.ascii);
        let sentence = if app.connection().is_live() {
            "This campaign has not been loaded yet. Its kingdoms and settlements appear here as soon as they are loaded.".to_owned()
        } else {
            format!(
                "Kingdoms, settlements and structures appear here once the server is reached. {retry} tries at once."
            )
        };
        return empty(&sentence, appearance, content, buffer);
    }
    let shown = app.tree().rows().iter().enumerate().skip(app.tree().offset());
    for ((index, row), y) in shown.zip(0..content.height) {
        let place = line(content, y);
        row_line(app, appearance, row, content.width).draw(place, buffer);
        if index == app.tree().selected() {
            let style =
                if app.focus() == Pane::World { appearance.theme.selected } else { appearance.theme.remembered };
            buffer.set_style(place, style);
        }
    }
}

fn row_line(app: &App, appearance: &Appearance, row: &tree::TreeRow, columns: u16) -> LineBuilder {
    let fold = match row.folded {
        Some(true) => appearance.symbols.folded,
        Some(false) => appearance.symbols.unfolded,
        None => " ",
    };
    let indent = " ".repeat(1 + usize::from(row.depth) * 2);
    let entity = row.node.entity().and_then(|key| app.seen_entity(key));
    let entity = entity.as_deref();
    let fold = if entity.is_some_and(|entity| entity.key.entity_type == EntityType::Campaign) {
        appearance.symbols.campaign
    } else {
        fold
    };
    let bookmarked = row.node.entity().is_some_and(|key| app.tree().bookmarks().contains(key));
    let (mark, freshness) = mark(app, appearance, row);
    let (name, level, status) = match (&row.node, entity) {
        (TreeNode::Group(kind), _) => (plural(kind).to_owned(), row.children.to_string(), String::new()),
        (TreeNode::Entity(_), Some(entity)) => (entity.name.to_string(), level(entity), status(entity)),
        (TreeNode::Entity(key), None) => (key.id.to_string(), String::new(), String::new()),
    };
    let star = if bookmarked { format!(" {}", appearance.symbols.bookmark) } else { String::new() };
    let company = row.node.entity().map(|key| company(app, appearance, row, key)).unwrap_or_default();
    // A name takes the place of people where nobody is.
    let people = if company.is_empty() { 0 } else { PEOPLE_COLUMNS + 1 };
    let taken = 1 + usize::from(row.depth) * 2 + 2 + LEVEL_COLUMNS + 3 + STATUS_COLUMNS + 2 + people;
    let name_style = match (&row.node, row.depth) {
        (TreeNode::Group(_), _) => appearance.theme.muted,
        (TreeNode::Entity(_), 0) => appearance.theme.strong,
        (TreeNode::Entity(_), _) => appearance.theme.text,
    };
    let name_style = match row.node.entity() {
        Some(key) if app.pending().is_deleted(key) => appearance.theme.muted.add_modifier(Modifier::CROSSED_OUT),
        Some(_) | None => name_style,
    };
    let made = LineBuilder::new()
        .left(indent, appearance.theme.text)
        .left(format!("{fold} "), appearance.theme.muted)
        .left(named(&name, &star, usize::from(columns).saturating_sub(taken)), name_style);
    let made = if people > 0 {
        made.left(format!(" {}", pad_left(&company, PEOPLE_COLUMNS)), appearance.theme.warn)
    } else {
        made
    };
    made.left(format!(" {}", pad_left(&level, LEVEL_COLUMNS)), appearance.theme.text)
        .left(format!(" {mark} "), appearance.mark(freshness))
        .left(
            pad(&status, STATUS_COLUMNS),
            if is_bad(&status) { appearance.theme.warn } else { appearance.theme.muted },
        )
}

/// Fills a column with a name and the sign of a bookmark, which stays where the name is cut.
fn named(name: &str, star: &str, columns: usize) -> String {
    pad(&format!("{}{star}", fit(name, columns.saturating_sub(width(star)))), columns)
}

/// Returns who is at an entity, and at what its folded row hides: `Mira ✎`.
fn company(app: &App, appearance: &Appearance, row: &tree::TreeRow, key: &EntityRef) -> String {
    let hidden = |at: &EntityRef| at == key || (row.folded == Some(true) && is_under(app, at, key));
    let others = app.people().others(app.me());
    let here = others.into_iter().filter_map(|person| {
        let place = person.places.iter().find(|(at, _)| hidden(at))?;
        Some((place.1 == Activity::Editing, person.name.as_str()))
    });
    let mut here: Vec<_> = here.collect();
    here.sort_by_key(|(edits, _)| std::cmp::Reverse(*edits));
    let edits = here.first().is_some_and(|(edits, _)| *edits);
    let sign = if edits { appearance.symbols.pencil } else { appearance.symbols.eye };
    match here.as_slice() {
        [] => String::new(),
        [(_, name)] => format!("{} {sign}", fit(name, PEOPLE_COLUMNS - 2)),
        [(_, name), more @ ..] => format!("{}+{} {sign}", fit(name, PEOPLE_COLUMNS - 4), more.len()),
    }
}

/// Returns the mark of a row: its own latest change, that of what it hides, or that it is stale.
fn mark(app: &App, appearance: &Appearance, row: &tree::TreeRow) -> (&'static str, Freshness) {
    let Some(key) = row.node.entity() else {
        return hidden(app, appearance, row);
    };
    let waits =
        app.pending().is_deleted(key) || app.pending().mark_of(key).is_some_and(|mark| mark != PendingMark::Applied);
    if waits {
        return (appearance.symbols.pending, Freshness::Fading);
    }
    let Some(entity) = app.cache().get(key) else { return (" ", Freshness::Old) };
    if entity.is_stale() {
        return (appearance.symbols.stale, Freshness::Old);
    }
    if let Some(at) = app.tree().fresh().get(key) {
        return (appearance.change(latest_direction(entity)), app.freshness(*at));
    }
    hidden(app, appearance, row)
}

/// Returns the mark for what a row hides.
fn hidden(app: &App, appearance: &Appearance, row: &tree::TreeRow) -> (&'static str, Freshness) {
    let hides = row.folded == Some(true) && app.tree().is_fresh_under(&row.node);
    (if hides { appearance.symbols.changed } else { " " }, Freshness::Fading)
}

/// Returns which way the latest change went; a level says more than anything else that changed with it.
fn latest_direction(entity: &Entity) -> crate::app::value::Direction {
    let latest = entity.last_change();
    let mut changes = entity.changes.iter().filter(|(_, change)| Some(change.at) == latest);
    let all: Vec<_> = changes.by_ref().collect();
    let chosen = all.iter().find(|(field, _)| *field == "level").or(all.first());
    chosen.map_or(crate::app::value::Direction::Other, |(field, change)| {
        let inner = |value: &Json| value.get("value").unwrap_or(value).clone();
        direction(change.from.as_ref().map(inner).as_ref(), entity.field(field).map(inner).as_ref())
    })
}

fn is_under(app: &App, key: &EntityRef, ancestor: &EntityRef) -> bool {
    app.cache().get(key).is_some_and(|entity| app.cache().ancestors(entity).any(|above| above.key == *ancestor))
}

fn level(entity: &Entity) -> String {
    entity.field("level").filter(|level| level.is_number()).map(say).unwrap_or_default()
}

fn status(entity: &Entity) -> String {
    let field = match entity.key.entity_type {
        EntityType::Encounter => "status",
        EntityType::Location => "type",
        EntityType::Campaign
        | EntityType::Kingdom
        | EntityType::Settlement
        | EntityType::Structure
        | EntityType::Member
        | EntityType::Other(_) => "variables.status",
    };
    let said = entity.field(field).and_then(Json::as_str).unwrap_or_default();
    // What is sound needs no word; what is not stands out.
    if said == "sound" { String::new() } else { scry_text::line(said).into_owned() }
}

fn is_bad(status: &str) -> bool {
    matches!(status, "damaged" | "destroyed" | "active")
}
