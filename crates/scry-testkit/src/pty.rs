//! A program in a pseudo-terminal, seen through a terminal emulator.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long anything may take before a test gives up.
const PTY_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Runs a program and shows its screen.
pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<Mutex<PtyOutput>>,
}

/// What the program wrote.
struct PtyOutput {
    terminal: vt100::Parser,
    bytes: Vec<u8>,
    closed: bool,
}

impl Pty {
    /// Starts a program on a terminal of this size, with nothing in its environment but what is given.
    pub fn spawn(program: impl AsRef<Path>, args: &[&str], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).unwrap();
        let mut command = CommandBuilder::new(program.as_ref());
        command.args(args);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("TZ", "UTC");
        env.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        // The program alone holds the other end, so that its end is seen here.
        drop(pair.slave);
        let seen = PtyOutput { terminal: vt100::Parser::new(size.1, size.0, 0), bytes: Vec::new(), closed: false };
        let seen = Arc::new(Mutex::new(seen));
        let reader = pair.master.try_clone_reader().unwrap();
        thread::spawn({
            let seen = Arc::clone(&seen);
            move || read(reader, &seen)
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self { master: pair.master, child, keyboard, seen }
    }

    /// Types text or control characters.
    pub fn type_keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.lock().terminal.screen_mut().set_size(size.1, size.0);
        self.master.resize(pty_size(size)).unwrap();
    }

    /// Returns the screen's text.
    pub fn screen(&self) -> String {
        self.lock().terminal.screen().contents()
    }

    /// Returns whether the program uses the alternate screen, as a dashboard does and a shell does not.
    pub fn is_alternate(&self) -> bool {
        self.lock().terminal.screen().alternate_screen()
    }

    /// Counts the bytes written so far.
    pub fn written(&self) -> usize {
        self.lock().bytes.len()
    }

    /// Returns every byte written so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// Returns everything written so far, control sequences included.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits until the screen contains a text.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |pty| pty.screen().contains(text));
    }

    /// Waits until something holds; fails with the screen when it takes too long.
    pub fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PTY_TIMEOUT;
        while !holds(self) {
            assert!(Instant::now() < deadline, "waited for {what} in vain; on the screen:\n{}", self.screen());
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Waits until nothing has been written for this long.
    pub fn wait_for_silence(&self, quiet: Duration) {
        let deadline = Instant::now() + PTY_TIMEOUT;
        let mut since = (self.written(), Instant::now());
        while since.1.elapsed() < quiet {
            assert!(Instant::now() < deadline, "the program never stops writing; on the screen:\n{}", self.screen());
            thread::sleep(POLL_INTERVAL);
            if self.written() != since.0 {
                since = (self.written(), Instant::now());
            }
        }
    }

    /// Waits for the program's end and for the last of what it wrote.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PTY_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.wait_until("the end of the output", |pty| pty.lock().closed);
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end; on the screen:\n{}", self.screen());
            thread::sleep(POLL_INTERVAL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, PtyOutput> {
        self.seen.lock().unwrap()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut reader: Box<dyn Read + Send>, seen: &Mutex<PtyOutput>) {
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        let mut seen = seen.lock().unwrap();
        seen.terminal.process(&buffer[..count]);
        seen.bytes.extend_from_slice(&buffer[..count]);
    }
    seen.lock().unwrap().closed = true;
}

const fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}
