//! Subscribers that come back with the position of the last event they got, whatever ended their connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::api_client::RecordingClient;
use super::cluster::millis;
use super::history::{HistoryRecord, HistoryRecorder, event_digest};
use scry_testkit::raw_socket::{RawSocketClient, dial_from};

/// How long any step of opening a connection may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(8);

/// The last event of each room, once nothing is added any more.
pub type FinalSeqs = watch::Receiver<Option<HashMap<String, u64>>>;

/// A room that is subscribed to: its kind and its id.
#[derive(Debug, Clone)]
pub struct RoomKey {
    pub kind: &'static str,
    pub id: String,
}

impl RoomKey {
    pub fn name(&self) -> String {
        format!("{}:{}", self.kind, self.id)
    }
}

/// One connection to a node.
pub struct SubscriberLink {
    raw: RawSocketClient,
    recorder: HistoryRecorder,
    user: String,
    /// The subscription that the events which arrive are counted to.
    stream: Option<u64>,
    /// The last event of this subscription.
    pub seen: Option<u64>,
}

/// What came over a connection.
#[derive(Debug, PartialEq)]
pub enum ReceivedItem {
    Event,
    Revoked,
    /// The answer to a request, with its number.
    Answer(u64, Value),
    Other,
    /// Nothing, until the time that was given.
    Nothing,
    Closed,
}

/// How a room answered.
#[derive(Debug, PartialEq)]
pub enum RoomEntry {
    Joined { position: u64, recovered: bool },
    Refused,
    Closed,
}

impl SubscriberLink {
    /// Connects to a node that runs; `None` if that fails.
    pub async fn open(client: &mut RecordingClient, user: &str) -> Option<Self> {
        let (_, url) = client.addresses.pick(&mut client.rng).await;
        let opened = async {
            let stream = dial_from(&url, IpAddr::from([127, 0, 0, 1])).await.ok()?;
            let mut raw = RawSocketClient::over(stream, "").await?;
            raw.greet(&json!({"token": client.token})).await.ok()?;
            Some(raw)
        };
        let raw = timeout(STEP_TIMEOUT, opened).await.ok()??;
        let (recorder, user) = (client.recorder.clone(), user.to_owned());
        let mut link = Self { raw, recorder, user, stream: None, seen: None };
        // What came together with the welcome.
        while let Some(event) = link.raw.events.pop_front() {
            link.hear(&event);
        }
        Some(link)
    }

    /// Asks for a room, as a subscription of its own, and takes in what comes before the answer.
    pub async fn subscribe(&mut self, subscriber: &str, room: &RoomKey, since: Option<(&str, u64)>) -> RoomEntry {
        let stream = self.recorder.number();
        let mut payload = json!({format!("{}Id", room.kind): room.id});
        if let Some((epoch, seq)) = since {
            payload["since"] = json!({"epoch": epoch, "seq": seq});
        }
        let since = since.map(|(_, seq)| seq);
        let record = HistoryRecord::Subscribe { stream, subscriber: subscriber.to_owned(), room: room.name(), since };
        self.recorder.write(record);
        (self.stream, self.seen) = (Some(stream), None);
        let ack = self.raw.emit(&format!("subscribe_{}", room.kind), &payload).await;
        let until = Instant::now() + STEP_TIMEOUT;
        loop {
            match self.next(until).await {
                ReceivedItem::Answer(number, answer) if number == ack => return self.entered(stream, &answer),
                ReceivedItem::Nothing | ReceivedItem::Closed => return RoomEntry::Closed,
                ReceivedItem::Event | ReceivedItem::Revoked | ReceivedItem::Answer(..) | ReceivedItem::Other => {}
            }
        }
    }

    fn entered(&self, stream: u64, answer: &Value) -> RoomEntry {
        if answer["success"] != true {
            let code = answer["code"].as_str().unwrap_or_default().to_owned();
            self.recorder.write(HistoryRecord::Refused { stream, code });
            return RoomEntry::Refused;
        }
        let epoch = answer["position"]["epoch"].as_str().unwrap_or_default().to_owned();
        let position = answer["position"]["seq"].as_u64().unwrap_or_default();
        let recovered = answer["recovered"] == true;
        self.recorder.write(HistoryRecord::Joined { stream, epoch, position, recovered });
        RoomEntry::Joined { position, recovered }
    }

