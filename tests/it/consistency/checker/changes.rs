//! Changes: what was asked and answered against what the journal holds.

use std::collections::HashSet;

use serde_json::json;

use super::index::{HistoryIndex, JournaledEvent, RecordedReply, RecordedRequest};
use super::journal::asked_for;
use super::{ConsistencyRule, Findings};
use crate::consistency::history::{HistoryAnswer, HistoryRequest};

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    let by_key = asked_for(index);
    let mut known: HashSet<String> = HashSet::new();
    for (number, op) in &index.ops {
        if !changes_the_campaign(op.request) {
            continue;
        }
        let key = correlation(*number, op.request);
        let entries = by_key.get(key.as_str()).map_or(&[][..], Vec::as_slice);
        stored(op, &key, entries, findings);
        if let [entry] = entries {
            content(op, &key, entry, findings);
            for reply in op.acknowledged() {
                answer(&key, reply, entry, findings);
            }
        }
        refused(op, &key, entries, findings);
        known.insert(key);
    }
    for entry in index.journal.iter().filter(|entry| entry.source() == "api") {
        findings.demand(known.contains(entry.correlation()), ConsistencyRule::NothingInvented, &[entry.line], || {
            format!("nobody asked for event {}", entry.seq)
        });
    }
}

/// Returns what the events of a request carry as their correlation id: the key, or the request's number.
pub fn correlation(op: u64, request: &HistoryRequest) -> String {
    request.key().map_or_else(|| format!("op-{op}"), str::to_owned)
}

/// Returns whether a request, when it is accepted, is one event that people asked for in the campaign's journal.
pub fn changes_the_campaign(request: &HistoryRequest) -> bool {
    match request {
        HistoryRequest::Edit { .. }
        | HistoryRequest::Create { .. }
        | HistoryRequest::Delete { .. }
        | HistoryRequest::Advance { .. }
        | HistoryRequest::Admit { .. }
        | HistoryRequest::Remove { .. } => true,
        HistoryRequest::Snapshot
        | HistoryRequest::Notify { .. }
        | HistoryRequest::Login { .. }
        | HistoryRequest::Refresh { .. } => false,
    }
}

/// An acknowledged change is there once; any other at most once.
fn stored(op: &RecordedRequest, key: &str, entries: &[&JournaledEvent], findings: &mut Findings) {
    let lines = || op.lines().into_iter().chain(entries.iter().map(|entry| entry.line)).collect::<Vec<_>>();
    if entries.is_empty() && op.first_yes().is_some() {
        findings.add(
            ConsistencyRule::AcknowledgedIsStored,
            &lines(),
            format!("{key} was acknowledged and is not in the journal"),
        );
    }
    if entries.len() > 1 {
        let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
        findings.add(
            ConsistencyRule::AppliedOnce,
            &lines(),
            format!("{key} was applied {} times: {seqs:?}", seqs.len()),
        );
    }
}

/// What the journal holds is what was asked for.
fn content(op: &RecordedRequest, key: &str, entry: &JournaledEvent, findings: &mut Findings) {
    let lines = [op.first_send(), entry.line];
    let written = |mark: &i64| {
        entry.changed("variables.mark") == Some(&json!(mark))
            && entry.changed("variables.note") == Some(&json!(format!("n{mark}")))
    };
    let asked = match op.request {
        HistoryRequest::Edit { entity, mark, .. } => {
            entry.operation() == "update" && entry.entity() == Some(entity) && written(mark)
        }
        HistoryRequest::Create { settlement, name, mark, .. } => {
            let named = entry.changed("name") == Some(&json!(name)) && *entry.payload("settlementId") == **settlement;
            entry.operation() == "create" && named && written(mark)
        }
        HistoryRequest::Delete { entity, .. } => entry.operation() == "delete" && entry.entity() == Some(entity),
        HistoryRequest::Advance { seconds, .. } => *entry.payload("elapsedSeconds") == *seconds,
        HistoryRequest::Admit { user, .. } => {
            entry.operation() == "create" && entry.changed("name") == Some(&json!(user))
        }
        HistoryRequest::Remove { .. } => entry.operation() == "delete",
        HistoryRequest::Snapshot
        | HistoryRequest::Notify { .. }
        | HistoryRequest::Login { .. }
        | HistoryRequest::Refresh { .. } => true,
    };
    findings.demand(asked, ConsistencyRule::NothingInvented, &lines, || {
        format!("event {} is not what {key} asked for", entry.seq)
    });
    if let HistoryRequest::Edit { expected: Some(expected), .. } = op.request {
        let follows = entry.version() == Some(expected + 1);
        findings.demand(follows, ConsistencyRule::ExpectedVersionHolds, &lines, || {
            format!("{key} expected version {expected} and made version {:?}", entry.version())
        });
    }
}

