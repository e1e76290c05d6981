//! What the commands that listen have in common: rooms found, a stream opened.

use super::args::Rooms;
use super::context::Context;
use super::error::CliError;
use crate::client::api::Api;
use crate::client::connection::{STEPS, Timings, delay};
use crate::client::session::SessionOptions;
use crate::headless::rooms::{self, Named, RoomsError};
use crate::headless::stream::Stream;
use crate::protocol::Room;

/// Finds the rooms that were named and prepares a session that joins them.
///
/// # Errors
/// [`CliError`] when a name leads to no room, or the server cannot be asked.
pub async fn options(context: &Context, api: Api, rooms: &Rooms) -> Result<(SessionOptions, Vec<Room>), CliError> {
    let named = Named {
        campaigns: rooms.campaigns.clone(),
        settlements: rooms.settlements.clone(),
        structures: rooms.structures.clone(),
    };
    by_name(context, api, &named, &rooms.rooms).await
}

/// Does the same for names that come from elsewhere.
///
/// # Errors
/// As [`options`].
pub async fn by_name(
    context: &Context,
    api: Api,
    named: &Named,
    also: &[Room],
) -> Result<(SessionOptions, Vec<Room>), CliError> {
    let mut found = find(context, &api, named).await?;
    found.extend(also.iter().filter(|room| !found.contains(room)).cloned().collect::<Vec<_>>());
    let options = found.iter().cloned().fold(SessionOptions::new(&context.settings, api), SessionOptions::room);
    Ok((options, found))
}

/// Finds the rooms; a server that cannot be reached is tried as often, and as patiently, as a connection.
async fn find(context: &Context, api: &Api, named: &Named) -> Result<Vec<Room>, CliError> {
    let timings = Timings::from(&context.settings.config.connection);
    for (attempt, _) in (1..).zip(STEPS) {
        match rooms::find(api, named).await {
            Err(RoomsError::Api(error)) if error.is_passing() => {
                let dice = if timings.jitter { rand::random() } else { 0.0 };
                let wait = delay(attempt, timings.backoff_unit, dice);
                let (seconds, most) = (wait.as_secs_f64(), STEPS.len());
                context.say(&format!("{error}; attempt {attempt}/{most} in {seconds:.0} s"));
                tokio::time::sleep(wait).await;
            }
            found => return Ok(found?),
        }
    }
    Ok(rooms::find(api, named).await?)
}

/// Opens the stream; `look_up` tells whether expressions look at entities.
///
/// # Errors
/// [`CliError::Api`] when the profile's file of authorities cannot be used.
pub async fn open(options: SessionOptions, look_up: bool) -> Result<Stream, CliError> {
    Ok(Stream::open(options, look_up).await?)
}
