//! Entities by what a person calls them: an id or a name, on the server, or on disk while that cannot be reached.

use scry_client::api::Api;
use scry_client::error::ApiError;
use scry_protocol::{EntityType, Id};
use scry_scripting::resolve_name::{NamedCandidate, resolve_name};
use scry_scripting::rooms;
use serde_json::{Map, Value};

use super::args::EntityArg;
use super::context::CliContext;
use super::error::CliError;
use super::outbox;

/// The fields of an input that name another entity, the nearest relation first.
const RELATIONS: [(&str, EntityArg); 4] = [
    ("settlementId", EntityArg::Settlement),
    ("kingdomId", EntityArg::Kingdom),
    ("locationId", EntityArg::Location),
    ("campaignId", EntityArg::Campaign),
];

/// Finds entities for one command.
pub(super) struct EntityFinder<'a> {
    pub context: &'a CliContext,
    pub api: &'a Api,
    /// Look in this campaign only.
    pub campaign: Option<&'a str>,
    /// Look on disk while the server cannot be reached.
    pub recall: bool,
}

impl<'a> EntityFinder<'a> {
    /// Looks on the server alone.
    pub(super) const fn new(context: &'a CliContext, api: &'a Api, campaign: Option<&'a str>) -> Self {
        Self { context, api, campaign, recall: false }
    }

    /// Returns every entity of a type.
    ///
    /// # Errors
    /// [`CliError`] when the campaign is unknown, or the server cannot be asked.
    pub(super) async fn all(&self, entity: EntityArg) -> Result<Vec<Value>, CliError> {
        let campaigns = match self.campaign {
            Some(wanted) => vec![self.campaign(wanted).await?],
            None => self.api.campaigns().await?.into_iter().map(|one| one.id).collect(),
        };
        let mut nodes = Vec::new();
        for campaign in &campaigns {
            let snapshot = self.api.snapshot(campaign).await?;
            nodes.extend(snapshot.values().into_iter().filter(|node| is_a(node, entity)));
        }
        Ok(nodes)
    }

    /// Finds one entity.
    ///
    /// # Errors
    /// [`CliError`] when nothing, or more than one thing, is called that, or the server cannot be asked.
    pub(super) async fn one(&self, entity: EntityArg, wanted: &str) -> Result<Value, CliError> {
        match self.on_server(entity, wanted).await {
            Err(CliError::Api(error)) if self.recall && error.is_passing() => {
                self.on_disk(entity, wanted, &error).await
            }
            found => found,
        }
    }

    /// Finds a campaign; an id is taken as it is.
    ///
    /// # Errors
    /// As [`EntityFinder::one`].
    pub(super) async fn campaign(&self, wanted: &str) -> Result<Id, CliError> {
        if let Ok(id) = uuid::Uuid::try_parse(wanted) {
            return Ok(Id::from(id));
        }
        match self.api.campaigns().await {
            Err(error) if self.recall && error.is_passing() => {
                id_of(&self.on_disk(EntityArg::Campaign, wanted, &error).await?)
            }
            campaigns => Ok(rooms::campaign_id(wanted, &campaigns?)?),
        }
    }

    /// Puts ids in the place of names of other entities; returns the campaign that they belong to, if one is named.
    ///
    /// # Errors
    /// As [`EntityFinder::one`].
    pub(super) async fn relate(&self, input: &mut Map<String, Value>) -> Result<Option<Id>, CliError> {
        let mut campaign = None;
        for (field, entity) in RELATIONS {
            let Some(wanted) = input.get(field).and_then(Value::as_str).map(str::to_owned) else { continue };
            let home = if entity == EntityArg::Campaign {
                let id = self.campaign(&wanted).await?;
                input.insert(field.to_owned(), id.as_str().into());
                id
            } else {
                let node = self.one(entity, &wanted).await?;
                input.insert(field.to_owned(), node["id"].clone());
                campaign_of(&node)?
            };
            campaign.get_or_insert(home);
        }
        Ok(campaign)
    }

    /// Finds one that an earlier visit has left here; `why` says what stands between us and the server.
    async fn on_disk(&self, entity: EntityArg, wanted: &str, why: &ApiError) -> Result<Value, CliError> {
        let kept = outbox::kept_nodes(self.context, self.api).await;
        let kept = kept.into_iter().filter(|node| is_a(node, entity)).collect();
        among(entity, wanted, kept).map_err(|_| {
            let kind = entity.as_str();
            CliError::Usage(format!("{why}; and no {kind} “{wanted}” is kept on disk from an earlier visit"))
        })
    }

    async fn on_server(&self, entity: EntityArg, wanted: &str) -> Result<Value, CliError> {
        if let Ok(id) = uuid::Uuid::try_parse(wanted) {
            let found = self.api.nodes(&[Id::from(id)]).await?.first().map(Value::from);
            let kind = entity.as_str();
            return found
                .filter(|node| is_a(node, entity))
                .ok_or_else(|| CliError::Usage(format!("no {kind} {wanted} that you may view")));
        }
        among(entity, wanted, self.all(entity).await?)
    }
}

/// Returns the id of an entity as the API tells it.
///
/// # Errors
/// [`CliError::Internal`] when it has none.
pub(super) fn id_of(node: &Value) -> Result<Id, CliError> {
    let id = node["id"].as_str().map(Id::parse);
    id.and_then(Result::ok).ok_or_else(|| CliError::Internal("the server sent an entity without an id".to_owned()))
}

/// Returns the campaign of an entity as the API tells it.
///
/// # Errors
/// [`CliError::Internal`] when it has none.
pub(super) fn campaign_of(node: &Value) -> Result<Id, CliError> {
    let id = node["campaignId"].as_str().or_else(|| node["id"].as_str()).map(Id::parse);
    id.and_then(Result::ok).ok_or_else(|| CliError::Internal("the server sent an entity without a campaign".to_owned()))
}

fn is_a(node: &Value, entity: EntityArg) -> bool {
    node["__typename"].as_str().is_some_and(|name| EntityType::from(name) == EntityType::from(entity))
}

/// Picks the one that was named, by its name or its id.
fn among(entity: EntityArg, wanted: &str, nodes: Vec<Value>) -> Result<Value, CliError> {
    if let Some(node) = nodes.iter().find(|node| node["id"] == wanted) {
        return Ok(node.clone());
    }
    let candidates: Vec<NamedCandidate> = nodes
        .iter()
        .filter_map(|node| {
            let (id, name) = (node["id"].as_str()?, node["name"].as_str()?);
            Some(NamedCandidate { id: Id::parse(id).ok()?, name: name.to_owned(), place: String::new() })
        })
        .collect();
    let id = resolve_name(entity.as_str(), wanted, &candidates)?.id.clone();
    let found = nodes.into_iter().find(|node| node["id"] == id.as_str());
    found.ok_or_else(|| CliError::Internal("what was picked is not in the list".to_owned()))
}
