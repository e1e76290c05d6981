//! An edit as it waits on disk, and what the answer to an earlier one means for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scry_protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use super::edit::{Edit, EditChange};
use super::outcome::EditRefusal;

/// A server forgets keys after a day; an edit sent so long ago could be applied a second time.
const KEY_LIFETIME: Duration = Duration::from_secs(23 * 3600);

/// An edit as it is stored, with what is known of its progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxEntry {
    /// Its place in the campaign's queue; the file is named after it.
    #[serde(skip)]
    pub place: u64,
    /// The edit itself.
    pub edit: Edit,
    /// When it was sent for the first time; whether it arrived is not known until it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
    /// The reason why it is not sent again unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<EditRefusal>,
}

impl OutboxEntry {
    /// Prepares an edit that has not been sent.
    #[must_use]
    pub const fn new(place: u64, edit: Edit) -> Self {
        Self { place, edit, sent: None, refusal: None }
    }

    /// Returns the reason why the edit must not be sent again unasked, although nothing has refused it.
    #[must_use]
    pub fn uncertainty(&self, now: Timestamp) -> Option<EditRefusal> {
        let limit = SignedDuration::try_from(KEY_LIFETIME).unwrap_or(SignedDuration::MAX);
        let sent = self.sent.filter(|sent| now.duration_since(*sent) > limit)?;
        Some(EditRefusal {
            code: ErrorCode::Other("UNANSWERED".to_owned()),
            message: format!(
                "it was sent on {} and never answered, too long ago to repeat it without the risk of applying it twice; check whether it was applied, then retry or discard it",
                sent.strftime("%Y-%m-%d at %H:%M UTC")
            ),
            conflict: None,
        })
    }

    /// Makes it ready to be sent because a person asked for it.
    pub fn retry(&mut self) {
        self.sent = None;
        self.refusal = None;
    }

    /// Builds on an earlier edit of the same person that was applied as `version`; true if that changes anything.
    ///
    /// Both were made from the same version, the later one with the earlier one in sight, so without
    /// this it would meet its own forerunner as if that were somebody else's change. It is right where
    /// nobody else came between, or where the later edit sets no field but those of the earlier one.
    pub fn build_on(&mut self, earlier: &Edit, version: i64) -> bool {
        let Some(base) = base_of(&earlier.change) else { return false };
        let nobody_between = version == base + 1;
        let same_fields = || {
            let fields = self.edit.change.fields();
            let before = earlier.change.fields();
            !fields.is_empty() && fields.iter().all(|field| before.contains(field))
        };
        let applies = self.edit.change.entity().is_some()
            && self.edit.change.entity() == earlier.change.entity()
            && base_of(&self.edit.change) == Some(base)
            && version > base
            && (nobody_between || same_fields());
        if applies && let Some(own) = base_of_mut(&mut self.edit.change) {
            *own = version;
        }
        applies
    }
}

const fn base_of(change: &EditChange) -> Option<i64> {
    match change {
        EditChange::Update { expected_version, .. } | EditChange::Delete { expected_version, .. } => *expected_version,
        EditChange::Create { .. } | EditChange::AdvanceTime { .. } | EditChange::SetTime { .. } => None,
    }
}

const fn base_of_mut(change: &mut EditChange) -> Option<&mut i64> {
    match change {
        EditChange::Update { expected_version, .. } | EditChange::Delete { expected_version, .. } => {
            expected_version.as_mut()
        }
        EditChange::Create { .. } | EditChange::AdvanceTime { .. } | EditChange::SetTime { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::{EntityRef, EntityType, Id};
    use serde_json::{Value, json};

    use super::*;

    fn update(id: &str, input: Value, expected_version: Option<i64>) -> OutboxEntry {
        let town = EntityRef::new(EntityType::Settlement, Id::parse(id).unwrap());
        let change = EditChange::update(&town, input.as_object().unwrap().clone(), expected_version);
        let campaign = Id::parse("c").unwrap();
        OutboxEntry::new(
            1,
            Edit { key: "k".to_owned(), campaign, at: Timestamp::UNIX_EPOCH, correlation: None, change },
        )
    }

    #[test]
    fn later_edit_builds_on_the_version_of_the_earlier_one() {
        let earlier = update("s", json!({"level": 4}), Some(3)).edit;
        let mut later = update("s", json!({"level": 5, "variables": {"morale": "high"}}), Some(3));
        assert!(later.build_on(&earlier, 4));
        assert_eq!(base_of(&later.edit.change), Some(4));
        assert!(!later.build_on(&earlier, 4), "a repeated answer changes nothing more");
    }

    #[test]
    fn edit_after_a_foreign_change_builds_only_on_its_own_fields() {
        let earlier = update("s", json!({"level": 4}), Some(3)).edit;
        assert!(update("s", json!({"level": 5}), Some(3)).build_on(&earlier, 6));
        assert!(!update("s", json!({"name": "Ford"}), Some(3)).build_on(&earlier, 6));
    }

    #[test]
    fn other_things_and_other_bases_are_left_alone() {
        let earlier = update("s", json!({"level": 4}), Some(3)).edit;
        assert!(!update("t", json!({"level": 5}), Some(3)).build_on(&earlier, 4));
        assert!(!update("s", json!({"level": 5}), Some(2)).build_on(&earlier, 4));
        assert!(!update("s", json!({"level": 5}), None).build_on(&earlier, 4));
        assert!(!update("s", json!({"level": 5}), Some(3)).build_on(&earlier, 3), "nothing was changed");
    }

    #[test]
    fn edit_sent_longer_ago_than_the_key_lifetime_waits_for_the_user() {
        let mut entry = update("s", json!({"level": 4}), None);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(entry.uncertainty(at("2026-01-02T00:00:00Z")), None, "it was never sent");
        entry.sent = Some(at("2026-01-01T00:00:00Z"));
        assert_eq!(entry.uncertainty(at("2026-01-01T22:59:00Z")), None);
        let told = entry.uncertainty(at("2026-01-01T23:01:00Z")).unwrap();
        assert!(told.message.contains("2026-01-01 at 00:00 UTC"), "{}", told.message);
        entry.retry();
        assert_eq!(entry.uncertainty(at("2026-01-09T00:00:00Z")), None);
    }
}
