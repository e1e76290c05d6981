//! Who may subscribe to the rooms that catalogues declare.

use scry_catalogue::Catalogues;
use scry_protocol::{Id, Room};
use scry_text::suggest::nearest;

use super::ServerCliError;
use super::args::RoomCommand;
use super::commands::print_line;
use super::users::{database_error, find};
use crate::config::ServerConfig;
use crate::{AppState, rooms};

/// Adds, removes or lists members of a room.
pub(super) async fn run(config: ServerConfig, command: RoomCommand) -> Result<(), ServerCliError> {
    let state = AppState::open(config).await?;
    let done = change(&state, command).await;
    state.db.close().await;
    done
}

async fn change(state: &AppState, command: RoomCommand) -> Result<(), ServerCliError> {
    let catalogues = &state.config.catalogues;
    match command {
        RoomCommand::Add { room, user } => {
            let (room, ..) = declared(catalogues, &room)?;
            let id = find(&state.db, &user).await?.id;
            let is_new = rooms::add(&state.db, &room, &id).await.map_err(database_error)?;
            print_line(&if is_new {
                format!("{user} may join {room}")
            } else {
                format!("{user} may join {room} already")
            })
        }
        RoomCommand::Remove { room, user } => {
            let (room, journal, claim) = declared(catalogues, &room)?;
            let id = find(&state.db, &user).await?.id;
            let was_there = rooms::remove(state, &journal, &room, &id).await.map_err(database_error)?;
            if was_there {
                let unless = claim.map(|claim| format!(", unless the claim {claim} of their token says so"));
                print_line(&format!("{user} may not join {room} any more{}", unless.unwrap_or_default()))
            } else {
                Err(ServerCliError::Failed(format!(
                    "{user} is not a member of {room}; see `scry-server room list {room}`"
                )))
            }
        }
        RoomCommand::List { room } => {
            let (room, ..) = declared(catalogues, &room)?;
            rooms::list(&state.db, &room).await.map_err(database_error)?.iter().try_for_each(|name| print_line(name))
        }
    }
}

/// Reads the name of a room that has members; returns it, its catalogue's journal, and the claim that opens it too.
fn declared(catalogues: &Catalogues, name: &str) -> Result<(Room, Id, Option<String>), ServerCliError> {
    let usage = |problem: String| ServerCliError::Usage(format!("ROOM: {problem}"));
    let room: Room = name.parse().map_err(|error| usage(format!("{error}")))?;
    let Room::Custom(kind, _) = &room else {
        return Err(usage(format!(
            "{room} is not a room of a catalogue; manage the members of campaigns with `scry-server member`"
        )));
    };
    match catalogues.rooms(kind) {
        Some((catalogue, declared)) if declared.members => {
            Ok((room.clone(), catalogue.journal.clone(), declared.claim.clone()))
        }
        Some(_) => Err(usage(format!("rooms of the kind {} have no members, only a claim", kind.as_str()))),
        None => {
            let kinds = catalogues.iter().flat_map(|catalogue| &catalogue.rooms).map(|rooms| rooms.kind.as_str());
            let remedy = nearest(kind.as_str(), kinds)
                .map_or_else(|| "name it by --catalogues".to_owned(), |near| format!("did you mean {near}?"));
            Err(usage(format!("no catalogue of this server declares the kind {}; {remedy}", kind.as_str())))
        }
    }
}
