//! Stores edits as they come and sends them in order while the connection is live.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::outbox::Edit;
use scry_model::outbox::Outbox;
use scry_model::outbox::OutboxEntry;
use scry_model::outbox::{EditOutcome, EditRefusal};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::send::{self, SendFailure};
use super::store::{OutboxLock, OutboxStore, StoredEdits};
use crate::api::Api;
use crate::connection::delay;
use crate::error::ApiError;

/// How often to see whether another program has stored or sent something.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How soon to try for the lock again while another program sends.
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(200);
/// How often a server may fail at one edit before the others behind it are sent.
const MAX_SERVER_FAILURES: u32 = 5;
/// How many applied edits later ones may build on; more are never made before the first is known.
const MAX_APPLIED_EDITS: usize = 64;

/// Asks the outbox for something.
#[derive(Debug)]
pub(super) enum OutboxCommand {
    Submit(Edit),
    Retry(String),
    Discard(String),
    Live(bool),
}

/// Owns one campaign's outbox in this program.
pub(super) struct OutboxActor {
    store: OutboxStore,
    api: Api,
    commands: mpsc::Receiver<OutboxCommand>,
    outcomes: mpsc::Sender<EditOutcome>,
    known: Outbox,
    unreported: Vec<EditOutcome>,
    live: bool,
    in_flight: Option<InFlightEdit>,
    /// When to send next, at the earliest.
    next_attempt: Instant,
    /// When to look at the disk again.
    next_poll: Instant,
    /// How often in a row sending has failed.
    failures: u32,
    /// What the person wants while another program holds the lock.
    deferred: Vec<OutboxCommand>,
    applied: Vec<(Edit, i64)>,
    problem: Option<String>,
}

/// An edit that is on its way, and the lock that keeps it the only one.
struct InFlightEdit {
    entry: OutboxEntry,
    lock: OutboxLock,
    answer: Pin<Box<dyn Future<Output = Result<Option<i64>, ApiError>> + Send>>,
    /// The person has given it up meanwhile.
    discarded: bool,
}

enum WakeReason {
    Command(Option<OutboxCommand>),
    Answer(Result<Option<i64>, ApiError>),
    Time,
}

impl OutboxActor {
    pub(super) fn new(
        api: Api,
        store: OutboxStore,
        commands: mpsc::Receiver<OutboxCommand>,
        outcomes: mpsc::Sender<EditOutcome>,
    ) -> Self {
        let now = Instant::now();
        Self {
            store,
            api,
            commands,
            outcomes,
            known: Outbox::default(),
            unreported: Vec::new(),
            live: false,
            in_flight: None,
            next_attempt: now,
            next_poll: now,
            failures: 0,
            deferred: Vec::new(),
            applied: Vec::new(),
            problem: None,
        }
    }

    /// Works until nobody holds a handle any more. What is then on its way stays stored.
    pub(super) async fn run(mut self) {
        loop {
            self.proceed();
            for outcome in std::mem::take(&mut self.unreported) {
                if self.outcomes.send(outcome).await.is_err() {
                    return;
                }
            }
            match self.next().await {
                WakeReason::Command(Some(command)) => self.handle_command(command),
                WakeReason::Command(None) => return,
                WakeReason::Answer(answer) => self.answered(answer),
                WakeReason::Time => {}
            }
        }
    }

