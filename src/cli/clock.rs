//! `scry advance-time` and `set-time`.

use scry_client::api::edit::{ClockMove, EditOptions};
use scry_command::exit::Exit;
use scry_model::outbox::EditChange;
use scry_protocol::Id;

use super::args::{AdvanceTime, SetTime};
use super::context::Context;
use super::edit;
use super::error::CliError;
use super::find::Finder;
use super::outbox::{self, Wish};

/// Moves a campaign's clock and prints from where to where.
///
/// # Errors
/// [`CliError`] when the campaign is unknown, or the server refuses it.
pub(super) async fn advance(context: &Context, args: &AdvanceTime) -> Result<Exit, CliError> {
    let api = context.api()?;
    let finder = Finder { recall: args.queue, ..Finder::new(context, &api, None) };
    let campaign = finder.campaign(&args.campaign).await?;
    let seconds = args.by.as_secs();
    let wish = Wish::new(args.idempotency_key.as_deref(), args.queue, EditChange::AdvanceTime { seconds });
    let terms = terms(&wish);
    let asked = api.advance_time(&campaign, seconds, &terms);
    tell(&campaign, outbox::make(context, &api, Some(&campaign), wish, asked).await?)
}

/// Sets a campaign's clock and prints from where to where.
///
/// # Errors
/// [`CliError`] when the campaign is unknown, or the server refuses it.
pub(super) async fn set(context: &Context, args: &SetTime) -> Result<Exit, CliError> {
    let api = context.api()?;
    let finder = Finder { recall: args.queue, ..Finder::new(context, &api, None) };
    let campaign = finder.campaign(&args.campaign).await?;
    let change = EditChange::SetTime { time: args.time.clone(), rewind: args.rewind };
    let wish = Wish::new(args.idempotency_key.as_deref(), args.queue, change);
    let terms = terms(&wish);
    let asked = api.set_time(&campaign, &args.time, args.rewind, &terms);
    tell(&campaign, outbox::make(context, &api, Some(&campaign), wish, asked).await?)
}

fn terms(wish: &Wish) -> EditOptions {
    EditOptions { idempotency_key: Some(wish.key.clone()), ..EditOptions::default() }
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
