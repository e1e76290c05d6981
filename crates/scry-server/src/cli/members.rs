//! Who is a member of which campaign, as the operator says.

use scry_protocol::{Id, Role};
use sqlx::Row;

use super::ServerCliError;
use super::args::MemberCommand;
use super::commands::print_line;
use super::users::{database_error, find};
use crate::AppState;
use crate::access::parse_id;
use crate::config::ServerConfig;
use crate::db::DbError;
use crate::domain::{Caller, Domain, DomainError};

/// Adds or lists members of a campaign.
pub(super) async fn run(config: ServerConfig, command: MemberCommand) -> Result<(), ServerCliError> {
    let state = AppState::open(config).await?;
    let done = match command {
        MemberCommand::Add { campaign, user, role } => add(&state, &campaign, &user, &role).await,
        MemberCommand::List { campaign } => list(&state, &campaign).await,
    };
    state.db.close().await;
    done
}

async fn add(state: &AppState, campaign: &str, name: &str, role: &str) -> Result<(), ServerCliError> {
    let role: Role = role
        .to_uppercase()
        .parse()
        .map_err(|_| ServerCliError::Usage("--role: must be OWNER, EDITOR or VIEWER".to_owned()))?;
    let campaign = campaign_id(state, campaign).await?;
    let user = find(&state.db, name).await?;
    let correlation_id = uuid::Uuid::now_v7().to_string();
    let member = Caller { user_id: user.id, name: user.username, correlation_id };
    Domain::new(state.clone()).enrol(&member, &campaign, role).await.map_err(to_cli_error)?;
    print_line(&format!("{name} is a member with the role {}", role.as_str().to_lowercase()))
}

async fn list(state: &AppState, campaign: &str) -> Result<(), ServerCliError> {
    let campaign = campaign_id(state, campaign).await?;
    let rows = sqlx::query(
        "SELECT u.username, m.role FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.campaign_id = $1 ORDER BY u.username",
    )
    .bind(campaign.as_str())
    .fetch_all(&state.db.reader)
    .await
    .map_err(|error| database_error(error.into()))?;
    rows.iter().try_for_each(|row| {
        let (name, role): (String, String) = (
            row.try_get(0).map_err(|e| database_error(e.into()))?,
            row.try_get(1).map_err(|e| database_error(e.into()))?,
        );
        print_line(&format!("{name} {role}"))
    })
}

/// Finds a campaign by its id, or by its name where only one has it.
async fn campaign_id(state: &AppState, wanted: &str) -> Result<Id, ServerCliError> {
    let rows = sqlx::query("SELECT id FROM entities WHERE kind = 'campaign' AND (id = $1 OR name = $1) ORDER BY id")
        .bind(wanted)
        .fetch_all(&state.db.reader)
        .await
        .map_err(|error| database_error(error.into()))?;
    let ids = rows
        .iter()
        .map(|row| parse_id(row.try_get(0)?))
        .collect::<Result<Vec<_>, DbError>>()
        .map_err(database_error)?;
    match ids.as_slice() {
        [] => Err(ServerCliError::Failed(format!("there is no campaign {wanted}"))),
        [id] => Ok(id.clone()),
        [_, ..] => {
            let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
            Err(ServerCliError::Failed(format!(
                "several campaigns are named {wanted}; write an id: {}",
                ids.join(", ")
            )))
        }
    }
}

fn to_cli_error(error: DomainError) -> ServerCliError {
    if let DomainError::Database(cause) = error {
        database_error(cause)
    } else {
        ServerCliError::Failed(error.to_string())
    }
}
