//! Wake-ups that are never lost and never pile up.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Collects what is due, each thing once, for one task that takes it; clones share the collection.
#[derive(Debug)]
pub struct Wakes<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    due: Mutex<HashSet<T>>,
    bell: Notify,
}

impl<T> Clone for Wakes<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Wakes<T> {
    fn default() -> Self {
        Self(Arc::new(Inner { due: Mutex::new(HashSet::new()), bell: Notify::new() }))
    }
}

impl<T: Eq + Hash> Wakes<T> {
    /// Adds something that is due.
    pub fn add(&self, item: T) {
        self.0.due.lock().unwrap_or_else(PoisonError::into_inner).insert(item);
        self.0.bell.notify_one();
    }

    /// Takes all that is due as soon as something is; nothing is lost if the wait is broken off.
    pub async fn take(&self) -> HashSet<T> {
        loop {
            let due = std::mem::take(&mut *self.0.due.lock().unwrap_or_else(PoisonError::into_inner));
            if !due.is_empty() {
                return due;
            }
            self.0.bell.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_added_twice_is_taken_once() {
        let wakes = Wakes::default();
        wakes.add(1);
        wakes.add(2);
        wakes.add(1);
        assert_eq!(wakes.take().await, HashSet::from([1, 2]));
        assert!(tokio::time::timeout(Duration::from_millis(1), wakes.take()).await.is_err());
        wakes.add(3);
        assert_eq!(wakes.clone().take().await, HashSet::from([3]), "a broken off wait takes nothing along");
    }
}
