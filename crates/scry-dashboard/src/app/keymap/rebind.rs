//! Keys as a person wants them: the table with some lines changed, and what is wrong with a wish.

use std::collections::BTreeMap;

use scry_text::suggest::nearest;

use super::binding::Binding;
use super::table::BINDINGS;
use crate::app::command::KeyContext;
use crate::app::key::Key;

/// An entry of the configuration's keys that cannot be used, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KeymapError {
    /// The context, as the configuration names it.
    pub context: String,
    /// The command, where the context is known.
    pub command: Option<String>,
    /// What is wrong and what to do, in one sentence.
    pub message: String,
}

type RequestedBinding = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Returns the keys of each line of the table.
pub(super) fn rebound(wanted: &RequestedBinding) -> Result<Vec<Vec<Key>>, KeymapError> {
    let mut keys: Vec<Vec<Key>> = BINDINGS.iter().map(usual).collect();
    let mut changed = Vec::new();
    for (context_name, commands) in wanted {
        let context = KeyContext::named(context_name).ok_or_else(|| unknown_context(context_name))?;
        for (command, names) in commands {
            let problem = |message: String| KeymapError {
                context: context_name.clone(),
                command: Some(command.clone()),
                message,
            };
            let index = BINDINGS.iter().position(|line| line.context == context && line.command == *command);
            let index = index.ok_or_else(|| problem(unknown_command(context, command)))?;
            let parse = |name: &String| name.parse::<Key>().map_err(|error| problem(error.to_string()));
            let parsed = names.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
            if let Some(slot) = keys.get_mut(index) {
                *slot = parsed;
            }
            changed.push((index, context_name, command));
        }
    }
    for (index, context, command) in changed {
        if let Some(message) = clash(index, &keys) {
            return Err(KeymapError { context: context.clone(), command: Some(command.clone()), message });
        }
    }
    Ok(keys)
}

/// Returns the keys a line has unless somebody wants others.
pub(super) fn usual(line: &Binding) -> Vec<Key> {
    line.keys.iter().filter_map(|key| key.parse().ok()).collect()
}

/// Returns an error about a key of a line that means something else in the same place.
fn clash(index: usize, keys: &[Vec<Key>]) -> Option<String> {
    let line = BINDINGS.get(index)?;
    let mine = keys.get(index)?;
    let others = BINDINGS
        .iter()
        .zip(keys)
        .enumerate()
        .filter(|(other, (binding, _))| *other != index && meet(line.context, binding.context));
    for (_, (other, theirs)) in others {
        if let Some(key) = mine.iter().find(|key| theirs.contains(key)) {
            let (context, command) = (other.context.name(), other.command);
            return Some(format!(
                "{key} is bound to {context}.{command} already; give that another key, or none: {context}.{command} = []"
            ));
        }
    }
    let twice = mine.iter().enumerate().find(|(at, key)| mine.iter().take(*at).any(|earlier| earlier == *key));
    twice.map(|(_, key)| format!("{key} is named twice"))
}

/// Returns whether two contexts can hold at the same time; the help may take keys of what lies below it.
fn meet(one: KeyContext, other: KeyContext) -> bool {
    if (one == KeyContext::Help) != (other == KeyContext::Help) {
        return false;
    }
    BINDINGS.iter().map(|line| line.context.chain()).any(|chain| chain.contains(&one) && chain.contains(&other))
}

fn unknown_context(name: &str) -> KeymapError {
    let mut known: Vec<_> = BINDINGS.iter().map(|line| line.context.name()).collect();
    known.sort_unstable();
    known.dedup();
    let remedy = nearest(name, known.iter().copied())
        .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean “{near}”?"));
    KeymapError {
        context: name.to_owned(),
        command: None,
        message: format!("there is no section “{}”; {remedy}", scry_text::line(name)),
    }
}

fn unknown_command(context: KeyContext, name: &str) -> String {
    let here: Vec<_> = BINDINGS.iter().filter(|line| line.context == context).map(|line| line.command).collect();
    let elsewhere = BINDINGS.iter().find(|line| line.command == name);
    let remedy = match (nearest(name, here.iter().copied()), elsewhere) {
        (Some(near), _) => format!("did you mean “{near}”?"),
        (None, Some(line)) => format!("write {}.{name}", line.context.name()),
        (None, None) => format!("known are {}", here.join(", ")),
    };
    format!("there is no command “{}” in {}; {remedy}", scry_text::line(name), context.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::{Action, Keymap};

    fn wish(context: &str, command: &str, keys: &[&str]) -> RequestedBinding {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        BTreeMap::from([(context.to_owned(), BTreeMap::from([(command.to_owned(), keys)]))])
    }

    fn problem(context: &str, command: &str, keys: &[&str]) -> String {
        Keymap::rebound(&wish(context, command, keys)).unwrap_err().message
    }

    #[test]
    fn a_command_gets_other_keys_and_loses_its_own() {
        let keymap = Keymap::rebound(&wish("dashboard", "quit", &["Q", "ctrl-q"])).unwrap();
        let action = |key: &str| keymap.action(KeyContext::World, key.parse().unwrap());
        assert_eq!((action("Q"), action("ctrl-q"), action("q")), (Some(Action::Quit), Some(Action::Quit), None));
        let none = Keymap::rebound(&wish("dashboard", "quit", &[])).unwrap();
        assert_eq!(none.action(KeyContext::World, "q".parse().unwrap()), None);
    }

    #[test]
    fn a_key_with_two_meanings_in_one_place_is_refused() {
        assert_eq!(
            problem("world", "fold", &["q"]),
            "q is bound to dashboard.quit already; give that another key, or none: dashboard.quit = []"
        );
        assert_eq!(problem("journal", "pause", &["p", "p"]), "p is named twice");
        assert!(Keymap::rebound(&wish("journal", "pause", &["h"])).is_ok(), "h means something in other panes only");
    }

    #[test]
    fn unknown_names_are_refused_with_what_was_probably_meant() {
        assert_eq!(problem("wrold", "fold", &[]), "there is no section “wrold”; did you mean “world”?");
        assert_eq!(problem("world", "folt", &[]), "there is no command “folt” in world; did you mean “fold”?");
        assert_eq!(problem("world", "quit", &[]), "there is no command “quit” in world; write dashboard.quit");
        assert!(problem("world", "fold", &["hyper-x"]).contains("`hyper-x` is not a key"));
    }

    #[test]
    fn every_command_can_be_bound_and_unbound() {
        for line in BINDINGS {
            let fresh = wish(line.context.name(), line.command, &["f19"]);
            assert!(Keymap::rebound(&fresh).is_ok(), "{}", line.command);
            assert!(Keymap::rebound(&wish(line.context.name(), line.command, &[])).is_ok(), "{}", line.command);
        }
    }
}
