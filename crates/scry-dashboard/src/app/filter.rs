//! Filters over the World and the Journal: a word, `!` what lacks it, `~` letters in order, `=` an expression.

use scry_model::cache::{Cache, Entity};
use scry_query::expr::{EventView, Expr, ExprError};
use serde_json::Value;

use super::entry::{JournalItem, RowKind};
use super::fuzzy::FuzzyMatcher;
use super::{App, Clock, MergedView};

/// A filter as it was typed, and ready to be used.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    source: String,
    test: FilterTest,
}

#[derive(Debug, Clone)]
enum FilterTest {
    Has(String),
    Lacks(String),
    Fuzzy(FuzzyMatcher),
    Expr(Expr),
}

/// The reason why a filter cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterError {
    pub message: String,
    /// The character of the typed text that is at fault, counted from 0.
    pub column: usize,
}

impl Filter {
    /// Reads a filter; a text without anything to look for is none.
    ///
    /// # Errors
    /// [`FilterError`], for an expression that cannot be used.
    pub(crate) fn parse(source: &str) -> Result<Option<Self>, FilterError> {
        let text = source.trim();
        let lead = source.chars().take_while(|c| c.is_whitespace()).count();
        let (test, rest) = match text.chars().next() {
            Some('!') => (FilterTest::Lacks(text[1..].trim().to_lowercase()), &text[1..]),
            Some('~') => (FilterTest::Fuzzy(FuzzyMatcher::new(&text[1..])), &text[1..]),
            Some('=') => {
                let written = text[1..].trim_start();
                if written.is_empty() {
                    return Ok(None);
                }
                let skipped = lead + 1 + (text[1..].chars().count() - written.chars().count());
                let problem = |error: ExprError| FilterError {
                    message: error.message().to_owned(),
                    column: skipped + error.place().1,
                };
                (FilterTest::Expr(Expr::parse(written).map_err(problem)?), written)
            }
            Some(_) | None => (FilterTest::Has(text.to_lowercase()), text),
        };
        Ok((!rest.trim().is_empty()).then(|| Self { source: source.to_owned(), test }))
    }

    /// Returns the filter as it was typed.
    #[must_use]
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Returns the expression, where the filter is one.
    #[must_use]
    pub(crate) fn expression(&self) -> Option<&str> {
        if let FilterTest::Expr(expr) = &self.test { Some(expr.source()) } else { None }
    }

    fn fits(&self, text: impl FnOnce() -> String, view: impl FnOnce(&Expr) -> bool) -> bool {
        match &self.test {
            FilterTest::Has(word) => text().to_lowercase().contains(word),
            FilterTest::Lacks(word) => !text().to_lowercase().contains(word),
            FilterTest::Fuzzy(fuzzy) => fuzzy.score(&text()).is_some(),
            FilterTest::Expr(expr) => view(expr),
        }
    }

    /// Returns whether an entity fits; an expression sees it as `entity`.
    #[must_use]
    pub(crate) fn fits_entity(&self, entity: &Entity) -> bool {
        let state =
            ["status", "variables.status", "type"].into_iter().filter_map(|field| entity.field(field)?.as_str());
        let text = || state.fold(format!("{} {}", entity.name, entity.key.entity_type), |text, word| text + " " + word);
        self.fits(text, |expr| {
            let value = entity.to_value();
            expr.holds(&EventView::new("", &Value::Null, None).with_entity(Some(&value), None))
        })
    }

    /// Returns whether a row of the journal fits; an expression sees the event, and `entity` as it is now.
    #[must_use]
    pub(crate) fn fits_entry(&self, entry: &JournalItem, cache: &Cache, clock: &Clock) -> bool {
        self.fits(|| entry.words(cache), |expr| holds_for(expr, entry, cache, clock))
    }
}

/// Answers for an event whose text is still held; for another nothing can be said.
fn holds_for(expr: &Expr, entry: &JournalItem, cache: &Cache, clock: &Clock) -> bool {
    let Some(event) = entry.record.as_ref().and_then(|record| record.value()) else { return false };
    let entity = entry.subject.as_ref().filter(|_| expr.uses_entities()).and_then(|key| cache.get(key));
    let entity = entity.map(Entity::to_value);
    let view = match (entry.kind, &entry.name) {
        // Their body is the payload.
        (RowKind::Foreign | RowKind::Custom(_), Some(name)) => EventView::new(name, &event, event.get("metadata")),
        _ => {
            let name = event.get("type").and_then(Value::as_str).unwrap_or_default();
            EventView::new(name, event.get("payload").unwrap_or(&Value::Null), event.get("metadata"))
        }
    };
    expr.holds(&view.with_entity(entity.as_ref(), None).with_calendar(clock.calendar()))
}

impl App {
    /// Returns whether the journal's filter lets a row through; gaps and notices are always shown.
    #[must_use]
    pub(crate) fn passes(&self, entry: &JournalItem) -> bool {
        let filter = self.journal.filter();
        filter.is_none_or(|filter| !entry.is_event() || filter.fits_entry(entry, &self.cache, &self.clock))
    }

    /// Puts a filter over the journal, or takes it away.
    pub(super) fn filter_journal(&mut self, filter: Option<Filter>) {
        let Self { journal, cache, clock, .. } = self;
        journal.set_filter(filter, |filter, entry| !entry.is_event() || filter.fits_entry(entry, cache, clock));
    }

    /// Puts a filter over the World, or takes it away.
    pub(super) fn filter_world(&mut self, filter: Option<Filter>) {
        self.tree.set_filter(filter, MergedView { cache: &self.cache, pending: &self.pending });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sign_says_how_to_look() {
        let fits = |source: &str, text: &str| {
            let filter = Filter::parse(source).unwrap().unwrap();
            filter.fits(|| text.to_owned(), |_| false)
        };
        assert!(fits("rest", "Harrow's Rest") && !fits("!rest", "Harrow's Rest"));
        assert!(fits("!tower", "Harrow's Rest") && fits("~hwrst", "Harrow's Rest") && !fits("~xyz", "Harrow's Rest"));
        for nothing in ["", "  ", "!", "~ ", "= "] {
            assert!(Filter::parse(nothing).unwrap().is_none(), "{nothing:?}");
        }
    }

    #[test]
    fn a_mistake_in_an_expression_is_told_with_its_place_in_what_was_typed() {
        let problem = Filter::parse("= payload.setlementId == 'x'").unwrap_err();
        assert_eq!(problem.column, 10, "{problem:?}");
        assert!(problem.message.contains("settlementId"), "{problem:?}");
    }
}
