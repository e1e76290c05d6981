//! One sort of number: whole numbers and fractions mix, and `5 / 2` is 2.5.
//!
//! CEL keeps `int`, `uint` and `double` apart and refuses to calculate across them, so that a condition would work
//! while a treasury is 1310 and fail when it is 1310.5. Here every calculation goes through the functions below, and
//! comparisons mix the three by themselves. Whole numbers stay exact: sums, differences and products are calculated
//! on integers for as long as these fit into 64 bits. Where a fraction takes part, the result is an IEEE double, exact
//! for whole numbers up to 2^53.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelDouble, CelInt, CelUInt, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

/// The name of the accumulator that CEL's macros loop with.
const ACCUMULATOR: &str = "@result";

/// Whole doubles up to here are the same number as an integer.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The operators that are calculated here, with the functions that take their place.
const OPERATORS: [(&str, &str); 6] = [
    (operators::ADD, "@add"),
    (operators::SUBSTRACT, "@subtract"),
    (operators::MULTIPLY, "@multiply"),
    (operators::DIVIDE, "@divide"),
    (operators::MODULO, "@modulo"),
    (operators::NEGATE, "@negate"),
];

/// A number of any of CEL's three types.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Real(f64),
}

/// Declares the functions that take the operators' places.
pub(super) fn declare(env: &mut Env) {
    let mut add = |name: &str, parameters: usize, function: cel::common::functions::Function| {
        let types = std::iter::repeat_with(|| DYN_TYPE).take(parameters).collect();
        let added = env.add_overload(name, &format!("{name}_any"), types, function);
        debug_assert!(added.is_ok(), "{name} is declared once");
    };
    add("@add", 2, |args| calculate(operators::ADD, &args));
    add("@subtract", 2, |args| calculate(operators::SUBSTRACT, &args));
    add("@multiply", 2, |args| calculate(operators::MULTIPLY, &args));
    add("@divide", 2, |args| calculate(operators::DIVIDE, &args));
    add("@modulo", 2, |args| calculate(operators::MODULO, &args));
    add("@negate", 1, |args| negate(&args));
}

/// Puts our functions in the place of an operator, unless CEL's own loops rely on it.
pub(super) fn replace_operator(call: &mut CallExpr) {
    let accumulates = matches!(call.args.first().map(|arg| &arg.expr), Some(Expr::Ident(name)) if name == ACCUMULATOR);
    if call.target.is_some() || accumulates {
        return;
    }
    if let Some((_, function)) = OPERATORS.iter().find(|(operator, _)| *operator == call.func_name) {
        (*function).clone_into(&mut call.func_name);
    }
}

/// Writes a literal as the same number in the form that all others have.
pub(super) fn normalize_literal(expr: &mut IdedExpr) {
    let Expr::Literal(literal) = &expr.expr else { return };
    let Some(number) = Number::of(literal.to_val().as_ref()) else { return };
    expr.expr = Expr::Literal(match number {
        Number::Whole(whole) => match (i64::try_from(whole), u64::try_from(whole)) {
            (Ok(int), _) => LiteralValue::Int(CelInt::from(int)),
            (Err(_), Ok(uint)) => LiteralValue::UInt(CelUInt::from(uint)),
            (Err(_), Err(_)) => return,
        },
        Number::Real(real) => LiteralValue::Double(CelDouble::from(real)),
    });
}

/// Shows a JSON number to CEL; 1310 and 1310.0 are the same.
pub(super) fn from_json<'v>(number: &serde_json::Number) -> Box<dyn Val + 'v> {
    let number = match (number.as_i64(), number.as_u64()) {
        (Some(int), _) => Number::Whole(int.into()),
        (None, Some(uint)) => Number::Whole(uint.into()),
        (None, None) => Number::of_real(number.as_f64().unwrap_or(f64::NAN)),
    };
    number.into_value()
}

/// Returns a number as a fraction; `None` for anything else.
pub(super) fn real(value: &dyn Val) -> Option<f64> {
    Number::of(value).map(Number::real)
}

impl Number {
    fn of(value: &dyn Val) -> Option<Self> {
        if let Some(int) = value.downcast_ref::<CelInt>() {
            return Some(Self::Whole((*int.inner()).into()));
        }
        if let Some(uint) = value.downcast_ref::<CelUInt>() {
            return Some(Self::Whole((*uint.inner()).into()));
        }
        value.downcast_ref::<CelDouble>().map(|double| Self::of_real(*double.inner()))
    }

