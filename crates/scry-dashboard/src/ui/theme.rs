//! Themes: a style for each role a thing on screen can have, read from TOML and brought to what a terminal can show.

mod depth;

use std::sync::LazyLock;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

pub use depth::ColourDepth;
pub(crate) use depth::rgb;

/// Lists the themes that come with the program, by the name a configuration uses.
pub const BUNDLED_THEMES: [(&str, &str); 6] = [
    ("terminal", include_str!("../../../../assets/themes/terminal.toml")),
    ("dark", include_str!("../../../../assets/themes/dark.toml")),
    ("light", include_str!("../../../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../../../assets/themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../../../assets/themes/colour-blind.toml")),
    ("mono", include_str!("../../../../assets/themes/mono.toml")),
];

/// A style for each role; every role is told apart without colour by a symbol, a word or weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Theme {
    /// What everything stands on; the terminal's own background without it.
    #[serde(deserialize_with = "style")]
    pub(crate) ground: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) text: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) muted: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) strong: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) accent: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) rule: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) focused: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) selected: Style,
    /// The selection in a pane that does not have the focus.
    #[serde(deserialize_with = "style")]
    pub(crate) remembered: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) good: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) warn: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) bad: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) fresh: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) fading: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) stale: Style,
    #[serde(deserialize_with = "style")]
    pub(crate) key: Style,
}

impl Theme {
    /// Returns the theme of the terminal's own colours.
    #[must_use]
    pub(crate) fn terminal() -> Self {
        bundled("terminal")
    }

    /// Returns the theme without colours.
    #[must_use]
    pub(crate) fn mono() -> Self {
        bundled("mono")
    }

    /// Returns a theme that comes with the program.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        BUNDLED_THEMES.iter().any(|(known, _)| *known == name).then(|| bundled(name))
    }

    /// Returns the theme as a terminal with so many colours can show it.
    #[must_use]
    pub fn at(self, depth: ColourDepth) -> Self {
        if depth == ColourDepth::None {
            return Self::mono();
        }
        self.map(|style| depth::reduce(style, depth))
    }

    fn map(self, change: impl Fn(Style) -> Style) -> Self {
        Self {
            ground: change(self.ground),
            text: change(self.text),
            muted: change(self.muted),
            strong: change(self.strong),
            accent: change(self.accent),
            rule: change(self.rule),
            focused: change(self.focused),
            selected: marked(change(self.selected)),
            remembered: change(self.remembered),
            good: change(self.good),
            warn: change(self.warn),
            bad: change(self.bad),
            fresh: change(self.fresh),
            fading: change(self.fading),
            stale: change(self.stale),
            key: change(self.key),
        }
    }
}

/// Resets what a row's own colours would make of a reversed selection: patches of background.
fn marked(style: Style) -> Style {
    if style.add_modifier.contains(Modifier::REVERSED) {
        Style { fg: style.fg.or(Some(Color::Reset)), bg: style.bg.or(Some(Color::Reset)), ..style }
    } else {
        style
    }
}

fn bundled(name: &str) -> Theme {
    #[expect(clippy::expect_used, reason = "files of the program itself, read by a test")]
    static PARSED_THEMES: LazyLock<Vec<(&str, Theme)>> = LazyLock::new(|| {
        let read = |(name, text): &(&'static str, &str)| {
            (*name, toml::from_str::<Theme>(text).expect("a bundled theme is sound"))
        };
        BUNDLED_THEMES.iter().map(read).collect()
    });
    let found = PARSED_THEMES.iter().find(|(known, _)| *known == name);
    found.map_or_else(Theme::default, |(_, theme)| *theme).map(|style| style)
}

/// A style as a theme file writes it.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct StyleSpec {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

fn style<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Style, D::Error> {
    let written = StyleSpec::deserialize(deserializer)?;
    let colour = |text: &Option<String>| {
        let problem = |text: &str| {
            format!(
                "“{}” is not a colour; write for example \"cyan\", \"darkgray\", \"#7fb8c9\" or \"208\"",
                scry_text::line(text)
            )
        };
        text.as_deref()
            .map(|text| text.parse::<Color>().map_err(|_| serde::de::Error::custom(problem(text))))
            .transpose()
    };
    let modifiers = [
        (written.bold, Modifier::BOLD),
        (written.dim, Modifier::DIM),
        (written.italic, Modifier::ITALIC),
        (written.underline, Modifier::UNDERLINED),
        (written.reverse, Modifier::REVERSED),
    ];
    let modifiers = modifiers.into_iter().filter(|(wanted, _)| *wanted).map(|(_, modifier)| modifier).collect();
    Ok(Style { fg: colour(&written.fg)?, bg: colour(&written.bg)?, add_modifier: modifiers, ..Style::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_theme_is_read_and_tells_its_roles_apart_at_every_depth() {
        for (name, _) in BUNDLED_THEMES {
            for depth in [ColourDepth::True, ColourDepth::Ansi256, ColourDepth::Ansi16, ColourDepth::None] {
                let theme = Theme::named(name).unwrap().at(depth);
                let apart = [
                    ("selected", theme.selected, theme.text),
                    ("focused", theme.focused, theme.rule),
                    ("bad", theme.bad, theme.text),
                    ("fresh", theme.fresh, theme.text),
                    ("strong", theme.strong, theme.text),
                ];
                for (role, one, other) in apart {
                    assert_ne!(one, other, "{name} at {depth:?}: {role}");
                }
            }
        }
    }

    #[test]
    fn without_colour_no_style_has_one() {
        let theme = Theme::named("dark").unwrap().at(ColourDepth::None);
        for style in [theme.text, theme.good, theme.bad, theme.focused, theme.key, theme.stale] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn a_misspelt_role_or_colour_is_named() {
        let error = |text: &str| toml::from_str::<Theme>(text).unwrap_err().to_string();
        assert!(error("[god]\nfg = \"red\"").contains("unknown field `god`"));
        assert!(error("[good]\nfg = \"redd\"").contains("“redd” is not a colour"));
    }
}
