//! Keys, commands and their help: one table.

use std::collections::HashMap;

use super::key::Key;

/// Names everything a person can ask the dashboard to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Fold,
    Unfold,
    Activate,
    Choose,
    NextPane,
    PreviousPane,
    Pane(Pane),
    Follow,
    TogglePause,
    NextChange,
    PreviousChange,
    Retry,
    Help,
    Close,
    Suspend,
    Quit,
}

/// Names a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    World,
    Detail,
    Journal,
}

impl Pane {
    /// Lists the panes in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::World, Self::Detail, Self::Journal];

    /// Returns the name on the pane's rule and tab.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::World => "World",
            Self::Detail => "Detail",
            Self::Journal => "Journal",
        }
    }
}

/// Names what a key's meaning depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// Works everywhere.
    Everywhere,
    /// Works while a campaign is on screen, whichever pane has the focus.
    Dashboard,
    World,
    Detail,
    Journal,
    /// Works while a campaign is being chosen.
    Picker,
    Help,
}

impl Context {
    /// Returns the heading in the help.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Dashboard => "Dashboard",
            Self::World => "World",
            Self::Detail => "Detail",
            Self::Journal => "Journal",
            Self::Picker => "Choosing a campaign",
            Self::Help => "Help",
        }
    }

    /// Lists the contexts that hold at the same time as this one, the nearest first.
    #[must_use]
    pub const fn chain(self) -> &'static [Self] {
        match self {
            Self::Everywhere => &[Self::Everywhere],
            Self::Dashboard => &[Self::Dashboard, Self::Everywhere],
            Self::World => &[Self::World, Self::Dashboard, Self::Everywhere],
            Self::Detail => &[Self::Detail, Self::Dashboard, Self::Everywhere],
            Self::Journal => &[Self::Journal, Self::Dashboard, Self::Everywhere],
            Self::Picker => &[Self::Picker, Self::Everywhere],
            Self::Help => &[Self::Help, Self::Everywhere],
        }
    }
}

/// Ties keys to a command, with the words that explain it.
#[derive(Debug)]
pub struct Binding {
    pub context: Context,
    /// The command's name, for a configuration and a command line.
    pub command: &'static str,
    pub action: Action,
    pub keys: &'static [&'static str],
    /// What it does, for the help.
    pub help: &'static str,
    /// The word on the key line; `None` keeps it off that line.
    pub hint: Option<&'static str>,
}

const fn bind(
    context: Context,
    command: &'static str,
    action: Action,
    keys: &'static [&'static str],
    help: &'static str,
    hint: Option<&'static str>,
) -> Binding {
    Binding { context, command, action, keys, help, hint }
}

