//! Deleting, after a question that names what goes with it.

use scry_model::cache::Entity;
use scry_model::outbox::EditChange;
use scry_protocol::{EntityRef, EntityType};

use super::{Dialog, EditCommand};
use crate::app::command::{Action, KeyContext};
use crate::app::detail::plural;
use crate::app::key::Key;
use crate::app::{App, AppEffect};

/// How many of what goes with it are named.
const MAX_LISTED_DEPENDENTS: usize = 6;

/// Asks whether something is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteDialog {
    pub(crate) subject: EntityRef,
    pub(crate) version: Option<i64>,
}

/// Some of the entities that go with one that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeletedDependents {
    pub what: String,
    pub count: usize,
    pub names: String,
}

impl App {
    pub(super) fn open_delete(&mut self) {
        let Some(entity) = self.selected() else {
            return self.say("select something in the World first");
        };
        let subject = entity.key.clone();
        match subject.entity_type {
            EntityType::Kingdom
            | EntityType::Settlement
            | EntityType::Structure
            | EntityType::Location
            | EntityType::Encounter => {}
            EntityType::Campaign => return self.say("delete a whole campaign with `scry delete campaign`"),
            EntityType::Member | EntityType::Other(_) => {
                return self.say(&format!("a {} cannot be deleted here", subject.entity_type));
            }
        }
        if self.cache.get(&subject).is_none() {
            return self.say("this is still being created; u undoes that");
        }
        let version = self.version_of(&subject);
        self.dialog = Some(Dialog::Delete(DeleteDialog { subject, version }));
    }

    pub(super) fn delete_key(&mut self, dialog: DeleteDialog, key: Key) -> Vec<AppEffect> {
        match self.keymap.action(KeyContext::Confirm, key) {
            Some(Action::Edit(EditCommand::Confirm)) => self.delete(dialog),
            Some(Action::Edit(EditCommand::Cancel)) => Vec::new(),
            Some(other) => {
                self.dialog = Some(Dialog::Delete(dialog));
                self.unhandled(other)
            }
            None => {
                self.dialog = Some(Dialog::Delete(dialog));
                Vec::new()
            }
        }
    }

    pub(super) fn delete(&mut self, dialog: DeleteDialog) -> Vec<AppEffect> {
        let EntityRef { entity_type, id } = dialog.subject;
        self.submit(EditChange::Delete { entity_type, id, expected_version: dialog.version }, Vec::new())
    }

    /// Lists what goes with something, by type: what stands in it, and what stands in that.
    #[must_use]
    pub(crate) fn losses(&self, subject: &EntityRef) -> Vec<DeletedDependents> {
        let mut lost: Vec<&Entity> = Vec::new();
        let mut parents = vec![subject.id.clone()];
        while let Some(parent) = parents.pop() {
            for kind in [EntityType::Settlement, EntityType::Structure] {
                let children = self.cache.children(&parent, &kind);
                parents.extend(children.iter().map(|child| child.key.id.clone()));
                lost.extend(children);
            }
        }
        let kinds = [EntityType::Settlement, EntityType::Structure];
        let of = |kind: &EntityType| {
            let names: Vec<_> =
                lost.iter().filter(|entity| entity.key.entity_type == *kind).map(|entity| &*entity.name).collect();
            (!names.is_empty()).then(|| DeletedDependents {
                what: plural(kind).to_lowercase(),
                count: names.len(),
                names: list(&names),
            })
        };
        kinds.iter().filter_map(of).collect()
    }
}

fn list(names: &[&str]) -> String {
    let shown = names.iter().take(MAX_LISTED_DEPENDENTS).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_LISTED_DEPENDENTS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
