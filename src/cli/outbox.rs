//! `scry outbox`, and edits that are kept because there is no server to take them.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use scry_client::api::Api;
use scry_client::disk::DiskCache;
use scry_client::error::ApiError;
use scry_client::outbox::{self, OutboxStore, OutboxStores};
use scry_command::exit::Exit;
use scry_model::event::LoadedState;
use scry_model::outbox::{Edit, EditChange, EditOutcome, Outbox, OutboxEntry};
use scry_protocol::Id;
use scry_scripting::line;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::args::OutboxAction;
use super::context::{CliContext, say};
use super::error::CliError;

/// How long sending may stand still before the rest is left for another time.
const MAX_STANDSTILL: Duration = Duration::from_secs(15);

/// Lists, sends, retries or discards what waits.
///
/// # Errors
/// [`CliError`] when the disk cannot be used, or there is no such edit.
pub(super) async fn run(context: &CliContext, action: Option<OutboxAction>) -> Result<Exit, CliError> {
    let api = context.api()?;
    let outboxes = outboxes(context, &api).await;
    match action.unwrap_or(OutboxAction::List) {
        OutboxAction::List => list(&outboxes),
        OutboxAction::Send => send(context, &api, &outboxes).await,
        OutboxAction::Retry { key } => {
            let store = holder(&outboxes, &key)?;
            settle(&api, &store, |handle| handle.retry(&key), &key).await?;
            send(context, &api, &outboxes).await
        }
        OutboxAction::Discard { key } => {
            let store = holder(&outboxes, &key)?;
            settle(&api, &store, |handle| handle.discard(&key), &key).await?;
            context.say(&format!("discarded {key}"));
            Ok(Exit::Met)
        }
    }
}

/// A change that a person asked for on the command line.
pub(super) struct RequestedChange {
    /// The one given, else a new one: repeating the request with it changes nothing twice.
    pub key: String,
    /// Keep it for later when the server cannot be reached.
    queue: bool,
    change: EditChange,
}

impl RequestedChange {
    /// Takes a change; `key` is the idempotency key that the person chose.
    pub(super) fn new(key: Option<&str>, queue: bool, change: EditChange) -> Self {
        Self { key: key.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned), queue, change }
    }
}

/// Makes a change by `asking` the server; returns its answer, or nothing when the change is kept for later.
///
/// What waits already for the same campaign goes first, as it was made first. Without a campaign nothing can wait.
///
/// # Errors
/// [`CliError::Api`] when the server refuses it, [`CliError::Waiting`] when what was made before cannot be sent.
pub(super) async fn make<T>(
    context: &CliContext,
    api: &Api,
    campaign: Option<&Id>,
    change_request: RequestedChange,
    asking: impl Future<Output = Result<T, ApiError>>,
) -> Result<Option<T>, CliError> {
    let Some(campaign) = campaign else {
        refuse_to_keep(change_request.queue, "a new campaign")?;
        return Ok(Some(asking.await?));
    };
    let store = outboxes(context, api).await.campaign(campaign);
    let ahead = send_ahead(context, api, &store).await?;
    if ahead > 0 && !change_request.queue {
        return Err(CliError::Waiting(ahead));
    }
    if ahead == 0 {
        match asking.await {
            // The same key: should the request have arrived after all, sending it again changes nothing.
            Err(error) if change_request.queue && error.is_passing() => {}
            answered => return Ok(Some(answered?)),
        }
    }
    keep(context, &store, campaign.clone(), api.correlation(), change_request)?;
    Ok(None)
}

/// Refuses `--queue` for what cannot wait.
///
/// # Errors
/// [`CliError::Usage`] naming it, when it was asked for.
pub(super) fn refuse_to_keep(asked: bool, what: &str) -> Result<(), CliError> {
    let sentence = || format!("--queue: {what} cannot wait; leave --queue out and try again when the server is there");
    if asked { Err(CliError::Usage(sentence())) } else { Ok(()) }
}

/// Returns the entities of the campaigns that are kept on disk, as they were last seen.
pub(super) async fn kept_nodes(context: &CliContext, api: &Api) -> Vec<Value> {
    let user = api.auth().user().await;
    let disk = DiskCache::of(&context.settings.dirs.data, &context.settings.server, user.as_ref().map(|user| &user.id));
    let load = |campaign: &Id| match disk.load(campaign) {
        Ok(LoadedState::State(saved)) => saved.snapshot.values(),
        Ok(LoadedState::Nothing | LoadedState::SetAside(_)) | Err(_) => Vec::new(),
    };
    disk.list().iter().flat_map(|campaign| load(&campaign.id)).collect()
}

/// Sends what waits for a campaign already; returns how many edits still do.
async fn send_ahead(context: &CliContext, api: &Api, store: &OutboxStore) -> Result<usize, CliError> {
    let waits = || Ok::<_, CliError>(entries(store)?.iter().filter(|entry| entry.refusal.is_none()).count());
    let waiting = waits()?;
    if waiting == 0 {
        return Ok(0);
    }
    context.say(&format!("{waiting} edits for this campaign are waiting already; they go first"));
    let tell = |outcome: &EditOutcome| {
        if let EditOutcome::Refused { key, refusal } = outcome {
            context.say(&format!("an earlier edit was refused: {}; see `scry outbox` ({key})", refusal.message));
        }
        Ok(())
    };
    drain(api, store, tell).await?;
    waits()
}

