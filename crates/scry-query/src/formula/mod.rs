//! The language of a world's rules: how values and conditions follow from variables (pure).
//!
//! A formula is written in CEL's grammar, `round(population * level / 100)`, and read by rules that suit a
//! table: there is one sort of number, so that `5 / 2` is 2.5 and `3` equals `3.0`. A result is rounded to
//! nine decimals, and a whole one is written without a point. What cannot be worked out (a missing
//! variable, a division by zero) is a [`EvalError`], never a guess.
//!
//! A rule sees the variables, `name`, `level` and `type` of its entity, the results of other rules on it,
//! `structures.NAME` of a settlement's structures, `settlement.NAME` of a structure's settlement, and the
//! campaign's clock by functions such as `first_of_next_month()`.

mod check;
mod eval;
mod functions;
mod order;
mod rule;
mod rule_set;
mod template;
#[cfg(test)]
mod tests;
mod value;

use cel::common::ast::IdedExpr;
use serde_json::{Map, Value};

pub use check::Dependencies;
pub use rule::{Computed, Condition, Derived, Rule, RuleKind, RuleOutcome};
pub use rule_set::{RuleError, RuleResults, RuleSet, SettlementFacts};
pub use template::FormulaTemplate;

use scry_calendar::{Calendar, WorldTime};
use value::Val;

/// What is known about one entity by name.
pub type Facts = Map<String, Value>;

/// Returns what is known of an entity before the rules; its own fields go before variables of the same name.
#[must_use]
pub fn facts(name: &str, level: i64, structure_type: Option<&str>, variables: &Facts) -> Facts {
    let mut facts = variables.clone();
    facts.insert("name".to_owned(), name.into());
    facts.insert("level".to_owned(), level.into());
    if let Some(kind) = structure_type {
        facts.insert("type".to_owned(), kind.into());
    }
    facts
}

/// Bounds a formula's text.
const MAX_FORMULA_BYTES: usize = 2_000;

/// A formula that can be read.
#[derive(Debug)]
pub struct Formula {
    source: String,
    root: IdedExpr,
    dependencies: Dependencies,
}

/// What a formula may look at.
#[derive(Clone, Copy)]
pub struct EvalScope<'a> {
    /// The entity's own values.
    pub own: &'a Facts,
    /// Of a settlement.
    pub structures: &'a [Facts],
    /// Of a structure.
    pub settlement: Option<&'a Facts>,
    /// The campaign's time.
    pub clock: WorldClock<'a>,
}

/// Tells a campaign's time.
#[derive(Clone, Copy)]
pub struct WorldClock<'a> {
    /// The campaign's calendar.
    pub calendar: &'a Calendar,
    /// Where its clock stands.
    pub now: WorldTime,
}

/// Why a formula has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A name that stands for nothing on this entity, or for a rule without a result.
    #[error("{0} has no value")]
    Absent(String),
    /// Arithmetic without a result, such as a division by zero.
    #[error("{0}")]
    Undefined(String),
    /// Types that do not go together: a fault of the formula.
    #[error("{0}")]
    Mistake(String),
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and where.
    pub fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_FORMULA_BYTES {
            return Err(format!("a formula has at most {MAX_FORMULA_BYTES} bytes"));
        }
        let program = cel::Program::compile(source).map_err(|errors| syntax(&errors))?;
        let root = program.expression().clone();
        let dependencies = check::dependencies(&root)?;
        Ok(Self { source: source.to_owned(), root, dependencies })
    }

    /// Returns the formula as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns what the formula looks at.
    #[must_use]
    pub const fn dependencies(&self) -> &Dependencies {
        &self.dependencies
    }

    /// Works the formula out.
    ///
    /// # Errors
    /// [`EvalError`] when it has no value.
    pub fn evaluate(&self, scope: &EvalScope<'_>) -> Result<Value, EvalError> {
        eval::evaluate(&self.root, scope)?.into_json()
    }

    /// Works out whether a condition holds.
    ///
    /// # Errors
    /// [`EvalError`] when that cannot be told.
    pub fn holds(&self, scope: &EvalScope<'_>) -> Result<bool, EvalError> {
        let value = eval::evaluate(&self.root, scope)?;
        if let Val::Flag(flag) = value {
            return Ok(flag);
        }
        Err(EvalError::Mistake(format!("a condition is true or false, not {}", value.describe())))
    }
}

fn syntax(errors: &cel::ParseErrors) -> String {
    let Some(first) = errors.errors.first() else { return "cannot be read".to_owned() };
    let sentence = first.msg.lines().next().unwrap_or_default();
    format!("cannot be read at character {}: {sentence}", first.pos.1)
}
