//! Stores edits as they come and sends them in order while the connection is live.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::outbox::Edit;
use scry_model::outbox::Entry;
use scry_model::outbox::Outbox;
use scry_model::outbox::{Outcome, Refusal};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::send::{self, Verdict};
use super::store::{Found, Lock, Store};
use crate::api::Api;
use crate::connection::delay;
use crate::error::ApiError;

/// How often to see whether another program has stored or sent something.
const LOOK: Duration = Duration::from_secs(10);
/// How soon to try for the lock again while another program sends.
const BUSY: Duration = Duration::from_millis(200);
/// How often a server may fail at one edit before the others behind it are sent.
const MAX_WEAK: u32 = 5;
/// How many applied edits later ones may build on; more are never made before the first is known.
const MAX_APPLIED: usize = 64;

/// Asks the outbox for something.
#[derive(Debug)]
pub(super) enum Command {
    Submit(Edit),
    Retry(String),
    Discard(String),
    Live(bool),
}

/// Owns one campaign's outbox in this program.
pub(super) struct Actor {
    store: Store,
    api: Api,
    commands: mpsc::Receiver<Command>,
    outcomes: mpsc::Sender<Outcome>,
    known: Outbox,
    news: Vec<Outcome>,
    live: bool,
    flight: Option<Flight>,
    /// When to send next, at the earliest.
    due: Instant,
    /// When to look at the disk again.
    look: Instant,
    /// How often in a row sending has failed.
    failures: u32,
    /// What the person wants while another program holds the lock.
    wishes: Vec<Command>,
    applied: Vec<(Edit, i64)>,
    complaint: Option<String>,
}

/// Holds an edit that is on its way, and the lock that keeps it the only one.
struct Flight {
    entry: Entry,
    lock: Lock,
    answer: Pin<Box<dyn Future<Output = Result<Option<i64>, ApiError>> + Send>>,
    /// The person has given it up meanwhile.
    unwanted: bool,
}

enum Woken {
    Command(Option<Command>),
    Answer(Result<Option<i64>, ApiError>),
    Time,
}

impl Actor {
    pub(super) fn new(
        api: Api,
        store: Store,
        commands: mpsc::Receiver<Command>,
        outcomes: mpsc::Sender<Outcome>,
    ) -> Self {
        let now = Instant::now();
        Self {
            store,
            api,
            commands,
            outcomes,
            known: Outbox::default(),
            news: Vec::new(),
            live: false,
            flight: None,
            due: now,
            look: now,
            failures: 0,
            wishes: Vec::new(),
            applied: Vec::new(),
            complaint: None,
        }
    }

    /// Works until nobody holds a handle any more. What is then on its way stays stored.
    pub(super) async fn run(mut self) {
        loop {
            self.proceed();
            for outcome in std::mem::take(&mut self.news) {
                if self.outcomes.send(outcome).await.is_err() {
                    return;
                }
            }
            match self.next().await {
                Woken::Command(Some(command)) => self.obey(command),
                Woken::Command(None) => return,
                Woken::Answer(answer) => self.answered(answer),
                Woken::Time => {}
            }
        }
    }

