use proptest::prelude::*;
use scry_protocol::EntityType;
use scry_protocol::presence::{Presence, PresenceChange, ResourceUse};

use super::*;
use crate::presence::view::CampaignPresence;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn resource(name: &str) -> Resource {
    Resource { entity_type: EntityType::Settlement, id: id(name) }
}

fn campaigns(names: &[&str]) -> BTreeSet<Id> {
    names.iter().map(|name| id(name)).collect()
}

/// A registry with its clock; users are named after the first letter of their connections.
struct RegistryFixture {
    registry: PresenceRegistry<u8>,
    now: Clocks,
}

impl RegistryFixture {
    fn new() -> Self {
        let registry = PresenceRegistry::new(Duration::from_secs(300), Duration::from_secs(15));
        Self { registry, now: Clocks { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH } }
    }

    fn wait(&mut self, seconds: u64) -> Announcements {
        let time = Duration::from_secs(seconds);
        self.now = Clocks { mono: self.now.mono + time, wall: self.now.wall.checked_add(time).unwrap() };
        self.registry.tick(self.now)
    }

    fn enter(&mut self, key: u8, user: &str, seats: &[&str]) -> Announcements {
        let mut outcome = self.registry.connect(key, &id(user), user, self.now);
        outcome.add(self.registry.set_campaigns(key, &campaigns(seats), self.now));
        outcome
    }

    fn statuses(&self, campaign: &str) -> Vec<(String, Presence)> {
        let present = self.registry.present(&id(campaign));
        present.iter().map(|user| (user.name.clone(), user.status)).collect()
    }
}

fn presence_changes(outcome: &Announcements) -> Vec<&PresenceChange> {
    let changes = outcome.changes.iter();
    changes
        .filter_map(|change| match change {
            UserViewChange::Presence(change) => Some(change),
            UserViewChange::Online(_) | UserViewChange::Offline(_) => None,
        })
        .collect()
}

#[test]
fn user_is_online_from_first_to_last_connection() {
    let mut fixture = RegistryFixture::new();
    let seen = scry_protocol::presence::UserSeen { user_id: id("mira"), name: "mira".to_owned() };
    assert_eq!(fixture.enter(1, "mira", &["c"]).changes[0], UserViewChange::Online(seen.clone()));
    assert_eq!(fixture.enter(2, "mira", &["c"]).changes, []);
    assert_eq!(fixture.registry.disconnect(1).changes, []);
    let last = fixture.registry.disconnect(2);
    assert_eq!(last.changes.last(), Some(&UserViewChange::Offline(seen)));
    assert_eq!(presence_changes(&last)[0].status, Presence::Offline);
    assert_eq!(fixture.statuses("c"), []);
    assert_eq!(fixture.registry.disconnect(2), Announcements::default(), "going twice is no news");
}

#[test]
fn busiest_connection_determines_the_activity() {
    let mut fixture = RegistryFixture::new();
    fixture.enter(1, "mira", &["c"]);
    fixture.enter(2, "mira", &["c"]);
    let looks = fixture.registry.update(1, &id("c"), Some(resource("s")), Activity::Viewing, fixture.now);
    assert_eq!(presence_changes(&looks)[0].state, Some(Activity::Viewing));
    let edits = fixture.registry.update(2, &id("c"), Some(resource("s")), Activity::Editing, fixture.now);
    assert_eq!(
        (presence_changes(&edits)[0].state, presence_changes(&edits)[0].resources.len()),
        (Some(Activity::Editing), 1)
    );
    let gone = fixture.registry.disconnect(2);
    assert_eq!(presence_changes(&gone)[0].state, Some(Activity::Viewing));
    assert_eq!(fixture.registry.update(1, &id("c"), Some(resource("s")), Activity::Viewing, fixture.now).changes, []);
}

#[test]
fn user_without_activity_on_any_connection_becomes_idle() {
    let mut fixture = RegistryFixture::new();
    fixture.enter(1, "mira", &["c"]);
    fixture.wait(200);
    fixture.enter(2, "mira", &["c"]);
    assert_eq!(fixture.wait(150).changes, [], "one of the two is not tired yet");
    assert_eq!(presence_changes(&fixture.wait(150))[0].status, Presence::Idle);
    assert_eq!(presence_changes(&fixture.registry.record_activity(1, fixture.now))[0].status, Presence::Online);
    let says_so = fixture.registry.update(1, &id("c"), None, Activity::Idle, fixture.now);
    assert_eq!(presence_changes(&says_so)[0].status, Presence::Idle);
}

