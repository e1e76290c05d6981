//! What each command does.

use std::io::Write;
use std::path::Path;

use scry_command::progress::Progress;
use scry_config::process_env;
use scry_world::World;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::args::{ServerCli, ServerCommand};
use super::{ServerCliError, log, members, rooms, sessions, users};
use crate::auth::key;
use crate::auth::password::Passwords;
use crate::config::{ServerConfig, load};
use crate::db::{database_url, is_shared};
use crate::{Server, ServerError, seed};

/// Runs the command that was given, or serves.
pub(super) async fn run(cli: ServerCli) -> Result<(), ServerCliError> {
    let config = load(cli.options.config.as_deref(), &process_env, &cli.options.flags())?;
    log::start(config.log_format);
    match cli.command.unwrap_or(ServerCommand::Serve) {
        ServerCommand::Serve => serve(config).await,
        ServerCommand::Seed { world } => load_world(&config, world.as_deref()).await,
        ServerCommand::User(command) => users::run(config, command).await,
        ServerCommand::Member(command) => members::run(config, command).await,
        ServerCommand::Session(command) => sessions::run(config, command).await,
        ServerCommand::Room(command) => rooms::run(config, command).await,
        ServerCommand::Token { name, ttl, claims } => {
            sessions::print_token(config, &name, ttl.as_deref(), &claims).await
        }
        ServerCommand::CheckConfig => check(&config),
    }
}

async fn serve(config: ServerConfig) -> Result<(), ServerCliError> {
    let address = config.listen;
    let shutdown = CancellationToken::new();
    stop_on_signals(&shutdown)?;
    #[cfg(unix)]
    super::limit::raise();
    let listener = TcpListener::bind(address).await.map_err(|source| ServerError::Bind { address, source })?;
    let server = Server::open(config).await?;
    print_line(&format!("listening on http://{}", listener.local_addr().map_err(ServerError::from)?))?;
    Ok(server.run(listener, shutdown).await?)
}

#[cfg(unix)]
fn stop_on_signals(shutdown: &CancellationToken) -> Result<(), ServerCliError> {
    use tokio::signal::unix::{SignalKind, signal};
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

#[cfg(not(unix))]
fn stop_on_signals(shutdown: &CancellationToken) -> Result<(), ServerCliError> {
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        // Without a console there is nothing that could interrupt it.
        if tokio::signal::ctrl_c().await.is_ok() {
            shutdown.cancel();
        }
    });
    Ok(())
}

async fn load_world(config: &ServerConfig, path: Option<&Path>) -> Result<(), ServerCliError> {
    let world = match path {
        None => World::bundled(),
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path)
                .map_err(|error| ServerCliError::Usage(format!("--world: cannot read {shown}: {error}")))?;
            World::parse(&text).map_err(|error| ServerCliError::Usage(format!("--world: {shown}: {error}")))?
        }
    };
    let progress = Progress::new(true);
    progress.set_message(|| format!("adding {} users and {} campaigns", world.users.len(), world.campaigns.len()));
    let report = progress.run(seed(config, &world)).await?;
    drop(progress);
    if report.users + report.campaigns == 0 {
        return print_line("nothing to add: this world is already loaded");
    }
    print_line(&format!("added {} users, {} campaigns, {} entities", report.users, report.campaigns, report.entities))
}

fn check(config: &ServerConfig) -> Result<(), ServerCliError> {
    let database = database_url(config).map_err(ServerError::from)?;
    Passwords::new(config.auth.argon2).map_err(|error| ServerCliError::Usage(error.to_string()))?;
    if config.auth.jwt_secret.is_some() || is_shared(config) {
        key::signing_key(config)?;
    }
    let names: Vec<_> = config.catalogues.iter().map(|catalogue| &*catalogue.name).collect();
    let catalogues = if names.is_empty() { String::new() } else { format!(", catalogues {}", names.join(", ")) };
    let database = database.trim_end_matches("?mode=rwc");
    print_line(&format!("the settings are valid: listen on {}, {database}{catalogues}", config.listen))
}

/// Prints a line to stdout; who has closed it does not want to know.
pub(super) fn print_line(line: &str) -> Result<(), ServerCliError> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(ServerCliError::Failed(error.to_string())),
        _ => Ok(()),
    }
}