    async fn next(&mut self) -> WakeReason {
        let next = if self.in_flight.is_none() && self.wants_lock() {
            self.next_attempt.min(self.next_poll)
        } else {
            self.next_poll
        };
        let answer = async {
            match &mut self.in_flight {
                Some(in_flight) => in_flight.answer.as_mut().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            command = self.commands.recv() => WakeReason::Command(command),
            answer = answer => WakeReason::Answer(answer),
            () = sleep_until(next.into()) => WakeReason::Time,
        }
    }

    fn handle_command(&mut self, command: OutboxCommand) {
        match command {
            OutboxCommand::Submit(edit) => match self.store.add(&edit) {
                Ok(()) => self.poll_store(),
                Err(error) => {
                    let reason = format!("the edit could not be stored and was not sent: {error}");
                    self.report(EditOutcome::NotStored { key: edit.key, reason });
                }
            },
            OutboxCommand::Live(live) => {
                // Each time the connection turns live is a reason to try at once.
                if live && !self.live {
                    self.failures = 0;
                    self.next_attempt = Instant::now();
                }
                self.live = live;
            }
            OutboxCommand::Discard(key) if self.is_in_flight(&key) => {
                if let Some(in_flight) = &mut self.in_flight {
                    in_flight.discarded = true;
                }
            }
            request @ (OutboxCommand::Retry(_) | OutboxCommand::Discard(_)) => {
                self.deferred.push(request);
                self.next_attempt = Instant::now();
            }
        }
    }

    /// Does what can be done now.
    fn proceed(&mut self) {
        let now = Instant::now();
        if self.next_poll <= now {
            self.poll_store();
        }
        if self.in_flight.is_none() && self.next_attempt <= now && self.wants_lock() {
            let claimed = self.claim();
            self.report_problem(claimed);
        }
    }

    fn wants_lock(&self) -> bool {
        !self.deferred.is_empty() || self.live && self.known.waiting() > 0
    }

    /// Takes the lock, does what the person wishes, and sends the first edit that waits.
    fn claim(&mut self) -> io::Result<()> {
        // Whatever fails below, it is tried again, and not at once.
        self.next_attempt = Instant::now() + LOCK_RETRY_DELAY;
        let Some(lock) = self.store.lock()? else { return Ok(()) };
        let mut entries = self.read()?;
        for request in std::mem::take(&mut self.deferred) {
            self.apply_command(&lock, &mut entries, &request)?;
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
            self.report(EditOutcome::Sending { key: entry.edit.key.clone() });
            let (api, edit) = (self.api.clone(), entry.edit.clone());
            let answer = Box::pin(async move { send::send(&api, &edit).await });
            self.in_flight = Some(InFlightEdit { entry, lock, answer, discarded: false });
            return Ok(());
        }
        Ok(())
    }

    fn apply_command(
        &mut self,
        lock: &OutboxLock,
        entries: &mut Vec<OutboxEntry>,
        request: &OutboxCommand,
    ) -> io::Result<()> {
        let (OutboxCommand::Retry(key) | OutboxCommand::Discard(key)) = request else { return Ok(()) };
        let Some(index) = entries.iter().position(|entry| entry.edit.key == *key) else { return Ok(()) };
        if matches!(request, OutboxCommand::Retry(_)) {
            entries[index].retry();
            self.store.update(lock, &entries[index])?;
            self.report(EditOutcome::Waiting { key: key.clone() });
        } else {
            self.store.remove(lock, &entries.remove(index))?;
            self.report(EditOutcome::Discarded { key: key.clone() });
        }
        Ok(())
    }

    fn answered(&mut self, answer: Result<Option<i64>, ApiError>) {
        let Some(InFlightEdit { entry, lock, discarded, .. }) = self.in_flight.take() else { return };
        let now = Instant::now();
        let done = match answer {
            Ok(version) => {
                (self.failures, self.next_attempt) = (0, now);
                self.record_applied(&lock, entry, version)
            }
            Err(_) if discarded => self.give_up(&lock, &entry),
            Err(error) => {
                tracing::info!(key = entry.edit.key, %error, "an edit was not applied");
                self.not_applied(&lock, entry, &error)
            }
        };
        self.report_problem(done);
    }

    fn not_applied(&mut self, lock: &OutboxLock, entry: OutboxEntry, error: &ApiError) -> io::Result<()> {
        self.failures += 1;
        match send::classify(error) {
            SendFailure::Refused(refusal) => self.refuse_and_continue(lock, entry, refusal),
            SendFailure::ServerFault(refusal) if self.failures >= MAX_SERVER_FAILURES => {
                self.refuse_and_continue(lock, entry, refusal)
            }
            SendFailure::Retry | SendFailure::ServerFault(_) => {
                self.next_attempt = Instant::now() + delay(self.failures, Duration::from_secs(1), 0.0);
                self.report(EditOutcome::Waiting { key: entry.edit.key });
                Ok(())
            }
        }
    }

    fn refuse_and_continue(&mut self, lock: &OutboxLock, entry: OutboxEntry, refusal: EditRefusal) -> io::Result<()> {
        (self.failures, self.next_attempt) = (0, Instant::now());
        self.refuse(lock, entry, refusal)
    }

    fn record_applied(&mut self, lock: &OutboxLock, entry: OutboxEntry, version: Option<i64>) -> io::Result<()> {
        self.store.remove(lock, &entry)?;
        if let Some(version) = version {
            self.applied.push((entry.edit.clone(), version));
            let surplus = self.applied.len().saturating_sub(MAX_APPLIED_EDITS);
            self.applied.drain(..surplus);
        }
        self.report(EditOutcome::Applied { key: entry.edit.key, version });
        Ok(())
    }

    fn give_up(&mut self, lock: &OutboxLock, entry: &OutboxEntry) -> io::Result<()> {
        self.store.remove(lock, entry)?;
        self.report(EditOutcome::Discarded { key: entry.edit.key.clone() });
        Ok(())
    }

    fn refuse(&mut self, lock: &OutboxLock, mut entry: OutboxEntry, refusal: EditRefusal) -> io::Result<()> {
        entry.refusal = Some(refusal.clone());
        // Nobody has applied it, so the time of the attempt no longer matters.
        entry.sent = None;
        self.store.update(lock, &entry)?;
        self.report(EditOutcome::Refused { key: entry.edit.key, refusal });
        Ok(())
    }

    fn poll_store(&mut self) {
        let read = self.read().map(|_| ());
        self.report_problem(read);
    }

    /// Reads what is stored and tells what is new about it.
    fn read(&mut self) -> io::Result<Vec<OutboxEntry>> {
        self.next_poll = Instant::now() + POLL_INTERVAL;
        let StoredEdits { entries, set_aside } = self.store.load()?;
        for path in set_aside {
            self.report(EditOutcome::Notice(format!(
                "an edit on disk was damaged and was moved to {}",
                path.display()
            )));
        }
        for outcome in self.known.reconcile(&entries) {
            self.report(outcome);
        }
        Ok(entries)
    }

    fn is_in_flight(&self, key: &str) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| in_flight.entry.edit.key == key)
    }

    /// Reports a problem with the disk once, and again when it is another one.
    fn report_problem(&mut self, result: io::Result<()>) {
        let problem = result.err().map(|error| format!("the outbox on disk cannot be used: {error}"));
        if problem != self.problem
            && let Some(sentence) = &problem
        {
            self.report(EditOutcome::Notice(sentence.clone()));
        }
        self.problem = problem;
    }

    fn report(&mut self, outcome: EditOutcome) {
        self.known.apply(&outcome);
        self.unreported.push(outcome);
    }
}
