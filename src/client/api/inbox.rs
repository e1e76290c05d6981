//! Notifications: the list, what was read, and what is told at once.

use serde_json::json;

use super::Api;
use crate::client::error::ApiError;
use crate::client::event::{Inbox, Notification, Preferences};
use crate::protocol::Id;

impl Api {
    /// Returns the caller's latest notifications, and their preferences where the server keeps some.
    ///
    /// # Errors
    /// [`ApiError`], as for every question; [`ApiError::NotOffered`] where there are no notifications.
    pub async fn inbox(&self) -> Result<Inbox, ApiError> {
        let query = "{ notifications { id title body level createdAt read } }";
        let notifications: Vec<Notification> = self.ask(query, json!({}), "notifications").await?;
        let query = "{ notificationPreferences { levels kinds } }";
        let preferences: Option<Preferences> = match self.ask(query, json!({}), "notificationPreferences").await {
            Ok(preferences) => Some(preferences),
            Err(ApiError::NotOffered { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Inbox { notifications, preferences })
    }

    /// Marks a notification as read.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn mark_read(&self, id: &Id) -> Result<(), ApiError> {
        let query = "mutation ($id: ID!) { markNotificationRead(id: $id) { id } }";
        self.graphql(query, json!({"id": id})).await.map(|_| ())
    }

    /// Marks every notification as read.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn mark_all_read(&self) -> Result<(), ApiError> {
        self.graphql("mutation { markAllNotificationsRead }", json!({})).await.map(|_| ())
    }

    /// Chooses what the caller is told at once, and returns what holds now.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn set_preferences(&self, wanted: &Preferences) -> Result<Preferences, ApiError> {
        let query = "mutation ($levels: [String!], $kinds: [String!]) { \
                     result: setNotificationPreferences(levels: $levels, kinds: $kinds) { levels kinds } }";
        self.ask(query, json!({"levels": wanted.levels, "kinds": wanted.kinds}), "result").await
    }
}
