//! Names of values in an event as the evaluator resolves them, and those that must be there.
//!
//! A chain such as `payload.by.name` is resolved as a whole, so that nothing else of the payload is converted. In a
//! *strict* expression a chain can hold a name of which nobody knows whether an event has it; there the name is marked
//! with `!`, and an event without it is an error instead of “false”. `has(payload.by.name)` is the chain behind a `?`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use cel::common::types::{CelString, DYN_TYPE};
use cel::common::value::CowVal;
use cel::{Env, ExecutionError};

use super::numbers;
use super::view::EventView;

/// The values whose chains are resolved as a whole.
const CHAIN_ROOTS: [&str; 4] = ["payload", "metadata", "entity", "before"];
const STRICT_MARK: char = '!';
const HAS_MARK: char = '?';
/// Stand in the place of a strict `.` or `[]` behind anything but a chain.
const STRICT_FIELD: &str = "@field";
const STRICT_ITEM: &str = "@item";

/// What a resolved name asks for.
pub(super) enum Path<'a> {
    Value(Cow<'a, str>),
    /// Whether there is such a value.
    Has(Cow<'a, str>),
}

/// Reads a name as [`prepare`] wrote it.
pub(super) fn read(name: &str) -> Path<'_> {
    match name.strip_prefix(HAS_MARK) {
        Some(path) => Path::Has(path.into()),
        None if name.contains(STRICT_MARK) => Path::Value(plain(name).into()),
        None => Path::Value(name.into()),
    }
}

/// Returns the chain that must have been there but was not; `None` where only what may be missing was missing.
pub(super) fn missing(name: &str, event: &EventView<'_>) -> Option<String> {
    let required = name.split('.').position(|part| part.starts_with(STRICT_MARK))?;
    let path = plain(name);
    (event.resolved_len(&path) >= required).then_some(path)
}

/// Declares the functions that look into values strictly.
pub(super) fn declare(env: &mut Env) {
    for name in [STRICT_FIELD, STRICT_ITEM] {
        let added = env.add_overload(name, &format!("{name}_any"), vec![DYN_TYPE, DYN_TYPE], |mut args| {
            let (Some(key), Some(value)) = (args.pop(), args.pop()) else {
                return Err(ExecutionError::no_such_overload(STRICT_FIELD, Vec::new()));
            };
            look_into(value, &key)
        });
        debug_assert!(added.is_ok(), "{name} is declared once");
    }
}

fn look_into<'b, 'v>(value: CowVal<'b, 'v>, key: &CowVal<'b, 'v>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let absent =
        |error: &ExecutionError| matches!(error, ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_));
    let name =
        key.downcast_ref::<CelString>().map_or_else(|| "the item".to_owned(), |name| format!("“{}”", name.inner()));
    let lacks = || {
        ExecutionError::function_error(
            STRICT_FIELD,
            format!("{name} is missing; ask first whether it is there, with has()"),
        )
    };
    let types = vec![value.get_type().name().to_owned(), key.get_type().name().to_owned()];
    let found = match value {
        CowVal::Borrowed(value) => value.as_indexer().map(|indexer| indexer.get(key.as_ref())),
        CowVal::Owned(value) => value.into_indexer().map(|indexer| indexer.steal(key.as_ref()).map(CowVal::Owned)),
    };
    match found {
        Some(Err(error)) if absent(&error) => Err(lacks()),
        Some(found) => found,
        None => Err(ExecutionError::no_such_overload(operators::INDEX, types)),
    }
}

/// Writes an expression as it is evaluated: one sort of number, chains resolved as a whole, and the nodes in `strict`
/// required to be there.
pub(super) fn prepare(expr: &mut IdedExpr, strict: &BTreeSet<u64>) {
    numbers::normalize_literal(expr);
    if let Expr::Select(select) = &expr.expr
        && let Some(path) = chain(expr, select.test, strict)
    {
        expr.expr = Expr::Ident(path);
        return;
    }
    let required = strict.contains(&expr.id);
    match &mut expr.expr {
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| prepare(target, strict));
            call.args.iter_mut().for_each(|arg| prepare(arg, strict));
            if required && call.func_name == operators::INDEX {
                STRICT_ITEM.clone_into(&mut call.func_name);
            }
            numbers::replace_operator(call);
        }
        Expr::Select(select) => {
            prepare(&mut select.operand, strict);
            if required && !select.test {
                expr.expr = Expr::Call(field_call(select, expr.id));
            }
        }
        Expr::Comprehension(loops) => {
            let parts = [&mut loops.iter_range, &mut loops.accu_init, &mut loops.loop_cond, &mut loops.loop_step];
            parts.into_iter().for_each(|part| prepare(part, strict));
            prepare(&mut loops.result, strict);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(|element| prepare(element, strict)),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    prepare(&mut entry.key, strict);
                    prepare(&mut entry.value, strict);
                }
            }
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

/// Returns the dotted name of a chain of fields, its strict names marked; `None` for anything else.
fn chain(expr: &IdedExpr, test: bool, strict: &BTreeSet<u64>) -> Option<String> {
    let mark = |at: &IdedExpr| if strict.contains(&at.id) && !test { "!" } else { "" };
    let mut parts = Vec::new();
    let mut at = expr;
    while let Expr::Select(select) = &at.expr {
        if select.test && at.id != expr.id {
            return None;
        }
        parts.push(format!("{}{}", mark(at), select.field));
        at = &select.operand;
    }
    let Expr::Ident(root) = &at.expr else { return None };
    if !CHAIN_ROOTS.contains(&root.as_str()) {
        return None;
    }
    parts.push(format!("{}{root}", mark(at)));
    parts.reverse();
    let path = parts.join(".");
    Some(if test { format!("{HAS_MARK}{path}") } else { path })
}

fn field_call(select: &mut SelectExpr, id: u64) -> CallExpr {
    let field = CelString::from(std::mem::take(&mut select.field));
    let operand = std::mem::take(&mut *select.operand);
    let literal = IdedExpr { id, expr: Expr::Literal(LiteralValue::String(field)) };
    CallExpr { func_name: STRICT_FIELD.to_owned(), target: None, args: vec![operand, literal] }
}

fn plain(name: &str) -> String {
    name.replace(STRICT_MARK, "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_marked_name_has_to_be_there() {
        let payload = json!({"by": {"name": "Ada"}});
        let event = EventView::new("x", &payload, None);
        assert_eq!(missing("payload.!from.name", &event), Some("payload.from.name".to_owned()));
        assert_eq!(missing("payload.by.!age", &event), Some("payload.by.age".to_owned()));
        assert_eq!(missing("entity.variables.!gold", &event), None);
        assert_eq!(missing("!entity.level", &event), Some("entity.level".to_owned()));
        assert_eq!(missing("payload.by.age", &event), None);
    }
}
