//! What the API can be asked for, and what one needs for it.

use super::Needs;

/// Lists the operations of the API: the field, what it needs, its query, and the ids that it names.
///
/// A query names its ids `$c`, `$k`, `$s`, `$t`, `$l`, `$e`, `$u`, `$n`: the campaign, one thing of each kind in it, a
/// user and a notification. They are deleted last, children first.
pub const API: &[(&str, Needs, &str)] = &[
    ("me", Needs::Login, "query { me { id } }"),
    ("campaigns", Needs::Login, "query { campaigns { id } }"),
    ("notifications", Needs::Login, "query { notifications { id } }"),
    ("unreadNotifications", Needs::Login, "query { unreadNotifications }"),
    ("notificationPreferences", Needs::Login, "query { notificationPreferences { levels kinds } }"),
    ("catalogueEvents", Needs::Login, "query { catalogueEvents { name summary severity } }"),
    ("campaign", Needs::View, "query ($c: ID!) { campaign(id: $c) { id name myRole position { seq } } }"),
    ("kingdomsByCampaign", Needs::View, "query ($c: ID!) { kingdomsByCampaign(campaignId: $c) { id } }"),
    ("settlementsByKingdom", Needs::View, "query ($k: ID!) { settlementsByKingdom(kingdomId: $k) { id } }"),
    ("structuresBySettlement", Needs::View, "query ($s: ID!) { structuresBySettlement(settlementId: $s) { id } }"),
    ("locationsByCampaign", Needs::View, "query ($c: ID!) { locationsByCampaign(campaignId: $c) { id } }"),
    ("encountersByCampaign", Needs::View, "query ($c: ID!) { encountersByCampaign(campaignId: $c) { id } }"),
    ("settlement", Needs::View, "query ($s: ID!) { settlement(id: $s) { id } }"),
    ("structure", Needs::View, "query ($t: ID!) { structure(id: $t) { id } }"),
    (
        "nodes",
        Needs::View,
        "query ($c: ID!, $k: ID!, $s: ID!, $t: ID!, $l: ID!, $e: ID!, $m: ID!) \
         { nodes(ids: [$c, $k, $s, $t, $l, $e, $m]) { __typename } }",
    ),
    ("snapshot", Needs::View, "query ($c: ID!) { snapshot(campaignId: $c) { members { id } structures { id } } }"),
    ("events", Needs::View, "query ($c: ID!) { events(campaignId: $c) { seq } }"),
    // Nothing is due here, so that only the campaign beside it tells who sees.
    (
        "dueEffects",
        Needs::View,
        "query ($c: ID!) { campaign(id: $c) { id } \
         dueEffects(campaignId: $c, until: \"9000-01-01T00:00:00Z\") { __typename } }",
    ),
    ("createCampaign", Needs::Login, "mutation { createCampaign(input: {name: \"Own\"}) { id } }"),
    ("createKingdom", Needs::Edit, "mutation ($c: ID!) { createKingdom(input: {campaignId: $c, name: \"K\"}) { id } }"),
    (
        "createSettlement",
        Needs::Edit,
        "mutation ($k: ID!) { createSettlement(input: {kingdomId: $k, name: \"S\"}) { id } }",
    ),
    (
        "createStructure",
        Needs::Edit,
        "mutation ($s: ID!) { createStructure(input: {settlementId: $s, name: \"T\"}) { id } }",
    ),
    (
        "createLocation",
        Needs::Edit,
        "mutation ($c: ID!) { createLocation(input: {campaignId: $c, name: \"L\"}) { id } }",
    ),
    (
        "createEncounter",
        Needs::Edit,
        "mutation ($c: ID!) { createEncounter(input: {campaignId: $c, name: \"E\"}) { id } }",
    ),
    (
        "updateCampaign",
        Needs::Edit,
        "mutation ($c: ID!) { updateCampaign(id: $c, input: {description: \"x\"}) { id } }",
    ),
    ("updateKingdom", Needs::Edit, "mutation ($k: ID!) { updateKingdom(id: $k, input: {description: \"x\"}) { id } }"),
    (
        "updateSettlement",
        Needs::Edit,
        "mutation ($s: ID!) { updateSettlement(id: $s, input: {description: \"x\"}, expectedVersion: 1) { id } }",
    ),
    (
        "updateStructure",
        Needs::Edit,
        "mutation ($t: ID!) { updateStructure(id: $t, input: {description: \"x\"}, expectedVersion: 1, \
         onConflict: LAST_WRITE_WINS) { id } }",
    ),
    (
        "updateLocation",
        Needs::Edit,
        "mutation ($l: ID!) { updateLocation(id: $l, input: {description: \"x\"}) { id } }",
    ),
    (
        "updateEncounter",
        Needs::Edit,
        "mutation ($e: ID!) { updateEncounter(id: $e, input: {description: \"x\"}) { id } }",
    ),
    (
        "advanceWorldTime",
        Needs::Edit,
        "mutation ($c: ID!) { advanceWorldTime(campaignId: $c, seconds: 60) { newTime } }",
    ),
    (
        "setWorldTime",
        Needs::Edit,
        "mutation ($c: ID!) { setWorldTime(campaignId: $c, time: \"1207-09-14T18:20:00Z\") { newTime } }",
    ),
    ("notify", Needs::View, "mutation ($u: ID!) { notify(userIds: [$u], title: \"Hi\") }"),
    ("markNotificationRead", Needs::Mine, "mutation ($n: ID!) { markNotificationRead(id: $n) { id } }"),
    ("markAllNotificationsRead", Needs::Login, "mutation { markAllNotificationsRead }"),
    (
        "setNotificationPreferences",
        Needs::Login,
        "mutation { setNotificationPreferences(levels: [\"info\"], kinds: [\"message\"]) { levels } }",
    ),
    (
        "setMemberRole",
        Needs::Own,
        "mutation ($c: ID!, $u: ID!) { setMemberRole(campaignId: $c, userId: $u, role: VIEWER) { id } }",
    ),
    ("removeMember", Needs::Own, "mutation ($c: ID!, $u: ID!) { removeMember(campaignId: $c, userId: $u) }"),
    (
        "addMember",
        Needs::Own,
        "mutation ($c: ID!) { addMember(campaignId: $c, userId: \"guest\", role: VIEWER) { invitee } }",
    ),
    ("invitations", Needs::Login, "query { invitations { id } }"),
    ("blockedInviters", Needs::Login, "query { blockedInviters { user } }"),
    ("blockInviter", Needs::Login, "mutation { blockInviter(userId: \"nobody\") { user } }"),
    ("unblockInviter", Needs::Login, "mutation { unblockInviter(userId: \"nobody\") }"),
    ("campaignInvitations", Needs::Own, "query ($c: ID!) { campaignInvitations(campaignId: $c) { invitee } }"),
    // An invitation to somebody else: to everybody but an owner it does not exist.
    ("acceptInvitation", Needs::Others, "mutation ($i: ID!) { acceptInvitation(id: $i) { id } }"),
    ("declineInvitation", Needs::Others, "mutation ($i: ID!) { declineInvitation(id: $i) { id } }"),
    ("withdrawInvitation", Needs::Mine, "mutation ($i: ID!) { withdrawInvitation(id: $i) { id } }"),
    // A conflict tells nothing to whom the thing is hidden.
    ("deleteEncounter", Needs::Edit, "mutation ($e: ID!) { deleteEncounter(id: $e, expectedVersion: null) }"),
    ("deleteLocation", Needs::Edit, "mutation ($l: ID!) { deleteLocation(id: $l) }"),
    ("deleteStructure", Needs::Edit, "mutation ($t: ID!) { deleteStructure(id: $t) }"),
    ("deleteSettlement", Needs::Edit, "mutation ($s: ID!) { deleteSettlement(id: $s) }"),
    ("deleteKingdom", Needs::Edit, "mutation ($k: ID!) { deleteKingdom(id: $k) }"),
    // The same once more with what is gone by now for some and hidden from others.
    ("structure", Needs::Login, "query { structure(id: \"nowhere\") { id } }"),
    ("settlement", Needs::Form, "query { settlement(id: \"\") { id } }"),
    ("campaign", Needs::Form, "query { campaign(id: \"a b\") { id } }"),
    ("nodes", Needs::Login, "query { nodes(ids: [\"nowhere\"]) { __typename } }"),
    ("nodes", Needs::Form, "query { nodes(ids: [\"nowhere\", \"\"]) { __typename } }"),
    ("snapshot", Needs::Login, "query { snapshot(campaignId: \"nowhere\") { position { seq } } }"),
    ("deleteCampaign", Needs::Own, "mutation ($c: ID!) { deleteCampaign(id: $c) }"),
];
