//! `scry advance-time` and `set-time`.

use scry_client::api::edit::{ClockMove, EditOptions};
use scry_command::exit::Exit;
use scry_model::outbox::EditChange;
use scry_protocol::Id;

use super::args::{AdvanceTimeArgs, SetTimeArgs};
use super::context::CliContext;
use super::edit;
use super::error::CliError;
use super::find::EntityFinder;
use super::outbox::{self, RequestedChange};

/// Moves a campaign's clock and prints from where to where.
///
/// # Errors
/// [`CliError`] when the campaign is unknown, or the server refuses it.
pub(super) async fn advance(context: &CliContext, args: &AdvanceTimeArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    let finder = EntityFinder { recall: args.queue, ..EntityFinder::new(context, &api, None) };
    let campaign = finder.campaign(&args.campaign).await?;
    let seconds = args.by.as_secs();
    let change_request =
        RequestedChange::new(args.idempotency_key.as_deref(), args.queue, EditChange::AdvanceTime { seconds });
    let terms = terms(&change_request);
    let asked = api.advance_time(&campaign, seconds, &terms);
    tell(&campaign, outbox::make(context, &api, Some(&campaign), change_request, asked).await?)
}

/// Sets a campaign's clock and prints from where to where.
///
/// # Errors
/// [`CliError`] when the campaign is unknown, or the server refuses it.
pub(super) async fn set(context: &CliContext, args: &SetTimeArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    let finder = EntityFinder { recall: args.queue, ..EntityFinder::new(context, &api, None) };
    let campaign = finder.campaign(&args.campaign).await?;
    let change = EditChange::SetTime { time: args.time.clone(), rewind: args.rewind };
    let change_request = RequestedChange::new(args.idempotency_key.as_deref(), args.queue, change);
    let terms = terms(&change_request);
    let asked = api.set_time(&campaign, &args.time, args.rewind, &terms);
    tell(&campaign, outbox::make(context, &api, Some(&campaign), change_request, asked).await?)
}

fn terms(change_request: &RequestedChange) -> EditOptions {
    EditOptions { idempotency_key: Some(change_request.key.clone()), ..EditOptions::default() }
}

fn tell(campaign: &Id, moved: Option<ClockMove>) -> Result<Exit, CliError> {
    let Some(moved) = moved else { return Ok(Exit::Met) };
    let mut line = serde_json::json!({"campaignId": campaign, "previousTime": moved.previous_time,
        "newTime": moved.new_time, "elapsedSeconds": moved.elapsed_seconds});
    if let Some(after) = moved.effects_after {
        line["effectsAfter"] = after.into();
    }
    edit::print_json([line])
}
