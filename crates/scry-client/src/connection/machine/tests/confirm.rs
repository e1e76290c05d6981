//! Confirming that everything sent so far is here.

use super::*;

fn confirmed(rig: &Rig) -> Vec<bool> {
    let told = rig.told();
    told.filter_map(|event| if let ClientEvent::Confirmed { answered, .. } = event { Some(*answered) } else { None })
        .collect()
}

#[test]
fn confirmation_comes_with_an_answer_to_a_question_asked_after_it() {
    let mut rig = Rig::live();
    rig.pass(Timings::default().latency_interval);
    // A question that was under way already proves nothing.
    rig.feed(Input::Confirm);
    rig.pulse();
    assert_eq!(confirmed(&rig), [] as [bool; 0]);
    rig.event(6, 5);
    rig.pulse();
    assert_eq!(confirmed(&rig), [true]);
    let last = rig.told().last().unwrap();
    assert!(matches!(last, ClientEvent::Confirmed { server_time: Some(_), .. }), "{last:?}");
    assert_eq!(rig.delivered(), [6]);
}

#[test]
fn confirmation_that_an_outage_cuts_short_comes_after_the_resume() {
    let mut rig = Rig::live();
    rig.feed(Input::Confirm);
    rig.lose();
    rig.pass(Duration::from_secs(1));
    rig.welcome();
    assert_eq!(confirmed(&rig), [] as [bool; 0]);
    rig.event(6, 5);
    rig.grant(6, true);
    rig.pulse();
    assert_eq!((rig.delivered(), confirmed(&rig)), (vec![6], vec![true]));
}

#[test]
fn gateway_without_latency_is_confirmed_while_it_is_live() {
    let mut rig = Rig::new(&[("structure:t", Start::Now)]);
    rig.feed(Input::Start);
    rig.welcome();
    rig.answer(json!({"success": true}));
    rig.feed(Input::Confirm);
    rig.pass(Timings::default().latency_timeout);
    assert_eq!(confirmed(&rig), [false]);
    rig.feed(Input::Confirm);
    assert_eq!(confirmed(&rig), [false, false]);
}
