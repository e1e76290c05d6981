//! The id by which a run knows what its own command did (pure).
//!
//! `scry expect` hands it to the command it runs; every change made by `scry` there carries it, the server writes it into
//! the events of the change and into those that follow from it, and `correlated` in an expression asks for it.

use scry_query::expr::Expr;

/// The variable of the environment that holds the id.
pub(crate) const CORRELATION_VARIABLE: &str = "SCRY_CORRELATION_ID";

/// The server makes up an id of its own where one is longer than this.
const MAX_CORRELATION_CHARS: usize = 128;

/// Looks up a variable of the environment.
pub(crate) type CorrelationEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the id of the run that this program is part of.
///
/// # Errors
/// A sentence when the variable holds what the server would not take over.
pub fn from_env(env: CorrelationEnv<'_>) -> Result<Option<String>, String> {
    match env(CORRELATION_VARIABLE) {
        Some(id) if is_id(&id) => Ok(Some(id)),
        Some(_) => Err(format!(
            "{CORRELATION_VARIABLE} is not an id; use 1 to {MAX_CORRELATION_CHARS} letters, digits and punctuation marks without spaces, or unset it"
        )),
        None => Ok(None),
    }
}

/// Refuses an expression that asks for the run where there is none.
///
/// # Errors
/// A sentence with the remedy.
pub fn require<'a>(run: Option<&str>, exprs: impl IntoIterator<Item = &'a Expr>) -> Result<(), String> {
    let asks = exprs.into_iter().find(|expr| expr.uses_correlation()).filter(|_| run.is_none());
    asks.map_or(Ok(()), |expr| {
        Err(format!(
            "“{}” asks for the events of this run, but there is no run; set {CORRELATION_VARIABLE}, or use it with `scry expect`",
            expr.source()
        ))
    })
}

fn is_id(text: &str) -> bool {
    (1..=MAX_CORRELATION_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expression_using_correlation_requires_an_id() {
        let expr = Expr::parse("correlated && type == 'world_time_changed'").unwrap();
        assert_eq!(require(Some("run-1"), [&expr]), Ok(()));
        assert!(require(None, [&expr]).unwrap_err().contains("set SCRY_CORRELATION_ID"));
        assert_eq!(require(None, [&Expr::parse("type == 'world_time_changed'").unwrap()]), Ok(()));
    }

    #[test]
    fn correlation_id_that_the_server_would_replace_is_rejected() {
        let read = |value: &str| {
            let value = value.to_owned();
            from_env(&move |_| Some(value.clone()))
        };
        assert_eq!(from_env(&|_| None), Ok(None));
        assert_eq!(read("run-1").unwrap().as_deref(), Some("run-1"));
        for bad in ["", "two words", "naïve", &"x".repeat(129)] {
            assert!(read(bad).unwrap_err().contains("SCRY_CORRELATION_ID is not an id"), "{bad}");
        }
    }
}
