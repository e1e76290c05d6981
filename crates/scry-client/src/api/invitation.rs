//! Invitations to campaigns: those to the caller, those that the caller makes, and whom the caller blocks.

use scry_protocol::{Id, Role};
use serde_json::{Value, json};

use super::Api;
use crate::error::ApiError;

/// The fields of an invitation.
const INVITATION_FIELDS: &str = "id campaignId campaignName inviterId inviterName invitee role createdAt expiresAt";

impl Api {
    /// Invites a user, named by id or name, to a campaign; returns the invitation.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn invite(&self, campaign: &Id, user: &str, role: Role) -> Result<Value, ApiError> {
        let query = format!(
            "mutation ($campaign: ID!, $user: String!, $role: Role!) {{ \
             result: addMember(campaignId: $campaign, userId: $user, role: $role) {{ __typename {INVITATION_FIELDS} }} }}"
        );
        self.query(&query, json!({"campaign": campaign, "user": user, "role": role}), "result").await
    }

    /// Lists the open invitations to the caller, the newest first.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn invitations(&self) -> Result<Vec<Value>, ApiError> {
        self.query(&format!("{{ invitations {{ {INVITATION_FIELDS} }} }}"), json!({}), "invitations").await
    }

    /// Lists the open invitations to a campaign that the caller owns, the newest first.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn campaign_invitations(&self, campaign: &Id) -> Result<Vec<Value>, ApiError> {
        let query =
            format!("query ($id: ID!) {{ result: campaignInvitations(campaignId: $id) {{ {INVITATION_FIELDS} }} }}");
        self.query(&query, json!({"id": campaign}), "result").await
    }

    /// Accepts an invitation; returns the membership.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn accept_invitation(&self, id: &Id) -> Result<Value, ApiError> {
        let query = "mutation ($id: ID!) { result: acceptInvitation(id: $id) \
                     { __typename id campaignId name version userId role } }";
        self.query(query, json!({"id": id}), "result").await
    }

    /// Declines an invitation; returns what it was.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn decline_invitation(&self, id: &Id) -> Result<Value, ApiError> {
        let query = format!("mutation ($id: ID!) {{ result: declineInvitation(id: $id) {{ {INVITATION_FIELDS} }} }}");
        self.query(&query, json!({"id": id}), "result").await
    }

    /// Withdraws an invitation to a campaign that the caller owns; returns what it was.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn withdraw_invitation(&self, id: &Id) -> Result<Value, ApiError> {
        let query = format!("mutation ($id: ID!) {{ result: withdrawInvitation(id: $id) {{ {INVITATION_FIELDS} }} }}");
        self.query(&query, json!({"id": id}), "result").await
    }

    /// Keeps a user's invitations from the caller; returns the entry of the list.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn block_inviter(&self, user: &str) -> Result<Value, ApiError> {
        let query = "mutation ($user: String!) { result: blockInviter(userId: $user) { user createdAt } }";
        self.query(query, json!({"user": user}), "result").await
    }

    /// Takes an entry from the list of those whose invitations do not reach the caller.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn unblock_inviter(&self, user: &str) -> Result<(), ApiError> {
        let query = "mutation ($user: String!) { result: unblockInviter(userId: $user) }";
        self.graphql(query, json!({"user": user})).await.map(|_| ())
    }

    /// Lists those whose invitations do not reach the caller.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn blocked_inviters(&self) -> Result<Vec<Value>, ApiError> {
        self.query("{ blockedInviters { user createdAt } }", json!({}), "blockedInviters").await
    }
}