#[test]
fn leaving_a_campaigns_last_room_ends_what_was_announced_there() {
    let mut fixture = RegistryFixture::new();
    fixture.enter(1, "mira", &["c", "d"]);
    fixture.registry.update(1, &id("c"), Some(resource("s")), Activity::Editing, fixture.now);
    let left = fixture.registry.set_campaigns(1, &campaigns(&["d"]), fixture.now);
    assert_eq!(
        (presence_changes(&left)[0].campaign_id.as_str(), presence_changes(&left)[0].status),
        ("c", Presence::Offline)
    );
    fixture.registry.update(1, &id("e"), None, Activity::Viewing, fixture.now);
    assert_eq!(
        fixture.registry.set_campaigns(1, &campaigns(&["d"]), fixture.now).changes,
        [],
        "an announcement needs no room"
    );
    assert_eq!(fixture.registry.without_room().collect::<Vec<_>>(), [(1, &id("mira"), &id("e"))]);
    assert_eq!(presence_changes(&fixture.registry.clear_campaign(1, &id("e")))[0].status, Presence::Offline);
}

#[test]
fn a_user_on_two_nodes_goes_when_both_have_lost_them() {
    let (mut here, mut there) = (RegistryFixture::new(), RegistryFixture::new());
    let other: Arc<str> = "other".into();
    here.enter(1, "mira", &["c"]);
    there.enter(9, "mira", &["c"]);
    let told = here.registry.apply_view(&other, &id("mira"), there.registry.local_view(&id("mira")), here.now);
    assert_eq!(told.changes, []);
    assert_eq!(here.registry.disconnect(1).changes, [], "she is still on the other node");
    assert_eq!(here.statuses("c"), [("mira".to_owned(), Presence::Online)]);
    let gone = here.registry.apply_view(&other, &id("mira"), None, here.now);
    assert!(matches!(gone.changes.last(), Some(UserViewChange::Offline(_))));
}

#[test]
fn users_of_a_silent_node_go_offline() {
    let (mut here, mut there) = (RegistryFixture::new(), RegistryFixture::new());
    let other: Arc<str> = "other".into();
    there.enter(9, "mira", &["c"]);
    let views = || there.registry.local_view(&id("mira")).into_iter().collect::<Vec<_>>();
    assert_eq!(presence_changes(&here.registry.sync(&other, views(), here.now)).len(), 1);
    here.wait(10);
    here.registry.heartbeat(&other, here.now);
    assert_eq!(here.wait(10).changes, []);
    assert_eq!(presence_changes(&here.wait(5))[0].status, Presence::Offline);
    here.registry.sync(&other, views(), here.now);
    assert_eq!(presence_changes(&here.registry.sync(&other, Vec::new(), here.now))[0].status, Presence::Offline);
}

/// What may happen to a registry; numbers pick a connection, a user, a campaign or a node.
#[derive(Debug, Clone)]
enum RegistryOperation {
    Enter(u8),
    Seat(u8, u8),
    Update(u8, u8, u8),
    Touch(u8),
    Leave(u8),
    Wait(u64),
    Hear(u8, u8, bool),
    Forget(u8),
}

fn act() -> impl Strategy<Value = RegistryOperation> {
    prop_oneof![
        (0..6_u8).prop_map(RegistryOperation::Enter),
        (0..6_u8, 0..4_u8).prop_map(|(key, set)| RegistryOperation::Seat(key, set)),
        (0..6_u8, 0..2_u8, 0..3_u8).prop_map(|(key, campaign, state)| RegistryOperation::Update(key, campaign, state)),
        (0..6_u8).prop_map(RegistryOperation::Touch),
        (0..6_u8).prop_map(RegistryOperation::Leave),
        (1..200_u64).prop_map(RegistryOperation::Wait),
        (0..2_u8, 0..3_u8, any::<bool>()).prop_map(|(node, user, there)| RegistryOperation::Hear(node, user, there)),
        (0..2_u8).prop_map(RegistryOperation::Forget),
    ]
}

const CAMPAIGNS: [&str; 2] = ["c0", "c1"];

