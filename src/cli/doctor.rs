//! `scry doctor`: what works on the way to the server, what does not, and what to do.

use std::io::IsTerminal;

use scry_client::doctor::examine;
use scry_client::doctor::render::{self, ReportStyle};
use scry_client::doctor::report::{CheckStep, DoctorReport, Finding};
use scry_command::exit::Exit;
use scry_config::EnvLookup;
use scry_config::client::{ColorMode, UiConfig};
use scry_scripting::output::LineWriter;
use scry_text as text;

use super::args::{CommonArgs, DoctorArgs};
use super::context::{CliContext, say, settings};
use super::error::CliError;

/// Examines the way to a joined room and prints what was found; ends with the code of the first failure.
///
/// # Errors
/// [`CliError::Io`] when stdout cannot be written to. A wrong configuration is a finding.
pub(super) async fn run(common: &CommonArgs, env: EnvLookup<'_>, args: &DoctorArgs) -> Result<Exit, CliError> {
    let (report, ui) = match settings(common, env) {
        Ok(settings) => {
            let context = CliContext::over(settings, common)?;
            let report = examine(&context.settings, env, args.campaign.as_deref()).await;
            (report, context.settings.config.ui)
        }
        Err(error) => (misconfigured(&error), without_settings(common, env)),
    };
    let look = ReportStyle { color: in_color(ui.color), ascii: ui.ascii };
    let lines =
        if args.json { text::escaped(format!("{}\n", render::json(&report))) } else { render::text(&report, look) };
    let mut stdout = LineWriter::stdout();
    for line in lines.lines() {
        stdout.line(line).map_err(CliError::io("cannot write to stdout"))?;
    }
    if let Some(failure) = report.failure() {
        say(&failure);
    }
    Ok(report.exit())
}

fn misconfigured(error: &CliError) -> DoctorReport {
    let mut report = DoctorReport::default();
    let remedy = "correct it there; `scry config check` looks at the file alone";
    report.record(CheckStep::Config, Finding::fail(error.exit(), text::line(&error.to_string()), remedy));
    report
}

/// What the look rests on while the file cannot be read.
fn without_settings(common: &CommonArgs, env: EnvLookup<'_>) -> UiConfig {
    let plain = common.no_color || env("NO_COLOR").is_some();
    UiConfig { color: if plain { ColorMode::Never } else { ColorMode::Auto }, ..UiConfig::default() }
}

fn in_color(mode: ColorMode) -> bool {
    match mode {
        ColorMode::Auto => std::io::stdout().is_terminal(),
        ColorMode::Always => true,
        ColorMode::Never => false,
    }
}
