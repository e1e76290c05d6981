//! What a client's session decides, in passed-in time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use scry_wire::session::{
    ClientSession, CloseReason, Connected, Emission, EventAnswer, Frame, Handshake, Lane, NamespaceRefusal, Recovery,
    ServerEvent, SessionConfig, SessionInput, SessionOutput, TransportKind,
};
use serde_json::json;

const OPEN: &str =
    r#"0{"sid":"e1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn text(lane: Lane, text: &str) -> SessionOutput {
    SessionOutput::Send(lane, Frame::Text(text.to_owned()))
}

fn take(session: &mut ClientSession, input: SessionInput<'_>, now: Instant) -> Vec<SessionOutput> {
    session.handle(input, now).collect()
}

/// Hands one text frame to a session.
fn told(session: &mut ClientSession, frame: &str, now: Instant) -> Vec<SessionOutput> {
    take(session, SessionInput::Text(Lane::Main, frame), now)
}

fn connected(config: SessionConfig, answer: &str) -> (ClientSession, Instant) {
    let now = Instant::now();
    let mut session = ClientSession::new(config, TransportKind::WebSocket, now);
    told(&mut session, OPEN, now);
    let outputs = told(&mut session, answer, now);
    assert!(matches!(outputs.as_slice(), [SessionOutput::Connected(_)]), "{outputs:?}");
    (session, now)
}

