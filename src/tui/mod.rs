//! The dashboard's shell: the terminal, the event loop and the effects. Decisions are made in [`scry_dashboard::app`].

mod background;
mod clipboard;
mod edit_sender;
mod effects;
mod file_watcher;
mod frame_limiter;
mod heap_trimmer;
pub mod preferences;
mod screen;
pub mod screen_reader;
mod signals;
mod state_worker;
mod ui_state_store;

use std::io;
use std::time::{Duration, Instant};

use crossterm::event::{Event, EventStream, KeyEvent, KeyEventKind};
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use tokio::time::{sleep_until, timeout};

pub use self::background::Background;
use scry_client::api::Api;
use scry_client::disk::DiskCache;
use scry_client::outbox::OutboxStores;
use scry_client::session::SessionOptions;
use scry_command::exit::Exit;
use scry_config::ConfigError;
use scry_config::client::Settings;
use scry_dashboard::app::copy::Export;
use scry_dashboard::app::replay::LoadedRecording;
use scry_dashboard::app::{App, AppEffect, Msg, Now};
use scry_dashboard::ui::{self, Appearance};
use scry_model::event::ClientEvent;
use scry_protocol::Id;

use self::background::TerminalReplyFilter;
use self::effects::{EffectRunner, NextStep, ScreenRequest};
use self::file_watcher::FileWatcher;
use self::frame_limiter::FrameLimiter;
use self::preferences::{DashboardPreferences, wants_background};
use self::screen::Screen;
use self::signals::{Signal, Signals};
use self::ui_state_store::UiStateStore;

/// The longest time that what has arrived is taken in before keys are looked at again.
const MAX_INTAKE_TIME: Duration = Duration::from_millis(5);
/// How many events may be read ahead of what is taken in: little, since reading them takes time from keys and frames.
const MAX_READ_AHEAD_EVENTS: usize = 512;
/// How long leaving may take on the wire; the terminal is given back before that.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What to show and how.
#[derive(Debug)]
pub struct TuiOptions {
    /// How to connect, without rooms: the dashboard joins the campaign's.
    pub session: SessionOptions,
    /// The campaign to open; without one the dashboard asks.
    pub campaign: Option<Id>,
    /// A recording to show in the place of a campaign, and how many times as fast as it was.
    pub replay: Option<(LoadedRecording, f64)>,
    /// Something the person should know at once.
    pub notice: Option<String>,
    /// Where states are kept for the next start.
    pub disk: DiskCache,
    /// Where edits wait until they are answered.
    pub outboxes: OutboxStores,
    /// How long to stay open at most.
    pub time: Option<Duration>,
    /// Who looks at it, where that is known.
    pub me: Option<Id>,
    /// Whether nothing may be changed, whatever the person's role allows.
    pub read_only: bool,
    /// What to look like and how to behave, and where to read that again.
    pub settings: Settings,
}

impl TuiOptions {
    /// Takes everything from the settings; what is kept on disk is this user's.
    #[must_use]
    pub fn new(settings: &Settings, api: Api, user: Option<&Id>, campaign: Option<Id>) -> Self {
        let data = &settings.dirs.data;
        Self {
            // What has not been looked at waits in the socket: a flood costs neither memory nor the connection.
            session: settings.server.rooms.iter().cloned().fold(
                SessionOptions {
                    backpressure: true,
                    capacity: MAX_READ_AHEAD_EVENTS,
                    ..SessionOptions::new(settings, api)
                },
                SessionOptions::room,
            ),
            campaign,
            replay: None,
            notice: None,
            disk: DiskCache::of(data, &settings.server, user),
            outboxes: OutboxStores::of(data, &settings.server, user),
            time: None,
            me: user.cloned(),
            read_only: false,
            settings: settings.clone(),
        }
    }
}

/// Why the dashboard could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard output is not a terminal.
    #[error("the dashboard needs a terminal; `scry watch` prints the same events to a pipe or a file")]
    NoTerminal,
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server cannot be used.
    #[error(transparent)]
    Api(#[from] scry_client::error::ApiError),
}

/// Why the dashboard was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DashboardExit {
    /// It ended with this code.
    Exit(Exit),
    /// The person wants to go over to the server of this profile.
    Profile(String),
}

