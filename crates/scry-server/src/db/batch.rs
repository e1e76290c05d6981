//! Statements for many rows at once: each statement is a round trip, and others wait for the writer meanwhile.

use std::fmt::Write;

use sqlx::AnyConnection;

/// The number of rows that one statement takes at most; databases bound its parameters.
pub const MAX_ROWS: usize = 200;

/// How a database wants the parameters of a statement written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParameterStyle {
    /// `$3`, as PostgreSQL has them.
    Numbered,
    /// `?`: SQLite takes `$3` for a name, and looks through all names for each of them, when it reads the statement and
    /// when a value is bound. With a few thousand parameters that takes longer than everything else.
    Positional,
}

impl ParameterStyle {
    fn of(db: &AnyConnection) -> Self {
        if db.backend_name() == "SQLite" { Self::Positional } else { Self::Numbered }
    }

    fn list(self, first: usize, count: usize) -> String {
        let mut text = String::new();
        for number in first..first + count {
            let separator = if number == first { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = match self {
                Self::Numbered => write!(text, "{separator}${number}"),
                Self::Positional => write!(text, "{separator}?"),
            };
        }
        text
    }

    fn rows(self, count: usize, columns: usize) -> String {
        let row = |row: usize| format!("({})", self.list(row * columns + 1, columns));
        (0..count).map(row).collect::<Vec<_>>().join(", ")
    }
}

/// Writes the parameters of so many rows, which are all that the statement has: `($1, $2), ($3, $4)`.
#[must_use]
pub fn rows(db: &AnyConnection, count: usize, columns: usize) -> String {
    ParameterStyle::of(db).rows(count, columns)
}

/// Writes so many parameters from a number on, behind all others of the statement: `$3, $4, $5`.
#[must_use]
pub fn list(db: &AnyConnection, first: usize, count: usize) -> String {
    ParameterStyle::of(db).list(first, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_through() {
        assert_eq!(ParameterStyle::Numbered.rows(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(ParameterStyle::Numbered.list(3, 2), "$3, $4");
        assert_eq!(ParameterStyle::Numbered.list(1, 0), "");
        assert_eq!(ParameterStyle::Positional.rows(2, 3), "(?, ?, ?), (?, ?, ?)");
    }
}
