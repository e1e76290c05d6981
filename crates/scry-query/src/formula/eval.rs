//! Working a formula out.

use std::borrow::Cow;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};

use super::value::Val;
use super::{EvalError, EvalScope, Facts, functions};

/// Works out one expression; `check::dependencies` has refused what is no part of the language.
pub(super) fn evaluate<'a>(expr: &'a IdedExpr, scope: &EvalScope<'a>) -> Result<Val<'a>, EvalError> {
    match &expr.expr {
        Expr::Literal(literal) => literal_value(literal),
        Expr::Ident(name) => name_value(name, scope),
        Expr::Select(select) => selected(select, scope),
        Expr::List(list) => {
            list.elements.iter().map(|item| evaluate(item, scope)).collect::<Result<_, _>>().map(Val::List)
        }
        Expr::Call(call) => called(call, scope),
        Expr::Comprehension(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Err(unsupported()),
    }
}

/// Returns a name's value on an entity.
pub(super) fn fact<'a>(facts: &'a Facts, name: &str) -> Result<Val<'a>, EvalError> {
    facts.get(name).and_then(Val::from_json).ok_or_else(|| EvalError::Absent(name.to_owned()))
}

fn name_value<'a>(name: &str, scope: &EvalScope<'a>) -> Result<Val<'a>, EvalError> {
    match (name, scope.settlement) {
        ("structures", None) => Ok(Val::Entities(scope.structures)),
        ("settlement", Some(settlement)) => Ok(Val::Entity(settlement)),
        _ => fact(scope.own, name),
    }
}

fn selected<'a>(select: &'a SelectExpr, scope: &EvalScope<'a>) -> Result<Val<'a>, EvalError> {
    match evaluate(&select.operand, scope)? {
        Val::Entity(facts) => fact(facts, &select.field),
        // Not every type of structure has every field; one that has it must have a value.
        Val::Entities(all) => {
            let having = all.iter().filter(|facts| facts.contains_key(&select.field));
            having.map(|facts| fact(facts, &select.field)).collect::<Result<_, _>>().map(Val::List)
        }
        other @ (Val::Number(_) | Val::Flag(_) | Val::Text(_) | Val::List(_)) => {
            Err(EvalError::Mistake(format!("{} has no {}", other.describe(), select.field)))
        }
    }
}

fn called<'a>(call: &'a CallExpr, scope: &EvalScope<'a>) -> Result<Val<'a>, EvalError> {
    let value = |expr: &'a IdedExpr| evaluate(expr, scope);
    match (call.func_name.as_str(), &call.args[..]) {
        (operators::LOGICAL_AND, [a, b]) => Ok(Val::Flag(value(a)?.flag()? && value(b)?.flag()?)),
        (operators::LOGICAL_OR, [a, b]) => Ok(Val::Flag(value(a)?.flag()? || value(b)?.flag()?)),
        (operators::LOGICAL_NOT, [a]) => Ok(Val::Flag(!value(a)?.flag()?)),
        (operators::CONDITIONAL, [condition, then, otherwise]) => {
            if value(condition)?.flag()? {
                value(then)
            } else {
                value(otherwise)
            }
        }
        (operators::NEGATE, [a]) => Ok(Val::Number(-value(a)?.number()?)),
        (operators::EQUALS, [a, b]) => Ok(Val::Flag(value(a)?.same(&value(b)?))),
        (operators::NOT_EQUALS, [a, b]) => Ok(Val::Flag(!value(a)?.same(&value(b)?))),
        (operators::IN, [a, b]) => {
            let wanted = value(a)?;
            Ok(Val::Flag(value(b)?.list()?.iter().any(|item| item.same(&wanted))))
        }
        (operator, [a, b]) if is_binary(operator) => binary(operator, &value(a)?, &value(b)?),
        (name, args) => {
            let args = args.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            functions::call(name, args, scope)
        }
    }
}

fn is_binary(operator: &str) -> bool {
    use operators::{ADD, DIVIDE, GREATER, GREATER_EQUALS, LESS, LESS_EQUALS, MODULO, MULTIPLY, SUBSTRACT};
    [ADD, SUBSTRACT, MULTIPLY, DIVIDE, MODULO, LESS, LESS_EQUALS, GREATER, GREATER_EQUALS].contains(&operator)
}

fn binary<'a>(operator: &str, a: &Val<'a>, b: &Val<'a>) -> Result<Val<'a>, EvalError> {
    if let (operators::ADD, Val::Text(a), Val::Text(b)) = (operator, a, b) {
        return Ok(Val::Text(format!("{a}{b}").into()));
    }
    let (a, b) = (a.number()?, b.number()?);
    match operator {
        operators::ADD => Ok(Val::Number(a + b)),
        operators::SUBSTRACT => Ok(Val::Number(a - b)),
        operators::MULTIPLY => Ok(Val::Number(a * b)),
        operators::DIVIDE | operators::MODULO if b.abs() < f64::MIN_POSITIVE => {
            Err(EvalError::Undefined("division by zero".to_owned()))
        }
        operators::DIVIDE => Ok(Val::Number(a / b)),
        operators::MODULO => Ok(Val::Number(a.rem_euclid(b))),
        operators::LESS => Ok(Val::Flag(a < b)),
        operators::LESS_EQUALS => Ok(Val::Flag(a <= b)),
        operators::GREATER => Ok(Val::Flag(a > b)),
        _ => Ok(Val::Flag(a >= b)),
    }
}

fn literal_value(literal: &LiteralValue) -> Result<Val<'_>, EvalError> {
    #[expect(clippy::cast_precision_loss, reason = "formulas have one sort of number")]
    match literal {
        LiteralValue::Boolean(flag) => Ok(Val::Flag(*flag.inner())),
        LiteralValue::Double(number) => Ok(Val::Number(*number.inner())),
        LiteralValue::Int(number) => Ok(Val::Number(*number.inner() as f64)),
        LiteralValue::UInt(number) => Ok(Val::Number(*number.inner() as f64)),
        LiteralValue::String(text) => Ok(Val::Text(Cow::Borrowed(text.inner()))),
        LiteralValue::Bytes(_) | LiteralValue::Null => Err(unsupported()),
    }
}

fn unsupported() -> EvalError {
    EvalError::Mistake("this is not part of the formula language".to_owned())
}
