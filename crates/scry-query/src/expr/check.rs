//! Finds at the start what would otherwise be a silent “false” forever.
//!
//! Walks an expression with what is known about events. `type == "…"` on one side of `&&` narrows which
//! events the other side can see, so `payload` is checked against these. Where the type stays open, a
//! field is right if any of the five events has it. Payloads of other events are not known: name their
//! type, and everything is allowed.

mod words;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, SelectExpr, SourceInfo, operators};
use scry_text::suggest::nearest;

use super::constants;
use super::error::ExprError;
use super::functions::{self, GLOBAL, METHODS, Returns};
use super::names::KnownNames;
use super::narrow::{facts, guards, text_literal};
use super::schema::{self, FieldSchema, PAYLOADS, Types, ValueShape};
use super::ty::{Ty, literal_type};

/// What an expression may look at.
pub(super) const ROOTS: [&str; 7] = ["type", "payload", "metadata", "room", "entity", "before", "correlated"];
const TYPE_NAMES: [&str; 11] =
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type", "optional_type"];

/// What an expression is checked against.
#[derive(Clone, Copy)]
pub(super) struct CheckContext<'a> {
    /// The names usable as `$name`.
    pub declared: &'a [String],
    /// The names of variables and computed values; `None` where no entities can be asked for.
    pub names: Option<&'a KnownNames>,
}

/// Checks a whole condition; returns the nodes of which nobody can know whether an event has what they look for.
pub(super) fn condition(
    root: &IdedExpr,
    info: &SourceInfo,
    source: &str,
    surroundings: CheckContext<'_>,
) -> Result<BTreeSet<u64>, ExprError> {
    let checker = Checker { info, source, surroundings, unknown: RefCell::default() };
    let ty = checker.infer(root, &TypeScope::default())?;
    if ty.may_be_bool() {
        return Ok(checker.unknown.into_inner());
    }
    let message = format!("this is {}, not a condition; compare it with something", ty.describe());
    Err(ExprError::new(message, source, 0..source.len()))
}

/// Checks an expression that yields a value rather than a condition; returns the same.
pub(super) fn value(
    root: &IdedExpr,
    info: &SourceInfo,
    source: &str,
    surroundings: CheckContext<'_>,
) -> Result<BTreeSet<u64>, ExprError> {
    let checker = Checker { info, source, surroundings, unknown: RefCell::default() };
    checker.infer(root, &TypeScope::default())?;
    Ok(checker.unknown.into_inner())
}

struct Checker<'a> {
    info: &'a SourceInfo,
    source: &'a str,
    surroundings: CheckContext<'a>,
    unknown: RefCell<BTreeSet<u64>>,
}

#[derive(Clone)]
struct TypeScope<'a> {
    types: Types,
    bound: HashMap<&'a str, Ty>,
    /// What `has()` has been asked for, as dotted names.
    guarded: BTreeSet<String>,
}

impl Default for TypeScope<'_> {
    fn default() -> Self {
        Self { types: Types::ALL, bound: HashMap::new(), guarded: BTreeSet::new() }
    }
}

impl TypeScope<'_> {
    /// Returns the scope beside a condition that holds, or does not.
    fn beside(&self, condition: &IdedExpr, holds: bool) -> Self {
        let facts = facts(condition);
        Self {
            types: self.types.and(if holds { facts.yes } else { facts.no }),
            bound: self.bound.clone(),
            guarded: &self.guarded | &guards(condition, holds),
        }
    }
}

