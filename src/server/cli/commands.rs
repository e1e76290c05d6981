//! What each command does.

use std::io::{BufRead, Write};
use std::path::Path;

use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::args::{Cli, Command, UserCommand};
use super::{CliError, limit, log, members, rooms};
use crate::config::server::{ServerConfig, load};
use crate::config::{duration, process_env};
use crate::progress::Progress;
use crate::protocol::Id;
use crate::server::auth::password::Passwords;
use crate::server::auth::users::{self, User};
use crate::server::auth::{MAX_TOKEN, key};
use crate::server::db::{Db, DbError, Tx, database_url, is_shared};
use crate::server::{Core, Server, ServerError, clock, seed};
use crate::world::World;

const MIN_PASSWORD: usize = 8;

/// Runs the command that was given, or serves.
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let config = load(cli.options.config.as_deref(), &process_env, &cli.options.flags())?;
    log::start(config.log_format);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(config).await,
        Command::Seed { world } => load_world(&config, world.as_deref()).await,
        Command::User(UserCommand::Add { name, service, password_stdin }) => {
            add_user(&config, name, service, password_stdin).await
        }
        Command::Member(command) => members::run(config, command).await,
        Command::Room(command) => rooms::run(config, command).await,
        Command::Token { name, ttl, claims } => print_token(config, &name, ttl.as_deref(), &claims).await,
        Command::CheckConfig => check(&config),
    }
}

async fn serve(config: ServerConfig) -> Result<(), CliError> {
    let address = config.listen;
    let shutdown = CancellationToken::new();
    stop_on_signals(&shutdown)?;
    limit::raise();
    let listener = TcpListener::bind(address).await.map_err(|source| ServerError::Bind { address, source })?;
    let server = Server::open(config).await?;
    say(&format!("listening on http://{}", listener.local_addr().map_err(ServerError::from)?))?;
    Ok(server.run(listener, shutdown).await?)
}

fn stop_on_signals(shutdown: &CancellationToken) -> Result<(), CliError> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signal = signal(kind).map_err(ServerError::from)?;
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            signal.recv().await;
            shutdown.cancel();
        });
    }
    Ok(())
}

async fn load_world(config: &ServerConfig, path: Option<&Path>) -> Result<(), CliError> {
    let world = match path {
        None => World::bundled(),
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path)
                .map_err(|error| CliError::Usage(format!("--world: cannot read {shown}: {error}")))?;
            World::parse(&text).map_err(|error| CliError::Usage(format!("--world: {shown}: {error}")))?
        }
    };
    let progress = Progress::new(true);
    progress.say(|| format!("adding {} users and {} campaigns", world.users.len(), world.campaigns.len()));
    let report = progress.during(seed(config, &world)).await?;
    drop(progress);
    if report.users + report.campaigns == 0 {
        return say("nothing to add: this world is already loaded");
    }
    say(&format!("added {} users, {} campaigns, {} entities", report.users, report.campaigns, report.entities))
}

async fn add_user(
    config: &ServerConfig,
    username: String,
    is_service: bool,
    password_stdin: bool,
) -> Result<(), CliError> {
    if username.is_empty() || username.len() > 64 || !username.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(CliError::Usage("NAME: must be 1 to 64 printable characters without blanks".to_owned()));
    }
    let password = read_password(&username, password_stdin)?;
    if password.chars().count() < MIN_PASSWORD {
        return Err(CliError::Usage(format!("the password is too short; use at least {MIN_PASSWORD} characters")));
    }
    key::prepare_data_dir(&config.data_dir)?;
    let passwords = Passwords::new(config.auth.argon2).map_err(|error| CliError::Usage(error.to_string()))?;
    let password_hash = passwords.hash(password).await.map_err(|error| CliError::Failed(error.to_string()))?;
    let db = Db::open(config).await.map_err(ServerError::from)?;
    let user = User { id: Id::from(uuid::Uuid::now_v7()), username, password_hash, is_service };
    let add = async |tx: &mut Tx| {
        let is_new = users::by_name(tx, &user.username).await?.is_none();
        if is_new {
            users::insert(tx, &user).await?;
        }
        Ok::<_, DbError>(is_new)
    };
    let is_new = db.write(add).await.map_err(ServerError::from)?;
    db.close().await;
    if !is_new {
        return Err(CliError::Failed(format!("there is already a user {}; choose another name", user.username)));
    }
    say(&format!("added {} with the id {}", user.username, user.id))
}

fn read_password(username: &str, from_stdin: bool) -> Result<String, CliError> {
    if !from_stdin {
        let prompt = format!("Password for {username}: ");
        return rpassword::prompt_password(prompt)
            .map_err(|error| CliError::Usage(format!("cannot ask for a password ({error}); use --password-stdin")));
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::Usage(format!("--password-stdin: cannot read stdin: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn print_token(config: ServerConfig, name: &str, ttl: Option<&str>, claims: &[String]) -> Result<(), CliError> {
    let claims = claims.iter().map(|text| claim(text)).collect::<Result<Map<_, _>, _>>()?;
    let ttl = ttl.map(duration::parse).transpose().map_err(|problem| CliError::Usage(format!("--ttl: {problem}")))?;
    if ttl.is_some_and(|ttl| ttl.is_zero()) {
        return Err(CliError::Usage("--ttl: a token must last longer than nothing".to_owned()));
    }
    let ttl = ttl.unwrap_or(config.auth.access_ttl);
    let core = Core::open(config).await?;
    let mut reader = core.db.read().await.map_err(ServerError::from)?;
    let user = users::by_name(&mut reader, name).await.map_err(ServerError::from)?;
    drop(reader);
    let user = user.ok_or_else(|| CliError::Failed(format!("there is no user {name}; see `scry-server user add`")))?;
    let session = Id::from(uuid::Uuid::now_v7());
    let tokens = core.tokens.with_ttl(ttl);
    let issued = tokens.issue_with(&user.id, &user.username, &session, clock::now(), claims);
    let (token, _) = issued.map_err(|error| CliError::Failed(error.to_string()))?;
    core.db.close().await;
    if token.len() > MAX_TOKEN {
        let problem = format!("the token would have {} bytes, and none over {MAX_TOKEN} is taken", token.len());
        return Err(CliError::Usage(format!("--claim: {problem}; say less")));
    }
    say(&token)
}

/// Reads a further claim of a token: `NAME=VALUE`, or `NAME=[A,B]` for a list.
fn claim(text: &str) -> Result<(String, Value), CliError> {
    let usage = |problem: String| CliError::Usage(format!("--claim: {problem}"));
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

fn check(config: &ServerConfig) -> Result<(), CliError> {
    let database = database_url(config).map_err(ServerError::from)?;
    Passwords::new(config.auth.argon2).map_err(|error| CliError::Usage(error.to_string()))?;
    if config.auth.jwt_secret.is_some() || is_shared(config) {
        key::signing_key(config)?;
    }
    let names: Vec<_> = config.catalogues.iter().map(|catalogue| &*catalogue.name).collect();
    let catalogues = if names.is_empty() { String::new() } else { format!(", catalogues {}", names.join(", ")) };
    let database = database.trim_end_matches("?mode=rwc");
    say(&format!("the settings are sound: listen on {}, {database}{catalogues}", config.listen))
}

/// Prints a line to stdout; who has closed it does not want to know.
pub(super) fn say(line: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Failed(error.to_string())),
        _ => Ok(()),
    }
}
