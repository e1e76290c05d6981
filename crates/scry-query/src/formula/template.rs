//! Sentences with values in them: `The stores last {food} days.`

use serde_json::Value;

use super::{Dependencies, EvalScope, Formula};

/// A sentence whose `{…}` are formulas.
#[derive(Debug)]
pub struct FormulaTemplate {
    pieces: Vec<FormulaPart>,
    dependencies: Dependencies,
}

#[derive(Debug)]
enum FormulaPart {
    Text(String),
    Formula(Formula),
}

impl FormulaTemplate {
    /// Reads a sentence.
    ///
    /// # Errors
    /// A sentence that says which `{…}` is wrong.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut dependencies = Dependencies::default();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once('{') {
            let (formula, after) = after.split_once('}').ok_or("has a { without a }")?;
            let formula = Formula::parse(formula).map_err(|fault| format!("{{{formula}}}: {fault}"))?;
            dependencies.extend(formula.dependencies());
            pieces.push(FormulaPart::Text(text.to_owned()));
            pieces.push(FormulaPart::Formula(formula));
            rest = after;
        }
        pieces.push(FormulaPart::Text(rest.to_owned()));
        Ok(Self { pieces, dependencies })
    }

    /// Returns what the sentence looks at.
    #[must_use]
    pub const fn dependencies(&self) -> &Dependencies {
        &self.dependencies
    }

    /// Writes the sentence; what has no value is a dash.
    #[must_use]
    pub fn fill(&self, scope: &EvalScope<'_>) -> String {
        let piece = |piece: &FormulaPart| match piece {
            FormulaPart::Text(text) => text.clone(),
            FormulaPart::Formula(formula) => {
                formula.evaluate(scope).map_or_else(|_| "–".to_owned(), |value| display_text(&value))
            }
        };
        self.pieces.iter().map(piece).collect()
    }
}

fn display_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(display_text).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
