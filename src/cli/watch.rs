//! `scry watch`: from the command line to a running watch and back.

use super::args::{Rooms, Watch as Args};
use super::context::Context;
use super::error::CliError;
use crate::client::api::Api;
use crate::client::session::{self, SessionOptions};
use crate::exit::Exit;
use crate::headless::output::Output;
use crate::headless::rooms::{self, Named};
use crate::headless::run;
use crate::headless::watch::{Wanted, Watch};

/// Prints what happens in the named rooms until the watch is over.
///
/// # Errors
/// [`CliError`] when a name leads to no room, or stdout cannot be written to.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, CliError> {
    print(context, context.api()?, args).await
}

/// Does the same as whoever `api` is logged in as.
///
/// # Errors
/// As [`run`].
pub async fn print(context: &Context, api: Api, args: &Args) -> Result<Exit, CliError> {
    let rooms = rooms::find(&api, &named(&args.rooms)).await?;
    let mut options = SessionOptions::new(&context.settings, api);
    options.snapshots = false;
    for room in rooms {
        options = options.room(room);
    }
    let mut session = session::connect(options)?;
    let watch = Watch::new(Wanted { count: args.count, status: args.status });
    let mut stdout = Output::stdout();
    let ended = run::run(watch, &mut session.events, &mut stdout, args.time, |sentence| context.say(sentence)).await;
    // The reader goes first: an actor that waits for room in the channel would not hear of the end.
    drop(session.events);
    session.handle.close().await;
    ended.map_err(CliError::io("cannot write to stdout"))
}

fn named(rooms: &Rooms) -> Named {
    Named {
        campaigns: rooms.campaigns.clone(),
        settlements: rooms.settlements.clone(),
        structures: rooms.structures.clone(),
    }
}
