//! Wake-ups that are never lost and never pile up.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A set of what is due, for one task that is notified and takes it; clones share the set.
#[derive(Debug)]
pub struct NotifySet<T>(Arc<NotifySetInner<T>>);

#[derive(Debug)]
struct NotifySetInner<T> {
    due: Mutex<HashSet<T>>,
    notify: Notify,
}

impl<T> Clone for NotifySet<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for NotifySet<T> {
    fn default() -> Self {
        Self(Arc::new(NotifySetInner { due: Mutex::new(HashSet::new()), notify: Notify::new() }))
    }
}

impl<T: Eq + Hash> NotifySet<T> {
    /// Adds something that is due.
    pub fn add(&self, item: T) {
        self.0.due.lock().unwrap_or_else(PoisonError::into_inner).insert(item);
        self.0.notify.notify_one();
    }

    /// Takes all that is due as soon as something is; nothing is lost if the wait is broken off.
    pub async fn take(&self) -> HashSet<T> {
        loop {
            let due = std::mem::take(&mut *self.0.due.lock().unwrap_or_else(PoisonError::into_inner));
            if !due.is_empty() {
                return due;
            }
            self.0.notify.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn item_added_twice_is_taken_once() {
        let set = NotifySet::default();
        set.add(1);
        set.add(2);
        set.add(1);
        assert_eq!(set.take().await, HashSet::from([1, 2]));
        assert!(tokio::time::timeout(Duration::from_millis(1), set.take()).await.is_err());
        set.add(3);
        assert_eq!(set.clone().take().await, HashSet::from([3]), "a broken off wait takes nothing along");
    }
}
