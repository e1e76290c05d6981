//! `scry get`, `create`, `update`, `delete`, `advance-time`, `set-time` and `publish`.

use std::io::{self, Read};

use serde_json::{Map, Value};

use super::args::{AdvanceTime, Create, Delete, Entity, Get, Output as Form, Publish, SetTime, Update};
use super::context::Context;
use super::error::CliError;
use super::outbox;
use super::people;
use crate::client::api::Api;
use crate::client::api::edit::{ClockMove, Terms};
use crate::client::outbox::Change;
use crate::exit::Exit;
use crate::headless::assign;
use crate::headless::output::Output;
use crate::headless::pick::{Candidate, pick};
use crate::headless::rooms;
use crate::headless::table::table;
use crate::protocol::{EntityType, Id};

/// Bounds what is read for `@FILE` and `@-`.
const MAX_INPUT: u64 = 4 * 1024 * 1024;

/// Prints entities.
///
/// # Errors
/// [`CliError`] when a name leads to none, or the server cannot be asked.
pub async fn get(context: &Context, args: &Get) -> Result<Exit, CliError> {
    let api = context.api()?;
    let nodes = match &args.id {
        Some(wanted) => vec![find(&api, args.entity, wanted, args.campaign.as_deref()).await?],
        None => list(&api, args.entity, args.campaign.as_deref()).await?,
    };
    match args.output {
        Form::Json => print(nodes.iter().map(Value::to_string)),
        Form::Table => print(table(&nodes)),
    }
}

/// Creates an entity and prints it.
///
/// # Errors
/// [`CliError`] when a value is wrong, or the server refuses it.
pub async fn create(context: &Context, args: &Create) -> Result<Exit, CliError> {
    let input = assign::input(&args.set, &Value::Null, read).map_err(|error| CliError::Usage(error.to_string()))?;
    let (api, terms) = (context.api()?, terms(None, args.idempotency_key.as_deref()));
    let created = if args.entity == Entity::Member {
        people::add(&api, &input).await?
    } else {
        api.create(&args.entity.into(), input, &terms).await?
    };
    print([created.to_string()])
}

/// Changes an entity and prints it.
///
/// # Errors
/// [`CliError`] when a name leads to none, a value is wrong, or the server refuses it.
pub async fn update(context: &Context, args: &Update) -> Result<Exit, CliError> {
    let api = context.api()?;
    let campaign = args.campaign.as_deref();
    let node = find_or_recall(context, &api, args.entity, &args.id, campaign, args.queue).await?;
    let input = assign::input(&args.set, &node["variableSchemas"], read);
    let input: Map<String, Value> = input.map_err(|error| CliError::Usage(error.to_string()))?;
    if args.entity == Entity::Member {
        return print([people::change(&api, &node, &input).await?.to_string()]);
    }
    let terms = terms(args.expected_version, args.idempotency_key.as_deref());
    let terms = Terms { on_conflict: args.on_conflict.into(), ..terms };
    let (entity_type, id) = (EntityType::from(args.entity), id_of(&node)?);
    match api.update(&entity_type, &id, input.clone(), &terms).await {
        // The same key: should the request have arrived after all, sending it again changes nothing.
        Err(error) if args.queue && error.is_passing() => {
            let (expected_version, on_conflict) = (args.expected_version, terms.on_conflict);
            let change = Change::Update { entity_type, id, input, expected_version, on_conflict };
            outbox::keep(context, &api, campaign_of(&node)?, terms.idempotency_key.unwrap_or_default(), change).await
        }
        updated => print([updated?.to_string()]),
    }
}

