//! What is written is read back, whatever it is; and whatever is read, nothing panics.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use scry_wire::codec::binary::{Assembler, AttachmentLimits, arguments, fill, placeholder};
use scry_wire::codec::socket::PacketType;
use scry_wire::codec::{DecodeError, engine, payload, socket};
use serde_json::{Value, json};

/// Text that a packet may carry: JSON escapes the separator.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace(payload::SEPARATOR, ""))
}

/// An Engine.IO packet in owned parts: its type, its text, its bytes.
fn engine_parts() -> impl Strategy<Value = (u8, String, Vec<u8>)> {
    (0..8_u8, text(), vec(any::<u8>(), 0..40))
}

fn engine_packet((kind, text, bytes): &(u8, String, Vec<u8>)) -> engine::Packet<'_> {
    match kind {
        0 => engine::Packet::Open(text),
        1 => engine::Packet::Close,
        2 => engine::Packet::Ping(text),
        3 => engine::Packet::Pong(text),
        4 => engine::Packet::Message(text),
        5 => engine::Packet::Upgrade,
        6 => engine::Packet::Noop,
        _ => engine::Packet::Binary(Bytes::copy_from_slice(bytes)),
    }
}

fn namespaces() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[a-z0-9/?=_-]{1,12}"]
}

fn kinds() -> impl Strategy<Value = PacketType> {
    use PacketType::{Ack, BinaryAck, BinaryEvent, Connect, ConnectError, Disconnect, Event};
    prop_oneof![
        Just(Connect),
        Just(Disconnect),
        Just(Event),
        Just(Ack),
        Just(ConnectError),
        Just(BinaryEvent),
        Just(BinaryAck)
    ]
}

/// A packet's id and data, as its type allows.
fn contents(kind: PacketType, id: Option<u64>, list: &Value) -> (Option<u64>, String) {
    match kind {
        PacketType::Event | PacketType::BinaryEvent => (id, list.to_string()),
        PacketType::Ack | PacketType::BinaryAck => (id.or(Some(0)), list.to_string()),
        PacketType::Connect if id.is_none() => (None, String::new()),
        PacketType::Connect | PacketType::ConnectError => (None, json!({"message": list}).to_string()),
        PacketType::Disconnect => (None, String::new()),
    }
}

proptest! {
    #[test]
    fn engine_packet_reads_as_it_was_written(parts in engine_parts()) {
        let packet = engine_packet(&parts);
        let mut written = String::new();
        packet.write(&mut written);
        prop_assert_eq!(engine::Packet::parse_part(&written), Ok(packet));
    }

    #[test]
    fn payload_keeps_packets_and_their_order(parts in vec(engine_parts(), 1..6)) {
        let packets: Vec<_> = parts.iter().map(engine_packet).collect();
        let mut written = String::new();
        packets.iter().for_each(|packet| payload::push(&mut written, packet));
        let read: Result<Vec<_>, _> = payload::packets(&written).collect();
        prop_assert_eq!(read, Ok(packets));
    }

    #[test]
    fn socket_packet_reads_as_it_was_written(
        kind in kinds(), namespace in namespaces(), id in option::of(any::<u64>()), count in 1..2000_usize,
        words in vec(any::<String>(), 0..4),
    ) {
        let (id, data) = contents(kind, id, &json!(words));
        let attachments = if kind.is_binary() { count } else { 0 };
        let packet = socket::Packet { kind, attachments, namespace: &namespace, id, data: &data };
        let mut written = String::new();
        packet.write(&mut written);
        prop_assert_eq!(socket::Packet::parse(&written), Ok(packet));
    }

    #[test]
    fn any_decoded_packet_survives_encoding(input in "[0-6]{0,2}-?(/[a-z]{0,3},?)?[0-9]{0,22}(\\PC{0,8}|\\[\\]|\\{\\})") {
        if let Ok(packet) = socket::Packet::parse(&input) {
            let mut written = String::new();
            packet.write(&mut written);
            prop_assert_eq!(socket::Packet::parse(&written), Ok(packet));
        }
    }

    #[test]
    fn attachments_come_back_to_their_places(attachments in vec(vec(any::<u8>(), 0..20), 1..6)) {
        let data = json!(["files", {"all": (0..attachments.len()).map(placeholder).collect::<Vec<_>>()}]).to_string();
        let packet = socket::Packet {
            kind: PacketType::BinaryEvent, attachments: attachments.len(), namespace: "/", id: None, data: &data,
        };
        let mut assembler = Assembler::default();
        prop_assert_eq!(assembler.packet(&packet), Ok(None));
        let mut whole = None;
        for bytes in &attachments {
            prop_assert_eq!(&whole, &None);
            whole = assembler.attachment(Bytes::copy_from_slice(bytes)).unwrap();
        }
        let whole = whole.unwrap();
        let mut arguments = Value::Array(arguments(&whole.data).unwrap());
        fill(&mut arguments, &whole.attachments, &mut |bytes| json!(bytes.to_vec())).unwrap();
        prop_assert_eq!(arguments, json!(["files", {"all": attachments}]));
        prop_assert_eq!(whole.kind, PacketType::Event);
    }
}

