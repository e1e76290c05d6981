//! What the API can be asked for, and what one needs for it.

use super::RequiredAccess;

/// The operations of the API: the field, what it needs, its query, and the ids that it names.
///
/// A query names its ids `$c`, `$k`, `$s`, `$t`, `$l`, `$e`, `$u`, `$n`: the campaign, one thing of each kind in it, a
/// user and a notification. They are deleted last, children first.
pub const API_OPERATIONS: &[(&str, RequiredAccess, &str)] = &[
    ("me", RequiredAccess::Login, "query { me { id } }"),
    ("campaigns", RequiredAccess::Login, "query { campaigns { id } }"),
    ("notifications", RequiredAccess::Login, "query { notifications { id } }"),
    ("unreadNotifications", RequiredAccess::Login, "query { unreadNotifications }"),
    ("notificationPreferences", RequiredAccess::Login, "query { notificationPreferences { levels kinds } }"),
    ("catalogueEvents", RequiredAccess::Login, "query { catalogueEvents { name summary severity } }"),
    ("campaign", RequiredAccess::View, "query ($c: ID!) { campaign(id: $c) { id name myRole position { seq } } }"),
    ("kingdomsByCampaign", RequiredAccess::View, "query ($c: ID!) { kingdomsByCampaign(campaignId: $c) { id } }"),
    ("settlementsByKingdom", RequiredAccess::View, "query ($k: ID!) { settlementsByKingdom(kingdomId: $k) { id } }"),
    (
        "structuresBySettlement",
        RequiredAccess::View,
        "query ($s: ID!) { structuresBySettlement(settlementId: $s) { id } }",
    ),
    ("locationsByCampaign", RequiredAccess::View, "query ($c: ID!) { locationsByCampaign(campaignId: $c) { id } }"),
    ("encountersByCampaign", RequiredAccess::View, "query ($c: ID!) { encountersByCampaign(campaignId: $c) { id } }"),
    ("settlement", RequiredAccess::View, "query ($s: ID!) { settlement(id: $s) { id } }"),
    ("structure", RequiredAccess::View, "query ($t: ID!) { structure(id: $t) { id } }"),
    (
        "nodes",
        RequiredAccess::View,
        "query ($c: ID!, $k: ID!, $s: ID!, $t: ID!, $l: ID!, $e: ID!, $m: ID!) \
         { nodes(ids: [$c, $k, $s, $t, $l, $e, $m]) { __typename } }",
    ),
    (
        "snapshot",
        RequiredAccess::View,
        "query ($c: ID!) { snapshot(campaignId: $c) { members { id } structures { id } } }",
    ),
    ("events", RequiredAccess::View, "query ($c: ID!) { events(campaignId: $c) { seq } }"),
    // Nothing is due here, so that only the campaign beside it tells who sees.
    (
        "dueEffects",
        RequiredAccess::View,
        "query ($c: ID!) { campaign(id: $c) { id } \
         dueEffects(campaignId: $c, until: \"9000-01-01T00:00:00Z\") { __typename } }",
    ),
    ("createCampaign", RequiredAccess::Login, "mutation { createCampaign(input: {name: \"Own\"}) { id } }"),
    (
        "createKingdom",
        RequiredAccess::Edit,
        "mutation ($c: ID!) { createKingdom(input: {campaignId: $c, name: \"K\"}) { id } }",
    ),
    (
        "createSettlement",
        RequiredAccess::Edit,
        "mutation ($k: ID!) { createSettlement(input: {kingdomId: $k, name: \"S\"}) { id } }",
    ),
    (
        "createStructure",
        RequiredAccess::Edit,
        "mutation ($s: ID!) { createStructure(input: {settlementId: $s, name: \"T\"}) { id } }",
    ),
    (
        "createLocation",
        RequiredAccess::Edit,
        "mutation ($c: ID!) { createLocation(input: {campaignId: $c, name: \"L\"}) { id } }",
    ),
    (
        "createEncounter",
        RequiredAccess::Edit,
        "mutation ($c: ID!) { createEncounter(input: {campaignId: $c, name: \"E\"}) { id } }",
    ),
    (
        "updateCampaign",
        RequiredAccess::Edit,
        "mutation ($c: ID!) { updateCampaign(id: $c, input: {description: \"x\"}) { id } }",
    ),
    (
        "updateKingdom",
        RequiredAccess::Edit,
        "mutation ($k: ID!) { updateKingdom(id: $k, input: {description: \"x\"}) { id } }",
    ),
    (
        "updateSettlement",
        RequiredAccess::Edit,
        "mutation ($s: ID!) { updateSettlement(id: $s, input: {description: \"x\"}, expectedVersion: 1) { id } }",
    ),
    (
        "updateStructure",
        RequiredAccess::Edit,
        "mutation ($t: ID!) { updateStructure(id: $t, input: {description: \"x\"}, expectedVersion: 1, \
         onConflict: LAST_WRITE_WINS) { id } }",
    ),
    (
        "updateLocation",
        RequiredAccess::Edit,
        "mutation ($l: ID!) { updateLocation(id: $l, input: {description: \"x\"}) { id } }",
    ),
    (
        "updateEncounter",
        RequiredAccess::Edit,
        "mutation ($e: ID!) { updateEncounter(id: $e, input: {description: \"x\"}) { id } }",
    ),
    (
        "advanceWorldTime",
        RequiredAccess::Edit,
        "mutation ($c: ID!) { advanceWorldTime(campaignId: $c, seconds: 60) { newTime } }",
    ),
    (
        "setWorldTime",
        RequiredAccess::Edit,
        "mutation ($c: ID!) { setWorldTime(campaignId: $c, time: \"1207-09-14T18:20:00Z\") { newTime } }",
    ),
    ("notify", RequiredAccess::View, "mutation ($u: ID!) { notify(userIds: [$u], title: \"Hi\") }"),
    ("markNotificationRead", RequiredAccess::Mine, "mutation ($n: ID!) { markNotificationRead(id: $n) { id } }"),
    ("markAllNotificationsRead", RequiredAccess::Login, "mutation { markAllNotificationsRead }"),
    (
        "setNotificationPreferences",
        RequiredAccess::Login,
        "mutation { setNotificationPreferences(levels: [\"info\"], kinds: [\"message\"]) { levels } }",
    ),
    (
        "setMemberRole",
        RequiredAccess::Own,
        "mutation ($c: ID!, $u: ID!) { setMemberRole(campaignId: $c, userId: $u, role: VIEWER) { id } }",
    ),
    ("removeMember", RequiredAccess::Own, "mutation ($c: ID!, $u: ID!) { removeMember(campaignId: $c, userId: $u) }"),
    (
        "addMember",
        RequiredAccess::Own,
        "mutation ($c: ID!) { addMember(campaignId: $c, userId: \"guest\", role: VIEWER) { invitee } }",
    ),
    ("invitations", RequiredAccess::Login, "query { invitations { id } }"),
    ("blockedInviters", RequiredAccess::Login, "query { blockedInviters { user } }"),
    ("blockInviter", RequiredAccess::Login, "mutation { blockInviter(userId: \"nobody\") { user } }"),
    ("unblockInviter", RequiredAccess::Login, "mutation { unblockInviter(userId: \"nobody\") }"),
    ("campaignInvitations", RequiredAccess::Own, "query ($c: ID!) { campaignInvitations(campaignId: $c) { invitee } }"),
    // An invitation to somebody else: to everybody but an owner it does not exist.
    ("acceptInvitation", RequiredAccess::Others, "mutation ($i: ID!) { acceptInvitation(id: $i) { id } }"),
    ("declineInvitation", RequiredAccess::Others, "mutation ($i: ID!) { declineInvitation(id: $i) { id } }"),
    ("withdrawInvitation", RequiredAccess::Mine, "mutation ($i: ID!) { withdrawInvitation(id: $i) { id } }"),
    // A conflict tells nothing to whom the thing is hidden.
    ("deleteEncounter", RequiredAccess::Edit, "mutation ($e: ID!) { deleteEncounter(id: $e, expectedVersion: null) }"),
    ("deleteLocation", RequiredAccess::Edit, "mutation ($l: ID!) { deleteLocation(id: $l) }"),
    ("deleteStructure", RequiredAccess::Edit, "mutation ($t: ID!) { deleteStructure(id: $t) }"),
    ("deleteSettlement", RequiredAccess::Edit, "mutation ($s: ID!) { deleteSettlement(id: $s) }"),
    ("deleteKingdom", RequiredAccess::Edit, "mutation ($k: ID!) { deleteKingdom(id: $k) }"),
    // The same once more with what is gone by now for some and hidden from others.
    ("structure", RequiredAccess::Login, "query { structure(id: \"nowhere\") { id } }"),
    ("settlement", RequiredAccess::Form, "query { settlement(id: \"\") { id } }"),
    ("campaign", RequiredAccess::Form, "query { campaign(id: \"a b\") { id } }"),
    ("nodes", RequiredAccess::Login, "query { nodes(ids: [\"nowhere\"]) { __typename } }"),
    ("nodes", RequiredAccess::Form, "query { nodes(ids: [\"nowhere\", \"\"]) { __typename } }"),
    ("snapshot", RequiredAccess::Login, "query { snapshot(campaignId: \"nowhere\") { position { seq } } }"),
    ("deleteCampaign", RequiredAccess::Own, "mutation ($c: ID!) { deleteCampaign(id: $c) }"),
];
