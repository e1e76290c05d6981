//! What can be judged of a call before any event has come: the literals in it.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::CelString;
use cel::{Context, ExecutionError, Value as CelValue};
use scry_calendar::Calendar;
use scry_text as text;

use super::error::evaluation;
use super::functions::{ENVIRONMENT, WORLD_DATE};
use super::narrow::text_literal;
use super::numbers;

/// Functions that read a text or take a number, and fail for the wrong one whatever event comes.
const PARSING_FUNCTIONS: [&str; 10] =
    ["duration", "timestamp", "int", "uint", "double", "bool", "seconds", "minutes", "hours", "days"];

/// Finds an argument with which a call fails for every event, and says why.
pub(super) fn find_error<'e>(
    name: &str,
    target: Option<&IdedExpr>,
    args: &'e [IdedExpr],
) -> Option<(&'e IdedExpr, String)> {
    let last = args.last().filter(|last| matches!(last.expr, Expr::Literal(_)))?;
    let failure = match name {
        "matches" => failure(call(name, vec![literal(""), last.clone()]))?,
        WORLD_DATE => return Some((last, Calendar::gregorian().date(text_literal(last)?).err()?.to_string())),
        _ if PARSING_FUNCTIONS.contains(&name) && target.is_none() && args.len() == 1 => {
            failure(call(name, args.to_vec()))?
        }
        _ if name.starts_with("get") && target.is_some() => {
            let now = call("timestamp", vec![literal("2000-01-01T00:00:00Z")]);
            let call = CallExpr { func_name: name.to_owned(), target: Some(Box::new(now)), args: args.to_vec() };
            failure(IdedExpr { id: 0, expr: Expr::Call(call) })?
        }
        _ => return None,
    };
    Some((last, explain(name, text_literal(last), &failure)))
}

/// Returns whether an operator divides by a literal zero.
pub(super) fn divides_by_zero(operator: &str, divisor: &IdedExpr) -> bool {
    let Expr::Literal(literal) = &divisor.expr else { return false };
    let zero = numbers::real(literal.to_val().as_ref()).is_some_and(|number| number.abs() < f64::MIN_POSITIVE);
    zero && matches!(operator, operators::DIVIDE | operators::MODULO)
}

fn explain(name: &str, literal: Option<&str>, error: &ExecutionError) -> String {
    match (name, literal) {
        ("matches", Some(pattern)) => {
            format!("“{}” is not a regular expression: {}", text::line(pattern), last_line(&error.to_string()))
        }
        ("duration", Some(literal)) => {
            format!("“{}” is not a duration; write one like 90s or 1h30m", text::line(literal))
        }
        ("timestamp", Some(literal)) => {
            format!("“{}” is not a time; write one like 2026-02-03T04:05:06Z", text::line(literal))
        }
        (_, Some(literal)) => format!("{name} cannot take “{}”: {}", text::line(literal), evaluation(error)),
        (_, None) => evaluation(error),
    }
}

/// Returns what a message of several lines comes to.
fn last_line(message: &str) -> String {
    let line = message.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    text::line(line.trim_start_matches("error: ")).into_owned()
}

fn failure(call: IdedExpr) -> Option<ExecutionError> {
    CelValue::resolve_val(&call, &Context::with_env(Arc::clone(&ENVIRONMENT))).err()
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    let call = CallExpr { func_name: name.to_owned(), target: None, args };
    IdedExpr { id: 0, expr: Expr::Call(call) }
}

fn literal(text: &'static str) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::String(CelString::from(text))) }
}
