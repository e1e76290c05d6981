//! Notifications: the list, what was read, and what is told at once.

use scry_model::event::{Notification, NotificationInbox, PushPreferences};
use scry_protocol::Id;
use serde_json::{Value, json};

use super::Api;
use crate::error::ApiError;

impl Api {
    /// Returns the caller's latest notifications, and their preferences where the server keeps some.
    ///
    /// # Errors
    /// [`ApiError`], as for every question; [`ApiError::NotOffered`] where there are no notifications.
    pub async fn inbox(&self) -> Result<NotificationInbox, ApiError> {
        let notifications = self.notifications(false).await?;
        let preferences = match self.preferences().await {
            Ok(preferences) => Some(preferences),
            Err(ApiError::NotOffered { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(NotificationInbox { notifications, preferences })
    }

    /// Lists the caller's latest notifications, the newest first; only those not read yet, if so asked.
    ///
    /// # Errors
    /// [`ApiError`], as for every question; [`ApiError::NotOffered`] where there are no notifications.
    pub async fn notifications(&self, unread: bool) -> Result<Vec<Notification>, ApiError> {
        let query = |fields: &str| {
            format!(
                "query ($unread: Boolean!) {{ notifications(unread: $unread) {{ id title body level kind {fields} }} }}"
            )
        };
        let whole = query("createdAt read entityType entityId");
        match self.query(&whole, json!({"unread": unread}), "notifications").await {
            // Other servers do not say what a notification is about.
            Err(ApiError::NotOffered { .. }) => {
                self.query(&query("createdAt read"), json!({"unread": unread}), "notifications").await
            }
            told => told,
        }
    }

    /// Returns what the caller is told at once.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn preferences(&self) -> Result<PushPreferences, ApiError> {
        self.query("{ notificationPreferences { levels kinds } }", json!({}), "notificationPreferences").await
    }

    /// Marks a notification as read and returns it.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn mark_read(&self, id: &Id) -> Result<Notification, ApiError> {
        let query = "mutation ($id: ID!) { result: markNotificationRead(id: $id) \
                     { id title body level kind createdAt read } }";
        self.query(query, json!({"id": id}), "result").await
    }

    /// Marks every notification as read; returns how many were not.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn mark_all_read(&self) -> Result<u64, ApiError> {
        self.query("mutation { result: markAllNotificationsRead }", json!({}), "result").await
    }

    /// Chooses what the caller is told at once, and returns what holds now; what is left out stays as it is.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn choose(
        &self,
        levels: Option<Vec<String>>,
        kinds: Option<Vec<String>>,
    ) -> Result<PushPreferences, ApiError> {
        let query = "mutation ($levels: [String!], $kinds: [String!]) { \
                     result: setNotificationPreferences(levels: $levels, kinds: $kinds) { levels kinds } }";
        // A variable that is not there leaves the choice alone; null would be one.
        let chosen = [("levels", levels), ("kinds", kinds)].into_iter();
        let variables = chosen.filter_map(|(name, words)| Some((name.to_owned(), json!(words?)))).collect();
        self.query(query, Value::Object(variables), "result").await
    }

    /// Sets the levels and the kinds that the caller wants at once, both of them.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn set_preferences(&self, wanted: &PushPreferences) -> Result<PushPreferences, ApiError> {
        self.choose(Some(wanted.levels.clone()), Some(wanted.kinds.clone())).await
    }
}
