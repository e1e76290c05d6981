//! What each pane holds, as sentences.

use scry_protocol::presence::{Activity, Presence};
use scry_text::json::Json;

use super::words;
use crate::app::clock_pane::ClockLine;
use crate::app::inspector::InspectorLine as Inspected;
use crate::app::pane::Pane;
use crate::app::tree::{TreeNode, TreeRow};
use crate::app::value::{group, say};
use crate::app::{App, detail};

/// How many rows of the journal are told unless a number is given.
const DEFAULT_JOURNAL_ROWS: usize = 10;
/// How many things inside others are told of a large world before the rest is only counted.
const MAX_LISTED_CHILDREN: usize = 5;

impl App {
    /// Answers with everything that a pane holds.
    pub(super) fn answer_pane(&mut self, pane: Pane, rest: &str) {
        let lines = match pane {
            Pane::World => self.world_lines(),
            Pane::Detail => self.detail_lines(),
            Pane::Journal => self.journal_rows(rest.parse().unwrap_or(DEFAULT_JOURNAL_ROWS)),
            Pane::Clock => self.clock_lines(),
            Pane::People => self.people_lines(),
            Pane::Notifications => self.notice_lines(),
            Pane::Health => self.health_lines(),
            Pane::Inspector => self.inspector_lines(),
        };
        lines.into_iter().for_each(|line| self.reply(line));
    }

    /// Answers with the row that the focused pane is at.
    pub(super) fn answer_place(&mut self) {
        let line = match self.focus {
            Pane::World => self.tree.row().map(|row| self.world_row(row)),
            Pane::Journal => self.journal.selected().map(|entry| words::entry(self, entry)),
            Pane::Detail => self.detail_field().and_then(|row| words::detail(self, &row)),
            Pane::Inspector => {
                let (lines, cursor, _) = self.inspected();
                lines.get(cursor).and_then(inspected)
            }
            Pane::Notifications => self.inbox.selected().map(|notice| format!("{}: {}", notice.title, notice.body)),
            Pane::Clock | Pane::People | Pane::Health => None,
        };
        self.reply(line.unwrap_or_else(|| "There is nothing here to move in.".to_owned()));
    }

    fn world_lines(&self) -> Vec<String> {
        if self.tree.rows().is_empty() {
            return vec!["This campaign has not been loaded yet.".to_owned()];
        }
        let filter = self
            .tree
            .filter()
            .map(|(filter, passing)| format!("Filter {}: {passing} pass.", scry_text::line(filter.source())));
        filter.into_iter().chain(self.tree.rows().iter().map(|row| self.world_row(row))).collect()
    }

    fn world_row(&self, row: &TreeRow) -> String {
        let indent = "  ".repeat(usize::from(row.depth));
        let folded = match row.folded {
            Some(true) => format!(", folded, {} inside", row.children),
            Some(false) | None => String::new(),
        };
        let key = match &row.node {
            TreeNode::Group(kind) => return format!("{indent}{}: {}{folded}.", detail::plural(kind), row.children),
            TreeNode::Entity(key) => key,
        };
        let Some(entity) = self.seen_entity(key) else { return format!("{indent}{}.", key.id) };
        let mut said = format!("{indent}{}, {}", entity.name, key.entity_type);
        if let Some(level) = entity.field("level").filter(|level| level.is_number()) {
            said = format!("{said}, level {}", say(level));
        }
        let status = entity.field("variables.status").or_else(|| entity.field("status")).and_then(Json::as_str);
        if let Some(status) = status {
            said = format!("{said}, {}", scry_text::line(status));
        }
        if let Some(at) = self.tree.fresh().get(key) {
            said = format!("{said}, changed {} ago", self.now.age(*at));
        }
        if entity.is_stale() {
            said.push_str(", stale");
        }
        if let Some(mark) = self.pending.mark_of(key) {
            said = format!("{said}, {}", words::mark(mark));
        }
        for person in self.people.at(key, self.me()) {
            let does = if person.1 == Activity::Editing { "edits it" } else { "looks at it" };
            said = format!("{said}, {} {does}", person.0.name);
        }
        if self.tree.bookmarks().contains(key) {
            said.push_str(", bookmarked");
        }
        format!("{said}{folded}.")
    }