fn in_root() -> (ClientSession, Instant) {
    connected(SessionConfig::default(), r#"40{"sid":"s1"}"#)
}

fn closed(outputs: &[SessionOutput]) -> Option<&CloseReason> {
    if let Some(SessionOutput::Closed(reason)) = outputs.last() { Some(reason) } else { None }
}

#[test]
fn handshake_is_followed_by_the_wish_to_join_with_auth() {
    let now = Instant::now();
    let auth = Some(json!({"token": "t"}));
    let config = SessionConfig { namespace: "/admin".to_owned(), auth, ..SessionConfig::default() };
    let mut session = ClientSession::new(config, TransportKind::WebSocket, now);
    assert_eq!(told(&mut session, OPEN, now), [text(Lane::Main, r#"40/admin,{"token":"t"}"#)]);
    let welcome = Connected { sid: "s1".to_owned(), pid: None, recovered: false, transport: TransportKind::WebSocket };
    assert_eq!(told(&mut session, r#"40/admin,{"sid":"s1"}"#, now), [SessionOutput::Connected(welcome)]);
    assert_eq!(session.handshake().map(|handshake| handshake.sid.as_str()), Some("e1"));
}

#[test]
fn handshake_is_written_as_it_is_read() {
    let handshake = Handshake::parse(&OPEN[1..]).unwrap();
    assert_eq!(Handshake::parse(&handshake.to_json()), Ok(handshake));
    assert!(Handshake::parse("{}").is_err());
}

#[test]
fn ping_is_answered_and_silence_ends_the_session() {
    let (mut session, now) = in_root();
    assert_eq!(session.next_deadline(), Some(now + seconds(45)));
    let later = now + seconds(25);
    assert_eq!(told(&mut session, "2", later), [text(Lane::Main, "3"), SessionOutput::Ping]);
    assert_eq!(session.next_deadline(), Some(later + seconds(45)));
    assert_eq!(take(&mut session, SessionInput::Deadline, later + seconds(44)), []);
    let outputs = take(&mut session, SessionInput::Deadline, later + seconds(45));
    assert_eq!(closed(&outputs), Some(&CloseReason::HeartbeatMissed(seconds(45))));
    assert_eq!(session.next_deadline(), None);
}

#[test]
fn each_phase_has_a_deadline() {
    let now = Instant::now();
    let config = SessionConfig { open_timeout: seconds(3), connect_timeout: seconds(5), ..SessionConfig::default() };
    let mut session = ClientSession::new(config.clone(), TransportKind::WebSocket, now);
    let outputs = take(&mut session, SessionInput::Deadline, now + seconds(3));
    assert_eq!(closed(&outputs), Some(&CloseReason::OpenTimeout(seconds(3))));
    let mut session = ClientSession::new(config, TransportKind::WebSocket, now);
    told(&mut session, OPEN, now);
    let outputs = take(&mut session, SessionInput::Deadline, now + seconds(5));
    assert_eq!(closed(&outputs), Some(&CloseReason::ConnectTimeout(seconds(5))));
}

#[test]
fn events_of_any_name_and_shape_are_delivered() {
    let (mut session, now) = in_root();
    for name in ["error", "open", "close", "message", "connect", "disconnect", "connect_error"] {
        let outputs = told(&mut session, &format!(r#"42["{name}",1,null]"#), now);
        let arguments = vec![json!(1), json!(null)];
        let event = ServerEvent { name: name.to_owned(), arguments, attachments: Vec::new(), id: None };
        assert_eq!(outputs, [SessionOutput::Event(event)]);
    }
    let bare = ServerEvent { name: "bare".to_owned(), arguments: Vec::new(), attachments: Vec::new(), id: Some(3) };
    assert_eq!(told(&mut session, r#"423["bare"]"#, now), [SessionOutput::Event(bare)]);
}

#[test]
fn binary_event_is_delivered_once_its_attachments_are_there() {
    let (mut session, now) = in_root();
    assert_eq!(told(&mut session, r#"451-["bin",{"_placeholder":true,"num":0}]"#, now), []);
    let outputs = take(&mut session, SessionInput::Binary(Lane::Main, Bytes::from_static(&[1])), now);
    let [SessionOutput::Event(event)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let mut event = event.clone();
    event.fill(&mut |bytes| json!(bytes.len())).unwrap();
    assert_eq!((event.name.as_str(), event.arguments), ("bin", vec![json!(1)]));
}

#[test]
fn answers_find_their_events_and_strangers_are_ignored() {
    let (mut session, now) = in_root();
    let emission = Emission { name: "ask", arguments: &[json!({"a": 1})], wants_answer: true, ..Emission::default() };
    let id = session.emit(emission).unwrap().unwrap();
    let sent: Vec<_> = session.outputs().collect();
    assert_eq!(sent, [text(Lane::Main, r#"420["ask",{"a":1}]"#)]);
    assert_eq!(told(&mut session, "437[true]", now), []);
    let answer = EventAnswer { id, arguments: vec![json!(true)], attachments: Vec::new() };
    assert_eq!(told(&mut session, "430[true]", now), [SessionOutput::Answer(answer)]);
    assert_eq!(told(&mut session, "430[true]", now), [], "an answer counts once");
    session.answer(9, &[]).unwrap();
    assert_eq!(session.outputs().collect::<Vec<_>>(), [text(Lane::Main, "439[]")]);
}

#[test]
fn attachments_are_sent_behind_their_event() {
    let (mut session, _) = in_root();
    let bytes = Bytes::from_static(&[1, 2]);
    let arguments = [scry_wire::codec::binary::placeholder(0)];
    let emission = Emission { name: "b", arguments: &arguments, attachments: vec![bytes.clone()], wants_answer: false };
    assert_eq!(session.emit(emission), Ok(None));
    let sent: Vec<_> = session.outputs().collect();
    let head = text(Lane::Main, r#"451-["b",{"_placeholder":true,"num":0}]"#);
    assert_eq!(sent, [head, SessionOutput::Send(Lane::Main, Frame::Binary(bytes))]);
}

#[test]
fn offsets_are_taken_off_only_where_recovery_is_offered() {
    let event = |arguments: serde_json::Value| {
        let serde_json::Value::Array(arguments) = arguments else { panic!() };
        SessionOutput::Event(ServerEvent { name: "e".to_owned(), arguments, attachments: Vec::new(), id: None })
    };
    let (mut plain, now) = in_root();
    assert_eq!(told(&mut plain, r#"42["e",1,"Q8kx2ou"]"#, now), [event(json!([1, "Q8kx2ou"]))]);

    let (mut session, now) = connected(SessionConfig::default(), r#"40{"sid":"s1","pid":"p1"}"#);
    assert_eq!(told(&mut session, r#"42["e",1,"Q8kx2ou"]"#, now), [event(json!([1]))]);
    assert_eq!(told(&mut session, r#"42["e","Q8kx2ov"]"#, now), [event(json!([]))]);
    // A volatile event has no offset, and loses nothing.
    assert_eq!(told(&mut session, r#"42["e","hello"]"#, now), [event(json!(["hello"]))]);
    let recovery = session.recovery().cloned();
    assert_eq!(recovery, Some(Recovery { pid: "p1".to_owned(), offset: Some("Q8kx2ov".to_owned()) }));

    let config = SessionConfig { recovery, auth: Some(json!({"token": "t"})), ..SessionConfig::default() };
    let mut session = ClientSession::new(config, TransportKind::WebSocket, now);
    let asked = r#"40{"token":"t","pid":"p1","offset":"Q8kx2ov"}"#;
    assert_eq!(told(&mut session, OPEN, now), [text(Lane::Main, asked)]);
    // Node sends what was missed before it lets the client in.
    assert_eq!(told(&mut session, r#"42["e",2,"Q8kx2ow"]"#, now), []);
    let outputs = told(&mut session, r#"40{"sid":"s1","pid":"p1"}"#, now);
    let [SessionOutput::Connected(Connected { recovered: true, .. }), missed] = outputs.as_slice() else {
        panic!("{outputs:?}")
    };
    assert_eq!(*missed, event(json!([2])));
    assert_eq!(session.recovery().and_then(|recovery| recovery.offset.as_deref()), Some("Q8kx2ow"));
}

#[test]
fn ends_are_told_apart() {
    let cases: [(&str, CloseReason); 4] = [
        ("41", CloseReason::NamespaceDisconnected),
        ("1", CloseReason::ServerClosed),
        (r#"44{"message":"no","data":1}"#, {
            CloseReason::Refused(NamespaceRefusal { message: "no".to_owned(), data: Some(json!(1)) })
        }),
        (r#"44"old""#, CloseReason::Refused(NamespaceRefusal { message: "old".to_owned(), data: None })),
    ];
    for (frame, reason) in cases {
        let (mut session, now) = in_root();
        assert_eq!(closed(&told(&mut session, frame, now)), Some(&reason), "{frame}");
        assert_eq!(told(&mut session, "2", now), [], "nothing follows an end");
    }
    let (mut session, now) = in_root();
    assert_eq!(closed(&take(&mut session, SessionInput::Closed(Lane::Main), now)), Some(&CloseReason::TransportClosed));
    let (mut session, now) = in_root();
    assert!(matches!(closed(&told(&mut session, "<html>", now)), Some(CloseReason::ProtocolViolation(_))));
}

#[test]
fn packets_of_other_namespaces_change_nothing() {
    let (mut session, now) = in_root();
    for frame in ["41/admin,", r#"42/admin,["e"]"#, r#"44/admin,{"message":"no"}"#] {
        assert_eq!(told(&mut session, frame, now), [], "{frame}");
    }
}

#[test]
fn servers_of_version_two_are_recognised() {
    let now = Instant::now();
    let mut session = ClientSession::new(SessionConfig::default(), TransportKind::WebSocket, now);
    told(&mut session, OPEN, now);
    assert_eq!(closed(&told(&mut session, "40", now)), Some(&CloseReason::OldProtocol));
    let mut session = ClientSession::new(SessionConfig::default(), TransportKind::Polling, now);
    let outputs = take(&mut session, SessionInput::Payload(&format!("97:{OPEN}2:40")), now);
    assert_eq!(closed(&outputs), Some(&CloseReason::OldProtocol));
}

#[test]
fn closing_leaves_the_namespace_and_the_session() {
    let (mut session, _) = in_root();
    session.close();
    let outputs: Vec<_> = session.outputs().collect();
    assert_eq!(outputs, [text(Lane::Main, "41"), text(Lane::Main, "1"), SessionOutput::Closed(CloseReason::Local)]);
    assert!(session.emit(Emission::default()).is_err());
}

fn polling() -> (ClientSession, Instant) {
    let now = Instant::now();
    let mut session = ClientSession::new(SessionConfig::default(), TransportKind::Polling, now);
    let outputs = take(&mut session, SessionInput::Payload(OPEN), now);
    assert_eq!(outputs, [text(Lane::Main, "40"), SessionOutput::OpenProbe]);
    take(&mut session, SessionInput::Payload("40{\"sid\":\"s1\"}\u{1e}2"), now);
    (session, now)
}

#[test]
fn upgrade_probes_pauses_and_switches() {
    let (mut session, now) = polling();
    assert_eq!(take(&mut session, SessionInput::ProbeOpened, now), [text(Lane::Probe, "2probe")]);
    assert_eq!(take(&mut session, SessionInput::Text(Lane::Probe, "3probe"), now), [SessionOutput::Pause]);
    session.emit(Emission { name: "late", ..Emission::default() }).unwrap();
    assert_eq!(session.outputs().collect::<Vec<_>>(), [], "nothing is sent while neither transport may");
    let outputs = take(&mut session, SessionInput::Paused, now);
    assert_eq!(outputs, [text(Lane::Probe, "5"), SessionOutput::Switch, text(Lane::Main, r#"42["late"]"#)]);
    assert_eq!(session.transport(), TransportKind::WebSocket);
}

#[test]
fn failed_probe_leaves_the_session_where_it_is() {
    for failure in [
        SessionInput::Failed(Lane::Probe, "no".to_owned()),
        SessionInput::Text(Lane::Probe, "4x"),
        SessionInput::Closed(Lane::Probe),
    ] {
        let (mut session, now) = polling();
        assert_eq!(take(&mut session, failure, now), [SessionOutput::DropProbe]);
        assert_eq!(session.transport(), TransportKind::Polling);
    }
    let (mut session, now) = polling();
    let late = now + seconds(10);
    assert_eq!(session.next_deadline(), Some(late));
    assert_eq!(take(&mut session, SessionInput::Deadline, late), [SessionOutput::DropProbe]);
}

#[test]
fn unfinished_switch_ends_the_session() {
    let (mut session, now) = polling();
    take(&mut session, SessionInput::ProbeOpened, now);
    take(&mut session, SessionInput::Text(Lane::Probe, "3probe"), now);
    let outputs = take(&mut session, SessionInput::Deadline, now + seconds(10));
    assert!(matches!(closed(&outputs), Some(CloseReason::TransportFailed(_))), "{outputs:?}");
}
