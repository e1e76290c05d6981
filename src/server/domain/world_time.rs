//! The campaign's clock.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::idempotency::Request;
use super::unit::{Details, Unit};
use super::update::find;
use super::{Caller, Domain, DomainError, Entity, Kind, input};
use crate::protocol::event::WorldTimeChanged;
use crate::protocol::{Change, Id, Payload};
use crate::server::clock::stamp;
use crate::server::db::DbError;
use crate::server::rules::authorization::Action;

const FIELD: &str = "worldTime";

/// Reports a move of a campaign's clock; times are RFC 3339 UTC, `elapsed_seconds` may be negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMove {
    pub previous_time: String,
    pub new_time: String,
    pub elapsed_seconds: i64,
}

impl Domain {
    /// Moves a campaign's clock by `seconds`, backwards if negative.
    ///
    /// # Errors
    /// [`DomainError`], also when the calendar ends before that.
    pub async fn advance_world_time(
        &self,
        caller: &Caller,
        campaign: &Id,
        seconds: i64,
        idempotency_key: Option<&str>,
    ) -> Result<ClockMove, DomainError> {
        let request = Request::new(idempotency_key, &json!(["advance", campaign, seconds]))?;
        self.move_clock(caller, campaign, request.as_ref(), |now| {
            let time = now.checked_add(SignedDuration::from_secs(seconds)).map_err(|_| {
                DomainError::invalid("seconds", "would move the clock out of the years 1 to 9999; use fewer")
            })?;
            Ok(stamp(time))
        })
        .await
    }

    /// Sets a campaign's clock to an RFC 3339 time.
    ///
    /// # Errors
    /// [`DomainError`], also for what is no time.
    pub async fn set_world_time(
        &self,
        caller: &Caller,
        campaign: &Id,
        time: &str,
        idempotency_key: Option<&str>,
    ) -> Result<ClockMove, DomainError> {
        let request = Request::new(idempotency_key, &json!(["set-time", campaign, time]))?;
        self.move_clock(caller, campaign, request.as_ref(), |_| input::time("time", time)).await
    }

    /// Moves a campaign's clock to where `to` says, given its time.
    async fn move_clock(
        &self,
        caller: &Caller,
        campaign: &Id,
        request: Option<&Request>,
        to: impl FnOnce(Timestamp) -> Result<String, DomainError>,
    ) -> Result<ClockMove, DomainError> {
        self.change(caller, async |unit: &mut Unit| {
            if let Some(first) = unit.recall(request).await? {
                return Ok(first);
            }
            let stored = find(unit, Kind::Campaign, campaign, Action::Edit).await?;
            let time = to(world_time(&stored)?)?;
            let moved = set(unit, stored, &time).await?;
            unit.remember(request, &moved).await?;
            Ok(moved)
        })
        .await
    }
}

async fn set(unit: &mut Unit, mut campaign: Entity, time: &str) -> Result<ClockMove, DomainError> {
    let previous = campaign.text(FIELD);
    let (before, after) = (world_time(&campaign)?, parse(time)?);
    let elapsed = after.duration_since(before).as_secs();
    let moved = ClockMove { previous_time: previous.clone(), new_time: time.to_owned(), elapsed_seconds: elapsed };
    if previous == time {
        return Ok(moved);
    }
    campaign.fields.insert(FIELD.to_owned(), time.into());
    campaign.version += 1;
    campaign.updated_at = unit.stamp();
    unit.store(&campaign).await?;
    let payload = Payload::WorldTimeChanged(WorldTimeChanged {
        campaign_id: campaign.id.clone(),
        previous_time: previous.clone(),
        new_time: time.to_owned(),
        elapsed_seconds: elapsed,
    });
    let changes = vec![Change { field: FIELD.to_owned(), from: previous.into(), to: time.into() }];
    let details = Details { version: Some(campaign.version), changes, ..Details::default() };
    let event = unit.record(payload, details).await?;
    // What follows from the time itself is announced as its consequence, before what the effects bring.
    unit.derive().await?;
    unit.carry_out(&campaign, (before, after), event.metadata.event_id).await?;
    Ok(moved)
}

fn world_time(campaign: &Entity) -> Result<Timestamp, DomainError> {
    parse(&campaign.text(FIELD))
}

fn parse(text: &str) -> Result<Timestamp, DomainError> {
    Ok(text.parse().map_err(|error| DbError::corrupt("world time", error))?)
}
