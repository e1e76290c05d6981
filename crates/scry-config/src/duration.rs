//! Spans of time as people write them: `500ms`, `5s`, `2m`, `1h 30m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Reads a span of time.
///
/// # Errors
/// One sentence with an example, when the text is no span or a negative one.
pub fn parse(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.trim().parse().map_err(|_| format!("“{text}” is not a duration; write for example 500ms, 5s or 2m"))?;
    Duration::try_from(span).map_err(|_| format!("“{text}” must not be negative"))
}

/// Writes a span of time the way [`parse`] reads it.
#[must_use]
pub fn write(span: Duration) -> String {
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let millis = span.as_millis();
    let whole = units.iter().find(|(size, _)| millis >= *size && millis.is_multiple_of(*size));
    whole.map_or_else(|| format!("{millis}ms"), |(size, unit)| format!("{}{unit}", millis / size))
}

/// Writes a span for serde.
///
/// # Errors
/// Whatever the serializer says.
pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write(*span))
}

/// Reads a span for serde.
///
/// # Errors
/// When the text is no span of time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Reads and writes a span that may be `off`.
pub mod or_off {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `off` for none.
    ///
    /// # Errors
    /// Whatever the serializer says.
    pub fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => super::serialize(span, serializer),
            None => serializer.serialize_str("off"),
        }
    }

    /// Reads `off` as none.
    ///
    /// # Errors
    /// When the text is neither `off` nor a span of time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(None);
        }
        super::parse(&text).map(Some).map_err(|problem| serde::de::Error::custom(format!("{problem}, or off")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back_as_they_are_written() {
        for millis in [0, 1, 500, 1_000, 1_500, 60_000, 90_000, 7_200_000] {
            let span = Duration::from_millis(millis);
            assert_eq!(parse(&write(span)), Ok(span));
        }
        assert_eq!(parse("1h 30m"), Ok(Duration::from_secs(5400)));
    }

    #[test]
    fn invalid_duration_is_refused_with_an_example() {
        assert_eq!(parse("soon").unwrap_err(), "“soon” is not a duration; write for example 500ms, 5s or 2m");
        assert_eq!(parse("-5s").unwrap_err(), "“-5s” must not be negative");
    }
}
