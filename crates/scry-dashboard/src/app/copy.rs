//! What can be taken out of the dashboard: a row, JSON, the command that shows the same, the screen.

use scry_protocol::catalogue::CustomEventMetadata;
use scry_protocol::{EntityType, Id, Room};
use scry_text as text;
use serde_json::Value;

use super::entry::{JournalItem, RowKind};
use super::inspector::{InspectorLine, JsonLine};
use super::pane::Pane;
use super::{App, AppEffect, AppOptions, AppStage, detail};

/// A format of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Export {
    /// The screen as plain text.
    Text,
    /// The screen as text with ANSI escape sequences for its colours.
    Ansi,
    /// The screen as an SVG picture.
    Svg,
    /// The journal's rows that pass its filter, as JSON lines.
    Journal,
}

impl Export {
    /// Returns the end of the file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Ansi => "ansi",
            Self::Svg => "svg",
            Self::Journal => "jsonl",
        }
    }
}

impl App {
    /// Copies what is under the cursor, as text.
    pub(super) fn copy_row(&mut self) -> Vec<AppEffect> {
        let text = match self.focus {
            Pane::World => self.selected().map(|entity| entity.name.to_string()),
            Pane::Detail => {
                self.detail_field().map(|row| value_of(&row)).or_else(|| self.selected().map(|_| self.detail_text()))
            }
            Pane::Journal => self.journal.selected().map(|entry| {
                let name = entry.subject_name(&self.cache).unwrap_or_default();
                let who = entry.who.as_ref().map_or("", |id| self.cache.user_name(id).unwrap_or(id.as_str()));
                let (at, what) = (format!("{:.3}", entry.at), self.what(entry));
                [at.as_str(), entry.kind_word(), name.as_str(), &*what, who].join("  ")
            }),
            Pane::Inspector => self.inspected_value(),
            Pane::Clock => self.clock.today().map(ToString::to_string),
            Pane::Notifications => {
                self.inbox.selected().map(|notice| format!("{}  {}", notice.title, self.notice_body(notice)))
            }
            Pane::Health | Pane::People => None,
        };
        self.copied(text, "copied")
    }

    /// Copies the entity or the event as JSON.
    pub(super) fn copy_json(&mut self) -> Vec<AppEffect> {
        let json = match self.focus {
            Pane::Journal => self.journal.selected().and_then(|entry| self.shown_record(entry)),
            Pane::Inspector => self.inspected_entry().and_then(|entry| self.shown_record(entry)),
            Pane::World | Pane::Detail | Pane::Clock | Pane::Health | Pane::People | Pane::Notifications => {
                self.selected().map(|entity| self.public(&entity, entity.to_value()))
            }
        };
        let text = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
        self.copied(text, "JSON copied")
    }

    /// Copies the command line that shows the same.
    pub(super) fn copy_command(&mut self) -> Vec<AppEffect> {
        let AppStage::Watching(campaign) = &self.stage else { return Vec::new() };
        let here = format!("--campaign {}", quoted(campaign.as_str()));
        let command = match self.focus {
            Pane::World | Pane::Detail => self
                .selected()
                .map(|entity| format!("get {} {}", entity.key.entity_type, quoted(entity.key.id.as_str()))),
            Pane::Journal => {
                let filter = self.journal.filter().and_then(super::filter::Filter::expression).map(ToOwned::to_owned);
                let filter = filter.or_else(|| self.journal.selected().and_then(alike));
                let filter = filter.map(|filter| format!(" --filter {}", quoted(&filter))).unwrap_or_default();
                let room = self.journal.selected().and_then(room_of).unwrap_or(here);
                Some(format!("watch {room}{filter}"))
            }
            Pane::Inspector => self.inspected_entry().and_then(|entry| {
                let seq = entry.seq.map(|seq| format!("get event {here} --since {} --limit 1", seq.saturating_sub(1)));
                let room = room_of(entry).unwrap_or_else(|| here.clone());
                seq.or_else(|| alike(entry).map(|filter| format!("watch {room} --filter {}", quoted(&filter))))
            }),
            Pane::Clock => Some(format!("get campaign {}", quoted(campaign.as_str()))),
            Pane::People => Some(format!("get member {here}")),
            Pane::Notifications => Some("get notification".to_owned()),
            Pane::Health => Some(format!("doctor {here}")),
        };
        let server = self.server_options();
        self.copied(command.map(|command| format!("scry {command}{server}")), "command copied")
    }

    /// Returns the options that lead a command line to this server, where the configuration alone does not.
    fn server_options(&self) -> String {
        let AppOptions { profile, profiles, address, .. } = &self.options;
        let known = profiles.contains(profile).then(|| format!(" --profile {}", quoted(profile)));
        let other = address.as_ref().map(|address| format!(" --url {}", quoted(address)));
        [known, other].into_iter().flatten().collect()
    }

    /// Lists the journal's rows that pass its filter, one line of JSON each.
    pub(super) fn journal_lines(&self) -> String {
        let texts =
            self.journal.passing().filter_map(|entry| self.shown_record(entry)).map(|event| format!("{event}\n"));
        texts.collect()
    }

