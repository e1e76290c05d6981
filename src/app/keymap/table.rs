//! Every command with its keys and its words: the one table that keys, help and configuration are made of.

use super::super::command::{Action, Context, Line};
use super::super::pane::Pane;

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
    use Line as L;
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
            "inspect",
            A::Activate,
            &["enter", "space"],
            "inspect this event: its JSON, what it changed, why it happened",
            Some("inspect"),
        ),
        bind(
            C::Journal,
            "go-to-entity",
            A::ShowEntity,
            &["o", "right", "l"],
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
        bind(C::Journal, "mark", A::Marker, &["m"], "put a marker after the newest event", None),
        bind(C::Journal, "next-marker", A::NextMarker, &["}"], "go to the next marker", None),
        bind(C::Journal, "previous-marker", A::PreviousMarker, &["{"], "go to the marker before", None),
        bind(C::Journal, "wrap", A::Wrap, &["w"], "wrap long rows, or cut them", None),
        bind(C::Journal, "timestamps", A::Timestamps, &["t"], "show times of this world, or of the campaign's", None),
        bind(C::Journal, "clear-journal-filter", A::ClearFilter, &["esc"], "take the filter away", Some("all")),
        bind(C::World, "clear-filter", A::ClearFilter, &["esc"], "take the filter away", Some("all")),
        bind(
            C::Inspector,
            "follow-cause",
            A::Activate,
            &["enter", "space"],
            "fold or unfold; go to the cause or effect under the cursor",
            Some("open"),
        ),
        bind(C::Inspector, "fold-json", A::Fold, &["left", "h"], "fold", None),
        bind(C::Inspector, "unfold-json", A::Unfold, &["right", "l"], "unfold", None),
        bind(
            C::Inspector,
            "inspected-entity",
            A::ShowEntity,
            &["o"],
            "show the entity this event is about",
            Some("show"),
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
        bind(C::Further, "close", A::Back, &["esc"], "close this pane", Some("close")),
        bind(
            C::Dashboard,
            "filter",
            A::Filter,
            &["/"],
            "filter: a word, !without, ~fuzzy, or =expression",
            Some("filter"),
        ),
        bind(
            C::Dashboard,
            "command",
            A::Command,
            &[":", "ctrl-p"],
            "find a command, a campaign or an entity",
            Some("command"),
        ),
        bind(C::Dashboard, "go-back", A::GoBack, &["["], "back to where you were before", None),
        bind(C::Dashboard, "go-forward", A::GoForward, &["]"], "forward again", None),
        bind(C::Dashboard, "bookmark", A::Bookmark, &["b"], "set or remove a bookmark here", None),
        bind(C::Dashboard, "next-bookmark", A::NextBookmark, &["'"], "go to the next bookmark", None),
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
        bind(C::Dashboard, "health", A::Pane(Pane::Health), &["7"], "connection, traffic and cache", None),
        bind(C::Dashboard, "inspector", A::Pane(Pane::Inspector), &["8"], "to the Inspector", None),
        bind(C::Dashboard, "zoom", A::Zoom, &["z"], "give this pane the whole screen, or its place again", None),
        bind(C::Everywhere, "retry", A::Retry, &["r"], "connect or load again at once", Some("retry")),
        bind(C::Help, "close-help", A::Close, &["esc", "?", "q"], "close the help", Some("close")),
        bind(C::Dashboard, "help", A::Help, &["?", "f1"], "what works here and now", Some("help")),
        bind(C::Picker, "picker-help", A::Help, &["?", "f1"], "what works here and now", Some("help")),
        bind(C::Everywhere, "suspend", A::Suspend, &["ctrl-z"], "back to the shell; `fg` returns", None),
        bind(C::Dashboard, "quit", A::Quit, &["q"], "quit", Some("quit")),
        bind(C::Picker, "picker-quit", A::Quit, &["q", "esc"], "quit", Some("quit")),
        bind(C::Prompt, "accept", A::Line(L::Accept), &["enter"], "take the line as it is", Some("accept")),
        bind(C::Prompt, "cancel", A::Line(L::Cancel), &["esc", "ctrl-c"], "leave everything as it was", Some("cancel")),
        bind(C::Prompt, "complete", A::Line(L::Complete), &["tab"], "take over what is suggested", None),
        bind(C::Prompt, "char-left", A::Line(L::Left), &["left", "ctrl-b"], "a character to the left", None),
        bind(C::Prompt, "char-right", A::Line(L::Right), &["right", "ctrl-f"], "a character to the right", None),
        bind(
            C::Prompt,
            "word-left",
            A::Line(L::WordLeft),
            &["alt-b", "ctrl-left", "alt-left"],
            "a word to the left",
            None,
        ),
        bind(
            C::Prompt,
            "word-right",
            A::Line(L::WordRight),
            &["alt-f", "ctrl-right", "alt-right"],
            "a word to the right",
            None,
        ),
        bind(C::Prompt, "line-start", A::Line(L::Start), &["home", "ctrl-a"], "to the start", None),
        bind(C::Prompt, "line-end", A::Line(L::End), &["end", "ctrl-e"], "to the end", None),
        bind(C::Prompt, "delete-back", A::Line(L::Back), &["backspace", "ctrl-h"], "remove the character before", None),
        bind(
            C::Prompt,
            "delete-char",
            A::Line(L::Delete),
            &["delete", "ctrl-d"],
            "remove the character under the cursor",
            None,
        ),
        bind(
            C::Prompt,
            "delete-word",
            A::Line(L::BackWord),
            &["ctrl-w", "alt-backspace"],
            "remove the word before",
            None,
        ),
        bind(C::Prompt, "delete-before", A::Line(L::BackAll), &["ctrl-u"], "remove everything before", None),
        bind(C::Prompt, "delete-after", A::Line(L::Rest), &["ctrl-k"], "remove everything after", None),
        bind(C::Prompt, "yank", A::Line(L::Yank), &["ctrl-y"], "put back what was removed", None),
        bind(C::Prompt, "earlier", A::Line(L::Earlier), &["up", "ctrl-p"], "the line before, or the row above", None),
        bind(C::Prompt, "later", A::Line(L::Later), &["down", "ctrl-n"], "the line after, or the row below", None),
        bind(C::Prompt, "suspend-typing", A::Suspend, &["ctrl-z"], "back to the shell; `fg` returns", None),
        bind(C::Everywhere, "quit-now", A::Quit, &["ctrl-c"], "quit", None),
    ]
};
