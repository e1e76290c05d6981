//! Who may do what: the only place that decides it.

use scry_protocol::Role;

/// What somebody wants to do in a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignAction {
    /// Read what is in it.
    View,
    /// Change, create or delete anything in a campaign, or move its clock.
    Edit,
    /// Add or remove members, or change their roles.
    ManageMembers,
    /// Delete the whole campaign.
    DeleteCampaign,
}

/// Answers a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Allow,
    /// Refuse, and say that a higher role is needed.
    Deny,
    /// Answer as if the campaign did not exist.
    Hide,
}

/// Decides whether a role allows an action; `None` is the role of a stranger.
#[must_use]
pub fn allow(role: Option<Role>, action: CampaignAction) -> Decision {
    let needed = match action {
        CampaignAction::View => Role::Viewer,
        CampaignAction::Edit => Role::Editor,
        CampaignAction::ManageMembers | CampaignAction::DeleteCampaign => Role::Owner,
    };
    match role {
        None => Decision::Hide,
        Some(role) if role >= needed => Decision::Allow,
        Some(_) => Decision::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_table_says() {
        use Decision::{Allow, Deny, Hide};
        let table = [
            (None, [Hide, Hide, Hide, Hide]),
            (Some(Role::Viewer), [Allow, Deny, Deny, Deny]),
            (Some(Role::Editor), [Allow, Allow, Deny, Deny]),
            (Some(Role::Owner), [Allow, Allow, Allow, Allow]),
        ];
        for (role, decisions) in table {
            let actions = [
                CampaignAction::View,
                CampaignAction::Edit,
                CampaignAction::ManageMembers,
                CampaignAction::DeleteCampaign,
            ];
            assert_eq!(actions.map(|action| allow(role, action)), decisions, "{role:?}");
        }
    }
}
