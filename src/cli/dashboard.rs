//! The dashboard, from the command line: log in if need be, find the campaign, open the screen.

use std::time::Duration;

use super::args::Dashboard as Args;
use super::context::Context;
use super::error::CliError;
use super::login;
use crate::client::api::Api;
use crate::client::error::ApiError;
use crate::exit::Exit;
use crate::headless::rooms::campaign_id;
use crate::protocol::Id;
use crate::tui::{self, TuiOptions};

/// Opens the dashboard.
///
/// # Errors
/// [`CliError`] when nobody can be logged in, the server cannot be reached, or there is no such campaign.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, CliError> {
    let api = context.api()?;
    let mut notice = login::ensure(context, &api).await?;
    let campaign = match find(&api, args.campaign.as_deref()).await {
        // The kept login has ended, and there may be a person to make a new one.
        Err(CliError::Api(error)) if error.requires_login() => {
            notice = login::again(context, &api, &error).await?;
            find(&api, args.campaign.as_deref()).await?
        }
        found => found?,
    };
    show(TuiOptions { notice, ..TuiOptions::new(&context.settings, api, campaign) }, None).await
}

/// Opens the dashboard on a campaign as whoever `api` is logged in as, for `time` at most.
///
/// # Errors
/// [`CliError::Tui`] when there is no terminal or it fails.
pub async fn open(context: &Context, api: Api, campaign: Option<Id>, time: Option<Duration>) -> Result<Exit, CliError> {
    show(TuiOptions::new(&context.settings, api, campaign), time).await
}

async fn show(options: TuiOptions, time: Option<Duration>) -> Result<Exit, CliError> {
    let dashboard = tui::run(options);
    match time {
        // Dropping the dashboard gives the terminal back.
        Some(time) => tokio::time::timeout(time, dashboard).await.unwrap_or(Ok(Exit::Met)),
        None => dashboard.await,
    }
    .map_err(CliError::from)
}

/// Finds the campaign to open; `None` when there are several and none was named.
async fn find(api: &Api, wanted: Option<&str>) -> Result<Option<Id>, CliError> {
    let campaigns = match (api.campaigns().await, wanted) {
        (Ok(campaigns), _) => campaigns,
        // A gateway without an API can still be listened to by id.
        (Err(ApiError::NotOffered { .. }), Some(id)) => {
            let refuse = |_| CliError::Usage(format!("“{id}” is no id, and this server has no list of names"));
            return Ok(Some(Id::parse(id).map_err(refuse)?));
        }
        (Err(error), _) => return Err(error.into()),
    };
    match (wanted, campaigns.as_slice()) {
        (Some(wanted), _) => Ok(Some(campaign_id(wanted, &campaigns)?)),
        (None, [only]) => Ok(Some(only.id.clone())),
        (None, _) => Ok(None),
    }
}
