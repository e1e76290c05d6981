//! What the commands that listen have in common: rooms found, a stream opened.

use super::args::Rooms;
use super::context::Context;
use super::error::CliError;
use crate::client::api::Api;
use crate::client::session::SessionOptions;
use crate::headless::rooms::{self, Named};
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
    let mut found = rooms::find(&api, named).await?;
    found.extend(also.iter().filter(|room| !found.contains(room)).cloned().collect::<Vec<_>>());
    let options = found.iter().cloned().fold(SessionOptions::new(&context.settings, api), SessionOptions::room);
    Ok((options, found))
}

/// Opens the stream; `look_up` tells whether expressions look at entities.
///
/// # Errors
/// [`CliError::Api`] when the profile's file of authorities cannot be used.
pub async fn open(options: SessionOptions, look_up: bool) -> Result<Stream, CliError> {
    Ok(Stream::open(options, look_up).await?)
}
