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

use super::registry::{Announcements, Clocks, PresenceRegistry};
use super::typing::{TypingRegistry, TypingTarget};
use super::view::UserViewChange;
use super::{PresenceHandle, PresenceRequest};
use crate::cluster::{ClusterEvent, ClusterMessage, Envelope};
use crate::rules::authorization::{CampaignAction, Decision, allow};
use crate::socket::{Connection, Connections};
use crate::{AppState, access, clock};

/// How often the clock is looked at.
const TICK_INTERVAL: Duration = Duration::from_millis(500);
/// How often the memberships of those who are in no room, and the roles of those who edit, are looked up.
const MEMBERSHIP_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How long a node that says nothing is believed to be there; never longer than presence is kept.
const NODE_TTL: Duration = Duration::from_secs(15);

/// The state of the task: everything about presence on this node.
struct PresenceTask {
    state: AppState,
    connections: Connections,
    registry: PresenceRegistry<Sid>,
    typing: TypingRegistry<Sid>,
    /// The sockets in each campaign's room, and each socket's campaigns.
    watchers: HashMap<Id, BTreeSet<Sid>>,
    watching: HashMap<Sid, BTreeSet<Id>>,
    next_check: Instant,
}

impl PresenceHandle {
    /// Keeps presence and typing until `stop`.
    pub async fn run(&self, state: AppState, connections: Connections, stop: CancellationToken) {
        let mut requests = self.waiting.lock().await;
        let mut heard = state.bus.cluster().map(|cluster| cluster.subscribe());
        let acted = state.bus.activity.clone();
        let mut task = PresenceTask::new(state, connections);
        let mut ticks = interval(TICK_INTERVAL.min(task.state.config.presence.idle_after / 4));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                sids = self.moved.take() => {
                    for sid in sids {
                        task.reconcile(sid).await;
                    }
                }
                sids = self.active.take() => task.record_activity(sids).await,
                users = acted.take() => {
                    let sids: Vec<Sid> = users.iter().flat_map(|user| task.registry.keys(user)).collect();
                    task.record_activity(sids).await;
                }
                Some(request) = requests.recv() => task.serve(request).await,
                message = next_cluster_event(&mut heard) => task.handle_cluster_event(message).await,
                _ = ticks.tick() => task.tick().await,
            }
        }
    }
}

