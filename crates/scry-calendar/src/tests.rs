use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn emberfall() -> Calendar {
    Calendar::from_toml(BUNDLED[1].1).unwrap()
}

fn long(calendar: &Calendar, time: &str) -> String {
    calendar.date(time).unwrap().long()
}

#[test]
fn the_bundled_world_begins_on_a_rainy_duskday() {
    let date = emberfall().date("1207-09-14T18:20:00.000Z").unwrap();
    assert_eq!(date.long(), "Duskday 14 Rainmoon 1207, 18:20");
    assert_eq!(date.short(), "14 Rainmoon 18:20");
    assert_eq!(date.season.as_deref(), Some("autumn"));
    assert_eq!(date.moons.len(), 2);
}

#[test]
fn days_outside_the_months_belong_to_no_week() {
    let calendar = emberfall();
    assert_eq!(long(&calendar, "1207-12-31T00:00:00Z"), "Emberfall 1207, 00:00");
    assert_eq!(long(&calendar, "1208-01-01T00:00:00Z"), "Dawnday 1 Icemoon 1208, 00:00");
    let date = calendar.date("1208-12-30T00:00:00Z").unwrap();
    assert_eq!((date.long().as_str(), date.weekday_name), ("1 Emberfall 1208, 00:00", None));
    assert_eq!(date.festival.as_deref(), Some("Emberfall"));
    assert_eq!(long(&calendar, "1208-12-31T12:00:00Z"), "2 Emberfall 1208, 12:00");
}

#[test]
fn dates_before_the_anchor_are_continuous() {
    let calendar = emberfall();
    assert_eq!(long(&calendar, "1206-12-31T23:59:59.999Z"), "Emberfall 1206, 23:59");
    assert_eq!(long(&calendar, "1206-12-30T23:59:00Z"), "Restday 30 Longnight 1206, 23:59");
    assert_eq!(calendar.date("1207-01-01T00:00:00Z").unwrap().season.as_deref(), Some("winter"));
}

#[test]
fn a_festival_lasts_as_long_as_it_says() {
    let festival = |day| {
        let time = emberfall().instant(DateParts { year: 1300, month: "Highsun", day, hour: 9, minute: 0 }).unwrap();
        emberfall().date(&time).unwrap().festival
    };
    assert_eq!(festival(14), None);
    assert_eq!((festival(15), festival(17)), (Some("Long Light".into()), Some("Long Light".into())));
    assert_eq!(festival(18), None);
}

#[test]
fn days_need_not_have_24_hours_nor_weeks_exist() {
    let calendar = Calendar::from_json(&json!({
        "name": "Short", "anchor": {"instant": "2000-01-01T00:00:00Z", "year": 1}, "day": {"hours": 10, "minutes": 100},
        "months": [{"name": "Only", "days": 3}], "somethingNewer": true,
    }));
    let calendar = calendar.unwrap();
    assert_eq!(long(&calendar, "2000-01-01T16:39:59Z"), "1 Only 1, 09:99");
    assert_eq!(long(&calendar, "2000-01-01T16:40:00Z"), "2 Only 1, 00:00");
    assert_eq!(long(&calendar, "1999-12-31T23:59:00Z"), "3 Only 0, 09:99");
}

#[test]
fn moons_follow_their_period() {
    let phases: Vec<char> = (0..8).map(|eighth| MoonPhase::of_cycle(f64::from(eighth) / 8.0 - 3.0).glyph()).collect();
    assert_eq!(phases, ['○', '◔', '◑', '◕', '●', '◕', '◐', '◔']);
    assert_eq!(MoonPhase::of_cycle(0.99), MoonPhase::New);
    // The full moon of 21 January 2000, and the eclipse of the sun on 11 August 1999.
    let moon = |time: &str| Calendar::gregorian().date(time).unwrap().moons[0].1;
    assert_eq!((moon("2000-01-21T04:40:00Z"), moon("1999-08-11T11:00:00Z")), (MoonPhase::Full, MoonPhase::New));
}

#[test]
fn json_reads_back_as_it_was_written_and_none_means_gregorian() {
    assert_eq!(Calendar::from_json(&emberfall().to_json()).unwrap(), emberfall());
    assert_eq!(Calendar::from_json(&Value::Null).unwrap(), Calendar::gregorian());
}

