//! `scry replay --serve`: a recording as a gateway that clients can join.

use std::net::SocketAddr;
use std::time::Duration;

use scry_command::exit::Exit;
use scry_command::progress::Progress;
use scry_model::event::Delivery;
use scry_scripting::command_exit::CommandExit;
use scry_scripting::output::LineWriter;
use scry_scripting::recording::Recording;
use scry_scripting::{run_replay, signals};
use scry_server::replay::ReplayServer;

use super::args::ReplayArgs;
use super::context::CliContext;
use super::error::CliError;
use super::record::far;

/// Plays to the clients that join; begins with the first room that one joins.
///
/// # Errors
/// [`CliError::Io`] when nothing can listen at the address.
pub(super) async fn serve(
    context: &CliContext,
    recording: &Recording,
    args: &ReplayArgs,
    address: SocketAddr,
) -> Result<Exit, CliError> {
    let failed = || format!("cannot listen at {address}");
    let stage = ReplayServer::open(address).await.map_err(CliError::io(failed()))?;
    LineWriter::stdout()
        .line(&format!("listening on http://{}", stage.address()))
        .map_err(CliError::io("cannot write to stdout"))?;
    context.say("the recording begins when the first client joins a room");
    tokio::select! {
        () = stage.joined() => {}
        () = signals::interrupted() => return Ok(CliContext::end(&CommandExit::interrupted())),
    }
    let progress = Progress::new(!context.quiet);
    let mut done = 0;
    let play = async |delivery: &Delivery, at: Duration| {
        progress.set_message(|| far(done, recording, at));
        done += 1;
        let room = delivery.room.as_ref().map(ToString::to_string);
        stage.emit(room.as_deref(), &delivery.name, &delivery.raw).await;
        Ok(None)
    };
    let ended = run_replay::run(recording, args.speed, play).await.map_err(CliError::io(failed()))?;
    drop(progress);
    stage.close().await;
    context.say(&format!("played {done} events"));
    Ok(CliContext::end(&ended))
}
