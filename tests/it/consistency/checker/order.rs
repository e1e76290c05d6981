//! Real time: what was acknowledged before something else was asked comes before it.

use std::collections::HashMap;

use super::changes::{changes_the_campaign, correlation};
use super::index::HistoryIndex;
use super::journal::asked_for;
use super::{ConsistencyRule, Findings};

/// A moment of a change: it was asked, or acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ChangePoint {
    line: usize,
    acknowledged: bool,
    op: u64,
    seq: u64,
}

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    let by_key = asked_for(index);
    let mut moments = Vec::new();
    for (number, op) in index.ops.iter().filter(|(_, op)| changes_the_campaign(op.request)) {
        let key = correlation(*number, op.request);
        let Some([entry]) = by_key.get(key.as_str()).map(Vec::as_slice) else { continue };
        moments.push(ChangePoint { line: op.first_send(), acknowledged: false, op: *number, seq: entry.seq });
        if let Some(line) = op.first_yes() {
            moments.push(ChangePoint { line, acknowledged: true, op: *number, seq: entry.seq });
        }
    }
    moments.sort();
    let mut latest: Option<ChangePoint> = None;
    for moment in moments {
        match latest {
            Some(before) if moment.acknowledged && before.seq >= moment.seq => {}
            _ if moment.acknowledged => latest = Some(moment),
            Some(before) if before.seq > moment.seq => {
                let what = format!("event {} was asked for after event {} was acknowledged", moment.seq, before.seq);
                findings.add(ConsistencyRule::RealTimeOrder, &[before.line, moment.line], what);
            }
            _ => {}
        }
    }
}

/// Returns, for each line of a history that asks for a snapshot, the highest position acknowledged before it.
pub fn acknowledged_before(index: &HistoryIndex, lines: &[usize]) -> HashMap<usize, (u64, usize)> {
    let by_key = asked_for(index);
    let mut yes: Vec<(usize, u64)> = Vec::new();
    for (number, op) in index.ops.iter().filter(|(_, op)| changes_the_campaign(op.request)) {
        let key = correlation(*number, op.request);
        if let (Some(line), Some([entry])) = (op.first_yes(), by_key.get(key.as_str()).map(Vec::as_slice)) {
            yes.push((line, entry.seq));
        }
    }
    yes.sort_unstable();
    let mut lines = lines.to_vec();
    lines.sort_unstable();
    let (mut highest, mut next) = ((0, 0), 0);
    let mut found = HashMap::new();
    for line in lines {
        while let Some((at, seq)) = yes.get(next).filter(|(at, _)| *at < line) {
            highest = highest.max((*seq, *at));
            next += 1;
        }
        found.insert(line, highest);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::ConsistencyRule;
    use crate::consistency::checker::fixture::{HistoryFixture, broken};

    #[test]
    fn a_later_request_that_is_stored_before_an_acknowledged_one_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.exchange_requests("first", "second");
        assert!(broken(&fixture).contains(&ConsistencyRule::RealTimeOrder));
    }
}
