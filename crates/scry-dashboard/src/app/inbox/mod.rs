//! What the person is told beside the campaign's events: notifications, and what became of meeting edits.

mod actions;

use jiff::Timestamp;
use scry_model::cache::Cache;
use scry_model::event::{Notification, NotificationInbox as Told, PushPreferences};
use scry_protocol::catalogue::Severity;
use scry_protocol::messages::{ConflictResolved, DocumentConflict, NotificationNew};
use scry_protocol::{EntityRef, Id};
use scry_text as text;
use serde_json::Value;

use super::privacy::SecretFields;
use super::value::{field_name, say};

/// How many notices are kept.
const MAX_NOTICES: usize = 500;

/// Every level and every kind that can be chosen.
pub(crate) const LEVELS: [&str; 4] = ["info", "success", "warning", "error"];
pub(crate) const KINDS: [(&str, &str); 4] = [
    ("message", "from people"),
    ("conflict", "edits that met"),
    ("rule", "from the rules of the world"),
    ("invitation", "to campaigns"),
];
/// The type of what a notification is about that tells of an invitation.
const INVITATION_TYPE: &str = "invitation";

/// The notices, the newest first, and the place among them.
#[derive(Debug, Default)]
pub struct Inbox {
    notices: Vec<InboxNotice>,
    cursor: usize,
    preferences: Option<PushPreferences>,
    is_missing: bool,
}

/// A notice; everything in it is safe to show.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxNotice {
    /// The server's; `None` for what only this dashboard knows.
    pub(crate) id: Option<Id>,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) level: Severity,
    pub(crate) at: Timestamp,
    pub(crate) read: bool,
    /// What it is about.
    pub(crate) subject: Option<EntityRef>,
}

impl InboxNotice {
    /// Returns the invitation that the notice tells of.
    #[must_use]
    pub(crate) fn invitation(&self) -> Option<&Id> {
        self.subject
            .as_ref()
            .filter(|subject| subject.entity_type.as_str() == INVITATION_TYPE)
            .map(|subject| &subject.id)
    }
}

impl Inbox {
    /// Lists the notices that tell of an invitation and have not been read, the newest first.
    pub(crate) fn open_invitations(&self) -> impl Iterator<Item = &InboxNotice> {
        self.notices.iter().filter(|notice| !notice.read && notice.invitation().is_some())
    }

    /// Lists the notices, the newest first.
    #[must_use]
    pub fn notices(&self) -> &[InboxNotice] {
        &self.notices
    }

    #[must_use]
    pub(crate) const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns the notice the cursor is on.
    #[must_use]
    pub(crate) fn selected(&self) -> Option<&InboxNotice> {
        self.notices.get(self.cursor)
    }

    /// Returns what the server tells at once, once it has said so.
    #[must_use]
    pub(crate) const fn preferences(&self) -> Option<&PushPreferences> {
        self.preferences.as_ref()
    }

    /// Returns whether this server keeps no notifications.
    #[must_use]
    pub(crate) const fn is_missing(&self) -> bool {
        self.is_missing
    }

    /// Counts the notices that have not been read.
    #[must_use]
    pub(crate) fn unread(&self) -> usize {
        self.notices.iter().filter(|notice| !notice.read).count()
    }

    /// Takes the list as the server keeps it; what only this dashboard knows stays.
    fn told(&mut self, told: Told) {
        let known: Vec<_> = told.notifications.iter().map(|kept| kept.told.id.clone()).collect();
        self.notices.retain(|notice| notice.id.as_ref().is_none_or(|id| !known.contains(id)));
        self.notices.extend(told.notifications.iter().map(notice));
        self.preferences = told.preferences.or_else(|| self.preferences.take());
        self.sort();
    }

    /// Puts the cursor on a notice.
    pub(crate) fn select(&mut self, index: usize) {
        self.cursor = index.min(self.notices.len().saturating_sub(1));
    }

    fn add(&mut self, notice: InboxNotice) {
        // The same one may come live and in the list.
        if notice.id.is_some() && self.notices.iter().any(|known| known.id == notice.id) {
            return;
        }
        // The cursor stays on its notice, unless it waits for the newest.
        self.cursor += usize::from(self.cursor > 0);
        self.notices.push(notice);
        self.sort();
    }

    fn sort(&mut self) {
        self.notices.sort_by_key(|notice| std::cmp::Reverse(notice.at));
        self.notices.truncate(MAX_NOTICES);
        self.cursor = self.cursor.min(self.notices.len().saturating_sub(1));
    }
}

fn notice(kept: &Notification) -> InboxNotice {
    InboxNotice { read: kept.read, ..announced(&kept.told, Timestamp::UNIX_EPOCH) }
}

/// Reads a notification as it is announced.
fn announced(new: &NotificationNew, now: Timestamp) -> InboxNotice {
    InboxNotice {
        id: Some(new.id.clone()),
        title: text::line(&new.title).into_owned(),
        body: text::line(&new.body).into_owned(),
        level: Severity::from_name(&new.level),
        at: new.created_at.parse().unwrap_or(now),
        read: false,
        subject: new.entity_type.clone().zip(new.entity_id.clone()).map(|(kind, id)| EntityRef::new(kind, id)),
    }
}

/// Returns the notice that another user has replaced values of this one's.
fn replaced(conflict: &DocumentConflict, cache: &Cache, now: Timestamp) -> InboxNotice {
    let subject = EntityRef::new(conflict.entity_type.clone(), conflict.entity_id.clone());
    let name = cache.get(&subject).map_or_else(|| subject.entity_type.to_string(), |entity| entity.name.to_string());
    let by = cache.user_name(&conflict.by).unwrap_or("somebody else");
    let value = |values: &Value, field: &str| say(values.get(field).unwrap_or(&Value::Null));
    let secrets = cache.get(&subject).map(|entity| SecretFields::of(entity, cache)).unwrap_or_default();
    let change = |field: &String| {
        if secrets.hide(field) {
            return field_name(field);
        }
        let (mine, theirs) = (value(&conflict.original_value, field), value(&conflict.resolved_value, field));
        format!("{}: yours was {mine}, now it is {theirs}", field_name(field))
    };
    let body: Vec<_> = conflict.conflicted_fields.iter().map(change).collect();
    InboxNotice {
        id: conflict.notification_id.clone(),
        title: text::line(&format!("{by} replaced what you wrote in {name}")).into_owned(),
        body: text::line(&body.join("; ")).into_owned(),
        level: Severity::Warning,
        at: now,
        read: false,
        subject: Some(subject),
    }
}

/// Returns the notice that a conflict of this user is over.
fn resolved(resolved: &ConflictResolved, cache: &Cache, now: Timestamp) -> InboxNotice {
    let subject = EntityRef::new(resolved.entity_type.clone(), resolved.entity_id.clone());
    let name = cache.get(&subject).map_or_else(|| subject.entity_type.to_string(), |entity| entity.name.to_string());
    let fields: Vec<_> = resolved.fields.iter().map(|field| field_name(field)).collect();
    InboxNotice {
        id: None,
        title: text::line(&format!("a conflict about {name} is resolved")).into_owned(),
        body: text::line(&fields.join(", ")).into_owned(),
        level: Severity::Success,
        at: now,
        read: false,
        subject: Some(subject),
    }
}
