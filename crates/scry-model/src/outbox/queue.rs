//! The outbox as it is known from its outcomes: what waits, what is on its way, what was refused.

use super::edit::Edit;
use super::entry::Entry;
use super::outcome::{Outcome, State};

/// Holds the edits of one campaign that no server has applied yet, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outbox {
    items: Vec<Item>,
}

/// Holds one edit and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub edit: Edit,
    pub state: State,
}

impl Outbox {
    /// Takes in what became of an edit; returns the item that left, if it did.
    pub fn take(&mut self, outcome: &Outcome) -> Option<Item> {
        match outcome {
            Outcome::Stored(edit) => {
                match self.items.iter_mut().find(|item| item.edit.key == edit.key) {
                    Some(item) => item.edit = edit.clone(),
                    None => self.items.push(Item { edit: edit.clone(), state: State::Pending }),
                }
                None
            }
            Outcome::Sending { key } => self.set(key, State::Sending),
            Outcome::Waiting { key } => self.set(key, State::Pending),
            Outcome::Refused { key, refusal } => self.set(key, State::Refused(refusal.clone())),
            Outcome::NotStored { key, .. }
            | Outcome::Applied { key, .. }
            | Outcome::Discarded { key }
            | Outcome::Gone { key } => {
                let index = self.items.iter().position(|item| item.edit.key == *key)?;
                Some(self.items.remove(index))
            }
            Outcome::Notice(_) => None,
        }
    }

    /// Lists what is in the outbox, in order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the edit with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Item> {
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
        self.items.iter().filter(|item| matches!(item.state, State::Refused(_))).count()
    }

    /// Tells what the disk says that is not known here: another program may have been at work.
    pub fn news(&self, found: &[Entry]) -> Vec<Outcome> {
        let gone = self.items.iter().filter(|item| !found.iter().any(|entry| entry.edit.key == item.edit.key));
        let mut news: Vec<_> = gone.map(|item| Outcome::Gone { key: item.edit.key.clone() }).collect();
        for entry in found {
            let key = || entry.edit.key.clone();
            let known = self.get(&entry.edit.key);
            if known.is_none_or(|item| item.edit != entry.edit) {
                news.push(Outcome::Stored(entry.edit.clone()));
            }
            match (known.map(|item| &item.state), &entry.refusal) {
                (Some(State::Refused(known)), Some(refusal)) if known == refusal => {}
                (_, Some(refusal)) => news.push(Outcome::Refused { key: key(), refusal: refusal.clone() }),
                (Some(State::Refused(_)), None) => news.push(Outcome::Waiting { key: key() }),
                (Some(State::Pending | State::Sending) | None, None) => {}
            }
        }
        news
    }

    fn set(&mut self, key: &str, state: State) -> Option<Item> {
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
    use crate::outbox::{Change, Refusal};

    fn edit(key: &str) -> Edit {
        let campaign = Id::parse("c").unwrap();
        Edit {
            key: key.to_owned(),
            campaign,
            at: Timestamp::UNIX_EPOCH,
            correlation: None,
            change: Change::AdvanceTime { seconds: 60 },
        }
    }

    fn refusal() -> Refusal {
        Refusal { code: ErrorCode::Conflict, message: "no".to_owned(), conflict: None }
    }

    fn keys(outbox: &Outbox) -> Vec<&str> {
        outbox.items().iter().map(|item| item.edit.key.as_str()).collect()
    }

    #[test]
    fn an_edit_stays_until_it_is_applied_or_given_up() {
        let mut outbox = Outbox::default();
        for key in ["a", "b", "c"] {
            outbox.take(&Outcome::Stored(edit(key)));
        }
        outbox.take(&Outcome::Sending { key: "a".to_owned() });
        outbox.take(&Outcome::Refused { key: "a".to_owned(), refusal: refusal() });
        assert_eq!((outbox.waiting(), outbox.refused()), (2, 1));
        let left = outbox.take(&Outcome::Applied { key: "b".to_owned(), version: Some(2) });
        assert_eq!(left.unwrap().edit, edit("b"));
        outbox.take(&Outcome::Discarded { key: "a".to_owned() });
        assert_eq!(keys(&outbox), ["c"]);
        assert_eq!(outbox.take(&Outcome::Applied { key: "z".to_owned(), version: None }), None);
    }

    #[test]
    fn the_disk_tells_what_another_program_did() {
        let mut outbox = Outbox::default();
        for key in ["sent", "retried", "kept"] {
            outbox.take(&Outcome::Stored(edit(key)));
        }
        outbox.take(&Outcome::Refused { key: "retried".to_owned(), refusal: refusal() });
        let mut refused = Entry::new(4, edit("refused"));
        refused.refusal = Some(refusal());
        let found = [Entry::new(2, edit("retried")), Entry::new(3, edit("kept")), refused];
        let news = outbox.news(&found);
        let expected = [
            Outcome::Gone { key: "sent".to_owned() },
            Outcome::Waiting { key: "retried".to_owned() },
            Outcome::Stored(edit("refused")),
            Outcome::Refused { key: "refused".to_owned(), refusal: refusal() },
        ];
        assert_eq!(news, expected);
        for outcome in &news {
            outbox.take(outcome);
        }
        assert_eq!(outbox.news(&found), [], "what is known is no news");
    }
}
