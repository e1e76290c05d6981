//! Sentences with values in them: `The stores last {food} days.`

use serde_json::Value;

use super::{Formula, Needs, Scope};

/// Holds a sentence whose `{…}` are formulas.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    needs: Needs,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Formula(Formula),
}

impl Template {
    /// Reads a sentence.
    ///
    /// # Errors
    /// A sentence that says which `{…}` is wrong.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut needs = Needs::default();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once('{') {
            let (formula, after) = after.split_once('}').ok_or("has a { without a }")?;
            let formula = Formula::parse(formula).map_err(|fault| format!("{{{formula}}}: {fault}"))?;
            needs.extend(formula.needs());
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Formula(formula));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces, needs })
    }

    /// Returns what the sentence looks at.
    #[must_use]
    pub const fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Writes the sentence; what has no value is a dash.
    #[must_use]
    pub fn fill(&self, scope: &Scope<'_>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Formula(formula) => formula.evaluate(scope).map_or_else(|_| "–".to_owned(), |value| plain(&value)),
        };
        self.pieces.iter().map(piece).collect()
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
