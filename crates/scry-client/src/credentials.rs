//! Where a login is kept: the system's keyring, or a file only its owner can read.
//!
//! A small marker file per profile and address says which of the two holds the login, so that every
//! later command finds it without being told. A lock file beside it keeps two programs from
//! refreshing the same login at the same time.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use scry_config::client::ServerAddress;
use scry_config::files;
use scry_protocol::auth::{TokenResponse, UserInfo};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// Bounds how long the system's keyring may take; without a session bus it never answers.
pub(crate) const KEYRING_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_TIMEOUT: Duration = Duration::from_secs(15);
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(25);

/// A login: the user, and the tokens that prove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLogin {
    /// The user who logged in.
    pub user: UserInfo,
    /// The access token, which is sent with every request.
    pub access: Secret,
    /// The refresh token, good for one exchange against a new pair.
    pub refresh: Secret,
    /// By the local clock.
    pub access_expires_at: Timestamp,
}

impl StoredLogin {
    /// Reads the answer to a login or refresh that arrived at `now`.
    #[must_use]
    pub(crate) fn from_response(response: TokenResponse, now: Timestamp) -> Self {
        let lifetime = Duration::from_secs(response.expires_in.min(MAX_TOKEN_LIFETIME_SECONDS));
        Self {
            user: response.user,
            access: Secret::new(response.access_token),
            refresh: Secret::new(response.refresh_token),
            access_expires_at: now.checked_add(lifetime).unwrap_or(now),
        }
    }
}

/// Keeps an absurd `expiresIn` from leaving the calendar.
const MAX_TOKEN_LIFETIME_SECONDS: u64 = 10 * 365 * 86_400;

/// A kind of place in which logins are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialStore {
    /// The keyring of the operating system.
    Keyring,
    /// A file that its owner alone can read.
    File,
}

/// The place in which a login was stored, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// The keyring of the operating system.
    Keyring,
    /// The file at this path.
    File(PathBuf),
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("the system's keyring"),
            Self::File(path) => write!(f, "{} (readable by you alone)", path.display()),
        }
    }
}

/// The reason why a login cannot be stored or found.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The keyring gave an error, or did not answer in time; this is its reason.
    #[error("the system's keyring cannot be used ({0}); run `scry login --store file` to keep the login in a file")]
    Keyring(String),
    /// A file could not be read, written or locked.
    #[error("cannot use {path}: {source}", path = path.display())]
    File {
        /// The path of that file.
        path: PathBuf,
        /// The error that the operating system gave.
        source: std::io::Error,
    },
    /// The stored data is not a login.
    #[error("{path} is damaged; run `scry login` again", path = path.display())]
    Damaged {
        /// The path of the damaged file.
        path: PathBuf,
    },
    /// Another program did not release the lock of the login in time.
    #[error("another scry has been refreshing this login for {} s; end it and try again", LOCK_TIMEOUT.as_secs())]
    Locked,
}

/// Keeps the login of one profile at one address.
#[derive(Debug, Clone)]
pub struct Credentials {
    dir: PathBuf,
    key: String,
}

