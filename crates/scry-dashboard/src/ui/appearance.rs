//! How things look: colours by role, symbols by meaning.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use scry_protocol::Operation;
use scry_protocol::catalogue::Severity;

use super::theme::Theme;
use crate::app::Freshness;
use crate::app::connection::Indicator;
use crate::app::entry::RowKind;
use crate::app::pending::PendingMark;
use crate::app::value::Direction;

/// The theme and the symbols in use.
#[derive(Debug, Clone, Copy)]
pub struct Appearance {
    pub(crate) theme: Theme,
    pub(crate) symbols: &'static Symbols,
}

impl Appearance {
    /// Builds a look of the terminal's own colours; without colour, weight and reversal take its place.
    #[must_use]
    pub fn new(colour: bool, ascii: bool) -> Self {
        Self::of(if colour { Theme::terminal() } else { Theme::mono() }, ascii)
    }

    /// Builds a look of a theme.
    #[must_use]
    pub const fn of(theme: Theme, ascii: bool) -> Self {
        Self { theme, symbols: if ascii { &Symbols::ASCII } else { &Symbols::UNICODE } }
    }

    /// Returns the symbol and style of a connection state.
    #[must_use]
    pub(crate) const fn indicator(&self, indicator: Indicator) -> (&'static str, Style) {
        match indicator {
            Indicator::Connected => (self.symbols.connected, self.theme.good),
            Indicator::Connecting => (self.symbols.connecting, self.theme.warn),
            Indicator::CatchingUp => (self.symbols.catching_up, self.theme.warn),
            Indicator::Error => (self.symbols.error, self.theme.bad),
            Indicator::Disconnected => (self.symbols.disconnected, self.theme.muted),
        }
    }

    /// Returns the same, the sign of an attempt that is being made turned by quarters.
    #[must_use]
    pub(crate) fn turning(&self, indicator: Indicator, quarters: usize) -> (&'static str, Style) {
        let (symbol, style) = self.indicator(indicator);
        let signs = if self.symbols.ascii { [symbol, "/", "-", "\\"] } else { [symbol, "◓", "◑", "◒"] };
        let turned = signs.get(quarters).filter(|_| indicator == Indicator::Connecting);
        (turned.copied().unwrap_or(symbol), style)
    }

    /// Returns the words and style of a value that the server has not told back.
    #[must_use]
    pub(crate) fn pending(&self, mark: PendingMark) -> (String, Style) {
        let word = match mark {
            PendingMark::Waiting => "pending",
            PendingMark::Sending => "sending",
            PendingMark::Applied => return (String::new(), self.theme.muted),
        };
        (format!("{} {word}", self.symbols.pending), self.theme.warn)
    }

    /// Returns the symbol of a change.
    #[must_use]
    pub(crate) const fn change(&self, direction: Direction) -> &'static str {
        match direction {
            Direction::Up => self.symbols.up,
            Direction::Down => self.symbols.down,
            Direction::Other => self.symbols.changed,
        }
    }

    /// Returns the style of a change mark of that freshness.
    #[must_use]
    pub(crate) const fn mark(&self, freshness: Freshness) -> Style {
        match freshness {
            Freshness::New => self.theme.fresh,
            Freshness::Fading => self.theme.fading,
            Freshness::Old => self.theme.muted,
        }
    }

    /// Returns the symbol and style of what matters as much.
    #[must_use]
    pub(crate) const fn severity(&self, severity: Severity) -> (&'static str, Style) {
        match severity {
            Severity::Info => (self.symbols.dot, self.theme.accent),
            Severity::Success => (self.symbols.holds, self.theme.good),
            Severity::Warning => (self.symbols.notice, self.theme.warn),
            Severity::Error => (self.symbols.error, self.theme.bad),
        }
    }

    /// Returns the symbol and style of a kind of journal row.
    #[must_use]
    pub(crate) const fn kind(&self, kind: RowKind) -> (&'static str, Style) {
        match kind {
            RowKind::Changed(Operation::Create) => (self.symbols.created, self.theme.good),
            RowKind::Changed(Operation::Update) => (self.symbols.changed, self.theme.accent),
            RowKind::Changed(Operation::Delete) => (self.symbols.deleted, self.theme.bad),
            RowKind::Invalidated => (self.symbols.invalidated, self.theme.muted),
            RowKind::WorldTime => (self.symbols.clock, self.theme.accent),
            RowKind::Foreign => (self.symbols.foreign, self.theme.muted),
            RowKind::Custom(severity) => self.severity(severity),
            RowKind::Gap => (self.symbols.gap, self.theme.bad),
            RowKind::GapRecovered => (self.symbols.holds, self.theme.good),
            RowKind::Notice => (self.symbols.notice, self.theme.warn),
            RowKind::Marker => (self.symbols.bookmark, self.theme.accent),
        }
    }
}