    /// Reads on, until something has come or the time is over.
    pub async fn next(&mut self, until: Instant) -> ReceivedItem {
        let Ok(text) = timeout_at(until, self.raw.text()).await else { return ReceivedItem::Nothing };
        let Some(text) = text.filter(|text| !text.starts_with("41")) else { return ReceivedItem::Closed };
        if let Some(answer) = text.strip_prefix("43") {
            let start = answer.find('[').unwrap_or(answer.len());
            let number = answer[..start].parse().unwrap_or_default();
            let answer: Value = serde_json::from_str(&answer[start..]).unwrap_or_default();
            return ReceivedItem::Answer(number, answer[0].clone());
        }
        let Some(event) = text.strip_prefix("42") else { return ReceivedItem::Other };
        self.hear(&serde_json::from_str(event).unwrap())
    }

    /// Takes in an event, `[name, payload]`.
    fn hear(&mut self, event: &Value) -> ReceivedItem {
        let payload = &event[1];
        match (event[0].as_str().unwrap_or_default(), payload["metadata"]["seq"].as_u64(), self.stream) {
            (_, Some(seq), Some(stream)) => {
                self.recorder.write(HistoryRecord::Delivered { stream, seq, digest: event_digest(payload) });
                self.seen = Some(seq);
                ReceivedItem::Event
            }
            ("access:revoked", _, Some(stream)) => {
                self.recorder.write(HistoryRecord::Revoked { stream });
                ReceivedItem::Revoked
            }
            ("notification:new", ..) => {
                let title = payload["title"].as_str().unwrap_or_default().to_owned();
                self.recorder.write(HistoryRecord::Message { user: self.user.clone(), title });
                ReceivedItem::Other
            }
            _ => ReceivedItem::Other,
        }
    }

    /// Leaves in an orderly way: what was sent before has been read.
    pub async fn leave(mut self) {
        self.raw.send("41").await;
        let until = Instant::now() + Duration::from_millis(500);
        while !matches!(self.next(until).await, ReceivedItem::Nothing | ReceivedItem::Closed) {}
    }
}

/// One who wants to know everything that happens in a room.
pub struct RoomSubscriber {
    pub name: String,
    pub room: RoomKey,
    pub epoch: String,
    pub client: RecordingClient,
    pub position: Option<u64>,
}

impl RoomSubscriber {
    /// Follows the room until the goal has been reached.
    pub async fn run(mut self, goal: FinalSeqs) {
        while !self.is_there(&goal) {
            if self.visit(&goal).await.is_none() {
                sleep(millis(&mut self.client.rng, 5..100)).await;
            }
        }
    }

    fn is_there(&self, goal: &FinalSeqs) -> bool {
        let goal = goal.borrow();
        let Some(last) = goal.as_ref().map(|goal| goal.get(&self.room.name()).copied().unwrap_or_default()) else {
            return false;
        };
        self.position.is_some_and(|position| position >= last)
    }

    /// Connects, and stays for a while or until the connection ends; `None` if it did not come about.
    async fn visit(&mut self, goal: &FinalSeqs) -> Option<()> {
        let mut link = SubscriberLink::open(&mut self.client, &self.name).await?;
        let since = self.position.map(|position| (self.epoch.as_str(), position));
        let entry = link.subscribe(&self.name, &self.room, since).await;
        let before = self.position;
        let joined = match entry {
            RoomEntry::Joined { position, recovered: false } => Some(position),
            _ => None,
        };
        self.position = link.seen.max(joined).or(before);
        if matches!(entry, RoomEntry::Joined { .. }) {
            let leave = Instant::now() + millis(&mut self.client.rng, 1_000..15_000);
            while Instant::now() < leave && !self.is_there(goal) {
                // Looked up from now and then, so that the end is noticed where nothing comes any more.
                let look = leave.min(Instant::now() + Duration::from_millis(200));
                if link.next(look).await == ReceivedItem::Closed {
                    break;
                }
                self.position = link.seen.max(joined).or(before);
            }
        }
        // It goes as it came to be: without a word, as a connection that breaks.
        Some(())
    }
}