/// Deletes an entity.
///
/// # Errors
/// [`CliError`] when a name leads to none, or the server refuses it.
pub async fn delete(context: &Context, args: &Delete) -> Result<Exit, CliError> {
    let api = context.api()?;
    let campaign = args.campaign.as_deref();
    let node = find_or_recall(context, &api, args.entity, &args.id, campaign, args.queue).await?;
    let terms = terms(args.expected_version, args.idempotency_key.as_deref());
    let (entity_type, id) = (EntityType::from(args.entity), id_of(&node)?);
    if args.entity == Entity::Member {
        people::remove(&api, &node).await?;
    } else {
        match api.delete(&entity_type, &id, &terms).await {
            Err(error) if args.queue && error.is_passing() => {
                let change = Change::Delete { entity_type, id, expected_version: args.expected_version };
                let key = terms.idempotency_key.unwrap_or_default();
                return outbox::keep(context, &api, campaign_of(&node)?, key, change).await;
            }
            deleted => deleted?,
        }
    }
    context.say(&format!("deleted {}", node["name"].as_str().unwrap_or(&args.id)));
    Ok(Exit::Met)
}

/// Moves a campaign's clock and prints from where to where.
///
/// # Errors
/// [`CliError`] when the campaign is unknown, or the server refuses it.
pub async fn advance_time(context: &Context, args: &AdvanceTime) -> Result<Exit, CliError> {
    let api = context.api()?;
    let campaign = campaign(&api, &args.campaign).await?;
    let terms = terms(None, args.idempotency_key.as_deref());
    clock(&campaign, &api.advance_time(&campaign, args.by.as_secs(), &terms).await?)
}

/// Sets a campaign's clock and prints from where to where.
///
/// # Errors
/// [`CliError`] when the campaign is unknown, or the server refuses it.
pub async fn set_time(context: &Context, args: &SetTime) -> Result<Exit, CliError> {
    let api = context.api()?;
    let campaign = campaign(&api, &args.campaign).await?;
    let terms = terms(None, args.idempotency_key.as_deref());
    clock(&campaign, &api.set_time(&campaign, &args.time, &terms).await?)
}

fn clock(campaign: &Id, moved: &ClockMove) -> Result<Exit, CliError> {
    let line = serde_json::json!({"campaignId": campaign, "previousTime": moved.previous_time,
        "newTime": moved.new_time, "elapsedSeconds": moved.elapsed_seconds});
    print([line.to_string()])
}

/// Publishes an event and prints its id and place.
///
/// # Errors
/// [`CliError`] when the payload is no JSON, or the server refuses it.
pub async fn publish(context: &Context, args: &Publish) -> Result<Exit, CliError> {
    let text = match args.json.strip_prefix('@') {
        Some(from) => read(from).map_err(CliError::io(format!("cannot read {from}")))?,
        None => args.json.clone(),
    };
    let payload =
        serde_json::from_str(&text).map_err(|error| CliError::Usage(format!("--json is no JSON: {error}")))?;
    let published = context.api()?.publish(&args.event, payload).await?;
    print([published.to_string()])
}

async fn list(api: &Api, entity: Entity, campaign: Option<&str>) -> Result<Vec<Value>, CliError> {
    let campaigns = match campaign {
        Some(wanted) => vec![self::campaign(api, wanted).await?],
        None => api.campaigns().await?.into_iter().map(|one| one.id).collect(),
    };
    let kind = EntityType::from(entity);
    let mut nodes = Vec::new();
    for campaign in &campaigns {
        let snapshot = api.snapshot(campaign).await?;
        let fits = |node: &Value| node["__typename"].as_str().is_some_and(|name| EntityType::from(name) == kind);
        nodes.extend(snapshot.nodes.into_iter().filter(fits));
    }
    Ok(nodes)
}

/// Finds an entity; with `recall`, among what is kept on disk while the server cannot be reached.
async fn find_or_recall(
    context: &Context,
    api: &Api,
    entity: Entity,
    wanted: &str,
    campaign: Option<&str>,
    recall: bool,
) -> Result<Value, CliError> {
    match find(api, entity, wanted, campaign).await {
        Err(CliError::Api(error)) if recall && error.is_passing() => {
            let kept = outbox::kept_nodes(context, api).await.into_iter().filter(|node| is_a(node, entity)).collect();
            among(entity, wanted, kept).map_err(|_| {
                let kind = name_of(entity);
                CliError::Usage(format!("{error}; and no {kind} “{wanted}” is kept on disk from an earlier visit"))
            })
        }
        found => found,
    }
}

