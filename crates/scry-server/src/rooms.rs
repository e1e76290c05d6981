//! Membership rows: who was added to a room that a catalogue declares.

use scry_protocol::{Id, Room};
use sqlx::Row;

use super::clock;
use super::db::{Db, DbError, Tx};
use super::journal;
use super::state::AppState;

/// Lets a user subscribe to a room; returns false if they may already.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn add(db: &Db, room: &Room, user: &Id) -> Result<bool, DbError> {
    db.write(async |tx: &mut Tx| {
        let added = sqlx::query(
            "INSERT INTO room_members (room, user_id, created_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (room, user_id) DO NOTHING",
        )
        .bind(room.to_string())
        .bind(user.as_str())
        .bind(clock::now().as_millisecond())
        .execute(&mut **tx)
        .await?;
        Ok(added.rows_affected() > 0)
    })
    .await
}

/// Ends a membership; returns false if there was none.
///
/// The entry in the catalogue's journal puts the user's sockets out, on every node, before anything later is sent.
///
/// # Errors
/// [`DbError`] when the database does not answer; nothing has changed then.
pub async fn remove(state: &AppState, journal: &Id, room: &Room, user: &Id) -> Result<bool, DbError> {
    let remove = async |tx: &mut Tx| {
        let removed = sqlx::query("DELETE FROM room_members WHERE room = $1 AND user_id = $2")
            .bind(room.to_string())
            .bind(user.as_str())
            .execute(&mut **tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        journal::append_removal(tx, journal, room, user, clock::now()).await?;
        Ok::<_, DbError>(true)
    };
    let was_member = state.db.write(remove).await?;
    if was_member {
        state.bus.committed(journal);
    }
    Ok(was_member)
}

/// Returns the names of a room's members.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn list(db: &Db, room: &Room) -> Result<Vec<String>, DbError> {
    let rows = sqlx::query(
        "SELECT u.username FROM room_members m JOIN users u ON u.id = m.user_id WHERE m.room = $1 ORDER BY u.username",
    )
    .bind(room.to_string())
    .fetch_all(&db.reader)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
