//! Everybody who takes part in a run.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::api_client::{RecordingClient, SNAPSHOT_QUERY};
use super::clock_keeper::keep_the_clock;
use super::cluster::TestCluster;
use super::editors::RecordingEditor;
use super::faults::FaultSchedule;
use super::guests::{admit_and_remove, visit_as_guest};
use super::history::{HistoryRecord, HistoryRecorder, HistoryRequest};
use super::logins::{reuse_after_the_grace, stay_logged_in};
use super::notifier::{list, notify, receive};
use super::readers::read_snapshots;
use super::subscribers::{RoomKey, RoomSubscriber};

/// How many there are of each.
const EDITORS: usize = 8;
const CLOCK_KEEPERS: usize = 2;
const WATCHERS: usize = 4;
const SNAPSHOT_READERS: usize = 2;
const LOGIN_USERS: u64 = 2;
/// How long everybody may take to come to rest once nothing is broken any more.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(90);
const EVENTS_PER_QUERY: u64 = 500;

/// Everybody, logged in before anything is broken.
pub struct Participants {
    rng: Rng,
    recorder: HistoryRecorder,
    owner: RecordingClient,
    editor: RecordingClient,
    keeper: RecordingClient,
    watcher: RecordingClient,
    guest: RecordingClient,
    resident: RecordingClient,
    traveller: RecordingClient,
    snapshot: Value,
}

impl Participants {
    /// Logs everybody in and looks at the campaign before the first change.
    pub async fn new(cluster: &TestCluster, recorder: &HistoryRecorder, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut user = async |name: &str| RecordingClient::new(name, cluster.addresses(), recorder, rng.fork()).await;
        let mut owner = user("owner").await;
        let campaign = json!({"campaign": owner.campaign()});
        let snapshot = owner.query(SNAPSHOT_QUERY, campaign).await["snapshot"].take();
        let guest = user("guest").await.at(owner.campaign());
        let (editor, keeper, watcher) = (user("editor").await, user("keeper").await, user("watcher").await);
        let (resident, traveller) = (user("resident").await, user("traveller").await);
        let recorder = recorder.clone();
        Self { rng, recorder, owner, editor, keeper, watcher, guest, resident, traveller, snapshot }
    }

    /// Returns the campaign as it was.
    pub fn first_snapshot(&self) -> &Value {
        &self.snapshot
    }

    /// Lets everybody do what they do for a while, and then catch up.
    pub async fn perform(&mut self, cluster: &TestCluster, time: Duration) {
        let stop = CancellationToken::new();
        let (goal, goals) = watch::channel(None);
        let mut subscribers = JoinSet::new();
        for subscriber in self.subscribers() {
            subscribers.spawn(subscriber.run(goals.clone()));
        }
        let mut workers = self.workers(&stop).await;
        let faults = FaultSchedule::start(cluster, &self.recorder, &mut self.rng);
        sleep(time).await;
        stop.cancel();
        faults.end().await;
        until_all_ended(&mut workers, "people finish what they do").await;
        goal.send_replace(Some(self.read_journal().await));
        until_all_ended(&mut subscribers, "subscribers catch up").await;
        self.last_look().await;
    }

    fn subscribers(&mut self) -> Vec<RoomSubscriber> {
        let campaign = RoomKey { kind: "campaign", id: self.owner.campaign().to_owned() };
        let mut rooms = vec![campaign; WATCHERS];
        let towns = towns(&self.snapshot);
        rooms.extend(towns.into_iter().take(2).map(|id| RoomKey { kind: "settlement", id }));
        let epoch = self.snapshot["position"]["epoch"].as_str().unwrap_or_default();
        let subscriber = |(number, room)| RoomSubscriber {
            name: format!("watcher-{number}"),
            room,
            epoch: epoch.to_owned(),
            client: self.watcher.fork(),
            position: None,
        };
        rooms.into_iter().enumerate().map(subscriber).collect()
    }

