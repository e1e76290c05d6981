//! `scry record` and `scry replay`.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scry_client::api::Api;
use scry_client::connection::StartPosition;
use scry_client::error::ApiError;
use scry_client::session::SessionOptions;
use scry_command::exit::Exit;
use scry_command::progress::Progress;
use scry_dashboard::app::replay::LoadedRecording;
use scry_model::event::{Delivery, Snapshot};
use scry_protocol::{EventKind, Room};
use scry_query::expr::{Expr, KnownNames};
use scry_scripting::command_exit::CommandExit as HeadlessEnded;
use scry_scripting::correlation;
use scry_scripting::entities::Entities;
use scry_scripting::output::{LineWriter, WriteStatus};
use scry_scripting::recording::{self, PlaybackSpeed, RecordedState, Recording, RecordingHeader};
use scry_scripting::run_record::{self, RecordedAmount};
use scry_scripting::run_replay;
use scry_scripting::watch::holds;
use scry_text::json::Json;
use scry_text::units;
use serde_json::Value;

use super::args::{RecordArgs, ReplayArgs};
use super::context::CliContext;
use super::error::CliError;
use super::listen::{self, TimeLimit};
use super::recordings::{create, open};
use crate::tui::{self, DashboardExit, TuiOptions};

/// Writes what happens into a file.
///
/// # Errors
/// [`CliError`] when a name leads to no room, or the file cannot be written.
pub(super) async fn record(context: &CliContext, args: &RecordArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    correlation::require(api.correlation(), &args.filter).map_err(CliError::Usage)?;
    let limit = TimeLimit::new(args.time);
    let (mut options, rooms) = listen::options(context, api.clone(), &args.rooms, limit).await?;
    let names = listen::names(context, &api, &rooms, args.filter.iter(), limit).await?;
    let filter = args.filter.as_ref().map(|filter| filter.bind(names.as_ref())).transpose();
    let filter = filter.map_err(|error| listen::misnamed(("--filter", error)))?;
    let begun = limit.within(state(context, &api, &mut options, args.no_state));
    let state = begun.await??;
    let looks_up = filter.as_ref().is_some_and(Expr::uses_entities);
    let file = create(&args.output, args.force)?;
    let include: Vec<EventKind> = args.include.iter().copied().map(EventKind::from).collect();
    let mut stream = listen::open(options, looks_up, limit).await?.including(&include);
    let wanted = run_record::RecordOptions { count: args.count, until: limit.until, filter };
    let begun = RecordingHeader::new(Timestamp::now(), rooms.iter().map(ToString::to_string).collect(), state);
    let progress = Progress::new(!context.quiet);
    progress.set_message(|| "recording".to_owned());
    let show = |amount: &RecordedAmount| {
        progress.set_message(|| format!("{} events, {}", amount.events, units::bytes(amount.bytes)))
    };
    let mut output = LineWriter::new(file);
    let say = |sentence: &str| context.say(sentence);
    let ended = progress.run(run_record::run(&wanted, begun, &mut stream, &mut output, say, show)).await;
    stream.close().await;
    drop(progress);
    let ended = ended.and_then(|ended| output.into_inner().finish().map(|()| ended));
    let (ended, written) = ended.map_err(CliError::io(format!("cannot write {}", args.output.display())))?;
    context.say(&format!("recorded {} events in {}", written.events, args.output.display()));
    Ok(CliContext::end(&ended))
}

