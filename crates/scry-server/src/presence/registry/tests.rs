use proptest::prelude::*;
use scry_protocol::EntityType;
use scry_protocol::presence::{Presence, PresenceChange, ResourceUse};

use super::*;
use crate::presence::view::Standing;

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
struct Rig {
    registry: Registry<u8>,
    now: Moment,
}

impl Rig {
    fn new() -> Self {
        let registry = Registry::new(Duration::from_secs(300), Duration::from_secs(15));
        Self { registry, now: Moment { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH } }
    }

    fn wait(&mut self, seconds: u64) -> Outcome {
        let time = Duration::from_secs(seconds);
        self.now = Moment { mono: self.now.mono + time, wall: self.now.wall.checked_add(time).unwrap() };
        self.registry.tick(self.now)
    }

    fn enter(&mut self, key: u8, user: &str, seats: &[&str]) -> Outcome {
        let mut outcome = self.registry.connect(key, &id(user), user, self.now);
        outcome.add(self.registry.seat(key, &campaigns(seats), self.now));
        outcome
    }

    fn statuses(&self, campaign: &str) -> Vec<(String, Presence)> {
        let present = self.registry.present(&id(campaign));
        present.iter().map(|user| (user.name.clone(), user.status)).collect()
    }
}

fn changed(outcome: &Outcome) -> Vec<&PresenceChange> {
    let changes = outcome.changes.iter();
    changes
        .filter_map(|change| match change {
            Change::Changed(change) => Some(change),
            Change::Came(_) | Change::Went(_) => None,
        })
        .collect()
}

#[test]
fn the_first_connection_comes_and_the_last_one_goes() {
    let mut rig = Rig::new();
    let seen = scry_protocol::presence::UserSeen { user_id: id("mira"), name: "mira".to_owned() };
    assert_eq!(rig.enter(1, "mira", &["c"]).changes[0], Change::Came(seen.clone()));
    assert_eq!(rig.enter(2, "mira", &["c"]).changes, []);
    assert_eq!(rig.registry.disconnect(1).changes, []);
    let last = rig.registry.disconnect(2);
    assert_eq!(last.changes.last(), Some(&Change::Went(seen)));
    assert_eq!(changed(&last)[0].status, Presence::Offline);
    assert_eq!(rig.statuses("c"), []);
    assert_eq!(rig.registry.disconnect(2), Outcome::default(), "going twice is no news");
}

#[test]
fn of_several_connections_the_busiest_counts() {
    let mut rig = Rig::new();
    rig.enter(1, "mira", &["c"]);
    rig.enter(2, "mira", &["c"]);
    let looks = rig.registry.update(1, &id("c"), Some(resource("s")), Activity::Viewing, rig.now);
    assert_eq!(changed(&looks)[0].state, Some(Activity::Viewing));
    let edits = rig.registry.update(2, &id("c"), Some(resource("s")), Activity::Editing, rig.now);
    assert_eq!((changed(&edits)[0].state, changed(&edits)[0].resources.len()), (Some(Activity::Editing), 1));
    let gone = rig.registry.disconnect(2);
    assert_eq!(changed(&gone)[0].state, Some(Activity::Viewing));
    assert_eq!(rig.registry.update(1, &id("c"), Some(resource("s")), Activity::Viewing, rig.now).changes, []);
}

#[test]
fn who_is_quiet_on_every_connection_becomes_idle_until_they_stir() {
    let mut rig = Rig::new();
    rig.enter(1, "mira", &["c"]);
    rig.wait(200);
    rig.enter(2, "mira", &["c"]);
    assert_eq!(rig.wait(150).changes, [], "one of the two is not tired yet");
    assert_eq!(changed(&rig.wait(150))[0].status, Presence::Idle);
    assert_eq!(changed(&rig.registry.touch(1, rig.now))[0].status, Presence::Online);
    let says_so = rig.registry.update(1, &id("c"), None, Activity::Idle, rig.now);
    assert_eq!(changed(&says_so)[0].status, Presence::Idle);
}