    fn detail_lines(&self) -> Vec<String> {
        let Some(entity) = self.selected() else {
            return vec!["Nothing is selected; “detail NAME” shows something by its name.".to_owned()];
        };
        let version = if entity.version > 0 { format!(", version {}", entity.version) } else { String::new() };
        let head = format!("{}, {}{version}.", entity.name, entity.key.entity_type);
        let company = self.company(&entity.key).into_iter().map(|sentence| sentence + ".");
        let onlookers = self.onlookers(&entity.key);
        let onlookers = (!onlookers.is_empty()).then(|| format!("{} looking at it.", onlookers.join(", ")));
        let (rows, _) = self.detail(usize::MAX);
        let rows: Vec<_> = rows.iter().filter_map(|row| words::detail(self, row)).collect();
        std::iter::once(head).chain(company).chain(onlookers).chain(rows).collect()
    }

    fn journal_rows(&self, count: usize) -> Vec<String> {
        let passing: Vec<_> = self.journal.passing().collect();
        if passing.is_empty() {
            return vec!["Nothing has happened yet.".to_owned()];
        }
        let rows = passing.iter().skip(passing.len().saturating_sub(count));
        let when = |entry: &crate::app::entry::JournalItem| match entry.world_time.filter(|_| self.world_times) {
            Some(time) => self.clock.calendar().date_of(time.into()).short(),
            None => entry.at.to_zoned(self.zone().clone()).strftime("%H:%M:%S").to_string(),
        };
        rows.map(|entry| format!("{}. {}", when(entry), words::entry(self, entry))).collect()
    }

    fn clock_lines(&self) -> Vec<String> {
        let lines = self.clock_pane_lines().into_iter().filter_map(|line| match line {
            // A month's grid says nothing to the ear; the date and what is ahead do.
            ClockLine::Blank | ClockLine::Week(_) | ClockLine::Days(_) => None,
            ClockLine::Heading(heading) => Some(format!("{heading}:")),
            ClockLine::Pair { label, value } => {
                let plain = value.trim_start_matches(|c: char| !c.is_alphanumeric());
                Some(format!("{label}: {plain}."))
            }
            ClockLine::Jump { elapsed, way, who, at, .. } => {
                let time = at.to_zoned(self.zone().clone()).strftime("%H:%M:%S");
                let by = if who.is_empty() { String::new() } else { format!(" By {who}.") };
                Some(words::spelt(&format!("{time}. {elapsed}, {way}.{by}")).into_owned())
            }
            ClockLine::Effect(what) => Some(format!("It led to {}.", words::spelt(&what))),
            ClockLine::Text(text) => Some(words::sentence(&words::spelt(&text))),
        });
        lines.collect()
    }

    fn people_lines(&self) -> Vec<String> {
        let all = self.people.all();
        if all.is_empty() {
            return vec!["Nobody else is online, as far as is known.".to_owned()];
        }
        let line = |person: &&crate::app::people::Person| {
            let you = if Some(&person.id) == self.me() { ", which is you," } else { "" };
            let place = person.places.first().map(|(key, activity)| {
                let name = self.seen_entity(key).map_or_else(|| key.entity_type.to_string(), |at| at.name.to_string());
                let does = match activity {
                    Activity::Editing => "edits",
                    Activity::Viewing => "looks at",
                    Activity::Idle => "was at",
                };
                format!(", {does} {name}")
            });
            let status = match person.status {
                Presence::Online => "is here",
                Presence::Idle => "is idle",
                Presence::Offline => "has left",
            };
            format!("{}{you} {status}{}.", person.name, place.unwrap_or_default())
        };
        let invited = self
            .inbox
            .open_invitations()
            .map(|notice| format!("{}; “accept-invitation” or “decline-invitation” answers.", notice.title));
        all.iter().map(line).chain(invited).collect()
    }

