//! What ties keys to a command.

use super::super::command::{Action, KeyContext};

/// Ties keys to a command, with the words that explain it.
#[derive(Debug)]
pub struct Binding {
    /// The place in which the keys lead to the command.
    pub context: KeyContext,
    /// The command's name, for a configuration and a command line.
    pub command: &'static str,
    /// The action that the command performs.
    pub action: Action,
    /// The usual keys, by name.
    pub keys: &'static [&'static str],
    /// What it does, for the help.
    pub help: &'static str,
    /// The word on the key line; `None` keeps it off that line.
    pub hint: Option<&'static str>,
}

/// Makes a binding.
pub(super) const fn bind(
    context: KeyContext,
    command: &'static str,
    action: Action,
    keys: &'static [&'static str],
    help: &'static str,
    hint: Option<&'static str>,
) -> Binding {
    Binding { context, command, action, keys, help, hint }
}
