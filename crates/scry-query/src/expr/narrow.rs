//! Which events are still possible at a point of an expression.

use std::collections::BTreeSet;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

use super::schema::Types;

/// Which event types are possible where a condition holds, and where it does not.
pub(super) struct TypeFacts {
    pub(super) yes: Types,
    pub(super) no: Types,
}

/// Reads what a condition says about the event type.
pub(super) fn facts(expr: &IdedExpr) -> TypeFacts {
    let unknown = TypeFacts { yes: Types::ALL, no: Types::ALL };
    let Expr::Call(call) = &expr.expr else { return unknown };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::EQUALS, [a, b]) => type_equals(a, b),
        (operators::NOT_EQUALS, [a, b]) => type_equals(a, b).swapped(),
        (operators::IN, [a, list]) => type_in(a, list),
        (operators::LOGICAL_NOT, [a]) => facts(a).swapped(),
        (operators::LOGICAL_AND, [a, b]) => {
            let (a, b) = (facts(a), facts(b));
            TypeFacts { yes: a.yes.and(b.yes), no: a.no.or(b.no) }
        }
        (operators::LOGICAL_OR, [a, b]) => {
            let (a, b) = (facts(a), facts(b));
            TypeFacts { yes: a.yes.or(b.yes), no: a.no.and(b.no) }
        }
        _ => unknown,
    }
}

/// Returns the values, as dotted names, that are there where a condition holds, or where it does not.
pub(super) fn guards(expr: &IdedExpr, holds: bool) -> BTreeSet<String> {
    if let Expr::Select(select) = &expr.expr {
        return if select.test && holds { dotted(expr).into_iter().collect() } else { BTreeSet::new() };
    }
    let Expr::Call(call) = &expr.expr else { return BTreeSet::new() };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_NOT, [a]) => guards(a, !holds),
        (operators::LOGICAL_AND, [a, b]) if holds => &guards(a, true) | &guards(b, true),
        (operators::LOGICAL_OR, [a, b]) if !holds => &guards(a, false) | &guards(b, false),
        _ => BTreeSet::new(),
    }
}

/// Returns the dotted name that an expression is, `has()` or not.
pub(super) fn dotted(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) => Some(format!("{}.{}", dotted(&select.operand)?, select.field)),
        Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => None,
    }
}

impl TypeFacts {
    fn of(types: Types) -> Self {
        Self { yes: types, no: types.complement() }
    }

    fn swapped(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }
}

fn type_equals(a: &IdedExpr, b: &IdedExpr) -> TypeFacts {
    let name = if is_type(a) { text_literal(b) } else { text_literal(a).filter(|_| is_type(b)) };
    name.map_or(TypeFacts { yes: Types::ALL, no: Types::ALL }, |name| TypeFacts::of(Types::named(name)))
}

fn type_in(a: &IdedExpr, list: &IdedExpr) -> TypeFacts {
    let unknown = TypeFacts { yes: Types::ALL, no: Types::ALL };
    let Expr::List(list) = &list.expr else { return unknown };
    let names: Option<Vec<&str>> = list.elements.iter().map(text_literal).collect();
    match names.filter(|_| is_type(a)) {
        Some(names) => TypeFacts::of(names.into_iter().map(Types::named).fold(Types::NONE, Types::or)),
        None => unknown,
    }
}

fn is_type(expr: &IdedExpr) -> bool {
    matches!(&expr.expr, Expr::Ident(name) if name == "type")
}

/// Returns the text of a literal.
pub(super) fn text_literal(expr: &IdedExpr) -> Option<&str> {
    if let Expr::Literal(LiteralValue::String(text)) = &expr.expr { Some(text.inner()) } else { None }
}
