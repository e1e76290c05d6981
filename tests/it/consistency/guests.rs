//! A guest who is admitted and removed while connected.

use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::asking::Asker;
use super::cluster::millis;
use super::history::Request;
use super::subscribers::{Entry, Heard, Link, Room};

const INVITE: &str = "mutation ($id: ID!) { addMember(campaignId: $id, userId: \"guest\", role: VIEWER) { id } }";

/// Admits and removes the guest in turn, until stopped.
pub async fn admit_and_remove(mut owner: Asker, mut guest: Asker, id: String, stop: CancellationToken) {
    let mut is_member = false;
    while !stop.is_cancelled() {
        // Where an answer is lost, the next one says how things stand: it is refused, or it is not.
        if is_member {
            let op = owner.recorder.number();
            owner.ask(op, &Request::Remove { user: id.clone() }).await;
        } else {
            admit(&mut owner, &mut guest).await;
        }
        is_member = !is_member;
        sleep(millis(&mut owner.rng, 300..2_500)).await;
    }
}

/// Invites the guest, who accepts.
async fn admit(owner: &mut Asker, guest: &mut Asker) {
    let campaign = json!({"id": owner.campaign()});
    owner.try_query(INVITE, campaign).await;
    let Some(invitations) = guest.try_query("{ invitations { id } }", json!({})).await else { return };
    let Some(invitation) = invitations["invitations"][0]["id"].as_str() else { return };
    let op = guest.recorder.number();
    let accept = Request::Admit { user: "guest".to_owned(), invitation: invitation.to_owned() };
    guest.ask(op, &accept).await;
}

/// Stays connected and asks for the campaign's room again and again, with the last position, until stopped.
pub async fn visit_as_guest(mut guest: Asker, epoch: String, stop: CancellationToken) {
    let room = Room { kind: "campaign", id: guest.campaign().to_owned() };
    let mut position = None;
    while !stop.is_cancelled() {
        let Some(mut link) = Link::open(&mut guest, "guest").await else {
            sleep(millis(&mut guest.rng, 5..100)).await;
            continue;
        };
        let mut entry = enter(&mut link, &room, &epoch, &mut position).await;
        while entry != Entry::Closed && !stop.is_cancelled() {
            let inside = matches!(entry, Entry::Joined { .. });
            let again = Instant::now() + millis(&mut guest.rng, 20..200);
            match link.next(again).await {
                Heard::Closed => entry = Entry::Closed,
                // Without a room, whatever comes is one event too many; so it listens before it asks again.
                Heard::Revoked => entry = Entry::Refused,
                Heard::Nothing if !inside => entry = enter(&mut link, &room, &epoch, &mut position).await,
                Heard::Nothing | Heard::Event | Heard::Answer(..) | Heard::Other => {}
            }
            position = link.seen.or(position);
        }
    }
}

/// Asks for the room; after an absence, it goes on from where the answer says.
async fn enter(link: &mut Link, room: &Room, epoch: &str, position: &mut Option<u64>) -> Entry {
    let since = position.map(|position| (epoch, position));
    let entry = link.subscribe("guest", room, since).await;
    if let Entry::Joined { position: head, recovered: false } = entry {
        *position = Some(head);
    }
    *position = link.seen.max(*position);
    entry
}
