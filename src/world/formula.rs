//! The formulas and expressions of a world file, worked out: the tests hold every value of the bundled
//! world against its own rule.

use serde_json::{Value, json};

/// Works out a formula. `value_of` knows names and calls, `name` or `name(argument)`.
pub(super) fn work_out(formula: &str, value_of: &dyn Fn(&str) -> Value) -> Value {
    let mut reader = Reader { rest: formula, value_of };
    let value = reader.either();
    assert!(reader.rest.trim().is_empty(), "{formula:?} goes on with {:?}", reader.rest);
    value
}

struct Reader<'a> {
    rest: &'a str,
    value_of: &'a dyn Fn(&str) -> Value,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        rest.map(|rest| self.rest = rest).is_some()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let rest = self.rest.trim_start();
        let (taken, rest) = rest.split_at(rest.find(|c| !wanted(c)).unwrap_or(rest.len()));
        self.rest = rest;
        taken.to_owned()
    }

    fn either(&mut self) -> Value {
        let mut value = self.both();
        while self.take("||") {
            let other = self.both();
            value = json!(flag(&value) || flag(&other));
        }
        value
    }

    fn both(&mut self) -> Value {
        let mut value = self.comparison();
        while self.take("&&") {
            let other = self.comparison();
            value = json!(flag(&value) && flag(&other));
        }
        value
    }

    fn comparison(&mut self) -> Value {
        let value = self.sum();
        if self.take("==") {
            return json!(value == self.sum());
        }
        if self.take(">=") {
            return json!(number(&value) >= number(&self.sum()));
        }
        value
    }

    fn sum(&mut self) -> Value {
        let mut value = self.product();
        loop {
            if self.take("+") {
                value = json!(number(&value) + number(&self.product()));
            } else if self.take("-") {
                value = json!(number(&value) - number(&self.product()));
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> Value {
        let mut value = self.atom();
        loop {
            if self.take("*") {
                value = json!(number(&value) * number(&self.atom()));
            } else if self.take("/") {
                value = json!(number(&value) / number(&self.atom()));
            } else {
                return value;
            }
        }
    }

    fn atom(&mut self) -> Value {
        if self.take("!") {
            return json!(!flag(&self.atom()));
        }
        if self.take("round(") {
            let value = self.either();
            assert!(self.take(")"));
            return json!(number(&value).round());
        }
        if self.take("(") {
            let value = self.either();
            assert!(self.take(")"));
            return value;
        }
        if self.take("\"") {
            let text = self.take_while(|c| c != '"');
            assert!(self.take("\""));
            return text.into();
        }
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if let Ok(number) = word.parse::<f64>() {
            return json!(number);
        }
        if self.take("(") {
            let argument = self.take_while(|c| c != ')');
            assert!(self.take(")"));
            return (self.value_of)(&format!("{word}({argument})"));
        }
        (self.value_of)(&word)
    }
}

pub(super) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| panic!("{value} is neither true nor false"))
}
