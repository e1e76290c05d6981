//! The server's clock and the form in which it writes times.

use jiff::Timestamp;

/// Returns the current time.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Writes a time as it goes over the wire: RFC 3339 UTC with milliseconds.
#[must_use]
pub fn format_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds() {
        let time: Timestamp = "1207-09-14T18:20:00Z".parse().unwrap();
        assert_eq!(format_time(time), "1207-09-14T18:20:00.000Z");
    }
}
