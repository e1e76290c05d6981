//! The dashboard on a recording: no server, no disk, time that can be held and turned back (pure).

mod model;
mod tape;

use std::time::{Duration, Instant};

pub use self::tape::{Playback, Tape};

use scry_model::event::ClientEvent;
use scry_text::json::Json;

use self::model::Model;
use super::keymap::{Action, Bound, Context};
use super::{App, Effect, Journal, Key, Now, Stage};

/// How far a jump goes.
const JUMP: Duration = Duration::from_secs(10);

/// Names what can be done to a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deck {
    Toggle,
    Step,
    StepBack,
    Forward,
    Back,
    Faster,
    Slower,
    Start,
    End,
}

/// Holds the recording that is shown.
#[derive(Debug)]
pub struct Replay {
    playback: Playback,
    model: Model,
}

impl App {
    /// Begins with a recording in the place of a server.
    pub fn start_replay(&mut self, tape: Tape, speed: f64, now: Now) {
        self.stage = Stage::Watching(tape.campaign.clone());
        self.replay = Some(Replay { model: Model::default(), playback: Playback::new(tape, speed) });
        self.now = now;
        self.rewind();
        self.play_key(Deck::Toggle, now.mono);
        self.play(now);
    }

    /// Returns the recording that is shown, if one is.
    #[must_use]
    pub fn replay(&self) -> Option<&Playback> {
        self.replay.as_ref().map(|replay| &replay.playback)
    }

    /// Lists what the keys do here and now, what concerns a recording first.
    pub fn bindings(&self) -> impl Iterator<Item = Bound<'_>> {
        let deck = self.has_deck().then(|| self.keymap.bindings(Context::Replay));
        deck.into_iter().flatten().chain(self.keymap.bindings(self.context()))
    }

    /// Lists what the help explains: what holds here, and the recording's keys beside it.
    #[must_use]
    pub fn help_contexts(&self) -> Vec<Context> {
        let deck = self.replay.is_some().then_some(Context::Replay);
        deck.into_iter().chain(self.explained().chain().iter().copied()).collect()
    }

    /// Finds what a key means to the recording.
    pub(super) fn deck_key(&self, key: Key) -> Option<Action> {
        self.has_deck().then(|| self.keymap.action(Context::Replay, key)).flatten()
    }

    const fn has_deck(&self) -> bool {
        self.replay.is_some() && self.help.is_none() && self.typing.is_none()
    }

    /// Carries out what a key asks of the recording.
    pub(super) fn play_key(&mut self, key: Deck, now: Instant) {
        let Some(Replay { playback, .. }) = &mut self.replay else { return };
        let place = playback.place(now);
        match key {
            Deck::Toggle => playback.toggle(now),
            Deck::Step => playback.step(true, now),
            Deck::StepBack => playback.step(false, now),
            Deck::Forward => playback.go_to(place + JUMP, now),
            Deck::Back => playback.go_to(place.saturating_sub(JUMP), now),
            Deck::Faster => playback.change_speed(true, now),
            Deck::Slower => playback.change_speed(false, now),
            Deck::Start => playback.go_to(Duration::ZERO, now),
            Deck::End => playback.go_to(playback.tape().length(), now),
        }
    }

    /// Returns the moment as the recording has it; without one, as it is.
    pub(super) fn moment(&self, now: Now) -> Now {
        let wall = self.replay.as_ref().map_or(now.wall, |replay| replay.playback.wall(now.mono));
        Now { wall, ..now }
    }

    /// Shows what is due of the recording, and answers in the server's place.
    pub(super) fn play(&mut self, now: Now) {
        let due = loop {
            let Some(Replay { playback, .. }) = &mut self.replay else { return };
            match playback.due(now.mono) {
                Some(due) => break due,
                None => self.rewind(),
            }
        };
        self.now = self.moment(now);
        for index in due {
            let Some(Replay { playback, model }) = &mut self.replay else { return };
            let Some((_, delivery)) = playback.tape().entries.get(index).cloned() else { continue };
            delivery.event.iter().for_each(|event| model.apply(event));
            // What it asks for is answered below, or is nothing that a recording has.
            let _ = self.client(ClientEvent::Delivered(delivery));
        }
        self.answer();
    }

    /// Keeps of what is to be done what needs neither server nor disk.
    pub(super) fn without_server(&self, mut effects: Vec<Effect>) -> Vec<Effect> {
        if self.replay.is_some() {
            effects.retain(|effect| {
                let on_this_screen = matches!(effect, Effect::Copy { .. } | Effect::Export { .. } | Effect::Mouse(_));
                on_this_screen || matches!(effect, Effect::Suspend | Effect::Quit | Effect::UseTheme(_))
            });
        }
        effects
    }

    /// Tells the current values of what was changed, from the recording.
    fn answer(&mut self) {
        // The cache collects what it wants for a moment; here nothing is gained by waiting.
        while let Some(due) = self.cache.refetch_deadline() {
            let Some(refetch) = self.cache.refetch_due(due) else { return };
            let Some(Replay { model, .. }) = &self.replay else { return };
            let nodes = model.nodes(&refetch.ids).iter().map(Json::from).collect();
            self.refetched(refetch.request_id, Ok(nodes));
        }
    }

    /// Puts everything back to how it was at the start of the recording.
    fn rewind(&mut self) {
        let Some(Replay { playback, model }) = &mut self.replay else { return };
        let state = playback.tape().state.clone();
        *model = Model::new(state.as_ref());
        self.now.wall = playback.tape().started_at;
        self.cache = self.cache.successor();
        self.journal = Journal::new(self.options.journal_limit);
        self.tree.forget_marks();
        self.epoch = None;
        match state {
            Some(state) => drop(self.client(ClientEvent::Snapshot(Box::new(state)))),
            None => self.rebuild_tree(),
        }
        self.redraw = true;
    }
}
