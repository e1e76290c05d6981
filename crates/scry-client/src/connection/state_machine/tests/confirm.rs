//! Confirming that everything sent so far is here.

use scry_model::event::Confirmation;

use super::*;

fn confirmed(rig: &MachineFixture) -> Vec<Confirmation> {
    rig.told().filter_map(|event| if let ClientEvent::Confirmed(it) = event { Some(*it) } else { None }).collect()
}

/// Returns how often the gateway has answered, and fails if anything else has confirmed something.
fn answers(rig: &MachineFixture) -> usize {
    let all = confirmed(rig);
    assert!(all.iter().all(|it| matches!(it, Confirmation::Answered { server_time: Some(_) })), "{all:?}");
    all.len()
}

/// A gateway that numbers its rooms, just joined and asked for the first time.
fn numbering() -> MachineFixture {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.grant(5, false);
    rig.feed(ConnectionInput::Confirm);
    rig
}

/// A gateway that numbers nothing and has not answered in time.
fn foreign() -> MachineFixture {
    let mut rig = MachineFixture::new(&[("structure:t", StartPosition::Now)]);
    rig.feed(ConnectionInput::Start);
    rig.welcome();
    rig.answer(json!({"success": true}));
    rig.pass(Timings::default().latency_timeout);
    rig
}

#[test]
fn confirmation_comes_with_an_answer_to_a_question_asked_after_it() {
    let mut rig = MachineFixture::live();
    rig.pass(Timings::default().latency_interval);
    // A question that was under way already proves nothing.
    rig.feed(ConnectionInput::Confirm);
    rig.pulse();
    assert_eq!(answers(&rig), 0);
    rig.event(6, 5);
    rig.pulse();
    assert_eq!(answers(&rig), 1);
    assert_eq!(rig.delivered(), [6]);
}

#[test]
fn confirmation_that_an_outage_cuts_short_comes_after_the_resume() {
    let mut rig = MachineFixture::live();
    rig.feed(ConnectionInput::Confirm);
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    assert_eq!(answers(&rig), 0);
    rig.event(6, 5);
    rig.grant(6, true);
    rig.pulse();
    assert_eq!((rig.delivered(), answers(&rig)), (vec![6], 1));
}

#[test]
fn gateway_without_latency_is_confirmed_while_its_pings_come() {
    let mut rig = foreign();
    rig.feed(ConnectionInput::Confirm);
    assert_eq!(confirmed(&rig), [Confirmation::Alive]);
    rig.pass(Duration::from_secs(20));
    rig.link(LinkEvent::Ping);
    rig.pass(Duration::from_secs(29));
    rig.feed(ConnectionInput::Confirm);
    assert_eq!(confirmed(&rig), [Confirmation::Alive; 2]);
    rig.pass(Duration::from_secs(2));
    rig.feed(ConnectionInput::Confirm);
    assert_eq!(confirmed(&rig).last(), Some(&Confirmation::Silent), "25 s and 5 s have passed");
    rig.event(6, 5);
    rig.feed(ConnectionInput::Confirm);
    assert_eq!(confirmed(&rig).last(), Some(&Confirmation::Alive));
}

#[test]
fn numbering_gateway_that_dies_before_its_first_answer_confirms_nothing() {
    let mut rig = numbering();
    rig.pass(Duration::from_secs(24));
    rig.feed(ConnectionInput::Confirm);
    rig.pass(Duration::from_secs(15));
    assert_eq!(confirmed(&rig), []);
    assert_eq!(rig.notices().iter().filter(|notice| notice.contains("latency")).count(), 1);
}

#[test]
fn numbering_gateway_that_answers_late_is_confirmed_by_its_answer() {
    let mut rig = numbering();
    rig.pass(Timings::default().latency_timeout);
    // Asked again behind the question that was not answered in time.
    rig.pulse();
    assert_eq!(answers(&rig), 1);
}

#[test]
fn numbering_gateway_that_lives_and_does_not_answer_is_judged_by_its_pings() {
    for life in [LinkEvent::Ping, LinkEvent::Message { name: "chatter".to_owned(), body: json!(1) }] {
        let mut rig = numbering();
        rig.link(life.clone());
        assert_eq!(confirmed(&rig), [], "its time is not over yet");
        rig.pass(Timings::default().latency_timeout);
        rig.link(life);
        assert_eq!(confirmed(&rig), [Confirmation::Alive]);
        rig.feed(ConnectionInput::Confirm);
        assert_eq!(confirmed(&rig), [Confirmation::Alive; 2]);
    }
}

#[test]
fn question_that_a_dead_connection_swallowed_is_asked_again_on_the_next() {
    let mut rig = numbering();
    rig.pass(Timings::default().latency_timeout);
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    rig.grant(5, true);
    rig.pulse();
    assert_eq!(answers(&rig), 1);
}
