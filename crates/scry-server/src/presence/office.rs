//! The task that keeps the registry true and tells those who may know.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use scry_protocol::presence::{PresenceState, UserTyping};
use scry_protocol::{EphemeralEvent, Id, Room};
use socketioxide::socket::Sid;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::registry::{Moment, Outcome, Registry};
use super::typing::{Spot, Typing};
use super::view::Change;
use super::{People, Request};
use crate::cluster::{Envelope, Heard, Word};
use crate::rules::authorization::{Action, Decision, allow};
use crate::socket::{Connection, Connections};
use crate::{Core, access, clock};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often the memberships of those who are in no room, and the roles of those who edit, are looked up.
const CHECK: Duration = Duration::from_secs(5);
/// How long a node that says nothing is believed to be there; never longer than presence is kept.
const TRUST: Duration = Duration::from_secs(15);

/// Holds everything about people on this node.
struct Office {
    core: Core,
    connections: Connections,
    registry: Registry<Sid>,
    typing: Typing<Sid>,
    /// The sockets in each campaign's room, and each socket's campaigns.
    watchers: HashMap<Id, BTreeSet<Sid>>,
    watching: HashMap<Sid, BTreeSet<Id>>,
    next_check: Instant,
}

impl People {
    /// Keeps presence and typing until `stop`.
    pub async fn run(&self, core: Core, connections: Connections, stop: CancellationToken) {
        let mut requests = self.waiting.lock().await;
        let mut heard = core.signals.cluster().map(|cluster| cluster.hear());
        let acted = core.signals.acted.clone();
        let mut office = Office::new(core, connections);
        let mut ticks = interval(TICK.min(office.core.config.presence.idle_after / 4));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                sids = self.moved.take() => {
                    for sid in sids {
                        office.look(sid).await;
                    }
                }
                sids = self.acted.take() => office.touch(sids).await,
                users = acted.take() => {
                    let sids: Vec<Sid> = users.iter().flat_map(|user| office.registry.keys(user)).collect();
                    office.touch(sids).await;
                }
                Some(request) = requests.recv() => office.serve(request).await,
                word = next(&mut heard) => office.listen(word).await,
                _ = ticks.tick() => office.tick().await,
            }
        }
    }
}

