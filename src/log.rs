//! The log: a file that turns over daily, never the screen, and never a token or what a terminal obeys.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use scry_config::client::LogConfig;
use scry_config::files;
use scry_text as text;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How many lines may wait for the disk. Room for all of them is taken at once, so it is not much.
const MAX_QUEUED_LINES: usize = 4096;

/// Stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The text is not a log level.
    #[error(
        "log.level (or SCRY_LOG): “{0}” is not a level; write error, warn, info, debug or trace, or a filter of them"
    )]
    Level(String),
    /// The file cannot be written.
    #[error("cannot write the log in {path}: {reason}", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Something else logs already.
    #[error("the log has been started before")]
    Twice,
}

/// Starts the log of this process: `file` if one is named, else a daily one under `data`.
///
/// What is returned must be held until the program ends, or the last lines are lost.
///
/// # Errors
/// [`LogError`] when the filter cannot be read or the file cannot be written.
pub fn start(config: &LogConfig, data: &Path, file: Option<&Path>) -> Result<WorkerGuard, LogError> {
    let filter = parse_filter(&config.level)?;
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(MAX_QUEUED_LINES).finish(appender(config, data, file)?);
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(filter)
        .with_writer(RedactingWriter(writer))
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    Ok(guard)
}

/// Takes out everything that looks like a token or is named like a secret.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    match TOKEN_PATTERN.replace_all(text, REDACTED) {
        Cow::Borrowed(text) => NAMED_SECRET_PATTERN.replace_all(text, NAMED_SECRET_REPLACEMENT),
        Cow::Owned(text) => Cow::Owned(NAMED_SECRET_PATTERN.replace_all(&text, NAMED_SECRET_REPLACEMENT).into_owned()),
    }
}

/// Signed tokens, whatever surrounds them.
static TOKEN_PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(r"eyJ[\w-]*\.[\w-]+\.[\w-]*"));
/// Values that a word before them gives away: `"refreshToken":"…"`, `password=…`, `Bearer …`.
static NAMED_SECRET_PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)((?:\w*token|password|passwd|secret|authorization)\\?"?\s*[:=]\s*\\?"?(?:bearer\s+)?|bearer\s+)([^\s"\\,;}\])]+)"#,
    )
});
const NAMED_SECRET_REPLACEMENT: &str = "${1}[redacted]";

#[expect(clippy::expect_used, reason = "the patterns are constants, and the tests use both")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

fn parse_filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder().parse(level).map_err(|_| LogError::Level(text::line(level).into_owned()))
}

fn appender(config: &LogConfig, data: &Path, file: Option<&Path>) -> Result<RollingFileAppender, LogError> {
    let builder = RollingFileAppender::builder();
    let (dir, builder) = match file {
        Some(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (dir.to_path_buf(), builder.rotation(Rotation::NEVER).filename_prefix(name))
        }
        None => {
            let builder = builder.rotation(Rotation::DAILY).filename_prefix("scry").filename_suffix("log");
            (data.join("logs"), builder.max_log_files(config.max_files.max(1)))
        }
    };
    let refuse = |reason: String| LogError::Unwritable { path: dir.clone(), reason };
    files::create_private_dir(&dir).map_err(|error| refuse(error.to_string()))?;
    if let Some(file) = file {
        begin_private(file).map_err(|error| refuse(error.to_string()))?;
    }
    builder.build(&dir).map_err(|error| refuse(error.to_string()))
}

/// Creates a file that nobody but the user may read, unless it is there: a daily one is in a directory that is closed.
fn begin_private(file: &Path) -> io::Result<()> {
    let mut how = std::fs::OpenOptions::new();
    how.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    how.open(file).map(drop)
}

/// Redacts each line on its way to the file.
#[derive(Debug, Clone)]
struct RedactingWriter<W>(W);

impl<'a> MakeWriter<'a> for RedactingWriter<NonBlocking> {
    type Writer = RedactingWriter<NonBlocking>;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

impl<W: Write> Write for RedactingWriter<W> {
    /// Takes a whole record at a time, as the formatter hands them over, so that no secret is split; whoever reads the
    /// file reads it in a terminal, so what that would obey is taken out too.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let safe = text::block(text.trim_end_matches('\n'));
        self.0.write_all(format!("{}\n", redact(&safe)).as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST_JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl-_x";

    #[test]
    fn tokens_are_taken_out_wherever_they_stand() {
        for text in [
            format!("connecting with {TEST_JWT}"),
            format!("authorization: Bearer {TEST_JWT}"),
            format!("GET /socket.io/?EIO=4&token={TEST_JWT}&transport=websocket"),
            r#"{"refreshToken":"opaque-value","expiresIn":900}"#.replace("opaque-value", "hidden"),
            r#"body="{\"accessToken\":\"hidden\"}""#.to_owned(),
            "password=hidden".to_owned(),
            "Bearer hidden".to_owned(),
        ] {
            let safe = redact(&text);
            assert!(!safe.contains("hidden") && !safe.contains("c2lnbmF0dXJl"), "{safe}");
            assert!(safe.contains(REDACTED), "{safe}");
        }
    }

    #[test]
    fn text_without_secrets_is_unchanged() {
        for text in ["level 3 → 4 in Harrow's Rest", "the token is expiring", "eyJust a word.", "no secrets here"] {
            assert!(matches!(redact(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn no_token_reaches_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("scry.log");
        let config = LogConfig { level: "trace".to_owned(), ..LogConfig::default() };
        let (writer, guard) = tracing_appender::non_blocking(appender(&config, dir.path(), Some(&file)).unwrap());
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(parse_filter("trace").unwrap())
            .with_writer(RedactingWriter(writer))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(token = TEST_JWT, "a field");
            tracing::warn!("inline {TEST_JWT}");
            tracing::error!(body = %r#"{"refreshToken":"hidden"}"#, "a body");
        });
        drop(guard);
        let log = std::fs::read_to_string(file).unwrap();
        assert_eq!(log.lines().count(), 3, "{log}");
        assert!(!log.contains("c2lnbmF0dXJl") && !log.contains("hidden"), "{log}");
    }

    #[test]
    fn control_characters_are_escaped_in_the_log() {
        let mut kept = RedactingWriter(Vec::new());
        let name = format!("\u{1b}]52;c;aGk=\u{7} \u{9b}2J \u{202e}dlog\u{200b} {}", "x".repeat(1 << 20));
        kept.write_all(format!("INFO joined {name}\n").as_bytes()).unwrap();
        kept.write_all(b"INFO \xff\n").unwrap();
        let log = String::from_utf8(kept.0).unwrap();
        assert_eq!(log.lines().count(), 2);
        assert!(log.starts_with("INFO joined \u{fffd}]52;c;aGk=\u{fffd} \u{fffd}2J dlog "), "{}", &log[..80]);
        assert!(log.len() < 100_000 && !log.contains(|c: char| c.is_control() && c != '\n'));
    }

    #[test]
    fn the_daily_file_is_in_a_directory_of_its_own() {
        let data = tempfile::tempdir().unwrap();
        let mut writer = appender(&LogConfig::default(), data.path(), None).unwrap();
        writer.write_all(b"line\n").unwrap();
        let names: Vec<_> = std::fs::read_dir(data.path().join("logs")).unwrap().collect();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn a_level_that_is_none_is_named() {
        let message = parse_filter("scry=loud").unwrap_err().to_string();
        assert!(message.contains("“scry=loud” is not a level"), "{message}");
    }
}