fn keep(
    context: &CliContext,
    store: &OutboxStore,
    campaign: Id,
    correlation: Option<&str>,
    change_request: RequestedChange,
) -> Result<(), CliError> {
    let correlation = correlation.map(str::to_owned);
    let edit =
        Edit { key: change_request.key, campaign, at: Timestamp::now(), correlation, change: change_request.change };
    store.add(&edit).map_err(CliError::io("the edit could not be stored"))?;
    context.say("the server cannot be reached; the edit is stored, and sent by `scry outbox send` or a dashboard");
    print(&json!({"queued": true, "key": edit.key}))
}

async fn outboxes(context: &CliContext, api: &Api) -> OutboxStores {
    let user = api.auth().user().await;
    OutboxStores::of(&context.settings.dirs.data, &context.settings.server, user.as_ref().map(|user| &user.id))
}

fn list(outboxes: &OutboxStores) -> Result<Exit, CliError> {
    for campaign in waiting(outboxes)? {
        for entry in entries(&outboxes.campaign(&campaign))? {
            let edit = &entry.edit;
            let state = if entry.refusal.is_some() { "refused" } else { "pending" };
            print(&json!({"key": edit.key, "campaignId": edit.campaign, "at": edit.at, "state": state,
                "change": edit.change, "refusal": entry.refusal}))?;
        }
    }
    Ok(Exit::Met)
}

/// Sends everything that waits, and tells what became of it.
async fn send(context: &CliContext, api: &Api, outboxes: &OutboxStores) -> Result<Exit, CliError> {
    let mut exit = Exit::Met;
    for campaign in waiting(outboxes)? {
        let told = drain(api, &outboxes.campaign(&campaign), tell).await?;
        let sentence = format!("{} applied, {} refused, {} still waiting", told.applied, told.refused, told.waiting);
        // What did not succeed is said even when little is to be said.
        if told.waiting + told.refused > 0 {
            say(&sentence)
        } else {
            context.say(&sentence)
        }
        exit = match (told.waiting, told.refused, exit) {
            (1.., ..) => Exit::Connection,
            (0, 1.., Exit::Met) => Exit::NotMet,
            (_, _, exit) => exit,
        };
    }
    Ok(exit)
}

struct DrainResult {
    applied: usize,
    refused: usize,
    waiting: usize,
}

/// Prints what became of an edit.
fn tell(outcome: &EditOutcome) -> Result<(), CliError> {
    match outcome {
        EditOutcome::Applied { key, version } => print(&json!({"key": key, "applied": true, "version": version})),
        EditOutcome::Refused { key, refusal } => print(&json!({"key": key, "applied": false, "refusal": refusal})),
        EditOutcome::Notice(sentence) => {
            super::context::say(sentence);
            Ok(())
        }
        EditOutcome::Stored(_)
        | EditOutcome::NotStored { .. }
        | EditOutcome::Sending { .. }
        | EditOutcome::Waiting { .. }
        | EditOutcome::Discarded { .. }
        | EditOutcome::Gone { .. } => Ok(()),
    }
}

/// Sends what waits, in order, until nothing does or the server cannot be reached; `tell` hears what becomes of each.
async fn drain(
    api: &Api,
    store: &OutboxStore,
    tell: impl Fn(&EditOutcome) -> Result<(), CliError>,
) -> Result<DrainResult, CliError> {
    let (handle, mut outcomes) =
        outbox::start(api.clone(), store.clone()).map_err(CliError::io("no thread is left"))?;
    handle.set_live(true);
    let (mut known, mut applied) = (Outbox::default(), 0);
    while let Ok(Some(outcome)) = timeout(MAX_STANDSTILL, outcomes.recv()).await {
        known.apply(&outcome);
        tell(&outcome)?;
        applied += usize::from(matches!(outcome, EditOutcome::Applied { .. }));
        // The server cannot be reached: what follows would wait as well.
        if matches!(outcome, EditOutcome::Waiting { .. }) {
            break;
        }
        if known.waiting() == 0 && entries(store)?.iter().all(|entry| entry.refusal.is_some()) {
            break;
        }
    }
    Ok(DrainResult { applied, refused: known.refused(), waiting: known.waiting() })
}

/// Does something about one edit and waits until it is done.
async fn settle(
    api: &Api,
    store: &OutboxStore,
    act: impl FnOnce(&outbox::OutboxHandle),
    wanted: &str,
) -> Result<(), CliError> {
    let (handle, mut outcomes) =
        outbox::start(api.clone(), store.clone()).map_err(CliError::io("no thread is left"))?;
    act(&handle);
    let done = async {
        while let Some(outcome) = outcomes.recv().await {
            let done = matches!(&outcome, EditOutcome::Waiting { key } | EditOutcome::Discarded { key } | EditOutcome::Gone { key }
                if key == wanted);
            if done {
                return;
            }
        }
    };
    let busy = || CliError::Internal("another scry is busy with this outbox; try again".to_owned());
    timeout(MAX_STANDSTILL, done).await.map_err(|_| busy())
}

fn holder(outboxes: &OutboxStores, key: &str) -> Result<OutboxStore, CliError> {
    for campaign in waiting(outboxes)? {
        let store = outboxes.campaign(&campaign);
        if entries(&store)?.iter().any(|entry| entry.edit.key == key) {
            return Ok(store);
        }
    }
    Err(CliError::Usage(format!("no edit with the key {key} waits; `scry outbox` lists those that do")))
}

fn waiting(outboxes: &OutboxStores) -> Result<Vec<Id>, CliError> {
    outboxes.waiting().map_err(CliError::io("cannot read the outbox"))
}

fn entries(store: &OutboxStore) -> Result<Vec<OutboxEntry>, CliError> {
    store.load().map(|found| found.entries).map_err(CliError::io("cannot read the outbox"))
}

fn print(value: &Value) -> Result<(), CliError> {
    writeln!(std::io::stdout(), "{}", line::json(value)).map_err(CliError::io("cannot write to stdout"))
}
