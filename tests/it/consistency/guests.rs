//! A guest who is admitted and removed while connected.

use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::api_client::RecordingClient;
use super::cluster::millis;
use super::history::HistoryRequest;
use super::subscribers::{ReceivedItem, RoomEntry, RoomKey, SubscriberLink};

const INVITE: &str = "mutation ($id: ID!) { addMember(campaignId: $id, userId: \"guest\", role: VIEWER) { id } }";

/// Admits and removes the guest in turn, until stopped.
pub async fn admit_and_remove(
    mut owner: RecordingClient,
    mut guest: RecordingClient,
    id: String,
    stop: CancellationToken,
) {
    let mut is_member = false;
    while !stop.is_cancelled() {
        // Where an answer is lost, the next one says how things stand: it is refused, or it is not.
        if is_member {
            let op = owner.recorder.number();
            owner.ask(op, &HistoryRequest::Remove { user: id.clone() }).await;
        } else {
            admit(&mut owner, &mut guest).await;
        }
        is_member = !is_member;
        sleep(millis(&mut owner.rng, 300..2_500)).await;
    }
}

/// Invites the guest, who accepts.
async fn admit(owner: &mut RecordingClient, guest: &mut RecordingClient) {
    let campaign = json!({"id": owner.campaign()});
    owner.try_query(INVITE, campaign).await;
    let Some(invitations) = guest.try_query("{ invitations { id } }", json!({})).await else { return };
    let Some(invitation) = invitations["invitations"][0]["id"].as_str() else { return };
    let op = guest.recorder.number();
    let accept = HistoryRequest::Admit { user: "guest".to_owned(), invitation: invitation.to_owned() };
    guest.ask(op, &accept).await;
}

/// Stays connected and asks for the campaign's room again and again, with the last position, until stopped.
pub async fn visit_as_guest(mut guest: RecordingClient, epoch: String, stop: CancellationToken) {
    let room = RoomKey { kind: "campaign", id: guest.campaign().to_owned() };
    let mut position = None;
    while !stop.is_cancelled() {
        let Some(mut link) = SubscriberLink::open(&mut guest, "guest").await else {
            sleep(millis(&mut guest.rng, 5..100)).await;
            continue;
        };
        let mut entry = enter(&mut link, &room, &epoch, &mut position).await;
        while entry != RoomEntry::Closed && !stop.is_cancelled() {
            let inside = matches!(entry, RoomEntry::Joined { .. });
            let again = Instant::now() + millis(&mut guest.rng, 20..200);
            match link.next(again).await {
                ReceivedItem::Closed => entry = RoomEntry::Closed,
                // Without a room, whatever comes is one event too many; so it listens before it asks again.
                ReceivedItem::Revoked => entry = RoomEntry::Refused,
                ReceivedItem::Nothing if !inside => entry = enter(&mut link, &room, &epoch, &mut position).await,
                ReceivedItem::Nothing | ReceivedItem::Event | ReceivedItem::Answer(..) | ReceivedItem::Other => {}
            }
            position = link.seen.or(position);
        }
    }
}

/// Asks for the room; after an absence, it goes on from where the answer says.
async fn enter(link: &mut SubscriberLink, room: &RoomKey, epoch: &str, position: &mut Option<u64>) -> RoomEntry {
    let since = position.map(|position| (epoch, position));
    let entry = link.subscribe("guest", room, since).await;
    if let RoomEntry::Joined { position: head, recovered: false } = entry {
        *position = Some(head);
    }
    *position = link.seen.max(*position);
    entry
}