/// Waits for an event of the cluster; forever, where there is none.
async fn next_cluster_event(heard: &mut Option<broadcast::Receiver<ClusterEvent>>) -> ClusterEvent {
    match heard {
        Some(events) => match events.recv().await {
            Ok(message) => message,
            // What was lost is asked for again.
            Err(RecvError::Lagged(_)) => ClusterEvent::Up,
            Err(RecvError::Closed) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

fn now() -> Clocks {
    Clocks { mono: Instant::now(), wall: clock::now() }
}

impl PresenceTask {
    fn new(state: AppState, connections: Connections) -> Self {
        let presence = &state.config.presence;
        Self {
            registry: PresenceRegistry::new(presence.idle_after, NODE_TTL.min(presence.ttl)),
            typing: TypingRegistry::default(),
            watchers: HashMap::new(),
            watching: HashMap::new(),
            next_check: Instant::now(),
            state,
            connections,
        }
    }

    /// Serves a request of a connection.
    async fn serve(&mut self, request: PresenceRequest) {
        match request {
            PresenceRequest::Joined(sid, room) => {
                self.reconcile(sid).await;
                let inside = self.connection(sid).filter(|connection| connection.rooms().contains_key(&room));
                if let (Room::Campaign(campaign), Some(connection)) = (room, inside) {
                    let users = self.registry.present(&campaign);
                    send(&connection, &EphemeralEvent::PresenceState(PresenceState { campaign_id: campaign, users }));
                }
            }
            PresenceRequest::Update(sid, update) => {
                self.reconcile(sid).await;
                let (campaign, resource) = (update.campaign_id, update.resource);
                let outcome = self.registry.update(sid, &campaign, resource, update.state, now());
                self.announce(outcome).await;
            }
            PresenceRequest::PresentByCampaign(answer) => {
                // An error only says that whoever asked has given up.
                let _ = answer.send(self.registry.present_by_campaign());
            }
            PresenceRequest::Typing(sid, target, true) => {
                let announced = self.typing.start(sid, target, Instant::now());
                announced.into_iter().for_each(|(target, typing)| self.announce_typing(&target, typing));
            }
            PresenceRequest::Typing(sid, target, false) => {
                if self.typing.stop(sid, &target) {
                    self.announce_typing(&target, false);
                }
            }
        }
    }

    /// Reads whether a connection is there, and where.
    async fn reconcile(&mut self, sid: Sid) {
        let Some(connection) = self.connection(sid) else { return self.disconnected(sid).await };
        let rooms = connection.rooms().clone();
        let claims = connection.claims();
        let arrived = self.registry.connect(sid, &claims.sub, &claims.name, now());
        self.announce(arrived).await;
        // Who is in a catalogue's room is in no campaign by that.
        let of_campaigns = rooms.iter().filter(|(room, _)| !matches!(room, Room::Custom(..)));
        let campaigns: BTreeSet<Id> = of_campaigns.map(|(_, campaign)| campaign.clone()).collect();
        let seated = self.registry.set_campaigns(sid, &campaigns, now());
        self.announce(seated).await;
        // Only now, so that nobody is told of their own coming before they know who is there.
        let wide = |room: &Room| if let Room::Campaign(campaign) = room { Some(campaign.clone()) } else { None };
        self.watch(sid, rooms.keys().filter_map(wide).collect());
    }

    async fn disconnected(&mut self, sid: Sid) {
        self.watch(sid, BTreeSet::new());
        for target in self.typing.leave(sid) {
            self.announce_typing(&target, false);
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

    async fn record_activity(&mut self, sids: impl IntoIterator<Item = Sid>) {
        for sid in sids {
            let outcome = self.registry.record_activity(sid, now());
            self.announce(outcome).await;
        }
    }

    async fn tick(&mut self) {
        let outcome = self.registry.tick(now());
        self.announce(outcome).await;
        for target in self.typing.expire(Instant::now()) {
            self.announce_typing(&target, false);
        }
        let now = Instant::now();
        if now >= self.next_check {
            self.next_check = now + MEMBERSHIP_CHECK_INTERVAL.min(self.state.config.presence.ttl / 3);
            self.expire_non_members().await;
            self.demote_viewers().await;
        }
    }

    /// Shows those as viewing who were said to edit and may not edit any more.
    async fn demote_viewers(&mut self) {
        let editing: Vec<(Sid, Id, Id)> =
            self.registry.editing().map(|(sid, user, campaign)| (sid, user.clone(), campaign.clone())).collect();
        for (sid, user, campaign) in editing {
            let role = access::role_in_campaign(&self.state.db, &user, &campaign).await;
            if matches!(role, Ok(role) if allow(role, CampaignAction::Edit) != Decision::Allow) {
                let outcome = self.registry.demote(sid, &campaign);
                self.announce(outcome).await;
            }
        }
    }

    /// Ends the presence of those who announced themselves without being in a room, and are no members any more.
    ///
    /// Who is in a room is evicted with the event of the removal.
    async fn expire_non_members(&mut self) {
        let without_room: Vec<(Sid, Id, Id)> =
            self.registry.without_room().map(|(sid, user, campaign)| (sid, user.clone(), campaign.clone())).collect();
        for (sid, user, campaign) in without_room {
            if matches!(access::role_in_campaign(&self.state.db, &user, &campaign).await, Ok(None)) {
                let outcome = self.registry.clear_campaign(sid, &campaign);
                self.announce(outcome).await;
            }
        }
    }

    /// Handles an event of the cluster.
    async fn handle_cluster_event(&mut self, heard: ClusterEvent) {
        let ClusterEvent::Message(Envelope { from, message }) = heard else {
            self.state.bus.publish(ClusterMessage::Join);
            return self.announce_all();
        };
        let outcome = match message {
            ClusterMessage::Join => {
                self.announce_all();
                Announcements::default()
            }
            ClusterMessage::Heartbeat => {
                self.registry.heartbeat(&from, now());
                Announcements::default()
            }
            ClusterMessage::Leave => self.registry.remove_node(&from),
            ClusterMessage::Sync { users } => self.registry.sync(&from, users, now()),
            ClusterMessage::User { user_id, view } => self.registry.apply_view(&from, &user_id, view, now()),
            ClusterMessage::Typing { event, settlement } => {
                self.deliver_typing(event, settlement);
                Announcements::default()
            }
            ClusterMessage::Commits { .. }
            | ClusterMessage::Messages { .. }
            | ClusterMessage::SessionEnded { .. }
            | ClusterMessage::Ephemeral(_) => Announcements::default(),
        };
        self.notify(outcome.changes).await;
    }

    fn announce_all(&self) {
        let users = self.registry.local_users().filter_map(|user| self.registry.local_view(user)).collect();
        self.state.bus.publish(ClusterMessage::Sync { users });
    }

    /// Tells the other nodes and those concerned here what has changed.
    async fn announce(&self, outcome: Announcements) {
        for user_id in outcome.own {
            let view = self.registry.local_view(&user_id);
            self.state.bus.publish(ClusterMessage::User { user_id, view });
        }
        self.notify(outcome.changes).await;
    }

    async fn notify(&self, changes: Vec<UserViewChange>) {
        for change in changes {
            match change {
                UserViewChange::Online(seen) => {
                    let user = seen.user_id.clone();
                    self.notify_co_members(&user, &EphemeralEvent::UserOnline(seen)).await;
                }
                UserViewChange::Offline(seen) => {
                    let user = seen.user_id.clone();
                    self.notify_co_members(&user, &EphemeralEvent::UserOffline(seen)).await;
                }
                UserViewChange::Presence(change) => {
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

    async fn notify_co_members(&self, user: &Id, event: &EphemeralEvent) {
        match access::co_members(&self.state.db, user).await {
            Ok(users) => {
                let sids: Vec<Sid> = users.iter().flat_map(|user| self.registry.keys(user)).collect();
                self.connections.get(&sids).iter().for_each(|connection| send(connection, event));
            }
            Err(error) => tracing::warn!(%error, "could not look up the co-members of a user"),
        }
    }

    /// Announces typing, here and to the other nodes.
    fn announce_typing(&self, target: &TypingTarget, typing: bool) {
        let event = target.event(typing);
        self.state.bus.publish(ClusterMessage::Typing { event: event.clone(), settlement: target.settlement.clone() });
        self.deliver_typing(event, target.settlement.clone());
    }

    /// Tells those here whose rooms show the entity, but never who types.
    fn deliver_typing(&self, event: UserTyping, settlement: Option<Id>) {
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
