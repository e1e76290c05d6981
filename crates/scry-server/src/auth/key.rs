//! The key that signs access tokens, and the directory that keeps it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use scry_config::files;

use crate::config::ServerConfig;
use crate::db::is_shared;
use crate::error::ServerError;
use crate::permissions;

const KEY_FILE: &str = "jwt.key";
const KEY_BYTES: usize = 32;
/// A shorter key could be guessed; HS256 wants as many bytes as its digest has.
const MIN_SECRET_BYTES: usize = 32;

/// Creates the data directory, closed to others, if it is not there; warns of what others can read in one that is.
pub(crate) fn prepare_data_dir(path: &Path) -> Result<(), ServerError> {
    files::create_private_dir(path).map_err(|source| ServerError::DataDir { path: path.to_owned(), source })?;
    permissions::warn_of_directory(path);
    Ok(())
}

/// Refuses a key that others can read or write: whoever has it can act as anybody.
fn check_key_mode(path: &Path, file: &File) -> Result<(), ServerError> {
    let metadata = file.metadata().map_err(|source| ServerError::DataDir { path: path.to_owned(), source })?;
    let Some(mode) = permissions::shared_mode(&metadata) else { return Ok(()) };
    let shown = path.display();
    Err(ServerError::Config(format!(
        "{shown} can be used by others than its owner (mode {mode:04o}), who may have read the key that signs access tokens: delete it to create a new one, which ends all logins, or run `chmod 600 {shown}` if nobody else had access"
    )))
}

/// Returns the signing key: the one that is set, else the generated one in the data directory.
pub(crate) fn signing_key(config: &ServerConfig) -> Result<Vec<u8>, ServerError> {
    if let Some(secret) = &config.auth.jwt_secret {
        let secret = secret.expose().trim();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(ServerError::Config(format!(
                "jwt_secret is too short: give at least {MIN_SECRET_BYTES} characters, for example from `openssl rand -hex 32`"
            )));
        }
        return Ok(secret.as_bytes().to_vec());
    }
    if is_shared(config) {
        return Err(ServerError::Config(
            "jwt_secret is needed with Postgres, the same on every node: set SCRY_SERVER_JWT_SECRET or jwt_secret_file, \
             for example to what `openssl rand -hex 32` prints"
                .to_owned(),
        ));
    }
    let path = config.data_dir.join(KEY_FILE);
    read_or_create(&path)
}

fn read_or_create(path: &Path) -> Result<Vec<u8>, ServerError> {
    let failed = |source| ServerError::DataDir { path: path.to_owned(), source };
    match File::open(path) {
        Ok(mut file) => {
            check_key_mode(path, &file)?;
            let mut key = Vec::with_capacity(KEY_BYTES);
            file.read_to_end(&mut key).map_err(failed)?;
            let incomplete = || io::Error::new(io::ErrorKind::InvalidData, "the signing key is incomplete, delete it");
            if key.len() >= KEY_BYTES { Ok(key) } else { Err(failed(incomplete())) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

/// Makes a new key. A second start at the same time gets the first one's, and nobody reads half of one.
fn create(path: &Path) -> io::Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::from)?;
    let is_ours = files::create_private(path, |file| file.write_all(&key))?;
    if is_ours { Ok(key) } else { std::fs::read(path) }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::ConfigSecret;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn key_that_others_can_use_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let config = ServerConfig::new(dir.path());
        let key = signing_key(&config).unwrap();
        let path = dir.path().join(KEY_FILE);
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644] {
            set_mode(&path, mode);
            let refused = signing_key(&config).unwrap_err();
            assert_eq!(refused.exit_code(), 2);
            assert!(refused.to_string().contains(&format!("mode {mode:04o}")), "{refused}");
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        set_mode(&path, 0o400);
        assert_eq!(signing_key(&config).unwrap(), key);
    }

    #[test]
    fn a_key_is_made_once_and_belongs_to_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let config = ServerConfig::new(dir.path());
        let first = signing_key(&config).unwrap();
        assert_eq!(signing_key(&config).unwrap(), first);
        assert_eq!(std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the draft is gone");
    }

    #[test]
    fn nodes_that_share_a_database_are_given_one_key() {
        let mut config = ServerConfig::new("/nowhere");
        config.database = Some("postgres://db/scry".to_owned());
        let refused = signing_key(&config).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.to_string().contains("SCRY_SERVER_JWT_SECRET"), "{refused}");
    }

    #[test]
    fn a_guessable_secret_is_refused() {
        let mut config = ServerConfig::new("/nowhere");
        config.auth.jwt_secret = Some(ConfigSecret::new("hunter2"));
        assert_eq!(signing_key(&config).unwrap_err().exit_code(), 2);
    }
}
