//! What is said of a source that misbehaves: once a minute, however often it does (pure).

use std::collections::HashMap;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// More sources than this at once are an attack that one line a source would make worse.
const MOST: usize = 4_096;

/// Remembers what was said a moment ago.
#[derive(Debug, Default)]
pub(super) struct Suspicions(HashMap<(&'static str, String), Said>);

#[derive(Debug)]
struct Said {
    at: Instant,
    since: u32,
}

impl Suspicions {
    /// Notes an occurrence; returns how many were not said since the last that was, if this one is to be.
    pub fn note(&mut self, kind: &'static str, source: &str, now: Instant) -> Option<u32> {
        let key = (kind, source.to_owned());
        if let Some(said) = self.0.get_mut(&key) {
            if now.saturating_duration_since(said.at) < WINDOW {
                said.since = said.since.saturating_add(1);
                return None;
            }
            let unsaid = said.since;
            *said = Said { at: now, since: 0 };
            return Some(unsaid);
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, said| now.saturating_duration_since(said.at) < WINDOW);
        }
        if self.0.len() >= MOST {
            return None;
        }
        self.0.insert(key, Said { at: now, since: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_named_once_a_minute() {
        let (mut said, start) = (Suspicions::default(), Instant::now());
        assert_eq!(said.note("token", "a", start), Some(0));
        for second in 1..60 {
            assert_eq!(said.note("token", "a", start + Duration::from_secs(second)), None);
        }
        assert_eq!(said.note("token", "b", start), Some(0));
        assert_eq!(said.note("origin", "a", start), Some(0));
        assert_eq!(said.note("token", "a", start + WINDOW), Some(59));
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_memory() {
        let (mut said, start) = (Suspicions::default(), Instant::now());
        for source in 0..2 * MOST {
            let _ = said.note("token", &source.to_string(), start);
        }
        assert_eq!(said.0.len(), MOST);
        assert_eq!(said.note("token", "later", start + WINDOW), Some(0));
    }
}
