//! The commands that manage users.

use std::io::BufRead;

use scry_protocol::Id;
use scry_text::input;

use super::ServerCliError;
use super::args::UserCommand;
use super::commands::print_line;
use super::sessions::counted_noun;
use crate::auth::lifecycle;
use crate::auth::password::Passwords;
use crate::auth::users::{self, UserRecord};
use crate::config::ServerConfig;
use crate::db::{Db, DbError, Tx};
use crate::{AppState, ServerError};

const MIN_PASSWORD_CHARS: usize = 8;
/// Bounds a password, in bytes: the API takes no longer one.
const MAX_PASSWORD_BYTES: usize = 1_024;

/// Runs a command that manages users.
pub(super) async fn run(config: ServerConfig, command: UserCommand) -> Result<(), ServerCliError> {
    let state = AppState::open(config).await?;
    let done = change(&state, command).await;
    state.db.close().await;
    done
}

async fn change(state: &AppState, command: UserCommand) -> Result<(), ServerCliError> {
    match command {
        UserCommand::Add { name, service, password_stdin } => add(state, name, service, password_stdin).await,
        UserCommand::List => list(&state.db).await,
        UserCommand::Passwd { name, password_stdin } => {
            let user = find(&state.db, &name).await?;
            let hash = new_password(state, &name, password_stdin).await?;
            let ended = lifecycle::set_password(&state.db, &user.id, &hash).await.map_err(database_error)?;
            print_line(&format!("{name} has a new password; {} ended", counted_noun(ended, "session")))
        }
        UserCommand::Disable { name } => {
            let user = find(&state.db, &name).await?;
            let ended = lifecycle::disable(&state.db, &user.id).await.map_err(database_error)?;
            print_line(&format!("{name} cannot log in any more; {} ended", counted_noun(ended, "session")))
        }
        UserCommand::Enable { name } => {
            let user = find(&state.db, &name).await?;
            lifecycle::enable(&state.db, &user.id).await.map_err(database_error)?;
            print_line(&format!("{name} can log in again"))
        }
        UserCommand::Delete { name } => {
            let user = find(&state.db, &name).await?;
            lifecycle::delete(state, &user).await.map_err(|error| ServerCliError::Failed(error.to_string()))?;
            print_line(&format!("deleted {name}; their contributions are kept"))
        }
    }
}

async fn add(state: &AppState, username: String, is_service: bool, password_stdin: bool) -> Result<(), ServerCliError> {
    input::username(&username).map_err(|problem| ServerCliError::Usage(format!("NAME: {problem}")))?;
    let password_hash = new_password(state, &username, password_stdin).await?;
    let user =
        UserRecord { id: Id::from(uuid::Uuid::now_v7()), username, password_hash, is_service, is_disabled: false };
    let insert = async |tx: &mut Tx| {
        let is_new = users::by_name(tx, &user.username).await?.is_none();
        if is_new {
            users::insert(tx, &user).await?;
        }
        Ok::<_, DbError>(is_new)
    };
    if !state.db.write(insert).await.map_err(database_error)? {
        return Err(ServerCliError::Failed(format!("there is already a user {}; choose another name", user.username)));
    }
    print_line(&format!("added {} with the id {}", user.username, user.id))
}

async fn list(db: &Db) -> Result<(), ServerCliError> {
    let accounts = lifecycle::list(db).await.map_err(database_error)?;
    let width = accounts.iter().map(|account| account.username.len()).max().unwrap_or_default();
    accounts.iter().try_for_each(|account| {
        let kind = if account.is_service { "service" } else { "person" };
        let state = if account.is_disabled { "disabled" } else { "active" };
        print_line(&format!("{:width$}  {kind:7}  {state:8}  {}  {}", account.username, account.created_at, account.id))
    })
}

/// Finds a user by name.
pub(super) async fn find(db: &Db, name: &str) -> Result<UserRecord, ServerCliError> {
    let mut reader = db.read().await.map_err(database_error)?;
    let user = users::by_name(&mut reader, name).await.map_err(database_error)?;
    let unknown = || ServerCliError::Failed(format!("there is no user {name}; see `scry-server user list`"));
    user.ok_or_else(unknown)
}

async fn new_password(state: &AppState, username: &str, from_stdin: bool) -> Result<String, ServerCliError> {
    let password = read_password(username, from_stdin)?;
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Err(ServerCliError::Usage(format!(
            "the password is too short; use at least {MIN_PASSWORD_CHARS} characters"
        )));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(ServerCliError::Usage(format!("the password is too long; use at most {MAX_PASSWORD_BYTES} bytes")));
    }
    let passwords =
        Passwords::new(state.config.auth.argon2).map_err(|error| ServerCliError::Usage(error.to_string()))?;
    passwords.hash(password).await.map_err(|error| ServerCliError::Failed(error.to_string()))
}

fn read_password(username: &str, from_stdin: bool) -> Result<String, ServerCliError> {
    if !from_stdin {
        let prompt = format!("Password for {username}: ");
        return rpassword::prompt_password(prompt).map_err(|error| {
            ServerCliError::Usage(format!("cannot ask for a password ({error}); use --password-stdin"))
        });
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| ServerCliError::Usage(format!("--password-stdin: cannot read stdin: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Turns a failure of the database into one of the program.
pub(super) fn database_error(error: DbError) -> ServerCliError {
    ServerError::from(error).into()
}
