//! Reading what was written to a terminal as the terminal does, to find what is not ours.

use vte::{Params, Parser, Perform};

/// The modes that the dashboard sets and takes back: cursor, focus events, alternate screen, bracketed paste,
/// synchronized output, the mouse.
const DASHBOARD_MODES: [u16; 10] = [25, 1000, 1002, 1003, 1004, 1006, 1015, 1049, 2004, 2026];

/// Returns everything in `bytes` that the dashboard itself never writes; empty when all of it is its own.
pub fn strange(bytes: &[u8]) -> Vec<String> {
    let mut judge = OutputChecker::default();
    Parser::new().advance(&mut judge, bytes);
    judge.found
}

/// Returns the texts that went to the terminal's clipboard, still in base 64.
pub fn copied(bytes: &[u8]) -> Vec<String> {
    let mut judge = OutputChecker::default();
    Parser::new().advance(&mut judge, bytes);
    judge.copied
}

/// Returns whether a character deceives or commands: no safe text has one.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[derive(Default)]
struct OutputChecker {
    found: Vec<String>,
    copied: Vec<String>,
}

impl OutputChecker {
    fn refuse(&mut self, what: String) {
        if self.found.len() < 20 {
            self.found.push(what);
        }
    }
}

impl Perform for OutputChecker {
    fn print(&mut self, c: char) {
        if is_hostile(c) {
            self.refuse(format!("prints {c:?}"));
        }
    }

    fn execute(&mut self, byte: u8) {
        if !matches!(byte, b'\n' | b'\r') {
            self.refuse(format!("control character {byte:#04x}"));
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let first = params.iter().next().and_then(|values| values.first()).copied().unwrap_or(0);
        let ours = match (intermediates, action) {
            // Moves to a place, colours, clears, asks what kind of terminal this is.
            ([], 'H' | 'm' | 'J' | 'K') => true,
            ([], 'c') => first == 0,
            ([b'?'], 'h' | 'l') => params.iter().flatten().all(|mode| DASHBOARD_MODES.contains(mode)),
            _ => false,
        };
        if ignore || !ours {
            self.refuse(format!("CSI {intermediates:?} {params:?} {action}"));
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
        match params {
            // The question about the background.
            [b"11", b"?"] => {}
            [b"52", _, text] => self.copied.push(String::from_utf8_lossy(text).into_owned()),
            [b"9", text] | [b"777", b"notify", b"scry", text]
                if !String::from_utf8_lossy(text).contains(is_hostile) => {}
            _ => self.refuse(format!(
                "OSC {:?}",
                params.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>()
            )),
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        // What ends an OSC is the one bare escape of ours.
        if !(intermediates.is_empty() && byte == b'\\') {
            self.refuse(format!("ESC {intermediates:?} {byte:#04x}"));
        }
    }

    fn hook(&mut self, _params: &Params, _intermediates: &[u8], _ignore: bool, action: char) {
        self.refuse(format!("a device control string {action}"));
    }
}

#[test]
fn foreign_output_is_found() {
    assert_eq!(strange("\u{1b}[?1049h\u{1b}[2;3H\u{1b}[1mGate\u{1b}[m\u{1b}]11;?\u{1b}\\".as_bytes()), [""; 0]);
    for hostile in [
        "\u{1b}]0;title\u{7}",
        "\u{1b}[6n",
        "\u{1b}P1$r\u{1b}\\",
        "\u{202e}",
        "\u{9b}31m",
        "\u{7}",
        "\u{1b}c",
        "\u{1b}[?3h",
    ] {
        assert!(!strange(hostile.as_bytes()).is_empty(), "{hostile:?}");
    }
}
