//! A date of a world, as people say it.

use std::fmt;

/// Which minute of the world it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldDate {
    /// The year, counted as the calendar counts them.
    pub year: i64,
    /// The month, or the name of the days outside the months.
    pub month_name: String,
    /// Counted from 1.
    pub day: i64,
    /// Tells days that belong to no month; [`WorldDate::month_name`] is then the name of those days.
    pub outside_months: bool,
    /// How many days this month has in this year.
    pub days_in_month: i64,
    /// Absent in a world without weeks, and on days outside the week.
    pub weekday_name: Option<String>,
    /// The hour, from 0.
    pub hour: i64,
    /// The minute, from 0.
    pub minute: i64,
    /// The season, where the calendar has seasons.
    pub season: Option<String>,
    /// Each moon with its phase.
    pub moons: Vec<(String, MoonPhase)>,
    /// The festival that falls on the day.
    pub festival: Option<String>,
}

impl WorldDate {
    /// Returns the whole date: `Duskday 14 Rainmoon 1207, 18:20`.
    #[must_use]
    pub fn long(&self) -> String {
        let weekday = self.weekday_name.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
        format!("{weekday}{} {}, {:02}:{:02}", self.day_and_month(), self.year, self.hour, self.minute)
    }

    /// Returns the date without weekday and year: `14 Rainmoon 18:20`.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{} {:02}:{:02}", self.day_and_month(), self.hour, self.minute)
    }

    fn day_and_month(&self) -> String {
        if self.outside_months && self.days_in_month == 1 {
            self.month_name.clone()
        } else {
            format!("{} {}", self.day, self.month_name)
        }
    }
}

impl fmt::Display for WorldDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.long())
    }
}

/// How much of a moon is lit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoonPhase {
    /// New moon.
    New,
    /// Less than half, growing.
    WaxingCrescent,
    /// Half, growing.
    FirstQuarter,
    /// More than half, growing.
    WaxingGibbous,
    /// Full moon.
    Full,
    /// More than half, shrinking.
    WaningGibbous,
    /// Half, shrinking.
    LastQuarter,
    /// Less than half, shrinking.
    WaningCrescent,
}

impl MoonPhase {
    const CYCLE: [Self; 8] = [
        Self::New,
        Self::WaxingCrescent,
        Self::FirstQuarter,
        Self::WaxingGibbous,
        Self::Full,
        Self::WaningGibbous,
        Self::LastQuarter,
        Self::WaningCrescent,
    ];

    /// Returns the phase after `cycles` cycles since a new moon; only the fraction counts.
    #[must_use]
    pub fn of_cycle(cycles: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 8")]
        let eighth = (cycles.rem_euclid(1.0) * 8.0).round() as usize;
        Self::CYCLE[eighth % Self::CYCLE.len()]
    }

    /// Returns the symbol: how much of the disc is filled is how much is lit, the lit side as seen from
    /// a northern country.
    #[must_use]
    pub const fn glyph(self) -> char {
        match self {
            Self::New => '○',
            Self::WaxingCrescent | Self::WaningCrescent => '◔',
            Self::FirstQuarter => '◑',
            Self::WaxingGibbous | Self::WaningGibbous => '◕',
            Self::Full => '●',
            Self::LastQuarter => '◐',
        }
    }

    /// Returns the words for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::WaxingCrescent => "waxing crescent",
            Self::FirstQuarter => "first quarter",
            Self::WaxingGibbous => "waxing gibbous",
            Self::Full => "full",
            Self::WaningGibbous => "waning gibbous",
            Self::LastQuarter => "last quarter",
            Self::WaningCrescent => "waning crescent",
        }
    }
}

impl fmt::Display for MoonPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        f.write_char(self.glyph())
    }
}
