//! Who may subscribe to the rooms that catalogues declare.

use scry_catalogue::Catalogues;
use scry_protocol::{Id, Room};
use scry_text::suggest::nearest;

use super::CliError;
use super::args::RoomCommand;
use super::commands::say;
use super::users::{failed, find};
use crate::config::ServerConfig;
use crate::{Core, rooms};

/// Adds, removes or lists members of a room.
pub(super) async fn run(config: ServerConfig, command: RoomCommand) -> Result<(), CliError> {
    let core = Core::open(config).await?;
    let done = change(&core, command).await;
    core.db.close().await;
    done
}

async fn change(core: &Core, command: RoomCommand) -> Result<(), CliError> {
    let catalogues = &core.config.catalogues;
    match command {
        RoomCommand::Add { room, user } => {
            let (room, ..) = declared(catalogues, &room)?;
            let id = find(&core.db, &user).await?.id;
            let is_new = rooms::add(&core.db, &room, &id).await.map_err(failed)?;
            say(&if is_new { format!("{user} may join {room}") } else { format!("{user} may join {room} already") })
        }
        RoomCommand::Remove { room, user } => {
            let (room, journal, claim) = declared(catalogues, &room)?;
            let id = find(&core.db, &user).await?.id;
            let was_there = rooms::remove(core, &journal, &room, &id).await.map_err(failed)?;
            if was_there {
                let unless = claim.map(|claim| format!(", unless the claim {claim} of their token says so"));
                say(&format!("{user} may not join {room} any more{}", unless.unwrap_or_default()))
            } else {
                Err(CliError::Failed(format!("{user} is no member of {room}; see `scry-server room list {room}`")))
            }
        }
        RoomCommand::List { room } => {
            let (room, ..) = declared(catalogues, &room)?;
            rooms::list(&core.db, &room).await.map_err(failed)?.iter().try_for_each(|name| say(name))
        }
    }
}

/// Reads the name of a room that has members; returns it, its catalogue's journal, and the claim that opens it too.
fn declared(catalogues: &Catalogues, name: &str) -> Result<(Room, Id, Option<String>), CliError> {
    let usage = |problem: String| CliError::Usage(format!("ROOM: {problem}"));
    let room: Room = name.parse().map_err(|error| usage(format!("{error}")))?;
    let Room::Custom(kind, _) = &room else {
        return Err(usage(format!("{room} is no room of a catalogue; the API manages who is in a campaign")));
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
