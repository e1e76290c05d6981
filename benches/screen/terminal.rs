//! The measured program in a pseudo-terminal, with the moment at which each piece of its output came.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take.
const TERMINAL_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs the program.
pub struct BenchTerminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<(Mutex<TerminalOutput>, Condvar)>,
    pub began: Instant,
    _master: Box<dyn MasterPty + Send>,
}

struct TerminalOutput {
    screen: vt100::Parser,
    at: Instant,
    bytes: u64,
    frames: u64,
    closed: bool,
    tail: Vec<u8>,
}

impl BenchTerminal {
    /// Starts it in 120 columns and 40 rows.
    pub fn spawn(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Self> {
        let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        // A terminal that says what its background is need not be asked.
        for (name, value) in [("TERM", "xterm-256color"), ("TZ", "UTC"), ("COLORFGBG", "15;0")].iter().chain(env) {
            command.env(name, value);
        }
        let mut reader = pair.master.try_clone_reader()?;
        let keyboard = pair.master.take_writer()?;
        let began = Instant::now();
        let seen = TerminalOutput {
            screen: vt100::Parser::new(40, 120, 0),
            at: began,
            bytes: 0,
            frames: 0,
            closed: false,
            tail: Vec::new(),
        };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let at = Instant::now();
                shared.0.lock().unwrap().take(&buffer[..count], at);
                shared.1.notify_all();
            }
            shared.0.lock().unwrap().closed = true;
            shared.1.notify_all();
        });
        Ok(Self { child, keyboard, seen, began, _master: pair.master })
    }

    pub fn pid(&self) -> Result<u32> {
        self.child.process_id().ok_or_else(|| anyhow!("the program has no process"))
    }

    pub fn keys(&mut self, keys: &str) -> Result<()> {
        self.keyboard.write_all(keys.as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    /// Waits until something holds of the screen's text, and returns when the output that made it so came.
    pub fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<Instant> {
        let deadline = Instant::now() + TERMINAL_TIMEOUT;
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            if holds(&seen.screen.screen().contents()) {
                return Ok(seen.at);
            }
            if seen.closed || Instant::now() > deadline {
                bail!("waited for {what} in vain; on the screen:\n{}", seen.screen.screen().contents());
            }
            seen = self.seen.1.wait_timeout(seen, Duration::from_secs(1)).unwrap().0;
        }
    }

    /// Returns the screen's text.
    pub fn text(&self) -> String {
        self.seen.0.lock().unwrap().screen.screen().contents()
    }

    /// Counts the bytes, and the frames that began, so far.
    pub fn written(&self) -> (u64, u64) {
        let seen = self.seen.0.lock().unwrap();
        (seen.bytes, seen.frames)
    }

    /// Quits by key and waits for the end.
    pub fn quit(mut self) -> Result<()> {
        self.keys("q")?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for BenchTerminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl TerminalOutput {
    fn take(&mut self, bytes: &[u8], at: Instant) {
        const FRAME_START: &[u8] = b"\x1b[?2026h";
        self.screen.process(bytes);
        self.at = at;
        self.bytes += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        self.frames += self.tail.windows(FRAME_START.len()).filter(|window| *window == FRAME_START).count() as u64;
        let kept = self.tail.len().saturating_sub(FRAME_START.len() - 1);
        self.tail.drain(..kept);
    }
}
