//! `scry outbox`, and edits that are kept because there is no server to take them.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::args::OutboxAction;
use super::context::Context;
use super::error::CliError;
use crate::client::api::Api;
use crate::client::disk::DiskCache;
use crate::client::event::Loaded;
use crate::client::outbox::{self, Change, Edit, Entry, Outbox, Outboxes, Outcome, Store};
use crate::exit::Exit;
use crate::protocol::Id;

/// How long sending may stand still before the rest is left for another time.
const STANDSTILL: Duration = Duration::from_secs(15);

/// Lists, sends, retries or discards what waits.
///
/// # Errors
/// [`CliError`] when the disk cannot be used, or there is no such edit.
pub async fn run(context: &Context, action: Option<OutboxAction>) -> Result<Exit, CliError> {
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

/// Keeps an edit that no server could take, and prints its key.
///
/// # Errors
/// [`CliError::Io`] when it cannot be stored.
pub async fn keep(context: &Context, api: &Api, campaign: Id, key: String, change: Change) -> Result<Exit, CliError> {
    let edit = Edit { key, campaign, at: Timestamp::now(), change };
    let store = outboxes(context, api).await.campaign(&edit.campaign);
    store.add(&edit).map_err(CliError::io("the edit could not be stored"))?;
    context.say("the server cannot be reached; the edit is kept and goes out with `scry outbox send` or a dashboard");
    print(&json!({"queued": true, "key": edit.key}))?;
    Ok(Exit::Met)
}

/// Lists the entities of the campaigns that are kept on disk, as they were last seen.
pub async fn kept_nodes(context: &Context, api: &Api) -> Vec<Value> {
    let user = api.auth().user().await;
    let disk = DiskCache::of(&context.settings.dirs.data, &context.settings.server, user.as_ref().map(|user| &user.id));
    let load = |campaign: &Id| match disk.load(campaign) {
        Ok(Loaded::State(saved)) => saved.snapshot.nodes,
        Ok(Loaded::Nothing | Loaded::SetAside(_)) | Err(_) => Vec::new(),
    };
    disk.list().iter().flat_map(|campaign| load(&campaign.id)).collect()
}

async fn outboxes(context: &Context, api: &Api) -> Outboxes {
    let user = api.auth().user().await;
    Outboxes::of(&context.settings.dirs.data, &context.settings.server, user.as_ref().map(|user| &user.id))
}

fn list(outboxes: &Outboxes) -> Result<Exit, CliError> {
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
async fn send(context: &Context, api: &Api, outboxes: &Outboxes) -> Result<Exit, CliError> {
    let mut exit = Exit::Met;
    for campaign in waiting(outboxes)? {
        let told = drain(api, &outboxes.campaign(&campaign)).await?;
        context.say(&format!("{} applied, {} refused, {} still waiting", told.applied, told.refused, told.waiting));
        exit = match (told.waiting, told.refused, exit) {
            (1.., ..) => Exit::Connection,
            (0, 1.., Exit::Met) => Exit::NotMet,
            (_, _, exit) => exit,
        };
    }
    Ok(exit)
}

struct Told {
    applied: usize,
    refused: usize,
    waiting: usize,
}

async fn drain(api: &Api, store: &Store) -> Result<Told, CliError> {
    let (handle, mut outcomes) =
        outbox::start(api.clone(), store.clone()).map_err(CliError::io("no thread is left"))?;
    handle.set_live(true);
    let (mut known, mut applied) = (Outbox::default(), 0);
    while let Ok(Some(outcome)) = timeout(STANDSTILL, outcomes.recv()).await {
        known.take(&outcome);
        match &outcome {
            Outcome::Applied { key, version } => {
                applied += 1;
                print(&json!({"key": key, "applied": true, "version": version}))?;
            }
            Outcome::Refused { key, refusal } => {
                print(&json!({"key": key, "applied": false, "refusal": refusal}))?;
            }
            // The server cannot be reached: what follows would wait as well.
            Outcome::Waiting { .. } => break,
            Outcome::Notice(sentence) => super::context::say(sentence),
            Outcome::Stored(_)
            | Outcome::NotStored { .. }
            | Outcome::Sending { .. }
            | Outcome::Discarded { .. }
            | Outcome::Gone { .. } => {}
        }
        if known.waiting() == 0 && entries(store)?.iter().all(|entry| entry.refusal.is_some()) {
            break;
        }
    }
    Ok(Told { applied, refused: known.refused(), waiting: known.waiting() })
}

/// Does something about one edit and waits until it is done.
async fn settle(api: &Api, store: &Store, act: impl FnOnce(&outbox::Handle), wanted: &str) -> Result<(), CliError> {
    let (handle, mut outcomes) =
        outbox::start(api.clone(), store.clone()).map_err(CliError::io("no thread is left"))?;
    act(&handle);
    let done = async {
        while let Some(outcome) = outcomes.recv().await {
            let done = matches!(&outcome, Outcome::Waiting { key } | Outcome::Discarded { key } | Outcome::Gone { key }
                if key == wanted);
            if done {
                return;
            }
        }
    };
    let busy = || CliError::Internal("another scry is busy with this outbox; try again".to_owned());
    timeout(STANDSTILL, done).await.map_err(|_| busy())
}

fn holder(outboxes: &Outboxes, key: &str) -> Result<Store, CliError> {
    for campaign in waiting(outboxes)? {
        let store = outboxes.campaign(&campaign);
        if entries(&store)?.iter().any(|entry| entry.edit.key == key) {
            return Ok(store);
        }
    }
    Err(CliError::Usage(format!("no edit with the key {key} waits; `scry outbox` lists those that do")))
}

fn waiting(outboxes: &Outboxes) -> Result<Vec<Id>, CliError> {
    outboxes.waiting().map_err(CliError::io("cannot read the outbox"))
}

fn entries(store: &Store) -> Result<Vec<Entry>, CliError> {
    store.load().map(|found| found.entries).map_err(CliError::io("cannot read the outbox"))
}

fn print(line: &Value) -> Result<(), CliError> {
    writeln!(std::io::stdout(), "{line}").map_err(CliError::io("cannot write to stdout"))
}
