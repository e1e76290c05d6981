//! The players' view: what is marked secret is not shown while they may be looking.

use std::borrow::Cow;

use serde_json::Value;

use super::App;
use super::edit::field::{Field, fields};
use super::entry::Entry;
use super::inbox::Notice;
use super::pending::{Held, words};
use super::value::{field_name, say};
use crate::client::cache::Entity;

/// What stands in place of a secret.
pub const HIDDEN: &str = "hidden from players";

/// Tells whether a field's schema calls it a secret.
#[must_use]
pub fn is_secret(entity: &Entity, field: &str) -> bool {
    let Some(name) = field.strip_prefix("variables.") else { return false };
    let schema = entity.field("variableSchemas").and_then(|schemas| schemas.get(name));
    schema.and_then(|schema| schema.get("secret")).and_then(Value::as_bool) == Some(true)
}

fn has_secrets(entity: &Entity) -> bool {
    let variables = entity.field("variables").and_then(Value::as_object);
    variables.is_some_and(|variables| variables.keys().any(|name| is_secret(entity, &format!("variables.{name}"))))
}

impl App {
    /// Tells whether the screen is safe for players to see.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.private
    }

    /// Says what happened; in the players' view without the secrets of it.
    #[must_use]
    pub fn what<'a>(&self, entry: &'a Entry) -> Cow<'a, str> {
        if !self.hides(entry) {
            return Cow::Borrowed(&entry.what);
        }
        let entity = entry.subject.as_ref().and_then(|key| self.cache.get(key));
        let public = entry.record.iter().flat_map(|record| &record.fields);
        let public = public.filter(|held| entity.is_some_and(|entity| !is_secret(entity, &held.field))).map(|held| {
            let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "–".to_owned(), say);
            format!("{} {} → {}", field_name(&held.field), value(&held.before), value(&held.after))
        });
        Cow::Owned(public.chain(["something else".to_owned()]).collect::<Vec<_>>().join(", "))
    }

    /// Tells whether a row names a secret that must not be shown now.
    #[must_use]
    pub fn hides(&self, entry: &Entry) -> bool {
        if !self.private {
            return false;
        }
        let Some(entity) = entry.subject.as_ref().and_then(|key| self.cache.get(key)) else { return false };
        match &entry.record {
            Some(record) => record.fields.iter().any(|held| is_secret(entity, &held.field)),
            // Without its text nobody knows what a row names: one about a thing with secrets stays closed.
            None => has_secrets(entity),
        }
    }

    /// Lists what can be changed about an entity, in the players' view without the secrets.
    #[must_use]
    pub fn editable(&self, entity: &Entity) -> Vec<Field> {
        let mut all = fields(entity);
        all.retain(|field| !(self.private && is_secret(entity, &field.name)));
        all
    }

    /// Tells whether an edit sets a secret that must not be shown now.
    #[must_use]
    pub fn hides_edit(&self, held: &Held) -> bool {
        self.private && self.sets_secret(held)
    }

    /// Tells whether an edit sets a secret, whoever looks.
    #[must_use]
    pub fn sets_secret(&self, held: &Held) -> bool {
        let entity = held.edit.change.entity().and_then(|key| self.cache.get(&key));
        entity.is_some_and(|entity| held.edit.change.fields().iter().any(|field| is_secret(entity, field)))
    }

    /// Says what an edit does, unless that is hidden from players.
    #[must_use]
    pub fn edit_words(&self, held: &Held) -> String {
        if self.hides_edit(held) { HIDDEN.to_owned() } else { words::what(held) }
    }

    /// Says why an edit was rolled back, unless that is hidden from players.
    #[must_use]
    pub fn edit_reason(&self, held: &Held) -> Option<String> {
        words::reason(held, &self.cache).map(|reason| if self.hides_edit(held) { HIDDEN.to_owned() } else { reason })
    }

    /// Returns the text of a notice; in the players' view, not of one about a thing with secrets.
    #[must_use]
    pub fn notice_body<'a>(&self, notice: &'a Notice) -> &'a str {
        let about = notice.subject.as_ref().and_then(|key| self.cache.get(key));
        if self.private && about.is_some_and(has_secrets) && !notice.body.is_empty() { HIDDEN } else { &notice.body }
    }
}
