//! `scry invitations`: those to oneself, those to one's campaigns, and whom one blocks.

use scry_client::api::Api;
use scry_command::exit::Exit;
use scry_protocol::Id;
use scry_text as text;
use serde_json::{Value, json};

use super::args::{EntityArg, InvitationAction};
use super::context::CliContext;
use super::error::CliError;
use super::find::{EntityFinder, id_of};
use super::{context, edit};

/// Carries out an action, or lists the invitations to the caller, and prints what came of it.
///
/// # Errors
/// [`CliError`] when there is no such invitation, or the server refuses it.
pub(super) async fn run(context: &CliContext, action: Option<InvitationAction>) -> Result<Exit, CliError> {
    let api = context.api()?;
    let found = match action.unwrap_or(InvitationAction::List { campaign: None }) {
        InvitationAction::List { campaign: None } => api.invitations().await?,
        InvitationAction::List { campaign: Some(campaign) } => {
            let campaign = EntityFinder::new(context, &api, None).one(EntityArg::Campaign, &campaign).await?;
            api.campaign_invitations(&id_of(&campaign)?).await?
        }
        InvitationAction::Accept { invitation } => {
            let (id, campaign) = find(&api, &invitation).await?;
            let member = api.accept_invitation(&id).await?;
            context::say(&format!("you are now a member of {campaign}"));
            vec![member]
        }
        InvitationAction::Decline { invitation } => {
            let (id, campaign) = find(&api, &invitation).await?;
            let declined = api.decline_invitation(&id).await?;
            context::say(&format!("declined the invitation to {campaign}"));
            vec![declined]
        }
        InvitationAction::Withdraw { invitation } => vec![api.withdraw_invitation(&id(&invitation)?).await?],
        InvitationAction::Block { user } => vec![api.block_inviter(&user).await?],
        InvitationAction::Unblock { user } => {
            api.unblock_inviter(&user).await?;
            vec![json!({"unblocked": user})]
        }
        InvitationAction::Blocked => api.blocked_inviters().await?,
    };
    edit::print_json(found)
}

/// Finds an invitation to the caller by its id or by its campaign's name; returns its id and that name.
async fn find(api: &Api, wanted: &str) -> Result<(Id, String), CliError> {
    let open = api.invitations().await?;
    let fits = |invitation: &&Value| invitation["id"] == wanted || invitation["campaignName"] == wanted;
    let found: Vec<&Value> = open.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => {
            let text = |field: &str| one[field].as_str().unwrap_or_default();
            Ok((id(text("id"))?, text::line(text("campaignName")).into_owned()))
        }
        [] => Err(CliError::Usage(format!("no open invitation {wanted} to you; `scry invitations` lists them"))),
        [_, ..] => {
            let ids: Vec<&str> = found.iter().filter_map(|invitation| invitation["id"].as_str()).collect();
            Err(CliError::Usage(format!("several invitations to {wanted}; write an id: {}", ids.join(", "))))
        }
    }
}

fn id(text: &str) -> Result<Id, CliError> {
    Id::parse(text).map_err(|error| CliError::Usage(format!("{text}: {error}")))
}
