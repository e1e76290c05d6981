//! The commands of `scry`: flags in, exit code out.

pub mod args;
mod clock;
mod complete;
mod config;
mod context;
mod dashboard;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod edit;
mod error;
mod expect;
mod find;
mod get;
mod inbox;
mod invitations;
mod listen;
mod login;
mod outbox;
mod people;
mod record;
mod recordings;
#[cfg(feature = "server")]
mod replay_gateway;
mod shell;
mod watch;
mod zstd;

use std::panic::{self, AssertUnwindSafe};

use clap::Parser;
use scry_command::exit::Exit;
use scry_config::process_env;

use self::args::{Cli, CliCommand};
use self::context::CliContext;
use self::error::CliError;

/// Runs the command line of this process; `clap` ends it by itself on a wrong flag, with code 2.
#[must_use]
pub fn main() -> Exit {
    if complete::answer() {
        return Exit::Met;
    }
    let cli = Cli::parse();
    let runtime = match runtime(&cli).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CliError::Internal(format!("cannot start: {error}"))),
    };
    let ran = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(cli))));
    let exit = match ran {
        Ok(ended) => ended.unwrap_or_else(|error| fail(&error)),
        // The panic has been told already, after the terminal was given back.
        Err(_) => Exit::Internal,
    };
    // A keyring that never answers, or a read of the terminal, must not hold the program back.
    runtime.shutdown_background();
    exit
}

/// Chooses how the work is spread: what only listens and prints is quickest, and smallest, on one thread.
fn runtime(cli: &Cli) -> tokio::runtime::Builder {
    match cli.command {
        Some(CliCommand::Watch(_) | CliCommand::Wait(_) | CliCommand::Expect(_) | CliCommand::Record(_)) => {
            tokio::runtime::Builder::new_current_thread()
        }
        _ => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(2);
            builder
        }
    }
}

async fn run(cli: Cli) -> Result<Exit, CliError> {
    // Made by each command: finding and mending the configuration must work while it is broken.
    let context = || CliContext::start(&cli.common, &process_env);
    match cli.command {
        None => dashboard::run(&context()?, &cli.dashboard).await,
        #[cfg(feature = "demo")]
        Some(CliCommand::Demo(args)) => demo::run(&cli.common, &process_env, &args).await,
        Some(CliCommand::Login(args)) => login::login(&context()?, &args).await,
        Some(CliCommand::Logout) => login::logout(&context()?).await,
        Some(CliCommand::Whoami) => login::whoami(&context()?).await,
        Some(CliCommand::Watch(args)) => watch::run(&context()?, &args).await,
        Some(CliCommand::Wait(args)) => watch::wait(&context()?, &args).await,
        Some(CliCommand::Expect(args)) => expect::run(&context()?, &args).await,
        Some(CliCommand::Record(args)) => record::record(&context()?, &args).await,
        Some(CliCommand::Replay(args)) => record::replay(&context()?, &args).await,
        Some(CliCommand::Get(args)) => get::run(&context()?, &args).await,
        Some(CliCommand::Create(args)) => edit::create(&context()?, &args).await,
        Some(CliCommand::Update(args)) => edit::update(&context()?, &args).await,
        Some(CliCommand::Delete(args)) => edit::delete(&context()?, &args).await,
        Some(CliCommand::AdvanceTime(args)) => clock::advance(&context()?, &args).await,
        Some(CliCommand::Outbox { action }) => outbox::run(&context()?, action).await,
        Some(CliCommand::Invitations { action }) => invitations::run(&context()?, action).await,
        Some(CliCommand::SetTime(args)) => clock::set(&context()?, &args).await,
        Some(CliCommand::Notify(args)) => people::notify(&context()?, &args).await,
        Some(CliCommand::Publish(args)) => edit::publish(&context()?, &args).await,
        Some(CliCommand::Doctor(args)) => doctor::run(&cli.common, &process_env, &args).await,
        Some(CliCommand::Completions(args)) => shell::completions(&args),
        Some(CliCommand::Man) => shell::man(),
        Some(CliCommand::Config(action)) => config::run(action, &cli.common, &process_env),
    }
}

fn fail(error: &CliError) -> Exit {
    context::say(&error.to_string());
    error.exit()
}
