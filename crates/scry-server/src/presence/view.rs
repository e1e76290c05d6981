//! One user's presence as others see it, and what tells two views of it apart (pure).

use std::collections::{BTreeMap, BTreeSet};

use scry_protocol::Id;
use scry_protocol::presence::{Activity, Presence, PresenceChange, PresentUser, Resource, ResourceUse, UserSeen};
use serde::{Deserialize, Serialize};

/// Where one user is present, over all connections of one node or of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// The user.
    pub user_id: Id,
    /// Their name.
    pub name: String,
    /// What they do in each campaign.
    pub campaigns: BTreeMap<Id, CampaignPresence>,
}

/// One user's presence in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignPresence {
    pub status: Presence,
    /// In order, each resource once.
    pub resources: Vec<ResourceUse>,
    /// RFC 3339 UTC with milliseconds.
    pub since: String,
}

/// A difference between two views of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UserViewChange {
    /// Their first connection has come.
    Online(UserSeen),
    /// Their last connection has gone.
    Offline(UserSeen),
    /// Their presence in one campaign is another.
    Presence(PresenceChange),
}

impl UserView {
    /// Adds what another node, or another connection, says of the same user.
    pub fn merge(&mut self, other: Self) {
        for (campaign, presence) in other.campaigns {
            match self.campaigns.entry(campaign) {
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(presence);
                }
                std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().merge(presence),
            }
        }
    }
}

impl CampaignPresence {
    /// Returns the entry for a list of who is present.
    #[must_use]
    pub fn entry(&self, user: &UserView) -> PresentUser {
        PresentUser {
            user_id: user.user_id.clone(),
            name: user.name.clone(),
            status: self.status,
            resources: self.resources.clone(),
            since: self.since.clone(),
        }
    }

    fn merge(&mut self, other: Self) {
        if other.status == Presence::Online {
            self.status = Presence::Online;
        }
        // All times are written alike, so the earlier one is the smaller text.
        self.since = std::mem::take(&mut self.since).min(other.since);
        let mut busiest: BTreeMap<Resource, Activity> = BTreeMap::new();
        for used in std::mem::take(&mut self.resources).into_iter().chain(other.resources) {
            let state = busiest.entry(used.resource).or_insert(used.state);
            *state = used.state.max(*state);
        }
        self.resources = busiest.into_iter().map(|(resource, state)| ResourceUse { resource, state }).collect();
    }
}

/// Returns what to announce when a user's view changes; `None` is the view of one who is not there.
#[must_use]
pub(super) fn differences(before: Option<&UserView>, after: Option<&UserView>) -> Vec<UserViewChange> {
    let Some(known) = after.or(before) else { return Vec::new() };
    let seen = || UserSeen { user_id: known.user_id.clone(), name: known.name.clone() };
    let campaigns: BTreeSet<&Id> =
        [before, after].into_iter().flatten().flat_map(|view| view.campaigns.keys()).collect();
    let mut changes = Vec::new();
    if before.is_none() {
        changes.push(UserViewChange::Online(seen()));
    }
    for campaign in campaigns {
        let presence = |view: Option<&UserView>| view.and_then(|view| view.campaigns.get(campaign)).cloned();
        changes.extend(change(known, campaign, presence(before), presence(after)).map(UserViewChange::Presence));
    }
    if after.is_none() {
        changes.push(UserViewChange::Offline(seen()));
    }
    changes
}

fn change(
    user: &UserView,
    campaign: &Id,
    before: Option<CampaignPresence>,
    after: Option<CampaignPresence>,
) -> Option<PresenceChange> {
    let is_same = match (&before, &after) {
        (Some(before), Some(after)) => before.status == after.status && before.resources == after.resources,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if is_same {
        return None;
    }
    let before = before.map(|presence| presence.resources).unwrap_or_default();
    let (status, resources) = match after {
        Some(presence) => (presence.status, presence.resources),
        None => (Presence::Offline, Vec::new()),
    };
    let fresh = resources.iter().find(|used| !before.contains(used)).cloned();
    Some(PresenceChange {
        campaign_id: campaign.clone(),
        user_id: user.user_id.clone(),
        name: user.name.clone(),
        status,
        resource: fresh.as_ref().map(|used| used.resource.clone()),
        state: fresh.map(|used| used.state),
        resources,
    })
}
