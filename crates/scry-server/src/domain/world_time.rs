//! The campaign's clock.

use jiff::SignedDuration;
use scry_calendar::WorldTime;
use scry_protocol::event::WorldTimeChanged;
use scry_protocol::{Event, FieldDiff, Id, Payload};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::effects::Forecast;
use super::idempotency::IdempotentRequest;
use super::unit_of_work::{EventDetails, UnitOfWork};
use super::update::find;
use super::{Caller, Domain, DomainError, Entity, EntityKind, input};
use crate::db::DbError;
use crate::rules::authorization::CampaignAction;

const WORLD_TIME_FIELD: &str = "worldTime";

/// A move of a campaign's clock; times are RFC 3339 UTC, `elapsed_seconds` may be negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldTimeMove {
    /// The time before the move.
    pub previous_time: String,
    /// The time after it.
    pub new_time: String,
    /// The seconds in between.
    pub elapsed_seconds: i64,
    /// After which time effects happen: the furthest that the clock has ever come. `None` in results of older servers.
    #[serde(default)]
    pub effects_after: Option<String>,
}

impl Domain {
    /// Moves a campaign's clock by `seconds`, backwards if negative; see [`Domain::set_world_time`].
    ///
    /// # Errors
    /// [`DomainError`], also when the calendar ends before that.
    pub async fn advance_world_time(
        &self,
        caller: &Caller,
        campaign: &Id,
        seconds: i64,
        rewind: bool,
        idempotency_key: Option<&str>,
    ) -> Result<WorldTimeMove, DomainError> {
        let request =
            IdempotentRequest::new(idempotency_key, &request_of("advance", campaign, json!(seconds), rewind))?;
        let to = |now: WorldTime| {
            now.checked_add(SignedDuration::from_secs(seconds)).ok_or_else(|| {
                DomainError::invalid("seconds", "would move the clock out of the years 1 to 9999; use fewer")
            })
        };
        self.move_clock(caller, campaign, request.as_ref(), to, rewind).await
    }

    /// Sets a campaign's clock to an RFC 3339 time.
    ///
    /// With `rewind` it is forgotten that the clock was ever further than where it is, or goes to: what falls due
    /// after that happens again.
    ///
    /// # Errors
    /// [`DomainError`], also for what is no time.
    pub async fn set_world_time(
        &self,
        caller: &Caller,
        campaign: &Id,
        time: &str,
        rewind: bool,
        idempotency_key: Option<&str>,
    ) -> Result<WorldTimeMove, DomainError> {
        let request = IdempotentRequest::new(idempotency_key, &request_of("set-time", campaign, json!(time), rewind))?;
        self.move_clock(caller, campaign, request.as_ref(), |_| input::time("time", time), rewind).await
    }

    /// Moves a campaign's clock to where `to` says, given its time.
    async fn move_clock(
        &self,
        caller: &Caller,
        campaign: &Id,
        request: Option<&IdempotentRequest>,
        to: impl Fn(WorldTime) -> Result<WorldTime, DomainError>,
        rewind: bool,
    ) -> Result<WorldTimeMove, DomainError> {
        let mut forecast = self.forecast(caller, campaign, &to, rewind).await?;
        let derived = forecast.as_mut().and_then(|forecast| forecast.derived.take());
        self.change(caller, async |unit: &mut UnitOfWork| {
            if let Some(first) = unit.find_result(request).await? {
                return Ok(first);
            }
            let stored = find(unit, EntityKind::Campaign, campaign, CampaignAction::Edit).await?;
            let time = to(world_time(&stored)?)?;
            unit.use_forecast(derived, campaign, time).await?;
            let moved = set(unit, stored, time, (rewind, forecast)).await?;
            unit.store_result(request, &moved).await?;
            Ok(moved)
        })
        .await
    }
}

/// Returns what a request asks for; without `rewind` as older servers remember it.
fn request_of(what: &str, campaign: &Id, to: Value, rewind: bool) -> Value {
    if rewind { json!([what, campaign, to, "rewind"]) } else { json!([what, campaign, to]) }
}

async fn set(
    unit: &mut UnitOfWork,
    campaign: Entity,
    after: WorldTime,
    (rewind, forecast): (bool, Option<Forecast>),
) -> Result<WorldTimeMove, DomainError> {
    let previous = campaign.text(WORLD_TIME_FIELD);
    let (before, time) = (world_time(&campaign)?, after.to_string());
    let elapsed = after.duration_since(before).as_secs();
    let (campaign, cause) = if previous == time {
        (campaign, None)
    } else {
        let (campaign, event) = move_to(unit, campaign, &previous, &time, elapsed).await?;
        (campaign, event.metadata.event_id)
    };
    let done = unit.apply_due_effects(&campaign, (before, after), cause, (rewind, forecast)).await?;
    Ok(WorldTimeMove {
        previous_time: previous,
        new_time: time,
        elapsed_seconds: elapsed,
        effects_after: Some(done.to_string()),
    })
}

/// Stores another time of a campaign and records it, with what follows from the time itself.
async fn move_to(
    unit: &mut UnitOfWork,
    mut campaign: Entity,
    previous: &str,
    time: &str,
    elapsed_seconds: i64,
) -> Result<(Entity, Event), DomainError> {
    campaign.fields.insert(WORLD_TIME_FIELD.to_owned(), time.into());
    campaign.version += 1;
    campaign.updated_at = unit.timestamp();
    unit.store(&campaign).await?;
    let payload = Payload::WorldTimeChanged(WorldTimeChanged {
        campaign_id: campaign.id.clone(),
        previous_time: previous.to_owned(),
        new_time: time.to_owned(),
        elapsed_seconds,
    });
    let changes = vec![FieldDiff { field: WORLD_TIME_FIELD.to_owned(), from: previous.into(), to: time.into() }];
    let details = EventDetails { version: Some(campaign.version), changes, ..EventDetails::default() };
    let event = unit.record(payload, details).await?;
    // What follows from the time itself is announced as its consequence, before what the effects bring.
    unit.derive().await?;
    Ok((campaign, event))
}

fn world_time(campaign: &Entity) -> Result<WorldTime, DomainError> {
    Ok(WorldTime::from_stored(&campaign.text(WORLD_TIME_FIELD))
        .map_err(|error| DbError::corrupt("world time", error))?)
}
