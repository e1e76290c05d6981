//! Refreshes: a login is one chain of tokens.

use std::collections::{BTreeMap, HashMap};

use super::index::{Index, Op, Reply};
use super::{Findings, Rule};
use crate::consistency::history::{Answer, Request};

/// How long a refresh may be repeated, in microseconds.
const GRACE: u64 = 10_000_000;
const REUSED: &str = "TOKEN_REUSED";

/// One attempt to use a refresh token that was answered.
#[derive(Debug, Clone, Copy)]
struct Use<'a> {
    sent: usize,
    reply: Reply<'a>,
}

/// Everything that was asked with one token.
#[derive(Debug, Default)]
struct Token<'a> {
    sent: Vec<usize>,
    uses: Vec<Use<'a>>,
}

pub fn check(index: &Index, findings: &mut Findings) {
    let mut families: BTreeMap<u64, HashMap<&str, Token>> = BTreeMap::new();
    for op in index.ops.values() {
        let Request::Refresh { family, token } = op.request else { continue };
        families.entry(*family).or_default().entry(token).or_default().take(op);
    }
    for tokens in families.values() {
        tokens.values().for_each(|token| token.check(index, findings));
        ended(tokens, findings);
    }
}

impl<'a> Token<'a> {
    fn take(&mut self, op: &Op<'a>) {
        self.sent.extend(op.sends.iter().map(|(_, line)| *line));
        let answered = op.replies.iter().filter(|reply| !matches!(reply.answer, Answer::Unknown { .. }));
        self.uses.extend(answered.map(|reply| Use { sent: op.send_of(reply.attempt), reply: *reply }));
        self.uses.sort_by_key(|one| one.reply.line);
    }

    fn check(&self, index: &Index, findings: &mut Findings) {
        let mut first: Option<(&str, &Use)> = None;
        for one in &self.uses {
            let Some(next) = one.successor() else {
                self.refused(one, index, findings);
                continue;
            };
            let Some((successor, earlier)) = first else {
                first = Some((next, one));
                continue;
            };
            let lines = [earlier.reply.line, one.reply.line];
            findings.demand(next == successor, Rule::RefreshDoesNotFork, &lines, || {
                "one refresh token has led to two".to_owned()
            });
            let late = index.at(one.sent).saturating_sub(index.at(earlier.reply.line)) > GRACE;
            findings.demand(!late, Rule::ReuseEndsTheLogin, &lines, || {
                "a refresh token was accepted long after it had been used".to_owned()
            });
        }
    }

    /// A token is called used before only after the time in which it may be repeated.
    fn refused(&self, one: &Use, index: &Index, findings: &mut Findings) {
        let began = self.sent.iter().min().copied().unwrap_or(one.sent);
        let early = index.at(one.reply.line).saturating_sub(index.at(began)) < GRACE;
        findings.demand(!early || !one.is_reuse(), Rule::RefreshMayBeRepeated, &[began, one.reply.line], || {
            "a refresh was called a reuse within ten seconds of the first attempt".to_owned()
        });
    }
}

impl<'a> Use<'a> {
    fn successor(&self) -> Option<&'a str> {
        if let Answer::Token { token } = self.reply.answer { Some(token) } else { None }
    }

    fn is_reuse(&self) -> bool {
        matches!(self.reply.answer, Answer::Refused { code } if code == REUSED)
    }
}

/// Once a reuse was noticed, the whole login has ended.
fn ended(tokens: &HashMap<&str, Token>, findings: &mut Findings) {
    let uses = || tokens.values().flat_map(|token| &token.uses);
    let Some(end) = uses().filter(|one| one.is_reuse()).map(|one| one.reply.line).min() else { return };
    for one in uses().filter(|one| one.sent > end && one.successor().is_some()) {
        let what = "a login was refreshed after it had been ended for a reuse";
        findings.add(Rule::ReuseEndsTheLogin, &[end, one.reply.line], what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consistency::checker::fixture::{Fixture, broken, token};

    fn refused() -> Answer {
        Answer::Refused { code: REUSED.to_owned() }
    }

    #[test]
    fn a_refresh_that_leads_to_two_tokens_is_found() {
        let mut fixture = Fixture::good();
        fixture.refresh("A", 0, token("C"));
        assert_eq!(broken(&fixture), [Rule::RefreshDoesNotFork]);
    }

    #[test]
    fn a_repeat_that_gets_the_same_token_is_fine() {
        let mut fixture = Fixture::good();
        fixture.refresh("A", 0, token("B"));
        assert_eq!(broken(&fixture), []);
    }

    #[test]
    fn a_repeat_that_is_called_a_reuse_is_found() {
        let mut fixture = Fixture::good();
        fixture.refresh("A", 0, refused());
        assert_eq!(broken(&fixture), [Rule::RefreshMayBeRepeated]);
    }

    #[test]
    fn a_reuse_that_is_accepted_is_found() {
        let mut fixture = Fixture::good();
        fixture.refresh("A", 2 * GRACE, token("B"));
        assert_eq!(broken(&fixture), [Rule::ReuseEndsTheLogin]);
    }

    #[test]
    fn a_login_that_goes_on_after_a_reuse_is_found() {
        let mut fixture = Fixture::good();
        fixture.refresh("A", 2 * GRACE, refused());
        assert_eq!(broken(&fixture), []);
        fixture.refresh("B", 0, token("C"));
        assert_eq!(broken(&fixture), [Rule::ReuseEndsTheLogin]);
    }
}