/// Lists every command; the order is that of the help and of the key line.
pub const BINDINGS: &[Binding] = {
    use Action as A;
    use Context as C;
    &[
        bind(
            C::World,
            "open",
            A::Activate,
            &["enter", "space"],
            "fold or unfold; open what cannot be folded",
            Some("open"),
        ),
        bind(C::World, "fold", A::Fold, &["left", "h"], "fold, or go to the parent", None),
        bind(C::World, "unfold", A::Unfold, &["right", "l"], "unfold, or go to the first child", None),
        bind(
            C::Journal,
            "go-to-entity",
            A::Activate,
            &["enter", "space"],
            "show the entity this event is about",
            Some("show"),
        ),
        bind(C::Journal, "follow", A::Follow, &["f"], "follow: keep the newest event in view", Some("follow")),
        bind(
            C::Journal,
            "pause",
            A::TogglePause,
            &["p"],
            "pause, or go on; what arrives meanwhile is counted",
            Some("pause"),
        ),
        bind(C::Detail, "back", A::Pane(Pane::World), &["left", "h", "esc"], "back to the World", Some("back")),
        bind(C::Picker, "choose", A::Choose, &["enter", "space", "right", "l"], "watch this campaign", Some("watch")),
        bind(
            C::Dashboard,
            "next-change",
            A::NextChange,
            &["n"],
            "go to the next entity with a fresh change",
            Some("next change"),
        ),
        bind(C::Dashboard, "previous-change", A::PreviousChange, &["N"], "go to the previous one", None),
        bind(C::Everywhere, "up", A::Up, &["up", "k"], "up", None),
        bind(C::Everywhere, "down", A::Down, &["down", "j"], "down", None),
        bind(C::Everywhere, "page-up", A::PageUp, &["pgup", "ctrl-u"], "a page up", None),
        bind(C::Everywhere, "page-down", A::PageDown, &["pgdn", "ctrl-d"], "a page down", None),
        bind(C::Everywhere, "first", A::First, &["g", "home"], "to the first row", None),
        bind(C::Everywhere, "last", A::Last, &["G", "end"], "to the last row", None),
        bind(C::Dashboard, "next-pane", A::NextPane, &["tab"], "next pane", Some("pane")),
        bind(C::Dashboard, "previous-pane", A::PreviousPane, &["shift-tab"], "previous pane", None),
        bind(C::Dashboard, "world", A::Pane(Pane::World), &["1"], "to the World pane", None),
        bind(C::Dashboard, "detail", A::Pane(Pane::Detail), &["2"], "to the Detail pane", None),
        bind(C::Dashboard, "journal", A::Pane(Pane::Journal), &["3"], "to the Journal pane", None),
        bind(C::Everywhere, "retry", A::Retry, &["r"], "connect or load again at once", Some("retry")),
        bind(C::Help, "close-help", A::Close, &["esc", "?", "q"], "close the help", Some("close")),
        bind(C::Dashboard, "help", A::Help, &["?", "f1"], "what works here and now", Some("help")),
        bind(C::Picker, "picker-help", A::Help, &["?", "f1"], "what works here and now", Some("help")),
        bind(C::Everywhere, "suspend", A::Suspend, &["ctrl-z"], "back to the shell; `fg` returns", None),
        bind(C::Dashboard, "quit", A::Quit, &["q"], "quit", Some("quit")),
        bind(C::Picker, "picker-quit", A::Quit, &["q", "esc"], "quit", Some("quit")),
        bind(C::Everywhere, "quit-now", A::Quit, &["ctrl-c"], "quit", None),
    ]
};

/// Finds the action of a key in a context.
#[derive(Debug, Clone)]
pub struct Keymap {
    actions: HashMap<(Context, Key), Action>,
}

impl Keymap {
    /// Looks a key up in a context and then in the ones around it.
    #[must_use]
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        context.chain().iter().find_map(|context| self.actions.get(&(*context, key)).copied())
    }

    /// Lists what can be done in a context, in the order of the table.
    pub fn bindings(&self, context: Context) -> impl Iterator<Item = &'static Binding> {
        BINDINGS.iter().filter(move |binding| context.chain().contains(&binding.context))
    }
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = BINDINGS.iter().flat_map(|binding| {
            binding.keys.iter().filter_map(|key| Some(((binding.context, key.parse().ok()?), binding.action)))
        });
        Self { actions: keys.collect() }
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
        for context in
            [Context::World, Context::Detail, Context::Journal, Context::Picker, Context::Help].map(Context::chain)
        {
            // The help lies over everything and may take keys of what is below it.
            let mut seen = HashSet::new();
            for binding in BINDINGS.iter().filter(|binding| context.contains(&binding.context)) {
                for key in binding.keys {
                    assert!(seen.insert(key), "{key} means two things ({})", binding.command);
                }
            }
        }
    }

    #[test]
    fn command_names_are_unique() {
        let names: HashSet<_> = BINDINGS.iter().map(|binding| binding.command).collect();
        assert_eq!(names.len(), BINDINGS.len());
    }

    #[test]
    fn a_nearer_meaning_wins() {
        let keymap = Keymap::default();
        assert_eq!(keymap.action(Context::World, "j".parse().unwrap()), Some(Action::Down));
        assert_eq!(keymap.action(Context::Help, "q".parse().unwrap()), Some(Action::Close));
        assert_eq!(keymap.action(Context::World, "q".parse().unwrap()), Some(Action::Quit));
    }
}
