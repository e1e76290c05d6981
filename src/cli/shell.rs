//! `scry completions` and `scry man`.

use std::io::{self, Write};

use clap::CommandFactory;
use scry_command::exit::Exit;

use super::args::{Cli, CompletionsArgs};
use super::complete;
use super::error::CliError;

/// Writes the completions of a shell.
///
/// # Errors
/// [`CliError::Io`] when stdout cannot be written to.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    complete::script(args.shell, &mut script).map_err(CliError::io("cannot write the completions"))?;
    write(&script)
}

/// Writes the manual page, the pages of the commands after that of the program.
///
/// # Errors
/// [`CliError::Io`] when stdout cannot be written to.
pub(super) fn man() -> Result<Exit, CliError> {
    let mut page = Vec::new();
    let failed = || CliError::io("cannot write the manual page");
    let mut command = Cli::command().name("scry");
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed())?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        clap_mangen::Man::new(sub.clone()).render(&mut page).map_err(failed())?;
    }
    write(&page)
}

fn write(bytes: &[u8]) -> Result<Exit, CliError> {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::io("cannot write to stdout")(error)),
        Ok(()) | Err(_) => Ok(Exit::Met),
    }
}
