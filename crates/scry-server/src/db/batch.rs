//! Statements for many rows at once: each statement is a round trip, and others wait for the writer meanwhile.

use std::fmt::Write;

/// The number of rows that one statement takes at most; databases bound its parameters.
pub const MAX_ROWS: usize = 200;

/// Writes the parameters of so many rows: `($1, $2), ($3, $4)`.
#[must_use]
pub fn rows(count: usize, columns: usize) -> String {
    let row = |row: usize| format!("({})", list(row * columns + 1, columns));
    (0..count).map(row).collect::<Vec<_>>().join(", ")
}

/// Writes so many parameters from a number on: `$3, $4, $5`.
#[must_use]
pub fn list(first: usize, count: usize) -> String {
    let mut text = String::new();
    for number in first..first + count {
        let separator = if number == first { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}${number}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_through() {
        assert_eq!(rows(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(list(3, 2), "$3, $4");
        assert_eq!(list(1, 0), "");
    }
}
