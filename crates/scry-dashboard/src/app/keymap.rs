//! Which key means which command where.

mod binding;
mod rebind;
mod table;

use std::collections::{BTreeMap, HashMap};

pub use binding::Binding;
pub use rebind::KeymapError;
pub use table::BINDINGS;

pub use super::command::{Action, KeyContext};
use super::key::Key;
pub use super::pane::Pane;

/// Finds the command of a key, and the keys of a command.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// The keys of each line of the table.
    keys: Vec<Vec<Key>>,
    actions: HashMap<(KeyContext, Key), Action>,
    /// Whether the person may change the campaign.
    allows_edits: bool,
    /// Whether commands are named by their names rather than by their keys.
    names_commands: bool,
}

/// A command with the keys that lead to it now; there may be none.
#[derive(Debug, Clone, Copy)]
pub struct BoundCommand<'a> {
    /// The command's line in the table.
    pub binding: &'static Binding,
    /// The keys that lead to the command, as the configuration has them.
    pub keys: &'a [Key],
}

impl Keymap {
    fn new(keys: Vec<Vec<Key>>) -> Self {
        let lines = BINDINGS.iter().zip(&keys);
        let actions = lines.flat_map(|(line, keys)| keys.iter().map(|key| ((line.context, *key), line.action)));
        Self { actions: actions.collect(), keys, allows_edits: false, names_commands: false }
    }

    /// Changes the table as a configuration says: for each context and command the keys that are to lead to it.
    ///
    /// # Errors
    /// [`KeymapError`] for an unknown context, command or key, and for a key that would mean two things in one place.
    pub fn rebound(wanted: &BTreeMap<String, BTreeMap<String, Vec<String>>>) -> Result<Self, KeymapError> {
        rebind::rebound(wanted).map(Self::new)
    }

    /// Looks a key up in a context and then in the ones around it.
    #[must_use]
    pub(crate) fn action(&self, context: KeyContext, key: Key) -> Option<Action> {
        let action = context.chain().iter().find_map(|context| self.actions.get(&(*context, key)).copied());
        action.filter(|action| self.offers(*action))
    }

    /// Returns how a command is reached: by its first key as it is drawn, or by its name where there are no keys.
    #[must_use]
    pub(crate) fn label(&self, action: Action) -> Option<String> {
        let line = BINDINGS.iter().position(|binding| binding.action == action)?;
        if self.names_commands {
            return BINDINGS.get(line).map(|binding| format!("“{}”", binding.command));
        }
        self.keys.get(line)?.first().map(|key| key.label(false))
    }

    /// Returns how a command is reached in a context: by its first key there, or else by its name in the palette.
    #[must_use]
    pub(crate) fn reach(&self, context: KeyContext, action: Action, ascii: bool) -> String {
        let found = self
            .bindings(context)
            .filter(|bound| bound.binding.action == action)
            .max_by_key(|bound| !bound.keys.is_empty());
        let Some(bound) = found else { return String::new() };
        bound.keys.first().map_or_else(|| format!(":{}", bound.binding.command), |key| key.label(ascii))
    }

    /// Sets whether commands are typed as lines, and so known by their names.
    pub(crate) const fn name_commands(&mut self, named: bool) {
        self.names_commands = named;
    }

    /// Sets whether the campaign may be changed; without that right the commands that do so are not offered.
    pub(crate) const fn allow_edits(&mut self, allowed: bool) {
        self.allows_edits = allowed;
    }

    fn offers(&self, action: Action) -> bool {
        self.allows_edits || !matches!(action, Action::Edit(edit_command) if edit_command.changes_campaign())
    }

    /// Lists every command, in the order of the table.
    pub fn all(&self) -> impl Iterator<Item = BoundCommand<'_>> {
        BINDINGS.iter().zip(&self.keys).map(|(binding, keys)| BoundCommand { binding, keys })
    }

    /// Lists what can be done in a context, in the order of the table.
    pub fn bindings(&self, context: KeyContext) -> impl Iterator<Item = BoundCommand<'_>> {
        let here = move |bound: &BoundCommand<'_>| context.chain().contains(&bound.binding.context);
        self.all().filter(move |bound| here(bound) && self.offers(bound.binding.action))
    }
}

impl Default for Keymap {
    fn default() -> Self {
        Self::new(BINDINGS.iter().map(rebind::usual).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_key_in_the_table_is_a_key() {
        for key in BINDINGS.iter().flat_map(|binding| binding.keys) {
            assert!(key.parse::<Key>().is_ok(), "{key}");
        }
    }

    #[test]
    fn no_key_has_two_meanings_where_both_hold() {
        // The help lies over everything and may take keys of what is below it.
        for context in BINDINGS.iter().map(|binding| binding.context).filter(|context| *context != KeyContext::Help) {
            let mut seen = HashSet::new();
            for binding in BINDINGS.iter().filter(|binding| context.chain().contains(&binding.context)) {
                for key in binding.keys {
                    assert!(seen.insert(key), "{key} means two things ({})", binding.command);
                }
            }
        }
    }

    #[test]
    fn the_keys_of_a_recording_mean_nothing_else_on_the_dashboard() {
        let deck = BINDINGS.iter().filter(|binding| binding.context == KeyContext::Replay);
        let keys: HashSet<_> = deck.flat_map(|binding| binding.keys).collect();
        let beside =
            |context: KeyContext| context == KeyContext::Everywhere || context.chain().contains(&KeyContext::Dashboard);
        for binding in BINDINGS.iter().filter(|binding| beside(binding.context)) {
            assert!(
                binding.keys.iter().all(|key| !keys.contains(key)),
                "{} takes a key of a recording",
                binding.command
            );
        }
    }

    #[test]
    fn command_names_are_unique() {
        let names: HashSet<_> = BINDINGS.iter().map(|binding| binding.command).collect();
        assert_eq!(names.len(), BINDINGS.len());
    }

    #[test]
    fn command_without_keys_is_reached_by_name() {
        let unbound = BTreeMap::from([("clear-filter".to_owned(), Vec::new())]);
        let keymap = Keymap::rebound(&BTreeMap::from([("world".to_owned(), unbound)])).unwrap();
        assert_eq!(keymap.reach(KeyContext::World, Action::ClearFilter, false), ":clear-filter");
        assert_eq!(keymap.reach(KeyContext::Journal, Action::ClearFilter, false), "esc");
    }

    #[test]
    fn a_nearer_meaning_wins() {
        let keymap = Keymap::default();
        assert_eq!(keymap.action(KeyContext::World, "j".parse().unwrap()), Some(Action::Down));
        assert_eq!(keymap.action(KeyContext::Help, "q".parse().unwrap()), Some(Action::Close));
        assert_eq!(keymap.action(KeyContext::World, "q".parse().unwrap()), Some(Action::Quit));
    }
}
