//! The dashboard's state (pure): messages in, effects out, and everything a frame needs to know.
//!
//! No clock, no I/O, no colour: time arrives with each message, effects are carried out by the
//! terminal's event loop, and how things look is decided where they are drawn.

mod actions;
mod alerts;
mod clock;
pub(crate) mod clock_pane;
pub(crate) mod columns;
pub(crate) mod command;
pub(crate) mod connection;
pub(crate) mod connection_stats;
pub mod copy;
mod custom;
pub(crate) mod detail;
pub(crate) mod edit;
pub mod entry;
mod explain;
pub(crate) mod filter;
mod fuzzy;
pub(crate) mod help;
pub(crate) mod inbox;
pub(crate) mod inspector;
mod journal;
mod key;
pub mod keymap;
pub(crate) mod layout;
pub mod measure;
mod merged_view;
mod msg;
mod nav_history;
pub(crate) mod now;
mod outcomes;
mod packed_time;
pub(crate) mod palette;
mod pane;
mod panes;
pub(crate) mod pending;
pub(crate) mod people;
mod pointer;
mod privacy;
pub(crate) mod prompt;
pub(crate) mod record;
pub mod replay;
pub mod screen_reader;
mod state_cache;
mod switch;
pub(crate) mod tree;
pub(crate) mod typing;
mod ui_state;
mod update;
pub(crate) mod value;
mod view;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

pub use clock::Clock;
pub(crate) use connection::ConnectionView;
pub use journal::JournalView;
pub use key::Key;
pub use keymap::{Action, KeyContext, Keymap, Pane};
pub(crate) use layout::Layout;
pub(crate) use merged_view::MergedView;
pub use msg::{AppEffect, CampaignChoice, Msg, RefetchError};
pub use now::Now;
pub use state_cache::StateFreshness;
pub(crate) use tree::Tree;
pub(crate) use typing::{LineInput, LinePurpose};
pub use ui_state::UiState;

use scry_catalogue::EventDisplays;
use scry_config::alerts::AlertConfig;
use scry_model::cache::Cache;
use scry_protocol::Id;

/// The options of a dashboard.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// How long a change stays marked; zero marks nothing.
    pub mark_fade: Duration,
    /// How many entries the journal keeps.
    pub journal_limit: usize,
    /// The time zone of every real time on screen.
    pub zone: TimeZone,
    /// The themes and profiles one can change to, and the profile that is used.
    pub themes: Vec<String>,
    /// The names of the profiles that the user can change to.
    pub profiles: Vec<String>,
    /// The name of the profile in use.
    pub profile: String,
    /// The server's address, where it is not the profile's own.
    pub address: Option<String>,
    /// When and how the dashboard calls for attention.
    pub alerts: AlertConfig,
    /// Whether marks fade; without motion they stay as they are until they go.
    pub motion: bool,
    /// Whether the mouse is in use from the start.
    pub mouse: bool,
    /// Whether nothing may be changed, whatever the person's role allows.
    pub read_only: bool,
    /// The user of this dashboard, where that is known.
    pub me: Option<Id>,
    /// Makes the keys of edits differ from every other dashboard's.
    pub seed: u64,
    /// Whether everything is told in sentences, for a screen reader.
    pub screen_reader: bool,
}

impl Default for AppOptions {
    fn default() -> Self {
        Self {
            mark_fade: Duration::from_secs(60),
            journal_limit: 100_000,
            zone: TimeZone::UTC,
            themes: Vec::new(),
            profiles: Vec::new(),
            profile: String::new(),
            address: None,
            alerts: AlertConfig::default(),
            motion: true,
            mouse: false,
            read_only: false,
            me: None,
            seed: 0,
            screen_reader: false,
        }
    }
}

/// The stage that the dashboard is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AppStage {
    /// Asking which campaigns there are.
    Listing,
    /// Letting the person choose one.
    Choosing {
        choices: Vec<CampaignChoice>,
        selected: usize,
    },
    /// There is nothing to choose from, for this reason.
    Stuck(String),
    Watching(Id),
}

/// A sentence that is shown for a while.
#[derive(Debug, Clone)]
pub(crate) struct Toast {
    pub text: String,
    until: Instant,
}

/// The freshness of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    New,
    Fading,
    Old,
}

/// The state of the dashboard.
#[derive(Debug)]
pub struct App {
    options: AppOptions,
    keymap: Keymap,
    now: Now,
    size: (u16, u16),
    stage: AppStage,
    focus: Pane,
    /// The further pane that is open, and the main pane the person came from.
    further: Option<(Pane, Pane)>,
    zoomed: bool,
    /// How far the help is scrolled, while it is open.
    help: Option<usize>,
    connection: ConnectionView,
    cache: Cache,
    clock: Clock,
    tree: Tree,
    journal: JournalView,
    detail_place: detail::DetailPosition,
    toasts: Vec<Toast>,
    /// How many sentences have been shown so far.
    toasts_made: u64,
    /// What is to be said to somebody who types lines.
    answers: Vec<String>,
    /// The epoch of the history that the journal shows, once a snapshot has told it.
    epoch: Option<String>,
    state_cache: state_cache::StateCache,
    typing: Option<LineInput>,
    histories: typing::LineHistories,
    inspector: inspector::Inspector,
    nav_history: nav_history::NavHistory,
    /// The campaigns one may switch to, once they have been asked for.
    campaigns: Vec<CampaignChoice>,
    /// Whether the journal wraps its rows, and dates them in the world.
    wrap: bool,
    world_times: bool,
    connection_stats: connection_stats::ConnectionStats,
    /// How far each pane that only scrolls is scrolled.
    scroll: BTreeMap<Pane, usize>,
    resume: Option<UiState>,
    private: bool,
    mouse: bool,
    no_chrome: bool,
    /// Whether the terminal has the person's attention, once it has said so.
    is_looking: Option<bool>,
    was_lost: bool,
    /// Calls for attention that are about to go out.
    pending_alerts: Vec<AppEffect>,
    alert_batcher: alerts::AlertBatcher,
    /// The recording that is shown in the place of a server.
    replay: Option<replay::Replay>,
    dialog: Option<edit::Dialog>,
    keys: edit::KeyGenerator,
    pending: pending::PendingEdits,
    undo: edit::UndoHistory,
    people: people::People,
    local_presence: people::LocalPresence,
    inbox: inbox::Inbox,
    /// How events of other applications are said.
    event_displays: EventDisplays,
    changed: ChangedParts,
    redraw: bool,
}

