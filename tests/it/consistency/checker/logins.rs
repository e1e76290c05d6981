//! Refreshes: a login is one chain of tokens.

use std::collections::{BTreeMap, HashMap};

use super::index::{HistoryIndex, RecordedReply, RecordedRequest};
use super::{ConsistencyRule, Findings};
use crate::consistency::history::{HistoryAnswer, HistoryRequest};

/// How long a refresh may be repeated, in microseconds.
const REPEAT_WINDOW_US: u64 = 10_000_000;
const TOKEN_REUSED: &str = "TOKEN_REUSED";

/// One attempt to use a refresh token that was answered.
#[derive(Debug, Clone, Copy)]
struct TokenUse<'a> {
    sent: usize,
    reply: RecordedReply<'a>,
}

/// Everything that was asked with one token.
#[derive(Debug, Default)]
struct TokenHistory<'a> {
    sent: Vec<usize>,
    uses: Vec<TokenUse<'a>>,
}

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    let mut families: BTreeMap<u64, HashMap<&str, TokenHistory>> = BTreeMap::new();
    for op in index.ops.values() {
        let HistoryRequest::Refresh { family, token } = op.request else { continue };
        families.entry(*family).or_default().entry(token).or_default().take(op);
    }
    for tokens in families.values() {
        tokens.values().for_each(|token| token.check(index, findings));
        ended(tokens, findings);
    }
}

impl<'a> TokenHistory<'a> {
    fn take(&mut self, op: &RecordedRequest<'a>) {
        self.sent.extend(op.sends.iter().map(|(_, line)| *line));
        let answered = op.replies.iter().filter(|reply| !matches!(reply.answer, HistoryAnswer::Unknown { .. }));
        self.uses.extend(answered.map(|reply| TokenUse { sent: op.send_of(reply.attempt), reply: *reply }));
        self.uses.sort_by_key(|one| one.reply.line);
    }

    fn check(&self, index: &HistoryIndex, findings: &mut Findings) {
        let mut first: Option<(&str, &TokenUse)> = None;
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
            findings.demand(next == successor, ConsistencyRule::RefreshDoesNotFork, &lines, || {
                "one refresh token has led to two".to_owned()
            });
            let late = index.at(one.sent).saturating_sub(index.at(earlier.reply.line)) > REPEAT_WINDOW_US;
            findings.demand(!late, ConsistencyRule::ReuseEndsTheLogin, &lines, || {
                "a refresh token was accepted long after it had been used".to_owned()
            });
        }
    }

    /// A token is called used before only after the time in which it may be repeated.
    fn refused(&self, one: &TokenUse, index: &HistoryIndex, findings: &mut Findings) {
        let began = self.sent.iter().min().copied().unwrap_or(one.sent);
        let early = index.at(one.reply.line).saturating_sub(index.at(began)) < REPEAT_WINDOW_US;
        findings.demand(
            !early || !one.is_reuse(),
            ConsistencyRule::RefreshMayBeRepeated,
            &[began, one.reply.line],
            || "a refresh was called a reuse within ten seconds of the first attempt".to_owned(),
        );
    }
}

impl<'a> TokenUse<'a> {
    fn successor(&self) -> Option<&'a str> {
        if let HistoryAnswer::Token { token } = self.reply.answer { Some(token) } else { None }
    }

    fn is_reuse(&self) -> bool {
        matches!(self.reply.answer, HistoryAnswer::Refused { code } if code == TOKEN_REUSED)
    }
}

/// Once a reuse was noticed, the whole login has ended.
fn ended(tokens: &HashMap<&str, TokenHistory>, findings: &mut Findings) {
    let uses = || tokens.values().flat_map(|token| &token.uses);
    let Some(end) = uses().filter(|one| one.is_reuse()).map(|one| one.reply.line).min() else { return };
    for one in uses().filter(|one| one.sent > end && one.successor().is_some()) {
        let what = "a login was refreshed after it had been ended for a reuse";
        findings.add(ConsistencyRule::ReuseEndsTheLogin, &[end, one.reply.line], what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consistency::checker::fixture::{HistoryFixture, broken, token};

    fn refused() -> HistoryAnswer {
        HistoryAnswer::Refused { code: TOKEN_REUSED.to_owned() }
    }

    #[test]
    fn a_refresh_that_leads_to_two_tokens_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.refresh("A", 0, token("C"));
        assert_eq!(broken(&fixture), [ConsistencyRule::RefreshDoesNotFork]);
    }

    #[test]
    fn a_repeat_that_gets_the_same_token_is_fine() {
        let mut fixture = HistoryFixture::good();
        fixture.refresh("A", 0, token("B"));
        assert_eq!(broken(&fixture), []);
    }

    #[test]
    fn a_repeat_that_is_called_a_reuse_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.refresh("A", 0, refused());
        assert_eq!(broken(&fixture), [ConsistencyRule::RefreshMayBeRepeated]);
    }

    #[test]
    fn a_reuse_that_is_accepted_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.refresh("A", 2 * REPEAT_WINDOW_US, token("B"));
        assert_eq!(broken(&fixture), [ConsistencyRule::ReuseEndsTheLogin]);
    }

    #[test]
    fn a_login_that_goes_on_after_a_reuse_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.refresh("A", 2 * REPEAT_WINDOW_US, refused());
        assert_eq!(broken(&fixture), []);
        fixture.refresh("B", 0, token("C"));
        assert_eq!(broken(&fixture), [ConsistencyRule::ReuseEndsTheLogin]);
    }
}
