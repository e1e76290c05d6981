//! A screen as text, with a terminal's colours, or as a picture.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::theme::rgb;
use crate::app::measure::width;

/// The size of a cell in the picture, and of its text.
const CELL_SIZE: (f64, f64) = (8.4, 18.0);
const FONT_SIZE: f64 = 14.0;
/// What a terminal's own colours are taken to be.
const BACKGROUND_COLOUR: &str = "#1c1a17";
const TEXT_COLOUR: &str = "#d8d2c8";

/// Writes a screen as plain text, spaces at the ends of lines left out.
#[must_use]
pub fn text(buffer: &Buffer) -> String {
    lines(buffer).map(|cells| plain(&cells).trim_end().to_owned() + "\n").collect()
}

/// Writes a screen with the sequences that colour it.
#[must_use]
pub fn ansi(buffer: &Buffer) -> String {
    let mut out = String::new();
    for cells in lines(buffer) {
        for run in runs(&cells) {
            let codes = codes(&run.cell);
            if codes.is_empty() {
                out.push_str(&run.text);
            } else {
                let _ = write!(out, "\u{1b}[{codes}m{}\u{1b}[0m", run.text);
            }
        }
        out.push('\n');
    }
    out
}

/// Writes a screen as a picture in SVG.
#[must_use]
pub fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (across, down) = (columns * CELL_SIZE.0 + 16.0, rows * CELL_SIZE.1 + 16.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{across:.0}\" height=\"{down:.0}\" viewBox=\"0 0 {across:.1} {down:.1}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND_COLOUR}\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"{FONT_SIZE}\" xml:space=\"preserve\">\n"
    );
    for (y, cells) in lines(buffer).enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a screen has few rows")]
        let top = 8.0 + y as f64 * CELL_SIZE.1;
        for run in runs(&cells) {
            draw(&mut out, &run, top);
        }
    }
    out + "</g>\n</svg>\n"
}

fn draw(out: &mut String, run: &StyledRun, top: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a screen has few columns")]
    let (left, length) = (8.0 + run.column as f64 * CELL_SIZE.0, width(&run.text) as f64 * CELL_SIZE.0);
    let hex = |colour: Color, otherwise: &str| {
        rgb(colour)
            .map_or_else(|| otherwise.to_owned(), |(red, green, blue)| format!("#{red:02x}{green:02x}{blue:02x}"))
    };
    let (mut ink, mut ground) = (hex(run.cell.fg, TEXT_COLOUR), hex(run.cell.bg, BACKGROUND_COLOUR));
    if run.cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut ink, &mut ground);
    }
    if ground != BACKGROUND_COLOUR {
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"{ground}\"/>",
            CELL_SIZE.1
        );
    }
    let shown = run.text.trim();
    if shown.is_empty() {
        return;
    }
    // Spaces at the start are told by the place: not every program that shows pictures keeps them.
    let spaces = run.text.len() - run.text.trim_start().len();
    #[expect(clippy::cast_precision_loss, reason = "a screen has few columns")]
    let left = left + spaces as f64 * CELL_SIZE.0;
    let mut style = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.6\""),
    ] {
        if run.cell.modifier.contains(modifier) {
            style.push_str(attribute);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a screen has few columns")]
    let length = width(shown) as f64 * CELL_SIZE.0;
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{style}>{}</text>",
        top + FONT_SIZE,
        escaped(shown)
    );
}

/// A run of neighbouring cells of one style.
struct StyledRun {
    column: usize,
    cell: Cell,
    text: String,
}

fn runs(cells: &[(usize, &Cell)]) -> Vec<StyledRun> {
    let mut runs: Vec<StyledRun> = Vec::new();
    for (column, cell) in cells {
        let alike =
            |run: &StyledRun| (run.cell.fg, run.cell.bg, run.cell.modifier) == (cell.fg, cell.bg, cell.modifier);
        match runs.last_mut().filter(|run| alike(run)) {
            Some(run) => run.text.push_str(cell.symbol()),
            None => runs.push(StyledRun { column: *column, cell: (*cell).clone(), text: cell.symbol().to_owned() }),
        }
    }
    runs
}

/// Lists each line's cells with their columns; what a wide character covers is left out.
fn lines(buffer: &Buffer) -> impl Iterator<Item = Vec<(usize, &Cell)>> {
    let columns = usize::from(buffer.area.width).max(1);
    buffer.content.chunks(columns).map(|line| {
        let mut covered = 0;
        let shown = line.iter().enumerate().filter(|(_, cell)| {
            let is_shown = covered == 0;
            covered = if is_shown { width(cell.symbol()).max(1) } else { covered } - 1;
            is_shown
        });
        shown.collect()
    })
}

fn plain(cells: &[(usize, &Cell)]) -> String {
    cells.iter().map(|(_, cell)| cell.symbol()).collect()
}

fn codes(cell: &Cell) -> String {
    let modifiers = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
    ];
    let mut codes: Vec<String> = modifiers
        .into_iter()
        .filter(|(modifier, _)| cell.modifier.contains(*modifier))
        .map(|(_, code)| code.to_owned())
        .collect();
    for (kind, colour) in [(38, cell.fg), (48, cell.bg)] {
        if let Some((red, green, blue)) = rgb(colour) {
            codes.push(format!("{kind};2;{red};{green};{blue}"));
        }
    }
    codes.join(";")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn screen() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        buffer.set_string(0, 0, "砦 <Rest>", Style::new().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::BOLD));
        buffer
    }

    #[test]
    fn text_is_what_one_reads() {
        assert_eq!(text(&screen()), "砦 <Rest>\n\n");
    }

    #[test]
    fn colours_are_written_for_a_terminal_and_for_a_picture() {
        assert!(ansi(&screen()).starts_with("\u{1b}[1;38;2;1;2;3m砦 <Rest>\u{1b}[0m"));
        let picture = svg(&screen());
        assert!(picture.contains("fill=\"#010203\" font-weight=\"bold\">砦 &lt;Rest&gt;</text>"), "{picture}");
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
    }
}
