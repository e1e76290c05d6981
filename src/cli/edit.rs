//! `scry create`, `update`, `delete` and `publish`.

use std::io::{self, Read};

use scry_client::api::edit::EditOptions;
use scry_command::exit::Exit;
use scry_model::outbox::EditChange;
use scry_protocol::EntityType;
use scry_scripting::output::LineWriter;
use scry_scripting::{assign, fields, line};
use serde_json::{Map, Value};

use super::args::{CreateArgs, DeleteArgs, EntityArg, PublishArgs, UpdateArgs, UpdateKind};
use super::context::CliContext;
use super::error::CliError;
use super::find::{EntityFinder, campaign_of, id_of};
use super::outbox::{self, RequestedChange};
use super::{inbox, people};

/// Bounds what is read for `@FILE` and `@-`.
const MAX_INPUT_BYTES: u64 = 4 * 1024 * 1024;

/// Creates an entity and prints it.
///
/// # Errors
/// [`CliError`] when a value is wrong or missing, or the server refuses it.
pub(super) async fn create(context: &CliContext, args: &CreateArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    let mut input = input(&args.set, &Value::Null)?;
    let entity_type = EntityType::from(args.entity);
    if let Some(campaign) = args.campaign.as_deref().filter(|_| fields::create(&entity_type).knows("campaignId")) {
        input.entry("campaignId").or_insert_with(|| campaign.into());
    }
    let wrong = |error: fields::FieldError| CliError::Usage(error.to_string());
    fields::create(&entity_type).check(&input).map_err(wrong)?;
    let finder = EntityFinder { recall: args.queue, ..EntityFinder::new(context, &api, args.campaign.as_deref()) };
    let campaign = finder.relate(&mut input).await?;
    if args.entity == EntityArg::Member {
        outbox::refuse_to_keep(args.queue, "a membership")?;
        return print_json([people::add(&api, &input).await?]);
    }
    let change = EditChange::Create { entity_type: entity_type.clone(), input: input.clone() };
    let change_request = RequestedChange::new(args.idempotency_key.as_deref(), args.queue, change);
    let terms = terms(None, &change_request);
    let asked = api.create(&entity_type, input, &terms);
    print_json(outbox::make(context, &api, campaign.as_ref(), change_request, asked).await?)
}

/// Changes an entity and prints it; marks notifications as read and sets preferences, too.
///
/// # Errors
/// [`CliError`] when a name leads to none, a value is wrong, or the server refuses it.
pub(super) async fn update(context: &CliContext, args: &UpdateArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    let entity = match (args.entity, &args.id) {
        (UpdateKind::Entity(entity), Some(_)) => entity,
        (UpdateKind::Entity(entity), None) => {
            let kind = entity.as_str();
            return Err(CliError::Usage(format!("which {kind}? write its id or name: scry update {kind} ID|NAME …")));
        }
        (UpdateKind::Notification, id) => return inbox::mark(&api, id.as_deref(), &args.set).await,
        (UpdateKind::Preferences, _) => return inbox::choose(&api, &args.set).await,
    };
    let wanted = args.id.as_deref().unwrap_or_default();
    let finder = EntityFinder { recall: args.queue, ..EntityFinder::new(context, &api, args.campaign.as_deref()) };
    let node = finder.one(entity, wanted).await?;
    let mut input = input(&args.set, &node["variableSchemas"])?;
    let (entity_type, id) = (EntityType::from(entity), id_of(&node)?);
    fields::update(&entity_type).check(&input).map_err(|error| CliError::Usage(error.to_string()))?;
    if entity == EntityArg::Member {
        outbox::refuse_to_keep(args.queue, "a membership")?;
        return print_json([people::change(&api, &node, &input).await?]);
    }
    finder.relate(&mut input).await?;
    let (expected_version, on_conflict) = (args.expected_version, args.on_conflict.into());
    let change = EditChange::Update {
        entity_type: entity_type.clone(),
        id: id.clone(),
        input: input.clone(),
        expected_version,
        on_conflict,
    };
    let change_request = RequestedChange::new(args.idempotency_key.as_deref(), args.queue, change);
    let terms = EditOptions { on_conflict, ..terms(expected_version, &change_request) };
    let asked = api.update(&entity_type, &id, input, &terms);
    let updated = outbox::make(context, &api, Some(&campaign_of(&node)?), change_request, asked).await?;
    print_json(updated)
}

