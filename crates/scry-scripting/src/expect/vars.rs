//! Where a file's variables come from.

use std::collections::BTreeMap;

use scry_query::expr::Vars;
use serde_json::Value;

use super::file::File;
use super::plan::{LineIndex, PlanError};
use super::secrets::SecretValues;

/// A variable with one of these in its name is secret without being listed.
const SECRET_NAME_PARTS: [&str; 4] = ["token", "password", "secret", "apikey"];

/// Looks up a variable of the environment.
pub(crate) type VariableLookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads one `--var name=value`; a value that is a JSON number, flag or quoted text is taken as such.
///
/// # Errors
/// A sentence when the form is wrong.
pub fn assignment(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is written name=value")?;
    if !is_name(name) {
        return Err(format!("“{name}” is not a name; use letters, digits and _"));
    }
    let typed = serde_json::from_str(value).ok().filter(|value: &Value| !value.is_object() && !value.is_array());
    Ok((name.to_owned(), typed.unwrap_or_else(|| value.into())))
}

/// Collects the variables: those of the file, then those given, which win.
///
/// `${NAME}` inside a text of `[vars]` is replaced by the variable given under that name, else by the environment's.
pub(super) fn collect(
    file: &File,
    given: &BTreeMap<String, Value>,
    env: VariableLookup<'_>,
    places: &LineIndex<'_>,
) -> Result<(Vars, SecretValues), PlanError> {
    let mut vars = Vars::new();
    for (name, value) in &file.vars {
        if !is_name(name) {
            return Err(places.error(value.span().start, &format!("“{name}” is not a name for a variable")));
        }
        let value = from_toml(value.get_ref())
            .and_then(|value| substitute_value(value, given, env))
            .map_err(|message| places.error(value.span().start, &message))?;
        vars.insert(name.clone(), value);
    }
    vars.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
    let secrets = secrets(file, &vars, places)?;
    Ok((vars, secrets))
}

fn secrets(file: &File, vars: &Vars, places: &LineIndex<'_>) -> Result<SecretValues, PlanError> {
    let mut secrets = SecretValues::default();
    for listed in &file.secrets {
        let name = listed.get_ref();
        let value = vars.get(name).ok_or_else(|| {
            places.error(listed.span().start, &format!("secrets lists “{name}”, but no variable has that name"))
        })?;
        hide(&mut secrets, value);
    }
    for (name, value) in vars {
        let folded = name.to_lowercase().replace(['_', '-'], "");
        if SECRET_NAME_PARTS.iter().any(|telltale| folded.contains(telltale)) {
            hide(&mut secrets, value);
        }
    }
    Ok(secrets)
}

fn hide(secrets: &mut SecretValues, value: &Value) {
    match value {
        Value::String(text) => secrets.add(text),
        Value::Number(number) => secrets.add(&number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
    }
}

fn from_toml(value: &toml::Value) -> Result<Value, String> {
    match value {
        toml::Value::String(text) => Ok(text.as_str().into()),
        toml::Value::Integer(int) => Ok((*int).into()),
        toml::Value::Float(float) => Ok((*float).into()),
        toml::Value::Boolean(flag) => Ok((*flag).into()),
        toml::Value::Datetime(time) => Ok(time.to_string().into()),
        toml::Value::Array(items) => items.iter().map(from_toml).collect(),
        toml::Value::Table(_) => Err("a variable is a text, a number, a flag or a list of these".to_owned()),
    }
}

fn substitute_value(value: Value, given: &BTreeMap<String, Value>, env: VariableLookup<'_>) -> Result<Value, String> {
    match value {
        Value::String(text) => substitute(&text, given, env).map(Value::from),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Ok(value),
    }
}

/// Replaces every `${NAME}` in a text.
///
/// # Errors
/// A sentence when a name is set nowhere, or a brace is not closed.
pub(crate) fn substitute(
    text: &str,
    given: &BTreeMap<String, Value>,
    env: VariableLookup<'_>,
) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or_else(|| format!("“${{{after}” has no closing brace"))?;
        let value = given.get(name).map(plain).or_else(|| env(name));
        result.push_str(before);
        result
            .push_str(&value.ok_or_else(|| {
                format!("“${{{name}}}” is not set; set it in the environment or pass --var {name}=…")
            })?);
        rest = tail;
    }
    result.push_str(rest);
    Ok(result)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_typed_where_json_says_so() {
        assert_eq!(assignment("n=3"), Ok(("n".to_owned(), json!(3))));
        assert_eq!(assignment("n=\"3\""), Ok(("n".to_owned(), json!("3"))));
        assert_eq!(assignment("flag=true"), Ok(("flag".to_owned(), json!(true))));
        assert_eq!(assignment("id=0197-a=b"), Ok(("id".to_owned(), json!("0197-a=b"))));
        assert_eq!(assignment("empty="), Ok(("empty".to_owned(), json!(""))));
        assert!(assignment("novalue").is_err());
        assert!(assignment("a b=c").is_err());
    }

    #[test]
    fn given_variable_overrides_the_environment() {
        let given = BTreeMap::from([("A".to_owned(), json!("given")), ("N".to_owned(), json!(7))]);
        let env = |name: &str| (name == "B" || name == "A").then(|| "env".to_owned());
        assert_eq!(substitute("${A}-${B}-${N}", &given, &env), Ok("given-env-7".to_owned()));
        assert!(substitute("${C}", &given, &env).unwrap_err().contains("--var C=…"));
        assert!(substitute("${C", &given, &env).is_err());
        assert_eq!(substitute("$A {B}", &given, &env), Ok("$A {B}".to_owned()));
    }
}