#[test]
fn error_names_its_place() {
    let edits = [
        (r#"name = "Wolfmoon", days = 30"#, r#"name = "Wolfmoon", days = 0"#, "month Wolfmoon must have from 1"),
        (r#"name = "Wolfmoon", days = 30"#, r#"name = "Icemoon", days = 30"#, "intercalary Kindling names the month"),
        (r#""Dawnday", "Forgeday""#, r#""Forgeday", "Forgeday""#, "anchor.weekday is \"Dawnday\""),
        ("leap = { every = 4 }", "", "leap rule is missing"),
        ("leap = { every = 4 }", "leap = { every = 0 }", "leap rule must count"),
        ("leap = { every = 4 }", "leap = { every = 4, except = 6 }", "except as a multiple of every"),
        (r#"month = "Highsun", day = 15"#, r#"month = "Highsun", day = 29"#, "festival Long Light must fall within"),
        (r#"month = "Thawmoon", day = 1"#, r#"month = "Mudmoon", day = 1"#, "season spring names the month"),
        ("period = 29.5", "period = 0.0", "moon Sela must have a period"),
        ("days = 3 }", "dayz = 3 }", "unknown key festivals.1.dayz"),
        ("year = 1207", "year = 9999999999", "anchor.year must lie"),
    ];
    for (from, to, expected) in edits {
        assert!(BUNDLED[1].1.contains(from), "{from}");
        let error = Calendar::from_toml(&BUNDLED[1].1.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = Calendar::from_json(
        &json!({"name": "x", "anchor": {"instant": "2000-01-01T00:00:00Z", "year": 1}, "months": []}),
    );
    assert!(error.unwrap_err().to_string().contains("months list is empty"));
    assert!(emberfall().date("yesterday").is_err());
}

#[test]
fn a_date_that_does_not_exist_is_refused() {
    let moment = DateParts { year: 1207, month: "Emberfall", day: 1, hour: 0, minute: 0 };
    let calendar = emberfall();
    assert!(calendar.instant(moment).is_ok());
    for wrong in [
        DateParts { day: 2, ..moment },
        DateParts { hour: 24, ..moment },
        DateParts { month: "Mudmoon", ..moment },
        DateParts { year: i64::MAX, ..moment },
        DateParts { year: 99_999, ..moment },
    ] {
        assert!(matches!(calendar.instant(wrong), Err(CalendarError::NoSuchDate { .. })), "{wrong:?}");
    }
}

/// A calendar of arbitrary months, leap rule and days outside the week.
fn any_calendar() -> impl Strategy<Value = Calendar> {
    let months = prop::collection::vec((1..60_i64, prop::option::of(1..60_i64)), 1..8);
    (months, 1..9_i64, 1..5_i64, 1..5_i64, 0..5_i64, 1..30_u16, -3000..3000_i64).prop_filter_map(
        "a year of at least a day",
        |(months, every, except, unless, extra_days, hours, year)| {
            let month = |(index, (days, leap)): (usize, &(i64, Option<i64>))| Month {
                name: format!("m{index}"),
                days: *days,
                leap: *leap,
            };
            let days = |name: &str, week| Intercalary {
                name: name.into(),
                after: "m0".into(),
                days: extra_days,
                leap: Some(extra_days + 1),
                week,
            };
            Calendar::new(CalendarDefinition {
                name: "any".into(),
                anchor: definition::Anchor { instant: "1207-01-01T00:00:00Z".parse().unwrap(), year, weekday: None },
                day: definition::DayLength { hours, minutes: 60 },
                week: ["a", "b", "c"].map(String::from).to_vec(),
                leap: Some(LeapRule { every, except: Some(every * except), unless: Some(every * except * unless) }),
                months: months.iter().enumerate().map(month).collect(),
                intercalary: vec![days("out", false), days("in", true)],
                festivals: vec![],
                seasons: vec![],
                moons: vec![],
            })
            .ok()
        },
    )
}

proptest! {
    #[test]
    fn every_minute_has_one_date_and_every_date_one_minute(
        calendar in any_calendar(),
        minute in -1_035_000_000_i64..4_223_000_000,
    ) {
        let instant = WorldTime::from_second(minute * 60).unwrap();
        let date = calendar.date_of(instant);
        let moment = DateParts {
            year: date.year, month: &date.month_name, day: date.day, hour: date.hour, minute: date.minute,
        };
        prop_assert_eq!(calendar.instant(moment).unwrap().parse::<WorldTime>().unwrap(), instant);
    }

    #[test]
    fn the_day_after_is_the_next_day(calendar in any_calendar(), hour in -17_000_000_i64..70_000_000) {
        let today = WorldTime::from_second(hour * 3600).unwrap();
        let length = jiff::SignedDuration::from_hours(i64::from(calendar.definition().day.hours));
        let (today, tomorrow) = (calendar.date_of(today), calendar.date_of(today.checked_add(length).unwrap()));
        if tomorrow.day == 1 {
            prop_assert_eq!(today.day, today.days_in_month);
        } else {
            prop_assert_eq!((today.year, today.month_name, today.day + 1), (tomorrow.year, tomorrow.month_name, tomorrow.day));
        }
        if let (Some(today), Some(tomorrow)) = (today.weekday_name, tomorrow.weekday_name) {
            prop_assert_ne!(today, tomorrow);
        }
    }

    #[test]
    fn the_gregorian_calendar_agrees_with_jiff(second in -62_135_596_800_i64..253_402_200_000) {
        let instant = Timestamp::from_second(second).unwrap();
        let ours = Calendar::gregorian().date_of(instant.into());
        let theirs = jiff::tz::TimeZone::UTC.to_datetime(instant);
        let gregorian = Calendar::gregorian();
        let month = &gregorian.definition().months[usize::try_from(theirs.month() - 1).unwrap()].name;
        prop_assert_eq!(&ours.month_name, month);
        prop_assert_eq!((ours.year, ours.day), (i64::from(theirs.year()), i64::from(theirs.day())));
        prop_assert_eq!((ours.hour, ours.minute), (i64::from(theirs.hour()), i64::from(theirs.minute())));
        prop_assert_eq!(ours.weekday_name.unwrap(), format!("{:?}", theirs.weekday()));
    }
}

/// Builds a calendar whose years have one month of one day.
fn calendar_of_days(hours: u16, minutes: u16, days: i64) -> Result<Calendar, CalendarError> {
    Calendar::from_json(&serde_json::json!({
        "name": "c", "anchor": {"instant": "1207-01-01T00:00:00Z", "year": 1207},
        "day": {"hours": hours, "minutes": minutes}, "months": [{"name": "m", "days": days}],
    }))
}

#[test]
fn year_that_is_shorter_than_a_day_is_refused() {
    for (hours, minutes, days) in [(1, 1, 1), (1, 1, 1_439), (23, 60, 1)] {
        let error = calendar_of_days(hours, minutes, days).unwrap_err();
        assert!(error.to_string().contains("year must last at least 24 hours"), "{error}");
    }
    for (hours, minutes, days) in [(24, 60, 1), (1, 1, 1_440)] {
        calendar_of_days(hours, minutes, days).unwrap();
    }
}
