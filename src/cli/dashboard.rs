//! The dashboard, from the command line: log in if need be, find the campaign, open the screen.

use scry_client::api::{Api, CampaignSummary};
use scry_client::disk::DiskCache;
use scry_client::error::ApiError;
use scry_client::session::SessionOptions;
use scry_command::exit::Exit;
use scry_protocol::Id;
use scry_scripting::rooms::campaign_id;

use super::args::DashboardArgs as Args;
use super::context::CliContext;
use super::error::CliError;
use super::login;
use crate::tui::{self, DashboardExit, TuiOptions};

/// Opens the dashboard, and again on another server for as long as the person changes the profile in it.
///
/// # Errors
/// [`CliError`] when nobody can be logged in, or there is no such campaign, neither on the server nor on disk.
pub(super) async fn run(context: &CliContext, args: &Args) -> Result<Exit, CliError> {
    let (mut context, mut wanted) = (context.clone(), args.campaign.clone());
    loop {
        match show(&context, wanted.as_deref(), args).await? {
            DashboardExit::Exit(exit) => return Ok(exit),
            DashboardExit::Profile(profile) => {
                context = context.with_profile(&profile)?;
                wanted = None;
            }
        }
    }
}

async fn show(context: &CliContext, wanted: Option<&str>, args: &Args) -> Result<DashboardExit, CliError> {
    let api = context.screen_api()?;
    let mut notice = login::ensure(context, &api).await?;
    let campaign = match find(&api, &disk(context, &api).await, wanted).await {
        // The kept login has ended, and there may be a person to make a new one.
        Err(CliError::Api(error)) if error.requires_login() => {
            notice = login::again(context, &api, &error).await?;
            find(&api, &disk(context, &api).await, wanted).await?
        }
        found => found?,
    };
    let user = api.auth().user().await;
    let options = TuiOptions::new(&context.settings, api, user.as_ref().map(|user| &user.id), campaign);
    let mut options = TuiOptions { notice, read_only: args.read_only, ..options };
    options.session = args.rooms.iter().cloned().fold(options.session, SessionOptions::room);
    let plain = args.plain || context.settings.config.ui.plain;
    Ok(if plain { tui::screen_reader::run(options).await? } else { tui::run(options).await? })
}

/// Returns the place where this user's campaigns are kept.
async fn disk(context: &CliContext, api: &Api) -> DiskCache {
    let user = api.auth().user().await;
    DiskCache::of(&context.settings.dirs.data, &context.settings.server, user.as_ref().map(|user| &user.id))
}

/// Finds the campaign to open: among those on disk, else on the server.
///
/// What is kept is shown at once. Whether the server still agrees, the dashboard finds out by itself, and says so.
async fn find(api: &Api, disk: &DiskCache, wanted: Option<&str>) -> Result<Option<Id>, CliError> {
    let kept = disk.list();
    let chosen = match wanted {
        Some(wanted) => campaign_id(wanted, &kept).ok().filter(|id| kept.iter().any(|one| one.id == *id)),
        None => only(&kept),
    };
    if chosen.is_some() { Ok(chosen) } else { find_on_server(api, wanted).await }
}

/// Finds the campaign to open; `None` when there are several and none was named.
async fn find_on_server(api: &Api, wanted: Option<&str>) -> Result<Option<Id>, CliError> {
    let campaigns = match (api.campaigns().await, wanted) {
        (Ok(campaigns), _) => campaigns,
        // A gateway without an API can still be listened to by id.
        (Err(ApiError::NotOffered { .. }), Some(id)) => {
            let refuse = |_| CliError::Usage(format!("“{id}” is not an id, and this server has no list of names"));
            return Ok(Some(Id::parse(id).map_err(refuse)?));
        }
        (Err(error), _) => return Err(error.into()),
    };
    match wanted {
        Some(wanted) => Ok(Some(campaign_id(wanted, &campaigns)?)),
        None => Ok(only(&campaigns)),
    }
}

fn only(campaigns: &[CampaignSummary]) -> Option<Id> {
    if let [only] = campaigns { Some(only.id.clone()) } else { None }
}
