//! `scry get`: entities, and what a server keeps beside them.

use jiff::{SignedDuration, Timestamp};
use scry_calendar::WorldTime;
use scry_client::api::Api;
use scry_client::connection::StartPosition;
use scry_command::exit::Exit;
use scry_protocol::Id;
use scry_scripting::since;
use scry_scripting::table::{self, table};
use serde_json::{Value, json};

use super::args::{EntityArg, GetArgs, GetKind, OutputForm as Form, signed_duration};
use super::context::CliContext;
use super::error::CliError;
use super::find::{EntityFinder, id_of};
use super::{edit, inbox, watch};

/// How many events are asked for at once.
const EVENTS_PER_QUERY: u32 = 500;

/// Prints what was asked for.
///
/// # Errors
/// [`CliError`] when a name leads to nothing, or the server cannot be asked.
pub(super) async fn run(context: &CliContext, args: &GetArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    let finder = EntityFinder::new(context, &api, args.campaign.as_deref());
    let (found, columns) = match args.what {
        GetKind::Entity(entity) => (entities(&finder, entity, args.id.as_deref()).await?, table::ENTITY_COLUMNS),
        GetKind::Notification => {
            (inbox::notifications(&api, args.id.as_deref(), args.unread).await?, table::NOTIFICATION_COLUMNS)
        }
        GetKind::Preferences => (inbox::preferences(&api).await?, table::PREFERENCE_COLUMNS),
        GetKind::Effect => (effects(&finder, &args.until).await?, table::EFFECT_COLUMNS),
        GetKind::Event => return events(&finder, args).await,
    };
    print(args.output, &found, columns)
}

fn print(form: Form, found: &[Value], columns: &[&str]) -> Result<Exit, CliError> {
    match form {
        Form::Json => edit::print_json(found.iter().cloned()),
        Form::Table => edit::print_text(table(found, columns)),
    }
}

async fn entities(finder: &EntityFinder<'_>, entity: EntityArg, wanted: Option<&str>) -> Result<Vec<Value>, CliError> {
    match wanted {
        Some(wanted) => Ok(vec![finder.one(entity, wanted).await?]),
        None => finder.all(entity).await,
    }
}

/// Returns what falls due until a world time, or for as long as that from the world's now.
async fn effects(finder: &EntityFinder<'_>, until: &str) -> Result<Vec<Value>, CliError> {
    let mut found = Vec::new();
    for campaign in campaigns(finder).await? {
        let until = match signed_duration(until) {
            Ok(ahead) => later(campaign["worldTime"].as_str().unwrap_or_default(), ahead)?,
            Err(_) => until.to_owned(),
        };
        let effects = finder.api.due_effects(&id_of(&campaign)?, &until).await?;
        found.extend(effects.iter().map(|effect| json!(effect)));
    }
    Ok(found)
}

fn later(world_time: &str, ahead: SignedDuration) -> Result<String, CliError> {
    let then = world_time.parse::<WorldTime>().ok().and_then(|time| time.checked_add(ahead));
    let sentence = || format!("--until: the world's time “{world_time}” cannot be moved that far; write a time");
    then.map(|then| then.to_string()).ok_or_else(|| CliError::Usage(sentence()))
}

/// Prints a campaign's journal, page by page, so that a long one needs no memory.
async fn events(finder: &EntityFinder<'_>, args: &GetArgs) -> Result<Exit, CliError> {
    let campaign = match campaigns(finder).await?.as_slice() {
        [one] => id_of(one)?,
        _ => return Err(CliError::Usage("which campaign's events? add --campaign ID|NAME".to_owned())),
    };
    let begun = since::start(finder.api, &campaign, args.since, Timestamp::now()).await.map_err(watch::no_past)?;
    let StartPosition::Since(position) = begun else { return Ok(Exit::Met) };
    let (mut seq, mut left) = (position.seq, args.limit.unwrap_or(u64::MAX));
    let mut rows = Vec::new();
    while left > 0 {
        let page = page(finder.api, &campaign, seq, left).await?;
        let Some((last, _)) = page.last() else { break };
        (seq, left) = (*last, left - page.len() as u64);
        let told = page.into_iter().map(|(_, event)| event);
        match args.output {
            // Nobody reads any more when this says so, and then nothing more is asked for.
            Form::Json => {
                edit::print_json(told)?;
            }
            Form::Table => rows.extend(told),
        }
    }
    match args.output {
        Form::Json => Ok(Exit::Met),
        Form::Table => edit::print_text(table(&rows, table::EVENT_COLUMNS)),
    }
}

async fn page(api: &Api, campaign: &Id, since: u64, left: u64) -> Result<Vec<(u64, Value)>, CliError> {
    let limit = u32::try_from(left).unwrap_or(EVENTS_PER_QUERY).min(EVENTS_PER_QUERY);
    let entries = api.events(campaign, Some(since), Some(limit)).await?;
    let told = |entry: scry_client::api::JournalEntry| {
        (entry.seq, json!({"seq": entry.seq, "epoch": entry.epoch, "type": entry.name, "event": entry.event}))
    };
    Ok(entries.into_iter().map(told).collect())
}

async fn campaigns(finder: &EntityFinder<'_>) -> Result<Vec<Value>, CliError> {
    match finder.campaign {
        Some(wanted) => Ok(vec![finder.one(EntityArg::Campaign, wanted).await?]),
        None => finder.all(EntityArg::Campaign).await,
    }
}
