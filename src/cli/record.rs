//! `scry record` and `scry replay`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use super::args::{Record as RecordArgs, Replay as ReplayArgs};
use super::context::Context;
use super::error::CliError;
use super::listen;
use crate::client::event::Delivery;
use crate::exit::Exit;
use crate::expr::Expr;
use crate::headless::output::{Output, Written};
use crate::headless::recording::{self, Header, Recording};
use crate::headless::sighting::Sighting;
use crate::headless::{run_record, run_replay};
use crate::server::replay::Stage;

/// Writes what happens into a file.
///
/// # Errors
/// [`CliError`] when a name leads to no room, or the file cannot be written.
pub async fn record(context: &Context, args: &RecordArgs) -> Result<Exit, CliError> {
    let (options, rooms) = listen::options(context, context.api()?, &args.rooms).await?;
    let looks_up = args.filter.as_ref().is_some_and(Expr::looks_at_entities);
    let file = create(&args.output, args.force)?;
    let mut stream = listen::open(options, looks_up).await?;
    let wanted = run_record::Wanted { count: args.count, time: args.time, filter: args.filter.clone() };
    let rooms = rooms.iter().map(ToString::to_string).collect();
    let progress = Progress::new(context);
    let mut output = Output::new(file);
    let say = |sentence: &str| context.say(sentence);
    let ended = run_record::run(&wanted, rooms, &mut stream, &mut output, say, |events| progress.show(events)).await;
    stream.close().await;
    progress.clear();
    let (exit, written) = ended.map_err(CliError::io(format!("cannot write {}", args.output.display())))?;
    context.say(&format!("recorded {written} events in {}", args.output.display()));
    Ok(exit)
}

/// Plays a recording.
///
/// # Errors
/// [`CliError`] when the file is no recording, or what it is played to cannot be used.
pub async fn replay(context: &Context, args: &ReplayArgs) -> Result<Exit, CliError> {
    let mut recording = open(&args.file)?;
    recording.notices.iter().for_each(|notice| context.say(&notice.to_string()));
    if let Some(filter) = &args.filter {
        recording.entries.retain(|(_, delivery)| filter.holds(&Sighting::bare(delivery.clone()).view()));
    }
    match (&args.output, args.serve) {
        (Some(path), _) => write(context, &recording, path),
        (None, Some(address)) => serve(context, &recording, args, address).await,
        (None, None) => print(&recording, args).await,
    }
}

/// Writes a recording again; no time passes in it, so none is waited for.
fn write(context: &Context, recording: &Recording, path: &Path) -> Result<Exit, CliError> {
    let failed = || format!("cannot write {}", path.display());
    let mut output = Output::new(io::BufWriter::new(create(path, false)?));
    let header = Header::new(recording.header.started_at, recording.header.rooms.clone());
    output.line(&recording::header(&header)).map_err(CliError::io(failed()))?;
    for (at, delivery) in &recording.entries {
        output.line(&recording::entry(delivery, *at)).map_err(CliError::io(failed()))?;
    }
    context.say(&format!("wrote {} events to {}", recording.entries.len(), path.display()));
    Ok(Exit::Met)
}

async fn print(recording: &Recording, args: &ReplayArgs) -> Result<Exit, CliError> {
    let mut stdout = Output::stdout();
    let play = async |delivery: &Delivery, _: Duration| {
        let line = args.format.write(&Sighting::bare(delivery.clone()));
        Ok((stdout.line(&line)? == Written::PipeClosed).then_some(Exit::Met))
    };
    run_replay::run(recording, args.speed, play).await.map_err(CliError::io("cannot write to stdout"))
}

/// Plays to the clients that join; begins with the first room that one joins.
async fn serve(
    context: &Context,
    recording: &Recording,
    args: &ReplayArgs,
    address: std::net::SocketAddr,
) -> Result<Exit, CliError> {
    let failed = || format!("cannot listen at {address}");
    let stage = Stage::open(address).await.map_err(CliError::io(failed()))?;
    Output::stdout()
        .line(&format!("listening on http://{}", stage.address()))
        .map_err(CliError::io("cannot write to stdout"))?;
    context.say("the recording begins when the first client joins a room");
    tokio::select! {
        () = stage.joined() => {}
        () = crate::headless::signals::interrupted() => return Ok(Exit::Interrupted),
    }
    let play = async |delivery: &Delivery, _: Duration| {
        let room = delivery.room.as_ref().map(ToString::to_string);
        stage.emit(room.as_deref(), &delivery.name, &delivery.raw).await;
        Ok(None)
    };
    let ended = run_replay::run(recording, args.speed, play).await.map_err(CliError::io(failed()))?;
    stage.close().await;
    context.say(&format!("played {} events", recording.entries.len()));
    Ok(ended)
}

fn open(path: &Path) -> Result<Recording, CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::Usage(format!("{}: {error}", path.display()));
    if path == Path::new("-") {
        return recording::read(BufReader::new(io::stdin())).map_err(|error| wrong(&error));
    }
    let file = File::open(path).map_err(|error| wrong(&error))?;
    recording::read(BufReader::new(file)).map_err(|error| wrong(&error))
}

fn create(path: &Path, replace: bool) -> Result<Box<dyn Write + Send>, CliError> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    let mut how = OpenOptions::new();
    how.write(true).truncate(true);
    if replace {
        how.create(true)
    } else {
        how.create_new(true)
    };
    match how.open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(CliError::Usage(format!(
            "{} exists already; choose another name, or replace it with --force",
            path.display()
        ))),
        Err(error) => Err(CliError::Usage(format!("cannot write {}: {error}", path.display()))),
    }
}

/// Shows on a terminal that something goes on; elsewhere nothing.
struct Progress(bool);

impl Progress {
    fn new(context: &Context) -> Self {
        Self(!context.quiet && io::stderr().is_terminal())
    }

    fn show(&self, events: u64) {
        self.write(&format!("\r{events} events"));
    }

    fn clear(&self) {
        self.write("\r                              \r");
    }

    fn write(&self, text: &str) {
        if self.0 {
            // What cannot be shown is no loss.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}