/// The parts that have changed since the state was last settled.
#[derive(Debug, Default)]
struct ChangedParts {
    /// The entities and their order, and so the rows of the World.
    world: bool,
    /// What Detail shows.
    detail: bool,
}

impl App {
    /// Builds the state for a screen of this size; [`App::start`] says what to do first.
    #[must_use]
    pub fn new(options: AppOptions, size: (u16, u16), now: Now) -> Self {
        Self {
            journal: JournalView::new(options.journal_limit),
            keymap: Keymap::default(),
            now,
            size,
            stage: AppStage::Listing,
            focus: Pane::World,
            further: None,
            zoomed: false,
            help: None,
            connection: ConnectionView::default(),
            cache: Cache::default(),
            clock: Clock::default(),
            tree: Tree::default(),
            detail_place: detail::DetailPosition::default(),
            toasts: Vec::new(),
            toasts_made: 0,
            answers: Vec::new(),
            epoch: None,
            state_cache: state_cache::StateCache::default(),
            typing: None,
            histories: typing::LineHistories::default(),
            inspector: inspector::Inspector::default(),
            nav_history: nav_history::NavHistory::default(),
            campaigns: Vec::new(),
            wrap: false,
            world_times: false,
            connection_stats: connection_stats::ConnectionStats::default(),
            scroll: BTreeMap::new(),
            resume: None,
            private: false,
            mouse: false,
            no_chrome: false,
            is_looking: None,
            was_lost: false,
            pending_alerts: Vec::new(),
            alert_batcher: alerts::AlertBatcher::default(),
            replay: None,
            dialog: None,
            keys: edit::KeyGenerator::new(options.seed),
            pending: pending::PendingEdits::default(),
            undo: edit::UndoHistory::default(),
            people: people::People::default(),
            local_presence: people::LocalPresence::new(now.mono),
            inbox: inbox::Inbox::default(),
            event_displays: EventDisplays::default(),
            options,
            changed: ChangedParts::default(),
            redraw: true,
        }
    }

    /// Begins with a campaign, or with the question which.
    pub fn start(&mut self, campaign: Option<Id>) -> Vec<AppEffect> {
        self.redraw = true;
        match campaign {
            Some(id) => self.watch(id),
            None => vec![AppEffect::LoadCampaigns],
        }
    }

    /// Takes over what a person prefers now; what is on screen stays.
    pub fn apply_settings(&mut self, options: AppOptions, keymap: Keymap) {
        let AppOptions { read_only, me, seed, screen_reader, .. } = self.options.clone();
        self.options = AppOptions { read_only, me, seed, screen_reader, ..options };
        self.keymap = keymap;
        self.keymap.name_commands(screen_reader);
        self.redraw = true;
    }

    /// Lets the mouse select and scroll.
    pub const fn use_mouse(&mut self) {
        self.mouse = true;
    }

    /// Returns whether the screen no longer shows the state, and resets that.
    pub const fn take_redraw(&mut self) -> bool {
        std::mem::replace(&mut self.redraw, false)
    }

    /// Returns the next moment at which time alone changes something; a [`Msg::Tick`] is due then.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let toasts = self.toasts.iter().map(|toast| toast.until).min();
        if let Some(playback) = self.replay() {
            // While a recording rests, so does its time, and nothing ages.
            return [playback.deadline(self.now.mono), toasts].into_iter().flatten().min();
        }
        let moments = [
            self.cache.refetch_deadline(),
            self.connection.deadline(self.now),
            self.connection.turns_at(self.now.mono).filter(|_| self.turns()),
            self.fade_deadline().filter(|_| self.is_watched()),
            self.age_deadline().filter(|_| self.is_watched()),
            self.connection_stats.deadline(self.now).filter(|_| self.is_watched() && self.shows(Pane::Health)),
            self.keep_deadline(),
            self.people.deadline(),
            self.presence_deadline(),
            self.due_deadline(),
            self.alert_batcher.deadline(),
            toasts,
        ];
        moments.into_iter().flatten().min()
    }

    /// Returns whether a sign turns while the connection is being made.
    fn turns(&self) -> bool {
        self.options.motion && !self.options.screen_reader && self.is_watched()
    }

    fn fade_deadline(&self) -> Option<Instant> {
        let steps = |at: &jiff::Timestamp| {
            let step = if self.now.since(*at) < self.options.mark_fade / 2 {
                self.options.mark_fade / 2
            } else {
                self.options.mark_fade
            };
            self.now.when_aged(*at, step)
        };
        self.tree.fresh().values().map(steps).min()
    }

    fn age_deadline(&self) -> Option<Instant> {
        let fresh = |at: &jiff::Timestamp| self.freshness(*at) != Freshness::Old;
        let changes = self.selected().map(|entity| entity.changes.values().map(|change| change.at).collect::<Vec<_>>());
        changes.into_iter().flatten().filter(fresh).map(|at| self.now.when_age_changes(at)).min()
    }
}
