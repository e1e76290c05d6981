//! The commands that list and end sessions, and the one that prints an access token.

use std::time::Duration;

use jiff::Timestamp;
use scry_config::duration;
use scry_protocol::Id;
use serde_json::{Map, Value};

use super::ServerCliError;
use super::args::SessionCommand;
use super::commands::print_line;
use super::users::{database_error, find};
use crate::auth::{MAX_TOKEN_BYTES, sessions};
use crate::config::ServerConfig;
use crate::db::Tx;
use crate::{AppState, clock};

/// Bounds how long a printed token is good: nobody remembers for longer who has it.
const MAX_TOKEN_TTL: Duration = Duration::from_secs(90 * 24 * 3600);

/// Runs a command that lists or ends sessions.
pub(super) async fn run(config: ServerConfig, command: SessionCommand) -> Result<(), ServerCliError> {
    let state = AppState::open(config).await?;
    let done = match command {
        SessionCommand::List { user } => list(&state, user.as_deref()).await,
        SessionCommand::End { id: Some(id), user: None } => end(&state, &id).await,
        SessionCommand::End { id: None, user: Some(user) } => end_all(&state, &user).await,
        SessionCommand::End { .. } => Err(ServerCliError::Usage("name one session by its ID, or a --user".to_owned())),
    };
    state.db.close().await;
    done
}

async fn list(state: &AppState, user: Option<&str>) -> Result<(), ServerCliError> {
    if let Some(name) = user {
        find(&state.db, name).await?;
    }
    let living = sessions::list_active(&state.db, user, clock::now().as_millisecond()).await.map_err(database_error)?;
    let width = living.iter().map(|session| session.username.len()).max().unwrap_or_default();
    living.iter().try_for_each(|session| {
        let kind = if session.is_printed { "token" } else { "login" };
        let (since, until) = (format_millis(session.created_ms), format_millis(session.expires_ms));
        print_line(&format!("{:width$}  {kind}  since {since}  until {until}  {}", session.username, session.id))
    })
}

async fn end(state: &AppState, id: &str) -> Result<(), ServerCliError> {
    let id = Id::parse(id).map_err(|problem| ServerCliError::Usage(format!("ID: {problem}")))?;
    let ended = sessions::end(&state.db, &id, clock::now().as_millisecond()).await.map_err(database_error)?;
    match ended {
        Some(_) => print_line("the session has ended"),
        None => Err(ServerCliError::Failed(format!(
            "no session {id} is open; list open ones with `scry-server session list`"
        ))),
    }
}

async fn end_all(state: &AppState, name: &str) -> Result<(), ServerCliError> {
    let user = find(&state.db, name).await?;
    let now_ms = clock::now().as_millisecond();
    let ended = sessions::end_all_of(&state.db, &user.id, now_ms).await.map_err(database_error)?;
    print_line(&format!("{} of {name} ended", counted_noun(ended, "session")))
}

/// Prints an access token with a session of its own, which can be ended.
pub(super) async fn print_token(
    config: ServerConfig,
    name: &str,
    ttl: Option<&str>,
    claims: &[String],
) -> Result<(), ServerCliError> {
    let claims = claims.iter().map(|text| claim(text)).collect::<Result<Map<_, _>, _>>()?;
    let ttl = ttl.map(token_ttl).transpose()?.unwrap_or(config.auth.access_ttl).min(MAX_TOKEN_TTL);
    let state = AppState::open(config).await?;
    let printed = token(&state, name, ttl, claims).await;
    state.db.close().await;
    print_line(&printed?)
}

fn token_ttl(text: &str) -> Result<Duration, ServerCliError> {
    let ttl = duration::parse(text).map_err(|problem| ServerCliError::Usage(format!("--ttl: {problem}")))?;
    if ttl < Duration::from_secs(1) || ttl > MAX_TOKEN_TTL {
        let problem = "a token lasts from 1s to 2160h (90 days); a program that runs for longer should log in";
        return Err(ServerCliError::Usage(format!("--ttl: {problem}")));
    }
    Ok(ttl)
}

async fn token(
    state: &AppState,
    name: &str,
    ttl: Duration,
    claims: Map<String, Value>,
) -> Result<String, ServerCliError> {
    let user = find(&state.db, name).await?;
    if user.is_disabled {
        return Err(ServerCliError::Failed(format!("{name} is disabled; see `scry-server user enable`")));
    }
    let (session, now) = (Id::from(uuid::Uuid::now_v7()), clock::now());
    let issued = state.tokens.with_ttl(ttl).issue_with(&user.id, &user.username, &session, now, claims);
    let (token, exp) = issued.map_err(|error| ServerCliError::Failed(error.to_string()))?;
    if token.len() > MAX_TOKEN_BYTES {
        let problem = format!("the token would have {} bytes, and at most {MAX_TOKEN_BYTES} are accepted", token.len());
        return Err(ServerCliError::Usage(format!("--claim: {problem}; shorten it")));
    }
    let (now_ms, expires_ms) = (now.as_millisecond(), exp.saturating_mul(1000));
    let open = async |tx: &mut Tx| sessions::open_printed(tx, &session, &user.id, now_ms, expires_ms).await;
    state.db.write(open).await.map_err(database_error)?;
    Ok(token)
}

/// Reads a further claim of a token: `NAME=VALUE`, or `NAME=[A,B]` for a list.
fn claim(text: &str) -> Result<(String, Value), ServerCliError> {
    let usage = |problem: String| ServerCliError::Usage(format!("--claim: {problem}"));
    let (name, value) = text.split_once('=').ok_or_else(|| usage(format!("“{text}” must be NAME=VALUE")))?;
    let said = ["sub", "name", "iat", "exp", "jti", "sid", "nbf", "aud", "iss"];
    if name.is_empty() || said.contains(&name) {
        return Err(usage(format!("“{name}” is set by the server itself; choose another name")));
    }
    let list = value.strip_prefix('[').and_then(|list| list.strip_suffix(']'));
    let value = match list {
        Some(list) => list.split(',').map(|item| Value::from(item.trim())).collect(),
        None => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

/// Writes a number with what it counts.
pub(super) fn counted_noun(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

fn format_millis(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(clock::format_time).unwrap_or_default()
}