fn perform(fixture: &mut RegistryFixture, act: &RegistryOperation) -> Announcements {
    let states = [Activity::Idle, Activity::Viewing, Activity::Editing];
    let user = |key: u8| format!("u{}", key % 3);
    let node = |number: u8| -> Arc<str> { format!("n{number}").into() };
    let now = fixture.now;
    match *act {
        RegistryOperation::Enter(key) => fixture.registry.connect(key, &id(&user(key)), &user(key), now),
        RegistryOperation::Seat(key, set) => {
            let chosen = CAMPAIGNS.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0).map(|(_, name)| *name);
            fixture.registry.set_campaigns(key, &campaigns(&chosen.collect::<Vec<_>>()), now)
        }
        RegistryOperation::Update(key, campaign, state) => {
            let what = Some(resource(&format!("s{state}")));
            fixture.registry.update(key, &id(CAMPAIGNS[campaign as usize]), what, states[state as usize], now)
        }
        RegistryOperation::Touch(key) => fixture.registry.record_activity(key, now),
        RegistryOperation::Leave(key) => fixture.registry.disconnect(key),
        RegistryOperation::Wait(seconds) => fixture.wait(seconds),
        RegistryOperation::Hear(number, who, there) => {
            let mut far = RegistryFixture::new();
            far.enter(1, &user(who), &["c0"]);
            let view = there.then(|| far.registry.local_view(&id(&user(who)))).flatten();
            fixture.registry.apply_view(&node(number), &id(&user(who)), view, now)
        }
        RegistryOperation::Forget(number) => fixture.registry.remove_node(&node(number)),
    }
}

/// Works out from each of a user's connections what they come to.
fn merge_connections(registry: &PresenceRegistry<u8>, user: &Id) -> Option<UserView> {
    let connections = registry.connections.values().filter(|connection| connection.user == *user);
    let mut views = connections.map(|connection| {
        let campaign_presence = |presence: &ConnectionPresence| CampaignPresence {
            status: if connection.is_idle { Presence::Idle } else { Presence::Online },
            resources: presence
                .used(connection.is_idle)
                .map(|(resource, state)| ResourceUse { resource, state })
                .into_iter()
                .collect(),
            since: crate::clock::format_time(presence.since),
        };
        let campaigns =
            connection.presences.iter().map(|(campaign, presence)| (campaign.clone(), campaign_presence(presence)));
        UserView { user_id: user.clone(), name: user.to_string(), campaigns: campaigns.collect() }
    });
    let mut view = views.next()?;
    views.for_each(|other| view.merge(other));
    Some(view)
}

proptest! {
    /// However connections come, move and go, what is counted is what they come to one by one.
    #[test]
    fn counts_equal_the_merge_of_all_connections(acts in prop::collection::vec(act(), 1..60)) {
        let mut fixture = RegistryFixture::new();
        for act in &acts {
            perform(&mut fixture, act);
            for user in ["u0", "u1", "u2"].map(id) {
                prop_assert_eq!(fixture.registry.local_view(&user), merge_connections(&fixture.registry, &user));
            }
        }
    }

    /// Who applies the announcements one by one knows at any time who is present, and how.
    #[test]
    fn the_announcements_add_up_to_the_state(acts in prop::collection::vec(act(), 1..60)) {
        let mut fixture = RegistryFixture::new();
        let mut shadow: BTreeMap<(Id, Id), (Presence, Vec<ResourceUse>)> = BTreeMap::new();
        let mut online = BTreeSet::new();
        for act in &acts {
            for change in perform(&mut fixture, act).changes {
                match change {
                    UserViewChange::Online(seen) => prop_assert!(online.insert(seen.user_id), "came twice"),
                    UserViewChange::Offline(seen) => prop_assert!(online.remove(&seen.user_id), "went twice"),
                    UserViewChange::Presence(change) => {
                        let key = (change.campaign_id, change.user_id);
                        if change.status == Presence::Offline {
                            prop_assert!(shadow.remove(&key).is_some(), "left without having come");
                        } else {
                            shadow.insert(key, (change.status, change.resources));
                        }
                    }
                }
            }
            for campaign in CAMPAIGNS.map(id) {
                let told: Vec<_> = shadow.iter().filter(|((c, _), _)| *c == campaign).map(|((_, user), (status, resources))|
                    (user.clone(), *status, resources.clone())).collect();
                let present: Vec<_> = fixture.registry.present(&campaign).into_iter().map(|user|
                    (user.user_id, user.status, user.resources)).collect();
                prop_assert_eq!(told, present);
            }
        }
        for key in 0..6 {
            fixture.registry.disconnect(key);
        }
        fixture.registry.remove_node(&"n0".into());
        fixture.registry.remove_node(&"n1".into());
        prop_assert!(fixture.registry.campaigns.is_empty() && fixture.registry.users.is_empty(), "nothing is left");
    }
}