    fn of_real(real: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range of i128")]
        if real.fract() == 0.0 && real.abs() <= MAX_EXACT_INTEGER {
            Self::Whole(real as i128)
        } else {
            Self::Real(real)
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "documented: beyond 2^53 a calculation with fractions rounds")]
    const fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    fn into_value<'v>(self) -> Box<dyn Val + 'v> {
        match self {
            Self::Whole(whole) => match (i64::try_from(whole), u64::try_from(whole)) {
                (Ok(int), _) => Box::new(CelInt::from(int)),
                (Err(_), Ok(uint)) => Box::new(CelUInt::from(uint)),
                (Err(_), Err(_)) => Box::new(CelDouble::from(self.real())),
            },
            Self::Real(real) => Box::new(CelDouble::from(real)),
        }
    }
}

fn calculate<'b, 'v>(operator: &str, args: &[CowVal<'b, 'v>]) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [left, right] = args else { return Err(ExecutionError::no_such_overload(operator, Vec::new())) };
    match (Number::of(left.as_ref()), Number::of(right.as_ref())) {
        (Some(left), Some(right)) => Ok(CowVal::Owned(numbers(operator, left, right)?.into_value())),
        (Some(_), None) | (None, Some(_) | None) => others(operator, left.as_ref(), right.as_ref()),
    }
}

fn numbers(operator: &str, left: Number, right: Number) -> Result<Number, ExecutionError> {
    let divides = matches!(operator, operators::DIVIDE | operators::MODULO);
    if divides && right == Number::Whole(0) {
        return Err(ExecutionError::function_error(operator, "division by zero"));
    }
    if let (Number::Whole(left), Number::Whole(right)) = (left, right)
        && let Some(whole) = wholes(operator, left, right)
    {
        return Ok(Number::Whole(whole));
    }
    let (left, right) = (left.real(), right.real());
    let result = match operator {
        operators::ADD => left + right,
        operators::SUBSTRACT => left - right,
        operators::MULTIPLY => left * right,
        operators::DIVIDE => left / right,
        _ => left.rem_euclid(right),
    };
    if result.is_finite() {
        return Ok(Number::of_real(result));
    }
    Err(ExecutionError::function_error(operator, "the result is too large"))
}

/// Calculates on whole numbers; `None` where the result is a fraction, or no longer exact in 64 bits.
fn wholes(operator: &str, left: i128, right: i128) -> Option<i128> {
    let result = match operator {
        operators::ADD => left.checked_add(right),
        operators::SUBSTRACT => left.checked_sub(right),
        operators::MULTIPLY => left.checked_mul(right),
        operators::DIVIDE => left.checked_rem(right).filter(|rest| *rest == 0).and_then(|_| left.checked_div(right)),
        _ => left.checked_rem_euclid(right),
    };
    result.filter(|whole| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(whole))
}

/// Leaves texts, lists, times and durations to CEL.
fn others<'b, 'v>(
    operator: &str,
    left: &(dyn Val + 'v),
    right: &(dyn Val + 'v),
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let unfit = || {
        let types = [left, right].map(|value| value.get_type().name().to_owned());
        ExecutionError::no_such_overload(operator, types.to_vec())
    };
    let result = match operator {
        operators::ADD => left.as_adder().map(|adder| adder.add(right)),
        operators::SUBSTRACT => left.as_subtractor().map(|subtractor| subtractor.sub(right)),
        operators::MULTIPLY => left.as_multiplier().map(|multiplier| multiplier.mul(right)),
        operators::DIVIDE => left.as_divider().map(|divider| divider.div(right)),
        _ => left.as_modder().map(|modder| modder.modulo(right)),
    };
    match result.ok_or_else(unfit)? {
        Ok(value) => Ok(CowVal::Owned(value.into_owned())),
        Err(error @ ExecutionError::Overflow(..)) => Err(error),
        Err(_) => Err(unfit()),
    }
}

fn negate<'b, 'v>(args: &[CowVal<'b, 'v>]) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let Some(value) = args.first() else { return Err(ExecutionError::no_such_overload(operators::NEGATE, Vec::new())) };
    match Number::of(value.as_ref()) {
        Some(number) => Ok(CowVal::Owned(numbers(operators::SUBSTRACT, Number::Whole(0), number)?.into_value())),
        None => match value.as_negator() {
            Some(negator) => Ok(CowVal::Owned(negator.negate()?)),
            None => {
                let name = value.get_type().name().to_owned();
                Err(ExecutionError::no_such_overload(operators::NEGATE, vec![name]))
            }
        },
    }
}
