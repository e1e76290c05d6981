//! The functions an expression may call: CEL's own and a few for this domain.

use std::sync::{Arc, LazyLock};

use cel::common::types::{self, CelDuration};
use cel::common::value::CowVal;
use cel::{Context, Env, ExecutionError, Value as CelValue};
use scry_calendar::WorldDate;

use super::view::EventView;
use super::{numbers, path};

/// Every function by the name it is called by, with what it returns.
pub(super) const GLOBAL: &[(&str, Returns)] = &[
    ("size", Returns::Number),
    ("string", Returns::Text),
    ("int", Returns::Number),
    ("uint", Returns::Number),
    ("double", Returns::Number),
    ("bool", Returns::Bool),
    ("bytes", Returns::Other),
    ("dyn", Returns::Other),
    ("type", Returns::Other),
    ("matches", Returns::Bool),
    ("duration", Returns::Duration),
    ("timestamp", Returns::Time),
    ("seconds", Returns::Duration),
    ("minutes", Returns::Duration),
    ("hours", Returns::Duration),
    ("days", Returns::Duration),
    (WORLD_DATE, Returns::WorldDate),
];

/// What may be called on a value, `value.name(…)`.
pub(super) const METHODS: &[(&str, Returns)] = &[
    ("contains", Returns::Bool),
    ("startsWith", Returns::Bool),
    ("endsWith", Returns::Bool),
    ("matches", Returns::Bool),
    ("size", Returns::Number),
    ("getFullYear", Returns::Number),
    ("getMonth", Returns::Number),
    ("getDate", Returns::Number),
    ("getDayOfMonth", Returns::Number),
    ("getDayOfWeek", Returns::Number),
    ("getDayOfYear", Returns::Number),
    ("getHours", Returns::Number),
    ("getMinutes", Returns::Number),
    ("getSeconds", Returns::Number),
    ("getMilliseconds", Returns::Number),
];

/// The macros, which are no calls any more once an expression is read.
pub(super) const MACROS: &[&str] = &["has", "all", "exists", "exists_one", "map", "filter"];

/// Turns a world time into the campaign's own date.
pub(super) const WORLD_DATE: &str = "world_date";

/// What a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Returns {
    Bool,
    Number,
    Text,
    Duration,
    Time,
    WorldDate,
    Other,
}

/// CEL's standard library with our arithmetic and the durations added; built once.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    numbers::declare(&mut env);
    path::declare(&mut env);
    let mut add = |name: &str, function: cel::common::functions::Function| {
        let added = env.add_overload(name, &format!("{name}_any"), vec![types::DYN_TYPE], function);
        debug_assert!(added.is_ok(), "{name} is declared once");
    };
    add("seconds", |args| span("seconds", &args, 1.0));
    add("minutes", |args| span("minutes", &args, 60.0));
    add("hours", |args| span("hours", &args, 3_600.0));
    add("days", |args| span("days", &args, 86_400.0));
    Arc::new(env)
});

/// Makes a duration of a number of units, each of which has so many seconds.
fn span<'b, 'v>(name: &str, args: &[CowVal<'b, 'v>], unit: f64) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let types = || args.iter().map(|arg| arg.get_type().name().to_owned()).collect();
    let count = args.first().and_then(|arg| numbers::real(arg.as_ref()));
    let seconds = count.ok_or_else(|| ExecutionError::no_such_overload(name, types()))? * unit;
    let whole = seconds.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "a cast saturates, and chrono refuses what is too long")]
    let (whole, nanos) = (whole as i64, ((seconds - whole) * 1e9).round() as i64);
    chrono::Duration::try_seconds(whole)
        .and_then(|duration| duration.checked_add(&chrono::Duration::nanoseconds(nanos)))
        .map(|duration| CowVal::owned(CelDuration::from(duration)))
        .ok_or_else(|| ExecutionError::function_error(name, "the duration is too long"))
}

/// Adds `world_date`, which needs the calendar of the event's campaign.
pub(super) fn add_world_date(context: &mut Context<'_, '_>, view: &EventView<'_>) {
    let calendar = view.calendar();
    let function = move |time: Arc<String>| -> Result<CelValue, ExecutionError> {
        let date = calendar.date(&time).map_err(|error| ExecutionError::function_error(WORLD_DATE, error))?;
        Ok(date_value(&date))
    };
    let added = context.add_function(WORLD_DATE, function);
    debug_assert!(added.is_ok(), "the standard library has no such name");
}

fn date_value(date: &WorldDate) -> CelValue {
    let number = |number: i64| CelValue::Int(number);
    let text = |text: &str| CelValue::String(Arc::new(text.to_owned()));
    let maybe = |value: Option<&str>| value.map_or(CelValue::Null, text);
    let fields: std::collections::HashMap<&str, CelValue> = [
        ("year", number(date.year)),
        ("month", text(&date.month_name)),
        ("day", number(date.day)),
        ("weekday", maybe(date.weekday_name.as_deref())),
        ("hour", number(date.hour)),
        ("minute", number(date.minute)),
        ("season", maybe(date.season.as_deref())),
        ("festival", maybe(date.festival.as_deref())),
        ("text", text(&date.long())),
    ]
    .into();
    CelValue::Map(fields.into())
}
