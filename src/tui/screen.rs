//! The terminal, taken and given back: on the way out, on a panic, and while suspended.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use scry_dashboard::app::App;
use scry_dashboard::ui::{self, Appearance};

use super::TuiError;

/// Whether the terminal is ours at this moment.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the mouse is ours while the terminal is.
static IS_MOUSE_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// [`TuiError::NoTerminal`] when input or output is none, or the terminal's own failure.
    pub(super) fn enter() -> Result<Self, TuiError> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(TuiError::NoTerminal);
        }
        give_back_on_panic();
        take()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        let terminal = Terminal::new(backend).inspect_err(|_| give_back())?;
        Ok(Self { terminal })
    }

    /// Returns columns and rows.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws one frame, shown by the terminal as a whole.
    pub(super) fn draw(&mut self, app: &App, appearance: &Appearance) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| ui::render(frame, app, appearance))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub(super) fn take_mouse(&mut self, taken: bool) -> io::Result<()> {
        IS_MOUSE_TAKEN.store(taken, Ordering::SeqCst);
        if taken { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) }
    }

    /// Gives the terminal back for a while.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        give_back();
        self.terminal.backend_mut().flush()
    }

    /// Takes the terminal again; everything on it is to be drawn anew.
    pub(super) fn enter_again(&mut self) -> io::Result<()> {
        take()?;
        // Not `clear`, which asks the terminal where its cursor is and would wait for an answer among the keys.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A panic inside a frame leaves its beginning in the buffer; it must not hold the shell's screen.
        let _ = execute!(self.terminal.backend_mut(), EndSynchronizedUpdate);
        give_back();
    }
}

fn take() -> io::Result<()> {
    IS_TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
    if IS_MOUSE_TAKEN.load(Ordering::SeqCst) { execute!(io::stdout(), EnableMouseCapture) } else { Ok(()) }
}

/// Gives the terminal back if it is ours; a failure leaves nothing better to be done.
fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        if IS_MOUSE_TAKEN.load(Ordering::SeqCst) {
            let _ = execute!(io::stdout(), DisableMouseCapture);
        }
        let _ = execute!(
            io::stdout(),
            EndSynchronizedUpdate,
            DisableFocusChange,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

/// Makes a panic readable: the terminal is given back before its message is printed.
///
/// A panic of another thread is its own end, not ours; it goes to the log and stays off the screen.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    let owner = thread::current().id();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == owner || !IS_TAKEN.load(Ordering::SeqCst) {
                give_back();
                print(info);
            } else {
                tracing::error!(%info, "a background thread panicked");
            }
        }));
    });
}
