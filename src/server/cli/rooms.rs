//! Who may subscribe to the rooms that catalogues declare.

use super::CliError;
use super::args::RoomCommand;
use super::commands::say;
use crate::catalogue::Catalogues;
use crate::config::server::ServerConfig;
use crate::protocol::{Id, Room};
use crate::server::auth::users;
use crate::server::db::{Db, DbError};
use crate::server::{Core, ServerError, rooms};
use crate::suggest::nearest;

/// Adds, removes or lists members of a room.
pub async fn run(config: ServerConfig, command: RoomCommand) -> Result<(), CliError> {
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
            let id = user_id(&core.db, &user).await?;
            let is_new = rooms::add(&core.db, &room, &id).await.map_err(failed)?;
            say(&if is_new { format!("{user} may join {room}") } else { format!("{user} may join {room} already") })
        }
        RoomCommand::Remove { room, user } => {
            let (room, journal, claim) = declared(catalogues, &room)?;
            let id = user_id(&core.db, &user).await?;
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
    let Room::Declared(kind, _) = &room else {
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

async fn user_id(db: &Db, name: &str) -> Result<Id, CliError> {
    let mut reader = db.read().await.map_err(failed)?;
    let user = users::by_name(&mut reader, name).await.map_err(failed)?;
    let unknown = || CliError::Failed(format!("there is no user {name}; see `scry-server user add`"));
    Ok(user.ok_or_else(unknown)?.id)
}

fn failed(error: DbError) -> CliError {
    ServerError::from(error).into()
}
