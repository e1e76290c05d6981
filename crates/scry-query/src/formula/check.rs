//! What a formula looks at, found without working it out.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, Expr, IdedExpr, SelectExpr, operators};
use scry_text::suggest::nearest;

use super::functions::{CLOCK_FUNCTIONS, FUNCTIONS};

/// What a formula looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// Names on the entity itself.
    pub own: BTreeSet<String>,
    /// `structures.NAME`.
    pub structures: BTreeSet<String>,
    /// `settlement.NAME`.
    pub settlement: BTreeSet<String>,
    /// Whether it reads the campaign's clock.
    pub clock: bool,
}

impl Dependencies {
    /// Adds what another formula looks at.
    pub fn extend(&mut self, other: &Self) {
        self.own.extend(other.own.iter().cloned());
        self.structures.extend(other.structures.iter().cloned());
        self.settlement.extend(other.settlement.iter().cloned());
        self.clock |= other.clock;
    }
}

/// Returns what a formula looks at; refuses functions and forms that are no part of the language.
pub(super) fn dependencies(root: &IdedExpr) -> Result<Dependencies, String> {
    let mut dependencies = Dependencies::default();
    collect(root, &mut dependencies)?;
    Ok(dependencies)
}

fn collect(expr: &IdedExpr, dependencies: &mut Dependencies) -> Result<(), String> {
    match &expr.expr {
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) => {
            // Whole entities are looked at field by field, or counted.
            if name != "structures" && name != "settlement" {
                dependencies.own.insert(name.clone());
            }
            Ok(())
        }
        Expr::Select(select) => selected(select, dependencies),
        Expr::List(list) => list.elements.iter().try_for_each(|item| collect(item, dependencies)),
        Expr::Call(call) => called(call, dependencies),
        Expr::Comprehension(_) => {
            Err("loops are not allowed in a formula; use sum, count, any or every over structures.NAME".to_owned())
        }
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Err("{…} is not allowed in a formula".to_owned()),
    }
}

fn selected(select: &SelectExpr, dependencies: &mut Dependencies) -> Result<(), String> {
    let root = if let Expr::Ident(name) = &select.operand.expr { name.as_str() } else { "" };
    if select.test {
        return Err("has(…) is not allowed in a formula".to_owned());
    }
    match root {
        "structures" => dependencies.structures.insert(select.field.clone()),
        "settlement" => dependencies.settlement.insert(select.field.clone()),
        _ => return Err(format!(".{} stands only after structures or settlement", select.field)),
    };
    Ok(())
}

fn called(call: &CallExpr, dependencies: &mut Dependencies) -> Result<(), String> {
    let name = call.func_name.as_str();
    if call.target.is_some() {
        return Err(format!("write {name}(…), not value.{name}(…)"));
    }
    if CLOCK_FUNCTIONS.contains(&name) {
        dependencies.clock = true;
    }
    let is_operator = !name.starts_with(|c: char| c.is_ascii_alphabetic()) && name != operators::INDEX;
    if !is_operator {
        arguments(name, call.args.len())?;
    }
    call.args.iter().try_for_each(|arg| collect(arg, dependencies))
}

fn arguments(name: &str, given: usize) -> Result<(), String> {
    let timed = CLOCK_FUNCTIONS.iter().map(|name| (*name, 0, 0));
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