    async fn next(&mut self) -> Woken {
        let next = if self.flight.is_none() && self.wants_lock() { self.due.min(self.look) } else { self.look };
        let answer = async {
            match &mut self.flight {
                Some(flight) => flight.answer.as_mut().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            command = self.commands.recv() => Woken::Command(command),
            answer = answer => Woken::Answer(answer),
            () = sleep_until(next.into()) => Woken::Time,
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Submit(edit) => match self.store.add(&edit) {
                Ok(()) => self.look_now(),
                Err(error) => {
                    let reason = format!("the edit could not be stored and was not sent: {error}");
                    self.tell(Outcome::NotStored { key: edit.key, reason });
                }
            },
            Command::Live(live) => {
                // Each time the connection turns live is a reason to try at once.
                if live && !self.live {
                    self.failures = 0;
                    self.due = Instant::now();
                }
                self.live = live;
            }
            Command::Discard(key) if self.is_in_flight(&key) => {
                if let Some(flight) = &mut self.flight {
                    flight.unwanted = true;
                }
            }
            wish @ (Command::Retry(_) | Command::Discard(_)) => {
                self.wishes.push(wish);
                self.due = Instant::now();
            }
        }
    }

    /// Does what can be done now.
    fn proceed(&mut self) {
        let now = Instant::now();
        if self.look <= now {
            self.look_now();
        }
        if self.flight.is_none() && self.due <= now && self.wants_lock() {
            let claimed = self.claim();
            self.complain(claimed);
        }
    }

    fn wants_lock(&self) -> bool {
        !self.wishes.is_empty() || self.live && self.known.waiting() > 0
    }

    /// Takes the lock, does what the person wishes, and sends the first edit that waits.
    fn claim(&mut self) -> io::Result<()> {
        // Whatever fails below, it is tried again, and not at once.
        self.due = Instant::now() + BUSY;
        let Some(lock) = self.store.lock()? else { return Ok(()) };
        let mut entries = self.read()?;
        for wish in std::mem::take(&mut self.wishes) {
            self.fulfil(&lock, &mut entries, &wish)?;
        }
        if !self.live {
            return Ok(());
        }
        for mut entry in entries.into_iter().filter(|entry| entry.refusal.is_none()) {
            if let Some(refusal) = entry.uncertainty(Timestamp::now()) {
                self.refuse(&lock, entry, refusal)?;
                continue;
            }
            for (earlier, version) in &self.applied {
                entry.build_on(earlier, *version);
            }
            entry.sent = entry.sent.or_else(|| Some(Timestamp::now()));
            self.store.update(&lock, &entry)?;
            self.tell(Outcome::Sending { key: entry.edit.key.clone() });
            let (api, edit) = (self.api.clone(), entry.edit.clone());
            let answer = Box::pin(async move { send::send(&api, &edit).await });
            self.flight = Some(Flight { entry, lock, answer, unwanted: false });
            return Ok(());
        }
        Ok(())
    }

    fn fulfil(&mut self, lock: &Lock, entries: &mut Vec<Entry>, wish: &Command) -> io::Result<()> {
        let (Command::Retry(key) | Command::Discard(key)) = wish else { return Ok(()) };
        let Some(index) = entries.iter().position(|entry| entry.edit.key == *key) else { return Ok(()) };
        if matches!(wish, Command::Retry(_)) {
            entries[index].retry();
            self.store.update(lock, &entries[index])?;
            self.tell(Outcome::Waiting { key: key.clone() });
        } else {
            self.store.remove(lock, &entries.remove(index))?;
            self.tell(Outcome::Discarded { key: key.clone() });
        }
        Ok(())
    }

    fn answered(&mut self, answer: Result<Option<i64>, ApiError>) {
        let Some(Flight { entry, lock, unwanted, .. }) = self.flight.take() else { return };
        let now = Instant::now();
        let done = match answer {
            Ok(version) => {
                (self.failures, self.due) = (0, now);
                self.apply(&lock, entry, version)
            }
            Err(_) if unwanted => self.give_up(&lock, &entry),
            Err(error) => {
                tracing::info!(key = entry.edit.key, %error, "an edit was not applied");
                self.not_applied(&lock, entry, &error)
            }
        };
        self.complain(done);
    }

    fn not_applied(&mut self, lock: &Lock, entry: Entry, error: &ApiError) -> io::Result<()> {
        self.failures += 1;
        match send::verdict(error) {
            Verdict::Refused(refusal) => self.settle_refused(lock, entry, refusal),
            Verdict::Weak(refusal) if self.failures >= MAX_WEAK => self.settle_refused(lock, entry, refusal),
            Verdict::Again | Verdict::Weak(_) => {
                self.due = Instant::now() + delay(self.failures, Duration::from_secs(1), 0.0);
                self.tell(Outcome::Waiting { key: entry.edit.key });
                Ok(())
            }
        }
    }

    fn settle_refused(&mut self, lock: &Lock, entry: Entry, refusal: Refusal) -> io::Result<()> {
        (self.failures, self.due) = (0, Instant::now());
        self.refuse(lock, entry, refusal)
    }

    fn apply(&mut self, lock: &Lock, entry: Entry, version: Option<i64>) -> io::Result<()> {
        self.store.remove(lock, &entry)?;
        if let Some(version) = version {
            self.applied.push((entry.edit.clone(), version));
            let surplus = self.applied.len().saturating_sub(MAX_APPLIED);
            self.applied.drain(..surplus);
        }
        self.tell(Outcome::Applied { key: entry.edit.key, version });
        Ok(())
    }

    fn give_up(&mut self, lock: &Lock, entry: &Entry) -> io::Result<()> {
        self.store.remove(lock, entry)?;
        self.tell(Outcome::Discarded { key: entry.edit.key.clone() });
        Ok(())
    }

    fn refuse(&mut self, lock: &Lock, mut entry: Entry, refusal: Refusal) -> io::Result<()> {
        entry.refusal = Some(refusal.clone());
        // Nobody has applied it, so the time of the attempt no longer matters.
        entry.sent = None;
        self.store.update(lock, &entry)?;
        self.tell(Outcome::Refused { key: entry.edit.key, refusal });
        Ok(())
    }

    fn look_now(&mut self) {
        let read = self.read().map(|_| ());
        self.complain(read);
    }

    /// Reads what is stored and tells what is new about it.
    fn read(&mut self) -> io::Result<Vec<Entry>> {
        self.look = Instant::now() + LOOK;
        let Found { entries, set_aside } = self.store.load()?;
        for path in set_aside {
            self.tell(Outcome::Notice(format!("an edit on disk was damaged and is set aside as {}", path.display())));
        }
        for outcome in self.known.news(&entries) {
            self.tell(outcome);
        }
        Ok(entries)
    }

    fn is_in_flight(&self, key: &str) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.entry.edit.key == key)
    }

    /// Says once what is wrong with the disk, and again when it is something else.
    fn complain(&mut self, result: io::Result<()>) {
        let complaint = result.err().map(|error| format!("the outbox on disk cannot be used: {error}"));
        if complaint != self.complaint
            && let Some(sentence) = &complaint
        {
            self.tell(Outcome::Notice(sentence.clone()));
        }
        self.complaint = complaint;
    }

    fn tell(&mut self, outcome: Outcome) {
        self.known.take(&outcome);
        self.news.push(outcome);
    }
}
