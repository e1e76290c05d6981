//! Looks over an expression's text without parsing it: what stands outside of quotes.

/// Rewrites `$name` as the identifier `_name`, byte for byte in the same place.
pub(super) fn plain_names(source: &str) -> String {
    let mut bytes = source.to_owned().into_bytes();
    for (at, c) in outside_quotes(source) {
        if c == '$' && source[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '_') {
            bytes[at] = b'_';
        }
    }
    // One ASCII byte took the place of another.
    String::from_utf8(bytes).unwrap_or_else(|_| source.to_owned())
}

/// Returns the `$names` an expression uses.
pub(super) fn names(source: &str) -> Vec<&str> {
    outside_quotes(source)
        .into_iter()
        .filter(|(_, c)| *c == '$')
        .map(|(at, _)| {
            let rest = &source[at + 1..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Splits a condition at its outermost `&&`; one that is not a conjunction comes back whole.
pub(super) fn clauses(source: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let mut last = None;
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, c) in outside_quotes(source) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            // Weaker than `&&`: the parts would not mean what they mean in the whole.
            '|' | '?' if depth == 0 => return vec![source.trim()],
            '&' if depth == 0 && last == Some(at.wrapping_sub(1)) => {
                parts.push(source[start..at - 1].trim());
                start = at + 1;
                last = None;
                continue;
            }
            _ => {}
        }
        last = (c == '&').then_some(at);
    }
    parts.push(source[start..].trim());
    parts
}

/// Returns the characters that are not part of a quoted text, with their bytes.
fn outside_quotes(source: &str) -> Vec<(usize, char)> {
    let mut outside = Vec::new();
    let mut quote: Option<char> = None;
    let mut raw = false;
    let mut escaped = false;
    let mut before = ' ';
    for (at, c) in source.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' && !raw => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                raw = matches!(before, 'r' | 'R');
            }
            None => outside.push((at, c)),
        }
        before = c;
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_keeps_its_place_and_a_quoted_one_its_sign() {
        assert_eq!(plain_names("é == $tower && \"$x\" == '$y'"), "é == _tower && \"$x\" == '$y'");
        assert_eq!(plain_names(r#""a\"$b" == $c"#), r#""a\"$b" == _c"#);
        assert_eq!(names("$a == $b_2 && '$c' == \"$d\" && $"), ["a", "b_2"]);
    }

    #[test]
    fn a_conjunction_is_taken_apart_and_nothing_else_is() {
        assert_eq!(clauses("a && b&&c"), ["a", "b", "c"]);
        assert_eq!(clauses("f(a && b) && '&&' == x"), ["f(a && b)", "'&&' == x"]);
        assert_eq!(clauses("a && b || c"), ["a && b || c"]);
        assert_eq!(clauses("(a || b) && c"), ["(a || b)", "c"]);
    }
}
