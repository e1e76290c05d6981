//! The mutations that every kind of entity has: create, update, delete.

use async_graphql::{Context, ID, Object};

use super::error::{ResolverResult, domain_and_caller, id, to_graphql_error};
use super::input::{
    CreateCampaignInput, CreateEncounterInput, CreateKingdomInput, CreateLocationInput, CreateSettlementInput,
    CreateStructureInput, UpdateCampaignInput, UpdateEncounterInput, UpdateKingdomInput, UpdateLocationInput,
    UpdateSettlementInput, UpdateStructureInput,
};
use super::types::{Campaign, Encounter, Kingdom, Location, OnConflict, Settlement, Structure};
use crate::domain::{DomainError, EditPrecondition, Entity, EntityKind, FieldMap};

/// Declares the three mutations of a kind; a campaign's answer is looked up once more for its position.
macro_rules! mutations {
    ($type:ident, $object:ident, $kind:ident, $answer:ident,
     $create:ident($create_input:ident), $update:ident($update_input:ident), $delete:ident) => {
        #[derive(Default)]
        pub(crate) struct $object;

        #[Object]
        impl $object {
            async fn $create(
                &self,
                ctx: &Context<'_>,
                input: $create_input,
                idempotency_key: Option<String>,
            ) -> ResolverResult<$type> {
                let (domain, caller) = domain_and_caller(ctx)?;
                let key = idempotency_key.as_deref();
                let entity =
                    domain.create(caller, EntityKind::$kind, &input.into(), key).await.map_err(to_graphql_error)?;
                $answer(ctx, entity).await
            }

            async fn $update(
                &self,
                ctx: &Context<'_>,
                id: ID,
                input: $update_input,
                expected_version: Option<i64>,
                #[graphql(default_with = "OnConflict::Merge")] on_conflict: OnConflict,
                idempotency_key: Option<String>,
            ) -> ResolverResult<$type> {
                let expectation = EditPrecondition { version: expected_version, on_conflict: on_conflict.into() };
                let entity = update(ctx, EntityKind::$kind, &id, input.into(), expectation, idempotency_key).await?;
                $answer(ctx, entity).await
            }

            /// Deletes it and everything in it; answers true.
            async fn $delete(
                &self,
                ctx: &Context<'_>,
                id: ID,
                expected_version: Option<i64>,
                idempotency_key: Option<String>,
            ) -> ResolverResult<bool> {
                let (domain, caller) = domain_and_caller(ctx)?;
                let (id, key) = (super::error::id("id", &id)?, idempotency_key.as_deref());
                domain.delete(caller, EntityKind::$kind, &id, expected_version, key).await.map_err(to_graphql_error)?;
                Ok(true)
            }
        }
    };
}

mutations!(
    Campaign,
    CampaignMutation,
    Campaign,
    campaign,
    create_campaign(CreateCampaignInput),
    update_campaign(UpdateCampaignInput),
    delete_campaign
);
mutations!(
    Kingdom,
    KingdomMutation,
    Kingdom,
    plain,
    create_kingdom(CreateKingdomInput),
    update_kingdom(UpdateKingdomInput),
    delete_kingdom
);
mutations!(
    Settlement,
    SettlementMutation,
    Settlement,
    plain,
    create_settlement(CreateSettlementInput),
    update_settlement(UpdateSettlementInput),
    delete_settlement
);
mutations!(
    Structure,
    StructureMutation,
    Structure,
    plain,
    create_structure(CreateStructureInput),
    update_structure(UpdateStructureInput),
    delete_structure
);
mutations!(
    Location,
    LocationMutation,
    Location,
    plain,
    create_location(CreateLocationInput),
    update_location(UpdateLocationInput),
    delete_location
);
mutations!(
    Encounter,
    EncounterMutation,
    Encounter,
    plain,
    create_encounter(CreateEncounterInput),
    update_encounter(UpdateEncounterInput),
    delete_encounter
);

async fn update(
    ctx: &Context<'_>,
    kind: EntityKind,
    entity: &ID,
    input: FieldMap,
    expectation: EditPrecondition,
    key: Option<String>,
) -> ResolverResult<Entity> {
    let (domain, caller) = domain_and_caller(ctx)?;
    let entity = id("id", entity)?;
    domain.update(caller, kind, &entity, &input, expectation, key.as_deref()).await.map_err(to_graphql_error)
}

async fn plain<T: From<Entity>>(_: &Context<'_>, entity: Entity) -> ResolverResult<T> {
    Ok(entity.into())
}

async fn campaign(ctx: &Context<'_>, entity: Entity) -> ResolverResult<Campaign> {
    let (domain, caller) = domain_and_caller(ctx)?;
    let view = domain.campaign(caller, &entity.id).await.map_err(to_graphql_error)?;
    let view = view.ok_or_else(|| to_graphql_error(DomainError::NotFound(EntityKind::Campaign.as_str())))?;
    Ok(Campaign::new(&entity, view.role, view.position))
}
