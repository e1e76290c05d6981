//! Values that must not be read by anyone who reads a report.

use std::fmt;

const SECRET_MARK: &str = "•••";
/// A shorter value would blot out half of every line, and is no secret.
const MIN_SECRET_CHARS: usize = 4;

/// The secret values of a run; its `Debug` output shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretValues(Vec<String>);

impl SecretValues {
    /// Adds a value.
    pub(crate) fn add(&mut self, value: &str) {
        if value.len() < MIN_SECRET_CHARS {
            return;
        }
        let quoted = serde_json::Value::from(value).to_string();
        let escaped = quoted[1..quoted.len() - 1].to_owned();
        for form in [value.to_owned(), escaped] {
            if !self.0.contains(&form) {
                self.0.push(form);
            }
        }
        // A secret within a secret must not leave the rest of the longer one readable.
        self.0.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// Replaces every secret in a text.
    #[must_use]
    pub(crate) fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), SECRET_MARK))
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_as_it_is_and_as_json_writes_it() {
        let mut secrets = SecretValues::default();
        secrets.add("pass\"word");
        secrets.add("pass\"word and more");
        secrets.add("abc");
        assert_eq!(
            secrets.redact(r#"a pass"word, "pass\"word", pass"word and more, abc"#),
            r#"a •••, "•••", •••, abc"#
        );
        assert!(!format!("{secrets:?}").contains("pass"));
    }
}
