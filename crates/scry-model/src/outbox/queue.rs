//! The outbox as it is known from its outcomes: what waits, what is on its way, what was refused.

use super::edit::Edit;
use super::entry::OutboxEntry;
use super::outcome::{EditOutcome, EditState};

/// The edits of one campaign that no server has applied yet, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outbox {
    items: Vec<OutboxItem>,
}

/// An edit with its progress.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxItem {
    /// The edit itself.
    pub edit: Edit,
    /// The progress of the edit.
    pub state: EditState,
}

impl Outbox {
    /// Takes in what became of an edit; returns the item that left, if it did.
    pub fn apply(&mut self, outcome: &EditOutcome) -> Option<OutboxItem> {
        match outcome {
            EditOutcome::Stored(edit) => {
                match self.items.iter_mut().find(|item| item.edit.key == edit.key) {
                    Some(item) => item.edit = edit.clone(),
                    None => self.items.push(OutboxItem { edit: edit.clone(), state: EditState::Pending }),
                }
                None
            }
            EditOutcome::Sending { key } => self.set(key, EditState::Sending),
            EditOutcome::Waiting { key } => self.set(key, EditState::Pending),
            EditOutcome::Refused { key, refusal } => self.set(key, EditState::Refused(refusal.clone())),
            EditOutcome::NotStored { key, .. }
            | EditOutcome::Applied { key, .. }
            | EditOutcome::Discarded { key }
            | EditOutcome::Gone { key } => {
                let index = self.items.iter().position(|item| item.edit.key == *key)?;
                Some(self.items.remove(index))
            }
            EditOutcome::Notice(_) => None,
        }
    }

    /// Lists what is in the outbox, in order.
    #[must_use]
    pub fn items(&self) -> &[OutboxItem] {
        &self.items
    }

    /// Returns the edit with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&OutboxItem> {
        self.items.iter().find(|item| item.edit.key == key)
    }

    /// Counts the edits that will be sent by themselves.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.items.len() - self.refused()
    }

    /// Counts the edits that wait for the person.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.items.iter().filter(|item| matches!(item.state, EditState::Refused(_))).count()
    }

    /// Returns what the disk says that is not known here: another program may have been at work.
    pub fn reconcile(&self, found: &[OutboxEntry]) -> Vec<EditOutcome> {
        let gone = self.items.iter().filter(|item| !found.iter().any(|entry| entry.edit.key == item.edit.key));
        let mut news: Vec<_> = gone.map(|item| EditOutcome::Gone { key: item.edit.key.clone() }).collect();
        for entry in found {
            let key = || entry.edit.key.clone();
            let known = self.get(&entry.edit.key);
            if known.is_none_or(|item| item.edit != entry.edit) {
                news.push(EditOutcome::Stored(entry.edit.clone()));
            }
            match (known.map(|item| &item.state), &entry.refusal) {
                (Some(EditState::Refused(known)), Some(refusal)) if known == refusal => {}
                (_, Some(refusal)) => news.push(EditOutcome::Refused { key: key(), refusal: refusal.clone() }),
                (Some(EditState::Refused(_)), None) => news.push(EditOutcome::Waiting { key: key() }),
                (Some(EditState::Pending | EditState::Sending) | None, None) => {}
            }
        }
        news
    }

    fn set(&mut self, key: &str, state: EditState) -> Option<OutboxItem> {
        if let Some(item) = self.items.iter_mut().find(|item| item.edit.key == key) {
            item.state = state;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use scry_protocol::{ErrorCode, Id};

    use super::*;
    use crate::outbox::{EditChange, EditRefusal};

    fn edit(key: &str) -> Edit {
        let campaign = Id::parse("c").unwrap();
        Edit {
            key: key.to_owned(),
            campaign,
            at: Timestamp::UNIX_EPOCH,
            correlation: None,
            change: EditChange::AdvanceTime { seconds: 60 },
        }
    }

    fn refusal() -> EditRefusal {
        EditRefusal { code: ErrorCode::Conflict, message: "no".to_owned(), conflict: None }
    }

    fn keys(outbox: &Outbox) -> Vec<&str> {
        outbox.items().iter().map(|item| item.edit.key.as_str()).collect()
    }

    #[test]
    fn edit_stays_until_applied_or_discarded() {
        let mut outbox = Outbox::default();
        for key in ["a", "b", "c"] {
            outbox.apply(&EditOutcome::Stored(edit(key)));
        }
        outbox.apply(&EditOutcome::Sending { key: "a".to_owned() });
        outbox.apply(&EditOutcome::Refused { key: "a".to_owned(), refusal: refusal() });
        assert_eq!((outbox.waiting(), outbox.refused()), (2, 1));
        let left = outbox.apply(&EditOutcome::Applied { key: "b".to_owned(), version: Some(2) });
        assert_eq!(left.unwrap().edit, edit("b"));
        outbox.apply(&EditOutcome::Discarded { key: "a".to_owned() });
        assert_eq!(keys(&outbox), ["c"]);
        assert_eq!(outbox.apply(&EditOutcome::Applied { key: "z".to_owned(), version: None }), None);
    }

    #[test]
    fn reconcile_reports_changes_of_another_program() {
        let mut outbox = Outbox::default();
        for key in ["sent", "retried", "kept"] {
            outbox.apply(&EditOutcome::Stored(edit(key)));
        }
        outbox.apply(&EditOutcome::Refused { key: "retried".to_owned(), refusal: refusal() });
        let mut refused = OutboxEntry::new(4, edit("refused"));
        refused.refusal = Some(refusal());
        let found = [OutboxEntry::new(2, edit("retried")), OutboxEntry::new(3, edit("kept")), refused];
        let news = outbox.reconcile(&found);
        let expected = [
            EditOutcome::Gone { key: "sent".to_owned() },
            EditOutcome::Waiting { key: "retried".to_owned() },
            EditOutcome::Stored(edit("refused")),
            EditOutcome::Refused { key: "refused".to_owned(), refusal: refusal() },
        ];
        assert_eq!(news, expected);
        for outcome in &news {
            outbox.apply(outcome);
        }
        assert_eq!(outbox.reconcile(&found), [], "what is known is no news");
    }
}
