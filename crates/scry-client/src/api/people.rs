//! Members of campaigns, and what is told to users.

use scry_protocol::{Id, Role};
use serde_json::{Value, json};

use super::Api;
use crate::error::ApiError;

impl Api {
    /// Gives a member another role; returns the membership.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn set_role(&self, campaign: &Id, user: &Id, role: Role) -> Result<Value, ApiError> {
        let query = "mutation ($campaign: ID!, $user: ID!, $role: Role!) { result: setMemberRole(campaignId: $campaign, \
                     userId: $user, role: $role) { __typename id campaignId name version userId role } }";
        self.query(query, json!({"campaign": campaign, "user": user, "role": role}), "result").await
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn remove_member(&self, campaign: &Id, user: &Id) -> Result<(), ApiError> {
        let query =
            "mutation ($campaign: ID!, $user: ID!) { result: removeMember(campaignId: $campaign, userId: $user) }";
        self.graphql(query, json!({"campaign": campaign, "user": user})).await.map(|_| ())
    }

    /// Notifies users; returns how many.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn notify(&self, users: &[Id], title: &str, body: &str, level: &str) -> Result<u64, ApiError> {
        let query = "mutation ($users: [ID!]!, $title: String!, $body: String!, $level: String!) { \
                     result: notify(userIds: $users, title: $title, body: $body, level: $level) }";
        self.query(query, json!({"users": users, "title": title, "body": body, "level": level}), "result").await
    }
}
