//! What a formula looks at, found without working it out.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, Expr, IdedExpr, SelectExpr, operators};
use scry_text::suggest::nearest;

use super::functions::{FUNCTIONS, TIMED};

/// Says what a formula looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Names on the entity itself.
    pub own: BTreeSet<String>,
    /// `structures.NAME`.
    pub structures: BTreeSet<String>,
    /// `settlement.NAME`.
    pub settlement: BTreeSet<String>,
    /// Whether it reads the campaign's clock.
    pub clock: bool,
}

impl Needs {
    /// Adds what another formula looks at.
    pub fn extend(&mut self, other: &Self) {
        self.own.extend(other.own.iter().cloned());
        self.structures.extend(other.structures.iter().cloned());
        self.settlement.extend(other.settlement.iter().cloned());
        self.clock |= other.clock;
    }
}

/// Lists what a formula looks at; refuses functions and forms that are no part of the language.
pub(super) fn needs(root: &IdedExpr) -> Result<Needs, String> {
    let mut needs = Needs::default();
    collect(root, &mut needs)?;
    Ok(needs)
}

fn collect(expr: &IdedExpr, needs: &mut Needs) -> Result<(), String> {
    match &expr.expr {
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) => {
            // Whole entities are looked at field by field, or counted.
            if name != "structures" && name != "settlement" {
                needs.own.insert(name.clone());
            }
            Ok(())
        }
        Expr::Select(select) => selected(select, needs),
        Expr::List(list) => list.elements.iter().try_for_each(|item| collect(item, needs)),
        Expr::Call(call) => called(call, needs),
        Expr::Comprehension(_) => {
            Err("loops are no part of a formula; use sum, count, any or every over structures.NAME".to_owned())
        }
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Err("{…} is no part of a formula".to_owned()),
    }
}

fn selected(select: &SelectExpr, needs: &mut Needs) -> Result<(), String> {
    let root = if let Expr::Ident(name) = &select.operand.expr { name.as_str() } else { "" };
    if select.test {
        return Err("has(…) is no part of a formula".to_owned());
    }
    match root {
        "structures" => needs.structures.insert(select.field.clone()),
        "settlement" => needs.settlement.insert(select.field.clone()),
        _ => return Err(format!(".{} stands only after structures or settlement", select.field)),
    };
    Ok(())
}

fn called(call: &CallExpr, needs: &mut Needs) -> Result<(), String> {
    let name = call.func_name.as_str();
    if call.target.is_some() {
        return Err(format!("write {name}(…), not value.{name}(…)"));
    }
    if TIMED.contains(&name) {
        needs.clock = true;
    }
    let is_operator = !name.starts_with(|c: char| c.is_ascii_alphabetic()) && name != operators::INDEX;
    if !is_operator {
        arguments(name, call.args.len())?;
    }
    call.args.iter().try_for_each(|arg| collect(arg, needs))
}

fn arguments(name: &str, given: usize) -> Result<(), String> {
    let timed = TIMED.iter().map(|name| (*name, 0, 0));
    match FUNCTIONS.iter().copied().chain(timed.clone()).find(|(known, ..)| *known == name) {
        Some((_, least, most)) if (least..=most).contains(&given) => Ok(()),
        Some((_, 0, _)) => Err(format!("{name}() takes no arguments")),
        Some((_, least, _)) => Err(format!("{name}() takes {least} arguments, not {given}")),
        None => {
            let known = || FUNCTIONS.iter().copied().chain(timed.clone()).map(|(name, ..)| name);
            let hint = nearest(name, known()).map(|near| format!("; did you mean {near}?"));
            let all = || format!("; there are {}", known().collect::<Vec<_>>().join(", "));
            Err(format!("there is no function {name}(){}", hint.unwrap_or_else(all)))
        }
    }
}
