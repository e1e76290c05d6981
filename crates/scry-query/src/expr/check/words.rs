//! Names and words that are not known, and what was probably meant.

use std::collections::BTreeSet;

use cel::common::ast::IdedExpr;
use scry_protocol::event::DURABLE_EVENTS;
use scry_text::suggest::nearest;

use super::{Checker, TypeScope, record};
use crate::expr::error::ExprError;
use crate::expr::functions::{self, Returns};
use crate::expr::names::{KnownNames, NameKind};
use crate::expr::narrow::text_literal;
use crate::expr::schema::{self, FieldSchema, PAYLOADS, Types};
use crate::expr::ty::Ty;

/// How many names an error lists before it says that there are more.
const MAX_LISTED_NAMES: usize = 12;

impl<'a> Checker<'a> {
    /// Checks the name of a variable or a computed value.
    pub(super) fn name(
        &self,
        expr: &IdedExpr,
        (kind, owner, types): (NameKind, &str, Types),
        name: &str,
        test: bool,
        scope: &TypeScope<'a>,
    ) -> Result<Ty, ExprError> {
        let path = format!("{owner}.{name}");
        let found = Ok(match kind {
            NameKind::Computed => record(&path, vec![schema::COMPUTED]),
            NameKind::Variable => Ty::Any,
        });
        let known = self.surroundings.names.and_then(|names| names.of(kind, types.entity_types().as_deref()));
        let Some(known) = known else {
            self.note_unknown(expr);
            return found;
        };
        if known.contains(name) {
            return found;
        }
        let asked = test || scope.guarded.contains(&path);
        let remedy = match nearest(name, known.iter().copied()) {
            Some(near) if asked => {
                format!("did you mean “{near}”? (If you mean it, write \"{name}\" in {owner}.)")
            }
            Some(near) => format!("did you mean “{near}”?"),
            None if asked => {
                self.note_unknown(expr);
                return found;
            }
            None => format!("known are {}; for one that may be added later write has({path}) && …", list_names(&known)),
        };
        Err(self.field_error(expr, name, format!("unknown {} “{name}” in {owner}; {remedy}", kind.as_str())))
    }

    pub(super) fn unknown_field(
        &self,
        expr: &IdedExpr,
        owner: &str,
        alternatives: &[&'static [FieldSchema]],
        field: &str,
    ) -> ExprError {
        let mut names: Vec<&str> =
            alternatives.iter().flat_map(|fields| fields.iter()).map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let elsewhere: Vec<&str> = DURABLE_EVENTS
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

    pub(super) fn unknown_function(&self, expr: &IdedExpr, name: &str, known: &[(&'static str, Returns)]) -> ExprError {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).chain(functions::MACROS.iter().copied()).collect();
        let remedy = nearest(name, names.iter().copied())
            .map_or_else(|| format!("known are {}", names.join(", ")), |near| format!("did you mean “{near}”?"));
        // The parser places a call at its opening bracket; the name stands before it.
        let bracket = self.offset(expr).0;
        let start = bracket.saturating_sub(name.len());
        ExprError::new(format!("unknown function “{name}”; {remedy}"), self.source, start..bracket)
    }

    /// Checks a literal against the words a field may hold.
    pub(super) fn word(&self, ty: &Ty, literal: &IdedExpr) -> Result<(), ExprError> {
        let Some(text) = text_literal(literal) else { return Ok(()) };
        let Some((words, closed)) = ty.allowed_words() else { return Ok(()) };
        let changed = self.surroundings.names.filter(|_| *ty == Ty::ChangedField).map(KnownNames::changed_fields);
        let changed = changed.unwrap_or_default();
        if words.contains(&text) || changed.contains(text) {
            return Ok(());
        }
        match nearest(text, words.iter().copied().chain(changed.iter().map(String::as_str))) {
            Some(near) => {
                let escape = if closed { "" } else { " (If you mean it, write it as matches(…, \"^…$\").)" };
                Err(self.error(literal, format!("unknown word “{text}”; did you mean “{near}”?{escape}")))
            }
            None if closed => Err(self.error(literal, format!("it is never “{text}”; known are {}", words.join(", ")))),
            None => Ok(()),
        }
    }
}

/// Returns some of many names.
fn list_names(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().copied().take(MAX_LISTED_NAMES).collect();
    let more = if names.len() > MAX_LISTED_NAMES { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
