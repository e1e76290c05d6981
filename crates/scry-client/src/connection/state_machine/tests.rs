use scry_model::event::{Gap, Snapshot};
use scry_protocol::{ErrorCode, Id, Position};
use serde_json::{Value, json};

use super::*;
use crate::connection::{GatewayRequest, RequestBody};

mod confirm;
mod foreign;
mod model;
mod rig;

use rig::MachineFixture;

#[test]
fn live_is_reported_after_every_room_is_joined() {
    let mut rig = MachineFixture::new(&[("settlement:s", StartPosition::Now), ("structure:t", StartPosition::Now)]);
    assert_eq!(rig.phase(), Phase::Disconnected);
    rig.feed(ConnectionInput::Start);
    assert_eq!(rig.phase(), Phase::Connecting);
    rig.welcome();
    assert_eq!(rig.phase(), Phase::Resyncing);
    rig.grant(4, false);
    assert_eq!(rig.phase(), Phase::Resyncing, "one room is still missing");
    rig.grant(5, false);
    assert_eq!(rig.phase(), Phase::Live);
    let phases: Vec<_> = rig
        .told()
        .filter_map(|event| if let ClientEvent::Status(status) = event { Some(status.phase) } else { None })
        .collect();
    assert_eq!(phases, [Phase::Connecting, Phase::Resyncing, Phase::Live]);
}

#[test]
fn the_waits_are_exact_and_the_tenth_failure_opens_the_circuit() {
    let mut rig = MachineFixture::live();
    rig.lose();
    for (attempt, seconds) in (1..).zip([1, 2, 4, 8, 16, 32, 32, 32, 32, 32]) {
        assert_eq!(rig.phase(), Phase::Backoff);
        assert_eq!(rig.machine.status().attempt, attempt);
        assert_eq!(rig.machine.status().retry_in, Some(Duration::from_secs(seconds)));
        rig.pass(Duration::from_secs(seconds) - Duration::from_millis(1));
        assert_eq!(rig.phase(), Phase::Backoff);
        rig.pass(Duration::from_millis(1));
        assert_eq!(rig.phase(), Phase::Connecting);
        rig.token();
        rig.lose();
    }
    assert_eq!(rig.phase(), Phase::Open);
    rig.pass(Duration::from_secs(86_400));
    assert_eq!(rig.phase(), Phase::Open, "without a probe it waits for a person");
    rig.feed(ConnectionInput::Retry);
    assert_eq!((rig.phase(), rig.machine.status().attempt), (Phase::Connecting, 0));
}

#[test]
fn jitter_shortens_a_wait_by_a_fifth_at_most() {
    let mut rig = MachineFixture::with(Timings::default(), &[]);
    rig.feed(ConnectionInput::Start);
    rig.token();
    rig.lose();
    assert_eq!(rig.machine.status().retry_in, Some(Duration::from_millis(800)));
}

#[test]
fn a_probe_tries_once_and_goes_back_to_waiting() {
    let probe = Some(Duration::from_secs(60));
    let mut rig = MachineFixture::with(Timings { jitter: false, probe, ..Timings::default() }, &[]);
    rig.feed(ConnectionInput::Start);
    rig.token();
    rig.lose();
    while rig.phase() == Phase::Backoff {
        rig.pass(Duration::from_secs(32));
        rig.token();
        rig.lose();
    }
    assert_eq!(rig.phase(), Phase::Open);
    rig.pass(Duration::from_secs(60));
    assert_eq!(rig.phase(), Phase::Connecting);
    rig.token();
    rig.lose();
    assert_eq!(rig.phase(), Phase::Open);
    rig.pass(Duration::from_secs(60));
    rig.welcome();
    assert_eq!((rig.phase(), rig.machine.status().attempt), (Phase::Live, 0));
}

#[test]
fn the_count_resets_when_live_and_not_when_merely_open() {
    let mut rig = MachineFixture::live();
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    assert_eq!((rig.phase(), rig.machine.status().attempt), (Phase::Resyncing, 1));
    rig.lose();
    assert_eq!(rig.machine.status().attempt, 2, "it was open, but never live");
    rig.pass(Duration::from_secs(2));
    rig.welcome();
    rig.grant(5, true);
    assert_eq!((rig.phase(), rig.machine.status().attempt), (Phase::Live, 0));
}

#[test]
fn silent_connection_is_detected_within_ten_seconds() {
    let mut rig = MachineFixture::live();
    rig.pass(Duration::from_millis(9_999));
    assert_eq!(rig.phase(), Phase::Live);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.phase(), Phase::Backoff);
    assert_eq!(rig.machine.status().reason.as_deref(), Some("no answer from the gateway for 5 s"));
}

