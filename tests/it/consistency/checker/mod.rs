//! The checker: reads a history and names every promise that was not kept (pure).
//!
//! It knows the protocol, as docs/protocol.md has it, and nothing of how the server works: it shares no code with it.
//! Each rule has tests with a history that breaks it, so that a rule that can never fail is found out.

mod changes;
mod clock;
#[cfg(test)]
mod fixture;
mod index;
mod journal;
mod logins;
mod messages;
mod order;
mod snapshots;
mod streams;

use std::collections::BTreeMap;
use std::fmt;

use self::index::HistoryIndex;
use super::history::{HistoryLine, InjectedFault};

/// How many violations of one rule are told with their lines.
const MAX_LISTED_PER_RULE: usize = 5;
/// How much of an offending line is told.
const MAX_LINE_CHARS: usize = 300;

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsistencyRule {
    /// A change that was acknowledged is in the journal.
    AcknowledgedIsStored,
    /// A change happens at most once, acknowledged or not.
    AppliedOnce,
    /// The answer says what the journal says: entity, version, values, times.
    AnswerIsTrue,
    /// A change that was refused did not happen.
    RefusedIsAbsent,
    /// The journal holds nothing that nobody asked for.
    NothingInvented,
    /// A change that expects a version follows exactly that version.
    ExpectedVersionHolds,
    /// What was acknowledged before something else was asked comes before it.
    RealTimeOrder,
    /// The journal counts from one without gaps, in one epoch.
    JournalIsGapless,
    /// Each event names its predecessor in each of its rooms.
    RoomsAreChained,
    /// Each entity's versions count from one without gaps.
    VersionsCountChanges,
    /// Each move of the clock begins where the one before ended.
    ClockIsContinuous,
    /// A move of the clock brings exactly the effects of the calendar, each once, in order.
    EffectsAreTheCalendars,
    /// A subscriber gets every event of its room, in order and once, from where it stood.
    StreamIsComplete,
    /// What a subscriber gets is what the journal holds.
    StreamIsTrue,
    /// A subscriber that names a position in the journal is brought up to date.
    ResumeIsHonoured,
    /// Nobody gets events of a campaign that they are not a member of.
    RevokedGetNothing,
    /// A snapshot is the journal replayed to its position.
    SnapshotIsTheJournal,
    /// A snapshot holds what was acknowledged before it was asked for; positions never go back.
    SnapshotIsFresh,
    /// A notification that was acknowledged is listed.
    NotificationIsListed,
    /// A notification is delivered and listed at most once.
    NotificationComesOnce,
    /// A refresh token has one successor, whatever node is asked and however often.
    RefreshDoesNotFork,
    /// A refresh whose answer was lost may be repeated for ten seconds.
    RefreshMayBeRepeated,
    /// A refresh token that was used long ago is refused, and ends its login.
    ReuseEndsTheLogin,
    /// The history itself is whole.
    HistoryIsWhole,
}

impl ConsistencyRule {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::AcknowledgedIsStored,
        Self::AppliedOnce,
        Self::AnswerIsTrue,
        Self::RefusedIsAbsent,
        Self::NothingInvented,
        Self::ExpectedVersionHolds,
        Self::RealTimeOrder,
        Self::JournalIsGapless,
        Self::RoomsAreChained,
        Self::VersionsCountChanges,
        Self::ClockIsContinuous,
        Self::EffectsAreTheCalendars,
        Self::StreamIsComplete,
        Self::StreamIsTrue,
        Self::ResumeIsHonoured,
        Self::RevokedGetNothing,
        Self::SnapshotIsTheJournal,
        Self::SnapshotIsFresh,
        Self::NotificationIsListed,
        Self::NotificationComesOnce,
        Self::RefreshDoesNotFork,
        Self::RefreshMayBeRepeated,
        Self::ReuseEndsTheLogin,
        Self::HistoryIsWhole,
    ];
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: ConsistencyRule,
    pub what: String,
    /// The offending lines, counted from zero.
    pub lines: Vec<usize>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct RunSummary {
    pub faults: BTreeMap<(InjectedFault, String), usize>,
    pub changes: usize,
    pub acknowledged: usize,
    /// Changes of which two attempts were under way at the same time.
    pub overlapping: usize,
    pub journal: usize,
    pub effects: usize,
    pub deliveries: usize,
    pub subscriptions: usize,
    pub resumed: usize,
    pub snapshots: usize,
    pub memberships: usize,
    pub notifications: usize,
    pub delivered_notifications: usize,
    pub refreshes: usize,
}

/// The verdict on a history.
#[derive(Debug, Default)]
pub struct CheckReport {
    pub summary: RunSummary,
    pub violations: Vec<Violation>,
}

/// Collects violations.
#[derive(Debug, Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, rule: ConsistencyRule, lines: &[usize], what: impl Into<String>) {
        self.0.push(Violation { rule, what: what.into(), lines: lines.to_vec() });
    }

    /// Adds a violation unless something holds.
    fn demand(&mut self, holds: bool, rule: ConsistencyRule, lines: &[usize], what: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, lines, what());
        }
    }
}

