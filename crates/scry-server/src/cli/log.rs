//! Log lines on stderr.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging; `SCRY_SERVER_LOG` filters, as in `info,scry=debug`.
pub(super) fn start(format: LogFormat) {
    let filter = std::env::var("SCRY_SERVER_LOG").ok().and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    // A second start in the same process would fail, and change nothing.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