#[test]
fn a_line_that_answers_stays_up_and_is_measured() {
    let mut rig = MachineFixture::live();
    rig.now.at += Duration::from_millis(12);
    for _ in 0..100 {
        rig.pass(Duration::from_millis(4_988));
        rig.now.at += Duration::from_millis(12);
        rig.pulse();
        assert_eq!(rig.machine.status().round_trip, Some(Duration::from_millis(12)));
    }
    assert_eq!(rig.phase(), Phase::Live);
}

#[test]
fn a_gateway_that_never_welcomes_us_is_given_up() {
    let mut rig = MachineFixture::new(&[]);
    rig.feed(ConnectionInput::Start);
    rig.token();
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.phase(), Phase::Backoff);
}

#[test]
fn a_request_without_an_answer_ends_the_connection_but_a_long_replay_does_not() {
    let mut rig = MachineFixture::live();
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    for seq in 6..20 {
        rig.pass(Duration::from_secs(9));
        rig.event(seq, seq - 1);
    }
    assert_eq!(rig.phase(), Phase::Resyncing);
    assert_eq!(rig.delivered(), (6..20).collect::<Vec<_>>());
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.phase(), Phase::Backoff);
}

#[test]
fn events_of_an_older_connection_are_ignored() {
    let mut rig = MachineFixture::live();
    let old = rig.machine.generation;
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    rig.feed(ConnectionInput::Link(old, LinkEvent::Ended { reason: "late".to_owned(), certificate: false }));
    rig.feed(ConnectionInput::Link(old, LinkEvent::Message { name: "alert".to_owned(), body: Value::Null }));
    assert_eq!(rig.phase(), Phase::Resyncing);
    assert!(!rig.told().any(|event| matches!(event, ClientEvent::Delivered(_))));
}

#[test]
fn an_expired_token_is_refreshed_and_counts_as_no_failure() {
    let mut rig = MachineFixture::new(&[]);
    rig.feed(ConnectionInput::Start);
    rig.token();
    rig.effects.clear();
    rig.link(LinkEvent::Refused { message: "TOKEN_EXPIRED: log in again".to_owned() });
    assert!(rig.wants_token(true));
    assert_eq!((rig.phase(), rig.machine.status().attempt), (Phase::Connecting, 0));
    rig.welcome();
    assert_eq!(rig.phase(), Phase::Live);
}

#[test]
fn a_fresh_token_that_is_refused_too_asks_for_a_login_until_one_is_found() {
    let mut rig = MachineFixture::new(&[]);
    rig.feed(ConnectionInput::Start);
    rig.token();
    rig.link(LinkEvent::Refused { message: "TOKEN_INVALID: no".to_owned() });
    rig.token();
    rig.link(LinkEvent::Refused { message: "TOKEN_INVALID: no".to_owned() });
    assert_eq!(rig.phase(), Phase::LoginRequired);
    rig.pass(Duration::from_secs(2));
    assert!(rig.effects.iter().any(|effect| matches!(effect, ConnectionEffect::FindLogin)));
    rig.feed(ConnectionInput::LoginFound);
    rig.welcome();
    assert_eq!(rig.phase(), Phase::Live);
}

#[test]
fn a_refused_refresh_asks_for_a_login() {
    let mut rig = MachineFixture::live();
    rig.link(LinkEvent::Ended { reason: "cut".to_owned(), certificate: false });
    rig.pass(Duration::from_secs(1));
    let generation = rig.machine.generation;
    let refused = ApiError::LoginRequired { reason: "your login has ended".to_owned() };
    rig.feed(ConnectionInput::Token(generation, Err(refused)));
    assert_eq!(rig.phase(), Phase::LoginRequired);
    assert_eq!(rig.machine.status().live_until, Some(Timestamp::UNIX_EPOCH), "what is shown has an age");
}

