//! What a formula may call.

use super::value::{Val, type_error};
use super::{EvalError, EvalScope, WorldClock};

/// The functions by name with the least and the greatest number of arguments.
pub(super) const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("round", 1, 2),
    ("floor", 1, 1),
    ("ceil", 1, 1),
    ("abs", 1, 1),
    ("min", 1, MAX_ARGUMENTS),
    ("max", 1, MAX_ARGUMENTS),
    ("clamp", 3, 3),
    ("sum", 1, 1),
    ("average", 1, 1),
    ("count", 1, 1),
    ("any", 1, 1),
    ("every", 1, 1),
];

/// The functions that read the campaign's clock; they take no arguments.
pub(super) const CLOCK_FUNCTIONS: &[&str] =
    &["first_of_next_month", "year", "month", "day", "hour", "weekday", "season", "festival"];

const MAX_ARGUMENTS: usize = 16;

/// Calls a function; `check::dependencies` has looked at its name and its arguments.
pub(super) fn call<'a>(name: &str, args: Vec<Val<'a>>, scope: &EvalScope<'a>) -> Result<Val<'a>, EvalError> {
    if CLOCK_FUNCTIONS.contains(&name) {
        return Ok(timed(name, scope.clock));
    }
    let mut args = args.into_iter();
    let mut next = || args.next().ok_or_else(|| EvalError::Mistake(format!("{name} needs another argument")));
    match name {
        "round" => {
            let number = next()?.number()?;
            let places = args.next().map_or(Ok(0.0), |places| places.number())?.clamp(0.0, 9.0);
            let scale = 10_f64.powf(places.trunc());
            Ok(Val::Number((number * scale).round() / scale))
        }
        "floor" => Ok(Val::Number(next()?.number()?.floor())),
        "ceil" => Ok(Val::Number(next()?.number()?.ceil())),
        "abs" => Ok(Val::Number(next()?.number()?.abs())),
        "clamp" => {
            let (number, low, high) = (next()?.number()?, next()?.number()?, next()?.number()?);
            if low > high {
                return Err(EvalError::Undefined("clamp has a low bound above its high one".to_owned()));
            }
            Ok(Val::Number(number.clamp(low, high)))
        }
        "count" => Ok(Val::Number(count_as_number(next()?.list()?.len()))),
        "sum" => numbers(next()?).map(|numbers| Val::Number(numbers.iter().sum())),
        "average" => {
            let numbers = numbers(next()?)?;
            if numbers.is_empty() {
                return Err(empty_list_error(name));
            }
            Ok(Val::Number(numbers.iter().sum::<f64>() / count_as_number(numbers.len())))
        }
        "any" => Ok(Val::Flag(flags(next()?)?.into_iter().any(|flag| flag))),
        "every" => Ok(Val::Flag(flags(next()?)?.into_iter().all(|flag| flag))),
        "min" => extreme(name, args.collect(), f64::min),
        _ => extreme(name, args.collect(), f64::max),
    }
}

fn timed<'a>(name: &str, clock: WorldClock<'_>) -> Val<'a> {
    let date = clock.calendar.date_of(clock.now);
    #[expect(clippy::cast_precision_loss, reason = "formulas have one sort of number")]
    let number = |number: i64| Val::Number(number as f64);
    let text = |text: Option<String>| Val::Text(text.unwrap_or_default().into());
    match name {
        "year" => number(date.year),
        "month" => text(Some(date.month_name)),
        "day" => number(date.day),
        "hour" => number(date.hour),
        "weekday" => text(date.weekday_name),
        "season" => text(date.season),
        "festival" => text(date.festival),
        _ => {
            let (year, month) = clock.calendar.month_after(clock.now);
            text(Some(format!("1 {month} {year}")))
        }
    }
}

/// Finds the least or greatest of several numbers, or of one list.
fn extreme<'a>(name: &str, args: Vec<Val<'a>>, pick: fn(f64, f64) -> f64) -> Result<Val<'a>, EvalError> {
    let numbers = match <[Val<'_>; 1]>::try_from(args) {
        Ok([one @ (Val::List(_) | Val::Entities(_))]) => numbers(one)?,
        Ok([one]) => vec![one.number()?],
        Err(many) => many.iter().map(Val::number).collect::<Result<_, _>>()?,
    };
    numbers.into_iter().reduce(pick).map(Val::Number).ok_or_else(|| empty_list_error(name))
}

fn numbers(list: Val<'_>) -> Result<Vec<f64>, EvalError> {
    if let Val::Entities(_) = list {
        return Err(type_error("a list of numbers such as structures.upkeep", &list));
    }
    list.list()?.iter().map(Val::number).collect()
}

fn flags(list: Val<'_>) -> Result<Vec<bool>, EvalError> {
    list.list()?.iter().map(Val::flag).collect()
}

fn empty_list_error(name: &str) -> EvalError {
    EvalError::Undefined(format!("there is nothing to take the {name} of"))
}

fn count_as_number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