    fn copied(&mut self, text: Option<String>, said: &'static str) -> Vec<AppEffect> {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => vec![AppEffect::Copy { text, said }],
            None => {
                self.say("there is nothing to copy here");
                Vec::new()
            }
        }
    }

    fn detail_text(&self) -> String {
        let (rows, _) = self.detail(usize::MAX);
        let line = |row: &detail::DetailRow| match row {
            detail::DetailRow::Field(field) => format!("{}\t{}", field.label, value_of(row)),
            detail::DetailRow::Condition { name, .. } => format!("{name}\t{}", value_of(row)),
            detail::DetailRow::Blank
            | detail::DetailRow::Heading(_)
            | detail::DetailRow::Text(_)
            | detail::DetailRow::Why(_) => value_of(row),
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Returns what is under the Inspector's cursor: a whole JSON value, or the line's own.
    fn inspected_value(&self) -> Option<String> {
        let (lines, cursor, _) = self.inspected();
        match lines.get(cursor)? {
            InspectorLine::Json(JsonLine { path, .. }) => {
                let event = self.inspected_entry()?.record.as_ref()?.value()?;
                let value = path.split(['.', '[']).filter(|step| !step.is_empty()).try_fold(
                    &event,
                    |value, step| match step.strip_suffix(']') {
                        Some(index) => value.get(index.parse::<usize>().ok()?),
                        None => value.get(step),
                    },
                )?;
                Some(value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
            }
            InspectorLine::Pair { value, .. } => Some(value.clone()),
            InspectorLine::Diff { after, before, .. } => after.clone().or_else(|| before.clone()),
            InspectorLine::Cause(cause) => Some(cause.what.clone()),
            InspectorLine::Heading(text) => Some((*text).to_owned()),
            InspectorLine::Text(text) => Some(text.clone()),
            InspectorLine::Blank => None,
        }
    }

    fn shown_record(&self, entry: &JournalItem) -> Option<Value> {
        entry.record.as_ref().filter(|_| !self.hides(entry))?.value()
    }

    /// Leaves out of an entity's JSON what players must not see, while they may be looking.
    fn public(&self, entity: &scry_model::cache::Entity, mut json: Value) -> Value {
        self.secrets(entity).redact(&mut json);
        // What goes to other programs is safe whatever the cache was given.
        text::json(json)
    }
}

/// Returns what a row of Detail holds, without its name.
fn value_of(row: &detail::DetailRow) -> String {
    match row {
        detail::DetailRow::Blank => String::new(),
        detail::DetailRow::Heading(heading) => (*heading).to_owned(),
        detail::DetailRow::Text(text) | detail::DetailRow::Why(text) => text.clone(),
        detail::DetailRow::Field(field) => format!("{} {}", field.value, field.unit).trim_end().to_owned(),
        detail::DetailRow::Condition { holds, because, .. } => {
            format!("{}\t{because}", if *holds { "holds" } else { "does not hold" })
        }
    }
}

/// Returns the room of a catalogue that an event came through, as an option.
fn room_of(entry: &JournalItem) -> Option<String> {
    let stamp = CustomEventMetadata::from_payload(&entry.record.as_ref()?.value()?)?;
    let room = stamp.rooms.into_iter().find(|room| matches!(room, Room::Custom(..)))?;
    Some(format!("--room {}", quoted(&room.to_string())))
}

/// Returns an expression for the events like a row of the journal: of its kind, and about the same thing.
fn alike(entry: &JournalItem) -> Option<String> {
    // An id has no quotes in it.
    let of = |event: &str, key: &str, id: &Id| format!("type == \"{event}\" && payload.{key} == \"{id}\"");
    let subject = entry.subject.as_ref();
    match entry.kind {
        RowKind::WorldTime => Some("type == \"world_time_changed\"".to_owned()),
        RowKind::Invalidated => Some(match subject.filter(|key| key.entity_type != EntityType::Campaign) {
            Some(key) => of("state_invalidated", "entityId", &key.id),
            None => "type == \"state_invalidated\"".to_owned(),
        }),
        RowKind::Changed(_) => subject.map(|key| match key.entity_type {
            EntityType::Settlement => of("settlement_updated", "settlementId", &key.id),
            EntityType::Structure => of("structure_updated", "structureId", &key.id),
            EntityType::Campaign
            | EntityType::Kingdom
            | EntityType::Location
            | EntityType::Encounter
            | EntityType::Member
            | EntityType::Other(_) => of("entity_updated", "entityId", &key.id),
        }),
        RowKind::Foreign | RowKind::Custom(_) => {
            entry.name.as_ref().map(|name| format!("type == {}", Value::from(&**name)))
        }
        RowKind::Gap | RowKind::GapRecovered | RowKind::Notice | RowKind::Marker => None,
    }
}

/// Writes a word the way a shell reads it as one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_for_the_shell() {
        assert_eq!(quoted("0197-ab"), "0197-ab");
        assert_eq!(quoted("it's; rm -rf"), "'it'\\''s; rm -rf'");
        assert_eq!(quoted(""), "''");
    }
}