#[test]
fn a_token_is_renewed_ahead_of_its_end_without_leaving_live() {
    let mut rig = MachineFixture::new(&[]);
    rig.feed(ConnectionInput::Start);
    let generation = rig.machine.generation;
    rig.feed(ConnectionInput::Token(generation, Ok(Some(Duration::from_secs(900)))));
    rig.link(LinkEvent::Connected { transport: Transport::WebSocket, ping_interval: None });
    let connected = rig.now.at;
    rig.pulse();
    while !rig.wants_token(true) {
        rig.pass(Duration::from_secs(5));
        rig.pulse();
    }
    assert_eq!(rig.now.at - connected, Duration::from_secs(840), "a minute before its end");
    rig.feed(ConnectionInput::Token(generation, Ok(Some(Duration::from_secs(900)))));
    assert_eq!((rig.request().name, &rig.request().body), ("authenticate", &RequestBody::Token));
    rig.answer(json!({"success": true, "expiresAt": "2026-01-01T00:15:00.000Z"}));
    assert_eq!(rig.phase(), Phase::Live);
    assert_eq!(rig.machine.generation, generation, "it is the same connection");
}

#[test]
fn a_gateway_that_sees_the_end_sooner_is_believed_and_one_that_repeats_itself_is_not() {
    let mut rig = MachineFixture::new(&[]);
    rig.feed(ConnectionInput::Start);
    let generation = rig.machine.generation;
    rig.feed(ConnectionInput::Token(generation, Ok(Some(Duration::from_secs(900)))));
    rig.link(LinkEvent::Connected { transport: Transport::WebSocket, ping_interval: None });
    rig.effects.clear();
    rig.link(LinkEvent::Message { name: "token:expiring".to_owned(), body: json!({}) });
    assert!(rig.wants_token(true));
    rig.feed(ConnectionInput::Token(generation, Ok(Some(Duration::from_secs(30)))));
    rig.effects.clear();
    rig.link(LinkEvent::Message { name: "token:expiring".to_owned(), body: json!({}) });
    assert!(!rig.wants_token(true), "a token this short is renewed at its half, not at every word");
}

#[test]
fn a_bad_certificate_is_not_tried_again() {
    let mut rig = MachineFixture::new(&[]);
    rig.feed(ConnectionInput::Start);
    rig.token();
    rig.link(LinkEvent::Ended { reason: "self-signed certificate".to_owned(), certificate: true });
    assert_eq!(rig.phase(), Phase::Open);
    assert_eq!(rig.machine.next_deadline(), None);
}

#[test]
fn a_gateway_that_goes_away_says_how_long_to_stay_away() {
    let mut rig = MachineFixture::live();
    let body = json!({"reconnectAfterMs": 2500});
    rig.link(LinkEvent::Message { name: "server:draining".to_owned(), body });
    assert_eq!(rig.phase(), Phase::Live);
    rig.lose();
    assert_eq!(rig.machine.status().retry_in, Some(Duration::from_millis(2500)));
}

#[test]
fn a_reconnect_resumes_and_passes_each_event_on_once() {
    let mut rig = MachineFixture::live();
    rig.event(6, 5);
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    let since = json!({"structureId": "t", "since": {"epoch": "x", "seq": 6}});
    assert_eq!(rig.request().body, RequestBody::Json(since));
    for seq in [6, 8, 9] {
        rig.event(seq, if seq == 8 { 6 } else { seq - 1 });
    }
    rig.grant(9, true);
    rig.event(9, 8);
    assert_eq!(rig.delivered(), [6, 8, 9]);
    assert_eq!((rig.phase(), rig.gaps()), (Phase::Live, vec![]));
}

#[test]
fn gap_is_detected_resumed_and_recovered() {
    let mut rig = MachineFixture::live();
    rig.event(9, 7);
    assert_eq!(rig.phase(), Phase::Resyncing, "until it is healed, this is not live");
    assert_eq!(rig.request().body, RequestBody::Json(json!({"structureId": "t", "since": {"epoch": "x", "seq": 5}})));
    rig.event(7, 5);
    rig.event(9, 7);
    rig.grant(9, true);
    assert_eq!(rig.delivered(), [7, 9]);
    let gap = Gap { room: "structure:t".parse().unwrap(), from: 5, to: 9, recovered: false };
    assert_eq!(rig.gaps(), [gap.clone(), Gap { recovered: true, ..gap }]);
    assert_eq!(rig.phase(), Phase::Live);
}