/// Waits for a word from another node; for ever, where there is none.
async fn next(heard: &mut Option<broadcast::Receiver<Heard>>) -> Heard {
    match heard {
        Some(words) => match words.recv().await {
            Ok(word) => word,
            // What was lost is asked for again.
            Err(RecvError::Lagged(_)) => Heard::Up,
            Err(RecvError::Closed) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

fn moment() -> Moment {
    Moment { mono: Instant::now(), wall: clock::now() }
}

impl Office {
    fn new(core: Core, connections: Connections) -> Self {
        let presence = &core.config.presence;
        Self {
            registry: Registry::new(presence.idle_after, TRUST.min(presence.ttl)),
            typing: Typing::default(),
            watchers: HashMap::new(),
            watching: HashMap::new(),
            next_check: Instant::now(),
            core,
            connections,
        }
    }

    /// Serves a request of a connection.
    async fn serve(&mut self, request: Request) {
        match request {
            Request::Joined(sid, room) => {
                self.look(sid).await;
                let inside = self.connection(sid).filter(|connection| connection.rooms().contains_key(&room));
                if let (Room::Campaign(campaign), Some(connection)) = (room, inside) {
                    let users = self.registry.present(&campaign);
                    send(&connection, &EphemeralEvent::PresenceState(PresenceState { campaign_id: campaign, users }));
                }
            }
            Request::Update(sid, update) => {
                self.look(sid).await;
                let (campaign, resource) = (update.campaign_id, update.resource);
                let outcome = self.registry.update(sid, &campaign, resource, update.state, moment());
                self.announce(outcome).await;
            }
            Request::Everybody(answer) => {
                // An error only says that whoever asked has given up.
                let _ = answer.send(self.registry.everybody());
            }
            Request::Typing(sid, spot, true) => {
                let announced = self.typing.start(sid, spot, Instant::now());
                announced.into_iter().for_each(|(spot, typing)| self.typed(&spot, typing));
            }
            Request::Typing(sid, spot, false) => {
                if self.typing.stop(sid, &spot) {
                    self.typed(&spot, false);
                }
            }
        }
    }

    /// Looks whether a connection is there, and where.
    async fn look(&mut self, sid: Sid) {
        let Some(connection) = self.connection(sid) else { return self.gone(sid).await };
        let rooms = connection.rooms().clone();
        let claims = connection.claims();
        let arrived = self.registry.connect(sid, &claims.sub, &claims.name, moment());
        self.announce(arrived).await;
        // Who is in a catalogue's room is in no campaign by that.
        let of_campaigns = rooms.iter().filter(|(room, _)| !matches!(room, Room::Custom(..)));
        let campaigns: BTreeSet<Id> = of_campaigns.map(|(_, campaign)| campaign.clone()).collect();
        let seated = self.registry.seat(sid, &campaigns, moment());
        self.announce(seated).await;
        // Only now, so that nobody is told of their own coming before they know who is there.
        let wide = |room: &Room| if let Room::Campaign(campaign) = room { Some(campaign.clone()) } else { None };
        self.watch(sid, rooms.keys().filter_map(wide).collect());
    }

    async fn gone(&mut self, sid: Sid) {
        self.watch(sid, BTreeSet::new());
        for spot in self.typing.leave(sid) {
            self.typed(&spot, false);
        }
        let outcome = self.registry.disconnect(sid);
        self.announce(outcome).await;
    }

    fn watch(&mut self, sid: Sid, campaigns: BTreeSet<Id>) {
        for left in self.watching.remove(&sid).unwrap_or_default().difference(&campaigns) {
            if let Some(watchers) = self.watchers.get_mut(left) {
                watchers.remove(&sid);
                if watchers.is_empty() {
                    self.watchers.remove(left);
                }
            }
        }
        for campaign in &campaigns {
            self.watchers.entry(campaign.clone()).or_default().insert(sid);
        }
        if !campaigns.is_empty() {
            self.watching.insert(sid, campaigns);
        }
    }

    async fn touch(&mut self, sids: impl IntoIterator<Item = Sid>) {
        for sid in sids {
            let outcome = self.registry.touch(sid, moment());
            self.announce(outcome).await;
        }
    }

    async fn tick(&mut self) {
        let outcome = self.registry.tick(moment());
        self.announce(outcome).await;
        for spot in self.typing.expire(Instant::now()) {
            self.typed(&spot, false);
        }
        let now = Instant::now();
        if now >= self.next_check {
            self.next_check = now + CHECK.min(self.core.config.presence.ttl / 3);
            self.withdraw_strangers().await;
            self.demote_viewers().await;
        }
    }

    /// Shows those as viewing who were said to edit and may not edit any more.
    async fn demote_viewers(&mut self) {
        let editing: Vec<(Sid, Id, Id)> =
            self.registry.editing().map(|(sid, user, campaign)| (sid, user.clone(), campaign.clone())).collect();
        for (sid, user, campaign) in editing {
            let role = access::role_in_campaign(&self.core.db, &user, &campaign).await;
            if matches!(role, Ok(role) if allow(role, Action::Edit) != Decision::Allow) {
                let outcome = self.registry.demote(sid, &campaign);
                self.announce(outcome).await;
            }
        }
    }

    /// Ends the presence of those who announced themselves without being in a room, and are no members any more.
    ///
    /// Who is in a room is evicted with the event of the removal.
    async fn withdraw_strangers(&mut self) {
        let unseated: Vec<(Sid, Id, Id)> =
            self.registry.unseated().map(|(sid, user, campaign)| (sid, user.clone(), campaign.clone())).collect();
        for (sid, user, campaign) in unseated {
            if matches!(access::role_in_campaign(&self.core.db, &user, &campaign).await, Ok(None)) {
                let outcome = self.registry.withdraw(sid, &campaign);
                self.announce(outcome).await;
            }
        }
    }

    /// Takes in what another node says.
    async fn listen(&mut self, heard: Heard) {
        let Heard::Word(Envelope { from, word }) = heard else {
            self.core.signals.say(Word::Hello);
            return self.call_the_roll();
        };
        let outcome = match word {
            Word::Hello => {
                self.call_the_roll();
                Outcome::default()
            }
            Word::Alive => {
                self.registry.alive(&from, moment());
                Outcome::default()
            }
            Word::Bye => self.registry.forget(&from),
            Word::Roll { users } => self.registry.roll(&from, users, moment()),
            Word::User { user_id, view } => self.registry.hear(&from, &user_id, view, moment()),
            Word::Typing { event, settlement } => {
                self.pass_on(event, settlement);
                Outcome::default()
            }
            Word::Commits { .. } | Word::Mail { .. } | Word::Ended { .. } | Word::Passing(_) => Outcome::default(),
        };
        self.tell(outcome.changes).await;
    }

    fn call_the_roll(&self) {
        let users = self.registry.users().filter_map(|user| self.registry.own(user)).collect();
        self.core.signals.say(Word::Roll { users });
    }

    /// Tells the other nodes and those concerned here what has changed.
    async fn announce(&self, outcome: Outcome) {
        for user_id in outcome.own {
            let view = self.registry.own(&user_id);
            self.core.signals.say(Word::User { user_id, view });
        }
        self.tell(outcome.changes).await;
    }

    async fn tell(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Came(seen) => {
                    let user = seen.user_id.clone();
                    self.tell_acquaintances(&user, &EphemeralEvent::UserOnline(seen)).await;
                }
                Change::Went(seen) => {
                    let user = seen.user_id.clone();
                    self.tell_acquaintances(&user, &EphemeralEvent::UserOffline(seen)).await;
                }
                Change::Changed(change) => {
                    let room = Room::Campaign(change.campaign_id.clone());
                    let sids: Vec<Sid> =
                        self.watchers.get(&change.campaign_id).into_iter().flatten().copied().collect();
                    let event = EphemeralEvent::PresenceChange(change);
                    // Asked once more: who was evicted a moment ago is still in the list.
                    let connections = self.connections.get(&sids);
                    connections.iter().filter(|c| c.rooms().contains_key(&room)).for_each(|c| send(c, &event));
                }
            }
        }
    }

    async fn tell_acquaintances(&self, user: &Id, event: &EphemeralEvent) {
        match access::acquaintances(&self.core.db, user).await {
            Ok(users) => {
                let sids: Vec<Sid> = users.iter().flat_map(|user| self.registry.keys(user)).collect();
                self.connections.get(&sids).iter().for_each(|connection| send(connection, event));
            }
            Err(error) => tracing::warn!(%error, "could not look up who knows a user"),
        }
    }

    /// Announces typing, here and to the other nodes.
    fn typed(&self, spot: &Spot, typing: bool) {
        let event = spot.event(typing);
        self.core.signals.say(Word::Typing { event: event.clone(), settlement: spot.settlement.clone() });
        self.pass_on(event, spot.settlement.clone());
    }

    /// Tells those here whose rooms show the entity, but never who types.
    fn pass_on(&self, event: UserTyping, settlement: Option<Id>) {
        let rooms: Vec<Room> = [
            Some(Room::Campaign(event.campaign_id.clone())),
            Room::of_entity(&event.entity_type, &event.entity_id),
            settlement.map(Room::Settlement),
        ]
        .into_iter()
        .flatten()
        .collect();
        let author = event.user_id.clone();
        let event = EphemeralEvent::UserTyping(event);
        for connection in self.connections.all() {
            let sees = rooms.iter().any(|room| connection.rooms().contains_key(room));
            if sees && connection.claims().sub != author {
                send(&connection, &event);
            }
        }
    }

    fn connection(&self, sid: Sid) -> Option<std::sync::Arc<Connection>> {
        self.connections.find(sid)
    }
}

fn send(connection: &Connection, event: &EphemeralEvent) {
    connection.send(event.name(), event);
}
