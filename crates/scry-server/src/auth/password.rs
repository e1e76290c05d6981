//! Passwords: Argon2id, off the async threads, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::config::Argon2Config;

/// How many hashes may run side by side: each takes its full memory.
const MAX_PARALLEL_HASHES: usize = 4;

/// Hashes and verifies passwords; clones share their places in the queue.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    /// Verified when there is no such user, so that the answer takes as long as for a wrong password.
    decoy: Arc<str>,
    permits: Arc<Semaphore>,
    /// How many hashes have been computed.
    computed: Arc<AtomicU64>,
}

/// Says that a password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The configured costs are impossible.
    #[error("argon2: {0}; use values such as memory 19456 KiB, 2 iterations, parallelism 1")]
    Params(argon2::Error),
    /// The hash failed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

impl Passwords {
    /// Builds a hasher with the given costs.
    ///
    /// # Errors
    /// [`PasswordError`] when Argon2 does not take them.
    pub fn new(config: Argon2Config) -> Result<Self, PasswordError> {
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None)
            .map_err(PasswordError::Params)?;
        let decoy = hash(&params, "the password of nobody")?.into();
        Ok(Self { params, decoy, permits: Arc::new(Semaphore::new(MAX_PARALLEL_HASHES)), computed: Arc::default() })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`PasswordError::Hash`] when there is no randomness or no memory.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let params = self.params.clone();
        self.run(move || hash(&params, &password)).await?
    }

    /// Verifies a password against a stored hash; without one, or with one that no password has, it takes as long and
    /// fails.
    ///
    /// # Errors
    /// [`PasswordError::Hash`] when the work could not be done.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, PasswordError> {
        let (params, decoy, computed) = (self.params.clone(), Arc::clone(&self.decoy), Arc::clone(&self.computed));
        self.run(move || {
            let stored = stored.as_deref().and_then(|stored| PasswordHash::new(stored).ok());
            let Some(hash) = stored.clone().or_else(|| PasswordHash::new(&decoy).ok()) else { return false };
            computed.fetch_add(1, Ordering::Relaxed);
            argon2(&params).verify_password(password.as_bytes(), &hash).is_ok() && stored.is_some()
        })
        .await
    }

    /// Returns how many hashes have been computed for passwords that were to be verified.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let failed = |error: &dyn std::fmt::Display| PasswordError::Hash(error.to_string());
        let _permit = self.permits.acquire().await.map_err(|error| failed(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))
    }
}

fn argon2(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash(params: &Params, password: &str) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        argon2(params).hash_password(password.as_bytes()).map_err(|error| PasswordError::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST_CONFIG: Argon2Config = Argon2Config { memory_kib: 8, iterations: 1, parallelism: 1 };

    #[tokio::test]
    async fn only_the_right_password_of_a_user_who_exists_passes() {
        let passwords = Passwords::new(FAST_CONFIG).unwrap();
        let stored = passwords.hash("emberfall".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(passwords.verify("emberfall".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("Emberfall".to_owned(), Some(stored)).await.unwrap());
        assert!(!passwords.verify("the password of nobody".to_owned(), None).await.unwrap());
        assert!(!passwords.verify("the password of nobody".to_owned(), Some(String::new())).await.unwrap());
        assert_eq!(passwords.computed(), 4, "there is as much to do, whatever is stored");
    }

    #[tokio::test]
    async fn hash_that_stands_for_no_user_costs_as_much_as_that_of_a_user() {
        let passwords = Passwords::new(Argon2Config { memory_kib: 64, iterations: 3, parallelism: 2 }).unwrap();
        let stored = passwords.hash("emberfall".to_owned()).await.unwrap();
        let costs = |hash: &str| hash.split('$').nth(3).unwrap().to_owned();
        assert_eq!(costs(&passwords.decoy), costs(&stored));
        assert!(costs(&stored).starts_with("m=64,t=3,p=2"), "{stored}");
    }

    #[test]
    fn impossible_costs_are_refused() {
        assert!(Passwords::new(Argon2Config { memory_kib: 1, ..FAST_CONFIG }).is_err());
    }
}
