//! The commands of `scry`: flags in, exit code out.

pub mod args;
mod config;
mod context;
mod error;
mod login;
mod watch;

use clap::Parser;

use self::args::{Cli, Command};
use self::context::Context;
use self::error::CliError;
use crate::config::process_env;
use crate::exit::Exit;

/// Runs the command line of this process; `clap` ends it by itself on a wrong flag, with code 2.
#[must_use]
pub fn main() -> Exit {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CliError::Internal(format!("cannot start: {error}"))),
    };
    let exit = runtime.block_on(run(cli)).unwrap_or_else(|error| fail(&error));
    // A keyring that never answers, or a read of the terminal, must not hold the program back.
    runtime.shutdown_background();
    exit
}

async fn run(cli: Cli) -> Result<Exit, CliError> {
    if let Some(Command::Config(action)) = cli.command {
        return config::run(action, &cli.common, &process_env);
    }
    let context = Context::new(&cli.common, &process_env)?;
    let _log = context.start_log(cli.common.log_file.as_deref())?;
    match cli.command {
        Some(Command::Login(args)) => login::login(&context, &args).await,
        Some(Command::Logout) => login::logout(&context).await,
        Some(Command::Whoami) => login::whoami(&context).await,
        Some(Command::Watch(args)) => watch::run(&context, &args).await,
        Some(Command::Demo(_) | Command::Config(_)) | None => Err(CliError::Internal("not yet".to_owned())),
    }
}

fn fail(error: &CliError) -> Exit {
    context::say(&error.to_string());
    error.exit()
}
