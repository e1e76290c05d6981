//! How many colours a terminal can show, and the nearest of them to any other.

use anstyle::{AnsiColor, RgbColor};
use anstyle_lossy::palette;
use ratatui::style::{Color, Style};

/// The number of colours that a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourDepth {
    /// Any colour of 24 bits.
    True,
    /// The 256 colours of xterm.
    Ansi256,
    /// The terminal's own 16 colours.
    Ansi16,
    /// No colours.
    None,
}

impl ColourDepth {
    /// Guesses from the environment: `COLORTERM` and `TERM`, the only ones that say.
    #[must_use]
    pub fn of(colorterm: Option<&str>, term: Option<&str>) -> Self {
        match (colorterm, term) {
            (Some("truecolor" | "24bit"), _) => Self::True,
            (_, Some("dumb")) => Self::None,
            (_, Some(term)) if term.contains("direct") => Self::True,
            (_, Some(term)) if term.contains("256color") => Self::Ansi256,
            _ => Self::Ansi16,
        }
    }
}

/// Returns the red, green and blue of a colour as terminals usually show it; `None` for the terminal's own.
#[must_use]
pub(crate) fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
    let index = match colour {
        Color::Reset => return None,
        Color::Rgb(red, green, blue) => return Some((red, green, blue)),
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    let RgbColor(red, green, blue) = anstyle_lossy::xterm_to_rgb(index.into(), palette::DEFAULT);
    Some((red, green, blue))
}

/// Brings a style to what can be shown.
pub(super) fn reduce(style: Style, depth: ColourDepth) -> Style {
    let colour = |colour: Option<Color>| colour.map(|colour| nearest(colour, depth));
    Style { fg: colour(style.fg), bg: colour(style.bg), ..style }
}

fn nearest(colour: Color, depth: ColourDepth) -> Color {
    let rgb = match (colour, depth) {
        (_, ColourDepth::True) => return colour,
        (Color::Rgb(red, green, blue), _) => RgbColor(red, green, blue),
        (Color::Indexed(index), ColourDepth::Ansi16) => anstyle_lossy::xterm_to_rgb(index.into(), palette::DEFAULT),
        _ => return colour,
    };
    match depth {
        ColourDepth::Ansi256 => Color::Indexed(anstyle_lossy::rgb_to_xterm(rgb).0),
        ColourDepth::True | ColourDepth::Ansi16 | ColourDepth::None => {
            named(anstyle_lossy::rgb_to_ansi(rgb, palette::DEFAULT))
        }
    }
}

const fn named(colour: AnsiColor) -> Color {
    match colour {
        AnsiColor::Black => Color::Black,
        AnsiColor::Red => Color::Red,
        AnsiColor::Green => Color::Green,
        AnsiColor::Yellow => Color::Yellow,
        AnsiColor::Blue => Color::Blue,
        AnsiColor::Magenta => Color::Magenta,
        AnsiColor::Cyan => Color::Cyan,
        AnsiColor::White => Color::Gray,
        AnsiColor::BrightBlack => Color::DarkGray,
        AnsiColor::BrightRed => Color::LightRed,
        AnsiColor::BrightGreen => Color::LightGreen,
        AnsiColor::BrightYellow => Color::LightYellow,
        AnsiColor::BrightBlue => Color::LightBlue,
        AnsiColor::BrightMagenta => Color::LightMagenta,
        AnsiColor::BrightCyan => Color::LightCyan,
        AnsiColor::BrightWhite => Color::White,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_becomes_the_nearest_there_is() {
        let orange = Color::Rgb(0xf0, 0xa0, 0x50);
        assert_eq!(nearest(orange, ColourDepth::True), orange);
        assert!(matches!(nearest(orange, ColourDepth::Ansi256), Color::Indexed(16..)));
        assert!(!matches!(nearest(orange, ColourDepth::Ansi16), Color::Rgb(..) | Color::Indexed(_)));
        assert_eq!(nearest(Color::Cyan, ColourDepth::Ansi16), Color::Cyan);
    }

    #[test]
    fn the_environment_says_how_many_there_are() {
        assert_eq!(ColourDepth::of(Some("truecolor"), Some("xterm")), ColourDepth::True);
        assert_eq!(ColourDepth::of(None, Some("screen-256color")), ColourDepth::Ansi256);
        assert_eq!(ColourDepth::of(None, Some("linux")), ColourDepth::Ansi16);
        assert_eq!(ColourDepth::of(None, Some("dumb")), ColourDepth::None);
    }
}
