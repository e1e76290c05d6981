//! Which expectation an event counts for.
//!
//! Each event counts for one. Where several may come in any order and an event fits more than one of them, the first
//! takes it; a later event that fits only that one makes it give the earlier event to another that it fits too. So a step
//! fails only if no way to share the events out would have met it.

use scry_query::expr::MatchResult;

use super::{ExpectEngine, TimedEvent};
use crate::expect::outcome::CaseState;
use crate::expect::plan::EventCount;

impl ExpectEngine {
    /// Counts an event for an expectation in turn that it fits.
    pub(super) fn await_event(&mut self, seen: &TimedEvent) {
        let turn: Vec<usize> = self.current().filter(|index| self.open_since(*index).is_some()).collect();
        let mut taken = false;
        for index in turn {
            match self.plan.expects[index].event.matches(&seen.view(&self.vars)) {
                MatchResult::False => {}
                MatchResult::Error(error) => self.fail(index, format!("it cannot be judged: {error}"), seen.at),
                MatchResult::True => {
                    self.count(index, seen);
                    taken = true;
                    break;
                }
            }
        }
        if !taken && self.ended.is_none() {
            self.reassign(seen);
        }
        self.advance(seen.at);
    }

    fn count(&mut self, index: usize, seen: &TimedEvent) {
        self.expects[index].count += 1;
        let count = self.expects[index].count;
        match self.plan.expects[index].count {
            EventCount::AtLeast(wanted) => {
                self.expects[index].held.push(seen.clone());
                if count >= wanted && self.capture(index, seen) {
                    self.expects[index].state = Some(CaseState::Passed { at: seen.at });
                }
            }
            EventCount::Exactly(wanted) if count == wanted => {
                self.capture(index, seen);
            }
            EventCount::Exactly(wanted) if count > wanted => {
                self.fail(index, format!("it happened {count} times; exactly {wanted} was expected"), seen.at);
            }
            EventCount::Exactly(_) => {}
        }
    }

    /// Finds a place for an event that fits only what is met already, by letting that pass an earlier event on.
    fn reassign(&mut self, seen: &TimedEvent) {
        let met: Vec<usize> = (0..self.expects.len())
            .filter(|index| self.plan.expects[*index].step == self.step && self.can_yield_event(*index))
            .filter(|index| self.window_end(*index).is_none_or(|end| seen.at < end))
            .collect();
        let mut tried = vec![false; self.expects.len()];
        for index in met {
            if self.fits(index, seen) && self.yield_event(index, seen, &mut tried) {
                return;
            }
        }
    }

    /// Gives `index`, which is met, this event in the place of one that another can use; tells whether one could.
    fn yield_event(&mut self, index: usize, seen: &TimedEvent, tried: &mut [bool]) -> bool {
        if std::mem::replace(&mut tried[index], true) {
            return false;
        }
        for place in 0..self.expects[index].held.len() {
            let given = self.expects[index].held[place].clone();
            if self.take(index, &given, tried) {
                self.expects[index].held[place] = seen.clone();
                self.recheck(index);
                return true;
            }
        }
        false
    }

    /// Finds another than `giver` for an event: an open expectation, or a met one that can pass something on itself.
    fn take(&mut self, giver: usize, given: &TimedEvent, tried: &mut [bool]) -> bool {
        let others: Vec<usize> =
            (0..self.expects.len()).filter(|it| *it != giver && self.plan.expects[*it].step == self.step).collect();
        let was_open = |engine: &Self, it: usize| engine.open_since(it).is_some_and(|since| given.at >= since);
        let open = others.iter().copied().find(|it| {
            let waits =
                self.expects[*it].state.is_none() && matches!(self.plan.expects[*it].count, EventCount::AtLeast(_));
            waits && was_open(self, *it) && self.fits(*it, given)
        });
        if let Some(open) = open {
            self.count(open, given);
            return true;
        }
        others.into_iter().any(|it| {
            self.can_yield_event(it) && was_open(self, it) && self.fits(it, given) && self.yield_event(it, given, tried)
        })
    }

    /// Returns whether an expectation that is met may be met by another event instead: nothing depends on when it was.
    fn can_yield_event(&self, index: usize) -> bool {
        let counted_from = self.plan.expects.iter().map(|expect| expect.after);
        let mut counted_from = counted_from.chain(self.plan.nevers.iter().map(|never| never.after));
        matches!(self.expects[index].state, Some(CaseState::Passed { .. }))
            && matches!(self.plan.expects[index].count, EventCount::AtLeast(_))
            && !counted_from.any(|after| after == Some(index))
    }

    /// Works out when an expectation is met now that its events have changed, and captures from the last of them.
    fn recheck(&mut self, index: usize) {
        let Some(last) = self.expects[index].held.iter().max_by_key(|seen| seen.at).cloned() else { return };
        if self.capture(index, &last) {
            self.expects[index].state = Some(CaseState::Passed { at: last.at });
        }
    }

    fn fits(&self, index: usize, seen: &TimedEvent) -> bool {
        self.plan.expects[index].event.matches(&seen.view(&self.vars)) == MatchResult::True
    }

    fn capture(&mut self, index: usize, seen: &TimedEvent) -> bool {
        let captures = self.plan.expects[index].captures.clone();
        for (name, expr) in &captures {
            let problem = match expr.evaluate(&seen.view(&self.vars)) {
                Ok(Some(value)) if !value.is_null() => {
                    self.vars.insert(name.clone(), value);
                    continue;
                }
                Ok(_) => format!("{} is missing in {}", expr.source(), seen.title()),
                Err(error) => error,
            };
            self.fail(index, format!("${name} could not be captured: {problem}"), seen.at);
            return false;
        }
        true
    }
}
