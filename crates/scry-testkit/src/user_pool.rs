//! More users than the bundled world has, written straight into a server's database.

use scry_protocol::Id;
use scry_server::AppState;
use scry_server::auth::sessions;
use scry_server::clock::now;
use scry_server::config::ServerConfig;
use scry_server::db::{DbError, Tx};

/// One user with an access token.
#[derive(Debug, Clone)]
pub struct TestUser {
    /// The user's id.
    pub id: String,
    /// The access token.
    pub token: String,
}

/// Adds `count` users as members of a campaign, with a role, and logs them in.
pub async fn add_members(config: &ServerConfig, campaign: &str, role: &str, count: usize) -> Vec<TestUser> {
    let core = AppState::open(config.clone()).await.unwrap();
    let add = async |tx: &mut Tx| {
        let mut people = Vec::new();
        for number in 0..count {
            let id = format!("{}-{number}", role.to_lowercase());
            let sid = format!("session-of-{id}");
            let rows = [
                format!(
                    "INSERT INTO users (id, username, password_hash, is_service, created_at) VALUES ('{id}', '{id}', '', 0, '')"
                ),
                format!("INSERT INTO sessions (id, user_id, created_ms) VALUES ('{sid}', '{id}', 0)"),
                format!("INSERT INTO memberships VALUES ('{id}-m', '{campaign}', '{id}', '{role}', 1, '', '')"),
            ];
            for row in rows {
                sqlx::query(sqlx::AssertSqlSafe(row)).execute(&mut **tx).await?;
            }
            let parse = |text: &str| Id::parse(text).unwrap();
            let (token, _) = core.tokens.issue(&parse(&id), &id, &parse(&sid), now()).unwrap();
            people.push(TestUser { id, token });
        }
        Ok::<_, DbError>(people)
    };
    let people = core.db.write(add).await.unwrap();
    core.db.close().await;
    people
}

/// Returns a bundled campaign's id, then its members; each pair holds an id and, for a member, an access token.
pub async fn members(core: &AppState, campaign: &str) -> Vec<(String, String)> {
    let query = "SELECT campaign_id FROM entities WHERE kind = 'campaign' AND name = $1";
    let row = sqlx::query(query).bind(campaign).fetch_one(&core.db.reader).await.unwrap();
    let campaign: String = sqlx::Row::try_get(&row, 0).unwrap();
    let query = "SELECT user_id FROM memberships WHERE campaign_id = $1 ORDER BY user_id";
    let rows = sqlx::query(query).bind(campaign.as_str()).fetch_all(&core.db.reader).await.unwrap();
    let mut found = vec![(campaign, String::new())];
    for row in rows {
        let user: String = sqlx::Row::try_get(&row, 0).unwrap();
        let id = Id::parse(&user).unwrap();
        let session = session_of(core, &id).await;
        let (token, _) = core.tokens.issue(&id, &user, &session, now()).unwrap();
        found.push((user, token));
    }
    found
}

/// Opens a session of a user, as a login does.
pub async fn session_of(core: &AppState, user: &Id) -> Id {
    let session = Id::from(uuid::Uuid::now_v7());
    let (opened, expires) = (now().as_millisecond(), now().as_millisecond() + 3_600_000);
    let open = async |tx: &mut Tx| sessions::open_printed(tx, &session, user, opened, expires).await;
    core.db.write(open).await.unwrap();
    session
}