/// Checks a history.
pub fn check(history: &[HistoryLine]) -> CheckReport {
    let mut findings = Findings::default();
    let index = HistoryIndex::new(history, &mut findings);
    journal::check(&index, &mut findings);
    changes::check(&index, &mut findings);
    order::check(&index, &mut findings);
    clock::check(&index, &mut findings);
    streams::check(&index, &mut findings);
    snapshots::check(&index, &mut findings);
    messages::check(&index, &mut findings);
    logins::check(&index, &mut findings);
    findings.0.sort_by(|a, b| (a.rule, &a.lines).cmp(&(b.rule, &b.lines)));
    CheckReport { summary: index.summary(), violations: findings.0 }
}

/// Reads a history.
pub fn read(text: &str) -> Vec<HistoryLine> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

impl CheckReport {
    /// Tells each violation with its lines, by rule.
    pub fn violations(&self, history: &str) -> String {
        let lines: Vec<&str> = history.lines().collect();
        let mut by_rule: BTreeMap<ConsistencyRule, Vec<&Violation>> = BTreeMap::new();
        for violation in &self.violations {
            by_rule.entry(violation.rule).or_default().push(violation);
        }
        let mut told = String::new();
        for (rule, violations) in by_rule {
            told.push_str(&format!("{rule:?}: {} violations\n", violations.len()));
            for violation in violations.iter().take(MAX_LISTED_PER_RULE) {
                told.push_str(&format!("  {}\n", violation.what));
                for number in &violation.lines {
                    let line = lines.get(*number).copied().unwrap_or_default();
                    let line: String = line.chars().take(MAX_LINE_CHARS).collect();
                    told.push_str(&format!("    line {}: {line}\n", number + 1));
                }
            }
        }
        told
    }
}

impl fmt::Display for RunSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((fault, part), count) in &self.faults {
            writeln!(f, "{:<18}{count} × {part}", format!("{fault:?}").to_lowercase())?;
        }
        let share = 100 * self.overlapping / self.changes.max(1);
        writeln!(f, "changes           {} asked, {} acknowledged", self.changes, self.acknowledged)?;
        writeln!(f, "repeats           {} sent twice at the same time ({share} %)", self.overlapping)?;
        writeln!(f, "journal           {} events, {} of them effects", self.journal, self.effects)?;
        writeln!(
            f,
            "deliveries        {} over {} subscriptions, {} of them resumed",
            self.deliveries, self.subscriptions, self.resumed
        )?;
        writeln!(f, "snapshots         {}", self.snapshots)?;
        writeln!(f, "memberships       {} begun or ended", self.memberships)?;
        writeln!(
            f,
            "notifications     {} acknowledged, {} arrived at once or later",
            self.notifications, self.delivered_notifications
        )?;
        write!(f, "refreshes         {}", self.refreshes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consistency::history::{HistoryAnswer, HistoryRecord};

    #[test]
    fn each_rule_is_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/testing.md");
        let docs = std::fs::read_to_string(path).unwrap();
        for rule in ConsistencyRule::ALL {
            assert!(docs.contains(&format!("| `{rule:?}` |")), "{rule:?} is missing in docs/testing.md");
        }
    }

    #[test]
    fn violations_are_told_with_their_lines() {
        let mut fixture = fixture::HistoryFixture::good();
        fixture.edit("lost", "town", 99, None, &[HistoryAnswer::Done]);
        let text = fixture.text();
        let report = check(&read(&text));
        let told = report.violations(&text);
        assert!(told.starts_with("AcknowledgedIsStored: 1 violations\n  lost was acknowledged"), "{told}");
        assert!(told.contains("\"key\":\"lost\""), "{told}");
    }

    #[test]
    fn a_history_that_was_cut_short_is_not_whole() {
        let mut fixture = fixture::HistoryFixture::good();
        fixture.drop_end();
        assert_eq!(fixture::broken(&fixture), [ConsistencyRule::HistoryIsWhole]);
    }

    #[test]
    fn an_answer_to_nothing_is_found() {
        let mut fixture = fixture::HistoryFixture::good();
        fixture.add(HistoryRecord::Reply { op: 999, attempt: 999, answer: HistoryAnswer::Done });
        assert_eq!(fixture::broken(&fixture), [ConsistencyRule::HistoryIsWhole]);
    }

    #[test]
    fn the_summary_counts_what_overlaps() {
        let mut fixture = fixture::HistoryFixture::good();
        let summary = |fixture: &fixture::HistoryFixture| check(&read(&fixture.text())).summary;
        let before = summary(&fixture);
        assert_eq!((before.changes, before.acknowledged, before.overlapping, before.journal), (6, 6, 0, 9));
        fixture.send_twice("first");
        assert_eq!(summary(&fixture).overlapping, 1);
    }
}