/// Replaces the signs that sentences are written with by plain ones of the same width.
pub(super) fn spell_plainly(buffer: &mut Buffer) {
    const PLAIN_SPELLINGS: [(&str, &str); 10] = [
        ("→", ">"),
        ("…", "~"),
        ("–", "-"),
        ("−", "-"),
        ("×", "x"),
        ("÷", "/"),
        ("≥", ">"),
        ("≤", "<"),
        ("·", "."),
        ("’", "'"),
    ];
    for cell in &mut buffer.content {
        if let Some((_, plain)) = PLAIN_SPELLINGS.iter().find(|(sign, _)| *sign == cell.symbol()) {
            cell.set_symbol(plain);
        }
    }
}

/// The symbol for each meaning; each is one column wide.
#[derive(Debug)]
pub(crate) struct Symbols {
    pub ascii: bool,
    pub campaign: &'static str,
    pub connected: &'static str,
    pub connecting: &'static str,
    pub catching_up: &'static str,
    pub error: &'static str,
    pub disconnected: &'static str,
    pub folded: &'static str,
    pub unfolded: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub changed: &'static str,
    pub stale: &'static str,
    /// What the person has changed and the server has not told back.
    pub pending: &'static str,
    /// Somebody edits.
    pub pencil: &'static str,
    /// Somebody looks.
    pub eye: &'static str,
    pub created: &'static str,
    pub deleted: &'static str,
    pub invalidated: &'static str,
    pub clock: &'static str,
    pub foreign: &'static str,
    pub gap: &'static str,
    pub notice: &'static str,
    pub holds: &'static str,
    pub fails: &'static str,
    pub replayed: &'static str,
    pub bookmark: &'static str,
    pub because: &'static str,
    pub dot: &'static str,
    pub rule: &'static str,
    pub rule_focused: &'static str,
    pub wall: &'static str,
    pub tee: &'static str,
    pub foot: &'static str,
}

impl Symbols {
    const UNICODE: Self = Self {
        ascii: false,
        campaign: "◆",
        connected: "●",
        connecting: "◐",
        catching_up: "◑",
        error: "✕",
        disconnected: "○",
        folded: "▸",
        unfolded: "▾",
        up: "▲",
        down: "▼",
        changed: "●",
        stale: "~",
        pending: "◌",
        pencil: "✎",
        eye: "◦",
        created: "+",
        deleted: "✕",
        invalidated: "◇",
        clock: "◷",
        foreign: "·",
        gap: "!",
        notice: "!",
        holds: "✓",
        fails: "✕",
        replayed: "↻",
        bookmark: "★",
        because: "↳",
        dot: "·",
        rule: "─",
        rule_focused: "━",
        wall: "│",
        tee: "┬",
        foot: "┴",
    };

    const ASCII: Self = Self {
        ascii: true,
        campaign: "#",
        connected: "*",
        connecting: "~",
        catching_up: "~",
        error: "x",
        disconnected: "o",
        folded: "+",
        unfolded: "-",
        up: "^",
        down: "v",
        changed: "*",
        stale: "~",
        pending: "%",
        pencil: "e",
        eye: "o",
        created: "+",
        deleted: "x",
        invalidated: "?",
        clock: "@",
        foreign: ".",
        gap: "!",
        notice: "!",
        holds: "y",
        fails: "n",
        replayed: "r",
        bookmark: "&",
        because: "\\",
        dot: "|",
        rule: "-",
        rule_focused: "=",
        wall: "|",
        tee: "+",
        foot: "+",
    };
}
