//! How events that catalogues declare are shown, as a server tells it.

use std::collections::HashMap;

use scry_protocol::catalogue::{EventDisplay, Severity};
use scry_text as text;
use serde_json::Value;

use super::PayloadTemplate;

/// Bounds a sentence, in characters; the payload behind it may be of any length.
const MAX_SENTENCE_CHARS: usize = 400;

/// How events are displayed, by their names; empty where a server has no catalogues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventDisplays(HashMap<String, (PayloadTemplate, Severity)>);

impl EventDisplays {
    /// Takes what a server tells; a summary that cannot be read is left out.
    #[must_use]
    pub fn new(displays: Vec<EventDisplay>) -> Self {
        let read = displays.into_iter().filter_map(|entry| {
            let template = entry.summary.parse();
            let template = template.inspect_err(|error: &String| tracing::info!(entry.name, error, "not a summary"));
            Some((entry.name, (template.ok()?, entry.severity)))
        });
        Self(read.collect())
    }

    /// Returns whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says an event in one safe sentence, and how much it matters; `None` for what no catalogue declares.
    #[must_use]
    pub fn render(&self, event: &str, payload: &Value) -> Option<(String, Severity)> {
        let (template, severity) = self.0.get(event)?;
        let filled = template.fill(payload);
        let sentence = text::line(&filled);
        let cut = match sentence.char_indices().nth(MAX_SENTENCE_CHARS) {
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

    fn entry(name: &str, summary: &str) -> EventDisplay {
        EventDisplay { name: name.to_owned(), summary: summary.to_owned(), severity: Severity::Warning }
    }

    #[test]
    fn a_sentence_is_safe_and_short_whatever_is_in_the_payload() {
        let displays = EventDisplays::new(vec![entry("alert:new", "{message}: {fields}"), entry("broken", "{")]);
        let payload = json!({"message": "\u{1b}[2J\u{202e}", "fields": ["a", 3]});
        assert_eq!(displays.render("alert:new", &payload), Some(("\u{fffd}[2J: a, 3".to_owned(), Severity::Warning)));
        let (long, _) = displays.render("alert:new", &json!({"message": "x".repeat(9_000)})).unwrap();
        assert_eq!(long.chars().count(), MAX_SENTENCE_CHARS + 1);
        assert_eq!(displays.render("broken", &payload), None);
        assert_eq!(displays.render("invoice:paid", &payload), None);
    }
}