#[test]
fn leaving_a_campaigns_last_room_ends_what_was_announced_there() {
    let mut rig = Rig::new();
    rig.enter(1, "mira", &["c", "d"]);
    rig.registry.update(1, &id("c"), Some(resource("s")), Activity::Editing, rig.now);
    let left = rig.registry.seat(1, &campaigns(&["d"]), rig.now);
    assert_eq!((changed(&left)[0].campaign_id.as_str(), changed(&left)[0].status), ("c", Presence::Offline));
    rig.registry.update(1, &id("e"), None, Activity::Viewing, rig.now);
    assert_eq!(rig.registry.seat(1, &campaigns(&["d"]), rig.now).changes, [], "an announcement needs no room");
    assert_eq!(rig.registry.unseated().collect::<Vec<_>>(), [(1, &id("mira"), &id("e"))]);
    assert_eq!(changed(&rig.registry.withdraw(1, &id("e")))[0].status, Presence::Offline);
}

#[test]
fn a_user_on_two_nodes_goes_when_both_have_lost_them() {
    let (mut here, mut there) = (Rig::new(), Rig::new());
    let other: Arc<str> = "other".into();
    here.enter(1, "mira", &["c"]);
    there.enter(9, "mira", &["c"]);
    let told = here.registry.hear(&other, &id("mira"), there.registry.own(&id("mira")), here.now);
    assert_eq!(told.changes, []);
    assert_eq!(here.registry.disconnect(1).changes, [], "she is still on the other node");
    assert_eq!(here.statuses("c"), [("mira".to_owned(), Presence::Online)]);
    let gone = here.registry.hear(&other, &id("mira"), None, here.now);
    assert!(matches!(gone.changes.last(), Some(Change::Went(_))));
}

#[test]
fn a_silent_node_takes_its_users_along() {
    let (mut here, mut there) = (Rig::new(), Rig::new());
    let other: Arc<str> = "other".into();
    there.enter(9, "mira", &["c"]);
    let views = || there.registry.own(&id("mira")).into_iter().collect::<Vec<_>>();
    assert_eq!(changed(&here.registry.roll(&other, views(), here.now)).len(), 1);
    here.wait(10);
    here.registry.alive(&other, here.now);
    assert_eq!(here.wait(10).changes, []);
    assert_eq!(changed(&here.wait(5))[0].status, Presence::Offline);
    here.registry.roll(&other, views(), here.now);
    assert_eq!(changed(&here.registry.roll(&other, Vec::new(), here.now))[0].status, Presence::Offline);
}

/// What may happen to a registry; numbers pick a connection, a user, a campaign or a node.
#[derive(Debug, Clone)]
enum Act {
    Enter(u8),
    Seat(u8, u8),
    Update(u8, u8, u8),
    Touch(u8),
    Leave(u8),
    Wait(u64),
    Hear(u8, u8, bool),
    Forget(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..6_u8).prop_map(Act::Enter),
        (0..6_u8, 0..4_u8).prop_map(|(key, set)| Act::Seat(key, set)),
        (0..6_u8, 0..2_u8, 0..3_u8).prop_map(|(key, campaign, state)| Act::Update(key, campaign, state)),
        (0..6_u8).prop_map(Act::Touch),
        (0..6_u8).prop_map(Act::Leave),
        (1..200_u64).prop_map(Act::Wait),
        (0..2_u8, 0..3_u8, any::<bool>()).prop_map(|(node, user, there)| Act::Hear(node, user, there)),
        (0..2_u8).prop_map(Act::Forget),
    ]
}

const CAMPAIGNS: [&str; 2] = ["c0", "c1"];