/// Keeps other programs from refreshing the same login, until dropped.
#[derive(Debug)]
pub struct LoginLock(#[expect(dead_code, reason = "held, not read: closing the file releases the lock")] File);

#[derive(Serialize, Deserialize)]
struct LoginFile {
    store: CredentialStore,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<StoredLogin>,
}

impl Credentials {
    /// Points at the login for `server`; `data` is the client's data directory. Nothing is read yet.
    #[must_use]
    pub fn new(data: &Path, server: &ServerAddress) -> Self {
        Self { dir: data.join("logins"), key: server.file_name() }
    }

    /// Reads the login; `None` when nobody is logged in.
    ///
    /// # Errors
    /// [`CredentialError`] when the place that holds it cannot be read.
    pub async fn load(&self) -> Result<Option<StoredLogin>, CredentialError> {
        let Some(marker) = self.marker()? else { return Ok(None) };
        match marker.store {
            CredentialStore::File => {
                marker.login.map(Some).ok_or_else(|| CredentialError::Damaged { path: self.path() })
            }
            CredentialStore::Keyring => self.load_from_keyring().await,
        }
    }

    /// Keeps the login, in `store` or where it was kept before (at first: the keyring).
    ///
    /// # Errors
    /// [`CredentialError`] when the place cannot be written; the other place is not tried.
    pub async fn save(
        &self,
        login: &StoredLogin,
        store: Option<CredentialStore>,
    ) -> Result<StoreLocation, CredentialError> {
        let before = self.marker().ok().flatten().map(|marker| marker.store);
        let store = store.or(before).unwrap_or(CredentialStore::Keyring);
        match store {
            CredentialStore::Keyring => {
                let secret =
                    serde_json::to_string(login).map_err(|error| CredentialError::Keyring(error.to_string()))?;
                keyring(self.key.clone(), move |entry| entry.set_password(&secret)).await?;
                self.write(&LoginFile { store, login: None })?;
                Ok(StoreLocation::Keyring)
            }
            CredentialStore::File => {
                self.write(&LoginFile { store, login: Some(login.clone()) })?;
                if before == Some(CredentialStore::Keyring) {
                    // The login has moved; a keyring that is gone cannot keep an old copy of it either.
                    let _ = keyring(self.key.clone(), |entry| entry.delete_credential()).await;
                }
                Ok(StoreLocation::File(self.path()))
            }
        }
    }

    /// Forgets the login, wherever it is.
    ///
    /// # Errors
    /// [`CredentialError`] when it may still be there.
    pub async fn clear(&self) -> Result<(), CredentialError> {
        let in_keyring = self.marker().ok().flatten().is_some_and(|marker| marker.store == CredentialStore::Keyring);
        if in_keyring {
            let forget = |entry: &keyring::Entry| match entry.delete_credential() {
                Err(keyring::Error::NoEntry) => Ok(()),
                other => other,
            };
            keyring(self.key.clone(), forget).await?;
        }
        match std::fs::remove_file(self.path()) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(CredentialError::File { path: self.path(), source })
            }
            _ => Ok(()),
        }
    }

    /// Waits until no other program is refreshing this login, and keeps others from it.
    ///
    /// # Errors
    /// [`CredentialError::Locked`] after a quarter of a minute.
    pub async fn lock(&self) -> Result<LoginLock, CredentialError> {
        let path = self.dir.join(format!("{}.lock", self.key));
        let fail = |source| CredentialError::File { path: path.clone(), source };
        files::create_private_dir(&self.dir).map_err(fail)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        let taken = async {
            loop {
                match file.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL_INTERVAL).await,
                    Err(TryLockError::Error(source)) => return Err(fail(source)),
                }
            }
        };
        tokio::time::timeout(LOCK_TIMEOUT, taken).await.map_err(|_| CredentialError::Locked)??;
        Ok(LoginLock(file))
    }

    fn path(&self) -> PathBuf {
        self.dir.join(format!("{}.json", self.key))
    }

    fn marker(&self) -> Result<Option<LoginFile>, CredentialError> {
        let path = self.path();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| CredentialError::Damaged { path }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CredentialError::File { path, source }),
        }
    }

    fn write(&self, marker: &LoginFile) -> Result<(), CredentialError> {
        let path = self.path();
        let bytes = serde_json::to_vec(marker).map_err(|_| CredentialError::Damaged { path: path.clone() })?;
        files::write_private(&path, |file| file.write_all(&bytes))
            .map_err(|source| CredentialError::File { path, source })
    }

    async fn load_from_keyring(&self) -> Result<Option<StoredLogin>, CredentialError> {
        let found = keyring(self.key.clone(), |entry| match entry.get_password() {
            Err(keyring::Error::NoEntry) => Ok(None),
            other => other.map(Some),
        });
        let Some(text) = found.await? else { return Ok(None) };
        let unreadable = |_| CredentialError::Keyring("its entry is damaged".to_owned());
        serde_json::from_str(&text).map(Some).map_err(unreadable)
    }
}

async fn keyring<T: Send + 'static>(
    key: String,
    act: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, CredentialError> {
    let work = move || {
        let explain = |error: keyring::Error| error.to_string();
        if let Err(error) = keyring::Entry::store_status() {
            return Err(error.to_string());
        }
        let entry = keyring::Entry::new("scry", &key).map_err(explain)?;
        act(&entry).map_err(explain)
    };
    on_own_thread(KEYRING_TIMEOUT, work)
        .await
        .map_err(|reason| CredentialError::Keyring(scry_text::line(&reason).into_owned()))
}

/// Runs something that may hang where its hanging harms nobody.
async fn on_own_thread<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || sender.send(work()))
        .map_err(|error| error.to_string())?;
    match tokio::time::timeout(limit, receiver).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err("it failed in an unexpected way".to_owned()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}

#[cfg(test)]
mod tests;