impl<'a> Checker<'a> {
    fn infer(&self, expr: &'a IdedExpr, scope: &TypeScope<'a>) -> Result<Ty, ExprError> {
        match &expr.expr {
            Expr::Literal(literal) => Ok(literal_type(literal)),
            Expr::Ident(name) => self.ident(expr, name, scope),
            Expr::Select(select) => self.select(expr, select, scope),
            Expr::Call(call) => self.call(expr, call, scope),
            Expr::Comprehension(loops) => self.comprehension(loops, scope),
            Expr::List(list) => {
                for element in &list.elements {
                    self.infer(element, scope)?;
                }
                Ok(Ty::List(Box::new(Ty::Any)))
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.infer(&entry.key, scope)?;
                        self.infer(&entry.value, scope)?;
                    }
                }
                Ok(Ty::Any)
            }
            Expr::Struct(_) | Expr::Unspecified => Ok(Ty::Any),
        }
    }

    fn ident(&self, expr: &IdedExpr, name: &str, scope: &TypeScope<'a>) -> Result<Ty, ExprError> {
        if let Some(bound) = scope.bound.get(name) {
            return Ok(bound.clone());
        }
        match name {
            "type" => return Ok(Ty::EventType),
            "room" => return Ok(Ty::Text),
            "correlated" => return Ok(Ty::Bool),
            // What another application's events say is its own affair.
            "metadata" | "payload" if scope.types.only_other() => {
                self.note_unknown(expr);
                return Ok(Ty::Any);
            }
            "metadata" => return Ok(record("metadata", vec![schema::METADATA])),
            "entity" | "before" => {
                if self.surroundings.names.is_none() {
                    self.note_unknown(expr);
                }
                return Ok(record(name, vec![schema::ENTITY]));
            }
            "payload" => return Ok(record(&payload_owner(scope.types), scope.types.payloads())),
            _ if name.starts_with('@') || TYPE_NAMES.contains(&name) => return Ok(Ty::Any),
            _ => {}
        }
        if let Some(variable) = name.strip_prefix('_').filter(|_| self.text_of(expr).starts_with('$')) {
            return self.variable(expr, variable);
        }
        let payload_field = PAYLOADS.iter().flat_map(|fields| fields.iter()).any(|(field, _)| *field == name);
        let remedy = if payload_field {
            format!("write “payload.{name}”")
        } else if schema::METADATA.iter().any(|(field, _)| *field == name) {
            format!("write “metadata.{name}”")
        } else if let Some(near) = nearest(name, ROOTS) {
            format!("did you mean “{near}”?")
        } else {
            format!("an expression looks at {}; a text is written in quotes", ROOTS.join(", "))
        };
        Err(self.error(expr, format!("unknown name “{name}”; {remedy}")))
    }

    fn variable(&self, expr: &IdedExpr, name: &str) -> Result<Ty, ExprError> {
        if self.surroundings.declared.iter().any(|declared| declared == name) {
            return Ok(Ty::Any);
        }
        let known = self.surroundings.declared.iter().map(String::as_str);
        let remedy = match nearest(name, known) {
            Some(near) => format!("did you mean “${near}”?"),
            None if self.surroundings.declared.is_empty() => "no variable or capture is set here".to_owned(),
            None => format!("known here are ${}", self.surroundings.declared.join(", $")),
        };
        Err(self.error(expr, format!("unknown variable “${name}”; {remedy}")))
    }

    fn select(&self, expr: &IdedExpr, select: &'a SelectExpr, scope: &TypeScope<'a>) -> Result<Ty, ExprError> {
        let operand = self.infer(&select.operand, scope)?;
        let ty = self.field(expr, &operand, &select.field, select.test, scope)?;
        Ok(if select.test { Ty::Bool } else { ty })
    }

    /// Notes that an event need not have what is looked for here, and that nobody can say whether the name is right.
    fn note_unknown(&self, expr: &IdedExpr) {
        self.unknown.borrow_mut().insert(expr.id);
    }

    fn field(
        &self,
        expr: &IdedExpr,
        operand: &Ty,
        field: &str,
        test: bool,
        scope: &TypeScope<'a>,
    ) -> Result<Ty, ExprError> {
        if let Ty::Names { kind, owner, types } = operand {
            return self.name(expr, (*kind, owner, *types), field, test, scope);
        }
        let Ty::Record { owner, alternatives } = operand else {
            if operand.is_open() {
                self.note_unknown(expr);
                return Ok(Ty::Any);
            }
            return Err(self.field_error(expr, field, format!("{} has no field “{field}”", operand.describe())));
        };
        let shapes: Vec<&'static ValueShape> = alternatives
            .iter()
            .flat_map(|fields| fields.iter())
            .filter(|(name, _)| *name == field)
            .map(|(_, shape)| shape)
            .collect();
        match shapes.as_slice() {
            [] => Err(self.unknown_field(expr, owner, alternatives, field)),
            [first, rest @ ..] if rest.iter().all(|shape| shape == first) => {
                Ok(Ty::of(first, &format!("{owner}.{field}")).seen_by(scope.types))
            }
            _ => Ok(Ty::Any),
        }
    }

    fn call(&self, expr: &'a IdedExpr, call: &'a CallExpr, scope: &TypeScope<'a>) -> Result<Ty, ExprError> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => {
                let (left, right) = (facts(a), facts(b));
                if !scope.types.is_none() && scope.types.and(left.yes).and(right.yes).is_none() {
                    return Err(self.error(expr, "this can never hold: no event has both types"));
                }
                self.expect_bool(a, &scope.beside(b, true))?;
                self.expect_bool(b, &scope.beside(a, true))?;
                Ok(Ty::Bool)
            }
            (operators::LOGICAL_OR, [a, b]) => {
                self.expect_bool(a, &scope.beside(b, false))?;
                self.expect_bool(b, &scope.beside(a, false))?;
                Ok(Ty::Bool)
            }
            (operators::LOGICAL_NOT, [a]) => self.expect_bool(a, scope).map(|()| Ty::Bool),
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                self.expect_bool(condition, scope)?;
                let then = self.infer(then, &scope.beside(condition, true))?;
                let otherwise = self.infer(otherwise, &scope.beside(condition, false))?;
                Ok(if then == otherwise { then } else { Ty::Any })
            }
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => self.equality(expr, a, b, scope),
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, [a, b]) => {
                self.order(expr, a, b, scope)
            }
            (operators::IN, [a, b]) => self.membership(expr, a, b, scope),
            (operators::INDEX, [a, b]) => self.index(expr, a, b, scope),
            (operators::NOT_STRICTLY_FALSE, [a]) => self.infer(a, scope).map(|_| Ty::Bool),
            (name, args) if is_operator(name) => {
                for arg in args {
                    self.infer(arg, scope)?;
                }
                match args {
                    [_, divisor] if constants::divides_by_zero(name, divisor) => {
                        Err(self.error(divisor, "division by zero"))
                    }
                    _ => Ok(Ty::Any),
                }
            }
            (name, args) => self.function(expr, name, call.target.as_deref(), args, scope),
        }
    }

    fn expect_bool(&self, expr: &'a IdedExpr, scope: &TypeScope<'a>) -> Result<(), ExprError> {
        let ty = self.infer(expr, scope)?;
        if ty.may_be_bool() {
            return Ok(());
        }
        Err(self.error(expr, format!("this is {}; true or false is needed here", ty.describe())))
    }

    fn equality(
        &self,
        expr: &IdedExpr,
        a: &'a IdedExpr,
        b: &'a IdedExpr,
        scope: &TypeScope<'a>,
    ) -> Result<Ty, ExprError> {
        let (left, right) = (self.infer(a, scope)?, self.infer(b, scope)?);
        if !left.is_comparable_with(&right) {
            let message = format!("{} and {} are never equal", left.describe(), right.describe());
            return Err(self.error(expr, message));
        }
        self.word(&left, b)?;
        self.word(&right, a)?;
        Ok(Ty::Bool)
    }

    fn order(&self, expr: &IdedExpr, a: &'a IdedExpr, b: &'a IdedExpr, scope: &TypeScope<'a>) -> Result<Ty, ExprError> {
        let (left, right) = (self.infer(a, scope)?, self.infer(b, scope)?);
        if left.is_comparable_with(&right) {
            return Ok(Ty::Bool);
        }
        Err(self.error(expr, format!("{} cannot be ordered against {}", left.describe(), right.describe())))
    }

    fn membership(
        &self,
        expr: &IdedExpr,
        a: &'a IdedExpr,
        b: &'a IdedExpr,
        scope: &TypeScope<'a>,
    ) -> Result<Ty, ExprError> {
        let item = self.infer(a, scope)?;
        if let Expr::List(list) = &b.expr {
            list.elements.iter().try_for_each(|element| self.word(&item, element))?;
        }
        let container = self.infer(b, scope)?;
        if let Ty::List(of) = container {
            if !of.is_comparable_with(&item) {
                let message = format!("a list of which every item is {} never has {}", of.describe(), item.describe());
                return Err(self.error(expr, message));
            }
            return self.word(&of, a).map(|()| Ty::Bool);
        }
        if container.is_open() || matches!(container, Ty::Record { .. } | Ty::Names { .. }) {
            return Ok(Ty::Bool);
        }
        let remedy = match container.describe() {
            "a text" => "for a part of a text write text.contains(part)".to_owned(),
            other => format!("this is {other}"),
        };
        Err(self.error(expr, format!("“in” looks into a list; {remedy}")))
    }

    fn index(&self, expr: &IdedExpr, a: &'a IdedExpr, b: &'a IdedExpr, scope: &TypeScope<'a>) -> Result<Ty, ExprError> {
        let operand = self.infer(a, scope)?;
        self.infer(b, scope)?;
        if let Ty::List(item) = operand {
            return Ok(*item);
        }
        match text_literal(b) {
            Some(field) if matches!(operand, Ty::Record { .. }) => self.field(b, &operand, field, false, scope),
            Some(field) if matches!(operand, Ty::Names { .. }) => {
                let found = self.field(b, &operand, field, false, scope)?;
                if self.unknown.borrow_mut().remove(&b.id) {
                    self.note_unknown(expr);
                }
                Ok(found)
            }
            Some(_) | None => {
                if operand.is_open() {
                    self.note_unknown(expr);
                }
                Ok(Ty::Any)
            }
        }
    }

    fn function(
        &self,
        expr: &IdedExpr,
        name: &str,
        target: Option<&'a IdedExpr>,
        args: &'a [IdedExpr],
        scope: &TypeScope<'a>,
    ) -> Result<Ty, ExprError> {
        let known = if target.is_some() { METHODS } else { GLOBAL };
        let Some((_, returns)) = known.iter().find(|(known, _)| *known == name) else {
            return Err(self.unknown_function(expr, name, known));
        };
        if let Some(target) = target {
            self.infer(target, scope)?;
        }
        for arg in args {
            self.infer(arg, scope)?;
        }
        if let Some((literal, message)) = constants::find_error(name, target, args) {
            return Err(self.error(literal, message));
        }
        Ok(match returns {
            Returns::Bool => Ty::Bool,
            Returns::Number => Ty::Number,
            Returns::Text => Ty::Text,
            Returns::Duration => Ty::Duration,
            Returns::Time => Ty::Time,
            Returns::WorldDate => record(functions::WORLD_DATE, vec![schema::WORLD_DATE]),
            Returns::Other => Ty::Any,
        })
    }

    fn comprehension(&self, loops: &'a ComprehensionExpr, scope: &TypeScope<'a>) -> Result<Ty, ExprError> {
        if ROOTS.contains(&loops.iter_var.as_str()) {
            let message = format!("“{0}” is the event's own {0}; give the loop's item another name", loops.iter_var);
            return Err(self.error(&loops.iter_range, message));
        }
        let range = self.infer(&loops.iter_range, scope)?;
        let item = if let Ty::List(item) = range { *item } else { Ty::Any };
        let mut inner = scope.clone();
        inner.bound.insert(&loops.iter_var, item);
        if let Some(second) = &loops.iter_var2 {
            inner.bound.insert(second, Ty::Any);
        }
        inner.bound.insert(&loops.accu_var, Ty::Any);
        self.infer(&loops.loop_cond, &inner)?;
        self.infer(&loops.loop_step, &inner)?;
        self.infer(&loops.result, &inner)
    }

    fn error(&self, expr: &IdedExpr, message: impl Into<String>) -> ExprError {
        let (start, end) = self.offset(expr);
        ExprError::new(message, self.source, start..end)
    }

    /// Points at a field's name; the parser places a selection at its dot or bracket.
    fn field_error(&self, expr: &IdedExpr, field: &str, message: String) -> ExprError {
        let from = self.offset(expr).0;
        let start = self.source.get(from..).and_then(|rest| rest.find(field)).map_or(from, |at| from + at);
        ExprError::new(message, self.source, start..start + field.len())
    }

    fn text_of(&self, expr: &IdedExpr) -> &'a str {
        let (start, end) = self.offset(expr);
        self.source.get(start..end).unwrap_or_default()
    }

    fn offset(&self, expr: &IdedExpr) -> (usize, usize) {
        let (start, last) = self.info.offset_for(expr.id).unwrap_or_default();
        (start as usize, last as usize + 1)
    }
}

fn is_operator(name: &str) -> bool {
    name.contains('_') && !name.chars().any(char::is_alphanumeric) || name.starts_with('@')
}

fn payload_owner(types: Types) -> String {
    if types == Types::ALL {
        return "the payload of any event".to_owned();
    }
    let names: Vec<&str> = types.names().collect();
    format!("payload of {}", names.join(", "))
}

fn record(owner: &str, alternatives: Vec<&'static [FieldSchema]>) -> Ty {
    Ty::Record { owner: owner.to_owned(), alternatives }
}