/// Asks for the campaigns as they are now, and begins their rooms right after.
///
/// A gateway without an API has no state to tell; the recording does without it then.
async fn state(
    context: &CliContext,
    api: &Api,
    options: &mut SessionOptions,
    left_out: bool,
) -> Result<Vec<RecordedState>, CliError> {
    let mut told = Vec::new();
    if left_out {
        return Ok(told);
    }
    for (room, start) in &mut options.rooms {
        let Room::Campaign(campaign_id) = room else { continue };
        let snapshot = match api.snapshot(campaign_id).await {
            Ok(snapshot) => snapshot,
            Err(ApiError::NotOffered { .. }) => continue,
            Err(error) if error.requires_login() => return Err(error.into()),
            Err(error) => {
                context.say(&format!("the recording begins without the state of {room}: {error}"));
                continue;
            }
        };
        *start = snapshot.position.clone().map_or(StartPosition::Now, StartPosition::Since);
        let Snapshot { campaign_id, position, nodes } = snapshot;
        told.push(RecordedState { campaign_id, position, nodes: nodes.iter().map(Value::from).collect() });
    }
    Ok(told)
}

/// Plays a recording.
///
/// # Errors
/// [`CliError`] when the file is no recording, or what it is played to cannot be used.
pub(super) async fn replay(context: &CliContext, args: &ReplayArgs) -> Result<Exit, CliError> {
    let mut recording = open(&args.file)?;
    recording.notices.iter().for_each(|notice| context.say(&notice.to_string()));
    let run = context.run()?;
    correlation::require(run.as_deref(), &args.filter).map_err(CliError::Usage)?;
    let lines = select(context, &mut recording, args, run.as_deref())?;
    if args.tui {
        return show(context, recording, args.speed).await;
    }
    #[cfg(feature = "server")]
    if let Some(address) = args.serve {
        return super::replay_gateway::serve(context, &recording, args, address).await;
    }
    match &args.output {
        Some(path) => write(context, &recording, path),
        None => print(context, &recording, args, lines.unwrap_or_default()).await,
    }
}

/// Leaves in a recording what is to be played; returns a line for each, where lines are to be printed.
///
/// Entities are what they were at each event: the state that the recording begins with, taken on by every event of it.
fn select(
    context: &CliContext,
    recording: &mut Recording,
    args: &ReplayArgs,
    run: Option<&str>,
) -> Result<Option<Vec<String>>, CliError> {
    let prints = args.prints();
    let looks = args.filter.as_ref().is_some_and(Expr::uses_entities) || prints && args.format.uses_entities();
    let mut known = known(recording);
    if looks && !known.is_of_campaigns() {
        let sentence = "the recording does not hold the state that its campaigns began with, so entity and before are \
                        not known in it; leave them out, or record without --no-state";
        return Err(CliError::Usage(format!("{}: {sentence}", args.file.display())));
    }
    let filter = args.filter.as_ref().map(|filter| filter.bind(Some(&names(recording)))).transpose();
    let filter = filter.map_err(|error| listen::misnamed(("--filter", error)))?;
    let run: Option<Arc<str>> = run.map(Arc::from);
    let (mut kept, mut lines) = (Vec::new(), Vec::new());
    for (at, delivery) in std::mem::take(&mut recording.entries) {
        let mut sighting = known.with_entity(&delivery);
        sighting.run.clone_from(&run);
        if holds("--filter", filter.as_ref(), &sighting).map_err(CliError::Unjudged)? == Some(false) {
            continue;
        }
        if prints {
            lines.push(args.format.write(&sighting));
        }
        kept.push((at, delivery));
    }
    recording.entries = kept;
    if looks {
        known.take_notices().iter().for_each(|notice| context.say(notice));
    }
    Ok(prints.then_some(lines))
}

/// Takes what a recording says of the state that its campaigns began with.
fn known(recording: &Recording) -> Entities {
    let mut known = Entities::default();
    for RecordedState { campaign_id, position, nodes } in &recording.header.state {
        if let Some(position) = position {
            known.learn_recorded(campaign_id, position, nodes);
        }
    }
    known
}

/// Takes the names that the entities of a recording use. Where it tells of none, what nobody can know the name of must
/// have been asked for.
fn names(recording: &Recording) -> KnownNames {
    let mut names = KnownNames::default();
    recording.header.state.iter().flat_map(|state| &state.nodes).for_each(|node| names.learn(node));
    names
}

