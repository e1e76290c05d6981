//! Loading the server's settings: defaults < file < environment < flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scry_config::file;
use scry_config::{ConfigError, EnvLookup};
use scry_text::suggest::nearest;
use toml::{Spanned, Value};

use super::ServerConfig;
use super::setting::{SETTINGS, Setting};

/// The file by environment, where no flag does.
const FILE_VARIABLE: &str = "SCRY_SERVER_CONFIG";

/// What the command line sets, by key; it wins over everything else.
pub type Flags = Vec<(&'static str, String)>;

/// Loads the settings; without a file, environment and flags change the defaults.
///
/// # Errors
/// [`ConfigError`] naming the file and line, the variable or the flag, and the remedy.
pub fn load(path: Option<&Path>, env: EnvLookup<'_>, flags: &Flags) -> Result<ServerConfig, ConfigError> {
    let mut config = ServerConfig::new(default_data_dir(env)?);
    let path = path.map(Path::to_owned).or_else(|| env(FILE_VARIABLE).map(PathBuf::from));
    if let Some(path) = path {
        from_file(&mut config, &path)?;
    }
    from_env(&mut config, env)?;
    for (key, value) in flags {
        let flag = format!("--{}", key.replace('_', "-"));
        apply(&mut config, key, value).map_err(|problem| ConfigError::Setting { setting: flag, problem })?;
    }
    Ok(config)
}

fn from_file(config: &mut ServerConfig, path: &Path) -> Result<(), ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let table: BTreeMap<String, Spanned<Value>> = file::parse(path, &text)?;
    for (key, value) in table {
        let before = text.get(..value.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let applied = toml_to_text(value.get_ref()).and_then(|value| apply(config, &key, &value));
        applied.map_err(|problem| ConfigError::Invalid {
            path: path.to_owned(),
            line,
            message: format!("{}: {problem}", scry_text::line(&key)),
        })?;
    }
    Ok(())
}

fn from_env(config: &mut ServerConfig, env: EnvLookup<'_>) -> Result<(), ConfigError> {
    for setting in SETTINGS {
        let alias = setting.alias.as_ref();
        let aliased = alias.and_then(|alias| Some((alias.variable.to_owned(), env(alias.variable)? + alias.unit)));
        let named = env(&setting.variable()).map(|value| (setting.variable(), value));
        if let Some((variable, value)) = named.or(aliased) {
            (setting.set)(config, &value).map_err(|problem| ConfigError::Setting { setting: variable, problem })?;
        }
    }
    Ok(())
}

fn apply(config: &mut ServerConfig, key: &str, value: &str) -> Result<(), String> {
    match Setting::find(key) {
        Some(setting) => (setting.set)(config, value),
        None => {
            let known = SETTINGS.iter().map(|setting| setting.key);
            let remedy = nearest(key, known).map_or_else(
                || "see the documentation for the known ones".to_owned(),
                |near| format!("did you mean “{near}”?"),
            );
            Err(format!("is not a setting of the server; {remedy}"))
        }
    }
}

/// Writes a TOML value as the text that the table of settings reads.
fn toml_to_text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Array(items) => Ok(items.iter().map(toml_to_text).collect::<Result<Vec<_>, _>>()?.join(",")),
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => {
            Err("must be a text, a whole number, true, false or a list of texts".to_owned())
        }
    }
}

/// Returns where the data is kept unless something says otherwise.
fn default_data_dir(env: EnvLookup<'_>) -> Result<PathBuf, ConfigError> {
    match env("SCRY_SERVER_DATA_DIR") {
        Some(path) => Ok(path.into()),
        None => directories::ProjectDirs::from("", "", "scry-server")
            .map(|dirs| dirs.data_dir().to_owned())
            .ok_or_else(|| ConfigError::Setting {
                setting: "data_dir".to_owned(),
                problem: "no home directory was found; use --data-dir".to_owned(),
            }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn env<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        let home = ("SCRY_SERVER_DATA_DIR", "/data");
        move |name| variables.iter().chain([&home]).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn each_layer_wins_over_the_one_below() {
        let (_dir, path) = file("listen = \"127.0.0.1:1\"\njournal_keep = \"2h\"\ngraphiql = true\n");
        let variables = [("SCRY_SERVER_LISTEN", "127.0.0.1:2"), ("SCRY_SERVER_GRAPHIQL", "false")];
        let flags = vec![("listen", "127.0.0.1:3".to_owned())];
        let config = load(Some(&path), &env(&variables), &flags).unwrap();
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.graphiql, Some(false));
        assert_eq!(config.journal.keep, Duration::from_secs(7200));
    }

    #[test]
    fn the_old_names_of_the_gateway_count_in_milliseconds() {
        let variables = [("WS_PING_INTERVAL", "1500"), ("WS_MAX_CONNECTIONS_PER_IP", "7")];
        let config = load(None, &env(&variables), &Flags::new()).unwrap();
        assert_eq!(config.socket.ping_interval, Duration::from_millis(1500));
        assert_eq!(config.socket.max_connections_per_ip, Some(7));
    }

    #[test]
    fn a_mistake_in_the_file_names_line_key_and_remedy() {
        let (_dir, path) = file("graphiql = true\nlisten = \"everywhere\"\n");
        let message = load(Some(&path), &env(&[]), &Flags::new()).unwrap_err().to_string();
        assert!(
            message.ends_with("server.toml:2: listen: must be an address and a port, such as 127.0.0.1:4600"),
            "{message}"
        );
        let (_dir, path) = file("\nlistn = \"127.0.0.1:1\"\n");
        let message = load(Some(&path), &env(&[]), &Flags::new()).unwrap_err().to_string();
        assert!(message.ends_with(":2: listn: is not a setting of the server; did you mean “listen”?"), "{message}");
    }

    #[test]
    fn a_mistake_elsewhere_names_the_variable_or_the_flag() {
        let message = load(None, &env(&[("WS_PING_TIMEOUT", "soon")]), &Flags::new()).unwrap_err().to_string();
        assert!(message.starts_with("WS_PING_TIMEOUT: "), "{message}");
        let flags = vec![("listen", "x".to_owned())];
        let message = load(None, &env(&[]), &flags).unwrap_err().to_string();
        assert!(message.starts_with("--listen: "), "{message}");
    }

    #[test]
    fn duration_beyond_its_bounds_is_refused_for_every_setting() {
        let spans = SETTINGS.iter().filter(|setting| (setting.set)(&mut ServerConfig::new("/data"), "5s").is_ok());
        let spans: Vec<_> = spans.filter(|setting| !["database", "data_dir"].contains(&setting.key)).collect();
        let refused = |value: &str| {
            let refuses = |setting: &&&Setting| (setting.set)(&mut ServerConfig::new("/data"), value).is_err();
            spans.iter().filter(refuses).count()
        };
        let timed =
            spans.iter().filter(|setting| (setting.set)(&mut ServerConfig::new("/data"), "soon").is_err()).count();
        assert!(timed >= 14, "{timed}");
        for value in ["0s", "-5s", "87601h", "9223372036854775807s", "99999999999999999999h"] {
            assert_eq!(refused(value), timed, "{value}");
        }
        assert_eq!(refused("87600h"), 0);
    }

    #[test]
    fn no_two_settings_share_a_name() {
        let mut keys: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), SETTINGS.len());
    }
}
