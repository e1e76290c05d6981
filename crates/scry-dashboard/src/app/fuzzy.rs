//! Fuzzy matching: letters in order, gaps allowed, better matches first.

use std::cell::RefCell;
use std::fmt;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

thread_local! {
    // A matcher is a hundred kilobytes of working memory; one is enough.
    static MATCHER: RefCell<Matcher> = RefCell::new(Matcher::new(Config::DEFAULT));
}

/// A pattern to look for; several words must all be found.
#[derive(Clone)]
pub(super) struct FuzzyMatcher(Pattern);

impl FuzzyMatcher {
    /// Reads a pattern; capitals count only where the pattern has some.
    #[must_use]
    pub(super) fn new(pattern: &str) -> Self {
        Self(Pattern::parse(pattern, CaseMatching::Smart, Normalization::Smart))
    }

    /// Returns how well a text fits; `None` where it does not.
    #[must_use]
    pub(super) fn score(&self, text: &str) -> Option<u32> {
        let mut chars = Vec::new();
        MATCHER.with_borrow_mut(|matcher| self.0.score(Utf32Str::new(text, &mut chars), matcher))
    }
}

impl fmt::Debug for FuzzyMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fuzzy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_are_found_and_closer_ones_score_higher() {
        let fuzzy = FuzzyMatcher::new("hrest");
        assert!(fuzzy.score("Harrow's Rest") < fuzzy.score("H Rest"));
        assert_eq!(fuzzy.score("Saltwick"), None);
        assert!(FuzzyMatcher::new("rest har").score("Harrow's Rest").is_some());
    }
}
