//! Gateways of other people: what they lack is named once and done without.

use super::*;

/// A gateway that grants with a bare acknowledgement; live in one structure's room.
fn bare() -> MachineFixture {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.answer(json!({"success": true}));
    rig.pass(Timings::default().latency_timeout);
    let notices = rig.notices();
    assert!(notices.len() == 2 && notices[1].contains("latency"), "positions and latency are named once: {notices:?}");
    rig.effects.clear();
    rig
}

fn knocks(rig: &MachineFixture) -> usize {
    rig.effects.iter().filter(|effect| matches!(effect, ConnectionEffect::ProbeHealth(_))).count()
}

fn health_probed(rig: &mut MachineFixture, result: Result<(), ApiError>) {
    let generation = rig.machine.generation;
    rig.feed(ConnectionInput::HealthProbed(generation, result));
}

fn unreachable() -> ApiError {
    ApiError::Unreachable { url: "http://h/".to_owned(), reason: "refused".to_owned() }
}

#[test]
fn numbers_without_a_replay_leave_a_gap_open_and_lose_nothing_that_arrived() {
    let mut rig = bare();
    rig.event(6, 5);
    rig.event(8, 7);
    rig.event(9, 8);
    assert_eq!(rig.delivered(), [6], "what came early waits for what is missing");
    rig.answer(json!({"success": true}));
    assert_eq!(rig.delivered(), [6, 8, 9]);
    let room: Room = "structure:t".parse().unwrap();
    let gap = |from, to| Gap { room: room.clone(), from, to, recovered: false };
    assert_eq!(rig.gaps(), [gap(6, 8)]);
    // From now on it is known that asking again is of no use.
    rig.event(12, 11);
    assert_eq!(rig.delivered(), [6, 8, 9, 12]);
    assert_eq!(rig.gaps(), [gap(6, 8), gap(9, 12)]);
}

#[test]
fn after_a_reconnect_numbers_prove_that_nothing_was_missed() {
    let mut rig = bare();
    rig.event(6, 5);
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    rig.answer(json!({"success": true}));
    let joined = rig
        .told()
        .filter_map(|told| if let ClientEvent::Joined { recovered, .. } = told { Some(*recovered) } else { None });
    assert_eq!(joined.collect::<Vec<_>>(), [false], "nobody vouches for it");
    rig.event(7, 6);
    assert_eq!((rig.delivered(), rig.gaps()), (vec![6, 7], vec![]));
}

#[test]
fn a_gateway_that_claims_a_replay_and_sends_none_is_not_asked_for_ever() {
    let mut rig = bare();
    rig.event(6, 5);
    let mut asked = 0;
    rig.event(8, 7);
    while rig.phase() == Phase::Resyncing {
        asked += 1;
        assert!(asked < 100, "it asks for ever");
        rig.answer(json!({"success": true, "recovered": true}));
    }
    assert_eq!(rig.delivered(), [6, 8]);
}

#[test]
fn a_gateway_that_acknowledges_nothing_is_lived_with() {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now), ("structure:u", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.pass(Timings::default().request);
    assert_eq!((rig.phase(), knocks(&rig)), (Phase::Resyncing, 1));
    health_probed(&mut rig, Ok(()));
    assert_eq!(rig.phase(), Phase::Live);
    assert_eq!(rig.notices().len(), 2, "acknowledgements, and positions: {:?}", rig.notices());
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.phase(), Phase::Live);
    // The next connection waits for nobody.
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    assert_eq!((rig.phase(), rig.notices().len()), (Phase::Live, 2));
}

#[test]
fn a_first_request_that_is_not_answered_by_a_dead_line_is_a_lost_connection() {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.pass(Timings::default().request);
    health_probed(&mut rig, Err(unreachable()));
    assert_eq!(rig.phase(), Phase::Backoff);
}

#[test]
fn a_gateway_that_was_merely_slow_is_joined_again() {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.pass(Timings::default().request);
    health_probed(&mut rig, Ok(()));
    assert_eq!(rig.phase(), Phase::Live);
    rig.answer(json!({"success": true, "position": {"epoch": "x", "seq": 5}}));
    assert_eq!(rig.phase(), Phase::Connecting);
    rig.welcome();
    rig.grant(5, false);
    assert_eq!(rig.phase(), Phase::Live);
}

#[test]
fn silence_without_a_pulse_is_noticed_within_half_a_minute() {
    let mut rig = bare();
    let limits = Timings::default();
    // A sign of life moves the question.
    rig.pass(Duration::from_secs(15));
    rig.event(6, 5);
    rig.pass(limits.silence - Duration::from_millis(1));
    assert_eq!(knocks(&rig), 0);
    rig.pass(Duration::from_millis(1));
    assert_eq!(knocks(&rig), 1);
    health_probed(&mut rig, Ok(()));
    rig.pass(limits.silence);
    assert_eq!((knocks(&rig), rig.phase()), (2, Phase::Live));
    assert!(limits.silence + limits.request <= Duration::from_secs(30));
    health_probed(&mut rig, Err(unreachable()));
    assert_eq!(rig.phase(), Phase::Backoff);
}

#[test]
fn a_session_that_the_server_ended_needs_no_backoff() {
    let mut rig = MachineFixture::live();
    rig.link(LinkEvent::Message { name: "session:ended".to_owned(), body: json!({}) });
    rig.lose();
    assert_eq!((rig.phase(), rig.wants_token(true)), (Phase::Connecting, true));
    let generation = rig.machine.generation;
    let reason = "your login has ended; run `scry login`".to_owned();
    rig.feed(ConnectionInput::Token(generation, Err(ApiError::LoginRequired { reason })));
    assert_eq!((rig.phase(), rig.machine.status().attempt), (Phase::LoginRequired, 0));
    let backed_off =
        rig.told().any(|told| matches!(told, ClientEvent::Status(status) if status.phase == Phase::Backoff));
    assert!(!backed_off);
}