/// Shows the dashboard until the person or a signal ends it; the terminal is given back in every case.
///
/// # Errors
/// [`TuiError`], when there is no terminal, it fails, or the connection cannot be set up at all.
pub async fn run(options: TuiOptions) -> Result<DashboardExit, TuiError> {
    // A mistake in the configuration is said before the terminal is taken.
    DashboardPreferences::new(&options.settings, Background::Unknown)?;
    let mut signals = Signals::listen()?;
    let mut screen = Screen::enter()?;
    let answer =
        if wants_background(&options.settings) { background::ask() } else { background::BackgroundAnswer::default() };
    let preferences = DashboardPreferences::new(&options.settings, answer.background)?;
    // A recording is looked at, not changed.
    let read_only = options.read_only || options.replay.is_some();
    let own = scry_dashboard::app::AppOptions { read_only, me: options.me, seed: rand::random(), ..preferences.app };
    let mut app = App::new(own.clone(), screen.size()?, now());
    let mouse = own.mouse;
    app.apply_settings(own, preferences.keymap);
    let ui_states = UiStateStore::of(&options.settings.dirs.data, &options.settings.server);
    let ui_state = ui_states.load().filter(|_| options.settings.config.ui.restore);
    let last = ui_state.as_ref().and_then(|ui_state| ui_state.campaign.clone());
    if let Some(ui_state) = ui_state {
        app.resume(ui_state);
    }
    if mouse {
        app.use_mouse();
        screen.take_mouse(true)?;
    }
    let outboxes = Some(options.outboxes).filter(|_| !read_only);
    let mut runner = EffectRunner::new(options.session, options.disk, outboxes);
    let first = match options.replay {
        Some((recording, speed)) => {
            app.start_replay(recording, speed, now());
            Vec::new()
        }
        None => app.start(options.campaign.or(last)),
    };
    if let Some(sentence) = options.notice {
        app.say(&sentence);
    }
    let mut shown = EventLoop {
        app: &mut app,
        screen: &mut screen,
        runner: &mut runner,
        signals: &mut signals,
        appearance: preferences.appearance,
        reload: FileWatcher::start(options.settings.clone(), answer.background),
        background: answer.background,
        reply_filter: answer.reply_filter,
        settings: options.settings,
    };
    let shown = shown.run(first, answer.typed);
    let ended = match options.time {
        Some(time) => timeout(time, shown).await.unwrap_or(Ok(DashboardExit::Exit(Exit::Met))),
        None => shown.await,
    };
    drop(screen);
    // Whoever looks at a recording still comes back to their own campaign.
    if app.replay().is_none() {
        ui_states.save(&app.ui_state());
    }
    runner.execute(app.final_save(now()).into_iter().collect())?;
    // The server should see a farewell rather than a dead socket, but nobody waits long for it.
    let _ = timeout(CLOSE_TIMEOUT, runner.close()).await;
    ended
}

fn now() -> Now {
    Now { mono: Instant::now(), wall: Timestamp::now() }
}

struct EventLoop<'a> {
    app: &'a mut App,
    screen: &'a mut Screen,
    runner: &'a mut EffectRunner,
    signals: &'a mut Signals,
    appearance: Appearance,
    reload: FileWatcher,
    background: Background,
    reply_filter: TerminalReplyFilter,
    settings: Settings,
}

/// What woke the loop.
enum LoopInput {
    Input(Option<io::Result<Event>>),
    Signal(Signal),
    Msg(Msg),
    Reload(Box<Result<DashboardPreferences, String>>),
    Frame,
    Due,
}