/// Shows a recording in the dashboard.
async fn show(context: &CliContext, recording: Recording, speed: PlaybackSpeed) -> Result<Exit, CliError> {
    let speed = match speed {
        PlaybackSpeed::Times(times) => times,
        PlaybackSpeed::Max => {
            return Err(CliError::Usage("--speed max: the dashboard needs a speed; write one like 100x".to_owned()));
        }
    };
    let RecordingHeader { started_at, state, .. } = recording.header;
    let state = state.into_iter().next();
    let told = |(_, delivery): &(Duration, Delivery)| Some(delivery.event.as_ref()?.payload.campaign_id().clone());
    let campaign = state.as_ref().map(|state| state.campaign_id.clone());
    let campaign = campaign.or_else(|| recording.entries.iter().find_map(told));
    let campaign = campaign.ok_or_else(|| CliError::Usage("the recording holds no event of a campaign".to_owned()))?;
    let snapshot = |state: RecordedState| Snapshot {
        campaign_id: state.campaign_id,
        position: state.position,
        // Anyone who may write the file could have put anything into it.
        nodes: state.nodes.iter().map(Json::from).collect(),
    };
    let recording =
        LoadedRecording { campaign, started_at, state: state.map(snapshot), entries: recording.entries.into() };
    // A recording neither asks a server nor keeps anything; the dashboard only wants to know whom it would ask.
    let options = TuiOptions::new(&context.settings, context.screen_api()?, None, None);
    match tui::run(TuiOptions { replay: Some((recording, speed)), ..options }).await? {
        DashboardExit::Exit(exit) => Ok(exit),
        // A recording is the same whoever's server is asked.
        DashboardExit::Profile(_) => Ok(Exit::Met),
    }
}

/// Writes a recording again; no time passes in it, so none is waited for.
fn write(context: &CliContext, recording: &Recording, path: &Path) -> Result<Exit, CliError> {
    let failed = || format!("cannot write {}", path.display());
    let mut output = LineWriter::new(create(path, false)?);
    let RecordingHeader { started_at, rooms, state, .. } = recording.header.clone();
    output.line(&recording::header(&RecordingHeader::new(started_at, rooms, state))).map_err(CliError::io(failed()))?;
    let progress = Progress::new(!context.quiet);
    for ((at, delivery), done) in recording.entries.iter().zip(0..) {
        progress.set_message(|| far(done, recording, *at));
        output.gather(&recording::entry(delivery, *at)).map_err(CliError::io(failed()))?;
    }
    output.flush().and_then(|_| output.into_inner().finish()).map_err(CliError::io(failed()))?;
    drop(progress);
    context.say(&format!("wrote {} events to {}", recording.entries.len(), path.display()));
    Ok(Exit::Met)
}

async fn print(
    context: &CliContext,
    recording: &Recording,
    args: &ReplayArgs,
    lines: Vec<String>,
) -> Result<Exit, CliError> {
    let mut lines = lines.into_iter();
    let mut stdout = LineWriter::stdout();
    // On a terminal the events themselves tell how far it has come.
    let progress = Progress::new(!context.quiet && !io::stdout().is_terminal());
    let mut done = 0;
    let play = async |_: &Delivery, at: Duration| {
        progress.set_message(|| far(done, recording, at));
        done += 1;
        let line = lines.next().unwrap_or_default();
        Ok((stdout.line(&line)? == WriteStatus::PipeClosed).then(HeadlessEnded::met))
    };
    let ended = run_replay::run(recording, args.speed, play).await.map_err(CliError::io("cannot write to stdout"))?;
    Ok(CliContext::end(&ended))
}

/// Returns how far a replay has come.
pub(super) fn far(done: u64, recording: &Recording, at: Duration) -> String {
    let end = recording.entries.last().map_or(Duration::ZERO, |(at, _)| *at);
    let (at, end) = (units::clock(at), units::clock(end));
    format!("{done} of {} events, {at} of {end}", recording.entries.len())
}
