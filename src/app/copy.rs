//! What can be taken out of the dashboard: a row, JSON, the command that shows the same, the screen.

use serde_json::Value;

use super::inspector::{JsonLine, Line};
use super::pane::Pane;
use super::value::say;
use super::{App, Effect, Stage, detail};
use crate::expr;

/// Names what a screen is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Export {
    Text,
    Ansi,
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
    pub(super) fn copy_row(&mut self) -> Vec<Effect> {
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
    pub(super) fn copy_json(&mut self) -> Vec<Effect> {
        let json = match self.focus {
            Pane::Journal => self.journal.selected().and_then(|entry| self.shown_record(entry)),
            Pane::Inspector => self.inspected_entry().and_then(|entry| self.shown_record(entry)),
            Pane::World | Pane::Detail | Pane::Clock | Pane::Health | Pane::People | Pane::Notifications => {
                self.selected().map(|entity| self.public(&entity, expr::entity(&entity)))
            }
        };
        let text = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
        self.copied(text, "JSON copied")
    }

    /// Copies the command line that shows the same.
    pub(super) fn copy_command(&mut self) -> Vec<Effect> {
        let Stage::Watching(campaign) = &self.stage else { return Vec::new() };
        let profile = if self.options.profile.is_empty() {
            String::new()
        } else {
            format!(" --profile {}", quoted(&self.options.profile))
        };
        let text = match self.focus {
            Pane::Journal | Pane::Inspector => {
                let filter = self.journal.filter().and_then(super::filter::Filter::expression);
                let entry =
                    if self.focus == Pane::Inspector { self.inspected_entry() } else { self.journal.selected() };
                let about = entry
                    .and_then(|entry| entry.subject.as_ref())
                    .map(|key| format!("metadata.seq > 0 && {}", about(key)));
                let filter = filter.map(ToOwned::to_owned).or(about);
                let filter = filter.map(|filter| format!(" --filter {}", quoted(&filter))).unwrap_or_default();
                Some(format!("scry watch --campaign {}{filter}{profile}", quoted(campaign.as_str())))
            }
            Pane::World | Pane::Detail | Pane::Clock | Pane::Health | Pane::People | Pane::Notifications => {
                self.selected().map(|entity| {
                    format!("scry get {} {}{profile}", entity.key.entity_type, quoted(entity.key.id.as_str()))
                })
            }
        };
        self.copied(text, "command copied")
    }

    /// Lists the journal's rows that pass its filter, one line of JSON each.
    pub(super) fn journal_lines(&self) -> String {
        let texts =
            self.journal.passing().filter_map(|entry| self.shown_record(entry)).map(|event| format!("{event}\n"));
        texts.collect()
    }

    fn copied(&mut self, text: Option<String>, said: &'static str) -> Vec<Effect> {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => vec![Effect::Copy { text, said }],
            None => {
                self.say("there is nothing to copy here");
                Vec::new()
            }
        }
    }

    fn detail_text(&self) -> String {
        let (rows, _) = self.detail(usize::MAX);
        let line = |row: &detail::Row| match row {
            detail::Row::Field(field) => format!("{}\t{}", field.label, value_of(row)),
            detail::Row::Condition { name, .. } => format!("{name}\t{}", value_of(row)),
            detail::Row::Blank | detail::Row::Heading(_) | detail::Row::Text(_) | detail::Row::Why(_) => value_of(row),
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Returns what is under the Inspector's cursor: a whole JSON value, or the line's own.
    fn inspected_value(&self) -> Option<String> {
        let (lines, cursor, _) = self.inspected();
        match lines.get(cursor)? {
            Line::Json(JsonLine { path, .. }) => {
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
            Line::Pair { value, .. } => Some(value.clone()),
            Line::Diff { after, before, .. } => after.clone().or_else(|| before.clone()),
            Line::Cause(cause) => Some(cause.what.clone()),
            Line::Heading(text) => Some((*text).to_owned()),
            Line::Text(text) => Some(text.clone()),
            Line::Blank => None,
        }
    }

    fn shown_record(&self, entry: &super::entry::Entry) -> Option<Value> {
        entry.record.as_ref().filter(|_| !self.hides(entry))?.value()
    }

    /// Leaves out of an entity's JSON what players must not see, while they may be looking.
    fn public(&self, entity: &crate::client::cache::Entity, mut json: Value) -> Value {
        self.secrets(entity).redact(&mut json);
        json
    }
}

/// Returns what a row of Detail holds, without its name.
fn value_of(row: &detail::Row) -> String {
    match row {
        detail::Row::Blank => String::new(),
        detail::Row::Heading(heading) => (*heading).to_owned(),
        detail::Row::Text(text) | detail::Row::Why(text) => text.clone(),
        detail::Row::Field(field) => format!("{} {}", field.value, field.unit).trim_end().to_owned(),
        detail::Row::Condition { holds, because, .. } => {
            format!("{}\t{because}", if *holds { "holds" } else { "does not hold" })
        }
    }
}

/// Says which events are about an entity.
fn about(key: &crate::protocol::EntityRef) -> String {
    let id = say(&Value::from(key.id.as_str()));
    match key.entity_type.as_str() {
        "settlement" => format!("type == 'settlement_updated' && payload.settlementId == '{id}'"),
        "structure" => format!("type == 'structure_updated' && payload.structureId == '{id}'"),
        _ => format!("type == 'entity_updated' && payload.entityId == '{id}'"),
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