impl EventLoop<'_> {
    async fn run(&mut self, first: Vec<AppEffect>, typed: Vec<KeyEvent>) -> Result<DashboardExit, TuiError> {
        let mut input = EventStream::new();
        let mut dirty = true;
        let mut pace = FrameLimiter::default();
        let mut after = self.runner.execute(first)?;
        for key in typed {
            after = self.update(Msg::Key(key))?;
        }
        loop {
            match after {
                NextStep::Continue => {}
                NextStep::Profile(name) => return Ok(DashboardExit::Profile(name)),
                NextStep::Quit => return Ok(DashboardExit::Exit(Exit::Met)),
                NextStep::Suspend => {
                    self.suspend().await?;
                    dirty = true;
                }
            }
            dirty |= self.serve()?;
            dirty |= self.app.take_redraw();
            let watched = self.app.is_watched();
            let now = Instant::now();
            if dirty && pace.allows(now, watched) {
                self.screen.draw(self.app, &self.appearance)?;
                self.app.drawn();
                pace.drawn(now);
                dirty = false;
            }
            let woken = tokio::select! {
                biased;
                event = input.next() => LoopInput::Input(event),
                signal = self.signals.next() => LoopInput::Signal(signal),
                () = due(pace.next(watched)), if dirty => LoopInput::Frame,
                msg = self.runner.next() => LoopInput::Msg(msg),
                read = self.reload.next() => LoopInput::Reload(Box::new(read)),
                () = due(self.app.deadline()) => LoopInput::Due,
            };
            after = match woken {
                LoopInput::Input(None) => return Ok(DashboardExit::Exit(Exit::Interrupted)),
                LoopInput::Input(Some(event)) => self.input(event?)?,
                LoopInput::Signal(Signal::Terminate) => return Ok(DashboardExit::Exit(Exit::Interrupted)),
                LoopInput::Signal(Signal::Continue) => {
                    self.screen.enter_again()?;
                    dirty = true;
                    NextStep::Continue
                }
                LoopInput::Msg(msg) => self.take_in(msg)?,
                LoopInput::Reload(read) => {
                    self.take_over(*read);
                    NextStep::Continue
                }
                LoopInput::Frame => NextStep::Continue,
                LoopInput::Due => self.update(Msg::Tick)?,
            };
        }
    }

    fn input(&mut self, event: Event) -> Result<NextStep, TuiError> {
        match event {
            Event::Key(key) if self.reply_filter.filters(key) => Ok(NextStep::Continue),
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                debug_panic(key);
                self.update(Msg::Key(key))
            }
            Event::Resize(width, height) => self.update(Msg::Resize { width, height }),
            // What is pasted is text, never commands.
            Event::Paste(text) => self.update(Msg::Paste(text)),
            Event::Mouse(mouse) => self.update(Msg::Mouse(mouse)),
            Event::FocusGained => self.update(Msg::Attention(true)),
            Event::FocusLost => self.update(Msg::Attention(false)),
            Event::Key(_) => Ok(NextStep::Continue),
        }
    }

    /// Takes in a message and what else has arrived by now, so that a flood makes one frame.
    fn take_in(&mut self, msg: Msg) -> Result<NextStep, TuiError> {
        let began = Instant::now();
        let mut next = Some(msg);
        while let Some(msg) = next {
            let effects = self.app.take(now(), msg);
            match self.runner.execute(effects)? {
                NextStep::Continue => {}
                after @ (NextStep::Profile(_) | NextStep::Suspend | NextStep::Quit) => return Ok(after),
            }
            next = if began.elapsed() < MAX_INTAKE_TIME { self.runner.next().now_or_never() } else { None };
        }
        let effects = self.app.settle(now());
        self.runner.execute(effects)
    }

    fn update(&mut self, msg: Msg) -> Result<NextStep, TuiError> {
        let effects = self.app.update(now(), msg);
        self.runner.execute(effects)
    }

    /// Takes over a configuration that has changed; one with a mistake changes nothing, and is explained.
    fn take_over(&mut self, read: Result<DashboardPreferences, String>) {
        match read {
            Ok(DashboardPreferences { app, keymap, appearance }) => {
                self.appearance = appearance;
                self.app.apply_settings(app, keymap);
                self.app.say("configuration reloaded");
            }
            Err(mistake) => self.app.say(&format!("configuration not reloaded: {mistake}")),
        }
    }

    /// Does what only the owner of the terminal can; tells whether the screen looks different afterwards.
    fn serve(&mut self) -> Result<bool, TuiError> {
        let mut differs = false;
        for effect in self.runner.for_screen() {
            match effect {
                ScreenRequest::Theme(name) => {
                    self.use_theme(&name);
                    differs = true;
                }
                ScreenRequest::Copy { text, said } => self.runner.off_screen(move || {
                    Msg::Said(clipboard::copy(&text).map_or_else(|problem| problem, |()| said.to_owned()))
                }),
                ScreenRequest::Export { kind, content } => self.export(kind, content),
                ScreenRequest::Mouse(taken) => self.screen.take_mouse(taken)?,
                ScreenRequest::Alert(sentence) => clipboard::alert(&sentence, &self.settings.config.alerts.means)?,
            }
        }
        Ok(differs)
    }

    fn export(&self, kind: Export, content: Option<String>) {
        let content = content.unwrap_or_else(|| {
            let picture = ui::picture(self.app, &self.appearance);
            match kind {
                Export::Svg => ui::export::svg(&picture),
                Export::Ansi => ui::export::ansi(&picture),
                Export::Text | Export::Journal => ui::export::text(&picture),
            }
        });
        let stem = now().wall.to_zoned(jiff::tz::TimeZone::system()).strftime("scry-%Y%m%d-%H%M%S").to_string();
        self.runner.off_screen(move || clipboard::exported(&stem, kind.extension(), &content));
    }

    fn use_theme(&mut self, name: &str) {
        match preferences::appearance(&self.settings, name, self.background) {
            Ok(appearance) => self.appearance = appearance,
            Err(error) => self.app.say(&error.to_string()),
        }
    }

    async fn suspend(&mut self) -> Result<(), TuiError> {
        self.screen.leave()?;
        self.signals.stop_here().await;
        self.screen.enter_again()?;
        let (width, height) = self.screen.size()?;
        self.update(Msg::Resize { width, height }).map(|_| ())
    }
}

async fn due(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Turns the end of a session into something the dashboard can show.
fn ended() -> Msg {
    let sentence = "the connection task has ended; restart scry and look at the log";
    Msg::Client(ClientEvent::Notice(sentence.to_owned()))
}

/// Fails on a certain key in debug builds, so that a test can see the terminal given back.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "it is what is asked for")]
fn debug_panic(key: KeyEvent) {
    if key.code == crossterm::event::KeyCode::F(12) && std::env::var_os("SCRY_PANIC_KEY").is_some() {
        panic!("asked to panic by F12");
    }
}

#[cfg(not(debug_assertions))]
const fn debug_panic(_: KeyEvent) {}
