//! Members, whom a campaign's entities do not have in common with the rest: `scry create|update|delete member`, and
//! `scry notify`.

use scry_client::api::Api;
use scry_command::exit::Exit;
use scry_protocol::{Id, Role};
use serde_json::{Map, Value, json};

use super::args::{EntityArg, NotifyArgs};
use super::context::{self, CliContext};
use super::edit;
use super::error::CliError;
use super::find::EntityFinder;

/// Invites a user, as `--set campaignId=… --set userId=… --set role=…` say; the campaign is an id by now.
///
/// # Errors
/// [`CliError`] when one of them is missing, or the server refuses it.
pub(super) async fn add(api: &Api, input: &Map<String, Value>) -> Result<Value, CliError> {
    let campaign = Id::parse(text(input, "campaignId")?).map_err(|error| CliError::Usage(error.to_string()))?;
    let invitation = api.invite(&campaign, text(input, "userId")?, role(input)?).await?;
    let line = |field: &str| scry_text::line(invitation[field].as_str().unwrap_or_default()).into_owned();
    let (invitee, name) = (line("invitee"), line("campaignName"));
    context::say(&format!(
        "{invitee} was invited to {name}, and becomes a member by accepting: scry invitations accept"
    ));
    Ok(invitation)
}

/// Gives a member the role that `--set role=…` says.
///
/// # Errors
/// [`CliError`] when it is no role, or the server refuses it.
pub(super) async fn change(api: &Api, member: &Value, input: &Map<String, Value>) -> Result<Value, CliError> {
    let (campaign, user) = ids(member)?;
    Ok(api.set_role(&campaign, &user, role(input)?).await?)
}

/// Ends a membership.
///
/// # Errors
/// [`CliError`] when the server refuses it.
pub(super) async fn remove(api: &Api, member: &Value) -> Result<(), CliError> {
    let (campaign, user) = ids(member)?;
    Ok(api.remove_member(&campaign, &user).await?)
}

/// Tells something to users and prints how many were told.
///
/// # Errors
/// [`CliError`] when one is no member of a campaign of the caller's, or the server refuses it.
pub(super) async fn notify(context: &CliContext, args: &NotifyArgs) -> Result<Exit, CliError> {
    let api = context.api()?;
    let finder = EntityFinder::new(context, &api, args.campaign.as_deref());
    let mut users = Vec::new();
    for wanted in &args.users {
        let member = finder.one(EntityArg::Member, wanted).await?;
        users.push(ids(&member)?.1);
    }
    let told = api.notify(&users, &args.title, &args.body, &args.level).await?;
    edit::print_json([json!({"notified": told})])
}

fn ids(member: &Value) -> Result<(Id, Id), CliError> {
    let id = |field: &str| member[field].as_str().and_then(|id| Id::parse(id).ok());
    let both = id("campaignId").zip(id("userId"));
    both.ok_or_else(|| CliError::Internal("the server sent a member without a user".to_owned()))
}

fn text<'a>(input: &'a Map<String, Value>, field: &str) -> Result<&'a str, CliError> {
    let value = input.get(field).and_then(Value::as_str);
    value.ok_or_else(|| CliError::Usage(format!("a member needs --set {field}=…")))
}

fn role(input: &Map<String, Value>) -> Result<Role, CliError> {
    let name = text(input, "role")?.to_uppercase();
    serde_json::from_value(Value::String(name))
        .map_err(|_| CliError::Usage("--set role: write OWNER, EDITOR or VIEWER".to_owned()))
}