/// A yes says what the journal says.
fn answer(key: &str, reply: RecordedReply, entry: &JournaledEvent, findings: &mut Findings) {
    let is_true = match reply.answer {
        HistoryAnswer::Written { entity, version, mark, note } => {
            entry.entity() == Some(entity)
                && entry.version() == Some(*version)
                && entry.changed("variables.mark") == Some(mark)
                && entry.changed("variables.note") == Some(note)
        }
        HistoryAnswer::Moved { previous, new, elapsed } => {
            *entry.payload("previousTime") == **previous
                && *entry.payload("newTime") == **new
                && *entry.payload("elapsedSeconds") == *elapsed
        }
        HistoryAnswer::Done => true,
        HistoryAnswer::Viewed { .. }
        | HistoryAnswer::Token { .. }
        | HistoryAnswer::Refused { .. }
        | HistoryAnswer::Unknown { .. } => false,
    };
    findings.demand(is_true, ConsistencyRule::AnswerIsTrue, &[reply.line, entry.line], || {
        format!("{key} was answered otherwise than it was stored in event {}", entry.seq)
    });
}

/// A change that was refused is not there, unless an attempt without an answer, which nothing repeats, made it.
fn refused(op: &RecordedRequest, key: &str, entries: &[&JournaledEvent], findings: &mut Findings) {
    let Some((no, code)) = op.refused().next() else { return };
    let repeatable = op.request.key().is_some();
    let unknown = op.replies.len() < op.sends.len()
        || op.replies.iter().any(|reply| matches!(reply.answer, HistoryAnswer::Unknown { .. }));
    if let Some(yes) = op.first_yes().filter(|_| repeatable) {
        let what = format!("{key} was both accepted and refused with {code}");
        findings.add(ConsistencyRule::AnswerIsTrue, &[no.line, yes], what);
    } else if let Some(entry) = entries.first().filter(|_| repeatable || !unknown) {
        let what = format!("{key} was refused with {code} and is event {}", entry.seq);
        findings.add(ConsistencyRule::RefusedIsAbsent, &[no.line, entry.line], what);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::consistency::checker::fixture::{HistoryFixture, broken};

    #[test]
    fn a_sound_history_breaks_no_rule() {
        assert_eq!(broken(&HistoryFixture::good()), []);
    }

    #[test]
    fn an_acknowledged_change_that_is_not_in_the_journal_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.edit("lost", "town", 99, None, &[HistoryAnswer::Done]);
        assert_eq!(broken(&fixture), [ConsistencyRule::AcknowledgedIsStored]);
    }

    #[test]
    fn a_change_without_an_answer_may_be_missing() {
        let mut fixture = HistoryFixture::good();
        fixture.edit("unanswered", "town", 99, None, &[HistoryAnswer::Unknown { why: "killed".into() }]);
        assert_eq!(broken(&fixture), []);
    }

    #[test]
    fn a_change_that_is_applied_twice_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.repeat_change(3);
        assert!(broken(&fixture).contains(&ConsistencyRule::AppliedOnce));
    }

    #[test]
    fn an_answer_with_another_version_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_answer("first", |answer| {
            let HistoryAnswer::Written { version, .. } = answer else { panic!() };
            *version += 1;
        });
        assert_eq!(broken(&fixture), [ConsistencyRule::AnswerIsTrue]);
    }

    #[test]
    fn an_answer_with_another_value_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_answer("first", |answer| {
            let HistoryAnswer::Written { mark, .. } = answer else { panic!() };
            *mark = json!(77);
        });
        assert_eq!(broken(&fixture), [ConsistencyRule::AnswerIsTrue]);
    }

    #[test]
    fn a_change_that_was_refused_and_happened_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_answer("first", |answer| *answer = HistoryAnswer::Refused { code: "CONFLICT".into() });
        assert_eq!(broken(&fixture), [ConsistencyRule::RefusedIsAbsent]);
    }

    #[test]
    fn a_change_that_was_refused_and_accepted_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.also_answer("first", HistoryAnswer::Refused { code: "CONFLICT".into() });
        assert_eq!(broken(&fixture), [ConsistencyRule::AnswerIsTrue]);
    }

    #[test]
    fn an_event_that_nobody_asked_for_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(3, |event| event["metadata"]["correlationId"] = json!("stranger"));
        let broken = broken(&fixture);
        assert!(
            broken.contains(&ConsistencyRule::NothingInvented)
                && broken.contains(&ConsistencyRule::AcknowledgedIsStored),
            "{broken:?}"
        );
    }

    #[test]
    fn a_stored_value_that_nobody_asked_for_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(3, |event| event["metadata"]["changes"][1]["to"] = json!("n0"));
        assert!(broken(&fixture).contains(&ConsistencyRule::NothingInvented));
    }

    #[test]
    fn a_change_of_another_version_than_expected_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_request("second", |request| {
            let HistoryRequest::Edit { expected, .. } = request else { panic!() };
            *expected = Some(1);
        });
        assert_eq!(broken(&fixture), [ConsistencyRule::ExpectedVersionHolds]);
    }
}
