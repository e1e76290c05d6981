//! How events that catalogues declare are shown, as a server tells it.

use std::collections::HashMap;

use scry_protocol::catalogue::{EventDisplay, Severity};
use scry_text as text;
use serde_json::Value;

use super::Template;

/// Bounds a sentence, in characters; the payload behind it may be of any length.
const MAX_SENTENCE: usize = 400;

/// Holds the looks of events by their names; empty where a server has no catalogues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looks(HashMap<String, (Template, Severity)>);

impl Looks {
    /// Takes what a server tells; a summary that cannot be read is left out.
    #[must_use]
    pub fn new(looks: Vec<EventDisplay>) -> Self {
        let read = looks.into_iter().filter_map(|look| {
            let template = look.summary.parse();
            let template = template.inspect_err(|error: &String| tracing::info!(look.name, error, "not a summary"));
            Some((look.name, (template.ok()?, look.severity)))
        });
        Self(read.collect())
    }

    /// Tells whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says an event in one safe sentence, and how much it matters; `None` for what no catalogue declares.
    #[must_use]
    pub fn say(&self, event: &str, payload: &Value) -> Option<(String, Severity)> {
        let (template, severity) = self.0.get(event)?;
        let filled = template.fill(payload);
        let sentence = text::line(&filled);
        let cut = match sentence.char_indices().nth(MAX_SENTENCE) {
            Some((end, _)) => format!("{}…", sentence.get(..end).unwrap_or_default()),
            None => sentence.into_owned(),
        };
        Some((cut, *severity))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(name: &str, summary: &str) -> EventDisplay {
        EventDisplay { name: name.to_owned(), summary: summary.to_owned(), severity: Severity::Warning }
    }

    #[test]
    fn a_sentence_is_safe_and_short_whatever_is_in_the_payload() {
        let looks = Looks::new(vec![look("alert:new", "{message}: {fields}"), look("broken", "{")]);
        let payload = json!({"message": "\u{1b}[2J\u{202e}", "fields": ["a", 3]});
        assert_eq!(looks.say("alert:new", &payload), Some(("\u{fffd}[2J: a, 3".to_owned(), Severity::Warning)));
        let (long, _) = looks.say("alert:new", &json!({"message": "x".repeat(9_000)})).unwrap();
        assert_eq!(long.chars().count(), MAX_SENTENCE + 1);
        assert_eq!(looks.say("broken", &payload), None);
        assert_eq!(looks.say("invoice:paid", &payload), None);
    }
}
