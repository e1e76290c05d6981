//! `scry expect`: reads the file, runs it, writes the reports.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use scry_command::exit::Exit;
use scry_config::process_env;
use scry_query::expr::Expr;
use scry_scripting::expect::engine::ExpectEngine;
use scry_scripting::expect::outcome::ExpectOutcome;
use scry_scripting::expect::plan::ExpectPlan;
use scry_scripting::expect::{EXPECT_EXAMPLE, EXPECT_SCHEMA, report};
use scry_scripting::rooms::NamedRooms;
use scry_scripting::run_expect;
use scry_text as text;
use tokio::time::Instant;

use super::args::ExpectArgs as Args;
use super::context::{CliContext, say};
use super::error::CliError;
use super::listen::{self, TimeLimit};

/// Judges what happens against a file.
///
/// # Errors
/// [`CliError`] when the file is wrong, a name leads to no room, or a report cannot be written.
pub(super) async fn run(context: &CliContext, args: &Args) -> Result<Exit, CliError> {
    let Some(path) = &args.file else { return if args.schema { schema() } else { init() } };
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::Usage(format!("cannot read {}: {error}", path.display())))?;
    let given: BTreeMap<_, _> = args.vars.iter().cloned().collect();
    let plan =
        ExpectPlan::parse(path, &text, &given, &process_env).map_err(|error| CliError::Usage(error.to_string()))?;
    let judged = judge(context, args, &plan).await;
    let outcome = match &judged {
        Ok(outcome) => outcome.clone(),
        // A build server that finds no report, or the last one, would show a success.
        Err(error) => ExpectEngine::unstarted(&plan, error.exit(), &error.to_string()),
    };
    reports(args, &outcome)?;
    tell(context, &judged?);
    Ok(outcome.exit)
}

async fn judge(context: &CliContext, args: &Args, plan: &ExpectPlan) -> Result<ExpectOutcome, CliError> {
    let named = NamedRooms {
        campaigns: plan.campaigns.clone(),
        settlements: plan.settlements.clone(),
        structures: plan.structures.clone(),
    };
    if plan.rooms.is_empty()
        && named.campaigns.is_empty()
        && named.settlements.is_empty()
        && named.structures.is_empty()
    {
        let path = &plan.path;
        return Err(CliError::Usage(format!("{path}: nothing to listen to; write “rooms” with a campaign in it")));
    }
    let (limit, until) = (TimeLimit::new(Some(plan.timeout)), Instant::now() + plan.timeout);
    let api = context.api()?;
    // The command's own changes can be told from those of others, also of another run beside this one.
    let run = api.correlation().map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
    let api = api.correlated(Some(&run));
    let (options, rooms) = listen::by_name(context, api, &named, &plan.rooms, limit).await?;
    let expressions: Vec<Expr> = plan.expressions().cloned().collect();
    let names = listen::names(context, &options.api, &rooms, expressions.iter(), limit).await?;
    let mut plan = plan.clone();
    plan.bind(names.as_ref()).map_err(|error| CliError::Usage(error.to_string()))?;
    let mut stream = listen::open(options, plan.expressions().any(Expr::uses_entities), limit).await?;
    let ended = run_expect::run(&plan, &mut stream, until, &args.command, |sentence| context.say(sentence)).await;
    stream.close().await;
    let program = args.command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    ended.map_err(|error| CliError::Usage(format!("cannot run {program}: {error}")))
}

fn tell(context: &CliContext, outcome: &ExpectOutcome) {
    // A failure is said even when little is to be said.
    if outcome.exit != Exit::Met || !context.quiet {
        for line in report::text(outcome).lines() {
            say_plain(line);
        }
    }
}

fn reports(args: &Args, outcome: &ExpectOutcome) -> Result<(), CliError> {
    let json = || text::escaped(format!("{:#}\n", report::json(outcome)));
    for (path, text) in [
        (&args.report_junit, report::junit(outcome)),
        (&args.report_tap, report::tap(outcome)),
        (&args.report_json, json()),
    ] {
        if let Some(path) = path {
            write(path, &text)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(CliError::io(format!("cannot write {}", path.display())))
}

fn init() -> Result<Exit, CliError> {
    std::io::stdout().write_all(EXPECT_EXAMPLE.as_bytes()).map_err(CliError::io("cannot write to stdout"))?;
    say("save this as a file and run it with `scry expect FILE`");
    Ok(Exit::Met)
}

fn schema() -> Result<Exit, CliError> {
    std::io::stdout().write_all(EXPECT_SCHEMA.as_bytes()).map_err(CliError::io("cannot write to stdout"))?;
    Ok(Exit::Met)
}

#[expect(clippy::print_stderr, reason = "the report is for people; stdout belongs to the command")]
fn say_plain(line: &str) {
    eprintln!("{}", text::line(line));
}