#[test]
fn a_campaign_begins_with_its_state_and_goes_on_after_it() {
    let mut rig = MachineFixture::new(&[("campaign:c", StartPosition::Snapshot)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    let campaign = Id::parse("c").unwrap();
    assert!(rig.effects.iter().any(|effect| matches!(effect, ConnectionEffect::GetSnapshot(_, id) if *id == campaign)));
    let position = Some(Position::new("x", 40));
    let snapshot = Box::new(Snapshot { campaign_id: campaign.clone(), position, nodes: Vec::new() });
    let generation = rig.machine.generation;
    rig.feed(ConnectionInput::Snapshot(generation, campaign, Ok(snapshot)));
    assert_eq!(rig.request().body, RequestBody::Json(json!({"campaignId": "c", "since": {"epoch": "x", "seq": 40}})));
    rig.event(41, 0);
    rig.grant(41, true);
    assert_eq!((rig.phase(), rig.delivered()), (Phase::Live, vec![41]));
}

#[test]
fn gateway_without_acks_is_detected_once_and_works() {
    let mut rig = MachineFixture::new(&[("campaign:c", StartPosition::Snapshot)]);
    rig.feed(ConnectionInput::Start);
    for _ in 0..2 {
        rig.welcome();
        if rig.machine.offers_snapshots() {
            let generation = rig.machine.generation;
            let missing = ApiError::NotOffered { url: "http://g/".to_owned(), what: "GraphQL".to_owned() };
            rig.feed(ConnectionInput::Snapshot(generation, Id::parse("c").unwrap(), Err(missing)));
        }
        rig.answer(json!({"success": true}));
        assert_eq!(rig.phase(), Phase::Live);
        rig.pass(Duration::from_secs(60));
        assert_eq!(rig.phase(), Phase::Live, "no answer to latency is no silence here");
        rig.lose();
        rig.pass(Duration::from_secs(1));
    }
    assert_eq!(rig.notices().len(), 3, "{:?}", rig.notices());
    let recovered: Vec<_> = rig
        .told()
        .filter_map(|event| if let ClientEvent::Joined { recovered, .. } = event { Some(*recovered) } else { None })
        .collect();
    assert_eq!(recovered, [true, false], "what happened in between cannot be known");
}

#[test]
fn a_first_answer_that_comes_late_counts_all_the_same() {
    let mut rig = MachineFixture::new(&[]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.pass(Duration::from_secs(6));
    rig.pulse();
    rig.pass(Duration::from_secs(5));
    rig.effects.clear();
    rig.pass(Duration::from_secs(5));
    assert_eq!(rig.phase(), Phase::Backoff, "from then on silence is noticed");
}

#[test]
fn an_unknown_campaign_is_refused_in_the_gateways_words() {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.answer(json!({"success": false, "error": "Unauthorized", "code": "UNAUTHORIZED"}));
    let refused = rig.told().find(|event| matches!(event, ClientEvent::Refused { .. }));
    let Some(ClientEvent::Refused { code, .. }) = refused else { panic!("not refused") };
    assert_eq!(*code, ErrorCode::Unauthorized);
}

#[test]
fn a_gateway_that_is_busy_is_asked_again_when_it_said() {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.answer(json!({"success": false, "error": "slow down", "code": "RATE_LIMITED", "retryAfterMs": 700}));
    let asked = rig.request().id;
    rig.pass(Duration::from_millis(699));
    assert_eq!(rig.request().id, asked);
    rig.pass(Duration::from_millis(1));
    assert_ne!(rig.request().id, asked);
    rig.grant(5, false);
    assert_eq!(rig.phase(), Phase::Live);
}

#[test]
fn a_reader_that_falls_behind_is_waited_for_and_then_caught_up() {
    let mut rig = MachineFixture::live();
    rig.feed(ConnectionInput::Congested);
    assert_eq!(rig.phase(), Phase::Resyncing);
    rig.feed(ConnectionInput::CaughtUp);
    rig.welcome();
    assert_eq!(rig.request().body, RequestBody::Json(json!({"structureId": "t", "since": {"epoch": "x", "seq": 5}})));
    rig.grant(5, true);
    assert_eq!((rig.phase(), rig.machine.status().attempt), (Phase::Live, 0));
}

#[test]
fn a_revoked_room_falls_silent_and_is_not_asked_for_again() {
    let mut rig = MachineFixture::live();
    rig.link(LinkEvent::Message { name: "access:revoked".to_owned(), body: json!({"room": "structure:t"}) });
    rig.event(6, 5);
    assert_eq!(rig.delivered(), Vec::<u64>::new());
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.effects.clear();
    rig.welcome();
    assert_eq!(rig.request().name, "latency", "there is nothing left to join");
}

#[test]
fn closed_connection_ignores_every_input() {
    let mut rig = MachineFixture::live();
    rig.feed(ConnectionInput::Close);
    assert_eq!(rig.phase(), Phase::Closed);
    rig.effects.clear();
    rig.feed(ConnectionInput::Retry);
    rig.pass(Duration::from_secs(60));
    assert!(rig.effects.is_empty());
}
