//! What one was told, and what one wants to be told: `scry get` and `scry update` of notifications and preferences.

use scry_client::api::Api;
use scry_command::exit::Exit;
use scry_protocol::Id;
use serde_json::{Value, json};

use super::edit;
use super::error::CliError;

/// The word for every notification.
const ALL_NOTIFICATIONS: &str = "all";

/// Returns notifications, the newest first, or the one with an id.
///
/// # Errors
/// [`CliError`] when there is none with that id, or the server cannot be asked.
pub(super) async fn notifications(api: &Api, id: Option<&str>, unread: bool) -> Result<Vec<Value>, CliError> {
    let mut found = api.notifications(unread).await?;
    if let Some(id) = id.filter(|id| *id != ALL_NOTIFICATIONS) {
        found.retain(|notification| notification.told.id.as_str() == id);
        if found.is_empty() {
            return Err(CliError::Usage(format!("no notification {id} among your latest")));
        }
    }
    Ok(found.iter().map(|notification| json!(notification)).collect())
}

/// Marks one notification, or all of them, as read.
///
/// # Errors
/// [`CliError`] when something else was asked for, or the server refuses it.
pub(super) async fn mark(api: &Api, id: Option<&str>, set: &[String]) -> Result<Exit, CliError> {
    if set != ["read=true"] {
        return Err(CliError::Usage("of a notification only this can be set: --set read=true".to_owned()));
    }
    let marked = match id {
        None => {
            let sentence = "which notification? write its id, or all: scry update notification ID|all --set read=true";
            return Err(CliError::Usage(sentence.to_owned()));
        }
        Some(ALL_NOTIFICATIONS) => json!({"marked": api.mark_all_read().await?}),
        Some(id) => {
            let id = Id::parse(id).map_err(|error| CliError::Usage(format!("{id}: {error}")))?;
            json!(api.mark_read(&id).await?)
        }
    };
    edit::print_json([marked])
}

/// Returns what one is told at once.
///
/// # Errors
/// [`CliError`] when the server cannot be asked.
pub(super) async fn preferences(api: &Api) -> Result<Vec<Value>, CliError> {
    Ok(vec![json!(api.preferences().await?)])
}

/// Chooses what one is told at once: `levels` and `kinds`, each a list with commas; what is not named stays.
///
/// # Errors
/// [`CliError`] when something else was asked for, or the server knows no such level or kind.
pub(super) async fn choose(api: &Api, set: &[String]) -> Result<Exit, CliError> {
    let (mut levels, mut kinds) = (None, None);
    for assignment in set {
        match assignment.split_once('=') {
            Some(("levels", list)) => levels = Some(words(list)),
            Some(("kinds", list)) => kinds = Some(words(list)),
            _ => {
                let sentence = format!(
                    "--set {assignment}: of preferences write levels=info,success,warning,error or \
                     kinds=message,conflict,rule,invitation, with those you want"
                );
                return Err(CliError::Usage(sentence));
            }
        }
    }
    edit::print_json([json!(api.choose(levels, kinds).await?)])
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