/// Deletes an entity.
///
/// # Errors
/// [`CliError`] when a name leads to none, or the server refuses it.
pub(super) async fn delete(context: &CliContext, args: &DeleteArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    let finder = EntityFinder { recall: args.queue, ..EntityFinder::new(context, &api, args.campaign.as_deref()) };
    let node = finder.one(args.entity, &args.id).await?;
    let deleted = if args.entity == EntityArg::Member {
        outbox::refuse_to_keep(args.queue, "a membership")?;
        Some(people::remove(&api, &node).await?)
    } else {
        let (entity_type, id) = (EntityType::from(args.entity), id_of(&node)?);
        let expected_version = args.expected_version;
        let change = EditChange::Delete { entity_type: entity_type.clone(), id: id.clone(), expected_version };
        let change_request = RequestedChange::new(args.idempotency_key.as_deref(), args.queue, change);
        let terms = terms(expected_version, &change_request);
        let asked = api.delete(&entity_type, &id, &terms);
        outbox::make(context, &api, Some(&campaign_of(&node)?), change_request, asked).await?
    };
    if deleted.is_some() {
        context.say(&format!("deleted {}", node["name"].as_str().unwrap_or(&args.id)));
    }
    Ok(Exit::Met)
}

/// Publishes an event and prints its id and place.
///
/// # Errors
/// [`CliError`] when the payload is no JSON, or the server refuses it.
pub(super) async fn publish(context: &CliContext, args: &PublishArgs) -> Result<Exit, CliError> {
    let text = match args.json.strip_prefix('@') {
        Some(from) => read(from).map_err(CliError::io(format!("cannot read {from}")))?,
        None => args.json.clone(),
    };
    let payload =
        serde_json::from_str(&text).map_err(|error| CliError::Usage(format!("--json is not JSON: {error}")))?;
    let published = context.api()?.publish(&args.event, payload).await?;
    print_json([published])
}

/// Reads `--set` options; `schemas` are the entity's `variableSchemas`.
///
/// # Errors
/// [`CliError::Usage`] naming the field and what it needs.
pub(super) fn input(assignments: &[String], schemas: &Value) -> Result<Map<String, Value>, CliError> {
    assign::input(assignments, schemas, read).map_err(|error| CliError::Usage(error.to_string()))
}

/// Prints values, one line of JSON each.
///
/// # Errors
/// [`CliError::Io`] when stdout cannot be written to.
pub(super) fn print_json(values: impl IntoIterator<Item = Value>) -> Result<Exit, CliError> {
    print_text(values.into_iter().map(|value| line::json(&value)))
}

/// Prints lines for people.
///
/// # Errors
/// [`CliError::Io`] when stdout cannot be written to.
pub(super) fn print_text(lines: impl IntoIterator<Item = String>) -> Result<Exit, CliError> {
    let mut stdout = LineWriter::stdout();
    for line in lines {
        stdout.line(&line).map_err(CliError::io("cannot write to stdout"))?;
    }
    Ok(Exit::Met)
}

fn terms(expected_version: Option<i64>, change_request: &RequestedChange) -> EditOptions {
    EditOptions { expected_version, idempotency_key: Some(change_request.key.clone()), ..EditOptions::default() }
}

fn read(from: &str) -> io::Result<String> {
    let mut text = String::new();
    match from {
        "-" => io::stdin().lock().take(MAX_INPUT_BYTES).read_to_string(&mut text)?,
        path => std::fs::File::open(path)?.take(MAX_INPUT_BYTES).read_to_string(&mut text)?,
    };
    Ok(text.strip_suffix('\n').map_or_else(|| text.clone(), str::to_owned))
}