fn perform(rig: &mut Rig, act: &Act) -> Outcome {
    let states = [Activity::Idle, Activity::Viewing, Activity::Editing];
    let user = |key: u8| format!("u{}", key % 3);
    let node = |number: u8| -> Arc<str> { format!("n{number}").into() };
    let now = rig.now;
    match *act {
        Act::Enter(key) => rig.registry.connect(key, &id(&user(key)), &user(key), now),
        Act::Seat(key, set) => {
            let chosen = CAMPAIGNS.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0).map(|(_, name)| *name);
            rig.registry.seat(key, &campaigns(&chosen.collect::<Vec<_>>()), now)
        }
        Act::Update(key, campaign, state) => {
            let what = Some(resource(&format!("s{state}")));
            rig.registry.update(key, &id(CAMPAIGNS[campaign as usize]), what, states[state as usize], now)
        }
        Act::Touch(key) => rig.registry.touch(key, now),
        Act::Leave(key) => rig.registry.disconnect(key),
        Act::Wait(seconds) => rig.wait(seconds),
        Act::Hear(number, who, there) => {
            let mut far = Rig::new();
            far.enter(1, &user(who), &["c0"]);
            let view = there.then(|| far.registry.own(&id(&user(who)))).flatten();
            rig.registry.hear(&node(number), &id(&user(who)), view, now)
        }
        Act::Forget(number) => rig.registry.forget(&node(number)),
    }
}

/// Works out from each of a user's connections what they come to.
fn one_by_one(registry: &Registry<u8>, user: &Id) -> Option<UserView> {
    let connections = registry.connections.values().filter(|connection| connection.user == *user);
    let mut views = connections.map(|connection| {
        let standing = |place: &Place| Standing {
            status: if connection.resting { Presence::Idle } else { Presence::Online },
            resources: place
                .used(connection.resting)
                .map(|(resource, state)| ResourceUse { resource, state })
                .into_iter()
                .collect(),
            since: crate::clock::stamp(place.since),
        };
        let campaigns = connection.places.iter().map(|(campaign, place)| (campaign.clone(), standing(place)));
        UserView { user_id: user.clone(), name: user.to_string(), campaigns: campaigns.collect() }
    });
    let mut view = views.next()?;
    views.for_each(|other| view.merge(other));
    Some(view)
}

proptest! {
    /// However connections come, move and go, what is counted is what they come to one by one.
    #[test]
    fn what_is_counted_is_what_each_connection_says(acts in prop::collection::vec(act(), 1..60)) {
        let mut rig = Rig::new();
        for act in &acts {
            perform(&mut rig, act);
            for user in ["u0", "u1", "u2"].map(id) {
                prop_assert_eq!(rig.registry.own(&user), one_by_one(&rig.registry, &user));
            }
        }
    }

    /// Who applies the announcements one by one knows at any time who is present, and how.
    #[test]
    fn the_announcements_add_up_to_the_state(acts in prop::collection::vec(act(), 1..60)) {
        let mut rig = Rig::new();
        let mut shadow: BTreeMap<(Id, Id), (Presence, Vec<ResourceUse>)> = BTreeMap::new();
        let mut online = BTreeSet::new();
        for act in &acts {
            for change in perform(&mut rig, act).changes {
                match change {
                    Change::Came(seen) => prop_assert!(online.insert(seen.user_id), "came twice"),
                    Change::Went(seen) => prop_assert!(online.remove(&seen.user_id), "went twice"),
                    Change::Changed(change) => {
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
                let present: Vec<_> = rig.registry.present(&campaign).into_iter().map(|user|
                    (user.user_id, user.status, user.resources)).collect();
                prop_assert_eq!(told, present);
            }
        }
        for key in 0..6 {
            rig.registry.disconnect(key);
        }
        rig.registry.forget(&"n0".into());
        rig.registry.forget(&"n1".into());
        prop_assert!(rig.registry.campaigns.is_empty() && rig.registry.people.is_empty(), "nothing is left");
    }
}
