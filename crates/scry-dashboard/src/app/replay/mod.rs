//! The dashboard on a recording: no server, no disk, time that can be held and turned back (pure).

mod model;
mod recording;

use std::time::{Duration, Instant};

pub use self::recording::LoadedRecording;
pub(crate) use self::recording::Playback;

use scry_model::event::ClientEvent;
use scry_text::json::Json;

use self::model::ReplayModel;
use super::keymap::{Action, BoundCommand, KeyContext};
use super::{App, AppEffect, AppStage, JournalView, Key, Now};

/// How far a jump goes.
const JUMP_LENGTH: Duration = Duration::from_secs(10);

/// A command of a recording that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaybackControl {
    /// Play, or pause.
    Toggle,
    /// Pause, and go to the next event.
    Step,
    /// Pause, and go to the previous event.
    StepBack,
    /// Jump ten seconds forward.
    Forward,
    /// Jump ten seconds back.
    Back,
    /// Play at the next higher speed.
    Faster,
    /// Play at the next lower speed.
    Slower,
    /// Go to the start of the recording.
    Start,
    /// Go to the end of the recording.
    End,
}

/// The recording that is shown.
#[derive(Debug)]
pub struct Replay {
    playback: Playback,
    model: ReplayModel,
}

impl App {
    /// Begins with a recording in the place of a server.
    pub fn start_replay(&mut self, recording: LoadedRecording, speed: f64, now: Now) {
        self.stage = AppStage::Watching(recording.campaign.clone());
        self.replay = Some(Replay { model: ReplayModel::default(), playback: Playback::new(recording, speed) });
        self.now = now;
        self.rewind();
        self.play_key(PlaybackControl::Toggle, now.mono);
        self.play(now);
    }

    /// Returns the recording that is shown, if one is.
    #[must_use]
    pub fn replay(&self) -> Option<&Playback> {
        self.replay.as_ref().map(|replay| &replay.playback)
    }

    /// Lists what the keys do here and now, what concerns a recording first.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = BoundCommand<'_>> {
        let playback_keys = self.has_playback().then(|| self.keymap.bindings(KeyContext::Replay));
        playback_keys.into_iter().flatten().chain(self.keymap.bindings(self.context()))
    }

    /// Lists what the help explains: what holds here, and the recording's keys beside it.
    #[must_use]
    pub(crate) fn help_contexts(&self) -> Vec<KeyContext> {
        let playback_keys = self.replay.is_some().then_some(KeyContext::Replay);
        playback_keys.into_iter().chain(self.explained().chain().iter().copied()).collect()
    }

    /// Finds what a key means to the recording.
    pub(super) fn playback_key(&self, key: Key) -> Option<Action> {
        self.has_playback().then(|| self.keymap.action(KeyContext::Replay, key)).flatten()
    }

    const fn has_playback(&self) -> bool {
        self.replay.is_some() && self.help.is_none() && self.typing.is_none()
    }

    /// Carries out what a key asks of the recording.
    pub(super) fn play_key(&mut self, key: PlaybackControl, now: Instant) {
        let Some(Replay { playback, .. }) = &mut self.replay else { return };
        let place = playback.place(now);
        match key {
            PlaybackControl::Toggle => playback.toggle(now),
            PlaybackControl::Step => playback.step(true, now),
            PlaybackControl::StepBack => playback.step(false, now),
            PlaybackControl::Forward => playback.go_to(place + JUMP_LENGTH, now),
            PlaybackControl::Back => playback.go_to(place.saturating_sub(JUMP_LENGTH), now),
            PlaybackControl::Faster => playback.change_speed(true, now),
            PlaybackControl::Slower => playback.change_speed(false, now),
            PlaybackControl::Start => playback.go_to(Duration::ZERO, now),
            PlaybackControl::End => playback.go_to(playback.recording().length(), now),
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
            let Some((_, delivery)) = playback.recording().entries.get(index).cloned() else { continue };
            delivery.event.iter().for_each(|event| model.apply(event));
            // What it asks for is answered below, or is nothing that a recording has.
            let _ = self.client(ClientEvent::Delivered(delivery));
        }
        self.answer();
    }

    /// Keeps of what is to be done what needs neither server nor disk.
    pub(super) fn without_server(&self, mut effects: Vec<AppEffect>) -> Vec<AppEffect> {
        if self.replay.is_some() {
            effects.retain(|effect| {
                let on_this_screen =
                    matches!(effect, AppEffect::Copy { .. } | AppEffect::Export { .. } | AppEffect::Mouse(_));
                on_this_screen || matches!(effect, AppEffect::Suspend | AppEffect::Quit | AppEffect::UseTheme(_))
            });
        }
        effects
    }

    /// Answers a refetch from the recording.
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
        let state = playback.recording().state.clone();
        *model = ReplayModel::new(state.as_ref());
        self.now.wall = playback.recording().started_at;
        self.cache = self.cache.successor();
        self.journal = JournalView::new(self.options.journal_limit);
        self.tree.forget_marks();
        self.epoch = None;
        match state {
            Some(state) => drop(self.client(ClientEvent::Snapshot(Box::new(state)))),
            None => self.rebuild_tree(),
        }
        self.redraw = true;
    }
}
