//! What leaves the dashboard: the clipboard, files, and calls for attention.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use scry_config::alerts::AlertChannel;
use scry_config::process_env;
use scry_dashboard::app::Msg;

/// How many bytes a terminal surely takes into its clipboard.
const MAX_CLIPBOARD_BYTES: usize = 50_000;
/// What says something longer than this is no notification.
const MAX_NOTIFICATION_CHARS: usize = 200;

/// Copies by way of the terminal, and by the system's clipboard where there is one; says what went wrong.
///
/// # Errors
/// A sentence, when neither way takes the text.
pub(super) fn copy(text: &str) -> Result<(), String> {
    let by_system = system(text);
    if text.len() <= MAX_CLIPBOARD_BYTES {
        let mut out = io::stdout();
        return queue!(out, CopyToClipboard::to_clipboard_from(text))
            .and_then(|()| out.flush())
            .map_err(|error| format!("the terminal failed: {error}"));
    }
    if by_system {
        return Ok(());
    }
    Err(format!("{} bytes are too long for the terminal's clipboard; export them instead", text.len()))
}

/// Hands a text to the first clipboard program that takes it.
pub(super) fn system(text: &str) -> bool {
    let programs: &[(&str, &[&str])] = match (process_env("WAYLAND_DISPLAY"), process_env("DISPLAY")) {
        (Some(_), _) => &[("wl-copy", &[])],
        (None, Some(_)) => &[("xclip", &["-selection", "clipboard"]), ("xsel", &["--clipboard", "--input"])],
        (None, None) if cfg!(target_os = "macos") => &[("pbcopy", &[])],
        (None, None) => &[],
    };
    programs.iter().any(|(program, arguments)| feed(program, arguments, text).is_ok())
}

fn feed(program: &str, arguments: &[&str], text: &str) -> io::Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(text.as_bytes()));
    // These programs fork to keep the clipboard; the one we started ends at once.
    child.wait()?;
    written
}

/// Calls for attention.
///
/// # Errors
/// The terminal's own failure.
pub(super) fn alert(sentence: &str, means: &[AlertChannel]) -> io::Result<()> {
    let sentence: String =
        sentence.chars().filter(|c| !c.is_control() && *c != ';').take(MAX_NOTIFICATION_CHARS).collect();
    let mut out = io::stdout();
    for means in means {
        match means {
            AlertChannel::Bell => out.write_all(b"\x07")?,
            AlertChannel::Osc9 => write!(out, "\x1b]9;{sentence}\x1b\\")?,
            AlertChannel::Osc777 => write!(out, "\x1b]777;notify;scry;{sentence}\x1b\\")?,
            AlertChannel::Desktop => desktop(&sentence),
        }
    }
    out.flush()
}

/// Hands a sentence to the desktop; a machine without one has nobody to tell, and is logged.
fn desktop(sentence: &str) {
    let mut command = if cfg!(target_os = "macos") {
        let mut script = Command::new("osascript");
        // The sentence is an argument of the script, and so never part of it.
        script.args([
            "-e",
            "on run words",
            "-e",
            "display notification (item 1 of words) with title \"scry\"",
            "-e",
            "end run",
        ]);
        script.arg(sentence);
        script
    } else {
        let mut send = Command::new("notify-send");
        send.args(["--app-name=scry", "--", sentence]);
        send
    };
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match started {
        // Whoever was started is waited for, and nobody else waits meanwhile.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => tracing::debug!(%error, "the desktop cannot show notifications"),
    }
}

/// Writes a file into the current directory, and says under which name.
pub(super) fn exported(stem: &str, extension: &str, content: &str) -> Msg {
    let written = std::env::current_dir().and_then(|dir| export(&dir, stem, extension, content));
    let failed = |error| format!("nothing was written: {error}");
    Msg::Said(written.map_or_else(failed, |name| format!("written to {name}")))
}

/// Writes a file into a directory under a name that is not taken; returns the name.
///
/// # Errors
/// The I/O error of creating or writing it.
pub(super) fn export(dir: &Path, stem: &str, extension: &str, content: &str) -> io::Result<String> {
    for attempt in 1..1_000 {
        let name = if attempt == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{attempt}.{extension}") };
        let mut how = std::fs::OpenOptions::new();
        how.write(true).create_new(true);
        // It holds what only members of the campaign may see.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
        match how.open(dir.join(&name)) {
            Ok(mut file) => return file.write_all(content.as_bytes()).map(|()| name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("all file names are taken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(export(dir.path(), "scry", "txt", "one").unwrap(), "scry.txt");
        assert_eq!(export(dir.path(), "scry", "txt", "two").unwrap(), "scry-2.txt");
        let first = dir.path().join("scry.txt");
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "one");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(first).unwrap().permissions()) & 0o777,
            0o600
        );
    }
}
