//! Finds at the start what would otherwise be a silent “false” forever.
//!
//! Walks an expression with what is known about events. `type == "…"` on one side of `&&` narrows which
//! events the other side can see, so `payload` is checked against these. Where the type stays open, a
//! field is right if any of the five events has it. Payloads of other events are not known: name their
//! type, and everything is allowed.

use std::collections::HashMap;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};

use super::error::ExprError;
use super::functions::{self, GLOBAL, METHODS, Returns};
use super::narrow::{facts, text_literal};
use super::schema::{self, Field, PAYLOADS, Shape, Types};
use crate::protocol::event::DURABLE;
use crate::suggest::nearest;

/// Names what an expression may look at.
pub(super) const ROOTS: [&str; 6] = ["type", "payload", "metadata", "room", "entity", "before"];
const TYPE_NAMES: [&str; 11] =
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type", "optional_type"];

/// Checks a whole condition; `declared` are the names usable as `$name`.
pub(super) fn condition(
    root: &IdedExpr,
    info: &SourceInfo,
    source: &str,
    declared: &[String],
) -> Result<(), ExprError> {
    let checker = Checker { info, source, declared };
    let scope = Scope { types: Types::ALL, bound: HashMap::new() };
    let ty = checker.infer(root, &scope)?;
    if ty.may_be_bool() {
        return Ok(());
    }
    let message = format!("this is {}, not a condition; compare it with something", ty.describe());
    Err(ExprError::new(message, source, 0..source.len()))
}

/// Checks an expression that yields a value rather than a condition.
pub(super) fn value(root: &IdedExpr, info: &SourceInfo, source: &str, declared: &[String]) -> Result<(), ExprError> {
    let scope = Scope { types: Types::ALL, bound: HashMap::new() };
    Checker { info, source, declared }.infer(root, &scope).map(|_| ())
}

/// Describes what an expression yields, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ty {
    Any,
    Null,
    Bool,
    Number,
    Text,
    Words {
        words: &'static [&'static str],
        closed: bool,
    },
    Duration,
    Time,
    List(Box<Ty>),
    /// A record that has the fields of at least one of these.
    Record {
        owner: String,
        alternatives: Vec<&'static [Field]>,
    },
    /// The name of the event.
    EventType,
}

impl Ty {
    fn of(shape: &'static Shape, owner: &str) -> Self {
        match shape {
            Shape::Any => Self::Any,
            Shape::Bool => Self::Bool,
            Shape::Number => Self::Number,
            Shape::Text => Self::Text,
            Shape::Words(words) => Self::Words { words, closed: true },
            Shape::UsualWords(words) => Self::Words { words, closed: false },
            Shape::List(item) => Self::List(Box::new(Self::of(item, owner))),
            Shape::Record(fields) => Self::Record { owner: owner.to_owned(), alternatives: vec![fields] },
        }
    }

    const fn describe(&self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text | Self::Words { .. } | Self::EventType => "a text",
            Self::Duration => "a duration",
            Self::Time => "a time",
            Self::List(_) => "a list",
            Self::Record { .. } => "a record",
        }
    }

    /// Returns the words such a text may be, and whether there are no others.
    const fn words(&self) -> Option<(&'static [&'static str], bool)> {
        match self {
            Self::Words { words, closed } => Some((words, *closed)),
            Self::EventType => Some((&DURABLE, false)),
            Self::Any
            | Self::Null
            | Self::Bool
            | Self::Number
            | Self::Text
            | Self::Duration
            | Self::Time
            | Self::List(_)
            | Self::Record { .. } => None,
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self, Self::Any | Self::Null)
    }

    const fn may_be_bool(&self) -> bool {
        matches!(self, Self::Any | Self::Bool)
    }

    /// Tells whether a value of this kind can ever equal one of the other.
    fn comparable(&self, other: &Self) -> bool {
        self.is_open() || other.is_open() || self.describe() == other.describe()
    }
}

struct Checker<'a> {
    info: &'a SourceInfo,
    source: &'a str,
    declared: &'a [String],
}

#[derive(Clone)]
struct Scope<'a> {
    types: Types,
    bound: HashMap<&'a str, Ty>,
}

impl<'a> Scope<'a> {
    fn narrowed(&self, types: Types) -> Self {
        Self { types: self.types.and(types), bound: self.bound.clone() }
    }
}