    fn notice_lines(&self) -> Vec<String> {
        let notices = self.inbox.notices();
        if notices.is_empty() {
            return vec!["There are no notifications.".to_owned()];
        }
        let line = |(index, notice): (usize, &crate::app::inbox::InboxNotice)| {
            let here = if index == self.inbox.cursor() { "Selected: " } else { "" };
            let unread = if notice.read { "" } else { ", unread" };
            let colon = if notice.body.is_empty() { "" } else { ": " };
            format!("{here}{}{colon}{}, {} ago{unread}.", notice.title, notice.body, self.now.age(notice.at))
        };
        let head = format!("{} notifications, {} unread.", notices.len(), self.inbox.unread());
        std::iter::once(head).chain(notices.iter().enumerate().map(line)).collect()
    }

    fn health_lines(&self) -> Vec<String> {
        let count = |number: usize| group(&number.to_string());
        let trip = self.connection.round_trip().map(|trip| format!(", round trip {} ms", trip.as_millis()));
        let mut lines = vec![
            format!("Connection: {}{}.", self.connection.words(self.now.mono, "“retry”"), trip.unwrap_or_default()),
            format!("Entities: {}, {} stale.", count(self.cache.len()), count(self.cache.stale_count())),
            format!("Refetches: {}.", self.cache.refetches()),
            format!("Journal: {} events, {} dropped.", count(self.journal.events()), self.journal.dropped()),
            format!("Gaps: {}.", self.connection_stats.gaps()),
        ];
        lines.extend(self.connection_stats.rates(self.now).iter().map(|rate| {
            let name = scry_text::line(&rate.name).into_owned();
            format!("{name}: {:.2} a second over the last minute, {} in all.", rate.rate, rate.total)
        }));
        lines.extend(self.connection_stats.changes().take(MAX_LISTED_CHILDREN).map(|change| {
            let time = change.at.to_zoned(self.zone().clone()).strftime("%H:%M:%S");
            let reason = change.reason.as_deref().map(|reason| format!(", {reason}")).unwrap_or_default();
            format!("{time}. {}{reason}.", change.phase.as_str())
        }));
        match self.connection_stats.server() {
            None => {}
            Some(Err(reason)) => lines.push(format!("Server: {reason}.")),
            Some(Ok(said)) => lines.extend(said.iter().map(|(name, value)| format!("Server, {name}: {value}."))),
        }
        lines
    }

    fn inspector_lines(&self) -> Vec<String> {
        let (lines, ..) = self.inspected();
        if lines.is_empty() {
            return vec!["No event is open; “inspect NUMBER” opens one of the journal.".to_owned()];
        }
        // The text as a whole comes by “copy-json”; line by line it would be noise.
        let lines = lines.iter().filter(|line| !matches!(line, Inspected::Json(_) | Inspected::Heading("Event")));
        lines.filter_map(inspected).collect()
    }
}

fn inspected(line: &Inspected) -> Option<String> {
    match line {
        Inspected::Blank => None,
        Inspected::Heading(heading) => Some(format!("{heading}:")),
        Inspected::Text(text) => Some(words::sentence(text)),
        Inspected::Pair { label, value } => Some(format!("{label}: {}.", words::spelt(value))),
        Inspected::Diff { field, before, after } => {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
            Some(words::spelt(&format!("{field}: {} before, {} after.", value(before), value(after))).into_owned())
        }
        Inspected::Cause(cause) => {
            let this = if cause.is_this { "This event: " } else { "" };
            Some(words::spelt(&format!("{}. {this}{}.", cause.depth + 1, cause.what)).into_owned())
        }
        Inspected::Json(json) => Some(format!("{}{}", json.key, json.value)),
    }
}