    async fn workers(&mut self, stop: &CancellationToken) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        let towns = towns(&self.snapshot);
        for _ in 0..EDITORS {
            let editor = RecordingEditor::new(self.editor.fork(), towns.clone());
            workers.spawn(editor.run(stop.clone()));
        }
        for _ in 0..CLOCK_KEEPERS {
            workers.spawn(keep_the_clock(self.keeper.fork(), stop.clone()));
        }
        for _ in 0..SNAPSHOT_READERS {
            workers.spawn(read_snapshots(self.watcher.fork(), stop.clone()));
        }
        let guest_id = self.guest.query("{ me { id } }", json!({})).await["me"]["id"].take();
        let guest_id = guest_id.as_str().unwrap_or_default().to_owned();
        workers.spawn(admit_and_remove(self.owner.fork(), self.guest.fork(), guest_id, stop.clone()));
        let epoch = self.snapshot["position"]["epoch"].as_str().unwrap_or_default().to_owned();
        workers.spawn(visit_as_guest(self.guest.fork(), epoch, stop.clone()));
        let (resident, traveller) = (self.id_of("resident"), self.id_of("traveller"));
        workers.spawn(notify(self.owner.fork(), [resident.clone(), traveller.clone()], stop.clone()));
        for (user, client, stays) in [(resident, &mut self.resident, true), (traveller, &mut self.traveller, false)] {
            workers.spawn(list(client.fork(), user.clone(), stop.clone()));
            workers.spawn(receive(client.fork(), user, stays, stop.clone()));
        }
        for _ in 0..LOGIN_USERS {
            workers.spawn(stay_logged_in(self.watcher.fork(), stop.clone()));
        }
        workers.spawn(reuse_after_the_grace(self.watcher.fork(), stop.clone()));
        workers
    }

    fn id_of(&self, name: &str) -> String {
        let members = self.snapshot["members"].as_array().into_iter().flatten();
        let member = members.into_iter().find(|member| member["name"] == name).unwrap();
        member["userId"].as_str().unwrap_or_default().to_owned()
    }

    /// Records the journal; returns the last event of each room that somebody may follow.
    async fn read_journal(&mut self) -> HashMap<String, u64> {
        let query = "query ($campaign: ID!, $since: Int!, $limit: Int!) { \
             events(campaignId: $campaign, since: $since, limit: $limit) { seq epoch event } }";
        let mut since = self.snapshot["position"]["seq"].as_u64().unwrap_or_default();
        let mut rooms = HashMap::new();
        loop {
            let variables = json!({"campaign": self.owner.campaign(), "since": since, "limit": EVENTS_PER_QUERY});
            let mut page = self.owner.query(query, variables).await["events"].take();
            let Some(page) = page.as_array_mut().filter(|page| !page.is_empty()) else { return rooms };
            for row in page {
                since = row["seq"].as_u64().unwrap();
                let epoch = row["epoch"].as_str().unwrap_or_default().to_owned();
                let event = row["event"].take();
                rooms.insert(format!("campaign:{}", self.owner.campaign()), since);
                if let ("settlement_updated" | "structure_updated", Some(town)) =
                    (event["type"].as_str().unwrap_or_default(), event["payload"]["settlementId"].as_str())
                {
                    rooms.insert(format!("settlement:{town}"), since);
                }
                self.recorder.write(HistoryRecord::Journal { seq: since, epoch, event });
            }
        }
    }

    /// Reads once more what everybody should find now.
    async fn last_look(&mut self) {
        let op = self.recorder.number();
        self.watcher.ask(op, &HistoryRequest::Snapshot).await;
        let (resident, traveller) = (self.id_of("resident"), self.id_of("traveller"));
        super::notifier::list_once(&mut self.resident, &resident).await;
        super::notifier::list_once(&mut self.traveller, &traveller).await;
    }
}

fn towns(snapshot: &Value) -> Vec<String> {
    let towns = snapshot["settlements"].as_array().into_iter().flatten();
    towns.filter_map(|town| Some(town["id"].as_str()?.to_owned())).collect()
}

/// Waits for all; those who do not come to an end are left behind, and the checker says what they have missed.
async fn until_all_ended(tasks: &mut JoinSet<()>, what: &str) {
    let ended = async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    };
    if timeout(SETTLE_TIMEOUT, ended).await.is_err() {
        println!("{} did not end in time: {what}", tasks.len());
        tasks.shutdown().await;
    }
}
