//! Who is a member of which campaign, as the operator says.

use scry_protocol::{Id, Role};
use sqlx::Row;

use super::CliError;
use super::args::MemberCommand;
use super::commands::say;
use super::users::{failed, find};
use crate::Core;
use crate::access::parse_id;
use crate::config::ServerConfig;
use crate::db::DbError;
use crate::domain::{Caller, Domain, DomainError};

/// Adds or lists members of a campaign.
pub(super) async fn run(config: ServerConfig, command: MemberCommand) -> Result<(), CliError> {
    let core = Core::open(config).await?;
    let done = match command {
        MemberCommand::Add { campaign, user, role } => add(&core, &campaign, &user, &role).await,
        MemberCommand::List { campaign } => list(&core, &campaign).await,
    };
    core.db.close().await;
    done
}

async fn add(core: &Core, campaign: &str, name: &str, role: &str) -> Result<(), CliError> {
    let role: Role = role
        .to_uppercase()
        .parse()
        .map_err(|_| CliError::Usage("--role: must be OWNER, EDITOR or VIEWER".to_owned()))?;
    let campaign = campaign_id(core, campaign).await?;
    let user = find(&core.db, name).await?;
    let correlation_id = uuid::Uuid::now_v7().to_string();
    let member = Caller { user_id: user.id, name: user.username, correlation_id };
    Domain::new(core.clone()).enrol(&member, &campaign, role).await.map_err(refused)?;
    say(&format!("{name} is a member with the role {}", role.as_str().to_lowercase()))
}

async fn list(core: &Core, campaign: &str) -> Result<(), CliError> {
    let campaign = campaign_id(core, campaign).await?;
    let rows = sqlx::query(
        "SELECT u.username, m.role FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.campaign_id = $1 ORDER BY u.username",
    )
    .bind(campaign.as_str())
    .fetch_all(&core.db.reader)
    .await
    .map_err(|error| failed(error.into()))?;
    rows.iter().try_for_each(|row| {
        let (name, role): (String, String) =
            (row.try_get(0).map_err(|e| failed(e.into()))?, row.try_get(1).map_err(|e| failed(e.into()))?);
        say(&format!("{name} {role}"))
    })
}

/// Finds a campaign by its id, or by its name where only one has it.
async fn campaign_id(core: &Core, wanted: &str) -> Result<Id, CliError> {
    let rows = sqlx::query("SELECT id FROM entities WHERE kind = 'campaign' AND (id = $1 OR name = $1) ORDER BY id")
        .bind(wanted)
        .fetch_all(&core.db.reader)
        .await
        .map_err(|error| failed(error.into()))?;
    let ids = rows.iter().map(|row| parse_id(row.try_get(0)?)).collect::<Result<Vec<_>, DbError>>().map_err(failed)?;
    match ids.as_slice() {
        [] => Err(CliError::Failed(format!("there is no campaign {wanted}"))),
        [id] => Ok(id.clone()),
        [_, ..] => {
            let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
            Err(CliError::Failed(format!("several campaigns are named {wanted}; write an id: {}", ids.join(", "))))
        }
    }
}

fn refused(error: DomainError) -> CliError {
    if let DomainError::Database(cause) = error { failed(cause) } else { CliError::Failed(error.to_string()) }
}
