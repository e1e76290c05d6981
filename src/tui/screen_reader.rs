//! The dashboard as lines: no screen is taken, nothing is drawn again, no control sequence is written.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use scry_command::exit::Exit;
use scry_dashboard::app::screen_reader::Announcer;
use scry_dashboard::app::{App, Msg};
use scry_text as text;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::effects::{EffectRunner, NextStep, ScreenRequest};
use super::preferences::DashboardPreferences;
use super::signals::{Signal, Signals};
use super::{Background, CLOSE_TIMEOUT, DashboardExit, MAX_INTAKE_TIME, TuiError, TuiOptions, clipboard, due, now};

/// The least time between two lots of news: what comes in a burst is counted rather than read out.
const MIN_NEWS_INTERVAL: Duration = Duration::from_millis(200);
/// How many columns the state reckons with; nothing is cut to them.
const ASSUMED_SIZE: (u16, u16) = (120, 40);

/// Tells a campaign in sentences and takes commands as lines, until the input or the person ends it.
///
/// # Errors
/// [`TuiError`], when standard output fails, or the connection cannot be set up at all.
pub async fn run(options: TuiOptions) -> Result<DashboardExit, TuiError> {
    let preferences = DashboardPreferences::new(&options.settings, Background::Unknown)?;
    let mut signals = Signals::listen()?;
    let read_only = options.read_only;
    let own = scry_dashboard::app::AppOptions {
        read_only,
        me: options.me,
        seed: rand::random(),
        screen_reader: true,
        ..preferences.app
    };
    let mut app = App::new(own.clone(), ASSUMED_SIZE, now());
    app.apply_settings(own, preferences.keymap);
    let outboxes = Some(options.outboxes).filter(|_| !read_only);
    let mut runner = EffectRunner::new(options.session, options.disk, outboxes);
    let first = app.start(options.campaign);
    if let Some(sentence) = options.notice {
        app.say(&sentence);
    }
    let mut after = runner.execute(first)?;
    let mut lines = StdinLines::read();
    let announcer = Announcer::default();
    let mut talk =
        LineSession { app: &mut app, runner: &mut runner, announcer, told_at: Instant::now(), has_news: true };
    let ended = loop {
        match after {
            NextStep::Continue | NextStep::Suspend => {}
            NextStep::Profile(name) => break DashboardExit::Profile(name),
            NextStep::Quit => break DashboardExit::Exit(Exit::Met),
        }
        let Some(next) = talk.next(&mut lines, &mut signals).await? else {
            break DashboardExit::Exit(Exit::Interrupted);
        };
        after = next;
    };
    talk.tell()?;
    runner.execute(app.final_save(now()).into_iter().collect())?;
    // The server should see a farewell rather than a dead socket, but nobody waits long for it.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, runner.close()).await;
    Ok(ended)
}

struct LineSession<'a> {
    app: &'a mut App,
    runner: &'a mut EffectRunner,
    announcer: Announcer,
    told_at: Instant,
    /// Whether something may have happened since then.
    has_news: bool,
}

impl LineSession<'_> {
    /// Waits for a line or for news, and says what there is to say; `None` when somebody wants us gone.
    async fn next(&mut self, lines: &mut StdinLines, signals: &mut Signals) -> Result<Option<NextStep>, TuiError> {
        tokio::select! {
            biased;
            signal = signals.next() => Ok((signal == Signal::Continue).then_some(NextStep::Continue)),
            line = lines.next(), if self.app.can_answer() => self.line(line).map(Some),
            msg = self.runner.next() => self.take_in(msg).map(Some),
            () = due(self.app.deadline()) => self.update(Msg::Tick).map(Some),
            () = sleep_until((self.told_at + MIN_NEWS_INTERVAL).into()), if self.has_news => self.tell().map(|()| Some(NextStep::Continue)),
        }
    }

    /// Carries out a typed line; the end of the input is a farewell.
    fn line(&mut self, line: Option<String>) -> Result<NextStep, TuiError> {
        let Some(line) = line else { return Ok(NextStep::Quit) };
        // What has happened so far is told before what is asked for.
        self.tell()?;
        let after = self.update(Msg::Line(line))?;
        let answers = self.app.take_answers();
        print(&answers)?;
        self.deliver()?;
        Ok(after)
    }

    /// Takes in a message and what else has arrived by now.
    fn take_in(&mut self, msg: Msg) -> Result<NextStep, TuiError> {
        let began = Instant::now();
        let mut next = Some(msg);
        while let Some(msg) = next {
            match self.update(msg)? {
                NextStep::Continue | NextStep::Suspend => {}
                after @ (NextStep::Profile(_) | NextStep::Quit) => return Ok(after),
            }
            next = if began.elapsed() < MAX_INTAKE_TIME { self.runner.next().now_or_never() } else { None };
        }
        self.deliver()?;
        Ok(NextStep::Continue)
    }

    fn update(&mut self, msg: Msg) -> Result<NextStep, TuiError> {
        self.has_news = true;
        let effects = self.app.update(now(), msg);
        self.runner.execute(effects)
    }

    fn tell(&mut self) -> Result<(), TuiError> {
        self.has_news = false;
        self.told_at = Instant::now();
        print(&self.announcer.news(self.app))
    }

    /// Hands out what a screen would: there is neither a terminal's clipboard nor a picture here.
    fn deliver(&mut self) -> Result<(), TuiError> {
        for wish in self.runner.for_screen() {
            match wish {
                ScreenRequest::Copy { text, said } => {
                    if clipboard::system(&text) {
                        print(&[said.to_owned()])?;
                    } else {
                        print(&text.lines().map(ToOwned::to_owned).collect::<Vec<_>>())?;
                    }
                }
                ScreenRequest::Export { content: Some(content), kind } => {
                    let stem = now().wall.to_zoned(jiff::tz::TimeZone::system()).strftime("scry-%Y%m%d-%H%M%S");
                    let stem = stem.to_string();
                    self.runner.off_screen(move || clipboard::exported(&stem, kind.extension(), &content));
                }
                // The sentence itself is told anyway; there is no look and no mouse.
                ScreenRequest::Export { content: None, .. }
                | ScreenRequest::Theme(_)
                | ScreenRequest::Mouse(_)
                | ScreenRequest::Alert(_) => {}
            }
        }
        Ok(())
    }
}

/// Reads lines on a thread of its own, which nobody waits for at the end.
#[derive(Debug)]
struct StdinLines(mpsc::Receiver<String>);

impl StdinLines {
    fn read() -> Self {
        let (sender, lines) = mpsc::channel(1);
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                // What is no text is no command either; the end of the input and a failure are the same here.
                let Ok(line) = line else { return };
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self(lines)
    }

    /// Waits for the next line; `None` once there are no more.
    async fn next(&mut self) -> Option<String> {
        self.0.recv().await
    }
}

/// Prints lines, each made safe once more: nothing but text reaches the terminal from here.
fn print(lines: &[String]) -> Result<(), TuiError> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{}", text::line(line))?;
    }
    Ok(out.flush()?)
}
