//! How the dashboard makes itself heard.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The alerts: for which events, by what means, and when not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertConfig {
    /// The events that lead to an alert.
    pub level: AlertLevel,
    /// The channels that an alert uses, all of them at once.
    pub means: Vec<AlertChannel>,
    /// When to be silent, in the time of this machine.
    pub quiet: Vec<QuietHours>,
    /// Another level for single rooms, for example `settlement:ID`.
    pub rooms: BTreeMap<String, AlertLevel>,
}

/// A threshold for alerts; each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertLevel {
    /// No alerts.
    Off,
    /// The connection is lost or back, an edit was refused, a value of one's own was replaced, there is a warning.
    Trouble,
    /// And a bookmarked thing has changed, or there is any notification.
    Bookmarks,
    /// And anything has changed.
    All,
}

/// A means by which an alert reaches the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertChannel {
    /// The terminal's bell.
    Bell,
    /// A notification by the terminal, as iTerm2, kitty and Windows Terminal show it.
    Osc9,
    /// A notification by the terminal, as urxvt, foot and Ghostty show it.
    Osc777,
    /// A notification of the desktop: `notify-send`, or `osascript` on macOS.
    Desktop,
}

/// A span of the day, in minutes since midnight; one that ends before it begins crosses midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: u16,
    to: u16,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            level: AlertLevel::Bookmarks,
            means: vec![AlertChannel::Bell],
            quiet: Vec::new(),
            rooms: BTreeMap::new(),
        }
    }
}

impl AlertConfig {
    /// Returns whether a minute of the day is in a quiet span.
    #[must_use]
    pub fn is_quiet(&self, minute: u16) -> bool {
        self.quiet.iter().any(|hours| hours.contain(minute))
    }
}

impl QuietHours {
    const fn contain(self, minute: u16) -> bool {
        if self.from <= self.to {
            self.from <= minute && minute < self.to
        } else {
            minute >= self.from || minute < self.to
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let minutes = |time: &str| {
            let (hour, minute) = time.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-')?;
        Some(Self { from: minutes(from)?, to: minutes(to)? })
    }
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let text = scry_text::line(&text);
            serde::de::Error::custom(format!("“{text}” is not a span of the day; write for example \"22:30-07:00\""))
        })
    }
}

impl Serialize for QuietHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        serializer.serialize_str(&format!("{}-{}", time(self.from), time(self.to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let config: AlertConfig = toml::from_str("quiet = [\"22:30-07:00\", \"13:00-14:00\"]").unwrap();
        let at = |hour: u16, minute: u16| config.is_quiet(hour * 60 + minute);
        assert!(at(23, 0) && at(6, 59) && at(13, 30) && at(22, 30));
        assert!(!at(7, 0) && !at(22, 29) && !at(14, 0));
    }

    #[test]
    fn invalid_span_is_refused_with_an_example() {
        let error = toml::from_str::<AlertConfig>("quiet = [\"late\"]").unwrap_err().to_string();
        assert!(error.contains("“late” is not a span of the day; write for example \"22:30-07:00\""), "{error}");
    }

    #[test]
    fn a_louder_level_includes_the_quieter_ones() {
        assert!(
            AlertLevel::All > AlertLevel::Bookmarks
                && AlertLevel::Bookmarks > AlertLevel::Trouble
                && AlertLevel::Trouble > AlertLevel::Off
        );
    }
}
