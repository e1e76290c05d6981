//! A domain over a seeded database, without a server around it.

use scry_protocol::Id;
use scry_server::auth::AuthService;
use scry_server::config::{Argon2Config, ServerConfig};
use scry_server::db::Db;
use scry_server::domain::{Caller, Domain, FieldMap};
use scry_server::{AppState, seed};
use scry_world::World;
use sqlx::Row;

/// A domain over a seeded database, and the owner of its campaign.
pub struct DomainFixture {
    /// The domain.
    pub domain: Domain,
    /// Logins.
    pub auth: AuthService,
    /// The state around both.
    pub core: AppState,
    /// The game master.
    pub gm: Caller,
    _dir: tempfile::TempDir,
}

impl DomainFixture {
    /// Seeds a database and opens it.
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(dir.path());
        config.auth.argon2 = Argon2Config { memory_kib: 8, iterations: 1, parallelism: 1 };
        crate::database::choose(&mut config).await;
        seed(&config, &World::bundled()).await.unwrap();
        let core = AppState::open(config).await.unwrap();
        let gm = Caller {
            user_id: id(&core.db, "SELECT id FROM users WHERE username = 'gm'").await,
            name: "gm".to_owned(),
            correlation_id: "test".to_owned(),
        };
        Self { domain: Domain::new(core.clone()), auth: AuthService::new(core.clone()).unwrap(), core, gm, _dir: dir }
    }

    /// Returns the id of the campaign Emberfall.
    pub async fn campaign(&self) -> Id {
        id(&self.core.db, "SELECT id FROM entities WHERE kind = 'campaign' AND name = 'Emberfall'").await
    }

    /// Returns the id of the settlement Cinderford.
    pub async fn settlement(&self) -> Id {
        id(&self.core.db, "SELECT id FROM entities WHERE kind = 'settlement' AND name = 'Cinderford'").await
    }
}

/// Returns the id that a query finds first.
pub async fn id(db: &Db, query: &'static str) -> Id {
    let row = sqlx::query(query).fetch_one(&db.reader).await.unwrap();
    Id::parse(row.get::<&str, _>(0)).unwrap()
}

/// Returns the fields of a request.
pub fn fields(value: serde_json::Value) -> FieldMap {
    value.as_object().cloned().unwrap()
}