#[test]
fn packets_of_the_protocols_documents_are_read() {
    let packet = |text| socket::Packet::parse(text).unwrap();
    assert_eq!(packet("0").data, "");
    assert_eq!(packet("0/admin,{\"sid\":\"x\"}").namespace, "/admin");
    assert_eq!(packet("1/admin,").kind, PacketType::Disconnect);
    assert_eq!(packet("212[\"project:delete\",123]").id, Some(12));
    assert_eq!(packet("3/admin,456[]").id, Some(456));
    let binary = packet("51-/admin,[\"hello\",{\"_placeholder\":true,\"num\":0}]");
    assert_eq!((binary.attachments, binary.namespace), (1, "/admin"));
    let payload: Vec<_> = payload::packets("4hello\u{1e}2\u{1e}bAQIDBA==").collect::<Result<_, _>>().unwrap();
    let binary = engine::Packet::Binary(Bytes::from_static(&[1, 2, 3, 4]));
    assert_eq!(payload, [engine::Packet::Message("hello"), engine::Packet::Ping(""), binary]);
}

#[test]
fn malformed_packets_are_refused() {
    for text in [
        "",
        "7",
        "x",
        "é",
        "2",
        "2{}",
        "3[]",
        "5[\"a\"]",
        "51[\"a\"]",
        "599999999999999999999999-[]",
        "4",
        "1{}",
        "01{}",
    ] {
        assert!(socket::Packet::parse(text).is_err(), "{text}");
    }
    assert_eq!(engine::Packet::parse("<html>"), Err(DecodeError::UnknownType('<')));
    assert_eq!(engine::Packet::parse_part("b***"), Err(DecodeError::Base64));
    assert_eq!(payload::packets("4a\u{1e}").last(), Some(Err(DecodeError::Empty)));
}

#[test]
fn attachments_are_bounded_and_expected() {
    let limits = AttachmentLimits { count: 2, bytes: 10 };
    let packet = |count| socket::Packet {
        kind: PacketType::BinaryEvent,
        attachments: count,
        namespace: "/",
        id: None,
        data: "[]",
    };
    let mut assembler = Assembler::new(limits);
    assert_eq!(assembler.packet(&packet(3)), Err(DecodeError::TooLarge { limit: 2, unit: "attachments" }));
    assert!(matches!(assembler.attachment(Bytes::new()), Err(DecodeError::Attachments(_))));
    assert_eq!(assembler.packet(&packet(2)), Ok(None));
    assert!(matches!(assembler.packet(&packet(2)), Err(DecodeError::Attachments(_))));
    assert_eq!(assembler.attachment(Bytes::from_static(b"12345")), Ok(None));
    let error = assembler.attachment(Bytes::from_static(b"12345"));
    assert_eq!(error, Err(DecodeError::TooLarge { limit: 10, unit: "bytes" }));
}

#[test]
fn placeholder_without_attachment_is_refused() {
    let mut value = json!([placeholder(1)]);
    assert!(fill(&mut value, &[Bytes::new()], &mut |_| Value::Null).is_err());
}
