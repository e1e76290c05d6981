//! One language for every filter and condition: CEL over one event (pure).
//!
//! An expression looks at `type`, `payload`, `metadata`, `room`, `entity` (the cached entity after the event, or
//! null), `before` (the same before it) and `correlated` (whether the event belongs to this run). Beside CEL's own
//! functions there are `seconds(n)`, `minutes(n)`,
//! `hours(n)` and `days(n)`, which make durations, and `world_date(time)`, which reads a world time in the
//! campaign's own calendar. Where the owner of an expression declares them, `$name` stands for a value.
//!
//! Numbers are of one sort: whole numbers and fractions mix (see `numbers`).
//!
//! What is misspelt is an error when the expression is read, not a silent “false” (see `check`). What is
//! *missing* when it runs, an optional field of this event or an entity that is not cached, makes it false,
//! as if it had been asked for with `has()`; that includes `!(payload.missing == 1)`. A mistake of types
//! is [`MatchResult::Error`].
//!
//! A judge must not take a misspelt name for “false”: [`Expr::bind`] checks variables and computed values against the
//! names in use, and makes a [`MatchResult::Error`] of whatever is missing although nobody can know whether its
//! name is right.

mod check;
mod constants;
mod error;
mod eval;
mod functions;
mod names;
mod narrow;
mod numbers;
mod path;
mod scan;
mod schema;
#[cfg(test)]
mod tests;
mod ty;
mod view;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use self::check::CheckContext;
pub use self::error::ExprError;
pub use self::names::KnownNames;
pub use self::view::{EventView, Vars};

/// A checked expression; clones share it.
#[derive(Clone)]
pub struct Expr(Arc<ExprInner>);

struct ExprInner {
    source: String,
    declared: Vec<String>,
    is_condition: bool,
    program: eval::Program,
    clauses: Vec<eval::Program>,
}

/// Whether an event fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchResult {
    /// It fits.
    True,
    /// It does not fit.
    False,
    /// It cannot be told: types do not go together, or something is missing that had to be there. The sentence says
    /// which.
    Error(String),
}

/// Explains one part of a conjunction for one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// The part, as it is written.
    pub source: String,
    /// Whether it holds.
    pub verdict: MatchResult,
    /// What the names in the clause stood for; `None` for what this event does not have.
    pub values: Vec<(String, Option<Value>)>,
}

impl Expr {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// [`ExprError`] with the place of the first fault.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        Self::parse_with(source, &[])
    }

    /// Reads a condition that may use the variables named in `declared` as `$name`.
    ///
    /// # Errors
    /// [`ExprError`] with the place of the first fault.
    pub fn parse_with(source: &str, declared: &[String]) -> Result<Self, ExprError> {
        let program = eval::Program::compile(source)?;
        check::condition(program.expression(), program.info(), source, CheckContext { declared, names: None })?;
        // The parts of a sound conjunction are sound; one that is not is explained as a whole.
        let clauses = scan::clauses(source).into_iter().map(eval::Program::compile).collect::<Result<Vec<_>, _>>();
        let clauses = clauses.or_else(|_| compile_single(source))?;
        let (source, declared) = (source.to_owned(), declared.to_vec());
        Ok(Self(Arc::new(ExprInner { source, declared, is_condition: true, program, clauses })))
    }

    /// Reads an expression that yields a value, for [`Expr::evaluate`].
    ///
    /// # Errors
    /// [`ExprError`] with the place of the first fault.
    pub fn value(source: &str, declared: &[String]) -> Result<Self, ExprError> {
        let program = eval::Program::compile(source)?;
        check::value(program.expression(), program.info(), source, CheckContext { declared, names: None })?;
        let (source, declared) = (source.to_owned(), declared.to_vec());
        Ok(Self(Arc::new(ExprInner { source, declared, is_condition: false, program, clauses: Vec::new() })))
    }

    /// Returns the same expression for a judge, who must not take a misspelt name for “false”.
    ///
    /// Variables and computed values are checked against `names`; without any, no entity can be asked for. What is
    /// missing in an event although nobody can know whether its name is right, is an error unless `has()` was asked.
    ///
    /// # Errors
    /// [`ExprError`] with the place of the first name that is not in use.
    pub fn bind(&self, names: Option<&KnownNames>) -> Result<Self, ExprError> {
        let source = self.source();
        let mut program = eval::Program::compile(source)?;
        let check = if self.0.is_condition { check::condition } else { check::value };
        let surroundings = CheckContext { declared: &self.0.declared, names };
        let unknown = check(program.expression(), program.info(), source, surroundings)?;
        program.require(&unknown);
        let clauses = scan::clauses(source).into_iter().filter(|_| self.0.is_condition).map(eval::Program::compile);
        let clauses = clauses.collect::<Result<Vec<_>, _>>().or_else(|_| compile_single(source))?;
        let (source, declared) = (source.to_owned(), self.0.declared.clone());
        Ok(Self(Arc::new(ExprInner { source, declared, is_condition: self.0.is_condition, program, clauses })))
    }

    /// Returns the expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Returns the `$names` the expression uses.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        variables(&self.0.source)
    }

    /// Returns whether the expression needs [`EventView::with_entity`].
    #[must_use]
    pub fn uses_entities(&self) -> bool {
        self.0.program.uses_root("entity") || self.0.program.uses_root("before")
    }

    /// Returns whether the expression may speak of variables or computed values by their names.
    #[must_use]
    pub fn uses_names(&self) -> bool {
        ["variable", "computed"].iter().any(|word| self.0.source.contains(word))
    }

    /// Returns whether the expression asks if an event belongs to this run.
    #[must_use]
    pub fn uses_correlation(&self) -> bool {
        self.0.program.uses_root("correlated")
    }

    /// Returns whether an event fits.
    #[must_use]
    pub fn matches(&self, event: &EventView<'_>) -> MatchResult {
        self.0.program.evaluate_match(event)
    }

    /// Returns whether an event fits, an error counting as no.
    #[must_use]
    pub fn holds(&self, event: &EventView<'_>) -> bool {
        self.matches(event) == MatchResult::True
    }

    /// Returns the value the expression has for an event; `None` where something is missing.
    ///
    /// # Errors
    /// A sentence when the expression mixes types that do not go together.
    pub fn evaluate(&self, event: &EventView<'_>) -> Result<Option<Value>, String> {
        self.0.program.value(event)
    }

    /// Explains every part of a conjunction for an event, in the order in which they are written.
    #[must_use]
    pub fn explain(&self, event: &EventView<'_>) -> Vec<Clause> {
        self.0.clauses.iter().map(|clause| clause.explain(event)).collect()
    }
}

fn compile_single(source: &str) -> Result<Vec<eval::Program>, ExprError> {
    eval::Program::compile(source).map(|compile_single| vec![compile_single])
}

/// Returns the `$names` an expression uses, without reading it.
#[must_use]
pub fn variables(source: &str) -> Vec<&str> {
    scan::names(source)
}

impl std::str::FromStr for Expr {
    type Err = ExprError;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        Self::parse(source)
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({:?})", self.0.source)
    }
}
