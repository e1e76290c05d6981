//! `scry watch` and `scry wait`: from the command line to a running one and back.

use jiff::Timestamp;
use scry_client::api::Api;
use scry_client::session::SessionOptions;
use scry_command::exit::Exit;
use scry_protocol::{EventKind, Id, Room};
use scry_query::expr::Expr;
use scry_scripting::format::LineFormat;
use scry_scripting::output::LineWriter;
use scry_scripting::since::{self, Since, SinceError};
use scry_scripting::wait::{self, Wait};
use scry_scripting::watch::{Watch, WatchOptions};
use scry_scripting::{correlation, run_wait, run_watch};
use tokio::time::Instant;

use super::args::{WaitArgs, WatchArgs};
use super::context::CliContext;
use super::error::CliError;
use super::listen::{self, TimeLimit, misnamed};

/// Prints what happens in the named rooms until the watch is over.
///
/// # Errors
/// [`CliError`] when a name leads to no room, or stdout cannot be written to.
pub(super) async fn run(context: &CliContext, args: &WatchArgs) -> Result<Exit, CliError> {
    print(context, context.api()?, args).await
}

/// Does the same as whoever `api` is logged in as.
///
/// # Errors
/// As [`run`].
pub(super) async fn print(context: &CliContext, api: Api, args: &WatchArgs) -> Result<Exit, CliError> {
    let exprs = [&args.filter, &args.until, &args.fail_if];
    correlation::require(api.correlation(), exprs.into_iter().flatten()).map_err(CliError::Usage)?;
    let limit = TimeLimit::new(args.time);
    let (mut options, rooms) = listen::options(context, api, &args.rooms, limit).await?;
    if let Some(since) = args.since {
        limit.within(begin(&mut options, since)).await??;
    }
    let mut format = if args.raw { LineFormat::Raw } else { args.format.clone() };
    if let LineFormat::Text(looks) = &mut format {
        // Without an answer such events are written as they came.
        *looks = limit.within(options.api.event_displays()).await?.unwrap_or_default();
    }
    let mut wanted = WatchOptions {
        count: args.count,
        status: args.status,
        format,
        filter: args.filter.clone(),
        until: args.until.clone(),
        fail_if: args.fail_if.clone(),
        include: args.include.iter().copied().map(EventKind::from).collect(),
        stats: args.stats,
    };
    let conditions: Vec<Expr> = wanted.conditions().cloned().collect();
    let names = listen::names(context, &options.api, &rooms, conditions.iter(), limit).await?;
    wanted.bind(names.as_ref()).map_err(misnamed)?;
    let shown = if args.raw { vec![EventKind::Control, EventKind::Presence] } else { wanted.include.clone() };
    let mut stream = listen::open(options, wanted.uses_entities(), limit).await?.including(&shown);
    let mut watch = Watch::new(wanted);
    let mut stdout = LineWriter::stdout();
    let say = |sentence: &str| context.say(sentence);
    let ended = run_watch::run(&mut watch, &mut stream, &mut stdout, limit.until, say).await;
    stream.close().await;
    if args.stats {
        context.say(&watch.stats().to_string());
    }
    Ok(CliContext::end(&ended.map_err(CliError::io("cannot write to stdout"))?))
}

/// Waits until conditions are met.
///
/// # Errors
/// [`CliError`] when a name leads to no room, or stdout cannot be written to.
pub(super) async fn wait(context: &CliContext, args: &WaitArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    correlation::require(api.correlation(), args.conditions.iter().chain(&args.fail_if)).map_err(CliError::Usage)?;
    let limit = TimeLimit::new(Some(args.timeout));
    let until = Instant::now() + args.timeout;
    let (options, rooms) = listen::options(context, api, &args.rooms, limit).await?;
    let mut wanted =
        wait::WaitOptions { conditions: args.conditions.clone(), any: args.any, fail_if: args.fail_if.clone() };
    let conditions: Vec<Expr> = wanted.all().cloned().collect();
    let names = listen::names(context, &options.api, &rooms, conditions.iter(), limit).await?;
    wanted.bind(names.as_ref()).map_err(misnamed)?;
    let mut stream = listen::open(options, wanted.all().any(Expr::uses_entities), limit).await?;
    let mut wait = Wait::new(wanted);
    let mut stdout = LineWriter::stdout();
    let say = |sentence: &str| context.say(sentence);
    let ended = run_wait::run(&mut wait, &mut stream, &mut stdout, until, !args.new, say).await;
    stream.close().await;
    Ok(CliContext::end(&ended.map_err(CliError::io("cannot write to stdout"))?))
}

/// Makes rooms begin in their past, which is that of their campaign.
async fn begin(options: &mut SessionOptions, since: Since) -> Result<(), CliError> {
    for (room, start) in &mut options.rooms {
        let campaign = campaign_of(&options.api, room).await?;
        *start = since::start(&options.api, &campaign, since, Timestamp::now()).await.map_err(no_past)?;
    }
    Ok(())
}

/// Returns why a place in the past cannot be found.
pub(super) fn no_past(error: SinceError) -> CliError {
    match error {
        SinceError::Api(error) => CliError::Api(error),
        error @ SinceError::NoJournal(_) => CliError::Usage(error.to_string()),
    }
}

/// Finds the campaign in whose journal a room's events are.
async fn campaign_of(api: &Api, room: &Room) -> Result<Id, CliError> {
    let id = match room {
        Room::Campaign(id) => return Ok(id.clone()),
        Room::Settlement(id) | Room::Structure(id) => id,
        Room::User(_) => {
            let sentence =
                "--since works with campaigns, settlements and structures; what is sent to a user has no past";
            return Err(CliError::Usage(sentence.to_owned()));
        }
        Room::Custom(..) => {
            let sentence = "--since works with campaigns, settlements and structures; leave it out for other rooms";
            return Err(CliError::Usage(sentence.to_owned()));
        }
    };
    let node = api.nodes(std::slice::from_ref(id)).await?.into_iter().next();
    let campaign = node.as_ref().and_then(|node| Id::parse(node.get("campaignId")?.as_str()?).ok());
    campaign.ok_or_else(|| CliError::Usage(format!("there is no {room} that you may view")))
}
