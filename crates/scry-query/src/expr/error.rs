//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

use cel::ExecutionError;
use cel::common::ast::operators;
use scry_text as text;

/// Why an expression cannot be used, and points at the place.
///
/// Displayed as a sentence, the line at fault and a caret under the characters that are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError {
    message: String,
    source: String,
    /// Bytes of `source`; empty at the end of the text.
    span: Range<usize>,
}

impl std::error::Error for ExprError {}

impl ExprError {
    pub(super) fn new(message: impl Into<String>, source: &str, span: Range<usize>) -> Self {
        let end = span.end.min(source.len());
        Self { message: message.into(), source: source.to_owned(), span: span.start.min(end)..end }
    }

    /// Returns the sentence alone.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the line (from 0) and the column in characters (from 0) of the fault.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        let before = self.source.get(..self.span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count(), before[line_start..].chars().count())
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.place();
        let text = self.source.lines().nth(line).unwrap_or_default();
        let meant = self.source.get(self.span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
        // A tab stays a tab above and below, so that the caret stands where it should.
        let indent: String = text.chars().take(column).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let carets = "^".repeat(meant.chars().count().max(1));
        write!(f, "{}\n  {text}\n  {indent}{carets}", self.message)
    }
}

/// Turns the parser's complaint into a sentence for people.
pub(super) fn syntax(source: &str, errors: &cel::ParseErrors) -> ExprError {
    let Some(first) = errors.errors.first() else {
        return ExprError::new("the expression cannot be read", source, 0..source.len());
    };
    let at = byte_at(source, first.pos);
    let rest = &source[at..];
    let next = rest.chars().next();
    let message = match next {
        None => "the expression ends too early".to_owned(),
        Some('=') if !rest.starts_with("==") => "“=” does not compare; write “==”".to_owned(),
        Some('&') => "write “&&” for and".to_owned(),
        Some('|') => "write “||” for or".to_owned(),
        Some(quote @ ('"' | '\'')) if first.msg.contains("token recognition") => {
            format!("this text has no closing {quote}")
        }
        Some(c) if first.msg.contains("Syntax error") => format!("unexpected “{c}” here"),
        Some(_) => first.msg.clone(),
    };
    ExprError::new(message, source, at..at + next.map_or(0, char::len_utf8))
}

/// Says in a sentence why an expression has no value for an event.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are told in the library's own words")]
pub(super) fn evaluation(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(call) => {
            let types: Vec<&str> = call.argument_types().iter().map(|name| describe(name)).collect();
            let function = call.function();
            let shown = symbol(function).map_or_else(|| function.to_owned(), |symbol| format!("“{symbol}”"));
            match types.as_slice() {
                [] => format!("{shown} has nothing to work on"),
                [one] => format!("{shown} does not go with {one}"),
                [first, rest @ ..] => format!("{shown} does not go with {first} and {}", rest.join(" and ")),
            }
        }
        ExecutionError::FunctionError { function, message } => {
            let message = text::line(message);
            match symbol(function) {
                Some(_) => message.into_owned(),
                None if function.starts_with('@') => message.into_owned(),
                None => format!("{function}: {message}"),
            }
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!("this is {}; {} is needed", describe(got), describe(want))
        }
        error => text::line(&error.to_string()).into_owned(),
    }
}

/// Names one of CEL's types for people.
pub(super) fn describe(type_name: &str) -> &str {
    match type_name {
        "int" | "uint" | "double" => "a number",
        "string" => "a text",
        "bool" => "true or false",
        "bytes" => "bytes",
        "list" => "a list",
        "map" => "a record",
        "null_type" => "null",
        "google.protobuf.Duration" => "a duration",
        "google.protobuf.Timestamp" => "a time",
        other => other,
    }
}

/// Returns how an operator is written.
fn symbol(function: &str) -> Option<&'static str> {
    const SYMBOLS: [(&str, &str); 18] = [
        (operators::ADD, "+"),
        (operators::SUBSTRACT, "-"),
        (operators::MULTIPLY, "*"),
        (operators::DIVIDE, "/"),
        (operators::MODULO, "%"),
        (operators::NEGATE, "-"),
        (operators::LESS, "<"),
        (operators::LESS_EQUALS, "<="),
        (operators::GREATER, ">"),
        (operators::GREATER_EQUALS, ">="),
        (operators::EQUALS, "=="),
        (operators::NOT_EQUALS, "!="),
        (operators::LOGICAL_AND, "&&"),
        (operators::LOGICAL_OR, "||"),
        (operators::LOGICAL_NOT, "!"),
        (operators::IN, "in"),
        (operators::INDEX, "[]"),
        ("_._", "."),
    ];
    SYMBOLS.iter().find(|(name, _)| *name == function).map(|(_, symbol)| *symbol)
}

/// Finds the byte behind the parser's line and column, both counted from 1 in characters.
fn byte_at(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or_default();
    let column = usize::try_from(column - 1).unwrap_or_default();
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}