impl<'a> Checker<'a> {
    fn infer(&self, expr: &'a IdedExpr, scope: &Scope<'a>) -> Result<Ty, ExprError> {
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
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Ok(Ty::Any),
        }
    }

    fn ident(&self, expr: &IdedExpr, name: &str, scope: &Scope<'a>) -> Result<Ty, ExprError> {
        if let Some(bound) = scope.bound.get(name) {
            return Ok(bound.clone());
        }
        match name {
            "type" => return Ok(Ty::EventType),
            "room" => return Ok(Ty::Text),
            // What another application's events say is its own affair.
            "metadata" | "payload" if scope.types.only_other() => return Ok(Ty::Any),
            "metadata" => return Ok(record("metadata", vec![schema::METADATA])),
            "entity" | "before" => return Ok(record(name, vec![schema::ENTITY])),
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
        if self.declared.iter().any(|declared| declared == name) {
            return Ok(Ty::Any);
        }
        let known = self.declared.iter().map(String::as_str);
        let remedy = match nearest(name, known) {
            Some(near) => format!("did you mean “${near}”?"),
            None if self.declared.is_empty() => "no variable or capture is set here".to_owned(),
            None => format!("known here are ${}", self.declared.join(", $")),
        };
        Err(self.error(expr, format!("unknown variable “${name}”; {remedy}")))
    }

    fn select(&self, expr: &IdedExpr, select: &'a SelectExpr, scope: &Scope<'a>) -> Result<Ty, ExprError> {
        let operand = self.infer(&select.operand, scope)?;
        let ty = self.field(expr, &operand, &select.field)?;
        Ok(if select.test { Ty::Bool } else { ty })
    }

    fn field(&self, expr: &IdedExpr, operand: &Ty, field: &str) -> Result<Ty, ExprError> {
        let Ty::Record { owner, alternatives } = operand else {
            if operand.is_open() {
                return Ok(Ty::Any);
            }
            return Err(self.field_error(expr, field, format!("{} has no field “{field}”", operand.describe())));
        };
        let shapes: Vec<&'static Shape> = alternatives
            .iter()
            .flat_map(|fields| fields.iter())
            .filter(|(name, _)| *name == field)
            .map(|(_, shape)| shape)
            .collect();
        match shapes.as_slice() {
            [] => Err(self.unknown_field(expr, owner, alternatives, field)),
            [first, rest @ ..] if rest.iter().all(|shape| shape == first) => {
                Ok(Ty::of(first, &format!("{owner}.{field}")))
            }
            _ => Ok(Ty::Any),
        }
    }

    fn unknown_field(&self, expr: &IdedExpr, owner: &str, alternatives: &[&'static [Field]], field: &str) -> ExprError {
        let mut names: Vec<&str> =
            alternatives.iter().flat_map(|fields| fields.iter()).map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let elsewhere: Vec<&str> = DURABLE
            .iter()
            .zip(PAYLOADS)
            .filter(|(_, fields)| owner.starts_with("payload") && fields.iter().any(|(name, _)| *name == field))
            .map(|(event, _)| *event)
            .collect();
        let remedy = match nearest(field, names.iter().copied()) {
            Some(near) => format!("did you mean “{near}”?"),
            None if !elsewhere.is_empty() => format!("it belongs to {}", elsewhere.join(", ")),
            None if owner == "the payload of any event" => {
                format!("known are {}; for another event name its type first: type == \"…\" && …", names.join(", "))
            }
            None => format!("known are {}", names.join(", ")),
        };
        self.field_error(expr, field, format!("unknown field “{field}” in {owner}; {remedy}"))
    }

    fn call(&self, expr: &'a IdedExpr, call: &'a CallExpr, scope: &Scope<'a>) -> Result<Ty, ExprError> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => {
                let (left, right) = (facts(a), facts(b));
                if !scope.types.is_none() && scope.types.and(left.yes).and(right.yes).is_none() {
                    return Err(self.error(expr, "this can never hold: no event has both types"));
                }
                self.expect_bool(a, &scope.narrowed(right.yes))?;
                self.expect_bool(b, &scope.narrowed(left.yes))?;
                Ok(Ty::Bool)
            }
            (operators::LOGICAL_OR, [a, b]) => {
                let (left, right) = (facts(a), facts(b));
                self.expect_bool(a, &scope.narrowed(right.no))?;
                self.expect_bool(b, &scope.narrowed(left.no))?;
                Ok(Ty::Bool)
            }
            (operators::LOGICAL_NOT, [a]) => self.expect_bool(a, scope).map(|()| Ty::Bool),
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                self.expect_bool(condition, scope)?;
                let then = self.infer(then, &scope.narrowed(facts(condition).yes))?;
                let otherwise = self.infer(otherwise, &scope.narrowed(facts(condition).no))?;
                Ok(if then == otherwise { then } else { Ty::Any })
            }
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => self.equality(expr, a, b, scope),
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, [a, b]) => {
                self.order(expr, a, b, scope)
            }
            (operators::IN, [a, b]) => self.membership(expr, a, b, scope),
            (operators::INDEX, [a, b]) => self.index(a, b, scope),
            (operators::NOT_STRICTLY_FALSE, [a]) => self.infer(a, scope).map(|_| Ty::Bool),
            (name, args) if is_operator(name) => {
                for arg in args {
                    self.infer(arg, scope)?;
                }
                Ok(Ty::Any)
            }
            (name, args) => self.function(expr, name, call.target.as_deref(), args, scope),
        }
    }

    fn expect_bool(&self, expr: &'a IdedExpr, scope: &Scope<'a>) -> Result<(), ExprError> {
        let ty = self.infer(expr, scope)?;
        if ty.may_be_bool() {
            return Ok(());
        }
        Err(self.error(expr, format!("this is {}; true or false is needed here", ty.describe())))
    }

    fn equality(&self, expr: &IdedExpr, a: &'a IdedExpr, b: &'a IdedExpr, scope: &Scope<'a>) -> Result<Ty, ExprError> {
        let (left, right) = (self.infer(a, scope)?, self.infer(b, scope)?);
        if !left.comparable(&right) {
            let message = format!("{} and {} are never equal", left.describe(), right.describe());
            return Err(self.error(expr, message));
        }
        self.word(&left, b)?;
        self.word(&right, a)?;
        Ok(Ty::Bool)
    }

    fn order(&self, expr: &IdedExpr, a: &'a IdedExpr, b: &'a IdedExpr, scope: &Scope<'a>) -> Result<Ty, ExprError> {
        let (left, right) = (self.infer(a, scope)?, self.infer(b, scope)?);
        if left.comparable(&right) {
            return Ok(Ty::Bool);
        }
        Err(self.error(expr, format!("{} cannot be ordered against {}", left.describe(), right.describe())))
    }

    fn membership(
        &self,
        expr: &IdedExpr,
        a: &'a IdedExpr,
        b: &'a IdedExpr,
        scope: &Scope<'a>,
    ) -> Result<Ty, ExprError> {
        let item = self.infer(a, scope)?;
        if let Expr::List(list) = &b.expr {
            list.elements.iter().try_for_each(|element| self.word(&item, element))?;
        }
        let container = self.infer(b, scope)?;
        if let Ty::List(of) = container {
            if !of.comparable(&item) {
                let message = format!("a list of which every item is {} never has {}", of.describe(), item.describe());
                return Err(self.error(expr, message));
            }
            return self.word(&of, a).map(|()| Ty::Bool);
        }
        if container.is_open() || matches!(container, Ty::Record { .. }) {
            return Ok(Ty::Bool);
        }
        let remedy = match container.describe() {
            "a text" => "for a part of a text write text.contains(part)".to_owned(),
            other => format!("this is {other}"),
        };
        Err(self.error(expr, format!("“in” looks into a list; {remedy}")))
    }

    fn index(&self, a: &'a IdedExpr, b: &'a IdedExpr, scope: &Scope<'a>) -> Result<Ty, ExprError> {
        let operand = self.infer(a, scope)?;
        self.infer(b, scope)?;
        if let Ty::List(item) = operand {
            return Ok(*item);
        }
        match text_literal(b) {
            Some(field) if matches!(operand, Ty::Record { .. }) => self.field(b, &operand, field),
            Some(_) | None => Ok(Ty::Any),
        }
    }

    fn function(
        &self,
        expr: &IdedExpr,
        name: &str,
        target: Option<&'a IdedExpr>,
        args: &'a [IdedExpr],
        scope: &Scope<'a>,
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

    fn unknown_function(&self, expr: &IdedExpr, name: &str, known: &[(&'static str, Returns)]) -> ExprError {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).chain(functions::MACROS.iter().copied()).collect();
        let remedy = nearest(name, names.iter().copied())
            .map_or_else(|| format!("known are {}", names.join(", ")), |near| format!("did you mean “{near}”?"));
        // The parser places a call at its opening bracket; the name stands before it.
        let bracket = self.offset(expr).0;
        let start = bracket.saturating_sub(name.len());
        ExprError::new(format!("unknown function “{name}”; {remedy}"), self.source, start..bracket)
    }

    fn comprehension(&self, loops: &'a ComprehensionExpr, scope: &Scope<'a>) -> Result<Ty, ExprError> {
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

    /// Checks a literal against the words a field may hold.
    fn word(&self, ty: &Ty, literal: &IdedExpr) -> Result<(), ExprError> {
        let Some(text) = text_literal(literal) else { return Ok(()) };
        let Some((words, closed)) = ty.words() else { return Ok(()) };
        if words.contains(&text) {
            return Ok(());
        }
        match nearest(text, words.iter().copied()) {
            Some(near) => {
                let escape = if closed { "" } else { " (If it is meant so, write it as matches(…, \"^…$\").)" };
                Err(self.error(literal, format!("unknown word “{text}”; did you mean “{near}”?{escape}")))
            }
            None if closed => Err(self.error(literal, format!("it is never “{text}”; known are {}", words.join(", ")))),
            None => Ok(()),
        }
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

fn literal_type(literal: &LiteralValue) -> Ty {
    match literal {
        LiteralValue::Boolean(_) => Ty::Bool,
        LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Ty::Number,
        LiteralValue::Null => Ty::Null,
        LiteralValue::String(_) => Ty::Text,
        LiteralValue::Bytes(_) => Ty::Any,
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

fn record(owner: &str, alternatives: Vec<&'static [Field]>) -> Ty {
    Ty::Record { owner: owner.to_owned(), alternatives }
}
