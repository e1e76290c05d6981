//! Reading one TOML file, with errors that point at the line and suggest what was meant.

use std::path::Path;

use scry_text::suggest::nearest;
use serde::de::DeserializeOwned;

use super::ConfigError;

/// Reads a file into `T`; `None` when it does not exist.
///
/// # Errors
/// [`ConfigError`] when the file cannot be read or understood.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_path_buf(), source }),
    }
}

/// Reads TOML text; `path` only names it in errors.
///
/// # Errors
/// [`ConfigError::Invalid`] with the line, the table, and the key that was probably meant.
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        ConfigError::Invalid { path: path.to_path_buf(), line, message: explain(text, line, error.message()) }
    })
}

/// Returns the line, from 1, on which a key is written; the first line where it is not found.
#[must_use]
pub fn line_of(text: &str, path: &[&str]) -> usize {
    let Ok(document) = toml::de::DeTable::parse(text) else { return 1 };
    let mut table = document.get_ref();
    let mut at = 0;
    for key in path {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == key) else { break };
        at = name.span().start;
        let Some(inner) = value.get_ref().as_table() else { break };
        table = inner;
    }
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Makes a sentence of a deserializer's message about `key`; `place` follows the key, like ` in [ui]`.
pub fn sentence(message: &str, key: Option<&str>, place: &str) -> String {
    let message = scry_text::line(message.trim());
    let mut quoted = message.split('`').skip(1).step_by(2);
    let kind = ["unknown field", "unknown variant"].into_iter().find(|kind| message.starts_with(kind));
    let (Some(kind), Some(word)) = (kind, quoted.next()) else {
        return key.map_or_else(|| format!("{message}{place}"), |key| format!("{key}{place}: {message}"));
    };
    let what = if kind == "unknown field" { "key" } else { "value" };
    let known: Vec<&str> = quoted.collect();
    let remedy = nearest(word, known.iter().copied())
        .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean “{near}”?"));
    format!("unknown {what} “{word}”{place}; {remedy}")
}

fn explain(text: &str, line: usize, message: &str) -> String {
    let table = text.lines().take(line).filter_map(table_name).last();
    let place = table.map_or_else(String::new, |name| format!(" in [{name}]"));
    sentence(message, text.lines().nth(line.saturating_sub(1)).and_then(key_name), &place)
}

fn table_name(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.trim_start_matches('[').split(']').next()
}

fn key_name(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    Some(key.trim()).filter(|key| !key.is_empty() && !key.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct OuterTable {
        ui: InnerTable,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct InnerTable {
        theme: String,
        width: u8,
    }

    fn error_of(text: &str) -> String {
        parse::<OuterTable>(Path::new("config.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_one_that_was_meant() {
        let text = "# mine\n\n[ui]\nwidth = 3\nteme = \"dark\"\n";
        assert_eq!(error_of(text), "config.toml:5: unknown key “teme” in [ui]; did you mean “theme”?");
    }

    #[test]
    fn a_key_that_resembles_nothing_lists_what_is_known() {
        let text = "[ui]\nzzz = 1\n";
        assert_eq!(error_of(text), "config.toml:2: unknown key “zzz” in [ui]; known are theme, width");
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        let message = error_of("[ui]\ntheme = \"a\"\nwidth = \"wide\"\n");
        assert!(message.starts_with("config.toml:3: width in [ui]: invalid type"), "{message}");
    }

    #[test]
    fn broken_syntax_points_at_its_line() {
        assert!(error_of("[ui]\ntheme = \n").starts_with("config.toml:2: "), "{}", error_of("[ui]\ntheme = \n"));
    }

    #[test]
    fn a_key_is_found_on_its_line() {
        let text = "# mine\n[keys]\nworld.open = []\n\n[keys.journal]\npause = [\"p\"]\n";
        assert_eq!(line_of(text, &["keys", "world", "open"]), 3);
        assert_eq!(line_of(text, &["keys", "journal", "pause"]), 6);
        assert_eq!(line_of(text, &["keys", "journal"]), 5);
    }

    #[test]
    fn a_missing_file_is_no_error() {
        let missing = Path::new("/nonexistent/scry/config.toml");
        assert!(read::<toml::Table>(missing).unwrap().is_none());
    }
}
