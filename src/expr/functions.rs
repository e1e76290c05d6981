//! The functions an expression may call: CEL's own and a few for this domain.

use std::sync::{Arc, LazyLock};

use cel::common::types::{self, CelDuration, CelInt};
use cel::common::value::CowVal;
use cel::{Context, Env, ExecutionError, Value as CelValue};

use super::view::EventView;
use crate::calendar::WorldDate;

/// Lists every function by the name it is called by, with what it returns.
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

/// Lists what may be called on a value, `value.name(…)`.
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

/// Lists the macros, which are no calls any more once an expression is read.
pub(super) const MACROS: &[&str] = &["has", "all", "exists", "exists_one", "map", "filter"];

/// Turns a world time into the campaign's own date.
pub(super) const WORLD_DATE: &str = "world_date";

/// Names what a function returns.
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

/// Holds CEL's standard library with the durations added; built once.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let mut add = |name: &str, function: cel::common::functions::Function| {
        let added = env.add_overload(name, &format!("{name}_int"), vec![types::INT_TYPE], function);
        debug_assert!(added.is_ok(), "{name} is declared once");
    };
    add("seconds", |args| span(&args, 1));
    add("minutes", |args| span(&args, 60));
    add("hours", |args| span(&args, 60 * 60));
    add("days", |args| span(&args, 24 * 60 * 60));
    Arc::new(env)
});

fn span<'b, 'v>(args: &[CowVal<'b, 'v>], unit: i64) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let count = args.first().and_then(|arg| arg.downcast_ref::<CelInt>()).map(|count| *count.inner());
    count
        .and_then(|count| count.checked_mul(unit))
        .and_then(chrono::Duration::try_seconds)
        .map(|duration| CowVal::owned(CelDuration::from(duration)))
        .ok_or_else(|| ExecutionError::function_error("duration", "the duration is too long"))
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