fn is_a(node: &Value, entity: Entity) -> bool {
    node["__typename"].as_str().is_some_and(|name| EntityType::from(name) == EntityType::from(entity))
}

pub(super) async fn find(api: &Api, entity: Entity, wanted: &str, campaign: Option<&str>) -> Result<Value, CliError> {
    let kind = EntityType::from(entity);
    if let Ok(id) = uuid::Uuid::try_parse(wanted) {
        let found = api.nodes(&[Id::from(id)]).await?.into_iter().next();
        let fits = |node: &Value| node["__typename"].as_str().is_some_and(|name| EntityType::from(name) == kind);
        return found.filter(fits).ok_or_else(|| CliError::Usage(format!("no {kind} {wanted} that you may view")));
    }
    among(entity, wanted, list(api, entity, campaign).await?)
}

/// Picks the one that was named, by its name or its id.
fn among(entity: Entity, wanted: &str, nodes: Vec<Value>) -> Result<Value, CliError> {
    if let Some(node) = nodes.iter().find(|node| node["id"] == wanted) {
        return Ok(node.clone());
    }
    let candidates: Vec<Candidate> = nodes
        .iter()
        .filter_map(|node| {
            let (id, name) = (node["id"].as_str()?, node["name"].as_str()?);
            Some(Candidate { id: Id::parse(id).ok()?, name: name.to_owned(), place: String::new() })
        })
        .collect();
    let id = pick(name_of(entity), wanted, &candidates)?.id.clone();
    let found = nodes.into_iter().find(|node| node["id"] == id.as_str());
    found.ok_or_else(|| CliError::Internal("what was picked is not in the list".to_owned()))
}

pub(super) async fn campaign(api: &Api, wanted: &str) -> Result<Id, CliError> {
    if let Ok(id) = uuid::Uuid::try_parse(wanted) {
        return Ok(Id::from(id));
    }
    Ok(rooms::campaign_id(wanted, &api.campaigns().await?)?)
}

const fn name_of(entity: Entity) -> &'static str {
    match entity {
        Entity::Campaign => "campaign",
        Entity::Kingdom => "kingdom",
        Entity::Settlement => "settlement",
        Entity::Structure => "structure",
        Entity::Location => "location",
        Entity::Encounter => "encounter",
        Entity::Member => "member",
    }
}

fn id_of(node: &Value) -> Result<Id, CliError> {
    let id = node["id"].as_str().map(Id::parse);
    id.and_then(Result::ok).ok_or_else(|| CliError::Internal("the server told an entity without an id".to_owned()))
}

fn campaign_of(node: &Value) -> Result<Id, CliError> {
    let id = node["campaignId"].as_str().or_else(|| node["id"].as_str()).map(Id::parse);
    id.and_then(Result::ok).ok_or_else(|| CliError::Internal("an entity without a campaign was told".to_owned()))
}

fn terms(expected_version: Option<i64>, given: Option<&str>) -> Terms {
    Terms { expected_version, idempotency_key: key(given), ..Terms::default() }
}

/// Returns the key of a change: the one given, else a new one, so that a repeated request changes nothing twice.
fn key(given: Option<&str>) -> Option<String> {
    Some(given.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned))
}

fn read(from: &str) -> io::Result<String> {
    let mut text = String::new();
    match from {
        "-" => io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text)?,
        path => std::fs::File::open(path)?.take(MAX_INPUT).read_to_string(&mut text)?,
    };
    Ok(text.strip_suffix('\n').map_or_else(|| text.clone(), str::to_owned))
}

pub(super) fn print(lines: impl IntoIterator<Item = String>) -> Result<Exit, CliError> {
    let mut stdout = Output::stdout();
    for line in lines {
        stdout.line(&line).map_err(CliError::io("cannot write to stdout"))?;
    }
    Ok(Exit::Met)
}
